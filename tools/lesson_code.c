#include "lesson_code.h"

#include <ctype.h>
#include <string.h>

static const char *next_line(const char *p)
{
    p += strcspn(p, "\n");
    return *p ? p + 1 : p;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The line has the name as a whole word. */
static bool has_word(const char *line, size_t n, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(line + i, name, len) == 0 && (i == 0 || !in_name(line[i - 1])) &&
            (i + len == n || !in_name(line[i + len])))
            return true;
    }
    return false;
}

/* A line that begins a definition of the name: no comment, no declaration, no call. */
static bool defines(const char *line, const char *name)
{
    size_t n = strcspn(line, "\n");

    return n && (isalpha((unsigned char)*line) || *line == '_') && line[n - 1] != ';' &&
           has_word(line, n, name);
}

static const char *end_of(const char *definition)
{
    const char *p = definition;

    while (*p && *p != '}')
        p = next_line(p);
    return *p ? next_line(p) : NULL;
}

vitro_str lesson_code_find(const char *code, const char *name, int *line)
{
    const char *begin = code; /* of the comment before, or of the line itself */
    int number = 1, begin_number = 1;
    bool comment = false;

    for (const char *p = code; *p; p = next_line(p), number++) {
        if (!comment) {
            begin = p;
            begin_number = number;
        }
        if (defines(p, name)) {
            const char *end = end_of(p);
            *line = begin_number;
            return (vitro_str){ begin, end ? (size_t)(end - begin) : strlen(begin) };
        }
        comment = *p == '/' || (comment && *p == ' ');
    }
    *line = 0;
    return (vitro_str){ NULL, 0 };
}
