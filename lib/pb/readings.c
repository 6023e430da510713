/*
 * readings - what a value may mean, when no schema says what it does.
 */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "pb/walk.h"

const char *vitro_pb_reading_name(enum pb_reading_kind kind)
{
    static const char *const names[PB_READ_KINDS] = {
        [PB_READ_UINT] = "uint",
        [PB_READ_INT] = "int",
        [PB_READ_SINT] = "sint",
        [PB_READ_BOOL] = "bool",
        [PB_READ_FLOAT] = "float",
        [PB_READ_DOUBLE] = "double",
        [PB_READ_STRING] = "string",
        [PB_READ_MESSAGE] = "message",
        [PB_READ_PACKED_VARINT] = "packed varint",
        [PB_READ_PACKED_FIXED32] = "packed fixed32",
        [PB_READ_PACKED_FIXED64] = "packed fixed64",
        [PB_READ_BYTES] = "bytes",
    };

    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

static double float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

int64_t vitro_pb_value_int(enum pb_type type, uint64_t wire_value)
{
    uint32_t low = (uint32_t)wire_value;

    switch (type) {
    case PB_TYPE_INT32:
    case PB_TYPE_ENUM:
    case PB_TYPE_SFIXED32:
        return (int32_t)low;
    case PB_TYPE_SINT32:
        return (int32_t)(low >> 1 ^ (~(low & 1) + 1));
    case PB_TYPE_SINT64:
        return pb_zigzag(wire_value);
    case PB_TYPE_UINT32:
    case PB_TYPE_FIXED32:
        return low;
    case PB_TYPE_BOOL:
        return wire_value != 0;
    default:
        return (int64_t)wire_value;
    }
}

double vitro_pb_value_double(enum pb_type type, uint64_t wire_value)
{
    if (type == PB_TYPE_FLOAT)
        return float_of((uint32_t)wire_value);
    if (type == PB_TYPE_DOUBLE)
        return double_of(wire_value);
    if (type == PB_TYPE_UINT64 || type == PB_TYPE_FIXED64)
        return (double)wire_value;
    return (double)vitro_pb_value_int(type, wire_value);
}

bool vitro_pb_is_message(vitro_bytes bytes)
{
    struct pb_reader r = pb_reader_of(bytes);

    while (r.at < r.end) {
        struct pb_token t;
        size_t body_end;

        if (vitro_pb_read(&r, &t) || t.wire == PB_END)
            return false;
        if (t.wire == PB_START && vitro_pb_skip_group(&r, t.number, PB_DEPTH, &body_end))
            return false;
    }
    return true;
}

/* How many varints fill bytes; 0 when they do not. */
static uint64_t whole_varints(vitro_bytes bytes)
{
    struct pb_reader r = pb_reader_of(bytes);
    uint64_t count = 0, value;

    for (; r.at < r.end; count++) {
        if (vitro_pb_read_varint(&r, &value))
            return 0;
    }
    return count;
}

static size_t scalar_readings(const struct pb_node *node, struct pb_reading *out)
{
    struct pb_reading *next = out;
    uint64_t u = node->value;
    bool wide = node->wire != PB_FIXED32;

    *next++ = (struct pb_reading){ PB_READ_UINT, { .u = u }, { NULL, 0 } };
    *next++ = (struct pb_reading){ PB_READ_INT,
                                   { .i = wide ? (int64_t)u : (int64_t)(int32_t)(uint32_t)u },
                                   { NULL, 0 } };
    if (node->wire == PB_VARINT)
        *next++ = (struct pb_reading){ PB_READ_SINT, { .i = pb_zigzag(u) }, { NULL, 0 } };
    if (node->wire == PB_VARINT && u <= 1)
        *next++ = (struct pb_reading){ PB_READ_BOOL, { .u = u }, { NULL, 0 } };
    if (node->wire == PB_FIXED32)
        *next++ = (struct pb_reading){ PB_READ_FLOAT, { .d = float_of((uint32_t)u) }, { NULL, 0 } };
    if (node->wire == PB_FIXED64)
        *next++ = (struct pb_reading){ PB_READ_DOUBLE, { .d = double_of(u) }, { NULL, 0 } };
    return (size_t)(next - out);
}

static size_t bytes_readings(vitro_bytes value, struct pb_reading *out)
{
    struct pb_reading *next = out;
    uint64_t varints = whole_varints(value);

    if (vitro_utf8_valid((vitro_str){ (const char *)value.ptr, value.len }))
        *next++ = (struct pb_reading){ PB_READ_STRING, { 0 }, value };
    if (vitro_pb_is_message(value))
        *next++ = (struct pb_reading){ PB_READ_MESSAGE, { 0 }, value };
    if (varints)
        *next++ = (struct pb_reading){ PB_READ_PACKED_VARINT, { .u = varints }, value };
    if (value.len && value.len % 4 == 0)
        *next++ = (struct pb_reading){ PB_READ_PACKED_FIXED32, { .u = value.len / 4 }, value };
    if (value.len && value.len % 8 == 0)
        *next++ = (struct pb_reading){ PB_READ_PACKED_FIXED64, { .u = value.len / 8 }, value };
    *next++ = (struct pb_reading){ PB_READ_BYTES, { 0 }, value };
    return (size_t)(next - out);
}

size_t vitro_pb_readings(const struct pb_node *node, vitro_bytes value,
                         struct pb_reading out[PB_READ_KINDS])
{
    if (node->kind == PB_NODE_SCALAR)
        return scalar_readings(node, out);
    if (node->kind == PB_NODE_BYTES)
        return bytes_readings(value, out);
    return 0;
}
