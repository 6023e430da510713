/*
 * schema_find - questions to a schema, and what is known about each field type.
 */
#include <string.h>

#include "base/util.h"
#include "pb/schema_index.h"
#include "pb/wire.h"

static const struct {
    const char *name;
    int wire;
    bool packable;
} types[] = {
    [PB_TYPE_DOUBLE] = { "double", PB_FIXED64, true },
    [PB_TYPE_FLOAT] = { "float", PB_FIXED32, true },
    [PB_TYPE_INT64] = { "int64", PB_VARINT, true },
    [PB_TYPE_UINT64] = { "uint64", PB_VARINT, true },
    [PB_TYPE_INT32] = { "int32", PB_VARINT, true },
    [PB_TYPE_FIXED64] = { "fixed64", PB_FIXED64, true },
    [PB_TYPE_FIXED32] = { "fixed32", PB_FIXED32, true },
    [PB_TYPE_BOOL] = { "bool", PB_VARINT, true },
    [PB_TYPE_STRING] = { "string", PB_LEN, false },
    [PB_TYPE_GROUP] = { "group", PB_START, false },
    [PB_TYPE_MESSAGE] = { "message", PB_LEN, false },
    [PB_TYPE_BYTES] = { "bytes", PB_LEN, false },
    [PB_TYPE_UINT32] = { "uint32", PB_VARINT, true },
    [PB_TYPE_ENUM] = { "enum", PB_VARINT, true },
    [PB_TYPE_SFIXED32] = { "sfixed32", PB_FIXED32, true },
    [PB_TYPE_SFIXED64] = { "sfixed64", PB_FIXED64, true },
    [PB_TYPE_SINT32] = { "sint32", PB_VARINT, true },
    [PB_TYPE_SINT64] = { "sint64", PB_VARINT, true },
};

static bool known(enum pb_type type)
{
    return type >= PB_TYPE_DOUBLE && type <= PB_TYPE_SINT64;
}

const char *vitro_pb_type_name(enum pb_type type)
{
    return known(type) ? types[type].name : "unknown";
}

int vitro_pb_type_wire(enum pb_type type)
{
    return known(type) ? types[type].wire : PB_LEN;
}

bool vitro_pb_type_packable(enum pb_type type)
{
    return known(type) && types[type].packable;
}

static void *find(const struct pb_schema *s, enum pb_symbol_kind kind, vitro_str name)
{
    if (name.len && name.ptr[0] == '.')
        name = (vitro_str){ name.ptr + 1, name.len - 1 };
    return vitro_pb_symbol_find(s, kind, name);
}

const struct pb_message_type *vitro_pb_schema_message(const struct pb_schema *s, vitro_str name)
{
    return find(s, PB_MESSAGES, name);
}

const struct pb_enum_type *vitro_pb_schema_enum(const struct pb_schema *s, vitro_str name)
{
    return find(s, PB_ENUMS, name);
}

const struct pb_service_type *vitro_pb_schema_service(const struct pb_schema *s, vitro_str name)
{
    return find(s, PB_SERVICES, name);
}

const struct pb_method_type *vitro_pb_schema_method(const struct pb_schema *s, vitro_str path)
{
    const struct pb_service_type *service;
    vitro_str method;
    size_t cut;

    if (path.len && path.ptr[0] == '/')
        path = (vitro_str){ path.ptr + 1, path.len - 1 };
    for (cut = path.len; cut && path.ptr[cut - 1] != '/'; cut--)
        ;
    if (cut == 0)
        return NULL;
    method = (vitro_str){ path.ptr + cut, path.len - cut };
    service = vitro_pb_schema_service(s, (vitro_str){ path.ptr, cut - 1 });
    for (size_t i = 0; service && i < service->method_count; i++) {
        if (vitro_str_eq(service->methods[i].name, method))
            return &service->methods[i];
    }
    return NULL;
}

static const void *symbol_at(const struct pb_schema *s, enum pb_symbol_kind kind, size_t i)
{
    return i < s->sorted[kind] ? pb_symbols(s, kind)[i].what : NULL;
}

const struct pb_message_type *vitro_pb_schema_message_at(const struct pb_schema *s, size_t i)
{
    return symbol_at(s, PB_MESSAGES, i);
}

const struct pb_service_type *vitro_pb_schema_service_at(const struct pb_schema *s, size_t i)
{
    return symbol_at(s, PB_SERVICES, i);
}

/* The lowest index whose number is not below: the first of equal ones. */
const struct pb_field_type *vitro_pb_message_field(const struct pb_message_type *m, uint32_t number)
{
    size_t low = 0, high = m ? m->field_count : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (m->fields[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return m && low < m->field_count && m->fields[low].number == number ? &m->fields[low] : NULL;
}

const struct pb_field_type *vitro_pb_message_field_named(const struct pb_message_type *m,
                                                         vitro_str name)
{
    for (size_t i = 0; m && i < m->field_count; i++) {
        if (vitro_str_eq(m->fields[i].name, name) || vitro_str_eq(m->fields[i].json_name, name))
            return &m->fields[i];
    }
    return NULL;
}

const struct pb_enum_value *vitro_pb_enum_value(const struct pb_enum_type *e, int32_t number)
{
    size_t low = 0, high = e ? e->value_count : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (e->values[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return e && low < e->value_count && e->values[low].number == number ? &e->values[low] : NULL;
}
