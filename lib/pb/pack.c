/*
 * pack - a message to bytes in one pass, the same for measuring and for writing.
 *
 * What does not fit is only counted, as snprintf does. The length of a sub-message or a packed
 * list stands in front of it: one byte is left for it, and what follows moves when it needs more.
 */
#include <string.h>

#include "base/util.h"
#include "pb/unpack.h"

struct out {
    uint8_t *p;
    uint8_t *end;  /* of the room; p for good once something did not fit */
    size_t missed; /* bytes that were only counted */
};

enum { EDGE = 16 }; /* a tag and a number */

/* Where a tag and a number may be written: in place, or into edge when little room is left. */
static inline uint8_t *place(const struct out *o, uint8_t *edge)
{
    return o->end - o->p >= EDGE ? o->p : edge;
}

static void put(struct out *o, const void *from, size_t n)
{
    if (n > (size_t)(o->end - o->p)) {
        o->end = o->p;
        o->missed += n;
    } else if (n) {
        memcpy(o->p, from, n);
        o->p += n;
    }
}

/* What place() gave was filled up to `to`; o is as it was then. */
static inline void placed(struct out *o, const uint8_t *edge, uint8_t *to)
{
    if (o->end - o->p >= EDGE)
        o->p = to;
    else
        put(o, edge, (size_t)(to - edge));
}

static inline uint8_t *varint(uint8_t *to, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static inline uint8_t *fixed(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

/* A tag, a length and that many bytes. */
static void put_run(struct out *o, uint64_t tag, const void *p, size_t n)
{
    uint8_t edge[EDGE], *to = place(o, edge);

    to = varint(to, tag);
    placed(o, edge, varint(to, n));
    put(o, p, n);
}

struct held { /* a length that is not known yet */
    uint8_t *p;
    size_t missed;
};

static struct held hold_length(struct out *o, uint64_t tag)
{
    uint8_t edge[EDGE], *to = place(o, edge);
    struct held held = { NULL, 0 };

    placed(o, edge, varint(to, tag));
    held.p = o->p;
    put(o, "", 1);
    held.missed = o->missed;
    return held;
}

static void put_held(struct out *o, struct held held)
{
    size_t written = (size_t)(o->p - held.p);
    size_t missed = o->missed - held.missed;
    size_t n = missed + written - (written ? 1 : 0);
    size_t more = vitro_pb_varint_size(n) - 1;

    if (missed || !written || more > (size_t)(o->end - o->p)) {
        o->end = o->p;
        o->missed += more;
        return;
    }
    if (more) {
        memmove(held.p + 1 + more, held.p + 1, n);
        o->p += more;
    }
    varint(held.p, n);
}

static uint64_t load(ProtobufCType type, const void *at)
{
    uint64_t wide = 0;
    uint32_t low = 0;

    if (vitro_unpack_size[type] == 8) {
        memcpy(&wide, at, 8);
        return type == PROTOBUF_C_TYPE_SINT64 ? wide << 1 ^ (~(wide >> 63) + 1) : wide;
    }
    memcpy(&low, at, 4);
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM: /* negative numbers take ten bytes, as 64 bits would */
        return (uint64_t)(int64_t)(int32_t)low;
    case PROTOBUF_C_TYPE_SINT32:
        return low << 1 ^ (~(low >> 31) + 1);
    case PROTOBUF_C_TYPE_BOOL:
        return low != 0;
    default:
        return low;
    }
}

static void put_message(struct out *o, const ProtobufCMessage *m);

static void put_length_delimited(struct out *o, uint64_t tag, ProtobufCType type, const void *at)
{
    const ProtobufCBinaryData *data = at;
    const void *p = *(const void *const *)at;
    struct held held;

    if (type == PROTOBUF_C_TYPE_STRING) {
        put_run(o, tag, p, p ? strlen(p) : 0);
    } else if (type == PROTOBUF_C_TYPE_BYTES) {
        put_run(o, tag, data->data, data->len);
    } else {
        held = hold_length(o, tag);
        if (p)
            put_message(o, p);
        put_held(o, held);
    }
}

/* A number as it stands on the wire. */
static inline uint8_t *number(uint8_t *to, ProtobufCType type, const void *at)
{
    if (vitro_unpack_wire[type] == PB_VARINT)
        return varint(to, load(type, at));
    return fixed(to, load(type, at), vitro_unpack_size[type]);
}

static inline uint64_t tag_of(const ProtobufCFieldDescriptor *field, unsigned wire)
{
    return (uint64_t)field->id << 3 | wire;
}

static inline void put_field(struct out *o, const ProtobufCFieldDescriptor *field, const void *at)
{
    uint64_t tag = tag_of(field, vitro_unpack_wire[field->type]);
    uint8_t edge[EDGE], *to;

    if (vitro_unpack_wire[field->type] == PB_LEN) {
        put_length_delimited(o, tag, field->type, at);
        return;
    }
    to = place(o, edge);
    to = varint(to, tag);
    placed(o, edge, number(to, field->type, at));
}

static void put_packed(struct out *o, const ProtobufCFieldDescriptor *field, const uint8_t *at,
                       size_t n)
{
    struct held held = hold_length(o, tag_of(field, PB_LEN));
    size_t size = vitro_unpack_size[field->type];

    for (size_t i = 0; i < n; i++, at += size) {
        uint8_t edge[EDGE], *to = place(o, edge);

        placed(o, edge, number(to, field->type, at));
    }
    put_held(o, held);
}

static void put_list(struct out *o, const ProtobufCMessage *m,
                     const ProtobufCFieldDescriptor *field)
{
    size_t n = *(const size_t *)unpack_member(m, field->quantifier_offset);
    const uint8_t *at = *(const uint8_t *const *)unpack_member(m, field->offset);
    size_t size = vitro_unpack_size[field->type];

    if (n && field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
        put_packed(o, field, at, n);
        return;
    }
    for (size_t i = 0; i < n; i++, at += size)
        put_field(o, field, at);
}

/* Implicit presence: there unless it is the default, bit by bit (-0.0 is written). */
static bool not_zero(ProtobufCType type, const void *at)
{
    const ProtobufCBinaryData *data = at;
    const char *text;

    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&text, at, sizeof text);
        return text && *text;
    case PROTOBUF_C_TYPE_BYTES:
        return data->len != 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)at != NULL;
    default:
        return load(type, at) != 0;
    }
}

static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field, const void *at)
{
    const void *quantifier = unpack_member(m, field->quantifier_offset);
    const void *pointer;

    if (field->label == PROTOBUF_C_LABEL_REQUIRED)
        return true;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)quantifier != field->id)
            return false;
    } else if (field->label == PROTOBUF_C_LABEL_NONE) {
        return not_zero(field->type, at);
    } else if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return *(const protobuf_c_boolean *)quantifier;
    }
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    memcpy(&pointer, at, sizeof pointer);
    return pointer && pointer != field->default_value;
}

static void put_unknown(struct out *o, const ProtobufCMessageUnknownField *field)
{
    uint8_t edge[EDGE], *to = place(o, edge);

    placed(o, edge, varint(to, (uint64_t)field->tag << 3 | (unsigned)field->wire_type));
    put(o, field->data, field->len);
}

static void put_message(struct out *o, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *field = m->descriptor->fields;

    for (unsigned i = 0; i < m->descriptor->n_fields; i++, field++) {
        const void *at = unpack_member(m, field->offset);

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            put_list(o, m, field);
        else if (is_set(m, field, at))
            put_field(o, field, at);
    }
    for (unsigned i = 0; i < m->n_unknown_fields; i++)
        put_unknown(o, &m->unknown_fields[i]);
}

size_t vitro_pb_pack(const ProtobufCMessage *message, uint8_t *out, size_t room)
{
    uint8_t nowhere; /* so that out may be NULL */
    uint8_t *start = room ? out : &nowhere;
    struct out o = { start, start + room, 0 };

    put_message(&o, message);
    return (size_t)(o.p - start) + o.missed;
}

size_t vitro_pb_size(const ProtobufCMessage *message)
{
    return vitro_pb_pack(message, NULL, 0);
}
