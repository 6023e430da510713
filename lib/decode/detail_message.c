/*
 * detail_message - the fields of a protobuf message, wherever its bytes stand.
 *
 * What google.protobuf.Any holds is a message as well, when the schema has its type.
 */
#include "decode/detail.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/util.h"
#include "pb/walk.h"

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

enum { ANY_MOST = 8, ANY_TYPE = 1, ANY_VALUE = 2 }; /* google/protobuf/any.proto */

/* What a walker needs. */
struct walk {
    struct detail *t;
    vitro_bytes bytes;
    vitro_span place; /* where they stand; of no length: nowhere as they are */
    unsigned depth;   /* of the fields of the outermost message */
    unsigned around;  /* so many Any hold it */
    bool in_any;
    uint32_t any;                       /* in_any: depth of its fields */
    const struct pb_message_type *held; /* what its type_url names */
};

/* The value of an Any whose type is known. */
static bool holds_message(const struct walk *w, const struct pb_node *n)
{
    return w->in_any && w->held && n->kind == PB_NODE_BYTES && n->depth == w->any &&
           n->number == ANY_VALUE && !n->fault && w->around < ANY_MOST;
}

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

    if (n->kind == PB_NODE_OPEN || holds_message(w, n))
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

static void walk(struct walk *w, const struct pb_message_type *type);

/* Where [from, to) of the message stands. */
static vitro_span part(const struct walk *w, size_t from, size_t to)
{
    vitro_span span = w->place;

    if (!span.length)
        return span;
    span.offset += from;
    span.length = to - from;
    return span;
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
    f->value_span = part(w, n->value_at, n->end);
    value_of(w, n, f);
    return f;
}

/* ---- Items --------------------------------------------------------------------------------- */

static vitro_item *pb_item(struct walk *w, vitro_item_form form, unsigned depth, const char *name,
                           const char *key, size_t from, size_t to)
{
    vitro_item *item = vitro_detail_add(w->t, form, depth + w->depth, name, key, 0, 0);

    item->span = part(w, from, to);
    if (!w->place.length)
        item->bits |= VITRO_ITEM_DERIVED;
    return item;
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

static void held_message(struct walk *w, const struct pb_node *n)
{
    struct walk in = { .t = w->t,
                       .bytes = { w->bytes.ptr + n->value_at, n->end - n->value_at },
                       .place = part(w, n->value_at, n->end),
                       .depth = w->depth + n->depth + 1,
                       .around = w->around + 1 };

    walk(&in, w->held);
}

/* "type.googleapis.com/google.rpc.ErrorInfo": the type stands behind the last slash. */
static const struct pb_message_type *type_named(const struct walk *w, const struct pb_node *n)
{
    size_t from = n->end;

    while (from > n->value_at && w->bytes.ptr[from - 1] != '/')
        from--;
    return vitro_pb_schema_message(w->t->decode->schema,
                                   (vitro_str){ (const char *)w->bytes.ptr + from, n->end - from });
}

static bool is_any(const struct pb_message_type *type)
{
    return type && vitro_str_eq(type->name, vitro_str_of("google.protobuf.Any"));
}

static void follow_any(struct walk *w, const struct pb_node *n)
{
    if (n->kind == PB_NODE_OPEN && is_any(n->type)) {
        w->in_any = true;
        w->any = n->depth + 1;
        w->held = NULL;
    } else if (w->in_any && n->depth < w->any) {
        w->in_any = false;
    } else if (w->in_any && n->kind == PB_NODE_BYTES && n->depth == w->any &&
               n->number == ANY_TYPE) {
        w->held = type_named(w, n);
    }
}

/* Tag, length and value, where they have bytes. */
static void part_items(struct walk *w, const struct pb_node *n)
{
    unsigned depth = n->depth + 1;
    vitro_item *item;

    if (n->after_tag > n->start) {
        item = pb_item(w, VITRO_ITEM_NUMBER, depth, "protobuf.field.tag", "pb.tag", n->start,
                       n->after_tag);
        item->number = (uint64_t)n->number << 3 | (uint64_t)n->wire;
        item->text = vitro_str_of(
            vitro_detail_text(w->t, "field %u, wire type %d", n->number, (int)n->wire));
    }
    if (n->value_at > n->after_tag) {
        item = pb_item(w, VITRO_ITEM_NUMBER, depth, "protobuf.field.value.length", "pb.length",
                       n->after_tag, n->value_at);
        item->number = said_length(w, n);
        item->text = vitro_str_of(vitro_detail_decimal(w->t, item->number));
    }
    if (n->kind != PB_NODE_OPEN && n->end > n->value_at && !holds_message(w, n))
        pb_item(w, VITRO_ITEM_BYTES, depth, "protobuf.field.value", "pb.value", n->value_at,
                n->end);
}

static void field_items(struct walk *w, const struct pb_node *n)
{
    const char *wire = vitro_detail_key(w->t, "pb.wire", n->wire, "pb.value");
    vitro_item *item;

    item = pb_item(w, VITRO_ITEM_FIELD, n->depth, "protobuf.field", wire, n->start, n->end);
    item->number = n->number;
    item->field = field_of(w, n);
    if (!item->field)
        item->form = VITRO_ITEM_GROUP;
    if (holds_message(w, n))
        item->text = w->held->name;
    else if (n->kind != PB_NODE_OPEN)
        item->text = enum_text(n);
    if (w->place.length)
        part_items(w, n);
    if (holds_message(w, n))
        held_message(w, n);
}

static bool on_node(const struct pb_node *n, void *user)
{
    struct walk *w = user;

    follow_any(w, n);
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

static void walk(struct walk *w, const struct pb_message_type *type)
{
    w->in_any = is_any(type);
    vitro_pb_walk(w->bytes, type, 0, on_node, w);
}

void vitro_detail_message(struct detail *t, vitro_bytes bytes, const struct pb_message_type *type,
                          vitro_span place, unsigned depth)
{
    struct walk w = { .t = t, .bytes = bytes, .place = place, .depth = depth };

    walk(&w, type);
}

/* ---- beside a status ------------------------------------------------------------------------- */

void vitro_detail_status(struct detail *t, vitro_str value, unsigned depth)
{
    vitro_str name = vitro_str_of("google.rpc.Status");
    const struct pb_message_type *type =
        t->decode->schema ? vitro_pb_schema_message(t->decode->schema, name) : NULL;
    uint8_t *bytes = vitro_arena_alloc(&t->decode->detail, base64_max_bytes(value.len) + 1);
    vitro_span nowhere = { .source = t->ev->source, .offset = t->ev->offset };
    vitro_item *group;
    size_t n;

    if (!bytes || !vitro_base64_decode(value, bytes, &n))
        return; /* it is no base64: its text is all there is */
    group = vitro_detail_add(t, VITRO_ITEM_GROUP, depth, "protobuf",
                             "header.grpc-status-details-bin", t->ev->offset, 0);
    group->bits |= VITRO_ITEM_DERIVED;
    group->text = type ? type->name : name;
    vitro_detail_message(t, (vitro_bytes){ bytes, n }, type, nowhere, depth + 1);
}
