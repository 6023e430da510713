/*
 * unpack - the inside of vitro_pb_unpack: one pass over the bytes, each field stored as it
 * comes, into memory of a room (pb/room.h).
 *
 * A sub-message that comes again is parsed into the struct that is there: merging needs no code
 * of its own. A list's capacity follows from its length (a power of two, 4 at least).
 */
#ifndef VITRO_PB_UNPACK_H
#define VITRO_PB_UNPACK_H

#include "pb/room.h"
#include "pb/wire.h"
#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As vitro_pb_unpack, but every block is also charged to account, which outlives the message. */
VITRO_CHECKED vitro_code vitro_pb_unpack_charged(ProtobufCMessage **out,
                                                 const ProtobufCMessageDescriptor *type,
                                                 vitro_bytes bytes, const vitro_pb_options *options,
                                                 struct account *account, vitro_error *err);

/* Where the parser is: a chain from the innermost message out. */
struct unpack_frame {
    const struct unpack_frame *up;
    const ProtobufCMessage *message;
    const ProtobufCFieldDescriptor *field; /* at work; NULL: none that the type knows */
    uint8_t *seen;                         /* a bit a field; NULL: the type requires none */
    size_t index;                          /* of the message at work, when field is a list */
};

enum { UNPACK_KINDS = 4 };

struct unpack {
    struct room room;
    vitro_bytes bytes;
    uint32_t flags;
    uint32_t depth; /* levels that may still open */
    bool any_required;
    const struct unpack_frame *frame;
    enum pb_fault fault;
    vitro_error *err;
    struct { /* does a type require fields? of the last few types */
        const ProtobufCMessageDescriptor *type;
        bool required;
    } kinds[UNPACK_KINDS];
};

/* An initialised message, with room for its seen bits in front when its type requires fields. */
ProtobufCMessage *vitro_unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *type);
void vitro_unpack_init(ProtobufCMessage *m, const ProtobufCMessageDescriptor *type);
bool vitro_unpack_requires(struct unpack *u, const ProtobufCMessageDescriptor *type);

/* The seen bits of a message that vitro_unpack_message made of a type that requires fields. */
uint8_t *vitro_unpack_seen(const ProtobufCMessage *m);

/* Parse [p, end) into frame->message; false after vitro_unpack_fail or an exhausted room. */
bool vitro_unpack_fields(struct unpack *u, struct unpack_frame *frame, const uint8_t *p,
                         const uint8_t *end);

/* Record what is wrong and where; returns false. */
bool vitro_unpack_fail(struct unpack *u, enum pb_fault fault, const uint8_t *at);

/* Every required field of the tree was seen, or a failure is recorded. */
bool vitro_unpack_check_required(struct unpack *u, struct unpack_frame *frame);

/* By ProtobufCType. */
extern const uint8_t vitro_unpack_wire[];
extern const uint8_t vitro_unpack_size[];

static inline void *unpack_member(const ProtobufCMessage *m, size_t offset)
{
    return (uint8_t *)(uintptr_t)m + offset;
}

#ifdef __cplusplus
}
#endif
#endif
