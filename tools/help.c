/* help - see help.h. */
#include "help.h"

#include <string.h>

#include "print.h"
#include "wrap.h"

enum { LINE_MAX_BYTES = 4096, MARGIN = 2, CONTINUES = 8 };

void help_line(FILE *out, const char *first, const char *words, int indent)
{
    char rest[64];
    struct printer p = { .out = out };

    snprintf(rest, sizeof rest, "%*s", indent, "");
    wrap_print(&p, first, rest, words);
}

static size_t line_len(const char *text)
{
    return strcspn(text, "\n");
}

static size_t margin(const char *text)
{
    return strspn(text, " ");
}

static const char *next_line(const char *text)
{
    size_t n = line_len(text);

    return text + n + (text[n] == '\n');
}

/* Add the words of a line to those of the lines before it. */
static void add_line(char words[LINE_MAX_BYTES], const char *line)
{
    size_t at = strlen(words), m = margin(line);

    snprintf(words + at, LINE_MAX_BYTES - at, "%s%.*s", at ? " " : "", (int)(line_len(line) - m),
             line + m);
}

/* "  --plain    text": the lines that follow it stand under its text; all of it behind a long name.
 */
static const char *print_option(FILE *out, const char *line)
{
    const char *gap = memmem(line + MARGIN, line_len(line) - MARGIN, "  ", 2);
    size_t column = gap ? (size_t)(gap - line) + margin(gap) : margin(next_line(line));
    char words[LINE_MAX_BYTES] = "", first[64];

    if (gap) {
        snprintf(first, sizeof first, "%.*s", (int)column, line);
        add_line(words, line + column);
    } else {
        fprintf(out, "%.*s\n", (int)line_len(line), line);
        snprintf(first, sizeof first, "%*s", (int)column, "");
    }
    for (line = next_line(line); margin(line) > CONTINUES; line = next_line(line))
        add_line(words, line);
    help_line(out, first, words, (int)column);
    return line;
}

static const char *print_prose(FILE *out, const char *line)
{
    char words[LINE_MAX_BYTES] = "";

    do {
        add_line(words, line);
        line = next_line(line);
    } while (*line && margin(line) == 0 && strncmp(line, "Status:", 7) != 0 &&
             strncmp(line, "Examples:", 9) != 0);
    help_line(out, "", words, 0);
    return line;
}

void help_print(FILE *out, const char *text)
{
    bool listed = false;

    while (*text) {
        bool option = margin(text) == MARGIN;

        if (listed && !option)
            fputc('\n', out);
        listed = option;
        if (strncmp(text, "Examples:", 9) == 0) {
            fputs(text, out);
            return;
        }
        text = option ? print_option(out, text) : print_prose(out, text);
    }
}
