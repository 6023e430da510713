#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "print.h"
#include "wire/encoding.h"

bool command_korean(void)
{
    static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "ko", 2) == 0;
    }
    return false;
}

void command_fail(const char *what, const char *where, const char *why, const char *what_to_do)
{
    struct printer p = { .out = stderr };
    const char *const parts[] = { "vitro", what, where, why };

    fflush(stdout);
    flockfile(stderr); /* one line, whoever else writes */
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        fputs(i ? ": " : "", stderr);
        print_escaped(&p, vitro_str_of(parts[i]));
    }
    if (what_to_do)
        fputs("; ", stderr);
    if (what_to_do)
        print_escaped(&p, vitro_str_of(what_to_do));
    fputc('\n', stderr);
    funlockfile(stderr);
}

bool command_is_compression(const char *name)
{
    enum encoding e;

    return *name && vitro_encoding_find(vitro_str_of(name), &e) && e != ENCODING_IDENTITY;
}

void command_fail_error(const char *what, const char *where, const vitro_error *err,
                        const char *what_to_do)
{
    char text[512];

    vitro_error_format(err, text, sizeof text);
    command_fail(what, where, text, what_to_do);
}
