#include "support/pb_make.h"

#include <assert.h>
#include <string.h>

#include "pb/unpack.h"
#include "pb/wire.h"

enum { MARGIN = 64, NUMBERS = 70 };

static bool often(struct pb_make *m, uint64_t one_in)
{
    return vitro_chance_below(m->chance, one_in) == 0;
}

static void add_varint(struct pb_make *m, uint64_t value)
{
    m->len += vitro_pb_write_varint(m->out + m->len, value);
}

static void add_tag(struct pb_make *m, uint32_t number, enum pb_wire wire)
{
    m->len += vitro_pb_write_tag(m->out + m->len, number, wire);
}

static uint64_t any_number(struct pb_make *m)
{
    uint64_t n = vitro_chance_next(m->chance);

    switch (vitro_chance_below(m->chance, 4)) {
    case 0:
        return n & 1;
    case 1:
        return n & 0x7f;
    case 2:
        return n >> vitro_chance_below(m->chance, 64);
    default:
        return ~(n >> vitro_chance_below(m->chance, 64));
    }
}

static void add_text(struct pb_make *m)
{
    static const char *const texts[] = {
        "", "a", "John Doe", "안녕하세요!", "\xf0\x9f\x8c\xb1", "user_0001_and_more", "é"
    };
    const char *text = texts[vitro_chance_below(m->chance, 7)];
    size_t n = strlen(text);

    add_varint(m, n);
    memcpy(m->out + m->len, text, n);
    m->len += n;
}

static void add_bytes(struct pb_make *m)
{
    size_t n = vitro_chance_below(m->chance, 20);

    add_varint(m, n);
    seed_fill(m->chance, m->out + m->len, n);
    m->len += n;
}

static void add_scalar(struct pb_make *m, enum pb_wire wire)
{
    uint64_t n = any_number(m);

    if (wire == PB_VARINT)
        add_varint(m, n);
    else if (wire == PB_FIXED32)
        m->len += vitro_pb_write_fixed32(m->out + m->len, (uint32_t)n);
    else
        m->len += vitro_pb_write_fixed64(m->out + m->len, n);
}

/* Put a length in front of what was added since start. */
static void put_length(struct pb_make *m, size_t start)
{
    size_t n = m->len - start, size = vitro_pb_varint_size(n);

    memmove(m->out + start + size, m->out + start, n);
    vitro_pb_write_varint(m->out + start, n);
    m->len += size;
}

static void add_fields(struct pb_make *m, const ProtobufCMessageDescriptor *type, unsigned depth);
static void add_required(struct pb_make *m, const ProtobufCMessageDescriptor *type, unsigned depth);

static void add_value(struct pb_make *m, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    size_t start = m->len;

    if (field->type == PROTOBUF_C_TYPE_STRING) {
        add_text(m);
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        add_bytes(m);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (depth)
            add_fields(m, field->descriptor, depth - 1);
        else
            add_required(m, field->descriptor, 0);
        put_length(m, start);
    } else {
        add_scalar(m, vitro_unpack_wire[field->type]);
    }
}

static void add_list(struct pb_make *m, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    enum pb_wire wire = vitro_unpack_wire[field->type];
    size_t n = vitro_chance_below(m->chance, 7);
    bool packed = wire != PB_LEN && often(m, 2);
    size_t start;

    if (packed)
        add_tag(m, field->id, PB_LEN);
    start = m->len;
    for (size_t i = 0; i < n && m->room - m->len > MARGIN; i++) {
        if (!packed)
            add_tag(m, field->id, wire);
        add_value(m, field, depth);
    }
    if (packed)
        put_length(m, start);
}

static void add_any(struct pb_make *m, unsigned depth)
{
    uint32_t number = often(m, 8) ? 1 + (uint32_t)vitro_chance_below(m->chance, PB_NUMBER_MAX)
                                  : 1 + (uint32_t)vitro_chance_below(m->chance, NUMBERS);
    enum pb_wire wire = (enum pb_wire)vitro_chance_below(m->chance, 6);
    size_t start;

    if (wire == PB_END || (wire == PB_START && (m->plain || !depth)))
        wire = PB_LEN;
    if (m->plain)
        number = 100000 + number % 1000;
    add_tag(m, number, wire);
    start = m->len;
    if (wire == PB_START) {
        for (size_t n = vitro_chance_below(m->chance, 4); n && m->room - m->len > MARGIN; n--)
            add_any(m, depth - 1);
        add_tag(m, number, PB_END);
    } else if (wire != PB_LEN) {
        add_scalar(m, wire);
    } else if (depth && often(m, 3) && m->room - m->len > MARGIN) {
        add_any(m, depth - 1);
        put_length(m, start);
    } else {
        add_bytes(m);
    }
}

static bool once(const ProtobufCFieldDescriptor *field)
{
    return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ||
           (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED);
}

/* Which fields came, by index; all members of one oneof share the bit of the first. */
static bool came_before(const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, uint64_t *came)
{
    const ProtobufCFieldDescriptor *first = type->fields;
    uint64_t bit;

    while (first != field && !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                               first->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                               first->quantifier_offset == field->quantifier_offset))
        first++;
    bit = UINT64_C(1) << (first - type->fields);
    if (*came & bit)
        return true;
    *came |= bit;
    return false;
}

static void add_required(struct pb_make *m, const ProtobufCMessageDescriptor *type, unsigned depth)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED) {
            add_tag(m, type->fields[i].id, vitro_unpack_wire[type->fields[i].type]);
            add_value(m, &type->fields[i], depth);
        }
    }
}

static void add_fields(struct pb_make *m, const ProtobufCMessageDescriptor *type, unsigned depth)
{
    size_t count = vitro_chance_below(m->chance, 9);
    uint64_t came = 0;

    assert(type->n_fields <= 64);
    add_required(m, type, depth);
    for (size_t i = 0; i < count && m->room - m->len > 8 * MARGIN; i++) {
        const ProtobufCFieldDescriptor *field =
            &type->fields[vitro_chance_below(m->chance, type->n_fields)];

        if (often(m, 12)) {
            add_any(m, depth);
        } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            add_list(m, field, depth);
        } else if (!m->plain || !once(field) || !came_before(type, field, &came)) {
            add_tag(m, field->id, vitro_unpack_wire[field->type]);
            add_value(m, field, depth);
        }
    }
}

vitro_bytes pb_make_message(struct pb_make *m, const ProtobufCMessageDescriptor *type,
                            unsigned depth)
{
    m->len = 0;
    add_fields(m, type, depth);
    assert(m->len <= m->room);
    return (vitro_bytes){ m->out, m->len };
}

vitro_bytes pb_make_fields(struct pb_make *m, unsigned depth)
{
    size_t count = vitro_chance_below(m->chance, 12);

    m->len = 0;
    for (size_t i = 0; i < count && m->room - m->len > 4 * MARGIN; i++)
        add_any(m, depth);
    assert(m->len <= m->room);
    return (vitro_bytes){ m->out, m->len };
}

static bool value_differs(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
    const ProtobufCBinaryData *x = a, *y = b;
    size_t size = vitro_unpack_size[field->type];
    const void *p = NULL, *q = NULL;

    if (size == sizeof p) {
        memcpy(&p, a, sizeof p);
        memcpy(&q, b, sizeof q);
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return !p != !q || (p && strcmp(p, q) != 0);
    case PROTOBUF_C_TYPE_BYTES:
        return x->len != y->len || (x->len && memcmp(x->data, y->data, x->len) != 0);
    case PROTOBUF_C_TYPE_MESSAGE:
        return !p != !q || (p && pb_difference(p, q));
    default:
        return memcmp(a, b, size) != 0;
    }
}

static bool list_differs(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *a,
                         const ProtobufCMessage *b)
{
    size_t n = *(size_t *)unpack_member(a, field->quantifier_offset);
    const uint8_t *x = *(uint8_t **)unpack_member(a, field->offset);
    const uint8_t *y = *(uint8_t **)unpack_member(b, field->offset);
    size_t size = vitro_unpack_size[field->type];

    if (n != *(size_t *)unpack_member(b, field->quantifier_offset))
        return true;
    for (size_t i = 0; i < n; i++) {
        if (value_differs(field, x + i * size, y + i * size))
            return true;
    }
    return false;
}

static bool field_differs(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *a,
                          const ProtobufCMessage *b)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return list_differs(field, a, b);
    if (field->quantifier_offset) {
        uint32_t x = *(uint32_t *)unpack_member(a, field->quantifier_offset);
        uint32_t y = *(uint32_t *)unpack_member(b, field->quantifier_offset);

        if (x != y)
            return true;
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && x != field->id)
            return false;
    }
    return value_differs(field, unpack_member(a, field->offset), unpack_member(b, field->offset));
}

const char *pb_difference(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    if (a->descriptor != b->descriptor)
        return "descriptor";
    for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
        if (field_differs(&a->descriptor->fields[i], a, b))
            return a->descriptor->fields[i].name;
    }
    if (a->n_unknown_fields != b->n_unknown_fields)
        return "number of unknown fields";
    for (unsigned i = 0; i < a->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];

        if (x->tag != y->tag || x->wire_type != y->wire_type || x->len != y->len ||
            (x->len && memcmp(x->data, y->data, x->len) != 0))
            return "unknown field";
    }
    return NULL;
}

bool pb_oracle_misreads(vitro_bytes bytes, const ProtobufCMessageDescriptor *type)
{
    struct pb_reader r = pb_reader_of(bytes);
    struct pb_token t;
    uint64_t came = 0;

    while (r.at < r.end && !vitro_pb_read(&r, &t)) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, t.number);

        if (!field)
            continue;
        if (t.wire != vitro_unpack_wire[field->type] && field->type == PROTOBUF_C_TYPE_BOOL)
            return true;
        if (t.wire != vitro_unpack_wire[field->type])
            continue;
        if (once(field) && came_before(type, field, &came))
            return true;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
            pb_oracle_misreads(pb_token_bytes(&r, &t), field->descriptor))
            return true;
    }
    return false;
}
