/*
 * struct - a message as a C struct, in protobuf-c's layout: `base`, the fields in the order of
 * the .proto, then each oneof as its case and an anonymous union. And its __INIT macro.
 */
#include <string.h>

#include "write.h"

static const char *gap(const char *c_type)
{
    return c_type[strlen(c_type) - 1] == '*' ? "" : " ";
}

static void write_member(struct text *out, const struct field *f, const char *indent)
{
    const char *c_type = field_c_type(f);
    const char *deprecated = field_is_deprecated(f) ? " PROTOBUF_C__DEPRECATED" : "";
    write_comment(out, f->place, indent);
    if (f->quantifier && !f->oneof) {
        text_put(out, "%s%s %s%s;\n", indent, f->repeated ? "size_t" : "protobuf_c_boolean",
                 f->quantifier, deprecated);
    }
    text_put(out, "%s%s%s%s%s%s;\n", indent, c_type, gap(c_type), f->repeated ? "*" : "", f->member,
             deprecated);
}

static void write_case_type(struct text *out, const struct oneof *o)
{
    text_put(out, "typedef enum {\n    %s = 0", o->case_none);
    for (size_t i = 0; i < o->n_fields; i++) {
        text_put(out, ",\n    %s = %d", o->fields[i]->case_name, o->fields[i]->proto->number);
    }
    text_put(out, "\n    PROTOBUF_C__FORCE_ENUM_TO_BE_INT_SIZE(%s)\n} %s;\n\n", o->case_size,
             o->case_type);
}

static void write_oneof(struct text *out, const struct oneof *o)
{
    write_comment(out, o->place, "    ");
    text_put(out, "    %s %s;\n    union {\n", o->case_type, o->case_member);
    for (size_t i = 0; i < o->n_fields; i++) {
        write_member(out, o->fields[i], "        ");
    }
    text_put(out, "    };\n");
}

void write_message_struct(struct text *out, const struct message *m)
{
    for (size_t i = 0; i < m->n_oneofs; i++) {
        write_case_type(out, &m->oneofs[i]);
    }
    write_comment(out, m->type.place, "");
    text_put(out, "struct %s {\n    ProtobufCMessage base;\n", m->type.name);
    for (size_t i = 0; i < m->n_fields; i++) {
        if (!m->fields[i].oneof) {
            write_member(out, &m->fields[i], "    ");
        }
    }
    for (size_t i = 0; i < m->n_oneofs; i++) {
        write_oneof(out, &m->oneofs[i]);
    }
    text_put(out, "};\n");
}

static char *init_bytes(const struct field *f)
{
    size_t len = 0;
    field_default_bytes(f, &len);
    return text_of("{ %zu, %s_data }", len, f->default_name);
}

static const char *init_value(const struct field *f)
{
    if (f->default_name) {
        char *value = field_default(f);
        return value ? value : field_is_text(f) ? f->default_name : init_bytes(f);
    }
    /* Without presence a string is never NULL. */
    bool empty = field_is_text(f) && !f->presence;
    return empty ? "(char *)protobuf_c_empty_string" : field_zero(f);
}

static char *init_field(const struct field *f)
{
    if (f->repeated) {
        return text_of("0, NULL");
    }
    return f->quantifier ? text_of("0, %s", init_value(f)) : text_of("%s", init_value(f));
}

/* In C++ an enumeration takes no plain 0, and a struct wants its own braces. */
static const char *init_union(const struct field *first)
{
    if (first->enumeration) {
        return text_of("(%s)0", first->enumeration->type.name);
    }
    return field_zero(first);
}

void write_message_init(struct text *out, const struct message *m)
{
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->fields[i];
        if (f->default_name && field_is_text(f)) {
            text_put(out, "extern char %s[];\n", f->default_name);
        } else if (f->default_name && field_is_bytes(f)) {
            text_put(out, "extern uint8_t %s_data[];\n", f->default_name);
        }
    }
    text_put(out, "#define %s__INIT \\\n    { PROTOBUF_C_MESSAGE_INIT(&%s__descriptor)",
             m->type.upper, m->type.lower);
    for (size_t i = 0; i < m->n_fields; i++) {
        if (!m->fields[i].oneof) {
            text_put(out, ", \\\n      %s", init_field(&m->fields[i]));
        }
    }
    for (size_t i = 0; i < m->n_oneofs; i++) {
        const struct oneof *o = &m->oneofs[i];
        text_put(out, ", \\\n      %s, { %s }", o->case_none, init_union(o->fields[0]));
    }
    text_put(out, " }\n\n");
}
