#include "pb/wire.h"

#include <assert.h>

#include "base/util.h"

const char *vitro_pb_fault_text(enum pb_fault fault)
{
    static const char *const texts[] = {
#define PB_FAULT(name, text) text,
        PB_FAULTS(PB_FAULT)
#undef PB_FAULT
    };

    assert((size_t)fault < ARRAY_LEN(texts));
    return texts[fault];
}

enum pb_fault vitro_pb_read_varint(struct pb_reader *r, uint64_t *value)
{
    size_t room = r->end - r->at;
    size_t most = MIN(room, (size_t)PB_VARINT_MAX);
    const uint8_t *p = r->base + r->at;

    assert(r->at <= r->end);
    *value = 0;
    for (size_t i = 0; i < most; i++) {
        *value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            r->at += i + 1;
            return PB_FAULT_NONE;
        }
    }
    return room < PB_VARINT_MAX ? PB_FAULT_VARINT_CUT : PB_FAULT_VARINT_LONG;
}

/* A tag is a varint of 32 bits; a longer form is no tag, in any implementation. */
static enum pb_fault read_tag(struct pb_reader *r, struct pb_token *t)
{
    struct pb_reader tag = { r->base, r->at, MIN(r->end, r->at + PB_TAG_MAX) };
    uint64_t value;

    if (vitro_pb_read_varint(&tag, &value))
        return r->end - r->at < PB_TAG_MAX ? PB_FAULT_TAG_CUT : PB_FAULT_TAG_LONG;
    if (value > UINT32_MAX)
        return PB_FAULT_TAG_LONG;
    if (value >> 3 == 0)
        return PB_FAULT_NUMBER_ZERO;
    t->number = (uint32_t)(value >> 3);
    t->wire = (enum pb_wire)(value & 7);
    t->after_tag = t->value_at = t->end = tag.at;
    return PB_FAULT_NONE;
}

static enum pb_fault read_fixed(struct pb_reader *r, struct pb_token *t, size_t n)
{
    t->value = 0;
    if (r->end - r->at < n)
        return PB_FAULT_FIXED_CUT;
    for (size_t i = 0; i < n; i++)
        t->value |= (uint64_t)r->base[r->at + i] << (8 * i);
    r->at += n;
    return PB_FAULT_NONE;
}

static enum pb_fault read_length(struct pb_reader *r, struct pb_token *t)
{
    enum pb_fault fault = vitro_pb_read_varint(r, &t->value);

    if (fault)
        return fault;
    t->value_at = r->at;
    if (t->value > r->end - r->at)
        return PB_FAULT_LENGTH_PAST_END;
    r->at += (size_t)t->value;
    return PB_FAULT_NONE;
}

static enum pb_fault read_value(struct pb_reader *r, struct pb_token *t)
{
    switch (t->wire) {
    case PB_VARINT:
        return vitro_pb_read_varint(r, &t->value);
    case PB_FIXED64:
        return read_fixed(r, t, 8);
    case PB_FIXED32:
        return read_fixed(r, t, 4);
    case PB_LEN:
        return read_length(r, t);
    case PB_START:
    case PB_END:
        return PB_FAULT_NONE;
    }
    return PB_FAULT_WIRE_TYPE;
}

enum pb_fault vitro_pb_read(struct pb_reader *r, struct pb_token *t)
{
    struct pb_reader value = *r;
    enum pb_fault fault;

    assert(r->at < r->end);
    *t = (struct pb_token){ .start = r->at };
    fault = read_tag(r, t);
    if (fault)
        return fault;
    value.at = t->after_tag;
    fault = read_value(&value, t);
    if (fault)
        return fault;
    t->end = value.at;
    r->at = value.at;
    return PB_FAULT_NONE;
}

enum pb_fault vitro_pb_skip_group(struct pb_reader *r, uint32_t number, uint32_t depth,
                                  size_t *body_end)
{
    uint32_t open[PB_DEPTH]; /* numbers of the groups inside */
    uint32_t level = 0;

    while (r->at < r->end) {
        struct pb_token t;
        struct pb_reader before = *r;
        enum pb_fault fault = vitro_pb_read(r, &t);

        if (fault)
            return fault;
        if (t.wire == PB_START) {
            if (level >= depth || level >= PB_DEPTH) {
                *r = before;
                return PB_FAULT_DEPTH;
            }
            open[level++] = t.number;
        } else if (t.wire == PB_END) {
            if (t.number != (level ? open[level - 1] : number)) {
                *r = before;
                return PB_FAULT_GROUP_END;
            }
            *body_end = before.at;
            if (level == 0)
                return PB_FAULT_NONE;
            level--;
        }
    }
    return PB_FAULT_GROUP_OPEN;
}

size_t vitro_pb_write_varint(uint8_t *out, uint64_t value)
{
    size_t n = 0;

    while (value > 0x7f) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

size_t vitro_pb_varint_size(uint64_t value)
{
    size_t n = 1;

    while (value >>= 7)
        n++;
    return n;
}

size_t vitro_pb_write_tag(uint8_t *out, uint32_t number, enum pb_wire wire)
{
    assert(number >= 1 && number <= PB_NUMBER_MAX);
    return vitro_pb_write_varint(out, (uint64_t)number << 3 | (uint64_t)wire);
}

size_t vitro_pb_write_fixed32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    return 4;
}

size_t vitro_pb_write_fixed64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    return 8;
}
