#include "pb/json_texts.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"

/* The parser's own text is overwritten: it would be released as it is. */
static bool keep(const json_t *value, struct arena *into, vitro_str *out)
{
    void *parsed = (void *)(uintptr_t)json_string_value(value);
    size_t n = json_string_length(value);
    char *text = parsed ? vitro_arena_alloc(into, n + 1) : NULL;

    *out = (vitro_str){ text, text ? n : 0 };
    if (text)
        memcpy(text, parsed, n + 1);
    vitro_mem_wipe(parsed, n);
    return text || !parsed;
}

vitro_code vitro_json_texts(vitro_str json, struct arena *into, struct json_text *members, size_t n,
                            vitro_error *err)
{
    json_error_t e = { .line = 0 };
    json_t *root;
    bool ok = true;

    if (json.len > JSON_TEXTS_MAX)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "json", 0, "more than %d KiB",
                          JSON_TEXTS_MAX / 1024);
    root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(root)) {
        json_decref(root);
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "json", 0,
                          root ? "no JSON object" : "no JSON object: line %d, column %d", e.line,
                          e.column);
    }
    for (size_t i = 0; i < n; i++)
        ok &= keep(json_object_get(root, members[i].name), into, &members[i].value);
    json_decref(root);
    return ok ? VITRO_OK : vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "out of memory");
}
