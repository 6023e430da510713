#include "lesson_predict.h"

#include <stdlib.h>
#include <string.h>

/* Append a piece of a line, with a blank between it and what stands there. */
static bool append(char **text, const char *piece, size_t n)
{
    size_t old = *text ? strlen(*text) : 0;
    char *more = realloc(*text, old + n + 2);

    if (!more)
        return false;
    if (old && n)
        more[old++] = ' ';
    memcpy(more + old, piece, n);
    more[old + n] = '\0';
    *text = more;
    return true;
}

static bool add_choice(struct lesson_block *b, bool right)
{
    struct lesson_choice *more = realloc(b->choices, (b->choice_count + 1) * sizeof *more);

    if (!more)
        return false;
    b->choices = more;
    more[b->choice_count++] = (struct lesson_choice){ right, NULL, NULL };
    return true;
}

/* The piece of a line behind its mark; mark is a run of characters. */
static bool behind(const char **line, size_t *n, const char *mark)
{
    size_t m = strlen(mark);

    if (*n < m || memcmp(*line, mark, m) != 0)
        return false;
    *line += m;
    *n -= m;
    while (*n && **line == ' ') {
        ++*line;
        --*n;
    }
    return true;
}

static bool read_line(struct lesson_block *b, const char *line, size_t n)
{
    struct lesson_choice *last = b->choice_count ? &b->choices[b->choice_count - 1] : NULL;
    bool right;

    behind(&line, &n, "");
    if ((right = behind(&line, &n, "- [x]")) || behind(&line, &n, "- [ ]"))
        return add_choice(b, right) && append(&b->choices[b->choice_count - 1].text, line, n);
    if (last && behind(&line, &n, ">"))
        return append(&last->why, line, n);
    if (!last)
        return append(&b->text, line, n);
    return append(last->why ? &last->why : &last->text, line, n);
}

bool lesson_predict_read(struct lesson_block *b, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        if (!read_line(b, lines, n))
            return false;
        lines += n + (lines[n] == '\n');
    }
    return b->text != NULL || append(&b->text, "", 0);
}

void lesson_predict_done(struct lesson_block *b)
{
    for (size_t i = 0; i < b->choice_count; i++) {
        free(b->choices[i].text);
        free(b->choices[i].why);
    }
    free(b->choices);
    b->choices = NULL;
    b->choice_count = 0;
}
