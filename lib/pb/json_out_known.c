/*
 * json_out_known - types whose JSON is not an object of their fields, written.
 */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "pb/json_out.h"
#include "pb/json_time.h"
#include "pb/walk.h"

typedef bool known_fn(struct json_out *o, const struct json_fields *g);

/* ---- Timestamp, Duration -------------------------------------------------------------------- */

/* The last value of a field that is a number; 0 when there is none. */
static int64_t int_of(const struct json_fields *g, uint32_t number)
{
    const struct pb_field_type *f = vitro_pb_message_field(g->type, number);
    struct pb_token t;

    if (!f || !g->last[f - g->type->fields])
        return 0;
    vitro_json_token(g, g->last[f - g->type->fields], &t);
    return vitro_pb_value_int(f->type, t.value);
}

typedef size_t time_fn(int64_t seconds, int64_t nanos, char out[JSON_TIME_TEXT]);

static bool put_time(struct json_out *o, const struct json_fields *g, time_fn *write)
{
    char text[JSON_TIME_TEXT];

    if (!write(int_of(g, 1), int_of(g, 2), text))
        return vitro_json_out_fail(o, "%.*s is out of range", (int)g->type->name.len,
                                   g->type->name.ptr);
    return vitro_json_put_text(o, "\"") && vitro_json_put_text(o, text) &&
           vitro_json_put_text(o, "\"");
}

static bool timestamp(struct json_out *o, const struct json_fields *g)
{
    return put_time(o, g, vitro_json_timestamp_text);
}

static bool duration(struct json_out *o, const struct json_fields *g)
{
    return put_time(o, g, vitro_json_duration_text);
}

/* ---- FieldMask ------------------------------------------------------------------------------ */

/* "foo_bar" as "fooBar" at to, at most as long; false when the way back would differ. */
static bool to_camel(vitro_str path, char *to, size_t *len)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];

        if (c >= 'A' && c <= 'Z')
            return false;
        if (c == '_') {
            if (++i == path.len || path.ptr[i] < 'a' || path.ptr[i] > 'z')
                return false;
            c = (char)(path.ptr[i] - ('a' - 'A'));
        }
        to[(*len)++] = c;
    }
    return true;
}

static bool field_mask(struct json_out *o, const struct json_fields *g)
{
    struct pb_token t;
    struct buf all;
    bool ok = true;

    vitro_buf_init(&all, o->out->account, SIZE_MAX / 2);
    for (size_t item = g->first[0]; ok && item;) {
        vitro_bytes path;
        char *room;

        item = vitro_json_token(g, item, &t);
        path = vitro_json_body(g, &t);
        room = (char *)vitro_buf_reserve(&all, path.len + 1);
        if (!room) {
            ok = vitro_json_out_full(o);
            break;
        }
        if (!to_camel((vitro_str){ (const char *)path.ptr, path.len }, (char *)all.ptr, &all.len))
            ok = vitro_json_out_fail(o, "a path of a FieldMask is not lower_snake_case");
        if (item)
            all.ptr[all.len++] = ',';
    }
    ok = ok && vitro_json_put_string(o, (vitro_str){ (const char *)all.ptr, all.len });
    vitro_buf_done(&all);
    return ok;
}

/* ---- Struct, Value, ListValue, wrappers ----------------------------------------------------- */

static bool first_field(struct json_out *o, const struct json_fields *g)
{
    return vitro_json_put_field(o, g, 0);
}

static bool value(struct json_out *o, const struct json_fields *g)
{
    struct pb_token t;
    double real;

    for (size_t i = 0; i < g->type->field_count; i++) {
        if (!g->first[i])
            continue;
        if (i == 0)
            break;
        vitro_json_token(g, g->last[i], &t);
        memcpy(&real, &t.value, sizeof real);
        if (g->type->fields[i].type == PB_TYPE_DOUBLE && !isfinite(real))
            return vitro_json_out_fail(o, "a Value cannot be NaN or infinite");
        return vitro_json_put_field(o, g, i);
    }
    return vitro_json_put_text(o, "null");
}

/* ---- Any ------------------------------------------------------------------------------------ */

/* The last value of a field that is text or bytes. */
static vitro_bytes bytes_of(const struct json_fields *g, uint32_t number)
{
    const struct pb_field_type *f = vitro_pb_message_field(g->type, number);
    struct pb_token t;

    if (!f || vitro_pb_type_wire(f->type) != PB_LEN || !g->last[f - g->type->fields])
        return (vitro_bytes){ NULL, 0 };
    vitro_json_token(g, g->last[f - g->type->fields], &t);
    return vitro_json_body(g, &t);
}

static bool any(struct json_out *o, const struct json_fields *g)
{
    vitro_bytes name = bytes_of(g, 1), inner = bytes_of(g, 2);
    vitro_str url = { (const char *)name.ptr, name.len };
    const struct pb_message_type *type = vitro_json_any_type(o->schema, url);

    if (!url.len && !inner.len)
        return vitro_json_put_text(o, "{}");
    if (!vitro_json_put_text(o, "{\"@type\":") || !vitro_json_put_string(o, url))
        return false;
    if (!type)
        return vitro_json_put_text(o, ",\"@value\":") && vitro_json_put_base64(o, inner) &&
               vitro_json_put_text(o, "}");
    if (vitro_json_known(type) != JSON_PLAIN)
        return vitro_json_put_text(o, ",\"value\":") && vitro_json_put_message(o, type, inner) &&
               vitro_json_put_text(o, "}");
    return vitro_json_put_fields(o, type, inner, true) && vitro_json_put_text(o, "}");
}

/* ---- all ------------------------------------------------------------------------------------ */

static known_fn *const writers[] = {
    [JSON_ANY] = any,
    [JSON_TIMESTAMP] = timestamp,
    [JSON_DURATION] = duration,
    [JSON_FIELD_MASK] = field_mask,
    [JSON_STRUCT] = first_field,
    [JSON_VALUE] = value,
    [JSON_LIST] = first_field,
    [JSON_WRAPPER] = first_field,
};

static bool put_known(struct json_out *o, const struct pb_message_type *type, vitro_bytes bytes,
                      known_fn *write)
{
    struct json_fields g;
    bool ok = vitro_json_gather(o, &g, type, bytes);

    if (!ok)
        return false;
    ok = write(o, &g);
    vitro_json_gather_done(&g);
    return ok;
}

bool vitro_json_put_message(struct json_out *o, const struct pb_message_type *type,
                            vitro_bytes bytes)
{
    enum json_known known = vitro_json_known(type);
    bool ok;

    if (!o->depth)
        return vitro_json_out_fail(o, "nested too deep: %d levels are the limit", PB_JSON_DEPTH);
    o->depth--;
    if (known != JSON_PLAIN)
        ok = put_known(o, type, bytes, writers[known]);
    else
        ok = vitro_json_put_text(o, "{") && vitro_json_put_fields(o, type, bytes, false) &&
             vitro_json_put_text(o, "}");
    o->depth++;
    return ok;
}
