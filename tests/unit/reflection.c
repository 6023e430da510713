/*
 * reflection - grpc.reflection.v1 and v1alpha over a simulated world, asked with stubs of the same
 * .proto that were made for this program.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"
#include "google/protobuf/descriptor.vitro.h"
#include "grpc/reflection/v1/reflection.vitro.h"
#include "grpc/reflection/v1alpha/reflection.vitro.h"
#include "legacy.vitro.h"
#include "types.vitro.h"
#include "vitro/lab/sim.h"
#include "vitro/reflection.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest ask_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer_message;

#define ASK(member)    GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##member
#define ANSWER(member) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##member
#define V1             (&grpc_reflection_v1_server_reflection_server_reflection_info_method)
#define V1ALPHA        (&grpc_reflection_v1alpha_server_reflection_server_reflection_info_method)

struct world {
    vitro_sim *sim;
    vitro_loop *client, *home;
    vitro_server *server;
    vitro_channel *channel;
};

static const vitro_call_events silent = VITRO_CALL_EVENTS_INIT;

static void add(struct world *w, const char *path, const vitro_pb_file *file)
{
    vitro_method m = { path, VITRO_UNARY, file };
    cr_assert_eq(vitro_server_add(w->server, &m, NULL, &silent, NULL, NULL), VITRO_OK);
}

/* Methods of files with imports, extensions and none at all, on both sides of the reflection. */
static void begin(struct world *w)
{
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers };
    cr_assert_eq(vitro_sim_new(&w->sim, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->home, "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->client, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&w->server, &w->home, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_register(w->server, &handlers, NULL, NULL), VITRO_OK);
    add(w, "/chat.ChatService/SendMessage", &chat_proto_file);
    cr_assert_eq(vitro_reflection_add(w->server, &google_protobuf_descriptor_proto_file, NULL),
                 VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_reflection_register(w->server, NULL), VITRO_OK);
    cr_assert_eq(vitro_reflection_add(w->server, &google_protobuf_descriptor_proto_file, NULL),
                 VITRO_OK);
    add(w, "/old.Service/Get", &legacy_proto_file);
    add(w, "/new.Service/Get", &types_proto_file);
    add(w, "/by.Hand/Get", NULL);
    add(w, "/by.Hand/Set", NULL);
    cr_expect_neq(vitro_server_listen(w->server, "sim:", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(w->server, "sim:a", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(w->server, "sim:b", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_reflection_add(w->server, &types_proto_file, NULL),
                 VITRO_FAILED_PRECONDITION);
    cr_assert_eq(vitro_channel_new(&w->channel, w->client, "sim:b", NULL, NULL), VITRO_OK);
}

static void end(struct world *w)
{
    vitro_channel_free(w->channel);
    vitro_server_free(w->server);
    vitro_loop_unref(w->client);
    vitro_loop_trim(w->home);
    cr_expect_eq(vitro_loop_memory(w->home).allocations, 0);
    vitro_loop_unref(w->home);
    vitro_sim_free(w->sim);
}

/* ---- asking --------------------------------------------------------------------------------- */

static void put_files(char *out, size_t size, const Grpc__Reflection__V1__FileDescriptorResponse *r)
{
    for (size_t i = 0; i < r->n_file_descriptor_proto; i++) {
        const ProtobufCBinaryData *d = &r->file_descriptor_proto[i];
        Google__Protobuf__FileDescriptorProto *file =
            google__protobuf__file_descriptor_proto__unpack(NULL, d->len, d->data);
        size_t n = strlen(out);
        cr_assert(file && file->name);
        snprintf(out + n, size - n, " %s", file->name);
        google__protobuf__file_descriptor_proto__free_unpacked(file, NULL);
    }
}

/* What was answered, in words. */
static void put_answer(char *out, size_t size, const answer_message *r)
{
    size_t n = 0;
    *out = '\0';
    switch ((int)r->message_response_case) {
    case ANSWER(FILE_DESCRIPTOR_RESPONSE):
        snprintf(out, size, "files");
        put_files(out, size, r->file_descriptor_response);
        return;
    case ANSWER(ALL_EXTENSION_NUMBERS_RESPONSE):
        snprintf(out, size, "%s:", r->all_extension_numbers_response->base_type_name);
        for (size_t i = 0; i < r->all_extension_numbers_response->n_extension_number; i++)
            snprintf(out + strlen(out), size - strlen(out), " %d",
                     r->all_extension_numbers_response->extension_number[i]);
        return;
    case ANSWER(LIST_SERVICES_RESPONSE):
        for (size_t i = 0; i < r->list_services_response->n_service; i++, n = strlen(out))
            snprintf(out + n, size - n, "%s%s", i ? " " : "",
                     r->list_services_response->service[i]->name);
        return;
    case ANSWER(ERROR_RESPONSE):
        snprintf(out, size, "%s", vitro_code_name(r->error_response->error_code));
        return;
    default:
        snprintf(out, size, "nothing");
    }
}

/* Ask one thing on a call that is open; its answer in words. Lends until the next. */
static const char *ask_on(vitro_call *call, int what, const char *text, int32_t number)
{
    static char words[4096];
    ask_message a = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    Grpc__Reflection__V1__ExtensionRequest e = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    ProtobufCMessage *r = NULL;
    a.host = (char *)"호스트";
    a.message_request_case = what;
    a.list_services = (char *)text;
    e.containing_type = (char *)text;
    e.extension_number = number;
    if (what == ASK(FILE_CONTAINING_EXTENSION))
        a.file_containing_extension = &e;
    cr_assert_eq(vitro_stub_write(call, &a.base, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_stub_read(
                     call, &grpc__reflection__v1__server_reflection_response__descriptor, &r, NULL),
                 VITRO_OK);
    cr_assert(r != NULL);
    cr_expect_str_eq(((answer_message *)r)->valid_host, "호스트");
    cr_assert(((answer_message *)r)->original_request != NULL);
    cr_expect_eq((int)((answer_message *)r)->original_request->message_request_case, what);
    put_answer(words, sizeof words, (answer_message *)r);
    vitro_pb_free(r);
    return words;
}

static vitro_call *open_call(struct world *w, const vitro_method *method)
{
    vitro_call *call;
    cr_assert_eq(vitro_stub_open(&call, w->channel, method, NULL, NULL, NULL), VITRO_OK);
    return call;
}

static void close_call(vitro_call *call)
{
    vitro_call_write_end(call, NULL);
    cr_expect_eq(vitro_call_close(call, NULL, NULL), VITRO_OK);
}

/* ---- claims --------------------------------------------------------------------------------- */

Test(reflection, every_question_has_its_answer_in_either_version)
{
    static const struct {
        int what;
        const char *text;
        int32_t number;
        const char *answer;
    } rows[] = {
        { ASK(LIST_SERVICES), "", 0,
          "by.Hand chat.ChatService grpc.reflection.v1.ServerReflection "
          "grpc.reflection.v1alpha.ServerReflection new.Service old.Service" },
        { ASK(FILE_BY_FILENAME), "chat.proto", 0, "files chat.proto" },
        { ASK(FILE_BY_FILENAME), "legacy.proto", 0,
          "files legacy.proto common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_BY_FILENAME), "types.proto", 0,
          "files types.proto common.proto google/protobuf/timestamp.proto "
          "google/protobuf/any.proto google/protobuf/wrappers.proto" },
        { ASK(FILE_BY_FILENAME), "common.proto", 0,
          "files common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_BY_FILENAME), "no.proto", 0, "NOT_FOUND" },
        { ASK(FILE_BY_FILENAME), "", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat.ChatService", 0, "files chat.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat.ChatService.Chat", 0, "files chat.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat.MessageRequest", 0, "files chat.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), ".chat.MessageRequest.userId", 0, "files chat.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "google.protobuf.Timestamp", 0,
          "files google/protobuf/timestamp.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "google.protobuf.FileDescriptorProto", 0, /* no method's */
          "files google/protobuf/descriptor.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "corpus.legacy.LOW", 0, /* beside its enum */
          "files legacy.proto common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "corpus.legacy.Level", 0,
          "files legacy.proto common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "corpus.legacy.extended", 0,
          "files legacy.proto common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat.ChatServic", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_SYMBOL), "chat.ChatServiceX", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_SYMBOL), "", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_SYMBOL), "by.Hand", 0, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_EXTENSION), "corpus.legacy.Lists", 100,
          "files legacy.proto common.proto google/protobuf/timestamp.proto" },
        { ASK(FILE_CONTAINING_EXTENSION), "corpus.legacy.Lists", 101, "NOT_FOUND" },
        { ASK(FILE_CONTAINING_EXTENSION), "chat.MessageRequest", 100, "NOT_FOUND" },
        { ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "corpus.legacy.Lists", 0,
          "corpus.legacy.Lists: 100" },
        { ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "chat.MessageRequest", 0, "chat.MessageRequest:" },
        { ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "chat.ChatService", 0, "NOT_FOUND" },
        { ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "no.Such", 0, "NOT_FOUND" },
    };
    const vitro_method *versions[] = { V1, V1ALPHA };
    struct world w;
    begin(&w);
    for (int v = 0; v < 2; v++) {
        vitro_call *call = open_call(&w, versions[v]);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const char *got = ask_on(call, (int)rows[i].what, rows[i].text, rows[i].number);
            cr_expect_str_eq(got, rows[i].answer, "%zu '%s': %s", i, rows[i].text, got);
        }
        close_call(call);
    }
    end(&w);
}

Test(reflection, what_is_told_is_what_the_generator_embedded)
{
    ask_message a = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    ProtobufCMessage *r;
    struct world w;
    vitro_call *call;
    begin(&w);
    call = open_call(&w, V1);
    a.message_request_case = ASK(FILE_BY_FILENAME);
    a.file_by_filename = (char *)"chat.proto";
    cr_assert_eq(vitro_stub_write(call, &a.base, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_stub_read(
                     call, &grpc__reflection__v1__server_reflection_response__descriptor, &r, NULL),
                 VITRO_OK);
    const ProtobufCBinaryData *d =
        ((answer_message *)r)->file_descriptor_response->file_descriptor_proto;
    cr_assert_eq(d->len, chat_proto_file.descriptor_len);
    cr_expect_arr_eq(d->data, chat_proto_file.descriptor, d->len);
    vitro_pb_free(r);
    close_call(call);
    end(&w);
}

Test(reflection, a_request_that_asks_nothing_or_is_none_ends_the_call)
{
    static const struct {
        vitro_bytes bytes;
        vitro_code code;
    } rows[] = {
        { { (const uint8_t *)"", 0 }, VITRO_INVALID_ARGUMENT },
        { { (const uint8_t *)"\x12\x01x", 3 }, VITRO_INVALID_ARGUMENT },
        { { (const uint8_t *)"\x1a\x7fx", 3 }, VITRO_INTERNAL },
    };
    struct world w;
    begin(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vitro_call *call = open_call(&w, V1);
        vitro_message m;
        vitro_error err;
        cr_assert_eq(vitro_call_write(call, rows[i].bytes, 0, NULL), VITRO_OK);
        cr_assert_eq(vitro_call_read(call, &m, &err), VITRO_OK);
        cr_expect_null(m.bytes.ptr);
        cr_expect_eq(vitro_call_close(call, NULL, NULL), rows[i].code, "%zu", i);
    }
    end(&w);
}

/* ---- who does not read ---------------------------------------------------------------------- */

struct reader {
    size_t answers;
    vitro_code code;
    bool closed;
};

static void on_answer(vitro_call *call, const answer_message *r, void *user)
{
    ((struct reader *)user)->answers++;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ((struct reader *)user)->closed = true;
    ((struct reader *)user)->code = status->code;
}

Test(reflection, who_asks_and_does_not_read_costs_one_answer_at_a_time)
{
    enum { QUESTIONS = 3000 };
    static grpc_reflection_v1_server_reflection_server_reflection_info_events events =
        GRPC_REFLECTION_V1_SERVER_REFLECTION_SERVER_REFLECTION_INFO_EVENTS_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    ask_message a = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    struct reader reader = { 0 };
    struct world w;
    vitro_call *call;
    size_t before;
    begin(&w);
    events.on_message = on_answer;
    events.call.on_closed = on_closed;
    options.manual_credit = true;
    before = vitro_loop_memory(w.home).bytes;
    cr_assert_eq(grpc_reflection_v1_server_reflection_server_reflection_info_start(
                     &call, w.channel, &options, &events, &reader, NULL),
                 VITRO_OK);
    a.message_request_case = ASK(FILE_BY_FILENAME);
    a.file_by_filename = (char *)"types.proto";
    for (int i = 1; i <= QUESTIONS; i++)
        cr_assert_eq(grpc_reflection_v1_server_reflection_server_reflection_info_send(
                         call, &a, i == QUESTIONS ? VITRO_SEND_LAST : 0, NULL, NULL),
                     VITRO_OK);
    vitro_sim_run(w.sim);
    cr_expect_lt(vitro_loop_memory(w.home).bytes, before + 1024 * 1024);
    cr_expect_eq(reader.answers, 0);
    vitro_call_credit(call, UINT32_MAX);
    vitro_sim_run(w.sim);
    cr_expect_eq(reader.answers, QUESTIONS);
    cr_expect(reader.closed);
    cr_expect_eq(reader.code, VITRO_OK);
    vitro_call_unref(call);
    end(&w);
}
