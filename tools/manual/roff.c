/* roff - text as mdoc: escaped, a sentence a line, names of the library in bold. */
#include "manual.h"

#include <ctype.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LITERAL_MARGIN = 2 };

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

/* ---- paragraphs ------------------------------------------------------------------------------ */

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

/* From p: lines of one sort, up to another sort or an empty one. */
static size_t block_len(const char *p, bool literal)
{
    size_t len = 0;

    while (p[len] && p[len] != '\n' && (strspn(p + len, " ") >= LITERAL_MARGIN) == literal) {
        len += strcspn(p + len, "\n");
        len += p[len] == '\n';
    }
    return len;
}

static size_t line_len(const char *p)
{
    return strcspn(p, "\n");
}

static size_t smallest_margin(const char *p, size_t len)
{
    size_t margin = SIZE_MAX;

    for (size_t i = 0; i < len; i += line_len(p + i) + 1) {
        size_t n = strspn(p + i, " ");
        margin = n < margin ? n : margin;
    }
    return margin;
}

/* "NAME   what it is": the text, behind two spaces; NULL: no such line. */
static const char *row_text(const char *line)
{
    const char *gap = memmem(line, line_len(line), "  ", 2);

    return gap ? gap + strspn(gap, " ") : NULL;
}

/* Rows of names and texts, whose next lines are indented, and no drawing. */
static bool is_list(const char *p, size_t len, size_t margin)
{
    size_t rows = 0;

    if (memmem(p, len, "->", 2))
        return false;
    for (size_t i = 0; i < len; i += line_len(p + i) + 1) {
        bool row = strspn(p + i, " ") == margin;
        if (row && !row_text(p + i + margin) &&
            strchr(p + i + margin, ' ') < p + i + line_len(p + i))
            return false;
        rows += row;
    }
    return rows > 1;
}

static void put_list(struct text *out, const char *p, size_t len, size_t margin)
{
    text_put(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < len;) {
        const char *name = p + i + margin, *text = row_text(name);
        struct text words = { 0 };
        size_t n = text ? (size_t)(text - name) : line_len(name);
        while (n > 0 && name[n - 1] == ' ')
            n--;
        text_put(out, ".It %s\n", roff_arg(text_copy(name, n)));
        text_put(&words, "%.*s", text ? (int)line_len(text) : 0, text ? text : "");
        for (i += line_len(p + i) + 1; i < len && strspn(p + i, " ") > margin;
             i += line_len(p + i) + 1)
            text_put(&words, "\n%.*s", (int)line_len(p + i), p + i);
        roff_words(out, words.ptr, words.len);
    }
    text_put(out, ".El\n");
}

/* The margin that all lines have is left out. */
static void put_lines(struct text *out, const char *p, size_t len, size_t margin)
{
    struct text t = { 0 };

    for (size_t i = 0; i < len; i += line_len(p + i) + 1)
        text_put(&t, "%.*s\n", (int)(line_len(p + i) - margin), p + i + margin);
    roff_literal(out, t.ptr, t.len);
}

static void put_display(struct text *out, const char *p, size_t len)
{
    size_t margin = smallest_margin(p, len);

    (is_list(p, len, margin) ? put_list : put_lines)(out, p, len, margin);
}

void roff_text(struct text *out, const char *text)
{
    bool first = true;

    while (*text) {
        bool literal;
        size_t len;
        if (*text == '\n') {
            text++;
            continue;
        }
        literal = strspn(text, " ") >= LITERAL_MARGIN;
        len = block_len(text, literal);
        if (literal) {
            put_display(out, text, len);
        } else {
            text_put(out, first ? "" : ".Pp\n");
            roff_words(out, text, len);
        }
        first = false;
        text += len;
    }
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
