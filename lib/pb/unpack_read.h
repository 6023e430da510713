/*
 * unpack_read - the smallest steps of the parser, inline: each returns the place behind what it
 * read, NULL after a failure was recorded.
 */
#ifndef VITRO_PB_UNPACK_READ_H
#define VITRO_PB_UNPACK_READ_H

#include <assert.h>
#include <string.h>

#include "pb/unpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A varint of more than two bytes, or a damaged one. */
const uint8_t *vitro_unpack_long_varint(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                        uint64_t *value);

/* One value of its own wire type, into a member, a union or an element. */
const uint8_t *vitro_unpack_value(struct unpack *u, const ProtobufCFieldDescriptor *field, void *at,
                                  const uint8_t *p, const uint8_t *end);

/* One element of a list, and a packed run of them. */
const uint8_t *vitro_unpack_element(struct unpack *u, struct unpack_frame *frame,
                                    const ProtobufCFieldDescriptor *field, const uint8_t *p,
                                    const uint8_t *end);
const uint8_t *vitro_unpack_packed(struct unpack *u, const ProtobufCMessage *m,
                                   const ProtobufCFieldDescriptor *field, const uint8_t *p,
                                   const uint8_t *end);

/* A list of n elements with room for more of them, the list itself or a copy; NULL: no memory. */
void *vitro_unpack_list_room(struct unpack *u, void *list, size_t n, size_t more, size_t size);

static inline const uint8_t *unpack_fail_at(struct unpack *u, enum pb_fault fault,
                                            const uint8_t *at)
{
    vitro_unpack_fail(u, fault, at);
    return NULL;
}

static inline const uint8_t *unpack_varint(struct unpack *u, const uint8_t *p, const uint8_t *end,
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
    return vitro_unpack_long_varint(u, p, end, value);
}

static inline uint64_t unpack_load(const uint8_t *p, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static inline const uint8_t *unpack_fixed(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                          size_t size, uint64_t *value)
{
    if ((size_t)(end - p) < size)
        return unpack_fail_at(u, PB_FAULT_FIXED_CUT, p);
    *value = size == 8 ? unpack_load(p, 8) : unpack_load(p, 4);
    return p + size;
}

/* A length and that many bytes; the place returned is behind them, *value at their start. */
static inline const uint8_t *unpack_run(struct unpack *u, const uint8_t *p, const uint8_t *end,
                                        const uint8_t **value)
{
    uint64_t len;
    const uint8_t *start = unpack_varint(u, p, end, &len);

    if (!start)
        return NULL;
    if (len > (size_t)(end - start))
        return unpack_fail_at(u, PB_FAULT_LENGTH_PAST_END, p);
    *value = start;
    return start + len;
}

static inline void unpack_store(void *at, ProtobufCType type, uint64_t value)
{
    uint32_t low = (uint32_t)value;

    assert(at);
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
        low = low >> 1 ^ (~(low & 1) + 1);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        low = value != 0;
        break;
    case PROTOBUF_C_TYPE_SINT64:
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

#ifdef __cplusplus
}
#endif
#endif
