/*
 * schema_read - FileDescriptorProto bytes to types: names are completed, lists sorted, and what no
 * message could have is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "pb/schema_index.h"
#include "pb/schema_record.h"

/* What all parts of one file share. */
struct reading {
    struct pb_schema *schema;
    vitro_str file;
    bool proto3;
    bool packed; /* lists of numbers are packed unless they say otherwise */
    vitro_error *err;
};

static vitro_code damaged(vitro_error *err, enum pb_fault fault)
{
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "schema", (int32_t)fault,
                      "descriptor is damaged: %s", vitro_pb_fault_text(fault));
}

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "schema", 0, "schema is too large");
}

static void *array(struct reading *in, size_t count, size_t size)
{
    if (count > SIZE_MAX / 2 / size)
        return NULL;
    return vitro_arena_zalloc(&in->schema->arena, count ? count * size : 1);
}

static vitro_str without_dot(vitro_str name)
{
    bool dot = name.len && name.ptr[0] == '.';

    return (vitro_str){ dot ? name.ptr + 1 : name.ptr, name.len - dot };
}

/* "scope.name"; an empty ptr when memory is out. */
static vitro_str full_name(struct reading *in, vitro_str scope, vitro_str name)
{
    size_t dot = scope.len ? 1 : 0, len = scope.len + dot + name.len;
    char *p = vitro_arena_alloc(&in->schema->arena, len + 1);

    if (!p)
        return (vitro_str){ NULL, 0 };
    if (scope.len)
        memcpy(p, scope.ptr, scope.len);
    if (dot)
        p[scope.len] = '.';
    if (name.len)
        memcpy(p + scope.len + dot, name.ptr, name.len);
    p[len] = '\0';
    return (vitro_str){ p, len };
}

/* lowerCamelCase, as protoc makes it: letters behind underscores are raised. */
static vitro_str camel(struct reading *in, vitro_str name)
{
    char *p = vitro_arena_alloc(&in->schema->arena, name.len + 1);
    size_t n = 0;
    bool raise = false;

    if (!p)
        return (vitro_str){ NULL, 0 };
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (raise && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != '_')
            p[n++] = c;
        raise = c == '_';
    }
    p[n] = '\0';
    return (vitro_str){ p, n };
}

static bool field_of(struct reading *in, struct pb_field_type *f, const struct pb_field_record *raw)
{
    bool repeated = raw->label == PB_REPEATED;
    bool packable = vitro_pb_type_packable((enum pb_type)raw->type);

    *f = (struct pb_field_type){
        .name = raw->name,
        .json_name = raw->json_name.len ? raw->json_name : camel(in, raw->name),
        .type_name = without_dot(raw->type_name),
        .default_value = raw->default_value,
        .number = (uint32_t)raw->number,
        .type = (enum pb_type)raw->type,
        .label = repeated || raw->label == PB_REQUIRED ? (enum pb_label)raw->label : PB_OPTIONAL,
        .oneof = raw->oneof,
        .packed = repeated && packable && (raw->packed < 0 ? in->packed : raw->packed != 0),
        .proto3_optional = raw->proto3_optional,
        .has_default = raw->default_value.ptr != NULL,
    };
    return f->json_name.ptr != NULL;
}

static int by_number(const void *a, const void *b)
{
    const struct pb_field_type *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->name.ptr > y->name.ptr) - (x->name.ptr < y->name.ptr);
}

/* Fields that no message can have (number or type out of range) are left out. */
static vitro_code read_fields(struct reading *in, struct pb_message_type *m, vitro_bytes bytes)
{
    struct pb_reader r = pb_reader_of(bytes);
    vitro_bytes part;

    while (vitro_pb_next_part(&r, 2, &part)) {
        struct pb_field_record raw = { .oneof = -1, .packed = -1 };
        enum pb_fault fault = vitro_pb_read_record(part, vitro_pb_field_rules, &raw);

        if (fault)
            return damaged(in->err, fault);
        if (raw.number < 1 || raw.number > PB_NUMBER_MAX || raw.type < PB_TYPE_DOUBLE ||
            raw.type > PB_TYPE_SINT64)
            continue;
        if (raw.oneof < 0 || (size_t)raw.oneof >= m->oneof_count)
            raw.oneof = -1;
        if (!field_of(in, &m->fields[m->field_count++], &raw))
            return no_memory(in->err);
    }
    if (m->field_count)
        qsort(m->fields, m->field_count, sizeof *m->fields, by_number);
    return VITRO_OK;
}

static vitro_code read_oneofs(struct reading *in, struct pb_message_type *m, vitro_bytes bytes)
{
    struct pb_reader r = pb_reader_of(bytes);
    vitro_bytes part;

    for (size_t i = 0; vitro_pb_next_part(&r, 8, &part); i++) {
        struct pb_named_record raw = { { NULL, 0 }, 0 };
        enum pb_fault fault = vitro_pb_read_record(part, vitro_pb_named_rules, &raw);

        if (fault)
            return damaged(in->err, fault);
        m->oneofs[i] = raw.name;
    }
    return VITRO_OK;
}

static int by_value(const void *a, const void *b)
{
    const struct pb_enum_value *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->name.ptr > y->name.ptr) - (x->name.ptr < y->name.ptr);
}

static vitro_code read_enum(struct reading *in, vitro_str scope, vitro_bytes bytes)
{
    struct pb_named_record raw = { { NULL, 0 }, 0 };
    enum pb_fault fault = vitro_pb_read_record(bytes, vitro_pb_named_rules, &raw);
    struct pb_reader r = pb_reader_of(bytes);
    struct pb_enum_type *e = array(in, 1, sizeof *e);
    vitro_bytes part;

    if (fault)
        return damaged(in->err, fault);
    if (!e)
        return no_memory(in->err);
    e->name = full_name(in, scope, raw.name);
    e->values = array(in, raw.parts, sizeof *e->values);
    if (!e->name.ptr || !e->values)
        return no_memory(in->err);
    while (vitro_pb_next_part(&r, 2, &part)) {
        fault = vitro_pb_read_record(part, vitro_pb_enum_value_rules, &e->values[e->value_count++]);
        if (fault)
            return damaged(in->err, fault);
    }
    if (e->value_count)
        qsort(e->values, e->value_count, sizeof *e->values, by_value);
    return vitro_pb_symbol_add(in->schema, PB_ENUMS, e->name, e) ? VITRO_OK : no_memory(in->err);
}

static vitro_code read_service(struct reading *in, vitro_str scope, vitro_bytes bytes)
{
    struct pb_named_record raw = { { NULL, 0 }, 0 };
    enum pb_fault fault = vitro_pb_read_record(bytes, vitro_pb_named_rules, &raw);
    struct pb_reader r = pb_reader_of(bytes);
    struct pb_service_type *s = array(in, 1, sizeof *s);
    vitro_bytes part;

    if (fault)
        return damaged(in->err, fault);
    if (!s)
        return no_memory(in->err);
    s->name = full_name(in, scope, raw.name);
    s->methods = array(in, raw.parts, sizeof *s->methods);
    if (!s->name.ptr || !s->methods)
        return no_memory(in->err);
    while (vitro_pb_next_part(&r, 2, &part)) {
        struct pb_method_type *method = &s->methods[s->method_count++];

        fault = vitro_pb_read_record(part, vitro_pb_method_rules, method);
        if (fault)
            return damaged(in->err, fault);
        method->input_name = without_dot(method->input_name);
        method->output_name = without_dot(method->output_name);
    }
    return vitro_pb_symbol_add(in->schema, PB_SERVICES, s->name, s) ? VITRO_OK : no_memory(in->err);
}

static vitro_code read_message(struct reading *in, vitro_str scope, vitro_bytes bytes,
                               unsigned depth);

/* Messages and enums, in a file or in a message. */
static vitro_code read_types(struct reading *in, vitro_str scope, vitro_bytes bytes,
                             uint32_t message_number, uint32_t enum_number, unsigned depth)
{
    struct pb_reader messages = pb_reader_of(bytes), enums = pb_reader_of(bytes);
    vitro_bytes part;
    vitro_code rc = VITRO_OK;

    while (!rc && vitro_pb_next_part(&messages, message_number, &part))
        rc = read_message(in, scope, part, depth);
    while (!rc && vitro_pb_next_part(&enums, enum_number, &part))
        rc = read_enum(in, scope, part);
    return rc;
}

static vitro_code read_message(struct reading *in, vitro_str scope, vitro_bytes bytes,
                               unsigned depth)
{
    struct pb_message_record raw = { { NULL, 0 }, 0, 0, false };
    enum pb_fault fault =
        depth ? vitro_pb_read_record(bytes, vitro_pb_message_rules, &raw) : PB_FAULT_DEPTH;
    struct pb_message_type *m = array(in, 1, sizeof *m);
    vitro_code rc;

    if (fault)
        return damaged(in->err, fault);
    if (!m)
        return no_memory(in->err);
    *m = (struct pb_message_type){ .name = full_name(in, scope, raw.name),
                                   .file = in->file,
                                   .fields = array(in, raw.fields, sizeof *m->fields),
                                   .oneofs = array(in, raw.oneofs, sizeof *m->oneofs),
                                   .oneof_count = raw.oneofs,
                                   .map_entry = raw.map_entry,
                                   .proto3 = in->proto3 };
    if (!m->name.ptr || !m->fields || !m->oneofs ||
        !vitro_pb_symbol_add(in->schema, PB_MESSAGES, m->name, m))
        return no_memory(in->err);
    rc = read_fields(in, m, bytes);
    if (!rc)
        rc = read_oneofs(in, m, bytes);
    if (!rc)
        rc = read_types(in, m->name, bytes, 3, 4, depth - 1);
    return rc;
}

vitro_code vitro_pb_schema_read(struct pb_schema *s, vitro_bytes bytes, vitro_error *err)
{
    static const vitro_str proto3 = VITRO_STR_INIT("proto3"), editions = VITRO_STR_INIT("editions");
    struct pb_file_record raw = { .name = { NULL, 0 } };
    struct reading in = { .schema = s, .err = err };
    struct pb_reader services = pb_reader_of(bytes);
    enum pb_fault fault = vitro_pb_read_record(bytes, vitro_pb_file_rules, &raw);
    vitro_bytes part;
    vitro_code rc;

    if (fault)
        return damaged(err, fault);
    in.file = raw.name;
    in.proto3 = vitro_str_eq(raw.syntax, proto3) || vitro_str_eq(raw.syntax, editions);
    in.packed = in.proto3;
    if (!vitro_pb_symbol_add(s, PB_FILES, raw.name, s))
        return no_memory(err);
    rc = read_types(&in, raw.package, bytes, 4, 5, PB_DEPTH);
    while (!rc && vitro_pb_next_part(&services, 6, &part))
        rc = read_service(&in, raw.package, part);
    return rc;
}

vitro_str vitro_pb_schema_file_name(vitro_bytes bytes)
{
    struct pb_file_record raw = { .name = { NULL, 0 } };

    if (vitro_pb_read_record(bytes, vitro_pb_file_rules, &raw))
        return (vitro_str){ NULL, 0 };
    return raw.name;
}
