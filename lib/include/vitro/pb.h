/*
 * pb - protobuf messages at run time: bytes to structs and back.
 *
 * The structs and their descriptors are protobuf-c's (ProtobufCMessage and what hangs on it), so
 * that its functions and existing code read and pack them. Taking bytes apart is done here: with
 * a limit on depth and memory, which protobuf-c's own unpack lacks, and in one piece of memory:
 *
 *      one block:  [owner | message | its strings, bytes, arrays, sub-messages ...]
 *                         ^ what vitro_pb_unpack gives; vitro_pb_free gives all of it back
 *
 * What an application may do with such a message: read it, pack it, change scalar members, point
 * members elsewhere. What it may not: free or resize a member, free it with
 * protobuf_c_message_free_unpacked (members are no allocations of their own), free a copy of the
 * struct, or touch base.unknown_fields of the outermost message (it marks the owner).
 *
 * This is the one header of the library that shows protobuf-c. Source: protobuf.dev,
 * programming-guides/encoding.
 */
#ifndef VITRO_PB_H
#define VITRO_PB_H

#include <protobuf-c/protobuf-c.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How strict vitro_pb_unpack is, beyond what the encoding demands. */
enum {
    VITRO_PB_ANY_STRING = 1,  /* accept strings that are not UTF-8 */
    VITRO_PB_CUT_STRINGS = 2, /* accept strings with a NUL: C sees what stands before it */
    VITRO_PB_LEND_BYTES = 4   /* bytes members point into the input, which outlives the message */
};

/**
 * A bit in ProtobufCFieldDescriptor.reserved_flags: this string is not checked to be UTF-8.
 * protobuf-c's descriptors do not say whether a file is proto3, where that check is due, or
 * proto2, where it is not; generated code sets it on the strings of proto2 files.
 */
enum { VITRO_PB_FIELD_ANY_STRING = 1 };

typedef struct vitro_pb_options {
    size_t size;                   /* set by VITRO_PB_OPTIONS_INIT, never by hand */
    uint32_t max_depth;            /* 0: 100 messages in each other; at most 1000; groups 100 */
    uint32_t flags;                /* VITRO_PB_ANY_STRING ... */
    size_t max_bytes;              /* 0: 64 MiB of memory for one message */
    ProtobufCAllocator *allocator; /* keeps, until vitro_pb_free; NULL: the library's */
} vitro_pb_options;                /* append only */
#define VITRO_PB_OPTIONS_INIT                                                                      \
    {                                                                                              \
        sizeof(vitro_pb_options), 0, 0, 0, NULL                                                    \
    }

/**
 * Make a message of its bytes.
 *
 * Accepts what the encoding allows: fields in any order, the last of a repetition wins, parts of
 * a sub-message are merged, packed and unpacked lists both, enum numbers without a name. Fields
 * that the type does not know, or knows with another wire type, and groups are kept in
 * unknown_fields and written again by pack; a group has wire type 3 there, its data ends with
 * its end tag. Map entries are repeated messages, in the order received.
 *
 * @param out      gives: vitro_pb_free(). NULL on failure.
 * @param type     keeps: generated descriptors live forever.
 * @param bytes    copied, except with VITRO_PB_LEND_BYTES.
 * @param options  copied; NULL: all defaults.
 * @param err      filled on failure; may be NULL. The text says what is wrong at which byte and
 *                 where in the message: "string is not UTF-8 at byte 17 of chat.User.name".
 * @return VITRO_OK; VITRO_INTERNAL when bytes are no such message (gRPC statuscodes: a parse
 *         error), also for strings that are not UTF-8 or hold a NUL byte, a required field that
 *         is missing, and nesting over max_depth; VITRO_RESOURCE_EXHAUSTED over max_bytes or
 *         out of memory; VITRO_INVALID_ARGUMENT for options of a newer version.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_pb_unpack(ProtobufCMessage **out,
                                                   const ProtobufCMessageDescriptor *type,
                                                   vitro_bytes bytes,
                                                   const vitro_pb_options *options,
                                                   vitro_error *err);

/**
 * Release a message of vitro_pb_unpack with all that hangs on it.
 *
 * @param message  takes; NULL is accepted.
 * Thread: any.
 */
VITRO_API void vitro_pb_free(ProtobufCMessage *message);

/**
 * What a generated xxx__unpack(allocator, len, data) does: vitro_pb_unpack with defaults.
 *
 * @param type       keeps: generated descriptors live forever.
 * @param allocator  keeps, until the message is released; NULL: the library's.
 * @param len        of data.
 * @param data       copied.
 * @return gives: vitro_pb_free_unpacked(); NULL when the bytes are refused.
 * Thread: any.
 */
VITRO_API ProtobufCMessage *vitro_pb_unpack_message(const ProtobufCMessageDescriptor *type,
                                                    ProtobufCAllocator *allocator, size_t len,
                                                    const uint8_t *data);

/**
 * What a generated xxx__free_unpacked(message, allocator) does: release a message of either kind.
 *
 * A message of vitro_pb_unpack is recognised (its unknown_fields point right behind its struct,
 * and an owner stands in front of it) and released in one piece. Any other was built by the
 * application piece by piece, or by protobuf_c_message_unpack: protobuf-c releases it.
 *
 * @param message    takes; NULL is accepted.
 * @param allocator  lends; of a message that was not made here. NULL: malloc's.
 * Thread: any.
 */
VITRO_API void vitro_pb_free_unpacked(ProtobufCMessage *message, ProtobufCAllocator *allocator);

/**
 * Write a message in one pass into room bytes at out.
 *
 * @param message  lends; of any origin, as protobuf_c_message_pack accepts it.
 * @param out      filled; may be NULL when room is 0.
 * @return the length of the packed message. More than room: it did not fit, out holds nothing
 *         of use, and a second call with that much room succeeds.
 * Thread: any.
 */
VITRO_API size_t vitro_pb_pack(const ProtobufCMessage *message, uint8_t *out, size_t room);

/**
 * The length of the packed message.
 *
 * @param message  lent until return.
 * @return bytes; what vitro_pb_pack() would write.
 * Thread: any.
 */
VITRO_API size_t vitro_pb_size(const ProtobufCMessage *message);

/**
 * One .proto file, as generated code embeds it: `const vitro_pb_file chat_proto_file`; of
 * a/b_c.proto `a_b__c_proto_file`.
 *
 * descriptor is a serialized google.protobuf.FileDescriptorProto without source_code_info.
 */
typedef struct vitro_pb_file {
    size_t size;               /* sizeof(vitro_pb_file) */
    const char *name;          /* as imports name it: "google/protobuf/any.proto" */
    const uint8_t *descriptor; /* keeps: static */
    size_t descriptor_len;
    const struct vitro_pb_file *const *deps; /* imports, NULL at the end; may be NULL */
} vitro_pb_file;

/**
 * Write files and all that they import, each once and imports first, as a serialized
 * google.protobuf.FileDescriptorSet: what a trace's schema note and reflection carry.
 *
 * @param files  lends.
 * @param count  of files.
 * @param out    filled; may be NULL when room is 0.
 * @param room   of out, in bytes.
 * @return the length of the whole set, 0 when memory is out; more than room: nothing of use
 *         was written.
 * Thread: any.
 */
VITRO_API size_t vitro_pb_file_set(const vitro_pb_file *const *files, size_t count, uint8_t *out,
                                   size_t room);

#ifdef __cplusplus
}
#endif
#endif
