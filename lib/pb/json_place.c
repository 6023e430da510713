/*
 * json_place - where in a text a value stands. The text was parsed before: it is well-formed.
 */
#include <string.h>

#include "pb/json_in.h"

struct json_place vitro_json_place_of(const struct json_in *in, size_t offset)
{
    struct json_place p = in->from;

    for (size_t i = 0; i < offset && i < in->text.len; i++) {
        if (in->text.ptr[i] == '\n')
            p = (struct json_place){ p.line + 1, 1 };
        else if (((unsigned char)in->text.ptr[i] & 0xc0u) != 0x80u)
            p.column++;
    }
    return p;
}

/* Text from within may hold a NUL, which strchr would find. */
static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Behind white space, commas and colons: the beginning of the next value or key. */
static size_t skip_space(vitro_str t, size_t at)
{
    while (at < t.len && is_one_of(t.ptr[at], " \t\r\n,:"))
        at++;
    return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(vitro_str t, size_t at)
{
    for (at++; at < t.len && t.ptr[at] != '"'; at++)
        at += t.ptr[at] == '\\';
    return at + 1;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(vitro_str t, size_t at)
{
    size_t depth = 0;

    if (at < t.len && !is_one_of(t.ptr[at], "\"{[")) {
        while (at < t.len && !is_one_of(t.ptr[at], " \t\r\n,:}]"))
            at++;
        return at;
    }
    do {
        if (at >= t.len)
            return t.len;
        if (t.ptr[at] == '"') {
            at = skip_string(t, at);
            continue;
        }
        depth += t.ptr[at] == '{' || t.ptr[at] == '[';
        depth -= t.ptr[at] == '}' || t.ptr[at] == ']';
        at++;
    } while (depth);
    return at;
}

/* The key between quotes at [at, end) is this one; escapes are the parser's business. */
static bool is_key(vitro_str t, size_t at, size_t end, vitro_str key)
{
    vitro_str raw = { t.ptr + at + 1, end - at - 2 };
    bool same;
    json_t *text;

    if (!memchr(raw.ptr, '\\', raw.len))
        return vitro_str_eq(raw, key);
    text = json_loadb(t.ptr + at, end - at, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    same = json_is_string(text) &&
           vitro_str_eq((vitro_str){ json_string_value(text), json_string_length(text) }, key);
    json_decref(text);
    return same;
}

/* From the beginning of an object to that of a member, or of its key. */
static size_t find_member(vitro_str t, size_t at, vitro_str key, bool of_key)
{
    at = skip_space(t, at + 1);
    while (at < t.len && t.ptr[at] == '"') {
        size_t end = skip_string(t, at), value = skip_space(t, end);

        if (end > t.len)
            break;
        if (is_key(t, at, end, key))
            return of_key ? at : value;
        at = skip_space(t, skip_value(t, value));
    }
    return at < t.len ? at : t.len;
}

static size_t find_item(vitro_str t, size_t at, size_t index)
{
    at = skip_space(t, at + 1);
    while (at < t.len && index--)
        at = skip_space(t, skip_value(t, at));
    return at;
}

static size_t find(vitro_str t, const struct json_frame *f, bool of_key)
{
    size_t at;

    if (!f)
        return skip_space(t, 0);
    at = find(t, f->up, false);
    return f->key.ptr ? find_member(t, at, f->key, of_key) : find_item(t, at, f->index);
}

size_t vitro_json_locate(const struct json_in *in, const struct json_frame *frame, bool key,
                         struct json_place *place)
{
    size_t at = find(in->text, frame, key);

    *place = vitro_json_place_of(in, at);
    return at;
}
