/*
 * values - one value of a field: numbers, text, bytes, messages.
 */
#include "base/text.h"
#include "base/util.h"
#include "pb/unpack_read.h"

#define TYPES(X)                                                                                   \
    X(INT32, VARINT, 4)                                                                            \
    X(SINT32, VARINT, 4)                                                                           \
    X(SFIXED32, FIXED32, 4)                                                                        \
    X(INT64, VARINT, 8)                                                                            \
    X(SINT64, VARINT, 8)                                                                           \
    X(SFIXED64, FIXED64, 8)                                                                        \
    X(UINT32, VARINT, 4)                                                                           \
    X(FIXED32, FIXED32, 4)                                                                         \
    X(UINT64, VARINT, 8)                                                                           \
    X(FIXED64, FIXED64, 8)                                                                         \
    X(FLOAT, FIXED32, 4)                                                                           \
    X(DOUBLE, FIXED64, 8)                                                                          \
    X(BOOL, VARINT, sizeof(protobuf_c_boolean))                                                    \
    X(ENUM, VARINT, 4)                                                                             \
    X(STRING, LEN, sizeof(char *))                                                                 \
    X(BYTES, LEN, sizeof(ProtobufCBinaryData))                                                     \
    X(MESSAGE, LEN, sizeof(void *))

const uint8_t vitro_unpack_wire[] = {
#define ROW(type, wire, size) [PROTOBUF_C_TYPE_##type] = PB_##wire,
    TYPES(ROW)
#undef ROW
};
const uint8_t vitro_unpack_size[] = {
#define ROW(type, wire, size) [PROTOBUF_C_TYPE_##type] = size,
    TYPES(ROW)
#undef ROW
};

const uint8_t *vitro_unpack_long_varint(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                        uint64_t *value)
{
    size_t most = MIN((size_t)(end - p), (size_t)PB_VARINT_MAX);

    *value = 0;
    for (size_t i = 0; i < most; i++) {
        *value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80)
            return p + i + 1;
    }
    return unpack_fail_at(u, most < PB_VARINT_MAX ? PB_FAULT_VARINT_CUT : PB_FAULT_VARINT_LONG, p);
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

    p = unpack_run(u, p, end, &value);
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

    p = unpack_run(u, p, end, &value);
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
    const uint8_t *value, *after = unpack_run(u, p, end, &value);
    bool ok;

    if (!after)
        return NULL;
    if (u->depth == 0)
        return unpack_fail_at(u, PB_FAULT_DEPTH, p);
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

const uint8_t *vitro_unpack_value(struct unpack *u, const ProtobufCFieldDescriptor *field, void *at,
                                  const uint8_t *p, const uint8_t *end)
{
    uint64_t value;

    switch (vitro_unpack_wire[field->type]) {
    case PB_VARINT:
        p = unpack_varint(u, p, end, &value);
        break;
    case PB_FIXED64:
        p = unpack_fixed(u, p, end, 8, &value);
        break;
    case PB_FIXED32:
        p = unpack_fixed(u, p, end, 4, &value);
        break;
    default:
        if (field->type == PROTOBUF_C_TYPE_STRING)
            return text(u, field, at, p, end);
        if (field->type == PROTOBUF_C_TYPE_BYTES)
            return bytes(u, at, p, end);
        return message(u, field, at, p, end);
    }
    if (p)
        unpack_store(at, field->type, value);
    return p;
}
