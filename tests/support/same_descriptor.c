#include "support/same_descriptor.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void same(struct same *s, bool equal,
                                                       const char *format, ...)
{
    if (equal || s->why[0]) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
}

static void same_text(struct same *s, const char *a, const char *b, const char *what,
                      const char *of)
{
    same(s, !strcmp(a, b), "%s: %s is %s, not %s", of, what, a, b);
}

static void same_number(struct same *s, long a, long b, const char *what, const char *of)
{
    same(s, a == b, "%s: %s is %ld, not %ld", of, what, a, b);
}

/* With its closing row, which holds how many there are. */
static void same_ranges(struct same *s, unsigned n, const ProtobufCIntRange *a,
                        const ProtobufCIntRange *b, const char *of)
{
    same(s, !a == !b, "%s: only one has ranges", of);
    for (unsigned i = 0; a && b && i <= n; i++) {
        same_number(s, (long)a[i].start_value, (long)b[i].start_value, "start of range", of);
        same_number(s, a[i].orig_index, b[i].orig_index, "index of range", of);
    }
}

void same_enum(struct same *s, const ProtobufCEnumDescriptor *a, const ProtobufCEnumDescriptor *b)
{
    s->enums++;
    same_text(s, a->name, b->name, "name", a->name);
    same_text(s, a->short_name, b->short_name, "short_name", a->name);
    same_text(s, a->c_name, b->c_name, "c_name", a->name);
    same_text(s, a->package_name, b->package_name, "package_name", a->name);
    same_number(s, a->magic, b->magic, "magic", a->name);
    same_number(s, a->n_values, b->n_values, "n_values", a->name);
    same_number(s, a->n_value_names, b->n_value_names, "n_value_names", a->name);
    same_number(s, a->n_value_ranges, b->n_value_ranges, "n_value_ranges", a->name);
    for (unsigned i = 0; !s->why[0] && i < a->n_values; i++) {
        s->values++;
        same_text(s, a->values[i].name, b->values[i].name, "value", a->name);
        same_text(s, a->values[i].c_name, b->values[i].c_name, "c_name of value", a->name);
        same_number(s, a->values[i].value, b->values[i].value, a->values[i].name, a->name);
    }
    for (unsigned i = 0; !s->why[0] && i < a->n_value_names; i++) {
        const ProtobufCEnumValueIndex *x = &a->values_by_name[i], *y = &b->values_by_name[i];
        same_text(s, x->name, y->name, "name in index", a->name);
        same_number(s, x->index, y->index, x->name, a->name);
    }
    if (!s->why[0]) {
        same_ranges(s, a->n_value_ranges, a->value_ranges, b->value_ranges, a->name);
    }
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

static void same_value(struct same *s, ProtobufCType type, const void *a, const void *b,
                       const char *of)
{
    const ProtobufCBinaryData *x = a, *y = b;
    if (type == PROTOBUF_C_TYPE_STRING) {
        same_text(s, a, b, "text", of);
    } else if (type == PROTOBUF_C_TYPE_BYTES) {
        same(s, x->len == y->len && (x->len == 0 || !memcmp(x->data, y->data, x->len)),
             "%s: bytes differ", of);
    } else if (type != PROTOBUF_C_TYPE_MESSAGE) {
        same(s, !memcmp(a, b, size_of(type)), "%s: value differs", of);
    }
}

static void same_field(struct same *s, const ProtobufCFieldDescriptor *a,
                       const ProtobufCFieldDescriptor *b, const char *of)
{
    char name[200];
    snprintf(name, sizeof name, "%s.%s", of, a->name);
    s->fields++;
    same_text(s, a->name, b->name, "name", name);
    same_number(s, a->id, b->id, "id", name);
    same_number(s, a->label, b->label, "label", name);
    same_number(s, a->type, b->type, "type", name);
    same_number(s, a->quantifier_offset, b->quantifier_offset, "quantifier_offset", name);
    same_number(s, a->offset, b->offset, "offset", name);
    same_number(s, a->flags, b->flags, "flags", name);
    same(s, !a->descriptor == !b->descriptor, "%s: only one has a descriptor", name);
    same(s, !a->default_value == !b->default_value, "%s: only one has a default", name);
    if (s->why[0]) {
        return;
    }
    if (a->default_value) {
        same_value(s, a->type, a->default_value, b->default_value, name);
    }
    if (a->type == PROTOBUF_C_TYPE_MESSAGE) {
        same_message(s, a->descriptor, b->descriptor);
    } else if (a->type == PROTOBUF_C_TYPE_ENUM) {
        same_enum(s, a->descriptor, b->descriptor);
    }
}

static const void *member(const void *message, unsigned offset)
{
    return (const char *)message + offset;
}

/* Members that a fresh message holds; the case of a oneof, has_ and n_ are all 4 or 8 bytes 0. */
static void same_fresh_field(struct same *s, const ProtobufCFieldDescriptor *f, const void *a,
                             const void *b, const char *of)
{
    const void *x = member(a, f->offset), *y = member(b, f->offset);
    if (f->quantifier_offset) {
        size_t n = f->label == PROTOBUF_C_LABEL_REPEATED ? sizeof(size_t) : sizeof(int);
        same(s, !memcmp(member(a, f->quantifier_offset), member(b, f->quantifier_offset), n),
             "%s.%s: its quantifier in a fresh message differs", of, f->name);
    }
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return;
    }
    bool pointer = f->label == PROTOBUF_C_LABEL_REPEATED || f->type == PROTOBUF_C_TYPE_STRING ||
                   f->type == PROTOBUF_C_TYPE_MESSAGE;
    if (!pointer) {
        same_value(s, f->type, x, y, f->name);
        return;
    }
    const char *const *p = x, *const *q = y;
    same(s, !*p == !*q, "%s.%s: NULL in one fresh message only", of, f->name);
    if (*p && *q) {
        same_text(s, *p, *q, "fresh", f->name);
    }
}

static void same_fresh(struct same *s, const ProtobufCMessageDescriptor *a,
                       const ProtobufCMessageDescriptor *b)
{
    void *x = calloc(1, a->sizeof_message), *y = calloc(1, b->sizeof_message);
    a->message_init(x);
    b->message_init(y);
    same(s, ((ProtobufCMessage *)x)->descriptor == a, "%s: init names another type", a->name);
    for (unsigned i = 0; i < a->n_fields; i++) {
        same_fresh_field(s, &a->fields[i], x, y, a->name);
    }
    free(x);
    free(y);
}

void same_message(struct same *s, const ProtobufCMessageDescriptor *a,
                  const ProtobufCMessageDescriptor *b)
{
    for (unsigned i = 0; i < s->n_seen; i++) {
        if (s->seen[i] == a) {
            return;
        }
    }
    if (s->why[0] || s->n_seen == sizeof s->seen / sizeof *s->seen) {
        return;
    }
    s->seen[s->n_seen++] = a;
    s->messages++;
    same_text(s, a->name, b->name, "name", a->name);
    same_text(s, a->short_name, b->short_name, "short_name", a->name);
    same_text(s, a->c_name, b->c_name, "c_name", a->name);
    same_text(s, a->package_name, b->package_name, "package_name", a->name);
    same_number(s, a->magic, b->magic, "magic", a->name);
    same_number(s, (long)a->sizeof_message, (long)b->sizeof_message, "sizeof", a->name);
    same_number(s, a->n_fields, b->n_fields, "n_fields", a->name);
    same_number(s, a->n_field_ranges, b->n_field_ranges, "n_field_ranges", a->name);
    for (unsigned i = 0; !s->why[0] && i < a->n_fields; i++) {
        same_number(s, a->fields_sorted_by_name[i], b->fields_sorted_by_name[i], "name index",
                    a->name);
        same_field(s, &a->fields[i], &b->fields[i], a->name);
    }
    if (!s->why[0]) {
        same_ranges(s, a->n_field_ranges, a->field_ranges, b->field_ranges, a->name);
        same_fresh(s, a, b);
    }
}
