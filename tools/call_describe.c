/*
 * call_describe - vitro call TARGET list and describe: what a server serves, by its reflection or
 * by the files that were given. Names may be a peer's: they are printed escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "call.h"
#include "command.h"
#include "print.h"

static struct printer out(void)
{
    return (struct printer){ .out = stdout };
}

static void put(vitro_str text)
{
    struct printer p = out();

    print_escaped(&p, text);
}

static void put_line(vitro_str text)
{
    put(text);
    putchar('\n');
}

/* ---- types, as a .proto file writes them ---------------------------------------------------- */

static void put_type(const struct pb_field_type *f)
{
    if (f->type_name.len)
        put(f->type_name);
    else
        fputs(vitro_pb_type_name(f->type), stdout);
}

static const char *label(const struct pb_message_type *m, const struct pb_field_type *f)
{
    if (f->label == PB_REPEATED)
        return "repeated ";
    if (f->label == PB_REQUIRED)
        return "required ";
    return f->oneof < 0 || f->proto3_optional
               ? (m->proto3 && !f->proto3_optional ? "" : "optional ")
               : "";
}

static void put_field(const struct pb_message_type *m, const struct pb_field_type *f,
                      const char *indent)
{
    const struct pb_message_type *entry = f->message;

    fputs(indent, stdout);
    if (entry && entry->map_entry && entry->field_count == 2) {
        fputs("map<", stdout);
        put_type(&entry->fields[0]);
        fputs(", ", stdout);
        put_type(&entry->fields[1]);
        putchar('>');
    } else {
        fputs(label(m, f), stdout);
        put_type(f);
    }
    putchar(' ');
    put(f->name);
    printf(" = %" PRIu32 ";\n", f->number);
}

static void put_message(const struct pb_message_type *m)
{
    fputs("message ", stdout);
    put(m->name);
    fputs(" {\n", stdout);
    for (size_t i = 0; i < m->field_count; i++) {
        if (m->fields[i].oneof < 0 || m->fields[i].proto3_optional)
            put_field(m, &m->fields[i], "  ");
    }
    for (size_t o = 0; o < m->oneof_count; o++) {
        bool begun = false;

        for (size_t i = 0; i < m->field_count; i++) {
            if (m->fields[i].oneof != (int32_t)o || m->fields[i].proto3_optional)
                continue;
            if (!begun) {
                fputs("  oneof ", stdout);
                put(m->oneofs[o]);
                fputs(" {\n", stdout);
            }
            begun = true;
            put_field(m, &m->fields[i], "    ");
        }
        if (begun)
            puts("  }");
    }
    puts("}");
}

static void put_enum(const struct pb_enum_type *e)
{
    fputs("enum ", stdout);
    put(e->name);
    fputs(" {\n", stdout);
    for (size_t i = 0; i < e->value_count; i++) {
        fputs("  ", stdout);
        put(e->values[i].name);
        printf(" = %" PRId32 ";\n", e->values[i].number);
    }
    puts("}");
}

static void put_method(const struct pb_method_type *m, const char *indent)
{
    printf("%srpc ", indent);
    put(m->name);
    fputs(m->client_streaming ? "(stream " : "(", stdout);
    put(m->input_name);
    fputs(m->server_streaming ? ") returns (stream " : ") returns (", stdout);
    put(m->output_name);
    puts(");");
}

static void put_service(const struct pb_service_type *s)
{
    fputs("service ", stdout);
    put(s->name);
    fputs(" {\n", stdout);
    for (size_t i = 0; i < s->method_count; i++)
        put_method(&s->methods[i], "  ");
    puts("}");
}

/* "package.Service/Method", or with a dot between. */
static const struct pb_method_type *method_of(const struct pb_schema *types, vitro_str name)
{
    char path[512];
    char *dot;

    if (name.len >= sizeof path)
        return NULL;
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    dot = strrchr(path, '.');
    if (dot && !strchr(path, '/'))
        *dot = '/';
    return vitro_pb_schema_method(types, vitro_str_of(path));
}

static bool put_any(const struct pb_schema *types, vitro_str name)
{
    const struct pb_service_type *service = vitro_pb_schema_service(types, name);
    const struct pb_message_type *message = vitro_pb_schema_message(types, name);
    const struct pb_enum_type *e = vitro_pb_schema_enum(types, name);
    const struct pb_method_type *method = method_of(types, name);

    if (service)
        put_service(service);
    else if (message)
        put_message(message);
    else if (e)
        put_enum(e);
    else if (method)
        put_method(method, "");
    return service || message || e || method;
}

/* ---- the commands --------------------------------------------------------------------------- */

/* What reflection calls the thing: "package.Service.Method". */
static void symbol_of(const char *name, char *symbol, size_t size)
{
    snprintf(symbol, size, "%s", *name == '/' || *name == '.' ? name + 1 : name);
    for (char *c = symbol; *c; c++) {
        if (*c == '/')
            *c = '.';
    }
}

static int unknown(const char *name)
{
    command_fail("call", name, "no such service, method or type",
                 "vitro call TARGET list shows the services");
    return EXIT_NEGATIVE;
}

static int list_methods(const struct pb_schema *types, const char *name)
{
    const struct pb_service_type *s = vitro_pb_schema_service(types, vitro_str_of(name));

    if (!s)
        return unknown(name);
    for (size_t i = 0; i < s->method_count; i++) {
        put(s->name);
        putchar('/');
        put_line(s->methods[i].name);
    }
    return EXIT_DONE;
}

static int tell(const struct pb_schema *types, const struct call_options *o)
{
    const struct pb_service_type *s;
    const char *name = o->name ? o->name + (*o->name == '/' || *o->name == '.') : NULL;

    if (strcmp(o->method, "describe") == 0)
        return put_any(types, vitro_str_of(name)) ? EXIT_DONE : unknown(o->name);
    if (name)
        return list_methods(types, name);
    for (size_t i = 0; (s = vitro_pb_schema_service_at(types, i)); i++)
        put_line(s->name);
    return EXIT_DONE;
}

static int ask_server(struct call_schema *s, const struct call_options *o,
                      const struct call_trust *trust)
{
    struct call_reflect *r;
    vitro_error err = { 0 };
    char symbol[512];
    vitro_code rc = call_reflect_open(&r, o, trust, o->wait_for_ready, NULL, &err);
    int status = EXIT_DONE;

    if (rc == VITRO_OK && !o->name)
        rc = call_reflect_services(r, put_line, &err);
    if (rc == VITRO_OK && o->name) {
        symbol_of(o->name, symbol, sizeof symbol);
        rc = call_reflect_types(r, s->types, symbol, &err);
    }
    call_reflect_close(r);
    if (rc != VITRO_OK)
        return call_reflect_fail(o, &err);
    if (o->name)
        status = tell(s->types, o);
    return status;
}

int call_describe(struct call_schema *s, const struct call_options *o,
                  const struct call_trust *trust)
{
    int status = call_schema_open(s, o);

    if (!status)
        status = o->proto_count || o->set_count ? tell(s->types, o) : ask_server(s, o, trust);
    if (!status && (fflush(stdout) || ferror(stdout))) {
        command_fail("call", "stdout", "cannot be written", NULL);
        status = EXIT_SYSTEM;
    }
    return status;
}
