/*
 * model - see model.h. Two passes: first every file's types get their names, then fields and
 * methods are tied to the types that they use.
 */
#include "model.h"

#include <string.h>

#include "text.h"

enum { DEPTH = 128 }; /* numbers in a descriptor path: protoc itself nests 32 messages */

/* Numbers of fields in descriptor.proto, of which descriptor paths are made. */
enum {
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_ONEOF = 8,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2
};

struct path {
    int32_t at[DEPTH];
    size_t n;
};

static struct path path_to(const struct path *base, int32_t field, size_t index)
{
    struct path p = *base;
    if (p.n + 2 <= DEPTH) {
        p.at[p.n++] = field;
        p.at[p.n++] = (int32_t)index;
    }
    return p;
}

static struct place place_at(const struct file *f, const struct path *p)
{
    return place_find(f, p->at, p->n);
}

/* An identifier that nobody has taken: the wanted one, or that with underscores behind it. */
static char *claim(struct file *f, char *wanted)
{
    while (!names_add(&f->names, wanted)) {
        wanted = text_of("%s_", wanted);
    }
    return wanted;
}

/* The three spellings of a type stand or fall together. lower and upper are prefixes of names,
 * so they are remembered with what always follows them. */
static void type_name(struct file *f, struct type *t, const char *scope, const char *brief,
                      const char *before_upper, const char *after_upper)
{
    t->brief = brief;
    t->full = *scope ? text_of("%s.%s", scope, brief) : text_of("%s", brief);
    t->name = name_type(t->full);
    t->lower = text_of("%s%s", f->prefix, name_lower(t->full));
    t->upper = name_upper(t->full);
    for (;;) {
        char *lower = text_of("%s__descriptor", t->lower);
        char *upper = text_of("%s%s%s", before_upper, t->upper, after_upper);
        if (!names_has(&f->names, t->name) && !names_has(&f->names, lower) &&
            !names_has(&f->names, upper)) {
            names_add(&f->names, t->name);
            names_add(&f->names, lower);
            names_add(&f->names, upper);
            return;
        }
        t->name = text_of("%s_", t->name);
        t->lower = text_of("%s_", t->lower);
        t->upper = text_of("%s_", t->upper);
    }
}

static void enum_build(struct file *f, struct enumeration *e, const enum_proto *proto,
                       const char *scope, const struct path *path)
{
    type_name(f, &e->type, scope, proto->name, "_", "_IS_INT_SIZE");
    e->type.place = place_at(f, path);
    e->n_values = proto->n_value;
    e->values = room(e->n_values * sizeof *e->values);
    for (size_t i = 0; i < e->n_values; i++) {
        struct value *v = &e->values[i];
        struct path at = path_to(path, ENUM_VALUE, i);
        v->brief = proto->value[i]->name;
        v->name = claim(f, text_of("%s__%s", e->type.upper, v->brief));
        v->number = proto->value[i]->number;
        v->place = place_at(f, &at);
    }
}

static struct enumeration *enums_build(struct file *f, enum_proto *const *protos, size_t n,
                                       const char *scope, const struct path *path, int32_t number)
{
    struct enumeration *enums = room(n * sizeof *enums);
    for (size_t i = 0; i < n; i++) {
        struct path at = path_to(path, number, i);
        enum_build(f, &enums[i], protos[i], scope, &at);
    }
    return enums;
}

static void message_build(struct file *f, struct message *m, const message_proto *proto,
                          const char *scope, const struct path *path)
{
    m->proto = proto;
    m->file = f;
    m->map_entry = proto->options && proto->options->map_entry;
    type_name(f, &m->type, scope, proto->name, "", "__INIT");
    m->type.place = place_at(f, path);
    m->n_enums = proto->n_enum_type;
    m->enums = enums_build(f, proto->enum_type, m->n_enums, m->type.full, path, MESSAGE_ENUM);
    m->n_nested = proto->n_nested_type;
    m->nested = room(m->n_nested * sizeof *m->nested);
    for (size_t i = 0; i < m->n_nested; i++) {
        struct path at = path_to(path, MESSAGE_NESTED, i);
        message_build(f, &m->nested[i], proto->nested_type[i], m->type.full, &at);
    }
}

static bool is_real_oneof(const message_proto *proto, int32_t index)
{
    for (size_t i = 0; i < proto->n_field; i++) {
        const field_proto *f = proto->field[i];
        if (f->has_oneof_index && f->oneof_index == index && !f->proto3_optional) {
            return true;
        }
    }
    return false;
}

/* A oneof's names that need no members' names. */
static void oneof_build(struct message *m, struct oneof *o, int32_t index, const struct path *path)
{
    struct file *f = m->file;
    struct path at = path_to(path, MESSAGE_ONEOF, (size_t)index);
    o->brief = m->proto->oneof_decl[index]->name;
    o->place = place_at(f, &at);
    char *upper = text_of("%s__%s", m->type.upper, snake_upper(o->brief));
    o->case_type = claim(f, text_of("%s__%sCase", m->type.name, name_type(o->brief)));
    o->case_none = claim(f, text_of("%s__NOT_SET", upper));
    o->case_size = claim(f, text_of("%s__CASE", upper));
    for (size_t i = 0; i < m->n_fields; i++) {
        struct field *field = &m->fields[i];
        if (field->proto->has_oneof_index && field->proto->oneof_index == index) {
            field->oneof = o;
            field->case_name = claim(f, text_of("%s_%s", upper, snake_upper(field->proto->name)));
            o->fields = o->fields ? o->fields : room_pointers(m->n_fields);
            o->fields[o->n_fields++] = field;
        }
    }
}

static void oneofs_build(struct message *m, const struct path *path)
{
    m->oneofs = room(m->proto->n_oneof_decl * sizeof *m->oneofs);
    for (size_t i = 0; i < m->proto->n_oneof_decl; i++) {
        if (is_real_oneof(m->proto, (int32_t)i)) {
            oneof_build(m, &m->oneofs[m->n_oneofs++], (int32_t)i, path);
        }
    }
}

static bool is_pointer(const struct field *f)
{
    return f->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING ||
           f->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE;
}

/* A pointer needs no has_: NULL says it. */
static const char *quantifier_prefix(const struct field *f)
{
    if (f->repeated) {
        return "n_";
    }
    return f->presence && !f->required && !f->oneof && !is_pointer(f) ? "has_" : NULL;
}

static void member_name(struct names *taken, struct field *f)
{
    char *member = all_lower(f->proto->name);
    const char *prefix = quantifier_prefix(f);
    char *quantifier = NULL;
    if (name_is_keyword(member)) {
        member = text_of("%s_", member);
    }
    for (;; member = text_of("%s_", member)) {
        quantifier = prefix ? text_of("%s%s", prefix, member) : NULL;
        if (!names_has(taken, member) && !(quantifier && names_has(taken, quantifier))) {
            break;
        }
    }
    names_add(taken, member);
    if (quantifier) {
        names_add(taken, quantifier);
    }
    f->member = member;
    f->quantifier = quantifier;
}

/* Fields first, in their order; then the oneofs' cases: to append a field renames none. */
static void members_name(struct message *m)
{
    struct names taken = { 0 };
    names_add(&taken, "base");
    for (size_t i = 0; i < m->n_fields; i++) {
        member_name(&taken, &m->fields[i]);
    }
    for (size_t i = 0; i < m->n_oneofs; i++) {
        struct oneof *o = &m->oneofs[i];
        o->case_member = text_of("%s_case", snake_lower(o->brief));
        while (!names_add(&taken, o->case_member)) {
            o->case_member = text_of("%s_", o->case_member);
        }
        for (size_t k = 0; k < o->n_fields; k++) {
            o->fields[k]->quantifier = o->case_member;
        }
    }
}

static void fields_build(struct message *m, const struct path *path)
{
    m->n_fields = m->proto->n_field;
    m->fields = room(m->n_fields * sizeof *m->fields);
    for (size_t i = 0; i < m->n_fields; i++) {
        struct field *f = &m->fields[i];
        struct path at = path_to(path, MESSAGE_FIELD, i);
        f->proto = m->proto->field[i];
        f->owner = m;
        f->place = place_at(m->file, &at);
        f->repeated =
            f->proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
        f->required =
            f->proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED;
        f->presence = !f->repeated && (!m->file->proto3 || f->proto->proto3_optional);
    }
    oneofs_build(m, path);
    members_name(m);
    for (size_t i = 0; i < m->n_fields; i++) {
        struct field *f = &m->fields[i];
        if (f->proto->default_value) {
            f->default_name = claim(m->file, text_of("%s__%s__default_value", m->type.lower,
                                                     snake_lower(f->proto->name)));
        }
    }
    for (size_t i = 0; i < m->n_nested; i++) {
        struct path at = path_to(path, MESSAGE_NESTED, i);
        fields_build(&m->nested[i], &at);
    }
}

/* What stubs are called: the method's name and one of these (stub.c and handler.c write them). */
static const char *const stub_suffixes[] = {
    "",           "_method", "_start",      "_events",     "_read",    "_write",
    "_write_end", "_finish", "_close",      "_reader",     "_writer",  "_stream",
    "_send",      "_reply",  "_respond",    "_handler",    "_serve",   "_deliver",
    "_receive",   "_route",  "_on_headers", "_on_message", "_checked",
};

static bool is_stub_free(const struct names *names, const char *name)
{
    for (size_t i = 0; i < sizeof stub_suffixes / sizeof *stub_suffixes; i++) {
        if (names_has(names, text_of("%s%s", name, stub_suffixes[i]))) {
            return false;
        }
    }
    return true;
}

static bool method_build(struct service *s, struct method *m, struct file *f, struct names *methods,
                         char **error)
{
    m->path = text_of("/%s/%s", s->full, m->proto->name);
    m->name = text_of("%s_%s", s->name, snake_lower(m->proto->name));
    m->many_requests = m->proto->client_streaming;
    m->many_responses = m->proto->server_streaming;
    if (!names_add(methods, m->name)) {
        *error = text_of("%s: method %s has the same name in C as another one, %s; "
                         "rename one of them",
                         place_text(m->place), m->proto->name, m->name);
        return false;
    }
    m->member = snake_lower(m->proto->name);
    if (name_is_keyword(m->member) || !strcmp(m->member, "size")) {
        m->member = text_of("%s_", m->member);
    }
    while (!is_stub_free(&f->names, m->name)) {
        m->name = text_of("%s_", m->name);
    }
    for (size_t i = 0; i < sizeof stub_suffixes / sizeof *stub_suffixes; i++) {
        names_add(&f->names, text_of("%s%s", m->name, stub_suffixes[i]));
    }
    return true;
}

static bool service_build(struct file *f, struct service *s, const service_proto *proto,
                          const struct path *path, char **error)
{
    struct names methods = { 0 };
    s->proto = proto;
    s->file = f->ident;
    s->full = *f->package ? text_of("%s.%s", f->package, proto->name) : text_of("%s", proto->name);
    s->name = text_of("%s%s", f->prefix, name_stub(s->full));
    s->place = place_at(f, path);
    if (!names_add(&f->names, text_of("%s_handlers", s->name))) {
        *error = text_of("%s: service %s has the same name in C as another one, %s; "
                         "rename one of them",
                         place_text(s->place), proto->name, s->name);
        return false;
    }
    names_add(&f->names, text_of("%s_register", s->name));
    s->n_methods = proto->n_method;
    s->methods = room(s->n_methods * sizeof *s->methods);
    for (size_t i = 0; i < s->n_methods; i++) {
        struct path at = path_to(path, SERVICE_METHOD, i);
        s->methods[i].proto = proto->method[i];
        s->methods[i].place = place_at(f, &at);
        if (!method_build(s, &s->methods[i], f, &methods, error)) {
            return false;
        }
    }
    return true;
}

/* Everything that imports make visible counts, so that no two names of a program meet that one
 * file can know of. */
static void names_import(struct names *into, const struct file *dep)
{
    for (unsigned i = 0; i < dep->names.size; i++) {
        if (dep->names.slot[i]) {
            names_add(into, dep->names.slot[i]);
        }
    }
}

static char *stem_of(const char *path)
{
    size_t n = strlen(path);
    if (n > 6 && !strcmp(path + n - 6, ".proto")) {
        n -= 6;
    }
    return text_copy(path, n);
}

static const char *const reserved[] = { "FILE", "DIR", "EOF", "NULL", "NAN", "INFINITY", "BUFSIZ" };

static void file_begin(const struct model *m, struct file *f, file_proto *proto)
{
    f->proto = proto;
    f->path = proto->name;
    f->package = proto->package ? proto->package : "";
    f->stem = stem_of(f->path);
    f->prefix = m->prefix;
    f->ident = text_of("%s%s", f->prefix, name_file(f->path));
    f->proto3 = proto->syntax && !strcmp(proto->syntax, "proto3");
    f->place = place_find(f, (const int32_t[]){ 12 }, 1); /* the syntax statement */
    f->deps = room_pointers(proto->n_dependency);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        names_add(&f->names, reserved[i]);
    }
    for (size_t i = 0; i < proto->n_dependency; i++) {
        struct file *dep = model_file(m, proto->dependency[i]);
        if (dep) {
            f->deps[f->n_deps++] = dep;
            names_import(&f->names, dep);
        }
    }
}

static bool file_build(const struct model *m, struct file *f, file_proto *proto, char **error)
{
    const struct path top = { .n = 0 };
    file_begin(m, f, proto);
    f->n_enums = proto->n_enum_type;
    f->enums = enums_build(f, proto->enum_type, f->n_enums, f->package, &top, FILE_ENUM);
    f->n_messages = proto->n_message_type;
    f->messages = room(f->n_messages * sizeof *f->messages);
    for (size_t i = 0; i < f->n_messages; i++) {
        struct path at = path_to(&top, FILE_MESSAGE, i);
        message_build(f, &f->messages[i], proto->message_type[i], f->package, &at);
    }
    for (size_t i = 0; i < f->n_messages; i++) {
        struct path at = path_to(&top, FILE_MESSAGE, i);
        fields_build(&f->messages[i], &at);
    }
    f->services = room(proto->n_service * sizeof *f->services);
    for (size_t i = 0; i < proto->n_service; i++) {
        struct path at = path_to(&top, FILE_SERVICE, i);
        f->services[f->n_services].external = m->external;
        if (!service_build(f, &f->services[f->n_services++], proto->service[i], &at, error)) {
            return false;
        }
    }
    return true;
}

struct link {
    const struct model *model;
    char **error;
    bool failed;
};

static void link_message(const struct message *m, void *user)
{
    struct link *l = user;
    for (size_t i = 0; i < m->n_fields; i++) {
        struct field *f = &m->fields[i];
        const char *type = f->proto->type_name;
        if (!type) {
            continue;
        }
        f->message = model_message(l->model, type);
        f->enumeration = model_enumeration(l->model, type);
        if (!f->message && !f->enumeration) {
            *l->error = text_of("%s: type %s is not in the request", place_text(f->place), type);
            l->failed = true;
        }
    }
}

static void link_services(struct link *l, struct file *f)
{
    for (size_t i = 0; i < f->n_services; i++) {
        for (size_t k = 0; k < f->services[i].n_methods; k++) {
            struct method *m = &f->services[i].methods[k];
            m->request = model_message(l->model, m->proto->input_type);
            m->response = model_message(l->model, m->proto->output_type);
            if (!m->request || !m->response) {
                *l->error = text_of("%s: a type of method %s is not in the request",
                                    place_text(m->place), m->proto->name);
                l->failed = true;
            }
        }
    }
}

bool model_build(struct model *m, const request_proto *request, const struct params *params,
                 char **error)
{
    m->external = params->external;
    m->prefix = params->prefix;
    m->files = room(request->n_proto_file * sizeof *m->files);
    for (size_t i = 0; i < request->n_proto_file; i++) {
        if (!file_build(m, &m->files[m->n_files++], request->proto_file[i], error)) {
            return false;
        }
    }
    struct link l = { m, error, false };
    for (size_t i = 0; i < m->n_files; i++) {
        each_message(&m->files[i], OUTER_FIRST, link_message, &l);
        link_services(&l, &m->files[i]);
    }
    return !l.failed;
}
