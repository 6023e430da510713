/*
 * walk - message bytes as a sequence of nodes with exact spans, with or without a schema.
 *
 *      08 96 01                 SCALAR  tag [0,1)             value [1,3)
 *      12 04 08 01 10 02        OPEN    tag [3,4) length [4,5) value [5,9)   a message
 *         08 01 , 10 02         SCALAR ... (depth 1)
 *                               CLOSE   empty; for a group its end tag
 *
 * Spans tile: tags, lengths, the values of leaves, end tags and damage cover every byte once
 * (the value of an OPEN node is covered by what follows up to its CLOSE). It never guesses: a
 * length-delimited field without a known type is one BYTES leaf, and vitro_pb_readings offers
 * each way to read it; to look inside, walk its value without a type. It never fails: at
 * damage it delivers a DAMAGE node with the rest of the innermost message, where and why, and
 * goes on behind it when the length of that message is known.
 */
#ifndef VITRO_PB_WALK_H
#define VITRO_PB_WALK_H

#include "pb/schema.h"
#include "pb/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pb_node_kind {
    PB_NODE_SCALAR,  /* varint or fixed; `value` */
    PB_NODE_BYTES,   /* a string, bytes, or a length-delimited field of no known type */
    PB_NODE_OPEN,    /* a message, group or packed list begins; its parts follow, depth + 1 */
    PB_NODE_ELEMENT, /* one value of a packed list; no tag */
    PB_NODE_CLOSE,   /* the end of what OPEN began; of a group: its end tag, in the tag's span */
    PB_NODE_DAMAGE   /* bytes that cannot be read on: [start, end), fault at `at` */
};

enum pb_node_group { PB_GROUP_NONE, PB_GROUP_MESSAGE, PB_GROUP_GROUP, PB_GROUP_PACKED };

struct pb_node {
    enum pb_node_kind kind;
    enum pb_node_group group; /* OPEN and CLOSE: of what */
    uint32_t depth;           /* 0: a field of the outermost message */
    uint32_t number;
    enum pb_wire wire;                  /* as written; of an ELEMENT, that of its type */
    const struct pb_field_type *field;  /* NULL: no schema, or a number it does not know */
    const struct pb_message_type *type; /* OPEN: of the message inside; NULL when not known */
    bool mismatch;                      /* the schema knows the field, but with another wire type */
    /* DAMAGE: why. BYTES: UTF8 in a string, DEPTH when too deep to open. OPEN and BYTES:
       LENGTH_PAST_END when the bytes end first; a DAMAGE of no bytes follows. Else NONE. */
    enum pb_fault fault;
    size_t at;        /* DAMAGE: offset of the fault, in [start, end] */
    size_t start;     /* tag: [start, after_tag) */
    size_t after_tag; /* length: [after_tag, value_at), empty for others than LEN */
    size_t value_at;  /* value: [value_at, end) */
    size_t end;
    uint64_t value; /* SCALAR and ELEMENT: as on the wire, zero-extended */
};

/* Called for each node in order; false ends the walk. node is lent until return. */
typedef bool pb_walk_fn(const struct pb_node *node, void *user);

/*
 * Walk all of bytes. type may be NULL: no schema. Offsets count from base, the place of bytes
 * in whatever the caller numbers. Returns false when fn ended it.
 */
bool vitro_pb_walk(vitro_bytes bytes, const struct pb_message_type *type, size_t base,
                   pb_walk_fn *fn, void *user);

/* Each way to read a value of no known type. A set bit is possible, not likely. */
enum pb_reading_kind {
    PB_READ_UINT,           /* varint, fixed32, fixed64: unsigned; `u` */
    PB_READ_INT,            /* two's complement, 64 bits for varints; `i` */
    PB_READ_SINT,           /* varint: zigzag; `i` */
    PB_READ_BOOL,           /* varint 0 or 1; `u` */
    PB_READ_FLOAT,          /* fixed32; `d` */
    PB_READ_DOUBLE,         /* fixed64; `d` */
    PB_READ_STRING,         /* UTF-8; `bytes` */
    PB_READ_MESSAGE,        /* every byte belongs to a well-formed field; `bytes` */
    PB_READ_PACKED_VARINT,  /* one or more whole varints; `bytes`, `u` how many */
    PB_READ_PACKED_FIXED32, /* a multiple of 4; `bytes`, `u` how many */
    PB_READ_PACKED_FIXED64,
    PB_READ_BYTES, /* always */
    PB_READ_KINDS
};

struct pb_reading {
    enum pb_reading_kind kind;
    union {
        uint64_t u;
        int64_t i;
        double d;
    } as;
    vitro_bytes bytes; /* lends: the value */
};

/*
 * Every reading of a SCALAR or BYTES node in the order above; value is the node's bytes (used
 * for BYTES only). Returns how many were written: at least 1, 0 for nodes of other kinds.
 */
size_t vitro_pb_readings(const struct pb_node *node, vitro_bytes value,
                         struct pb_reading out[PB_READ_KINDS]);

/* "uint", "string", "packed fixed32" ... */
const char *vitro_pb_reading_name(enum pb_reading_kind kind);

/* A SCALAR or ELEMENT value as its type says: for signed and zigzag types, and floating ones. */
int64_t vitro_pb_value_int(enum pb_type type, uint64_t wire_value);
double vitro_pb_value_double(enum pb_type type, uint64_t wire_value);

/* True when all of bytes are well-formed fields, groups closed; looks at one level only. */
bool vitro_pb_is_message(vitro_bytes bytes);

#ifdef __cplusplus
}
#endif
#endif
