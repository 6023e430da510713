/*
 * call_method - the schema of a call, and the method that was meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "call.h"
#include "command.h"
#include "schemas.h"

enum { SCHEMA_BUDGET = 256 * 1024 * 1024, NAME_MAX_LEN = 200, WORDS = 900 };

static vitro_code add(void *to, vitro_bytes set, vitro_error *err)
{
    struct call_schema *s = to;

    return vitro_pb_schema_add_set(s->types, set, err);
}

/* ---- a name that does not exist ------------------------------------------------------------- */

static size_t least(size_t a, size_t b, size_t c)
{
    return MIN(MIN(a, b), c);
}

/* Letters to change, add or leave out to make one of the other (Levenshtein); case counts less. */
static size_t distance(vitro_str a, vitro_str b)
{
    size_t row[NAME_MAX_LEN + 1];

    if (a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t above = row[j + 1];
            bool same = (a.ptr[i] | 0x20) == (b.ptr[j] | 0x20);

            row[j + 1] = least(above + 1, row[j] + 1, corner + !same);
            corner = above;
        }
    }
    return row[b.len];
}

/* The name that is nearest to what was asked for; false when none is near. */
static bool nearest(const struct call_schema *s, vitro_str wanted, char *out, size_t size)
{
    size_t best = wanted.len / 3 + 2;
    const struct pb_service_type *service;
    bool found = false;

    for (size_t i = 0; (service = vitro_pb_schema_service_at(s->types, i)); i++) {
        for (size_t k = 0; k < service->method_count; k++) {
            char name[512];
            size_t d;

            snprintf(name, sizeof name, "%.*s/%.*s", (int)service->name.len, service->name.ptr,
                     (int)service->methods[k].name.len, service->methods[k].name.ptr);
            d = distance(wanted, vitro_str_of(name));
            if (d >= best)
                continue;
            best = d;
            found = true;
            snprintf(out, size, "%s", name);
        }
    }
    return found;
}

static void list_methods(struct text *t, const struct pb_service_type *service)
{
    vitro_text_add(t, "%.*s has ", (int)service->name.len, service->name.ptr);
    for (size_t i = 0; i < service->method_count; i++)
        vitro_text_add(t, "%s%.*s", i ? ", " : "", (int)service->methods[i].name.len,
                       service->methods[i].name.ptr);
}

static void list_services(struct text *t, const struct call_schema *s)
{
    const struct pb_service_type *service;

    vitro_text_add(t, "the services are ");
    for (size_t i = 0; (service = vitro_pb_schema_service_at(s->types, i)); i++)
        vitro_text_add(t, "%s%.*s", i ? ", " : "", (int)service->name.len, service->name.ptr);
    vitro_text_add(t, " (--proto FILE knows more)");
}

static int no_method(const struct call_schema *s, const char *asked)
{
    const char *slash = strrchr(asked, '/');
    vitro_str name = { asked, slash ? (size_t)(slash - asked) : 0 };
    const struct pb_service_type *service = vitro_pb_schema_service(s->types, name);
    char near[512], words[WORDS], safe[256];
    struct text t, where;

    vitro_text_init(&where, safe, sizeof safe);
    vitro_text_escape(&where, vitro_str_of(asked));
    vitro_text_init(&t, words, sizeof words);
    if (!slash)
        vitro_text_add(&t, "a method is SERVICE/METHOD; ");
    if (nearest(s, vitro_str_of(asked), near, sizeof near))
        vitro_text_add(&t, "did you mean %s? ", near);
    if (service)
        list_methods(&t, service);
    else
        list_services(&t, s);
    command_fail("call", safe, "no such method", words);
    return EXIT_USAGE;
}

/* ---- the method ----------------------------------------------------------------------------- */

static const struct pb_method_type *look_up(const struct call_schema *s, const char *asked)
{
    return vitro_pb_schema_method(s->types, vitro_str_of(asked + (*asked == '/')));
}

static int find(struct call_schema *s, const char *asked)
{
    const struct pb_method_type *m = look_up(s, asked);

    asked += *asked == '/';
    if (!m || strlen(asked) + 2 > sizeof s->path)
        return no_method(s, asked);
    if (!m->input || !m->output) {
        command_fail("call", asked, "the schema lacks the type of its request or response",
                     "give the .proto files of both");
        return EXIT_USAGE;
    }
    snprintf(s->path, sizeof s->path, "/%s", asked);
    s->method = m;
    s->call.path = s->path;
    s->call.kind = (vitro_kind)((m->client_streaming ? 1 : 0) + (m->server_streaming ? 2 : 0));
    return EXIT_DONE;
}

static bool has_own(const struct call_options *o)
{
    return o->proto_count || o->set_count;
}

int call_schema_open(struct call_schema *s, const struct call_options *o)
{
    struct schema_sink sink = { add, s };
    const char *where = "--proto";
    vitro_error err = { 0 };
    vitro_code rc;

    vitro_account_init(&s->account, NULL, SCHEMA_BUDGET);
    rc = vitro_pb_schema_new(&s->types, &s->account, &err);
    if (!rc && o->proto_count)
        rc = schemas_give_proto(&sink, o->protos, o->proto_count, o->dirs, o->dir_count, &err);
    for (size_t i = 0; !rc && i < o->set_count; i++) {
        where = o->sets[i];
        rc = schemas_give_set(&sink, where, &err);
    }
    if (!rc && has_own(o))
        rc = schemas_give_common(&sink, &err);
    if (!rc)
        return EXIT_DONE;
    command_fail_error("call", where, &err, NULL);
    return EXIT_SYSTEM;
}

static vitro_code ship(struct call_schema *s, vitro_error *err)
{
    return schemas_give_shipped(&(struct schema_sink){ add, s }, err);
}

/*
 * The server's own types of the service that is asked for take the place of what s has, what ships
 * stands behind them: its errors may hold it.
 */
static vitro_code ask_server(struct call_schema *s, const struct call_options *o,
                             const struct call_trust *trust, bool waits, vitro_error *err)
{
    const char *asked = o->method + (*o->method == '/'), *slash = strrchr(asked, '/');
    struct call_reflect *r = NULL;
    struct pb_schema *types = NULL, *others = s->types;
    vitro_trace *apart = NULL; /* what is asked before is no part of the call's trace */
    char service[512];
    vitro_code rc;

    if (!slash || slash == asked || (size_t)(slash - asked) >= sizeof service)
        return VITRO_NOT_FOUND;
    snprintf(service, sizeof service, "%.*s", (int)(slash - asked), asked);
    rc = vitro_trace_open(&apart, "file:/dev/null", NULL, err);
    if (rc == VITRO_OK)
        rc = vitro_pb_schema_new(&types, &s->account, err);
    if (rc == VITRO_OK)
        rc = call_reflect_open(&r, o, trust, waits, apart, err);
    if (rc == VITRO_OK)
        rc = call_reflect_types(r, types, service, err);
    call_reflect_close(r);
    vitro_trace_unref(apart);
    s->reflected = rc == VITRO_OK;
    if (s->reflected) {
        s->types = types;
        types = others;
        rc = ship(s, err);
    }
    vitro_pb_schema_free(types);
    return rc;
}

/*
 * The server knows best what it serves; what ships is for one that does not tell. Why it does not
 * matters only when nobody else knows the method.
 */
static int learn_types(struct call_schema *s, const struct call_options *o,
                       const struct call_trust *trust)
{
    vitro_error asked = { 0 }, err = { 0 };
    vitro_code rc = ask_server(s, o, trust, false, &asked);

    if (rc != VITRO_OK && ship(s, &err)) {
        command_fail_error("call", "the schemas that ship", &err, NULL);
        return EXIT_SYSTEM;
    }
    if (rc == VITRO_UNAVAILABLE && o->wait_for_ready && !look_up(s, o->method)) {
        memset(&asked, 0, sizeof asked);
        rc = ask_server(s, o, trust, true, &asked);
    }
    if (rc == VITRO_OK || rc == VITRO_NOT_FOUND || rc == VITRO_UNIMPLEMENTED ||
        look_up(s, o->method))
        return EXIT_DONE; /* what is missing, the look-up says */
    return call_reflect_fail(o, &asked);
}

int call_schema_read(struct call_schema *s, const struct call_options *o,
                     const struct call_trust *trust)
{
    int status = call_schema_open(s, o);

    if (!status && !has_own(o))
        status = learn_types(s, o, trust);
    if (!status)
        status = find(s, o->method);
    if (!status && !has_own(o) && !s->reflected)
        s->call.file = schemas_shipped_file(s->method->input->file);
    return status;
}

void call_schema_done(struct call_schema *s)
{
    vitro_pb_schema_free(s->types);
}
