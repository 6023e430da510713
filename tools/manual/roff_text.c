/* roff_text - text in paragraphs: prose, lists of names and texts, and what is shown as it is. */
#include "manual.h"

#include <stdint.h>
#include <string.h>

enum { LITERAL_MARGIN = 2 };

/* ---- displays -------------------------------------------------------------------------------- */

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

/* ---- paragraphs ------------------------------------------------------------------------------ */

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
