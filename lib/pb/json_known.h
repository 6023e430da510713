/*
 * json_known - message types whose JSON is not an object of their fields.
 *
 * A type is one of them by its full name, and only if its first field looks as it should: a
 * schema of a peer may call anything google.protobuf.Any.
 */
#ifndef VITRO_PB_JSON_KNOWN_H
#define VITRO_PB_JSON_KNOWN_H

#include "pb/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

enum json_known {
    JSON_PLAIN, /* an object of its fields */
    JSON_ANY,
    JSON_TIMESTAMP,
    JSON_DURATION,
    JSON_FIELD_MASK,
    JSON_STRUCT,
    JSON_VALUE,
    JSON_LIST,
    JSON_WRAPPER
};

enum json_known vitro_json_known(const struct pb_message_type *type);

/* google.protobuf.NullValue */
bool vitro_json_null_enum(const struct pb_enum_type *type);

/* The type that an Any's URL names; NULL when it is not known. */
const struct pb_message_type *vitro_json_any_type(const struct pb_schema *s, vitro_str url);

/* A list or map of a field: what it is made of. */
static inline bool json_is_map(const struct pb_field_type *f)
{
    return f->label == PB_REPEATED && f->message && f->message->map_entry &&
           f->message->field_count == 2 && f->message->fields[0].number == 1 &&
           f->message->fields[1].number == 2;
}

/* The value is not written when it is the default: presence does not count. */
static inline bool json_is_implicit(const struct pb_message_type *type,
                                    const struct pb_field_type *f)
{
    return type->proto3 && f->label == PB_OPTIONAL && f->oneof < 0 && !f->proto3_optional &&
           f->type != PB_TYPE_MESSAGE && f->type != PB_TYPE_GROUP;
}

#ifdef __cplusplus
}
#endif
#endif
