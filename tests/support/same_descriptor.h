/*
 * same_descriptor - compares the tables of two generators: ours and protoc-c's.
 */
#ifndef SUPPORT_SAME_DESCRIPTOR_H
#define SUPPORT_SAME_DESCRIPTOR_H

#include <protobuf-c/protobuf-c.h>

struct same {
    char why[256]; /* the first difference; empty while there is none */
    unsigned messages, fields, enums, values;
    const void *seen[512]; /* a message is compared once, also when it holds itself */
    unsigned n_seen;
};

/* Compare a message type and all that its fields lead to, member by member. */
void same_message(struct same *s, const ProtobufCMessageDescriptor *a,
                  const ProtobufCMessageDescriptor *b);
void same_enum(struct same *s, const ProtobufCEnumDescriptor *a, const ProtobufCEnumDescriptor *b);

#endif
