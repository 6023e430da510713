#include "decode/capture.h"

#include <string.h>

#include "decode/order.h"

/*
 * Journal Export Format: NAME=text\n, or for any bytes NAME\n, 8 bytes of length (little-endian,
 * whatever the section's order is), the bytes, \n.
 */
static bool binary_field(vitro_bytes entry, size_t *cursor, size_t at, struct note_field *out)
{
    uint64_t len;

    if (entry.len - at < 8)
        return false;
    len = read64(entry.ptr + at, false);
    at += 8;
    if (len > entry.len - at)
        return false;
    out->value.ptr = (const char *)entry.ptr + at;
    out->value.len = (size_t)len;
    out->at = at;
    at += (size_t)len;
    *cursor = at + (at < entry.len && entry.ptr[at] == '\n');
    return true;
}

static void text_field(size_t begin, size_t end, const char *text, struct note_field *out)
{
    out->value.ptr = text + begin;
    out->value.len = end - begin;
    out->at = begin;
}

bool vitro_note_next(vitro_bytes entry, size_t *cursor, struct note_field *out)
{
    const char *text = (const char *)entry.ptr;
    const char *line_end, *equals;
    size_t begin = *cursor, end;

    while (begin < entry.len && text[begin] == '\n')
        begin++;
    *cursor = begin;
    if (begin >= entry.len)
        return false;
    line_end = memchr(text + begin, '\n', entry.len - begin);
    end = line_end ? (size_t)(line_end - text) : entry.len;
    equals = memchr(text + begin, '=', end - begin);
    out->name.ptr = text + begin;
    out->name.len = (equals ? (size_t)(equals - text) : end) - begin;
    if (!equals)
        return line_end && binary_field(entry, cursor, end + 1, out);
    text_field(begin + out->name.len + 1, end, text, out);
    *cursor = end + (line_end != NULL);
    return true;
}

bool vitro_note_find(vitro_bytes entry, vitro_str name, struct note_field *out)
{
    size_t cursor = 0;

    while (vitro_note_next(entry, &cursor, out))
        if (vitro_str_eq(out->name, name))
            return true;
    return false;
}
