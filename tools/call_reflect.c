/*
 * call_reflect - the server's own schema: grpc.reflection.v1, or v1alpha where only that is there.
 *
 * A call of its own on a connection of its own, before the one that was asked for. What it tells
 * is a peer's: files are counted, and their bytes go through the schema's reader.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "call.h"
#include "command.h"
#include "known/grpc/reflection/v1/reflection.vitro.h"
#include "pb/wire.h"
#include "vitro/channel.h"
#include "vitro/stub.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest ask;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

#define ANSWER (&vitro_known_grpc__reflection__v1__server_reflection_response__descriptor)

enum { FILES = 2000, FILE_NAME = 1, FILE_IMPORT = 3 };
static const int64_t patience_ns = INT64_C(20) * 1000000000;

struct call_reflect {
    const struct call_options *options;
    bool waits;
    vitro_loop *loop;
    vitro_channel *channel;
    vitro_call *call;
    size_t version; /* of those below */
    char *files[FILES];
    size_t file_count; /* asked for, or told without */
};

static const vitro_method versions[] = {
    { "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", VITRO_BIDI_STREAMING, NULL },
    { "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", VITRO_BIDI_STREAMING,
      NULL },
};

/* ---- one question --------------------------------------------------------------------------- */

static vitro_code open_version(struct call_reflect *r, vitro_error *err)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.metadata = r->options->metadata;
    o.wait_for_ready = r->waits;
    o.timeout_ns =
        r->options->deadline_ns || o.wait_for_ready ? r->options->deadline_ns : patience_ns;
    return vitro_call_open(&r->call, r->channel, &versions[r->version], &o, err);
}

/* The call is over: why. */
static vitro_code close_call(struct call_reflect *r, vitro_error *err)
{
    vitro_code rc = vitro_call_close(r->call, NULL, err);

    r->call = NULL;
    if (rc == VITRO_OK)
        rc = vitro_fail(err, VITRO_INTERNAL, "reflection", 0, "it ended without an answer");
    return rc;
}

/* Gives *out: vitro_pb_free. */
static vitro_code put(struct call_reflect *r, const ask *a, answer **out, vitro_error *err)
{
    ProtobufCMessage *got = NULL;
    vitro_code rc = VITRO_OK;

    *out = NULL;
    if (!r->call)
        rc = open_version(r, err);
    if (rc != VITRO_OK)
        return rc;
    rc = vitro_stub_write(r->call, &a->base, 0, err);
    if (rc == VITRO_OK)
        rc = vitro_stub_read(r->call, ANSWER, &got, err);
    if (got) {
        *out = (answer *)got;
        return VITRO_OK;
    }
    if (rc == VITRO_INTERNAL) { /* it was no answer: err says so */
        (void)!vitro_call_close(r->call, NULL, NULL);
        r->call = NULL;
        return rc;
    }
    return close_call(r, err);
}

static vitro_code question(struct call_reflect *r, const ask *a, answer **out, vitro_error *err)
{
    vitro_code rc = put(r, a, out, err);

    while (rc == VITRO_UNIMPLEMENTED && r->version + 1 < ARRAY_LEN(versions)) {
        r->version++;
        rc = put(r, a, out, err);
    }
    assert(rc != VITRO_OK || *out);
    if (rc != VITRO_OK || !(*out)->error_response ||
        (*out)->message_response_case !=
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE)
        return rc;
    rc = vitro_fail(err, VITRO_NOT_FOUND, "server", 0, "%s", (*out)->error_response->error_message);
    vitro_pb_free(&(*out)->base);
    *out = NULL;
    return rc;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* False when it was there already, or there are too many. */
static bool add_name(struct call_reflect *r, vitro_str name)
{
    for (size_t i = 0; i < r->file_count; i++) {
        if (vitro_str_eq(vitro_str_of(r->files[i]), name))
            return false;
    }
    if (r->file_count == FILES)
        return false;
    r->files[r->file_count] = strndup(name.ptr, name.len);
    r->file_count += r->files[r->file_count] != NULL;
    return true;
}

/* The texts of field `number` of a FileDescriptorProto. */
static void each_text(vitro_bytes file, uint32_t number,
                      void (*fn)(struct call_reflect *r, vitro_str text), struct call_reflect *r)
{
    struct pb_reader reader = pb_reader_of(file);
    struct pb_token t;

    while (reader.at < reader.end && vitro_pb_read(&reader, &t) == PB_FAULT_NONE) {
        vitro_bytes value = pb_token_bytes(&reader, &t);
        if (t.wire == PB_LEN && t.number == number)
            fn(r, (vitro_str){ (const char *)value.ptr, value.len });
    }
}

static void know(struct call_reflect *r, vitro_str name)
{
    (void)!add_name(r, name);
}

/* The files of an answer become types; their names are known from here on. */
static vitro_code take(struct call_reflect *r, struct pb_schema *types, const answer *a,
                       vitro_error *err)
{
    const Grpc__Reflection__V1__FileDescriptorResponse *files = a->file_descriptor_response;
    vitro_code rc = VITRO_OK;

    if (a->message_response_case !=
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE ||
        !files)
        return vitro_fail(err, VITRO_INTERNAL, "reflection", 0, "the answer holds no files");
    for (size_t i = 0; i < files->n_file_descriptor_proto && rc == VITRO_OK; i++) {
        vitro_bytes file = { files->file_descriptor_proto[i].data,
                             files->file_descriptor_proto[i].len };
        each_text(file, FILE_NAME, know, r);
        rc = vitro_pb_schema_add_file(types, file, err);
    }
    return rc;
}

static vitro_code ask_file(struct call_reflect *r, struct pb_schema *types, const ask *a,
                           vitro_error *err);

/* An import that did not come along is asked for; one that the server lacks stays open. */
static vitro_code take_imports(struct call_reflect *r, struct pb_schema *types, const answer *a,
                               vitro_error *err)
{
    const Grpc__Reflection__V1__FileDescriptorResponse *files = a->file_descriptor_response;
    size_t from = r->file_count;
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; i < files->n_file_descriptor_proto; i++)
        each_text((vitro_bytes){ files->file_descriptor_proto[i].data,
                                 files->file_descriptor_proto[i].len },
                  FILE_IMPORT, know, r);
    for (size_t end = r->file_count; from < end && rc == VITRO_OK; from++) {
        ask next = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

        next.message_request_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
        next.file_by_filename = r->files[from];
        rc = ask_file(r, types, &next, err);
        if (rc == VITRO_NOT_FOUND)
            rc = VITRO_OK;
    }
    return rc;
}

static vitro_code ask_file(struct call_reflect *r, struct pb_schema *types, const ask *a,
                           vitro_error *err)
{
    answer *got;
    vitro_code rc = question(r, a, &got, err);

    if (rc == VITRO_OK)
        rc = take(r, types, got, err);
    if (rc == VITRO_OK)
        rc = take_imports(r, types, got, err);
    if (got)
        vitro_pb_free(&got->base);
    return rc;
}

/* ---- what is asked -------------------------------------------------------------------------- */

vitro_code call_reflect_types(struct call_reflect *r, struct pb_schema *types, const char *symbol,
                              vitro_error *err)
{
    ask a = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

    a.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    a.file_containing_symbol = (char *)(uintptr_t)symbol; /* packing only reads it */
    return ask_file(r, types, &a, err);
}

vitro_code call_reflect_services(struct call_reflect *r, void (*fn)(vitro_str name),
                                 vitro_error *err)
{
    ask a = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    answer *got = NULL;
    vitro_code rc;

    a.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    a.list_services = (char[]){ "" };
    rc = question(r, &a, &got, err);
    assert(rc != VITRO_OK || got);
    if (rc == VITRO_OK &&
        got->message_response_case !=
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE)
        rc = vitro_fail(err, VITRO_INTERNAL, "reflection", 0, "the answer holds no services");
    for (size_t i = 0; rc == VITRO_OK && i < got->list_services_response->n_service; i++)
        fn(vitro_str_of(got->list_services_response->service[i]->name));
    if (got)
        vitro_pb_free(&got->base);
    return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

vitro_code call_reflect_open(struct call_reflect **out, const struct call_options *o,
                             const struct call_trust *trust, bool waits, vitro_trace *trace,
                             vitro_error *err)
{
    vitro_channel_options channel = VITRO_CHANNEL_OPTIONS_INIT;
    struct call_reflect *r = calloc(1, sizeof *r);
    vitro_code rc;

    *out = r;
    if (!r)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "reflection", 0, "out of memory");
    r->options = o;
    r->waits = waits;
    call_trust_use(trust, o, &channel);
    channel.trace = trace;
    rc = vitro_loop_new(&r->loop, NULL, err);
    if (rc == VITRO_OK)
        rc = vitro_channel_new(&r->channel, r->loop, o->target, &channel, err);
    return rc;
}

void call_reflect_close(struct call_reflect *r)
{
    if (!r)
        return;
    if (r->call) {
        vitro_call_write_end(r->call, NULL);
        (void)!vitro_call_close(r->call, NULL, NULL);
    }
    vitro_channel_free(r->channel);
    vitro_loop_unref(r->loop);
    for (size_t i = 0; i < r->file_count; i++)
        free(r->files[i]);
    free(r);
}

int call_reflect_fail(const struct call_options *o, const vitro_error *err)
{
    switch (err->code) {
    case VITRO_UNIMPLEMENTED:
        command_fail("call", o->target, "the server has no reflection",
                     "--proto FILE or --descriptor-set FILE tell what it serves");
        return EXIT_NEGATIVE;
    case VITRO_NOT_FOUND:
        command_fail_error("call", o->name ? o->name : o->method, err,
                           "vitro call TARGET list shows what is there");
        return EXIT_NEGATIVE;
    default:
        command_fail_error("call", o->target, err, call_advice(err));
        return err->code == VITRO_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_SYSTEM;
    }
}
