#include "pb/json_known.h"

#include "base/util.h"

#define GOOGLE(name) VITRO_STR_INIT("google.protobuf." name)

static const struct {
    vitro_str name;
    enum json_known known;
    enum pb_type first; /* of field 1 */
} types[] = {
    { GOOGLE("Any"), JSON_ANY, PB_TYPE_STRING },
    { GOOGLE("Timestamp"), JSON_TIMESTAMP, PB_TYPE_INT64 },
    { GOOGLE("Duration"), JSON_DURATION, PB_TYPE_INT64 },
    { GOOGLE("FieldMask"), JSON_FIELD_MASK, PB_TYPE_STRING },
    { GOOGLE("Struct"), JSON_STRUCT, PB_TYPE_MESSAGE },
    { GOOGLE("Value"), JSON_VALUE, PB_TYPE_ENUM },
    { GOOGLE("ListValue"), JSON_LIST, PB_TYPE_MESSAGE },
    { GOOGLE("DoubleValue"), JSON_WRAPPER, PB_TYPE_DOUBLE },
    { GOOGLE("FloatValue"), JSON_WRAPPER, PB_TYPE_FLOAT },
    { GOOGLE("Int64Value"), JSON_WRAPPER, PB_TYPE_INT64 },
    { GOOGLE("UInt64Value"), JSON_WRAPPER, PB_TYPE_UINT64 },
    { GOOGLE("Int32Value"), JSON_WRAPPER, PB_TYPE_INT32 },
    { GOOGLE("UInt32Value"), JSON_WRAPPER, PB_TYPE_UINT32 },
    { GOOGLE("BoolValue"), JSON_WRAPPER, PB_TYPE_BOOL },
    { GOOGLE("StringValue"), JSON_WRAPPER, PB_TYPE_STRING },
    { GOOGLE("BytesValue"), JSON_WRAPPER, PB_TYPE_BYTES },
};

static bool has_list(const struct pb_message_type *type, enum json_known known)
{
    const struct pb_field_type *f = &type->fields[0];

    switch (known) {
    case JSON_FIELD_MASK:
        return f->label == PB_REPEATED;
    case JSON_STRUCT:
        return json_is_map(f);
    case JSON_LIST:
        return f->label == PB_REPEATED && f->message && vitro_json_known(f->message) == JSON_VALUE;
    default:
        return f->label != PB_REPEATED;
    }
}

static const vitro_str package = VITRO_STR_INIT("google.protobuf.");

static bool in_package(vitro_str name)
{
    return name.len > package.len && vitro_str_eq((vitro_str){ name.ptr, package.len }, package);
}

/* A Value has six kinds, the fifth of them a Struct, the sixth a ListValue. */
static bool is_value(const struct pb_message_type *type)
{
    static const enum pb_type kinds[] = { PB_TYPE_ENUM, PB_TYPE_DOUBLE,  PB_TYPE_STRING,
                                          PB_TYPE_BOOL, PB_TYPE_MESSAGE, PB_TYPE_MESSAGE };

    if (type->field_count != ARRAY_LEN(kinds))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct pb_field_type *f = &type->fields[i];

        if (f->number != i + 1 || f->type != kinds[i] || f->label == PB_REPEATED ||
            (f->type == PB_TYPE_MESSAGE && !f->message))
            return false;
    }
    return true;
}

enum json_known vitro_json_known(const struct pb_message_type *type)
{
    if (!in_package(type->name) || !type->field_count || type->fields[0].number != 1)
        return JSON_PLAIN;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (type->fields[0].type != types[i].first || !vitro_str_eq(type->name, types[i].name))
            continue;
        if (types[i].known == JSON_VALUE ? !is_value(type) : !has_list(type, types[i].known))
            return JSON_PLAIN;
        return types[i].known;
    }
    return JSON_PLAIN;
}

bool vitro_json_null_enum(const struct pb_enum_type *type)
{
    static const vitro_str name = GOOGLE("NullValue");

    return type && vitro_str_eq(type->name, name);
}

const struct pb_message_type *vitro_json_any_type(const struct pb_schema *s, vitro_str url)
{
    size_t slash = url.len;

    while (slash && url.ptr[slash - 1] != '/')
        slash--;
    if (!s || !slash)
        return NULL;
    return vitro_pb_schema_message(s, (vitro_str){ url.ptr + slash, url.len - slash });
}
