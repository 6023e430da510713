/*
 * json_out - messages, lists and single values as JSON.
 */
#include "pb/json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/util.h"

bool vitro_json_out_fail(struct json_out *o, const char *format, ...)
{
    char what[VITRO_ERROR_TEXT];
    va_list args;

    if (o->rc)
        return false;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    o->rc = vitro_fail(o->err, VITRO_INTERNAL, "json", 0, "%s", what);
    return false;
}

bool vitro_json_out_full(struct json_out *o)
{
    if (!o->rc)
        o->rc = vitro_fail(o->err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "the message is too large");
    return false;
}

/* ---- values --------------------------------------------------------------------------------- */

bool vitro_json_put_default(struct json_out *o, const struct pb_field_type *f)
{
    if (f->type == PB_TYPE_STRING || f->type == PB_TYPE_BYTES)
        return vitro_json_put_text(o, "\"\"");
    if (f->type == PB_TYPE_MESSAGE || f->type == PB_TYPE_GROUP)
        return f->message ? vitro_json_put_message(o, f->message, (vitro_bytes){ NULL, 0 })
                          : vitro_json_put_text(o, "null");
    return vitro_json_put_scalar(o, f, 0);
}

bool vitro_json_put_single(struct json_out *o, const struct json_fields *g,
                           const struct pb_field_type *f, const struct pb_token *t)
{
    vitro_bytes body = vitro_json_body(g, t);

    switch (f->type) {
    case PB_TYPE_STRING:
        return vitro_json_put_string(o, (vitro_str){ (const char *)body.ptr, body.len });
    case PB_TYPE_BYTES:
        return vitro_json_put_base64(o, body);
    case PB_TYPE_MESSAGE:
    case PB_TYPE_GROUP:
        if (f->message)
            return vitro_json_put_message(o, f->message, body);
        return vitro_json_out_fail(o, "the schema lacks the type %.*s", (int)f->type_name.len,
                                   f->type_name.ptr);
    default:
        return vitro_json_put_scalar(o, f, t->value);
    }
}

/* ---- lists ---------------------------------------------------------------------------------- */

static bool put_packed(struct json_out *o, const struct pb_field_type *f, vitro_bytes body,
                       bool *more)
{
    struct pb_reader r = pb_reader_of(body);
    int wire = vitro_pb_type_wire(f->type);
    size_t width = wire == PB_FIXED32 ? 4 : 8;

    while (r.at < r.end) {
        uint64_t bits = 0;
        enum pb_fault fault = PB_FAULT_NONE;

        if (wire == PB_VARINT)
            fault = vitro_pb_read_varint(&r, &bits);
        else if (r.end - r.at < width)
            fault = PB_FAULT_PACKED_CUT;
        else {
            for (size_t i = 0; i < width; i++)
                bits |= (uint64_t)r.base[r.at++] << 8 * i;
        }
        if (fault)
            return vitro_json_out_fail(o, "%s in %.*s", vitro_pb_fault_text(fault),
                                       (int)f->name.len, f->name.ptr);
        if ((*more && !vitro_json_put_text(o, ",")) || !vitro_json_put_scalar(o, f, bits))
            return false;
        *more = true;
    }
    return true;
}

static bool put_list(struct json_out *o, const struct json_fields *g, size_t i)
{
    const struct pb_field_type *f = &g->type->fields[i];
    bool more = false, ok = vitro_json_put_text(o, "[");
    struct pb_token t;

    for (size_t item = g->first[i]; ok && item;) {
        item = vitro_json_token(g, item, &t);
        if (t.wire == PB_LEN && vitro_pb_type_packable(f->type)) {
            ok = put_packed(o, f, vitro_json_body(g, &t), &more);
            continue;
        }
        ok = (!more || vitro_json_put_text(o, ",")) && vitro_json_put_single(o, g, f, &t);
        more = true;
    }
    return ok && vitro_json_put_text(o, "]");
}

/* ---- fields --------------------------------------------------------------------------------- */

/* The parts of one message behind each other are that message. */
static bool put_merged(struct json_out *o, const struct json_fields *g, size_t i)
{
    struct buf all;
    struct pb_token t;
    bool ok = true;

    vitro_buf_init(&all, o->out->account, SIZE_MAX / 2);
    for (size_t item = g->first[i]; ok && item;) {
        vitro_bytes body;

        item = vitro_json_token(g, item, &t);
        body = vitro_json_body(g, &t);
        ok = vitro_buf_append(&all, body.ptr, body.len) || vitro_json_out_full(o);
    }
    ok = ok && vitro_json_put_message(o, g->type->fields[i].message, vitro_buf_bytes(&all));
    vitro_buf_done(&all);
    return ok;
}

bool vitro_json_put_field(struct json_out *o, const struct json_fields *g, size_t i)
{
    const struct pb_field_type *f = &g->type->fields[i];
    struct pb_token t;

    if (json_is_map(f))
        return vitro_json_put_map(o, g, i);
    if (f->label == PB_REPEATED)
        return put_list(o, g, i);
    if (!g->first[i])
        return vitro_json_put_default(o, f);
    if (f->message && g->first[i] != g->last[i])
        return put_merged(o, g, i);
    vitro_json_token(g, g->last[i], &t);
    return vitro_json_put_single(o, g, f, &t);
}

/* A field without presence that holds its default is as absent as one that is not there. */
static bool is_absent(const struct json_fields *g, size_t i)
{
    const struct pb_field_type *f = &g->type->fields[i];
    struct pb_token t;

    if (!g->first[i])
        return true;
    if (f->label == PB_REPEATED && vitro_pb_type_packable(f->type)) {
        for (size_t item = g->first[i]; item;) {
            item = vitro_json_token(g, item, &t);
            if (t.wire != PB_LEN || t.end > t.value_at)
                return false;
        }
        return true;
    }
    if (!json_is_implicit(g->type, f))
        return false;
    vitro_json_token(g, g->last[i], &t);
    return t.wire == PB_LEN ? t.end == t.value_at : t.value == 0;
}

bool vitro_json_put_fields(struct json_out *o, const struct pb_message_type *type,
                           vitro_bytes bytes, bool more)
{
    struct json_fields g;
    bool ok = vitro_json_gather(o, &g, type, bytes);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < type->field_count; i++) {
        if (is_absent(&g, i))
            continue;
        ok = (!more || vitro_json_put_text(o, ",")) &&
             vitro_json_put_string(o, type->fields[i].json_name) && vitro_json_put_text(o, ":") &&
             vitro_json_put_field(o, &g, i);
        more = true;
    }
    vitro_json_gather_done(&g);
    return ok;
}

vitro_code vitro_pb_to_json(struct buf *out, const struct pb_schema *schema,
                            const struct pb_message_type *type, vitro_bytes bytes, vitro_error *err)
{
    struct json_out o = { schema, out, PB_JSON_DEPTH, VITRO_OK, err };
    size_t before = out->len;

    if (!vitro_json_put_message(&o, type, bytes))
        out->len = before;
    return o.rc;
}
