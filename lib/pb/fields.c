/*
 * fields - the loop of vitro_pb_unpack: tag, field, value, until the end.
 *
 * Written for the common case: fields come in the order of their numbers, tags and lengths have
 * one byte, text is ASCII. Every function that reads returns the place behind what it read, NULL
 * after a failure.
 */
#include "pb/unpack.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"

#define N(type) PROTOBUF_C_TYPE_##type
const uint8_t vitro_unpack_wire[] = {
    [N(INT32)] = PB_VARINT,    [N(SINT32)] = PB_VARINT,   [N(SFIXED32)] = PB_FIXED32,
    [N(INT64)] = PB_VARINT,    [N(SINT64)] = PB_VARINT,   [N(SFIXED64)] = PB_FIXED64,
    [N(UINT32)] = PB_VARINT,   [N(FIXED32)] = PB_FIXED32, [N(UINT64)] = PB_VARINT,
    [N(FIXED64)] = PB_FIXED64, [N(FLOAT)] = PB_FIXED32,   [N(DOUBLE)] = PB_FIXED64,
    [N(BOOL)] = PB_VARINT,     [N(ENUM)] = PB_VARINT,     [N(STRING)] = PB_LEN,
    [N(BYTES)] = PB_LEN,       [N(MESSAGE)] = PB_LEN,
};
const uint8_t vitro_unpack_size[] = {
    [N(INT32)] = 4,
    [N(SINT32)] = 4,
    [N(SFIXED32)] = 4,
    [N(INT64)] = 8,
    [N(SINT64)] = 8,
    [N(SFIXED64)] = 8,
    [N(UINT32)] = 4,
    [N(FIXED32)] = 4,
    [N(UINT64)] = 8,
    [N(FIXED64)] = 8,
    [N(FLOAT)] = 4,
    [N(DOUBLE)] = 8,
    [N(BOOL)] = sizeof(protobuf_c_boolean),
    [N(ENUM)] = 4,
    [N(STRING)] = sizeof(char *),
    [N(BYTES)] = sizeof(ProtobufCBinaryData),
    [N(MESSAGE)] = sizeof(void *),
};

enum { LIST_LEAST = 4 };

static const uint8_t *fail(struct unpack *u, enum pb_fault fault, const uint8_t *at)
{
    vitro_unpack_fail(u, fault, at);
    return NULL;
}

static const uint8_t *long_varint(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                  uint64_t *value)
{
    size_t most = MIN((size_t)(end - p), (size_t)PB_VARINT_MAX);

    *value = 0;
    for (size_t i = 0; i < most; i++) {
        *value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80)
            return p + i + 1;
    }
    return fail(u, most < PB_VARINT_MAX ? PB_FAULT_VARINT_CUT : PB_FAULT_VARINT_LONG, p);
}

static inline const uint8_t *varint(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                    uint64_t *value)
{
    if (p < end && *p < 0x80) {
        *value = *p;
        return p + 1;
    }
    if (end - p > 1 && p[1] < 0x80) {
        *value = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
        return p + 2;
    }
    return long_varint(u, p, end, value);
}

static inline uint64_t load(const uint8_t *p, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static inline const uint8_t *fixed(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                   size_t size, uint64_t *value)
{
    if ((size_t)(end - p) < size)
        return fail(u, PB_FAULT_FIXED_CUT, p);
    *value = size == 8 ? load(p, 8) : load(p, 4);
    return p + size;
}

/* A length and that many bytes; the place returned is behind them, *value at their start. */
static inline const uint8_t *run(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                 const uint8_t **value)
{
    uint64_t len;
    const uint8_t *start = varint(u, p, end, &len);

    if (!start)
        return NULL;
    if (len > (size_t)(end - start))
        return fail(u, PB_FAULT_LENGTH_PAST_END, p);
    *value = start;
    return start + len;
}

static inline void store(void *at, ProtobufCType type, uint64_t value)
{
    uint32_t low = (uint32_t)value;

    switch (type) {
    case N(SINT32):
        low = low >> 1 ^ (~(low & 1) + 1);
        break;
    case N(BOOL):
        low = value != 0;
        break;
    case N(SINT64):
        value = (uint64_t)pb_zigzag(value);
        break;
    default:
        break;
    }
    if (vitro_unpack_size[type] == 8)
        memcpy(at, &value, 8);
    else
        memcpy(at, &low, 4);
}

static inline size_t *list_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
    return unpack_member(m, field->quantifier_offset);
}

/* The room of a list of n: what it was given when it grew to n. */
static size_t list_room(size_t n)
{
    size_t room = LIST_LEAST;

    while (room < n)
        room *= 2;
    return n ? room : 0;
}

/* Move old bytes to a place of n bytes; stay when the place can grow where it is. */
static void *enlarge(struct unpack *u, void *p, size_t old, size_t n)
{
    struct room *r = &u->room;
    uint8_t *grown;

    if (p && (uint8_t *)p + room_round(old) == r->front &&
        room_round(n) - room_round(old) <= (size_t)(r->back - r->front)) {
        r->front += room_round(n) - room_round(old);
        return p;
    }
    grown = room_take(r, n);
    if (grown && old)
        memcpy(grown, p, old);
    return grown;
}

/* Room for more elements behind those of a list; where they go, NULL without memory. */
static uint8_t *list_reserve(struct unpack *u, const ProtobufCMessage *m,
                             const ProtobufCFieldDescriptor *field, size_t more)
{
    size_t n = *list_count(m, field), size = vitro_unpack_size[field->type];
    size_t old = list_room(n), wanted = list_room(n + more);
    uint8_t **array = unpack_member(m, field->offset);

    if (wanted > old) {
        uint8_t *grown = enlarge(u, *array, old * size, wanted * size);

        if (!grown)
            return NULL;
        *array = grown;
    }
    return *array + n * size;
}

static inline void *list_append(struct unpack *u, const ProtobufCMessage *m,
                                const ProtobufCFieldDescriptor *field)
{
    size_t n = *list_count(m, field);
    bool full = n == 0 || (n >= LIST_LEAST && (n & (n - 1)) == 0);

    if (full)
        return list_reserve(u, m, field, 1);
    return *(uint8_t **)unpack_member(m, field->offset) + n * vitro_unpack_size[field->type];
}

/* Copy while it is ASCII without NUL; how far that went. */
static size_t copy_ascii(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t word;

        memcpy(&word, from + i, 8);
        memcpy(to + i, &word, 8);
        if ((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080))
            return i;
    }
    for (; i < n && from[i] - 1u < 0x7f; i++)
        to[i] = from[i];
    return i;
}

static bool check_text(struct unpack *u, const ProtobufCFieldDescriptor *field, const uint8_t *p,
                       size_t n)
{
    bool any = u->flags & VITRO_PB_ANY_STRING || field->reserved_flags & VITRO_PB_FIELD_ANY_STRING;
    const uint8_t *nul = u->flags & VITRO_PB_CUT_STRINGS ? NULL : memchr(p, 0, n);

    if (nul)
        return vitro_unpack_fail(u, PB_FAULT_NUL, nul);
    for (size_t step; !any && n; p += step, n -= step) {
        uint32_t code_point;

        step = vitro_utf8_decode((vitro_str){ (const char *)p, n }, &code_point);
        if (step == 0)
            return vitro_unpack_fail(u, PB_FAULT_UTF8, p);
    }
    return true;
}

static const uint8_t *text(struct unpack *u, const ProtobufCFieldDescriptor *field, void *at,
                           const uint8_t *p, const uint8_t *end)
{
    const uint8_t *value;
    uint8_t *copy;
    size_t n, ascii;

    p = run(u, p, end, &value);
    if (!p)
        return NULL;
    n = (size_t)(p - value);
    copy = room_take_text(&u->room, n + 1);
    if (!copy)
        return NULL;
    ascii = copy_ascii(copy, value, n);
    if (ascii < n) {
        if (!check_text(u, field, value + ascii, n - ascii))
            return NULL;
        memcpy(copy + ascii, value + ascii, n - ascii);
    }
    copy[n] = '\0';
    memcpy(at, &copy, sizeof copy);
    return p;
}

static const uint8_t *bytes(struct unpack *u, void *at, const uint8_t *p, const uint8_t *end)
{
    ProtobufCBinaryData data = { 0, NULL };
    const uint8_t *value;

    p = run(u, p, end, &value);
    if (!p)
        return NULL;
    data.len = (size_t)(p - value);
    if (u->flags & VITRO_PB_LEND_BYTES) {
        data.data = (uint8_t *)(uintptr_t)value;
    } else if (data.len) {
        data.data = room_take_text(&u->room, data.len);
        if (!data.data)
            return NULL;
        memcpy(data.data, value, data.len);
    }
    memcpy(at, &data, sizeof data);
    return p;
}

static const uint8_t *message(struct unpack *u, const ProtobufCFieldDescriptor *field, void *at,
                              const uint8_t *p, const uint8_t *end)
{
    struct unpack_frame frame = { u->frame, NULL, NULL, NULL, 0 };
    ProtobufCMessage *m;
    const uint8_t *value, *after = run(u, p, end, &value);
    bool ok;

    if (!after)
        return NULL;
    if (u->depth == 0)
        return fail(u, PB_FAULT_DEPTH, p);
    memcpy(&m, at, sizeof m);
    if (!m) {
        m = vitro_unpack_message(u, field->descriptor);
        if (!m)
            return NULL;
        memcpy(at, &m, sizeof m);
    }
    frame.message = m;
    if (u->any_required && vitro_unpack_requires(u, m->descriptor))
        frame.seen = vitro_unpack_seen(m);
    u->frame = &frame;
    u->depth--;
    ok = vitro_unpack_fields(u, &frame, value, after);
    u->depth++;
    u->frame = ok ? frame.up : u->frame;
    return ok ? after : NULL;
}

/* One value of its own wire type, into a member, a union or an element. */
static inline const uint8_t *single(struct unpack *u, const ProtobufCFieldDescriptor *field,
                                    void *at, const uint8_t *p, const uint8_t *end)
{
    uint64_t value;

    switch (vitro_unpack_wire[field->type]) {
    case PB_VARINT:
        p = varint(u, p, end, &value);
        break;
    case PB_FIXED64:
        p = fixed(u, p, end, 8, &value);
        break;
    case PB_FIXED32:
        p = fixed(u, p, end, 4, &value);
        break;
    default:
        if (field->type == N(STRING))
            return text(u, field, at, p, end);
        if (field->type == N(BYTES))
            return bytes(u, at, p, end);
        return message(u, field, at, p, end);
    }
    if (p)
        store(at, field->type, value);
    return p;
}

/* A list's element counts before it is parsed: a failure inside names it. */
static const uint8_t *element(struct unpack *u, struct unpack_frame *frame,
                              const ProtobufCFieldDescriptor *field, const uint8_t *p,
                              const uint8_t *end)
{
    const ProtobufCMessage *m = frame->message;
    void *at = list_append(u, m, field);

    if (!at)
        return NULL;
    memset(at, 0, vitro_unpack_size[field->type]);
    if (field->type == N(MESSAGE)) {
        frame->index = (*list_count(m, field))++;
        return message(u, field, at, p, end);
    }
    p = single(u, field, at, p, end);
    if (p)
        ++*list_count(m, field);
    return p;
}

static size_t count_varints(const uint8_t *p, const uint8_t *end)
{
    size_t n = 0;

    for (; p < end; p++)
        n += *p < 0x80;
    return n;
}

static const uint8_t *packed(struct unpack *u, const ProtobufCMessage *m,
                             const ProtobufCFieldDescriptor *field, const uint8_t *p,
                             const uint8_t *end)
{
    size_t size = vitro_unpack_size[field->type];
    bool varints = vitro_unpack_wire[field->type] == PB_VARINT;
    const uint8_t *after = run(u, p, end, &p);
    size_t count;
    uint8_t *to;

    if (!after || p == after)
        return after;
    count = varints ? count_varints(p, after) : (size_t)(after - p) / size;
    if (!varints && (size_t)(after - p) % size)
        return fail(u, PB_FAULT_PACKED_CUT, p + count * size);
    to = count ? list_reserve(u, m, field, count) : NULL;
    if (count && !to)
        return NULL;
    while (p && p < after) {
        uint64_t value;

        p = varints ? varint(u, p, after, &value) : fixed(u, p, after, size, &value);
        if (p) {
            store(to, field->type, value);
            to += size;
            ++*list_count(m, field);
        }
    }
    return p;
}

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
        return element(u, frame, field, p, end);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        choose(m, field);
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset)
        *(protobuf_c_boolean *)unpack_member(m, field->quantifier_offset) = 1;
    else if (frame->seen) {
        size_t i = (size_t)(field - m->descriptor->fields);
        frame->seen[i / 8] = (uint8_t)(frame->seen[i / 8] | 1u << i % 8);
    }
    return single(u, field, unpack_member(m, field->offset), p, end);
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
        return varint(u, p, end, &ignored);
    case PB_FIXED64:
        return fixed(u, p, end, 8, &ignored);
    case PB_FIXED32:
        return fixed(u, p, end, 4, &ignored);
    case PB_LEN:
        return run(u, p, end, &value);
    case PB_START:
        if (u->depth == 0)
            return fail(u, PB_FAULT_DEPTH, p);
        fault = vitro_pb_skip_group(&group, number, u->depth - 1, &body_end);
        return fault ? fail(u, fault, p + group.at) : p + group.at;
    case PB_END:
        return fail(u, PB_FAULT_GROUP_END, p);
    default:
        return fail(u, PB_FAULT_WIRE_TYPE, p);
    }
}

static const uint8_t *unknown(struct unpack *u, ProtobufCMessage *m, uint32_t tag, const uint8_t *p,
                              const uint8_t *end)
{
    const uint8_t *after = skip(u, tag >> 3, tag & 7, p, end);
    size_t n = m->n_unknown_fields, size = sizeof *m->unknown_fields;
    size_t old = list_room(n), wanted = list_room(n + 1);
    ProtobufCMessageUnknownField *field;

    if (!after)
        return NULL;
    if (wanted > old) {
        void *grown = enlarge(u, m->unknown_fields, old * size, wanted * size);

        if (!grown)
            return NULL;
        m->unknown_fields = grown;
    }
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
        return fail(u, r.end < PB_TAG_MAX ? PB_FAULT_TAG_CUT : PB_FAULT_TAG_LONG, p);
    if (value > UINT32_MAX)
        return fail(u, PB_FAULT_TAG_LONG, p);
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
            p = packed(u, m, field, p, end);
        else
            p = unknown(u, m, tag, p, end);
        if (!p)
            return false;
    }
    return true;
}
