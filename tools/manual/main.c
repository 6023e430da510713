/*
 * manual - writes manual pages; `make man` runs it.
 *
 *      manual library DIR HEADER...   check the doc comments; a page a function and a header
 *      manual tool NAME OTHER...      the page of a command: help text in, page out
 *      manual page FILE               a page that was written by hand: filled in, to stdout
 *      manual code HEADER...          the code that doc comments show, as one C file to compile
 *
 * VERSION and DATE are taken from the environment.
 */
#include "manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 32 };

const char *roff_version, *roff_date;

static bool write_page(const char *dir, const char *name, const struct text *page)
{
    const char *path = text_of("%s/%s.3", dir, name);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(page->ptr, 1, page->len, f) == page->len;

    ok = f && fclose(f) == 0 && ok;
    if (!ok)
        perror(path);
    return ok;
}

static bool write_header(const char *dir, const struct header *h, const struct header *all,
                         size_t n)
{
    struct text page = { 0 };
    bool ok;

    page_header(&page, h, all, n);
    ok = write_page(dir, text_of("vitro_%s", h->name), &page);
    for (size_t i = 0; i < h->count && ok; i++) {
        struct text function = { 0 };
        if (h->items[i].kind != ITEM_FUNCTION)
            continue;
        page_function(&function, &h->items[i], h, all, n);
        ok = write_page(dir, h->items[i].name, &function);
    }
    return ok;
}

static bool scan_all(struct header *all, char **files, size_t n)
{
    bool ok = n > 0 && n <= HEADERS_MAX;

    for (size_t i = 0; i < n && ok; i++)
        ok = header_scan(&all[i], files[i]);
    return ok;
}

static bool library(int argc, char **argv)
{
    static struct header all[HEADERS_MAX];
    size_t n = argc > 3 ? (size_t)argc - 3 : 0;
    unsigned missing = 0;

    if (!scan_all(all, argv + 3, n))
        return false;
    for (size_t i = 0; i < n; i++)
        missing += header_check(&all[i], all, n);
    if (missing) {
        fprintf(stderr, "manual: %u things are missing in doc comments\n", missing);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!write_header(argv[2], &all[i], all, n))
            return false;
    }
    return true;
}

static bool print(const struct text *page)
{
    return fwrite(page->ptr, 1, page->len, stdout) == page->len && fflush(stdout) == 0;
}

static bool tool(const char *name, char **others, size_t n)
{
    const char *help = file_read("/dev/stdin");
    const char **see = (const char **)room_pointers(n + 1);
    struct text page = { 0 };
    size_t count = 0;

    if (!help || !*help) {
        fprintf(stderr, "manual: %s: no help text on stdin\n", name);
        return false;
    }
    see[count++] = "vitro 7";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(others[i], name) != 0)
            see[count++] = text_of("%s 1", others[i]);
    }
    page_tool(&page, name, help, see, count);
    return print(&page);
}

static bool by_hand(const char *file)
{
    const char *source = file_read(file);
    struct text page = { 0 };

    if (!source) {
        perror(file);
        return false;
    }
    return page_by_hand(&page, source) && print(&page);
}

/* ---- code that comments show ----------------------------------------------------------------- */

/* Up to the next paragraph: an empty line within a display parts nothing. */
static size_t display_len(const char *text)
{
    const char *end = text;

    do
        end = strstr(end + 1, "\n\n");
    while (end && strncmp(text, "    ", 4) == 0 && strncmp(end + 2, "    ", 4) == 0);
    return end ? (size_t)(end - text) : strlen(text);
}

/* Indented lines with a ; are code: a function each, which has the object of the documented one. */
static void put_code(const char *text, const char *args, const char *file, unsigned *count)
{
    while (text && *text) {
        size_t n = display_len(text);
        if (strncmp(text, "    ", 4) == 0 && memmem(text, n, ";\n", 2)) {
            printf("/* %s */\nvoid shown_%u(%s);\nvoid shown_%u(%s)\n{\n%.*s\n}\n", file, *count,
                   args, *count, args, (int)n, text);
            ++*count;
        }
        text += n + strspn(text + n, "\n");
    }
}

static bool code(int argc, char **argv)
{
    static struct header all[HEADERS_MAX];
    size_t n = argc > 2 ? (size_t)argc - 2 : 0;
    unsigned count = 0;

    if (!scan_all(all, argv + 2, n))
        return false;
    puts("#include <stdio.h>\n#include <vitro.h>");
    for (size_t h = 0; h < n; h++) {
        put_code(all[h].intro, "void", all[h].file, &count);
        for (size_t i = 0; i < all[h].count; i++) {
            const struct item *item = &all[h].items[i];
            put_code(item->doc.about, item->n_args ? item->args[0].decl : "void", all[h].file,
                     &count);
        }
    }
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    bool ok = false;

    roff_version = getenv("VERSION") ? getenv("VERSION") : "";
    roff_date = getenv("DATE") ? getenv("DATE") : "";
    if (strcmp(what, "library") == 0)
        ok = library(argc, argv);
    else if (strcmp(what, "tool") == 0)
        ok = tool(argv[2], argv + 3, (size_t)argc - 3);
    else if (strcmp(what, "page") == 0)
        ok = by_hand(argv[2]);
    else if (strcmp(what, "code") == 0)
        ok = code(argc, argv);
    else
        fputs(
            "usage: manual library DIR HEADER... | tool NAME OTHER... | page FILE | code HEADER...\n",
            stderr);
    return ok ? 0 : 1;
}
