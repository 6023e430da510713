/* page_by_hand - a page that is mdoc already, with the code of programs put in. */
#include "manual.h"

#include <stdio.h>
#include <string.h>

/* A program as a display, from its first include on: the text around it has told the rest. */
static bool put_program(struct text *out, const char *file)
{
    const char *source = file_read(file), *begin;

    if (!source) {
        perror(file);
        return false;
    }
    begin = strstr(source, "#include");
    begin = begin ? begin : source;
    roff_literal(out, begin, strlen(begin));
    return true;
}

static void put_line(struct text *out, const char *line, size_t len)
{
    static const struct {
        const char *name;
        const char *const *value;
    } vars[] = { { "@VERSION@", &roff_version }, { "@DATE@", &roff_date } };

    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++) {
        const char *at = memmem(line, len, vars[i].name, strlen(vars[i].name));
        if (at) {
            text_put(out, "%.*s%s", (int)(at - line), line, *vars[i].value);
            at += strlen(vars[i].name);
            put_line(out, at, (size_t)(line + len - at));
            return;
        }
    }
    text_put(out, "%.*s\n", (int)len, line);
}

bool page_by_hand(struct text *out, const char *source)
{
    bool ok = true;

    while (*source) {
        size_t n = strcspn(source, "\n");
        if (n > 7 && strncmp(source, "@CODE ", 6) == 0)
            ok = put_program(out, text_copy(source + 6, n - 7)) && ok;
        else
            put_line(out, source, n);
        source += n + (source[n] == '\n');
    }
    return ok;
}
