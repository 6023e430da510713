/*
 * json_in_known - types whose JSON is not an object of their fields, read.
 */
#include <math.h>
#include <string.h>

#include "pb/json_in.h"
#include "pb/json_time.h"

typedef bool known_fn(struct json_in *in, const struct pb_message_type *type, const json_t *v);

static vitro_str string_of(const json_t *v)
{
    return (vitro_str){ json_string_value(v), json_string_length(v) };
}

/* ---- Timestamp, Duration -------------------------------------------------------------------- */

static bool put_int(struct json_in *in, uint32_t number, int64_t value)
{
    return !value || (vitro_json_in_tag(in, number, PB_VARINT) &&
                      vitro_json_in_bits(in, PB_VARINT, (uint64_t)value));
}

static bool timestamp(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    int64_t seconds;
    int32_t nanos;

    (void)type;
    if (!json_is_string(v) || !vitro_json_timestamp_read(string_of(v), &seconds, &nanos))
        return vitro_json_in_fail(in, "a time is needed, such as \"2025-09-20T00:00:00.5Z\"");
    return put_int(in, 1, seconds) && put_int(in, 2, nanos);
}

static bool duration(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    int64_t seconds;
    int32_t nanos;

    (void)type;
    if (!json_is_string(v) || !vitro_json_duration_read(string_of(v), &seconds, &nanos))
        return vitro_json_in_fail(in, "a duration is needed, such as \"1.5s\"");
    return put_int(in, 1, seconds) && put_int(in, 2, nanos);
}

/* ---- FieldMask ------------------------------------------------------------------------------ */

/* "fooBar" as "foo_bar", with its length in front. */
static bool put_path(struct json_in *in, vitro_str path)
{
    size_t begin;
    char *room;

    if (!vitro_json_in_tag(in, 1, PB_LEN))
        return false;
    begin = json_in_begin(in);
    room = (char *)vitro_buf_reserve(in->out, 2 * path.len);
    if (!room)
        return vitro_json_in_full(in);
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool upper = c >= 'A' && c <= 'Z';

        if (c == '_')
            return vitro_json_in_fail(in, "paths are in lowerCamelCase: no _");
        if (upper)
            room[in->out->len++ - begin] = '_';
        room[in->out->len++ - begin] = (char)(upper ? c + ('a' - 'A') : c);
    }
    return vitro_json_in_end(in, begin);
}

static bool field_mask(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    vitro_str all;

    (void)type;
    if (!json_is_string(v))
        return vitro_json_in_fail(in, "paths with commas are needed, not %s", vitro_json_word(v));
    all = string_of(v);
    while (all.len) {
        const char *comma = memchr(all.ptr, ',', all.len);
        vitro_str path = { all.ptr, comma ? (size_t)(comma - all.ptr) : all.len };

        if (!put_path(in, path))
            return false;
        all.ptr += path.len + (comma != NULL);
        all.len -= path.len + (comma != NULL);
    }
    return true;
}

/* ---- Struct, Value, ListValue, wrappers ----------------------------------------------------- */

/* Their JSON is that of their first field: a map, a list, a scalar. */
static bool first_field(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    const struct pb_field_type *f = &type->fields[0];

    if (json_is_implicit(type, f))
        return vitro_json_in_single(in, f, v, false);
    return vitro_json_in_field(in, f, v);
}

/* The number of the field of a Value that holds this kind of JSON. */
static size_t value_kind(const json_t *v)
{
    static const uint8_t kinds[] = {
        [JSON_NULL] = 1, [JSON_INTEGER] = 2, [JSON_REAL] = 2,   [JSON_STRING] = 3,
        [JSON_TRUE] = 4, [JSON_FALSE] = 4,   [JSON_OBJECT] = 5, [JSON_ARRAY] = 6,
    };

    return kinds[json_typeof(v)];
}

static bool value(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    return vitro_json_in_single(in, &type->fields[value_kind(v) - 1], v, true);
}

/* ---- Any ------------------------------------------------------------------------------------ */

/* Of a type with a JSON of its own, that stands as "value" beside "@type". */
static bool any_member(struct json_in *in, const struct pb_message_type *type, const json_t *v,
                       const char *name)
{
    struct json_frame frame = { in->frame, vitro_str_of(name), 0 };
    const json_t *inner = json_object_get(v, name);
    bool ok;

    if (!inner || json_object_size(v) != 2)
        return vitro_json_in_fail(in, "beside \"@type\" there must be \"%s\" and no more", name);
    in->frame = &frame;
    if (type)
        ok = vitro_json_in_message(in, type, inner);
    else
        ok = json_is_string(inner) ? vitro_json_in_base64(in, string_of(inner))
                                   : vitro_json_in_fail(in, "a string is needed");
    in->frame = frame.up;
    return ok;
}

static bool any_value(struct json_in *in, vitro_str url, const json_t *v)
{
    const struct pb_message_type *type = vitro_json_any_type(in->schema, url);
    size_t begin;
    bool ok;

    if (!type && !json_object_get(v, "@value"))
        return vitro_json_in_fail_key(in, vitro_str_of("@type"),
                                      "the schema lacks this type (or give \"@value\": base64)");
    if (!vitro_json_in_tag(in, 2, PB_LEN))
        return false;
    if (!type)
        return any_member(in, NULL, v, "@value");
    begin = json_in_begin(in);
    if (vitro_json_known(type) != JSON_PLAIN)
        ok = any_member(in, type, v, "value");
    else
        ok = vitro_json_in_fields(in, type, v, true);
    return ok && vitro_json_in_end(in, begin);
}

static bool any(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    const json_t *url = json_object_get(v, "@type");
    vitro_str text;

    (void)type;
    if (!json_is_object(v))
        return vitro_json_in_fail(in, "an object is needed, not %s", vitro_json_word(v));
    if (!json_object_size(v))
        return true;
    if (!json_is_string(url))
        return vitro_json_in_fail(in, "\"@type\" is missing, or no string");
    text = string_of(url);
    return vitro_json_in_tag(in, 1, PB_LEN) &&
           vitro_json_in_bytes(in, (vitro_bytes){ (const uint8_t *)text.ptr, text.len }) &&
           any_value(in, text, v);
}

/* ---- all ------------------------------------------------------------------------------------ */

static known_fn *const readers[] = {
    [JSON_ANY] = any,
    [JSON_TIMESTAMP] = timestamp,
    [JSON_DURATION] = duration,
    [JSON_FIELD_MASK] = field_mask,
    [JSON_STRUCT] = first_field,
    [JSON_VALUE] = value,
    [JSON_LIST] = first_field,
    [JSON_WRAPPER] = first_field,
};

bool vitro_json_in_message(struct json_in *in, const struct pb_message_type *type, const json_t *v)
{
    enum json_known known = vitro_json_known(type);
    bool ok;

    if (!in->depth)
        return vitro_json_in_fail(in, "nested too deep: %d levels are the limit", PB_JSON_DEPTH);
    in->depth--;
    if (known != JSON_PLAIN)
        ok = readers[known](in, type, v);
    else if (!json_is_object(v))
        ok = vitro_json_in_fail(in, "an object is needed, not %s", vitro_json_word(v));
    else
        ok = vitro_json_in_fields(in, type, v, false);
    in->depth++;
    return ok;
}
