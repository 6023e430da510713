/*
 * schema - message types known at run time, from serialized descriptors.
 *
 * A FileDescriptorProto or FileDescriptorSet (protoc --descriptor_set_out, a trace's schema note,
 * server reflection) becomes tables to look names and numbers up in. The bytes may come from a
 * peer: memory is charged to an account, references to types that are not there stay open
 * (type == NULL) instead of failing, and nothing recurses deeper than PB_DEPTH.
 *
 *      schema: messages by full name -> fields by number -> message or enum type
 *              services by full name -> methods          -> input and output type
 *
 * Names have no leading dot. All text and all structs live as long as the schema; input bytes
 * may be dropped after each add.  Source: google/protobuf/descriptor.proto.
 */
#ifndef VITRO_PB_SCHEMA_H
#define VITRO_PB_SCHEMA_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* FieldDescriptorProto.Type */
enum pb_type {
    PB_TYPE_DOUBLE = 1,
    PB_TYPE_FLOAT,
    PB_TYPE_INT64,
    PB_TYPE_UINT64,
    PB_TYPE_INT32,
    PB_TYPE_FIXED64,
    PB_TYPE_FIXED32,
    PB_TYPE_BOOL,
    PB_TYPE_STRING,
    PB_TYPE_GROUP,
    PB_TYPE_MESSAGE,
    PB_TYPE_BYTES,
    PB_TYPE_UINT32,
    PB_TYPE_ENUM,
    PB_TYPE_SFIXED32,
    PB_TYPE_SFIXED64,
    PB_TYPE_SINT32,
    PB_TYPE_SINT64
};

/* FieldDescriptorProto.Label */
enum pb_label { PB_OPTIONAL = 1, PB_REQUIRED = 2, PB_REPEATED = 3 };

struct pb_schema;
struct pb_message_type;

struct pb_enum_value {
    vitro_str name;
    int32_t number;
};

struct pb_enum_type {
    vitro_str name;               /* full: "chat.Kind" */
    struct pb_enum_value *values; /* by number; aliases in the order of the file */
    size_t value_count;
};

struct pb_field_type {
    vitro_str name;
    vitro_str json_name;
    vitro_str type_name;     /* of message, group and enum types; else empty */
    vitro_str default_value; /* as descriptor.proto writes it; empty when not given */
    uint32_t number;
    enum pb_type type;
    enum pb_label label;
    int32_t oneof; /* index into the message's oneofs; -1: none */
    bool packed;   /* a list that is written packed */
    bool proto3_optional;
    bool has_default;
    struct pb_message_type *message; /* the type, when known */
    const struct pb_enum_type *enum_type;
};

struct pb_message_type {
    vitro_str name;               /* full: "chat.MessageRequest" */
    vitro_str file;               /* "chat.proto" */
    struct pb_field_type *fields; /* by number */
    size_t field_count;
    vitro_str *oneofs; /* names */
    size_t oneof_count;
    bool map_entry; /* field 1 is the key, field 2 the value */
    bool proto3;    /* strings are UTF-8, presence is implicit */
};

struct pb_method_type {
    vitro_str name;       /* "SendMessage" */
    vitro_str input_name; /* full */
    vitro_str output_name;
    const struct pb_message_type *input; /* NULL: not known */
    const struct pb_message_type *output;
    bool client_streaming;
    bool server_streaming;
};

struct pb_service_type {
    vitro_str name;                 /* full: "chat.ChatService" */
    struct pb_method_type *methods; /* in the order of the file */
    size_t method_count;
};

/* A schema without types; gives *out: vitro_pb_schema_free. account is kept and is its limit. */
vitro_code vitro_pb_schema_new(struct pb_schema **out, struct account *account, vitro_error *err);
void vitro_pb_schema_free(struct pb_schema *s); /* NULL is accepted */

/*
 * How what is added from now on ranks: of two types of one name that of the lower rank stays, and
 * what refers to it by name refers to that one. A new schema adds at rank 0.
 */
void vitro_pb_schema_rank(struct pb_schema *s, unsigned rank);

/*
 * Add the types of one serialized FileDescriptorProto, or of each file of a FileDescriptorSet.
 * A file whose name is known is skipped, but for a lower rank's; of two types of one name and
 * rank the first stays.
 * INVALID_ARGUMENT when the bytes are damaged: what came before the damage stays, complete
 * files only. RESOURCE_EXHAUSTED over the account's budget. Pointers given out before stay.
 */
vitro_code vitro_pb_schema_add_file(struct pb_schema *s, vitro_bytes bytes, vitro_error *err);
vitro_code vitro_pb_schema_add_set(struct pb_schema *s, vitro_bytes bytes, vitro_error *err);

/* By full name, with or without a leading dot; NULL when unknown. */
const struct pb_message_type *vitro_pb_schema_message(const struct pb_schema *s, vitro_str name);
const struct pb_enum_type *vitro_pb_schema_enum(const struct pb_schema *s, vitro_str name);
const struct pb_service_type *vitro_pb_schema_service(const struct pb_schema *s, vitro_str name);

/* By gRPC path, "/chat.ChatService/SendMessage"; the first slash may be missing. */
const struct pb_method_type *vitro_pb_schema_method(const struct pb_schema *s, vitro_str path);

/* All of a kind, sorted by name, for lists: index below the count, else NULL. */
const struct pb_message_type *vitro_pb_schema_message_at(const struct pb_schema *s, size_t i);
const struct pb_service_type *vitro_pb_schema_service_at(const struct pb_schema *s, size_t i);

/* NULL when the message has no such field. m may be NULL. */
const struct pb_field_type *vitro_pb_message_field(const struct pb_message_type *m,
                                                   uint32_t number);
const struct pb_field_type *vitro_pb_message_field_named(const struct pb_message_type *m,
                                                         vitro_str name);

/* The name of an enum's number, the first one of aliases; NULL when it has none. */
const struct pb_enum_value *vitro_pb_enum_value(const struct pb_enum_type *e, int32_t number);

/* "int32", "message" ...: the word that a .proto file uses. */
const char *vitro_pb_type_name(enum pb_type type);

/* The wire type that a single value of this type has. */
int vitro_pb_type_wire(enum pb_type type);

/* True for types that a packed list may hold. */
bool vitro_pb_type_packable(enum pb_type type);

#ifdef __cplusplus
}
#endif
#endif
