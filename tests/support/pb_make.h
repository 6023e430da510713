/*
 * pb_make - generated protobuf messages: bytes of a type, bytes of no type, and comparing structs.
 */
#ifndef SUPPORT_PB_MAKE_H
#define SUPPORT_PB_MAKE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "support/seed.h"
#include "vitro/base.h"

struct pb_make {
    struct chance *chance;
    bool plain; /* only what protobuf-c reads as the encoding says: no groups, no repetition of
                   sub-messages or oneofs, no wrong wire types */
    uint8_t *out;
    size_t room, len;
};

/* Bytes of a message of this type, at most m->room; fields in any order, lists packed or not. */
vitro_bytes pb_make_message(struct pb_make *m, const ProtobufCMessageDescriptor *type,
                            unsigned depth);

/* Well-formed fields of any number and wire type, groups among them. */
vitro_bytes pb_make_fields(struct pb_make *m, unsigned depth);

/* NULL when a and b hold the same, else the name of a field that differs. */
const char *pb_difference(const ProtobufCMessage *a, const ProtobufCMessage *b);

/*
 * True where protobuf-c accepts, but not as the encoding says: a sub-message or a oneof comes
 * twice (what comes second loses to what is not zero), or a bool has another wire type.
 */
bool pb_oracle_misreads(vitro_bytes bytes, const ProtobufCMessageDescriptor *type);

#endif
