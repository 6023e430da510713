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
    size_t left; /* bytes at p; 0 for good once something did not fit */
    size_t len;  /* of all that was put, written or not */
};

static void put(struct out *o, const void *from, size_t n)
{
    o->len += n;
    if (n > o->left) {
        o->left = 0;
    } else if (n) {
        memcpy(o->p, from, n);
        o->p += n;
        o->left -= n;
    }
}

static inline void put_varint(struct out *o, uint64_t value)
{
    uint8_t edge[PB_VARINT_MAX];
    size_t n;

    if (o->left < sizeof edge) {
        put(o, edge, vitro_pb_write_varint(edge, value));
        return;
    }
    for (n = 0; value > 0x7f; value >>= 7)
        o->p[n++] = (uint8_t)(value | 0x80);
    o->p[n++] = (uint8_t)value;
    o->p += n;
    o->left -= n;
    o->len += n;
}

static void put_fixed(struct out *o, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    vitro_pb_write_fixed64(bytes, value);
    put(o, bytes, size);
}

struct held { /* a length that is not known yet */
    uint8_t *p;
    size_t len;
};

static struct held hold_length(struct out *o)
{
    struct held held = { o->p, o->len + 1 };

    put(o, "", 1);
    return held;
}

static void put_held(struct out *o, struct held held)
{
    size_t n = o->len - held.len;
    size_t more = vitro_pb_varint_size(n) - 1;
    bool written = n < (size_t)(o->p - held.p);

    o->len += more;
    if (!written || more > o->left) {
        o->left = written && !more ? o->left : 0;
        return;
    }
    if (more) {
        memmove(held.p + 1 + more, held.p + 1, n);
        o->p += more;
        o->left -= more;
    }
    vitro_pb_write_varint(held.p, n);
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

static void put_run(struct out *o, const void *p, size_t n)
{
    put_varint(o, n);
    put(o, p, n);
}

static void put_length_delimited(struct out *o, ProtobufCType type, const void *at)
{
    const ProtobufCBinaryData *data = at;
    const void *p = *(const void *const *)at;
    struct held held;

    if (type == PROTOBUF_C_TYPE_STRING) {
        put_run(o, p, p ? strlen(p) : 0);
    } else if (type == PROTOBUF_C_TYPE_BYTES) {
        put_run(o, data->data, data->len);
    } else {
        held = hold_length(o);
        if (p)
            put_message(o, p);
        put_held(o, held);
    }
}

static inline void put_value(struct out *o, ProtobufCType type, const void *at)
{
    switch (vitro_unpack_wire[type]) {
    case PB_VARINT:
        put_varint(o, load(type, at));
        break;
    case PB_LEN:
        put_length_delimited(o, type, at);
        break;
    default:
        put_fixed(o, load(type, at), vitro_unpack_size[type]);
    }
}

static void put_tag(struct out *o, const ProtobufCFieldDescriptor *field, unsigned wire)
{
    put_varint(o, (uint64_t)field->id << 3 | wire);
}

static void put_list(struct out *o, const ProtobufCMessage *m,
                     const ProtobufCFieldDescriptor *field)
{
    size_t n = *(const size_t *)unpack_member(m, field->quantifier_offset);
    const uint8_t *at = *(const uint8_t *const *)unpack_member(m, field->offset);
    size_t size = vitro_unpack_size[field->type];
    bool packed = field->flags & PROTOBUF_C_FIELD_FLAG_PACKED;
    struct held held = { NULL, 0 };

    if (n && packed) {
        put_tag(o, field, PB_LEN);
        held = hold_length(o);
    }
    for (size_t i = 0; i < n; i++, at += size) {
        if (!packed)
            put_tag(o, field, vitro_unpack_wire[field->type]);
        put_value(o, field->type, at);
    }
    if (n && packed)
        put_held(o, held);
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
    put_varint(o, (uint64_t)field->tag << 3 | (unsigned)field->wire_type);
    put(o, field->data, field->len);
}

static void put_message(struct out *o, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *field = m->descriptor->fields;

    for (unsigned i = 0; i < m->descriptor->n_fields; i++, field++) {
        const void *at = unpack_member(m, field->offset);

        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            put_list(o, m, field);
        } else if (is_set(m, field, at)) {
            put_tag(o, field, vitro_unpack_wire[field->type]);
            put_value(o, field->type, at);
        }
    }
    for (unsigned i = 0; i < m->n_unknown_fields; i++)
        put_unknown(o, &m->unknown_fields[i]);
}

size_t vitro_pb_pack(const ProtobufCMessage *message, uint8_t *out, size_t room)
{
    struct out o = { out, room, 0 };

    put_message(&o, message);
    return o.len;
}

size_t vitro_pb_size(const ProtobufCMessage *message)
{
    return vitro_pb_pack(message, NULL, 0);
}
