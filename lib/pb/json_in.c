/*
 * json_in - objects, lists and maps of JSON as fields of messages.
 */
#include "pb/json_in.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"

/* ---- what is wrong, and where --------------------------------------------------------------- */

static void put_path(struct text *t, const struct json_frame *f)
{
    if (!f)
        return;
    put_path(t, f->up);
    if (!f->key.ptr)
        vitro_text_add(t, "[%zu]", f->index);
    else {
        vitro_text_add(t, "%s", f->up ? "." : "");
        vitro_text_bytes(t, f->key);
    }
}

/* Two frames of an error: what, then where. */
static bool fail_at(struct json_in *in, const struct json_frame *frame, bool key,
                    const char *format, va_list args) VITRO_PRINTF(4, 0);
static bool fail_at(struct json_in *in, const struct json_frame *frame, bool key,
                    const char *format, va_list args)
{
    char what[VITRO_ERROR_TEXT], path[VITRO_ERROR_TEXT];
    struct json_place place;
    struct text t;

    if (in->rc)
        return false;
    in->rc = VITRO_INVALID_ARGUMENT;
    vsnprintf(what, sizeof what, format, args);
    vitro_fail(in->err, in->rc, "json", 0, "%s", what);
    vitro_json_locate(in, frame, key, &place);
    vitro_text_init(&t, path, sizeof path);
    put_path(&t, frame);
    vitro_wrap(in->err, in->rc, "json", "line %zu, column %zu%s%s", place.line, place.column,
               frame ? ", at " : "", path);
    return false;
}

bool vitro_json_in_fail(struct json_in *in, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_at(in, in->frame, false, format, args);
    va_end(args);
    return false;
}

bool vitro_json_in_fail_key(struct json_in *in, vitro_str key, const char *format, ...)
{
    struct json_frame frame = { in->frame, key, 0 };
    va_list args;

    va_start(args, format);
    fail_at(in, &frame, true, format, args);
    va_end(args);
    return false;
}

bool vitro_json_in_full(struct json_in *in)
{
    if (!in->rc)
        in->rc =
            vitro_fail(in->err, VITRO_RESOURCE_EXHAUSTED, "json", 0, "the message is too large");
    return false;
}

const char *vitro_json_word(const json_t *v)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };

    return words[json_typeof(v)];
}

/* ---- fields --------------------------------------------------------------------------------- */

bool vitro_json_null_is_value(const struct pb_field_type *f)
{
    return (f->type == PB_TYPE_MESSAGE && f->message &&
            vitro_json_known(f->message) == JSON_VALUE) ||
           (f->type == PB_TYPE_ENUM && vitro_json_null_enum(f->enum_type));
}

/* The member of an object that stands for a field, by either of its names; NULL: absent. */
static const json_t *member(const json_t *object, const struct pb_field_type *f, vitro_str *name)
{
    const json_t *v = json_object_getn(object, f->json_name.ptr, f->json_name.len);

    *name = f->json_name;
    if (!v) {
        v = json_object_getn(object, f->name.ptr, f->name.len);
        *name = f->name;
    }
    return v;
}

static bool is_absent(const struct pb_field_type *f, const json_t *v)
{
    return !v || (json_is_null(v) && (!vitro_json_null_is_value(f) || f->label == PB_REPEATED));
}

/* No other member of the same oneof stands in front of this one. */
static bool chosen_alone(struct json_in *in, const struct pb_message_type *type,
                         const struct pb_field_type *f, const json_t *object, vitro_str name)
{
    vitro_str other;

    for (const struct pb_field_type *g = type->fields; f->oneof >= 0 && g < f; g++) {
        if (g->oneof != f->oneof || is_absent(g, member(object, g, &other)))
            continue;
        return vitro_json_in_fail_key(in, name, "only one of oneof %.*s may be given; %.*s is too",
                                      (int)type->oneofs[f->oneof].len, type->oneofs[f->oneof].ptr,
                                      (int)other.len, other.ptr);
    }
    return true;
}

/* *used counts the members of object that were understood. */
static bool one_field(struct json_in *in, const struct pb_message_type *type,
                      const struct pb_field_type *f, const json_t *object, size_t *used)
{
    struct json_frame frame = { in->frame, { NULL, 0 }, 0 };
    const json_t *v = member(object, f, &frame.key);
    bool ok;

    if (!v)
        return true;
    ++*used;
    if (!vitro_str_eq(f->name, f->json_name) && frame.key.ptr == f->json_name.ptr &&
        json_object_getn(object, f->name.ptr, f->name.len))
        return vitro_json_in_fail_key(in, f->name, "given twice: %.*s is the same field",
                                      (int)f->json_name.len, f->json_name.ptr);
    if (is_absent(f, v))
        return true;
    if (!chosen_alone(in, type, f, object, frame.key))
        return false;
    in->frame = &frame;
    if (json_is_implicit(type, f))
        ok = vitro_json_in_single(in, f, v, false);
    else
        ok = vitro_json_in_field(in, f, v);
    in->frame = frame.up;
    return ok;
}

/* Which member it was that no field has. */
static bool unknown_member(struct json_in *in, const struct pb_message_type *type,
                           const json_t *object, bool skip_type)
{
    char names[VITRO_ERROR_TEXT];
    struct text t;

    vitro_text_init(&t, names, sizeof names);
    for (size_t i = 0; i < type->field_count; i++) {
        vitro_text_add(&t, "%s", i ? ", " : "; it has ");
        vitro_text_bytes(&t, type->fields[i].json_name);
    }
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        vitro_str key = { json_object_iter_key(at), json_object_iter_key_len(at) };

        if ((skip_type && vitro_str_eq(key, vitro_str_of("@type"))) ||
            vitro_pb_message_field_named(type, key))
            continue;
        return vitro_json_in_fail_key(in, key, "%.*s has no such field%s", (int)type->name.len,
                                      type->name.ptr, names);
    }
    return true;
}

bool vitro_json_in_fields(struct json_in *in, const struct pb_message_type *type, const json_t *v,
                          bool skip_type)
{
    size_t used = skip_type ? 1 : 0;

    for (size_t i = 0; i < type->field_count; i++) {
        if (!one_field(in, type, &type->fields[i], v, &used))
            return false;
    }
    return used >= json_object_size(v) || unknown_member(in, type, v, skip_type);
}

/* ---- lists and maps ------------------------------------------------------------------------- */

static bool refuse_null(struct json_in *in, const struct pb_field_type *f, const json_t *v)
{
    return !json_is_null(v) || vitro_json_null_is_value(f) ||
           vitro_json_in_fail(in, "null cannot stand in a list or map");
}

static bool list(struct json_in *in, const struct pb_field_type *f, const json_t *v)
{
    struct json_frame frame = { in->frame, { NULL, 0 }, 0 };
    size_t begin = 0;
    bool ok = true;

    if (!json_is_array(v))
        return vitro_json_in_fail(in, "a list is needed, not %s", vitro_json_word(v));
    if (f->packed && json_array_size(v)) {
        ok = vitro_json_in_tag(in, f->number, PB_LEN);
        begin = json_in_begin(in);
    }
    in->frame = &frame;
    for (size_t n = json_array_size(v); ok && frame.index < n; frame.index++) {
        const json_t *item = json_array_get(v, frame.index);
        uint64_t bits;

        ok = refuse_null(in, f, item);
        if (ok && f->packed)
            ok = vitro_json_in_scalar(in, f, item, &bits) &&
                 vitro_json_in_bits(in, (enum pb_wire)vitro_pb_type_wire(f->type), bits);
        else if (ok)
            ok = vitro_json_in_single(in, f, item, true);
    }
    in->frame = frame.up;
    return ok && (!f->packed || !json_array_size(v) || vitro_json_in_end(in, begin));
}

static bool map_key(struct json_in *in, const struct pb_field_type *f, vitro_str key)
{
    uint64_t bits;

    if (f->type == PB_TYPE_STRING)
        return vitro_json_in_tag(in, f->number, PB_LEN) &&
               vitro_json_in_bytes(in, (vitro_bytes){ (const uint8_t *)key.ptr, key.len });
    return vitro_json_in_key(in, f, key, &bits) &&
           vitro_json_in_tag(in, f->number, (enum pb_wire)vitro_pb_type_wire(f->type)) &&
           vitro_json_in_bits(in, (enum pb_wire)vitro_pb_type_wire(f->type), bits);
}

static bool map(struct json_in *in, const struct pb_field_type *f, const json_t *v)
{
    const struct pb_field_type *key = &f->message->fields[0], *value = &f->message->fields[1];
    struct json_frame frame = { in->frame, { NULL, 0 }, 0 };
    json_t *object = (json_t *)(uintptr_t)v; /* iterators take no const; nothing is written */
    bool ok = true;

    if (!json_is_object(v))
        return vitro_json_in_fail(in, "an object is needed, not %s", vitro_json_word(v));
    in->frame = &frame;
    for (void *at = json_object_iter(object); ok && at; at = json_object_iter_next(object, at)) {
        const json_t *item = json_object_iter_value(at);
        size_t begin;

        frame.key = (vitro_str){ json_object_iter_key(at), json_object_iter_key_len(at) };
        ok = refuse_null(in, value, item) && vitro_json_in_tag(in, f->number, PB_LEN);
        begin = json_in_begin(in);
        ok = ok && map_key(in, key, frame.key) && vitro_json_in_single(in, value, item, true) &&
             vitro_json_in_end(in, begin);
    }
    in->frame = frame.up;
    return ok;
}

bool vitro_json_in_field(struct json_in *in, const struct pb_field_type *f, const json_t *v)
{
    if (json_is_map(f))
        return map(in, f, v);
    return f->label == PB_REPEATED ? list(in, f, v) : vitro_json_in_single(in, f, v, true);
}
