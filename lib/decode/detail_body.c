/*
 * detail_body - the prefix of a gRPC message, and the fields of the protobuf message behind it.
 */
#include "decode/detail.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "pb/walk.h"
#include "wire/lpm.h"

void vitro_detail_grpc(struct detail *t, vitro_detail *out)
{
    uint8_t p[LPM_PREFIX] = { 0 };
    vitro_span span = vitro_event_span(t->ev);
    uint64_t at = t->ev->offset, len;

    out->title = vitro_str_of("message");
    out->key = "grpc.message";
    vitro_decode_bytes(t->decode, &span, 0, p, sizeof p, NULL);
    len = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
    vitro_detail_number(t, 0, "grpc.compressed_flag", "grpc.prefix.flag", at, 1, p[0], NULL);
    vitro_detail_number(t, 0, "grpc.message_length", "grpc.prefix.length", at + 1, 4, len, NULL);
}

/* ---- Values -------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number; `single`: as the same float. */
static const char *double_text(struct detail *t, double v, bool single)
{
    char text[40];

    if (isnan(v))
        return "NaN";
    if (isinf(v))
        return v < 0 ? "-Infinity" : "Infinity";
    for (int digits = 1; digits <= (single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
            break;
    }
    for (char *p = text; *p; p++) {
        if (*p == ',') /* what the locale of the process writes for a point */
            *p = '.';
    }
    return vitro_detail_text(t, "%s", text);
}

/* How JSON would write a number of this type; *bare is false for NaN and infinities. */
static const char *typed_text(struct detail *t, enum pb_type type, uint64_t wire, bool *bare)
{
    double v;

    *bare = true;
    switch (type) {
    case PB_TYPE_DOUBLE:
    case PB_TYPE_FLOAT:
        v = vitro_pb_value_double(type, wire);
        *bare = isfinite(v);
        return double_text(t, v, type == PB_TYPE_FLOAT);
    case PB_TYPE_BOOL:
        return wire ? "true" : "false";
    case PB_TYPE_UINT64:
    case PB_TYPE_FIXED64:
        return vitro_detail_text(t, "%" PRIu64, wire);
    case PB_TYPE_UINT32:
    case PB_TYPE_FIXED32:
        return vitro_detail_text(t, "%" PRIu32, (uint32_t)wire);
    default:
        return vitro_detail_text(t, "%" PRId64, vitro_pb_value_int(type, wire));
    }
}

static const char *reading_text(struct detail *t, const struct pb_reading *r)
{
    switch (r->kind) {
    case PB_READ_UINT:
        return vitro_detail_text(t, "%" PRIu64, r->as.u);
    case PB_READ_INT:
    case PB_READ_SINT:
        return vitro_detail_text(t, "%" PRId64, r->as.i);
    case PB_READ_BOOL:
        return r->as.u ? "true" : "false";
    case PB_READ_FLOAT:
        return double_text(t, r->as.d, true);
    case PB_READ_DOUBLE:
        return double_text(t, r->as.d, false);
    case PB_READ_PACKED_VARINT:
    case PB_READ_PACKED_FIXED32:
    case PB_READ_PACKED_FIXED64:
        return vitro_detail_text(t, "%" PRIu64 " values", r->as.u);
    default:
        return NULL;
    }
}

/* What a walker needs. */
struct walk {
    struct detail *t;
    vitro_bytes bytes;
};

static void readings(struct walk *w, const struct pb_node *n, vitro_item_field *f)
{
    struct pb_reading all[PB_READ_KINDS];
    vitro_bytes value = { w->bytes.ptr + n->value_at, n->end - n->value_at };
    size_t count = vitro_pb_readings(n, value, all);
    vitro_reading *out;

    out = vitro_arena_alloc(&w->t->decode->detail, MAX(count, 1) * sizeof *out);
    if (!out)
        return;
    for (size_t i = 0; i < count; i++) {
        const char *text = reading_text(w->t, &all[i]);
        out[i].type = vitro_pb_reading_name(all[i].kind);
        out[i].value = text ? vitro_str_of(text)
                            : (vitro_str){ (const char *)all[i].bytes.ptr, all[i].bytes.len };
    }
    f->readings = out;
    f->reading_count = count;
}

static bool has_text(const struct pb_node *n)
{
    return n->field && (n->field->type == PB_TYPE_STRING || n->field->type == PB_TYPE_ENUM);
}

static void value_of(struct walk *w, const struct pb_node *n, vitro_item_field *f)
{
    vitro_bytes value = { w->bytes.ptr + n->value_at, n->end - n->value_at };

    if (n->kind == PB_NODE_OPEN)
        return;
    if (!n->field || n->mismatch) {
        readings(w, n, f);
        return;
    }
    if (n->kind == PB_NODE_BYTES) {
        f->bare_text = has_text(n) && n->fault != PB_FAULT_UTF8;
        f->value = (vitro_str){ (const char *)value.ptr, value.len };
        return;
    }
    f->value = vitro_str_of(typed_text(w->t, n->field->type, n->value, &f->bare_number));
    f->bare_text = !f->bare_number;
}

static vitro_item_field *field_of(struct walk *w, const struct pb_node *n)
{
    vitro_item_field *f = vitro_arena_zalloc(&w->t->decode->detail, sizeof *f);

    if (!f)
        return NULL;
    f->number = n->number;
    f->wiretype = (uint8_t)n->wire;
    f->name = f->value = vitro_str_of("");
    if (n->field) {
        f->name = n->field->name;
        f->type = vitro_pb_type_name(n->field->type);
    }
    f->value_span = vitro_event_span(w->t->ev);
    f->value_span.offset += n->value_at;
    f->value_span.length = n->end - n->value_at;
    value_of(w, n, f);
    return f;
}

/* ---- Items --------------------------------------------------------------------------------- */

static vitro_item *pb_item(struct walk *w, vitro_item_form form, unsigned depth, const char *name,
                           const char *key, size_t from, size_t to)
{
    return vitro_detail_add(w->t, form, depth, name, key, w->t->ev->offset + from, to - from);
}

/* The symbol behind an enum's number, for people. */
static vitro_str enum_text(const struct pb_node *n)
{
    const struct pb_enum_value *v =
        n->field && n->field->type == PB_TYPE_ENUM
            ? vitro_pb_enum_value(n->field->enum_type, (int32_t)n->value)
            : NULL;

    return v ? v->name : vitro_str_of("");
}

/* The length as written, which may be more than there is. */
static uint64_t said_length(const struct walk *w, const struct pb_node *n)
{
    struct pb_reader r = { w->bytes.ptr, n->after_tag, n->value_at };
    uint64_t length = 0;

    return vitro_pb_read_varint(&r, &length) ? n->end - n->value_at : length;
}

static void damage_item(struct walk *w, const struct pb_node *n)
{
    vitro_item *item =
        pb_item(w, VITRO_ITEM_BYTES, n->depth, "protobuf.unknown", "pb.unknown", n->start, n->end);

    item->text = vitro_str_of(vitro_pb_fault_text(n->fault));
    item->bits |= VITRO_ITEM_UNKNOWN;
    if (n->end == n->start)
        item->bits |= VITRO_ITEM_DERIVED; /* its bytes are shown as far as they go */
}

static void field_items(struct walk *w, const struct pb_node *n)
{
    unsigned depth = n->depth;
    const char *wire = vitro_detail_key(w->t, "pb.wire", n->wire, "pb.value");
    vitro_item *item;

    item = pb_item(w, VITRO_ITEM_FIELD, depth, "protobuf.field", wire, n->start, n->end);
    item->number = n->number;
    item->field = field_of(w, n);
    if (!item->field)
        item->form = VITRO_ITEM_GROUP;
    if (n->kind != PB_NODE_OPEN)
        item->text = enum_text(n);
    if (n->after_tag > n->start) {
        item = pb_item(w, VITRO_ITEM_NUMBER, depth + 1, "protobuf.field.tag", "pb.tag", n->start,
                       n->after_tag);
        item->number = (uint64_t)n->number << 3 | (uint64_t)n->wire;
        item->text = vitro_str_of(
            vitro_detail_text(w->t, "field %u, wire type %d", n->number, (int)n->wire));
    }
    if (n->value_at > n->after_tag)
        vitro_detail_number(w->t, depth + 1, "protobuf.field.value.length", "pb.length",
                            w->t->ev->offset + n->after_tag, n->value_at - n->after_tag,
                            said_length(w, n), NULL);
    if (n->kind != PB_NODE_OPEN && n->end > n->value_at)
        pb_item(w, VITRO_ITEM_BYTES, depth + 1, "protobuf.field.value", "pb.value", n->value_at,
                n->end);
}

static bool on_node(const struct pb_node *n, void *user)
{
    struct walk *w = user;

    if (n->kind == PB_NODE_CLOSE) {
        if (n->group == PB_GROUP_GROUP && n->after_tag > n->start)
            pb_item(w, VITRO_ITEM_BYTES, n->depth + 1, "protobuf.field.tag", "pb.wire.4", n->start,
                    n->after_tag);
    } else if (n->kind == PB_NODE_DAMAGE) {
        damage_item(w, n);
    } else {
        field_items(w, n);
    }
    return !w->t->full;
}

static const struct pb_message_type *type_of(const struct detail *t)
{
    vitro_str path = vitro_names_get(&t->decode->names, t->ev->path);
    const struct pb_method_type *m;

    if (!t->decode->schema || !path.len)
        return NULL;
    if (t->ev->source == VITRO_SOURCE_NOTE) /* of no call: the note names the type */
        return vitro_pb_schema_message(t->decode->schema, path);
    m = vitro_pb_schema_method(t->decode->schema, path);
    return !m ? NULL : t->ev->dir == VITRO_C2S ? m->input : m->output;
}

/* The message in one run, for as long as the detail; false when some of it is not at hand. */
static bool gather(struct detail *t, vitro_bytes *out)
{
    vitro_span span = vitro_event_span(t->ev);
    struct buf *b = &t->decode->scratch;
    uint8_t *copy;

    if (detail_is_held(t)) { /* one of several in its frame */
        copy = vitro_arena_alloc(&t->decode->detail, MAX((size_t)span.length, 1U));
        *out = (vitro_bytes){ copy, (size_t)span.length };
        return copy && vitro_decode_bytes(t->decode, &span, 0, copy, out->len, NULL) == out->len;
    }
    vitro_buf_consume(b, b->len);
    if (!vitro_decode_gather(t->decode, &span, VITRO_LEND_MAX, b))
        return false;
    *out = vitro_buf_bytes(b);
    return true;
}

void vitro_detail_protobuf(struct detail *t, vitro_detail *out)
{
    const struct pb_message_type *type = type_of(t);
    struct walk w = { t, { NULL, 0 } };
    vitro_item *item;

    out->title = type ? type->name : vitro_str_of("message without schema");
    out->key = "pb.message";
    if (t->brief)
        return;
    if (!gather(t, &w.bytes)) {
        item = vitro_detail_add(t, VITRO_ITEM_BYTES, 0, "protobuf.unknown", "pb.unknown",
                                t->ev->offset, t->ev->length);
        item->bits |= VITRO_ITEM_UNKNOWN;
        item->text = vitro_str_of(vitro_decode_why(WHY_NOT_HELD));
        return;
    }
    vitro_pb_walk(w.bytes, type, 0, on_node, &w);
}
