/*
 * params - see params.h.
 */
#include "params.h"

#include <string.h>

struct row {
    const char *text;
    size_t member;
    bool value;
};

static const struct row rows[] = {
    { "messages=own", offsetof(struct params, external), false },
    { "messages=external", offsetof(struct params, external), true },
    { "stubs=all", offsetof(struct params, stubs), true },
    { "stubs=none", offsetof(struct params, stubs), false },
};

static bool params_set(struct params *p, const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].text) == len && !memcmp(rows[i].text, text, len)) {
            *(bool *)((char *)p + rows[i].member) = rows[i].value;
            return true;
        }
    }
    return false;
}

char *params_read(struct params *p, const char *text)
{
    *p = (struct params){ .external = false, .stubs = true };
    while (text && *text) {
        size_t len = strcspn(text, ",");
        if (len > 0 && !params_set(p, text, len)) {
            return text_of("unknown parameter '%.*s'; there are messages=own, messages=external, "
                           "stubs=all, stubs=none",
                           (int)len, text);
        }
        text += len;
        text += *text == ',';
    }
    return NULL;
}
