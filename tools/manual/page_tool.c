/*
 * page_tool - the page of a command, out of what its own help prints:
 *
 *      usage: vitro call TARGET METHOD ...
 *
 *      what it is, in a line
 *
 *        --option VALUE    what that is; the next lines of it stand under its text
 *      Prose.
 *      Status: ...
 *      Examples:
 *        vitro call ...
 */
#include "manual.h"

#include <ctype.h>
#include <string.h>

#include "ui/keymap.h"

/* ---- the keys of the screen ------------------------------------------------------------------ */

/* The rows of its own help. */
static void put_keys(struct text *out)
{
    struct keymap map;
    struct key_row row;

    keymap_init(&map);
    text_put(out, ".Sh KEYS\nOn a terminal:\n.Pp\n.Bl -tag -width \"Space PgDn\" -compact\n");
    for (size_t i = 0; keymap_row(&map, i, &row); i++) {
        text_put(out, ".It %s\n", roff_arg(row.keys));
        roff_words(out, row.english, strlen(row.english));
    }
    text_put(out, ".El\n");
}

/* ---- lines of the help ----------------------------------------------------------------------- */

struct lines {
    const char *at;
    struct text out;
    const char *status; /* the text behind Status: */
    const char *examples;
    bool in_list;
};

static const char *take_line(const char **at)
{
    size_t n = strcspn(*at, "\n");
    const char *line = text_copy(*at, n);

    *at += n + ((*at)[n] == '\n');
    return line;
}

/* "  -d JSON      text": where the text begins, the end behind a long name; NULL: no such line. */
static const char *option_text(const char *line)
{
    const char *gap;

    if (strspn(line, " ") != 2)
        return NULL;
    gap = strstr(line + 2, "  ");
    return gap ? gap + strspn(gap, " ") : line + strlen(line);
}

static bool continues(const char *line)
{
    return strspn(line, " ") > 8;
}

static void end_list(struct lines *l)
{
    text_put(&l->out, "%s", l->in_list ? ".El\n" : "");
    l->in_list = false;
}

static const char *with_continuation(struct lines *l, const char *text)
{
    while (*l->at && continues(l->at)) {
        const char *more = take_line(&l->at);
        text = text_of("%s %s", text, more + strspn(more, " "));
    }
    return text;
}

static void put_option(struct lines *l, const char *line, const char *text)
{
    const size_t all = (size_t)(text - line);
    size_t n = all - 2;

    while (n > 0 && line[2 + n - 1] == ' ')
        n--;
    if (!l->in_list)
        text_put(&l->out, ".Bl -tag -width Ds\n");
    l->in_list = true;
    text_put(&l->out, ".It %s\n", roff_arg(text_copy(line + 2, n)));
    text = with_continuation(l, text);
    roff_words(&l->out, text, strlen(text));
}

/* Prose up to a line of another sort. */
static const char *take_prose(struct lines *l, const char *line)
{
    while (*l->at && *l->at != ' ' && *l->at != '\n' && strncmp(l->at, "Status:", 7) != 0 &&
           strncmp(l->at, "Examples:", 9) != 0)
        line = text_of("%s %s", line, take_line(&l->at));
    return line;
}

static void put_line(struct lines *l)
{
    const char *line = take_line(&l->at), *text = option_text(line);

    if (text) {
        put_option(l, line, text);
        return;
    }
    if (strncmp(line, "Examples:", 9) == 0) {
        l->examples = l->at;
        l->at += strlen(l->at);
        return;
    }
    if (!*line)
        return;
    line = take_prose(l, line);
    if (strncmp(line, "Status: ", 8) == 0) {
        l->status = line + 8;
        return;
    }
    end_list(l);
    text_put(&l->out, ".Pp\n");
    roff_words(&l->out, line, strlen(line));
}

/* "0 done; 2 usage": an item each. */
static void put_status(struct text *out, const char *status)
{
    text_put(out, ".Sh EXIT STATUS\n.Bl -tag -width 999\n");
    while (*status) {
        size_t number = strspn(status, "0123456789"), n;
        const char *next = status + number;
        while (*next && !(*next == ';' && strspn(next + 2, "0123456789") > 0))
            next++;
        n = (size_t)(next - status) - number;
        n -= !*next && n > 0 && next[-1] == '.';
        text_put(out, ".It %.*s\n", (int)number, status);
        roff_words(out, status + number, n);
        status = *next ? next + 2 : next;
    }
    text_put(out, ".El\n");
}

static void put_usage(struct text *out, const char *usage, const char *name)
{
    const char *words =
        strchr(name, '-') && strncmp(name, "vitro-", 6) == 0 ? text_of("vitro %s", name + 6) : name;
    size_t n = strlen(words);

    text_put(out, ".Sh SYNOPSIS\n");
    if (strncmp(usage, words, n) == 0) {
        text_put(out, ".Sy %s\n", words);
        usage += n + strspn(usage + n, " ");
    }
    roff_words(out, usage, strlen(usage));
}

/* The lines up to an empty one, as one. */
static const char *take_words(const char **at)
{
    const char *words = take_line(at);

    while (**at && **at != '\n') {
        const char *more = take_line(at);
        words = text_of("%s %s", words, more + strspn(more, " "));
    }
    *at += strspn(*at, "\n");
    return words;
}

static const char *as_sentence(const char *about)
{
    char *copy = text_copy(about, strlen(about));

    if (!isupper((unsigned char)copy[1])) /* not gRPC */
        copy[0] = (char)toupper((unsigned char)copy[0]);
    return text_of("%s.", copy);
}

void page_tool(struct text *out, const char *name, const char *help, const char **see, size_t n)
{
    struct lines l = { .at = help };
    const char *usage = take_words(&l.at), *about = take_words(&l.at);

    usage += strncmp(usage, "usage: ", 7) == 0 ? 7 : 0;
    roff_title(out, name, 1, about);
    put_usage(out, usage, name);
    while (*l.at)
        put_line(&l);
    end_list(&l);
    text_put(out, ".Sh DESCRIPTION\n");
    about = as_sentence(about);
    roff_words(out, about, strlen(about));
    text_put(out, "%s", l.out.len ? l.out.ptr : "");
    if (strcmp(name, "vitro-inspect") == 0)
        put_keys(out);
    if (l.status)
        put_status(out, l.status);
    if (l.examples) {
        text_put(out, ".Sh EXAMPLES\n");
        roff_text(out, l.examples);
    }
    roff_see_also(out, see, n);
}
