/*
 * file - a whole header and a whole source, and the descriptor of the file itself, which trace
 * notes and server reflection hand out. Line numbers and comments are left out of that one: they
 * are two thirds of it.
 */
#include <string.h>

#include "write.h"

struct writer {
    struct text *out;
    void (*write)(struct text *out, const struct message *m);
    void (*write_enum)(struct text *out, const struct enumeration *e);
};

static void write_message(const struct message *m, void *user)
{
    const struct writer *w = user;
    w->write(w->out, m);
}

static void write_enumeration(const struct enumeration *e, void *user)
{
    const struct writer *w = user;
    w->write_enum(w->out, e);
}

static void all_messages(struct text *out, const struct file *f, enum order order,
                         void (*write)(struct text *out, const struct message *m))
{
    struct writer w = { out, write, NULL };
    each_message(f, order, write_message, &w);
}

static void all_enums(struct text *out, const struct file *f,
                      void (*write)(struct text *out, const struct enumeration *e))
{
    struct writer w = { out, NULL, write };
    each_enumeration(f, write_enumeration, &w);
}

static void write_typedef(struct text *out, const struct message *m)
{
    text_put(out, "typedef struct %s %s;\n", m->type.name, m->type.name);
}

static void write_struct(struct text *out, const struct message *m)
{
    write_message_struct(out, m);
    write_message_init(out, m);
}

static void write_extern(struct text *out, const struct message *m)
{
    text_put(out, "extern const ProtobufCMessageDescriptor %s__descriptor;\n", m->type.lower);
}

static void write_enum_extern(struct text *out, const struct enumeration *e)
{
    text_put(out, "extern const ProtobufCEnumDescriptor %s__descriptor;\n", e->type.lower);
}

static void note_math(const struct message *m, void *user)
{
    bool *needed = user;
    for (size_t i = 0; i < m->n_fields; i++) {
        *needed = *needed || field_has_math(&m->fields[i]);
    }
}

static void write_includes(struct text *out, const struct file *f, const struct params *params)
{
    bool math = false;
    each_message(f, OUTER_FIRST, note_math, &math);
    text_put(out, "%s#include <vitro/pb.h>\n", math ? "#include <math.h>\n" : "");
    if (params->stubs && f->n_services) {
        text_put(out, "#include <vitro/stub.h>\n");
    }
    if (params->external) {
        text_put(out, "\n#include \"%s.pb-c.h\"\n", f->stem);
        return;
    }
    for (size_t i = 0; i < f->n_deps; i++) {
        text_put(out, "%s#include \"%s.vitro.h\"\n", i == 0 ? "\n" : "", f->deps[i]->stem);
    }
}

static void write_messages_header(struct text *out, const struct file *f)
{
    all_messages(out, f, OUTER_FIRST, write_typedef);
    text_put(out, "\n");
    all_enums(out, f, write_enum_type);
    all_messages(out, f, OUTER_FIRST, write_extern);
    all_enums(out, f, write_enum_extern);
    text_put(out, "\n");
    all_messages(out, f, INNER_FIRST, write_struct);
    all_messages(out, f, INNER_FIRST, write_message_prototypes);
}

char *write_header(const struct file *f, const struct params *params)
{
    struct text out = { 0 };
    text_put(&out, "/* Made by protoc-gen-vitro from %s: edit that. */\n", f->path);
    write_comment(&out, f->place, "");
    text_put(&out, "#ifndef VITRO_GEN_%s\n#define VITRO_GEN_%s\n\n", f->ident, f->ident);
    write_includes(&out, f, params);
    text_put(&out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    if (!params->external) {
        write_messages_header(&out, f);
    }
    text_put(&out,
             "/** %s itself, with its imports: for traces and reflection. */\n"
             "extern const vitro_pb_file %s_file;\n\n",
             f->path, f->ident);
    for (size_t i = 0; params->stubs && i < f->n_services; i++) {
        write_service_header(&out, &f->services[i]);
    }
    text_put(&out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
    return out.ptr;
}

static void write_bytes(struct text *out, const file_proto *proto)
{
    file_proto stripped = *proto;
    stripped.source_code_info = NULL;
    size_t n = google__protobuf__file_descriptor_proto__get_packed_size(&stripped);
    uint8_t *bytes = room(n);
    google__protobuf__file_descriptor_proto__pack(&stripped, bytes);
    for (size_t i = 0; i < n; i++) {
        text_put(out, "%s%u,", i % 20 == 0 ? "\n    " : " ", bytes[i]);
    }
}

/* Files whose messages are protoc-c's have no vitro_pb_file of their own to point to: then all
 * imports are written here too, for this file's eyes only. */
static void write_file(struct text *out, const struct file *f, const char *linkage,
                       struct names *done, bool with_deps)
{
    if (!names_add(done, f->ident)) {
        return;
    }
    for (size_t i = 0; with_deps && i < f->n_deps; i++) {
        write_file(out, f->deps[i], "static ", done, true);
    }
    text_put(out, "static const uint8_t %s_bytes[] = {", f->ident);
    write_bytes(out, f->proto);
    text_put(out, "\n};\n");
    if (f->n_deps) {
        text_put(out, "static const vitro_pb_file *const %s_deps[] = {\n", f->ident);
        for (size_t i = 0; i < f->n_deps; i++) {
            text_put(out, "    &%s_file,\n", f->deps[i]->ident);
        }
        text_put(out, "    NULL,\n};\n");
    }
    text_put(out,
             "%sconst vitro_pb_file %s_file = {\n"
             "    sizeof(vitro_pb_file), \"%s\",\n    %s_bytes, sizeof %s_bytes, %s%s,\n};\n\n",
             linkage, f->ident, f->path, f->ident, f->ident, f->n_deps ? f->ident : "NULL",
             f->n_deps ? "_deps" : "");
}

static void write_message_tables(struct text *out, const struct message *m)
{
    write_message_defaults(out, m);
    write_message_descriptor(out, m);
}

char *write_source(const struct file *f, const struct params *params)
{
    struct text out = { 0 };
    struct names done = { 0 };
    text_put(&out,
             "/* Made by protoc-gen-vitro from %s: edit that. */\n"
             "#ifndef PROTOBUF_C__NO_DEPRECATED\n"
             "#define PROTOBUF_C__NO_DEPRECATED /* the tables name deprecated members too */\n"
             "#endif\n"
             "#include \"%s.vitro.h\"\n\n#include <assert.h>\n\n",
             f->path, f->stem);
    if (!params->external) {
        all_messages(&out, f, INNER_FIRST, write_message_helpers);
        all_enums(&out, f, write_enum_descriptor);
        all_messages(&out, f, INNER_FIRST, write_message_tables);
    }
    write_file(&out, f, "", &done, params->external);
    for (size_t i = 0; params->stubs && i < f->n_services; i++) {
        write_service_source(&out, &f->services[i]);
    }
    return out.ptr;
}
