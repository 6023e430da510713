/*
 * json_out_value - strings and scalars as JSON, safe for a terminal.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "pb/json_number.h"
#include "pb/json_out.h"
#include "pb/walk.h"

bool vitro_json_put(struct json_out *o, const char *text, size_t len)
{
    return vitro_buf_append(o->out, text, len) || vitro_json_out_full(o);
}

bool vitro_json_put_text(struct json_out *o, const char *text)
{
    return vitro_json_put(o, text, strlen(text));
}

/* What JSON escapes (RFC 8259, 7), and what would move a cursor or turn the direction. */
static bool put_character(struct json_out *o, const char *at, size_t n, uint32_t c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char out[16];
    int len;

    for (size_t i = 0; c < 0x80 && i + 1 < sizeof shorts; i += 2) {
        if ((uint32_t)shorts[i] == c)
            return vitro_json_put(o, (char[]){ '\\', shorts[i + 1] }, 2);
    }
    if (vitro_utf8_printable(c))
        return vitro_json_put(o, at, n);
    if (c < 0x10000)
        len = snprintf(out, sizeof out, "\\u%04" PRIx32, c);
    else
        len = snprintf(out, sizeof out, "\\u%04" PRIx32 "\\u%04" PRIx32,
                       0xd800u + ((c - 0x10000u) >> 10), 0xdc00u + (c & 0x3ffu));
    return vitro_json_put(o, out, (size_t)len);
}

bool vitro_json_put_string(struct json_out *o, vitro_str s)
{
    size_t plain = 0;

    if (!vitro_json_put_text(o, "\""))
        return false;
    while (plain < s.len) {
        vitro_str rest = { s.ptr + plain, s.len - plain };
        size_t n = 0;
        uint32_t c;

        while (n < rest.len && rest.ptr[n] >= ' ' && rest.ptr[n] < 0x7f && rest.ptr[n] != '"' &&
               rest.ptr[n] != '\\')
            n++;
        if (n && !vitro_json_put(o, rest.ptr, n))
            return false;
        plain += n;
        if (n == rest.len)
            break;
        rest = (vitro_str){ rest.ptr + n, rest.len - n };
        n = vitro_utf8_decode(rest, &c);
        if (!n)
            return vitro_json_out_fail(o, "a string is not UTF-8, at its byte %zu", plain);
        if (!put_character(o, rest.ptr, n, c))
            return false;
        plain += n;
    }
    return vitro_json_put_text(o, "\"");
}

bool vitro_json_put_base64(struct json_out *o, vitro_bytes bytes)
{
    static const char padding[] = "==";
    size_t n = base64_text_len(bytes.len);
    char *room;

    if (!vitro_json_put_text(o, "\""))
        return false;
    room = (char *)vitro_buf_reserve(o->out, n);
    if (!room)
        return vitro_json_out_full(o);
    o->out->len += vitro_base64_encode(bytes, room);
    return vitro_json_put(o, padding, (4 - n % 4) % 4) && vitro_json_put_text(o, "\"");
}

static bool put_real(struct json_out *o, enum pb_type type, uint64_t bits)
{
    double value = vitro_pb_value_double(type, bits);
    char text[JSON_NUMBER_TEXT];
    size_t n;

    if (isnan(value))
        return vitro_json_put_text(o, "\"NaN\"");
    if (isinf(value))
        return vitro_json_put_text(o, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    n = type == PB_TYPE_FLOAT ? vitro_json_float_text((float)value, text)
                              : vitro_json_double_text(value, text);
    return vitro_json_put(o, text, n);
}

static bool put_enum(struct json_out *o, const struct pb_field_type *f, uint64_t bits)
{
    int32_t number = (int32_t)(uint32_t)bits;
    const struct pb_enum_value *v = vitro_pb_enum_value(f->enum_type, number);
    char text[JSON_NUMBER_TEXT];

    if (vitro_json_null_enum(f->enum_type))
        return vitro_json_put_text(o, "null");
    if (v)
        return vitro_json_put_string(o, v->name);
    snprintf(text, sizeof text, "%" PRId32, number);
    return vitro_json_put_text(o, text);
}

bool vitro_json_put_scalar(struct json_out *o, const struct pb_field_type *f, uint64_t bits)
{
    char text[JSON_NUMBER_TEXT];

    switch (f->type) {
    case PB_TYPE_DOUBLE:
    case PB_TYPE_FLOAT:
        return put_real(o, f->type, bits);
    case PB_TYPE_BOOL:
        return vitro_json_put_text(o, bits ? "true" : "false");
    case PB_TYPE_ENUM:
        return put_enum(o, f, bits);
    case PB_TYPE_UINT32:
    case PB_TYPE_FIXED32:
        snprintf(text, sizeof text, "%" PRIu32, (uint32_t)bits);
        break;
    case PB_TYPE_UINT64:
    case PB_TYPE_FIXED64:
        snprintf(text, sizeof text, "\"%" PRIu64 "\"", bits);
        break;
    case PB_TYPE_INT64:
    case PB_TYPE_SINT64:
    case PB_TYPE_SFIXED64:
        snprintf(text, sizeof text, "\"%" PRId64 "\"", vitro_pb_value_int(f->type, bits));
        break;
    default:
        snprintf(text, sizeof text, "%" PRId64, vitro_pb_value_int(f->type, bits));
    }
    return vitro_json_put_text(o, text);
}
