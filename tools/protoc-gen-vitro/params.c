/*
 * params - see params.h.
 */
#include "params.h"

#include <ctype.h>
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

static const char symbols[] = "symbols=";

static bool is_prefix(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalpha((unsigned char)text[i]) && text[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)text[i]))) {
            return false;
        }
    }
    return len > 0;
}

static bool params_set(struct params *p, const char *text, size_t len)
{
    size_t n = sizeof symbols - 1;
    if (len > n && !memcmp(text, symbols, n) && is_prefix(text + n, len - n)) {
        p->prefix = text_copy(text + n, len - n);
        return true;
    }
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
    *p = (struct params){ .external = false, .stubs = true, .prefix = "" };
    while (text && *text) {
        size_t len = strcspn(text, ",");
        if (len > 0 && !params_set(p, text, len)) {
            return text_of("unknown parameter '%.*s'; there are messages=own, messages=external, "
                           "stubs=all, stubs=none, symbols=PREFIX",
                           (int)len, text);
        }
        text += len;
        text += *text == ',';
    }
    if (p->external && *p->prefix) {
        return text_of(
            "symbols=PREFIX does not go with messages=external: those have protoc-c's names");
    }
    return NULL;
}
