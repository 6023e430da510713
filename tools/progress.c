#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

enum { FILE_MAX = 256 * 1024 };

static const char begun[] = "begun", done[] = "done";

/* ---- lines ----------------------------------------------------------------------------------- */

static char **line_of(const struct progress *p, const char *lesson)
{
    size_t n = strlen(lesson);

    for (size_t i = 0; i < p->count; i++) {
        if (strncmp(p->lines[i], lesson, n) == 0 && strchr(" \t", p->lines[i][n]))
            return &p->lines[i];
    }
    return NULL;
}

static bool add_line(struct progress *p, const char *text, size_t n)
{
    char **more = realloc(p->lines, (p->count + 1) * sizeof *more);
    char *line = strndup(text, n);

    if (more)
        p->lines = more;
    if (!more || !line) {
        free(line);
        return false;
    }
    p->lines[p->count++] = line;
    return true;
}

/* The word of a line that begins so, behind the lesson's name; NULL: there is none. */
static const char *word_of(const char *line, const char *begin)
{
    size_t n = strlen(begin);

    for (line += strcspn(line, " \t"); *line; line += strcspn(line, " \t")) {
        line += strspn(line, " \t");
        if (*line == '#')
            return NULL;
        if (strncmp(line, begin, n) == 0)
            return line;
    }
    return NULL;
}

static bool has_word(const char *line, const char *word)
{
    const char *at = word_of(line, word);

    return at && strchr(" \t", at[strlen(word)]);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void find_path(struct progress *p)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = 0;

    if (state && *state == '/')
        n = snprintf(p->path, sizeof p->path, "%s/vitro/progress", state);
    else if (home && *home == '/')
        n = snprintf(p->path, sizeof p->path, "%s/.local/state/vitro/progress", home);
    if (n <= 0 || n >= (int)sizeof p->path - 8)
        p->path[0] = '\0';
}

void progress_read(struct progress *p)
{
    char *text = malloc(FILE_MAX);
    FILE *f;
    size_t n = 0;

    memset(p, 0, sizeof *p);
    find_path(p);
    f = p->path[0] && text ? fopen(p->path, "re") : NULL;
    if (f) {
        n = fread(text, 1, FILE_MAX, f);
        fclose(f);
    }
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t len = end ? (size_t)(end - (text + at)) : n - at;
        if (len && !add_line(p, text + at, len))
            break;
        at += len + 1;
    }
    free(text);
}

void progress_done(struct progress *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->lines[i]);
    free(p->lines);
    memset(p, 0, sizeof *p);
}

/* The folders above the file; those that are there already are no mistake. */
static void make_folders(const char *path)
{
    char dir[4096];

    snprintf(dir, sizeof dir, "%s", path);
    for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(dir, 0700);
        *slash = '/';
    }
}

static vitro_code fail(const struct progress *p, vitro_error *err)
{
    return vitro_fail(err, VITRO_UNAVAILABLE, "progress", errno, "%.60s: %s",
                      p->path[0] ? p->path : "neither XDG_STATE_HOME nor HOME",
                      p->path[0] ? strerror(errno) : "is a folder");
}

/* Beside the old file, then in its place: a full disk or a power cut leaves the old one. */
static vitro_code write_file(const struct progress *p, vitro_error *err)
{
    char beside[4096 + 8];
    bool ok = true;
    FILE *f;
    int fd;

    if (!p->path[0])
        return fail(p, err);
    make_folders(p->path);
    snprintf(beside, sizeof beside, "%s.XXXXXX", p->path);
    fd = mkostemp(beside, O_CLOEXEC);
    f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return fail(p, err);
    for (size_t i = 0; i < p->count && ok; i++)
        ok = fprintf(f, "%s\n", p->lines[i]) > 0;
    ok = fclose(f) == 0 && ok;
    if (ok && rename(beside, p->path) == 0)
        return VITRO_OK;
    fail(p, err);
    unlink(beside);
    return VITRO_UNAVAILABLE;
}

/* ---- lessons --------------------------------------------------------------------------------- */

enum progress_state progress_of(const struct progress *p, const char *lesson)
{
    char **line = line_of(p, lesson);

    if (!line)
        return PROGRESS_NONE;
    return has_word(*line, done) ? PROGRESS_DONE : PROGRESS_BEGUN;
}

int progress_answer(const struct progress *p, const char *lesson, int n)
{
    char **line = line_of(p, lesson);
    char begin[16];
    const char *word;

    snprintf(begin, sizeof begin, "%d=", n);
    word = line ? word_of(*line, begin) : NULL;
    if (!word)
        return -1;
    word += strlen(begin);
    return *word >= 'a' && *word <= 'z' ? *word - 'a' : -1;
}

int progress_place(const struct progress *p, const char *lesson)
{
    char **line = line_of(p, lesson);
    const char *word = line ? word_of(*line, "at=") : NULL;
    uint64_t n = 0;

    if (!word || progress_of(p, lesson) != PROGRESS_BEGUN)
        return 0;
    word += strlen("at=");
    (void)vitro_text_number((vitro_str){ word, strcspn(word, " \t") }, INT_MAX, &n);
    return (int)n;
}

/* The line with a word in the place of the one that begins so, or behind the name; NULL: no memory.
 */
static char *with_word(const char *line, const char *old, const char *word)
{
    const char *at = old ? word_of(line, old) : NULL;
    size_t name = strcspn(line, " \t"), cut = at ? (size_t)(at - line) : name;
    size_t behind = at ? cut + strcspn(at, " \t") : name;
    char *out = NULL;

    if (asprintf(&out, "%.*s%s%s%s", (int)cut, line, at ? "" : " ", word, line + behind) < 0)
        return NULL;
    return out;
}

static vitro_code put_word(struct progress *p, const char *lesson, const char *old,
                           const char *word, vitro_error *err)
{
    char **line = line_of(p, lesson);
    char *text;

    if (!line) {
        if (!add_line(p, lesson, strlen(lesson)))
            return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "progress", 0, "out of memory");
        line = &p->lines[p->count - 1];
    }
    text = with_word(*line, old, word);
    if (!text)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "progress", 0, "out of memory");
    free(*line);
    *line = text;
    return write_file(p, err);
}

vitro_code progress_set(struct progress *p, const char *lesson, enum progress_state state,
                        vitro_error *err)
{
    enum progress_state had = progress_of(p, lesson);

    if (state <= had)
        return VITRO_OK;
    return put_word(p, lesson, had == PROGRESS_BEGUN ? begun : NULL,
                    state == PROGRESS_DONE ? done : begun, err);
}

vitro_code progress_set_place(struct progress *p, const char *lesson, int part, vitro_error *err)
{
    char word[24];

    if (progress_of(p, lesson) == PROGRESS_DONE || progress_place(p, lesson) == part)
        return VITRO_OK;
    snprintf(word, sizeof word, "at=%d", part);
    return put_word(p, lesson, "at=", word, err);
}

vitro_code progress_set_answer(struct progress *p, const char *lesson, int n, int choice,
                               vitro_error *err)
{
    char word[16];
    vitro_code rc;

    if (progress_answer(p, lesson, n) >= 0 || choice < 0 || choice > 25)
        return VITRO_OK;
    rc = progress_set(p, lesson, PROGRESS_BEGUN, err);
    if (rc && rc != VITRO_UNAVAILABLE)
        return rc;
    snprintf(word, sizeof word, "%d=%c", n, 'a' + choice);
    return put_word(p, lesson, NULL, word, err);
}
