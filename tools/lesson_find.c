#include "lesson_find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

enum { FILE_MAX = 1024 * 1024 };

/* ---- files ---------------------------------------------------------------------------------- */

static bool join(char out[LESSON_PATH], const char *dir, const char *name)
{
    int n = snprintf(out, LESSON_PATH, "%s/%s", dir, name);

    return n > 0 && n < LESSON_PATH;
}

char *lesson_file(const char *dir, const char *name, vitro_error *err)
{
    char path[LESSON_PATH];
    FILE *f = join(path, dir, name) ? fopen(path, "rb") : NULL;
    char *text = f ? malloc(FILE_MAX + 1) : NULL;
    size_t n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
    int e = errno;

    if (text && !ferror(f) && n <= FILE_MAX) {
        fclose(f);
        text[n] = '\0';
        return text;
    }
    vitro_fail(err, VITRO_NOT_FOUND, "lesson", f ? 0 : e, "%s: %s", name,
               f ? "cannot be read, or is too large" : strerror(e));
    if (f)
        fclose(f);
    free(text);
    return NULL;
}

/* ---- folders -------------------------------------------------------------------------------- */

static bool has(const char *dir, const char *name)
{
    char path[LESSON_PATH];

    return join(path, dir, name) && access(path, R_OK) == 0;
}

static bool is_lesson(const char *name)
{
    return name[0] >= '0' && name[0] <= '9' && name[1] >= '0' && name[1] <= '9' &&
           strchr(name, '-') && strlen(name) < sizeof((struct lesson_place *)0)->name;
}

static bool add(struct lesson_places *p, const char *root, const char *name)
{
    struct lesson_place *more = realloc(p->items, (p->count + 1) * sizeof *more);
    struct lesson_place *place;

    if (!more)
        return false;
    p->items = more;
    place = &more[p->count];
    memcpy(place->name, name, strlen(name) + 1); /* is_lesson: it fits */
    if (join(place->dir, root, name) && has(place->dir, "main") && has(place->dir, "lesson.md"))
        p->count++;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lesson_place *)a)->name, ((const struct lesson_place *)b)->name);
}

static bool read_root(struct lesson_places *p, const char *root)
{
    DIR *d = opendir(root);
    const struct dirent *e;
    bool ok = true;

    while (d && ok && (e = readdir(d)))
        ok = !is_lesson(e->d_name) || add(p, root, e->d_name);
    if (d)
        closedir(d);
    if (p->count)
        qsort(p->items, p->count, sizeof *p->items, by_name);
    return ok;
}

/* The folder above the one that the program is in. */
static bool read_prefix(char out[LESSON_PATH])
{
    ssize_t n = readlink("/proc/self/exe", out, LESSON_PATH - 1);

    if (n <= 0)
        return false;
    out[n] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(out, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return true;
}

vitro_code lesson_places_read(struct lesson_places *out, vitro_error *err)
{
    static const char *const roots[] = { "lessons", "lib/vitro/lessons" };
    char prefix[LESSON_PATH], root[LESSON_PATH];

    memset(out, 0, sizeof *out);
    if (!read_prefix(prefix))
        return vitro_fail(err, VITRO_NOT_FOUND, "lessons", errno, "/proc/self/exe: %s",
                          strerror(errno));
    for (size_t i = 0; i < ARRAY_LEN(roots) && !out->count; i++) {
        if (join(root, prefix, roots[i]) && !read_root(out, root))
            return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "lessons", 0, "out of memory");
    }
    if (!out->count)
        return vitro_fail(err, VITRO_NOT_FOUND, "lessons", 0, "none below %s", prefix);
    return VITRO_OK;
}

void lesson_places_done(struct lesson_places *p)
{
    free(p->items);
    memset(p, 0, sizeof *p);
}

const struct lesson_place *lesson_places_find(const struct lesson_places *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->items[i].name, name) == 0)
            return &p->items[i];
    }
    return NULL;
}
