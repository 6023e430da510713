/*
 * model - what a request asks for, with every name in C already chosen.
 *
 *      request -> file -> message -> field, oneof
 *                      -> enumeration -> value
 *                      -> service -> method
 *
 * model.c builds it, refuse.c says what we cannot generate, the writers only print it. All files
 * of the request are modelled, also those that are only imported, so that a type has the same
 * name wherever it is used: a name depends on its own file and on that file's imports alone.
 */
#ifndef PROTOC_GEN_VITRO_MODEL_H
#define PROTOC_GEN_VITRO_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "google/protobuf/compiler/plugin.pb-c.h"
#include "names.h"

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;
typedef Google__Protobuf__MethodDescriptorProto method_proto;
typedef Google__Protobuf__SourceCodeInfo__Location location_proto;

struct file;

/* Where something stands in its .proto: line 0 and no comments when that is not known. */
struct place {
    const struct file *file;
    const location_proto *location;
};

/* What every named type has. */
struct type {
    char *full;        /* chat.v1.Message */
    const char *brief; /* Message */
    char *name;        /* Chat__V1__Message */
    char *lower;       /* chat__v1__message */
    char *upper;       /* CHAT__V1__MESSAGE */
    struct place place;
};

struct value {
    const char *brief;
    char *name; /* PKG__ENUM__VALUE */
    int32_t number;
    struct place place;
};

struct enumeration {
    struct type type;
    struct value *values; /* as declared */
    size_t n_values;
};

struct field {
    const field_proto *proto;
    struct message *owner;
    char *member;       /* of the struct */
    char *quantifier;   /* n_MEMBER, has_MEMBER, ONEOF_case; NULL: none */
    char *case_name;    /* of a oneof member: PKG__MSG__ONEOF_FIELD */
    char *default_name; /* pkg__msg__field__default_value; NULL: no default */
    bool repeated, required;
    bool presence; /* it is known whether it was set */
    struct oneof *oneof;
    const struct message *message; /* of its type */
    const struct enumeration *enumeration;
    struct place place;
};

struct oneof {
    const char *brief;
    char *case_type;   /* Pkg__Msg__WhichCase */
    char *case_member; /* which_case */
    char *case_none;   /* PKG__MSG__WHICH__NOT_SET */
    char *case_size;   /* PKG__MSG__WHICH__CASE */
    struct field **fields;
    size_t n_fields;
    struct place place;
};

struct message {
    struct type type;
    const message_proto *proto;
    struct file *file;
    struct field *fields; /* as declared */
    size_t n_fields;
    struct oneof *oneofs; /* those that the .proto writes: a proto3 optional makes none */
    size_t n_oneofs;
    struct message *nested;
    size_t n_nested;
    struct enumeration *enums;
    size_t n_enums;
    bool map_entry;
};

struct method {
    const method_proto *proto;
    char *name;   /* chat_chat_service_send_message */
    char *member; /* send_message, of the table of handlers */
    char *path;   /* /chat.ChatService/SendMessage */
    const struct message *request, *response;
    bool many_requests, many_responses;
    struct place place;
};

struct service {
    const service_proto *proto;
    char *full;
    char *name;       /* chat_chat_service */
    const char *file; /* chat_proto */
    bool external;    /* its messages are protoc-c's */
    struct method *methods;
    size_t n_methods;
    struct place place;
};

struct file {
    file_proto *proto;
    const char *path;    /* chat.proto */
    const char *package; /* never NULL */
    char *stem;          /* chat */
    const char *prefix;  /* of every symbol; never NULL */
    char *ident;         /* chat_proto */
    bool proto3;
    struct file **deps;
    size_t n_deps;
    struct names names; /* every identifier of this file and of its imports */
    struct message *messages;
    size_t n_messages;
    struct enumeration *enums;
    size_t n_enums;
    struct service *services;
    size_t n_services;
    struct place place;
};

struct model {
    bool external;      /* messages are protoc-c's */
    const char *prefix; /* of every symbol; never NULL */
    struct file *files; /* imports first, as protoc orders them */
    size_t n_files;
};

/** What the parameters of --vitro_out= ask for. */
struct params {
    bool external;      /* messages are protoc-c's: write stubs over FILE.pb-c.h */
    bool stubs;         /* write stubs */
    const char *prefix; /* of every symbol; never NULL */
};

typedef Google__Protobuf__Compiler__CodeGeneratorRequest request_proto;

/** Model all files of a request. error is set, and false returned, when they do not fit. */
bool model_build(struct model *m, const request_proto *request, const struct params *params,
                 char **error);

struct file *model_file(const struct model *m, const char *path);
const struct message *model_message(const struct model *m, const char *type_name);
const struct enumeration *model_enumeration(const struct model *m, const char *type_name);

/** Call visit for a file's messages, the nested ones before or after those that hold them. */
enum order { OUTER_FIRST, INNER_FIRST };
void each_message(const struct file *f, enum order order,
                  void (*visit)(const struct message *m, void *user), void *user);
/** Call visit for all enumerations of a file. */
void each_enumeration(const struct file *f, void (*visit)(const struct enumeration *e, void *user),
                      void *user);

/** Where a descriptor's part stands: path as source_code_info counts it. */
struct place place_find(const struct file *f, const int32_t *path, size_t n);
/** FILE:LINE, or FILE when the line is not known. */
char *place_text(struct place place);

#endif
