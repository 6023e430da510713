/*
 * fields - the loop of vitro_pb_unpack: tag, field, value, until the end.
 *
 * Written for the common case: fields come in the order of their numbers, tags and lengths have
 * one byte, text is ASCII. Every function that reads returns the place behind what it read, NULL
 * after a failure.
 */
#include "base/util.h"
#include "pb/unpack_read.h"

/* Make field the member of its oneof that is set; what another left is forgotten. */
static void choose(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
    uint32_t *chosen = unpack_member(m, field->quantifier_offset);

    if (*chosen != field->id) {
        memset(unpack_member(m, field->offset), 0, vitro_unpack_size[field->type]);
        *chosen = field->id;
    }
}

static inline const uint8_t *known(struct unpack *u, struct unpack_frame *frame,
                                   const ProtobufCFieldDescriptor *field, const uint8_t *p,
                                   const uint8_t *end)
{
    const ProtobufCMessage *m = frame->message;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return vitro_unpack_element(u, frame, field, p, end);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        choose(m, field);
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset)
        *(protobuf_c_boolean *)unpack_member(m, field->quantifier_offset) = 1;
    else if (frame->seen) {
        size_t i = (size_t)(field - m->descriptor->fields);
        frame->seen[i / 8] = (uint8_t)(frame->seen[i / 8] | 1u << i % 8);
    }
    return vitro_unpack_value(u, field, unpack_member(m, field->offset), p, end);
}

/* The end of a value that is kept as it is. */
static const uint8_t *skip(struct unpack *u, uint32_t number, unsigned wire, const uint8_t *p,
                           const uint8_t *end)
{
    struct pb_reader group = { p, 0, (size_t)(end - p) };
    const uint8_t *value;
    uint64_t ignored;
    size_t body_end;
    enum pb_fault fault;

    switch (wire) {
    case PB_VARINT:
        return unpack_varint(u, p, end, &ignored);
    case PB_FIXED64:
        return unpack_fixed(u, p, end, 8, &ignored);
    case PB_FIXED32:
        return unpack_fixed(u, p, end, 4, &ignored);
    case PB_LEN:
        return unpack_run(u, p, end, &value);
    case PB_START:
        if (u->depth == 0)
            return unpack_fail_at(u, PB_FAULT_DEPTH, p);
        fault = vitro_pb_skip_group(&group, number, u->depth - 1, &body_end);
        return fault ? unpack_fail_at(u, fault, p + group.at) : p + group.at;
    case PB_END:
        return unpack_fail_at(u, PB_FAULT_GROUP_END, p);
    default:
        return unpack_fail_at(u, PB_FAULT_WIRE_TYPE, p);
    }
}

static const uint8_t *unknown(struct unpack *u, ProtobufCMessage *m, uint32_t tag, const uint8_t *p,
                              const uint8_t *end)
{
    const uint8_t *after = skip(u, tag >> 3, tag & 7, p, end);
    size_t n = m->n_unknown_fields;
    ProtobufCMessageUnknownField *field;
    void *list;

    if (!after)
        return NULL;
    list = vitro_unpack_list_room(u, m->unknown_fields, n, 1, sizeof *field);
    if (!list)
        return NULL;
    m->unknown_fields = list;
    field = &m->unknown_fields[n];
    field->tag = tag >> 3;
    field->wire_type = (ProtobufCWireType)(tag & 7);
    field->len = (size_t)(after - p);
    field->data = room_take_text(&u->room, field->len);
    if (!field->data)
        return NULL;
    if (field->len)
        memcpy(field->data, p, field->len);
    m->n_unknown_fields++;
    return after;
}

static const uint8_t *long_tag(struct unpack *u, const uint8_t *p, const uint8_t *end,
                               uint32_t *tag)
{
    struct pb_reader r = { p, 0, MIN((size_t)(end - p), (size_t)PB_TAG_MAX) };
    uint64_t value;

    if (vitro_pb_read_varint(&r, &value))
        return unpack_fail_at(u, r.end < PB_TAG_MAX ? PB_FAULT_TAG_CUT : PB_FAULT_TAG_LONG, p);
    if (value > UINT32_MAX)
        return unpack_fail_at(u, PB_FAULT_TAG_LONG, p);
    *tag = (uint32_t)value;
    return p + r.at;
}

/* The ranges hold runs of numbers: {first number, index}, and {0, count} at the end. */
static const ProtobufCFieldDescriptor *search(const ProtobufCMessageDescriptor *type,
                                              uint32_t number)
{
    const ProtobufCIntRange *range = type->field_ranges;
    unsigned low = 0, high = type->n_field_ranges;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        uint32_t first = (uint32_t)range[mid].start_value;
        unsigned count = range[mid + 1].orig_index - range[mid].orig_index;

        if (number < first)
            high = mid;
        else if (number - first >= count)
            low = mid + 1;
        else
            return &type->fields[range[mid].orig_index + (number - first)];
    }
    return NULL;
}

/* Fields come in order: look at the last one and the next before searching. */
static inline const ProtobufCFieldDescriptor *find(const ProtobufCMessageDescriptor *type,
                                                   const ProtobufCFieldDescriptor **next,
                                                   uint32_t number)
{
    const ProtobufCFieldDescriptor *end = type->fields + type->n_fields, *field = *next;

    if (field == end || field->id != number) {
        if (field != type->fields && field[-1].id == number)
            return field - 1;
        field = search(type, number);
        if (!field)
            return NULL;
    }
    *next = field + 1;
    return field;
}

bool vitro_unpack_fields(struct unpack *u, struct unpack_frame *frame, const uint8_t *p,
                         const uint8_t *end)
{
    ProtobufCMessage *m = (ProtobufCMessage *)(uintptr_t)frame->message;
    const ProtobufCFieldDescriptor *next = m->descriptor->fields;

    while (p < end) {
        const ProtobufCFieldDescriptor *field;
        const uint8_t *start = p;
        uint32_t tag = *p;

        frame->field = NULL;
        p = tag < 0x80 ? p + 1 : long_tag(u, p, end, &tag);
        if (!p)
            return false;
        if (tag >> 3 == 0)
            return vitro_unpack_fail(u, PB_FAULT_NUMBER_ZERO, start);
        field = find(m->descriptor, &next, tag >> 3);
        frame->field = field;
        if (field && (tag & 7) == vitro_unpack_wire[field->type])
            p = known(u, frame, field, p, end);
        else if (field && (tag & 7) == PB_LEN && field->label == PROTOBUF_C_LABEL_REPEATED)
            p = vitro_unpack_packed(u, m, field, p, end);
        else
            p = unknown(u, m, tag, p, end);
        if (!p)
            return false;
    }
    return true;
}
