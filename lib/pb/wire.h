/*
 * wire - protobuf's encoding, one field at a time, each with the offsets of its parts.
 *
 *      field: tag varint (number << 3 | wire type), then
 *         0  varint             up to 10 bytes
 *         1  8 bytes, 5  4 bytes little-endian
 *         2  length varint, that many bytes
 *         3  fields up to the end tag (4) of the same number: a group
 *
 * The reader allocates nothing and never reads past its end. Non-canonical varints (80 00 for 0)
 * are values like any other; bits past the 64th are dropped, as every implementation does.
 * Source: protobuf.dev, programming-guides/encoding.
 */
#ifndef VITRO_PB_WIRE_H
#define VITRO_PB_WIRE_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pb_wire {
    PB_VARINT = 0,
    PB_FIXED64 = 1,
    PB_LEN = 2,
    PB_START = 3, /* of a group */
    PB_END = 4,
    PB_FIXED32 = 5
};

enum { PB_NUMBER_MAX = (1 << 29) - 1, PB_VARINT_MAX = 10, PB_TAG_MAX = 5, PB_DEPTH = 100 };

/* What can be wrong with bytes, with the words for it: vitro_pb_fault_text. */
#define PB_FAULTS(X)                                                                               \
    X(NONE, "no fault")                                                                            \
    X(TAG_CUT, "tag is cut off")                                                                   \
    X(TAG_LONG, "tag is longer than 5 bytes or 32 bits")                                           \
    X(NUMBER_ZERO, "field number is 0")                                                            \
    X(WIRE_TYPE, "wire type 6 or 7 does not exist")                                                \
    X(VARINT_CUT, "varint is cut off")                                                             \
    X(VARINT_LONG, "varint is longer than 10 bytes")                                               \
    X(FIXED_CUT, "fixed-size value is cut off")                                                    \
    X(LENGTH_PAST_END, "length reaches past the end")                                              \
    X(GROUP_OPEN, "group has no end tag")                                                          \
    X(GROUP_END, "end tag of a group that is not open")                                            \
    X(DEPTH, "nesting is too deep")                                                                \
    X(PACKED_CUT, "list ends inside a fixed-size value")                                           \
    X(UTF8, "string is not UTF-8")                                                                 \
    X(NUL, "string holds a NUL byte")                                                              \
    X(REQUIRED, "required field is missing")

enum pb_fault {
#define PB_FAULT(name, text) PB_FAULT_##name,
    PB_FAULTS(PB_FAULT)
#undef PB_FAULT
};

/* Static words for a fault. */
const char *vitro_pb_fault_text(enum pb_fault fault);

struct pb_reader {
    const uint8_t *base; /* offsets count from here */
    size_t at, end;
};

/* One field; offsets from base. Of a group's start and end, the value is empty. */
struct pb_token {
    uint32_t number;
    enum pb_wire wire;
    size_t start;     /* the tag's first byte */
    size_t after_tag; /* the length varint, if any, stands from here to value_at */
    size_t value_at;
    size_t end;
    uint64_t value; /* varint or fixed, zero-extended; LEN: the length */
};

/* Read over all of bytes. */
static inline struct pb_reader pb_reader_of(vitro_bytes bytes)
{
    struct pb_reader r = { bytes.ptr, 0, bytes.len };
    return r;
}

/* Read a varint at r->at; on a fault r->at is untouched and *value undefined. */
enum pb_fault vitro_pb_read_varint(struct pb_reader *r, uint64_t *value);

/*
 * Read the next field, r->at < r->end. On a fault r->at is untouched, and t says what was
 * read before it: number and after_tag are 0 when the tag itself is at fault.
 */
enum pb_fault vitro_pb_read(struct pb_reader *r, struct pb_token *t);

/*
 * After a PB_START token: skip to behind the end tag that matches it, with at most depth groups
 * in it. *body_end is the offset of that end tag. On a fault r->at is where it was found.
 */
enum pb_fault vitro_pb_skip_group(struct pb_reader *r, uint32_t number, uint32_t depth,
                                  size_t *body_end);

static inline vitro_bytes pb_token_bytes(const struct pb_reader *r, const struct pb_token *t)
{
    vitro_bytes value = { r->base + t->value_at, t->end - t->value_at };
    return value;
}

static inline int64_t pb_zigzag(uint64_t n)
{
    return (int64_t)(n >> 1 ^ (~(n & 1) + 1));
}

/* Writers for generated input and small messages; each returns the bytes written. */
size_t vitro_pb_write_varint(uint8_t *out, uint64_t value); /* at most 10 */
size_t vitro_pb_varint_size(uint64_t value);
size_t vitro_pb_write_tag(uint8_t *out, uint32_t number, enum pb_wire wire); /* at most 5 */
size_t vitro_pb_write_fixed32(uint8_t *out, uint32_t value);
size_t vitro_pb_write_fixed64(uint8_t *out, uint64_t value);

#ifdef __cplusplus
}
#endif
#endif
