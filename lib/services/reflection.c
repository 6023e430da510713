/*
 * reflection - ServerReflection, v1 and v1alpha, which differ in nothing but their names: one
 * handler, with the messages of v1, serves both.
 *
 * What is told is gathered once, when the server begins to listen, and read by all loops then.
 * A request is taken when the response to the one before has found room, so who does not read
 * makes us hold one response.
 */
#include "vitro/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "known/grpc/reflection/v1/reflection.vitro.h"
#include "known/grpc/reflection/v1alpha/reflection.vitro.h"
#include "server/server.h"
#include "services/answer.h"
#include "services/symbols.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest ask;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

#define ASK (&vitro_known_grpc__reflection__v1__server_reflection_request__descriptor)

/* A file that no method leads to. */
struct told {
    struct list link;
    const vitro_pb_file *file;
};

struct reflection {
    vitro_server *server;
    struct server_hook hook;
    struct list told;
    struct symbols symbols;
    struct buf services; /* of vitro_str, terminated, by name */
};

/* What one answer is made of. */
struct making {
    const struct reflection *r;
    struct arena memory;
    answer response;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    Grpc__Reflection__V1__ExtensionNumberResponse numbers;
    Grpc__Reflection__V1__ListServiceResponse list;
    Grpc__Reflection__V1__ErrorResponse error;
    bool failed; /* memory is out */
};

/* ---- answers -------------------------------------------------------------------------------- */

/* Packing only reads: a text that is constant may stand in a message. */
static char *lent(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void tell_error(struct making *m, vitro_code code, const char *text)
{
    m->error.error_code = (int32_t)code;
    m->error.error_message = lent(text);
    m->response.error_response = &m->error;
    m->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
}

static void add_file(struct making *m, const vitro_pb_file *file)
{
    ProtobufCBinaryData *told = m->files.file_descriptor_proto;

    for (size_t i = 0; i < m->files.n_file_descriptor_proto; i++) {
        if (told[i].data == file->descriptor)
            return;
    }
    told[m->files.n_file_descriptor_proto++] =
        (ProtobufCBinaryData){ file->descriptor_len, (uint8_t *)(uintptr_t)file->descriptor };
    for (size_t i = 0; file->deps && file->deps[i]; i++) {
        /* Of two copies of an import, the one that was gathered. */
        const vitro_pb_file *dep = vitro_symbols_file(&m->r->symbols, file->deps[i]->name);
        if (dep)
            add_file(m, dep);
    }
}

/* The file that was asked for, then what it imports. */
static void tell_file(struct making *m, const vitro_pb_file *file, const char *missing)
{
    size_t all = m->r->symbols.files.len / sizeof file;

    if (!file) {
        tell_error(m, VITRO_NOT_FOUND, missing);
        return;
    }
    m->files.file_descriptor_proto =
        vitro_arena_alloc(&m->memory, all * sizeof(ProtobufCBinaryData));
    m->failed = !m->files.file_descriptor_proto;
    if (m->failed)
        return;
    add_file(m, file);
    m->response.file_descriptor_response = &m->files;
    m->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
}

static const vitro_pb_file *file_of_symbol(const struct symbols *s, const char *name)
{
    const struct symbol *symbol = vitro_symbols_find(s, *name == '.' ? name + 1 : name);

    return symbol ? symbol->file : NULL;
}

static const vitro_pb_file *file_of_extension(const struct symbols *s,
                                              const Grpc__Reflection__V1__ExtensionRequest *wanted)
{
    size_t n;
    const struct extension *e = vitro_symbols_extensions(s, wanted->containing_type, &n);

    for (size_t i = 0; i < n; i++) {
        if (e[i].number == wanted->extension_number)
            return e[i].file;
    }
    return NULL;
}

static void tell_numbers(struct making *m, const char *type)
{
    const struct symbol *symbol = vitro_symbols_find(&m->r->symbols, type);
    size_t n;
    const struct extension *e = vitro_symbols_extensions(&m->r->symbols, type, &n);

    if (!symbol || !symbol->message) {
        tell_error(m, VITRO_NOT_FOUND, "no such message");
        return;
    }
    m->numbers.base_type_name = lent(symbol->name.ptr);
    m->numbers.extension_number = vitro_arena_alloc(&m->memory, (n + 1) * sizeof(int32_t));
    m->failed = !m->numbers.extension_number;
    for (size_t i = 0; i < n && !m->failed; i++)
        m->numbers.extension_number[m->numbers.n_extension_number++] = e[i].number;
    m->response.all_extension_numbers_response = &m->numbers;
    m->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
}

static void tell_services(struct making *m)
{
    const vitro_str *names = (const void *)m->r->services.ptr;
    size_t n = m->r->services.len / sizeof *names;
    Grpc__Reflection__V1__ServiceResponse *rows =
        vitro_arena_alloc(&m->memory, (n + 1) * sizeof *rows);

    m->list.service = vitro_arena_alloc(&m->memory, (n + 1) * sizeof(rows));
    m->failed = !rows || !m->list.service;
    for (size_t i = 0; i < n && !m->failed; i++) {
        rows[i] =
            (Grpc__Reflection__V1__ServiceResponse)GRPC__REFLECTION__V1__SERVICE_RESPONSE__INIT;
        rows[i].name = lent(names[i].ptr);
        m->list.service[m->list.n_service++] = &rows[i];
    }
    m->response.list_services_response = &m->list;
    m->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
}

/* False when nothing was asked. */
static bool make(struct making *m, const ask *a)
{
    const struct symbols *s = &m->r->symbols;

    switch (a->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        tell_file(m, vitro_symbols_file(s, a->file_by_filename), "no such file");
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        tell_file(m, file_of_symbol(s, a->file_containing_symbol), "no such symbol");
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        tell_file(m, file_of_extension(s, a->file_containing_extension), "no such extension");
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        tell_numbers(m, a->all_extension_numbers_of_type);
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        tell_services(m);
        return true;
    default:
        return false;
    }
}

static void begin(struct making *m, const struct reflection *r, vitro_call *call, ask *a)
{
    *m = (struct making){
        .r = r,
        .response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT,
        .files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT,
        .numbers = GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT,
        .list = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT,
        .error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT,
    };
    m->response.valid_host = a->host;
    m->response.original_request = a;
    vitro_arena_init(&m->memory, vitro_loop_account(vitro_call_loop(call)), 0);
}

/* ---- the call ------------------------------------------------------------------------------- */

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    (void)md;
    (void)user;
    vitro_call_credit(call, 1);
}

static void on_message(vitro_call *call, const vitro_message *message, void *user)
{
    ask *a = (ask *)vitro_answer_read(call, ASK, message);
    struct making m;
    bool asked, more = true;

    if (!a)
        return;
    begin(&m, user, call, a);
    asked = make(&m, a);
    if (m.failed)
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
    else if (!asked)
        vitro_call_finish(call, VITRO_INVALID_ARGUMENT, "the request asks nothing", NULL, NULL);
    else if (vitro_answer_send(call, &m.response.base, &more) && more)
        vitro_call_credit(call, 1);
    vitro_arena_done(&m.memory);
    vitro_pb_free(&a->base);
}

static void on_writable(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_credit(call, 1);
}

static void on_end(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

/* ---- gathering ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const vitro_str *)a)->ptr, ((const vitro_str *)b)->ptr);
}

/* "/package.Service/Method": its service, once. */
static bool add_service(struct reflection *r, vitro_str path)
{
    const char *slash = memchr(path.ptr + 1, '/', path.len - 1);
    vitro_str name = { path.ptr + 1, (size_t)(slash - path.ptr) - 1 };
    const vitro_str *known = (const void *)r->services.ptr;
    char *copy;

    for (size_t i = 0; i < r->services.len / sizeof name; i++) {
        if (vitro_str_eq(known[i], name))
            return true;
    }
    copy = vitro_arena_zalloc(&r->symbols.names, name.len + 1);
    if (!copy)
        return false;
    memcpy(copy, name.ptr, name.len);
    name.ptr = copy;
    return vitro_buf_append(&r->services, &name, sizeof name);
}

static void forget(struct reflection *r)
{
    vitro_buf_done(&r->services);
    vitro_symbols_done(&r->symbols);
    vitro_symbols_init(&r->symbols, &r->server->account);
    vitro_buf_init(&r->services, &r->server->account, SIZE_MAX / 2);
}

static vitro_code on_listening(struct server_hook *hook, vitro_error *err)
{
    struct reflection *r = CONTAINER_OF(hook, struct reflection, hook);
    const struct router *routes = &r->server->router;
    bool ok = true;

    forget(r); /* of a time when listening failed */
    for (size_t i = 0; i < routes->cap && ok; i++) {
        if (!routes->slots[i].path.len)
            continue;
        ok = add_service(r, routes->slots[i].path);
        vitro_symbols_add(&r->symbols, routes->slots[i].file);
    }
    for (const struct list *i = r->told.next; i != &r->told; i = i->next)
        vitro_symbols_add(&r->symbols, CONTAINER_OF(i, struct told, link)->file);
    ok = vitro_symbols_sort(&r->symbols) && ok;
    if (!ok)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "reflection", 0, "out of memory");
    if (r->services.len)
        qsort(r->services.ptr, r->services.len / sizeof(vitro_str), sizeof(vitro_str), by_name);
    return VITRO_OK;
}

static void on_leaving(struct server_hook *hook)
{
    forget(CONTAINER_OF(hook, struct reflection, hook));
}

vitro_code vitro_reflection_register(vitro_server *server, vitro_error *err)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_headers = on_headers,
        .on_message = on_message,
        .on_end = on_end,
        .on_writable = on_writable,
    };
    static const vitro_method methods[] = {
        { "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", VITRO_BIDI_STREAMING,
          &vitro_known_grpc_reflection_v1_reflection_proto_file },
        { "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", VITRO_BIDI_STREAMING,
          &vitro_known_grpc_reflection_v1alpha_reflection_proto_file },
    };
    vitro_method_options options = VITRO_METHOD_OPTIONS_INIT;
    struct reflection *r = vitro_server_keep(server, sizeof *r);
    vitro_code rc = VITRO_OK;

    if (!r)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "reflection", 0, "out of memory");
    r->server = server;
    list_init(&r->told);
    r->hook.listening = on_listening;
    r->hook.leaving = on_leaving;
    forget(r);
    vitro_server_hook(server, &r->hook);
    options.manual_credit = true;
    for (size_t i = 0; i < ARRAY_LEN(methods) && rc == VITRO_OK; i++)
        rc = vitro_server_add(server, &methods[i], &options, &events, r, err);
    return rc;
}

/* The one that answers; NULL: reflection is not served. */
static struct reflection *of_server(const vitro_server *server)
{
    for (const struct list *i = server->hooks.prev; i != &server->hooks; i = i->prev) {
        struct server_hook *hook = CONTAINER_OF(i, struct server_hook, link);
        if (hook->listening == on_listening)
            return CONTAINER_OF(hook, struct reflection, hook);
    }
    return NULL;
}

vitro_code vitro_reflection_add(vitro_server *server, const vitro_pb_file *file, vitro_error *err)
{
    struct reflection *r = of_server(server);
    struct told *t;

    if (!r || server->listening)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "reflection", 0,
                          "files are added between its registration and the first listener");
    t = vitro_server_keep(server, sizeof *t);
    if (!t)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "reflection", 0, "out of memory");
    t->file = file;
    list_append(&r->told, &t->link);
    return VITRO_OK;
}
