/* doc - a doc comment in its parts. */
#include "manual.h"

#include <ctype.h>
#include <string.h>

const char *comment_text(const char *comment, size_t len)
{
    const char *p = comment + 2, *end = comment + len - 2;
    struct text t = { 0 };

    text_add(&t, "", 0);
    p += p < end && *p == '*';
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *begin;

        if (!stop)
            stop = end;
        begin = p + strspn(p, " \t");
        if (begin < stop && *begin == '*' && p != comment + 2)
            begin++;
        begin += begin < stop && *begin == ' ';
        while (stop > begin && stop[-1] == ' ')
            stop--;
        if (stop > begin || t.len)
            text_put(&t, "%.*s\n", (int)(stop > begin ? stop - begin : 0), begin);
        p = memchr(p, '\n', (size_t)(end - p))
                ? (const char *)memchr(p, '\n', (size_t)(end - p)) + 1
                : end;
    }
    while (t.len && t.ptr[t.len - 1] == '\n')
        t.ptr[--t.len] = '\0';
    return t.ptr;
}

/* ---- labels: where a part begins in a line --------------------------------------------------- */

struct reader {
    struct doc *doc;
    const char **part; /* where text goes now */
    const char *problem;
};

static const struct label {
    const char *text;
    size_t member;
} labels[] = {
    { "Thread: ", offsetof(struct doc, thread) },
    { "Re-entry: ", offsetof(struct doc, reentry) },
    { "Wire: ", offsetof(struct doc, wire) },
    { "Source: ", offsetof(struct doc, source) },
};

/* The first label of the line that stands at its begin or behind a space; NULL: none. */
static const struct label *next_label(const char *line, size_t len, size_t *at)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
            size_t n = strlen(labels[k].text);
            if (i + n <= len && memcmp(line + i, labels[k].text, n) == 0 &&
                (i == 0 || line[i - 1] == ' ')) {
                *at = i;
                return &labels[k];
            }
        }
    }
    return NULL;
}

static void put(struct reader *r, const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == ' ')
        len--;
    if (*r->part)
        *r->part = text_of("%s\n%.*s", *r->part, (int)len, text);
    else if (len > 0)
        *r->part = text_copy(text, len);
}

static void to_label(struct reader *r, const struct label *l)
{
    r->part = (const char **)((char *)r->doc + l->member);
    if (*r->part)
        r->problem = text_of("%stwice", l->text);
}

/* Text of a line that may hold labels. */
static void put_line(struct reader *r, const char *line, size_t len)
{
    const struct label *l;
    size_t at;

    while ((l = next_label(line, len, &at)) != NULL) {
        if (at > 0)
            put(r, line, at);
        to_label(r, l);
        line += at + strlen(l->text);
        len -= at + strlen(l->text);
    }
    put(r, line, len);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void begin_param(struct reader *r, const char *line, size_t len)
{
    const char *name = line + strspn(line, " ");
    size_t n = strcspn(name, " \n");
    struct doc *d = r->doc;
    const char *text = name + n + strspn(name + n, " ");

    if (d->n_params == ARGS_MAX) {
        r->problem = "too many parameters";
        return;
    }
    d->params[d->n_params].name = text_copy(name, n);
    r->part = &d->params[d->n_params++].text;
    if (text < line + len)
        put_line(r, text, (size_t)(line + len - text));
}

static void begin_return(struct reader *r, const char *line, size_t len)
{
    if (r->doc->returns)
        r->problem = "@return twice";
    r->part = &r->doc->returns;
    put_line(r, line, len);
}

/* Continuation lines are indented under what they continue; in `about` that means a display. */
static void read_line(struct reader *r, const char *line, size_t len)
{
    size_t margin = strspn(line, " ");
    const char *inside = memmem(line, len, "@return ", 8);

    if (len > 7 && memcmp(line, "@param ", 7) == 0) {
        begin_param(r, line + 7, len - 7);
    } else if (inside) { /* "One more reference. @return gives loop." */
        put_line(r, line, (size_t)(inside - line));
        begin_return(r, inside + 8, len - (size_t)(inside + 8 - line));
    } else if (r->part == &r->doc->about) {
        put_line(r, line, len);
    } else if (len == 0) {
        r->part = &r->doc->about;
        put(r, "", 0);
    } else {
        put_line(r, line + margin, len - margin);
    }
}

static void trim(const char **part)
{
    const char *text = *part;
    size_t len;

    if (!text)
        return;
    text += strspn(text, "\n");
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    *part = len ? text_copy(text, len) : NULL;
}

bool doc_read(struct doc *d, const char *text, const char **problem)
{
    struct reader r = { .doc = d, .part = &d->about };

    memset(d, 0, sizeof *d);
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        read_line(&r, p, len);
        p += len + (p[len] == '\n');
    }
    trim(&d->about);
    trim(&d->returns);
    trim(&d->thread);
    trim(&d->reentry);
    trim(&d->wire);
    trim(&d->source);
    for (size_t i = 0; i < d->n_params; i++)
        trim(&d->params[i].text);
    *problem = r.problem;
    return !r.problem;
}
