/*
 * json_in_value - one value of JSON as one field, and the bytes it becomes.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/util.h"
#include "pb/json_in.h"
#include "pb/json_number.h"

/* ---- writers -------------------------------------------------------------------------------- */

bool vitro_json_in_tag(struct json_in *in, uint32_t number, enum pb_wire wire)
{
    uint8_t *room = vitro_buf_reserve(in->out, PB_TAG_MAX);

    if (!room)
        return vitro_json_in_full(in);
    in->out->len += vitro_pb_write_tag(room, number, wire);
    return true;
}

bool vitro_json_in_bits(struct json_in *in, enum pb_wire wire, uint64_t bits)
{
    uint8_t *room = vitro_buf_reserve(in->out, PB_VARINT_MAX);

    if (!room)
        return vitro_json_in_full(in);
    if (wire == PB_VARINT)
        in->out->len += vitro_pb_write_varint(room, bits);
    else if (wire == PB_FIXED32)
        in->out->len += vitro_pb_write_fixed32(room, (uint32_t)bits);
    else
        in->out->len += vitro_pb_write_fixed64(room, bits);
    return true;
}

bool vitro_json_in_bytes(struct json_in *in, vitro_bytes bytes)
{
    return vitro_json_in_bits(in, PB_VARINT, bytes.len) &&
           (vitro_buf_append(in->out, bytes.ptr, bytes.len) || vitro_json_in_full(in));
}

bool vitro_json_in_end(struct json_in *in, size_t begin)
{
    size_t len = in->out->len - begin, n = vitro_pb_varint_size(len);

    if (!vitro_buf_reserve(in->out, n))
        return vitro_json_in_full(in);
    memmove(in->out->ptr + begin + n, in->out->ptr + begin, len);
    vitro_pb_write_varint(in->out->ptr + begin, len);
    in->out->len += n;
    return true;
}

/* Both alphabets of RFC 4648 are read; the text is brought to the standard one in place. */
bool vitro_json_in_base64(struct json_in *in, vitro_str text)
{
    size_t begin = json_in_begin(in), n = 0;
    char *copy = (char *)vitro_buf_reserve(in->out, text.len);
    vitro_str standard = { copy, text.len };

    if (!copy)
        return vitro_json_in_full(in);
    memcpy(copy, text.ptr, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] == '-')
            copy[i] = '+';
        else if (copy[i] == '_')
            copy[i] = '/';
    }
    if (!vitro_base64_decode(standard, in->out->ptr + begin, &n))
        return vitro_json_in_fail(in, "the string is not base64");
    in->out->len += n;
    return vitro_json_in_end(in, begin);
}

/* ---- numbers, booleans, enums --------------------------------------------------------------- */

static bool number(struct json_in *in, const char *what, const json_t *v, struct json_number *n)
{
    vitro_str text;

    if (json_is_integer(v)) {
        *n = vitro_json_number_of_int(json_integer_value(v));
        return true;
    }
    if (json_is_real(v)) {
        *n = vitro_json_number_of(json_real_value(v));
        return true;
    }
    if (!json_is_string(v))
        return vitro_json_in_fail(in, "%s is needed, not %s", what, vitro_json_word(v));
    text = (vitro_str){ json_string_value(v), json_string_length(v) };
    return vitro_json_number_read(text, n) ||
           vitro_json_in_fail(in, "%s is needed, not this string", what);
}

/* How many bits an integer type has, and whether one of them is a sign. */
static unsigned width(enum pb_type type, bool *is_signed)
{
    *is_signed = type != PB_TYPE_UINT32 && type != PB_TYPE_FIXED32 && type != PB_TYPE_UINT64 &&
                 type != PB_TYPE_FIXED64;
    switch (type) {
    case PB_TYPE_INT32:
    case PB_TYPE_SINT32:
    case PB_TYPE_SFIXED32:
    case PB_TYPE_UINT32:
    case PB_TYPE_FIXED32:
        return 32;
    default:
        return 64;
    }
}

static bool put_integer(struct json_in *in, enum pb_type type, const struct json_number *n,
                        uint64_t *bits)
{
    bool is_signed;
    unsigned w = width(type, &is_signed);
    uint64_t most = w == 32 ? UINT32_MAX : UINT64_MAX;

    if (!n->whole)
        return vitro_json_in_fail(in, "a whole number is needed for %s", vitro_pb_type_name(type));
    if (is_signed)
        most = most / 2 + (n->negative ? 1 : 0);
    else if (n->negative && n->magnitude)
        return vitro_json_in_fail(in, "%s cannot be negative", vitro_pb_type_name(type));
    if (n->magnitude > most)
        return vitro_json_in_fail(in, "too large for %s", vitro_pb_type_name(type));
    *bits = n->negative ? 0 - n->magnitude : n->magnitude;
    if (type == PB_TYPE_SINT32 || type == PB_TYPE_SINT64)
        *bits = *bits << 1 ^ (0 - (*bits >> 63));
    return true;
}

static bool special(const json_t *v, double *out)
{
    static const struct {
        const char *name;
        double value;
    } names[] = { { "NaN", (double)NAN },
                  { "Infinity", (double)INFINITY },
                  { "-Infinity", (double)-INFINITY } };

    for (size_t i = 0; json_is_string(v) && i < ARRAY_LEN(names); i++) {
        if (vitro_str_eq((vitro_str){ json_string_value(v), json_string_length(v) },
                         vitro_str_of(names[i].name))) {
            *out = names[i].value;
            return true;
        }
    }
    return false;
}

/* The first double that rounds to no float: halfway between FLT_MAX and 2^128. */
static const double float_end = 3.4028235677973366e38;

static bool floating(struct json_in *in, enum pb_type type, const json_t *v, uint64_t *bits)
{
    struct json_number n = { false, false, 0, 0 };
    bool named = special(v, &n.real);

    if (!named && !number(in, "a number", v, &n))
        return false;
    if (type == PB_TYPE_DOUBLE) {
        memcpy(bits, &n.real, sizeof *bits);
    } else if (!named && fabs(n.real) >= float_end) {
        return vitro_json_in_fail(in, "too large for float");
    } else {
        float f = (float)n.real;
        uint32_t small;

        memcpy(&small, &f, sizeof small);
        *bits = small;
    }
    return true;
}

static bool enum_name(struct json_in *in, const struct pb_enum_type *e, vitro_str name,
                      uint64_t *bits)
{
    char names[VITRO_ERROR_TEXT] = "";
    size_t n = 0;

    for (size_t i = 0; i < e->value_count; i++) {
        if (vitro_str_eq(e->values[i].name, name)) {
            *bits = (uint64_t)(int64_t)e->values[i].number;
            return true;
        }
        if (n + e->values[i].name.len + 2 < sizeof names) {
            n += i ? 2 : 0;
            memcpy(names + n - (i ? 2 : 0), ", ", i ? 2 : 0);
            memcpy(names + n, e->values[i].name.ptr, e->values[i].name.len);
            n += e->values[i].name.len;
        }
    }
    return vitro_json_in_fail(in, "%.*s has no such value; it has %.*s", (int)e->name.len,
                              e->name.ptr, (int)n, names);
}

static bool enumerator(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                       uint64_t *bits)
{
    struct json_number n = { false, false, 0, 0 };

    if (json_is_null(v) && vitro_json_null_enum(f->enum_type)) {
        *bits = 0;
        return true;
    }
    if (json_is_string(v) && f->enum_type)
        return enum_name(in, f->enum_type,
                         (vitro_str){ json_string_value(v), json_string_length(v) }, bits);
    if (!json_is_number(v))
        return vitro_json_in_fail(in, "a name of an enum is needed, not %s", vitro_json_word(v));
    return number(in, "a number", v, &n) && put_integer(in, PB_TYPE_INT32, &n, bits);
}

bool vitro_json_in_scalar(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                          uint64_t *bits)
{
    struct json_number n = { false, false, 0, 0 };

    switch (f->type) {
    case PB_TYPE_BOOL:
        *bits = json_is_true(v);
        return json_is_boolean(v) ||
               vitro_json_in_fail(in, "true or false is needed, not %s", vitro_json_word(v));
    case PB_TYPE_ENUM:
        return enumerator(in, f, v, bits);
    case PB_TYPE_FLOAT:
    case PB_TYPE_DOUBLE:
        return floating(in, f->type, v, bits);
    default:
        return number(in, "a number", v, &n) && put_integer(in, f->type, &n, bits);
    }
}

bool vitro_json_in_key(struct json_in *in, const struct pb_field_type *f, vitro_str key,
                       uint64_t *bits)
{
    struct json_number n = { false, false, 0, 0 };

    if (f->type == PB_TYPE_BOOL) {
        *bits = vitro_str_eq(key, vitro_str_of("true"));
        return *bits || vitro_str_eq(key, vitro_str_of("false")) ||
               vitro_json_in_fail(in, "the key is a bool: true or false");
    }
    if (!vitro_json_number_read(key, &n))
        return vitro_json_in_fail(in, "the key is a number: %s", vitro_pb_type_name(f->type));
    return put_integer(in, f->type, &n, bits);
}

/* ---- a field -------------------------------------------------------------------------------- */

static bool nested(struct json_in *in, const struct pb_field_type *f, const json_t *v)
{
    bool group = f->type == PB_TYPE_GROUP, ok;
    size_t begin;

    if (!f->message)
        return vitro_json_in_fail(in, "the schema lacks the type %.*s", (int)f->type_name.len,
                                  f->type_name.ptr);
    if (!vitro_json_in_tag(in, f->number, group ? PB_START : PB_LEN))
        return false;
    begin = json_in_begin(in);
    ok = vitro_json_in_message(in, f->message, v);
    return ok && (group ? vitro_json_in_tag(in, f->number, PB_END) : vitro_json_in_end(in, begin));
}

static bool textual(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                    bool with_default)
{
    vitro_str text;

    if (!json_is_string(v))
        return vitro_json_in_fail(in, "a string is needed, not %s", vitro_json_word(v));
    text = (vitro_str){ json_string_value(v), json_string_length(v) };
    if (!text.len && !with_default)
        return true;
    if (!vitro_json_in_tag(in, f->number, PB_LEN))
        return false;
    if (f->type == PB_TYPE_BYTES)
        return vitro_json_in_base64(in, text);
    return vitro_json_in_bytes(in, (vitro_bytes){ (const uint8_t *)text.ptr, text.len });
}

bool vitro_json_in_single(struct json_in *in, const struct pb_field_type *f, const json_t *v,
                          bool with_default)
{
    enum pb_wire wire = (enum pb_wire)vitro_pb_type_wire(f->type);
    uint64_t bits = 0;

    if (f->type == PB_TYPE_MESSAGE || f->type == PB_TYPE_GROUP)
        return nested(in, f, v);
    if (f->type == PB_TYPE_STRING || f->type == PB_TYPE_BYTES)
        return textual(in, f, v, with_default);
    if (!vitro_json_in_scalar(in, f, v, &bits))
        return false;
    if (!bits && !with_default)
        return true;
    return vitro_json_in_tag(in, f->number, wire) && vitro_json_in_bits(in, wire, bits);
}
