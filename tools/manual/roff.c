/* roff - text as mdoc: escaped, a sentence a line, names of the library in bold. */
#include "manual.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One byte as it is to be read, and copied from the page. */
static void put_byte(struct text *out, char c)
{
    switch (c) {
    case '\\':
        text_put(out, "\\e");
        return;
    case '^':
        text_put(out, "\\(ha");
        return;
    case '~':
        text_put(out, "\\(ti");
        return;
    case '`':
        text_put(out, "\\(ga");
        return;
    case '-':
        text_put(out, "\\-");
        return;
    default:
        text_add(out, &c, 1);
    }
}

static bool at_line_start(const struct text *out)
{
    return out->len == 0 || out->ptr[out->len - 1] == '\n';
}

/* A line that begins with . or ' would be a request. */
static void guard(struct text *out, char c)
{
    if (at_line_start(out) && (c == '.' || c == '\''))
        text_put(out, "\\&");
}

static void put_bytes(struct text *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        guard(out, p[i]);
        put_byte(out, p[i]);
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

struct words {
    struct text *out;
    bool ticks; /* they come in pairs */
    bool bold;
};

/* `user` is bold: what stands between two ticks. An odd one is a tick. */
static void put_tick(struct words *w)
{
    if (!w->ticks) {
        put_byte(w->out, '`');
        return;
    }
    w->bold = !w->bold;
    text_put(w->out, w->bold ? "\\fB\\%%" : "\\fR");
}

/* A hyphen within a word is one; --plain and -1 have the sign that is typed. */
static void put_prose(struct words *w, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool hyphen = p[i] == '-' && i > 0 && isalpha((unsigned char)p[i - 1]) && i + 1 < len &&
                      isalpha((unsigned char)p[i + 1]);
        if (p[i] == '`')
            put_tick(w);
        else if (hyphen)
            text_add(w->out, "-", 1);
        else
            put_bytes(w->out, p + i, 1);
    }
}

static size_t name_len(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && (isalnum((unsigned char)p[n]) || p[n] == '_'))
        n++;
    return n;
}

/* vitro_call_send() and VITRO_OK are bold, without the parentheses. */
static void put_word(struct words *w, const char *p, size_t len)
{
    size_t front = 0, n;
    bool ours;

    while (front < len && !isalnum((unsigned char)p[front]))
        front++;
    n = name_len(p + front, len - front);
    ours = (n > 6 && memcmp(p + front, "VITRO_", 6) == 0) ||
           (n > 6 && memcmp(p + front, "vitro_", 6) == 0);
    if (!ours) {
        put_prose(w, p, len);
        return;
    }
    put_prose(w, p, front);
    text_put(w->out, "\\fB\\%%"); /* not to be hyphenated */
    put_bytes(w->out, p + front, n);
    text_put(w->out, w->bold ? "\\fB" : "\\fR");
    put_prose(w, p + front + n, len - front - n);
}

static bool ends_sentence(const char *p, size_t len, const char *next)
{
    while (len > 0 && (p[len - 1] == ')' || p[len - 1] == '"'))
        len--;
    return len > 1 && strchr(".?!", p[len - 1]) && isupper((unsigned char)*next);
}

void roff_words(struct text *out, const char *text, size_t len)
{
    const char *end = text + len, *p = text;
    struct words w = { out, true, false };

    for (size_t i = 0; i < len; i++)
        w.ticks ^= text[i] == '`';
    while (p < end) {
        const char *word = p + strspn(p, " \n"), *next;
        size_t n = word < end ? strcspn(word, " \n") : 0;
        if (word >= end)
            break;
        n = word + n > end ? (size_t)(end - word) : n;
        next = word + n;
        next += strspn(next, " \n");
        put_word(&w, word, n);
        p = word + n;
        if (next < end)
            text_put(out, ends_sentence(word, n, next) ? "\n" : " ");
    }
    text_put(out, "\n");
}

void roff_literal(struct text *out, const char *text, size_t len)
{
    text_put(out, ".Bd -literal -offset 2n\n");
    for (size_t i = 0; i < len; i++) {
        guard(out, text[i]);
        put_byte(out, text[i]);
    }
    if (!at_line_start(out))
        text_put(out, "\n");
    text_put(out, ".Ed\n");
}

/* ---- macros ---------------------------------------------------------------------------------- */

const char *roff_arg(const char *text)
{
    struct text t = { 0 };

    text_put(&t, "\"%s", strchr("[](){}.,:;?!|", text[0]) && !text[1] ? "\\&" : "");
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            text_put(&t, "\\(dq");
        else
            put_byte(&t, *p);
    }
    text_put(&t, "\"");
    return t.ptr;
}

/* "Queue one message." becomes "queue one message". */
static const char *as_title(const char *about)
{
    size_t len = strlen(about);
    char *copy;

    while (len > 0 && about[len - 1] == '.')
        len--;
    copy = text_copy(about, len);
    if (isupper((unsigned char)copy[0]) && !isupper((unsigned char)copy[1]))
        copy[0] = (char)tolower((unsigned char)copy[0]);
    return copy;
}

void roff_title(struct text *out, const char *name, int section, const char *about)
{
    struct text upper = { 0 };

    for (const char *p = name; *p; p++)
        text_put(&upper, "%c", toupper((unsigned char)*p));
    text_put(out, ".Dd %s\n.Dt %s %d\n.Os vitro %s\n.Sh NAME\n.Nm %s\n.Nd ", roff_date,
             roff_arg(upper.ptr), section, roff_version, name);
    roff_words(out, as_title(about), strlen(as_title(about)));
}

static int by_page(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int section = strrchr(x, ' ')[1] - strrchr(y, ' ')[1];

    return section ? section : strcmp(x, y);
}

void roff_see_also(struct text *out, const char **names, size_t n)
{
    size_t kept = 0;

    qsort(names, n, sizeof *names, by_page);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    }
    text_put(out, ".Sh SEE ALSO\n");
    for (size_t i = 0; i < kept; i++)
        text_put(out, ".Xr %s%s\n", names[i], i + 1 < kept ? " ," : "");
}
