/*
 * write - the parts of a generated header and source, one function each, in the order of the
 * file. Each appends text and looks only at the model.
 */
#ifndef PROTOC_GEN_VITRO_WRITE_H
#define PROTOC_GEN_VITRO_WRITE_H

#include "model.h"
#include "text.h"

/** The comments that stand at a place of the .proto, as a block comment; nothing without any. */
void write_comment(struct text *out, struct place place, const char *indent);
/** The same with a paragraph of our own behind it. */
void write_comment_and(struct text *out, struct place place, const char *indent, const char *more);

/* enumerations: enum.c */
void write_enum_type(struct text *out, const struct enumeration *e);
void write_enum_descriptor(struct text *out, const struct enumeration *e);

/* messages: struct.c, helpers.c, descriptor.c */
void write_message_struct(struct text *out, const struct message *m);
void write_message_init(struct text *out, const struct message *m);
void write_message_prototypes(struct text *out, const struct message *m);
void write_message_helpers(struct text *out, const struct message *m);
void write_message_descriptor(struct text *out, const struct message *m);
/** Definitions of a message's default values, before its descriptor. */
void write_message_defaults(struct text *out, const struct message *m);

/* what kind of thing a field is: field.c */
const char *field_type_name(const struct field *f); /* PROTOBUF_C_TYPE_INT32 */
const char *field_c_type(const struct field *f);    /* int32_t, char *, ... of one value */
const char *field_zero(const struct field *f);      /* an initializer of one value */
bool field_is_text(const struct field *f);          /* string */
bool field_is_bytes(const struct field *f);
bool field_is_packed(const struct field *f);
bool field_is_deprecated(const struct field *f);
/** The default value as a C expression; NULL for text and bytes, which have arrays. */
char *field_default(const struct field *f);
/** The bytes of a string's or bytes' default value. */
char *field_default_bytes(const struct field *f, size_t *len);
bool field_has_math(const struct field *f); /* its default is inf or nan */

/** `{start, index}` rows of runs of consecutive numbers, with the closing row. Returns the runs. */
size_t write_ranges(struct text *out, const char *name, const int32_t *numbers, size_t n);

/* services: stub.c (client), handler.c (server) */
void write_service_header(struct text *out, const struct service *s);
void write_service_source(struct text *out, const struct service *s);

/* whole files: file.c */
char *write_header(const struct file *f, const struct params *params);
char *write_source(const struct file *f, const struct params *params);

#endif
