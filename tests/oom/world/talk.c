#include <string.h>

#include "base/util.h"
#include "grpc/health/v1/health.vitro.h"
#include "grpc/reflection/v1/reflection.vitro.h"
#include "oom/world/world.h"
#include "vitro/stub.h"

/* ---- what is said --------------------------------------------------------------------------- */

static Chat__MessageRequest hello = CHAT__MESSAGE_REQUEST__INIT;
static Chat__UserRequest who = CHAT__USER_REQUEST__INIT;
static Chat__FileData file = CHAT__FILE_DATA__INIT;
static Chat__ChatMessage line = CHAT__CHAT_MESSAGE__INIT;
static Grpc__Health__V1__HealthCheckRequest check = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
static Grpc__Health__V1__HealthListRequest all = GRPC__HEALTH__V1__HEALTH_LIST_REQUEST__INIT;
static Grpc__Reflection__V1__ServerReflectionRequest which =
    GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

/* A method, its request, how often it is sent, and what comes back. */
struct saying {
    const vitro_method *method;
    const ProtobufCMessage *request;
    unsigned times;
    const ProtobufCMessageDescriptor *answer;
};

static const struct saying chat[] = {
    { &chat_chat_service_send_message_method, &hello.base, 1, &chat__message_response__descriptor },
    { &chat_chat_service_get_notifications_method, &who.base, 1, &chat__notification__descriptor },
    { &chat_chat_service_upload_files_method, &file.base, 2, &chat__upload_response__descriptor },
    { &chat_chat_service_chat_method, &line.base, 3, &chat__chat_message__descriptor },
};

static const struct saying services[] = {
    { &grpc_health_v1_health_check_method, &check.base, 1,
      &grpc__health__v1__health_check_response__descriptor },
    { &grpc_health_v1_health_list_method, &all.base, 1,
      &grpc__health__v1__health_list_response__descriptor },
    { &grpc_reflection_v1_server_reflection_server_reflection_info_method, &which.base, 2,
      &grpc__reflection__v1__server_reflection_response__descriptor },
};

static const struct saying watching = { &grpc_health_v1_health_watch_method, &check.base, 1,
                                        &grpc__health__v1__health_check_response__descriptor };

static void set_words(void)
{
    static uint8_t bytes[40000];

    hello.message = who.userid = line.text = (char *)"hello, hello, hello, hello, hello, hello";
    file.data = (ProtobufCBinaryData){ sizeof bytes, bytes };
    check.service = (char *)"chat.ChatService";
    which.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    which.file_containing_symbol = (char *)"chat.ChatService";
}

static vitro_call_options options_of(const struct world *w)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.timeout_ns = INT64_C(60) * 1000000000;
    o.compression = w->scenario->compression;
    return o;
}

static struct told *tell(struct world *w, const vitro_method *method)
{
    struct told *t = &w->told[w->told_count++];

    t->what = method->path;
    return t;
}

/* ---- with events ---------------------------------------------------------------------------- */

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct told *t = user;

    vitro_pb_free(vitro_stub_receive(call, t->answer, m));
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct told *t = user;

    t->closed++;
    t->code = status->code;
    t->has_text = status->message.len || status->error;
}

static const vitro_call_events events = { .size = sizeof events,
                                          .on_message = on_message,
                                          .on_closed = on_closed };

static void give_up(struct told *t)
{
    t->given_up = true;
    vitro_call_cancel(t->call);
}

/* Who cannot send all that is to be sent gives the call up. */
static struct told *start(struct world *w, const struct saying *s)
{
    vitro_call_options o = options_of(w);
    struct told *t = tell(w, s->method);
    bool asks = s->method->kind == VITRO_UNARY || s->method->kind == VITRO_SERVER_STREAMING;
    vitro_code rc;

    t->answer = s->answer;
    rc = vitro_stub_start(&t->call, w->channel, s->method, asks ? s->request : NULL, &o, &events, t,
                          NULL);
    for (unsigned i = 0; i < s->times && !asks && !rc; i++)
        rc = vitro_stub_send(t->call, s->request, i + 1 == s->times ? VITRO_SEND_LAST : 0, NULL,
                             NULL);
    if (rc && t->call)
        give_up(t);
    return t;
}

void talk_unary(struct world *w)
{
    set_words();
    start(w, &chat[0]);
    world_run(w);
}

void talk_every_kind(struct world *w)
{
    set_words();
    for (size_t i = 0; i < ARRAY_LEN(chat); i++)
        start(w, &chat[i]);
    world_run(w);
}

void talk_and_leave(struct world *w)
{
    set_words();
    for (size_t i = 0; i < ARRAY_LEN(chat); i++)
        start(w, &chat[i])->given_up = true; /* by the end of the channel */
    for (int i = 0; i < 6; i++)
        vitro_sim_step(w->sim);
}

void talk_twice(struct world *w)
{
    set_words();
    start(w, &chat[0]);
    world_run(w);
    for (size_t link = 0; link < vitro_sim_links_made(w->sim); link++)
        vitro_sim_cut(w->sim, link);
    world_run(w);
    start(w, &chat[0]);
    world_run(w);
}

void talk_services(struct world *w)
{
    struct told *watch;

    set_words();
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        start(w, &services[i]);
    watch = start(w, &watching);
    vitro_sim_run_for(w->sim, 1000000);
    (void)vitro_health_set(w->health, "chat.ChatService", VITRO_HEALTH_NOT_SERVING, NULL);
    vitro_sim_run_for(w->sim, 1000000);
    if (watch->call)
        give_up(watch); /* it would go on for ever */
    world_run(w);
}

/* ---- with functions that wait --------------------------------------------------------------- */

static vitro_code exchange(vitro_call *call, const struct saying *s)
{
    vitro_code rc = VITRO_OK;

    for (unsigned i = 0; i < s->times && !rc; i++) {
        ProtobufCMessage *got = NULL;

        rc = vitro_stub_write(call, s->request, 0, NULL);
        if (!rc)
            rc = vitro_stub_read(call, s->answer, &got, NULL);
        vitro_pb_free(got);
    }
    return rc;
}

/* What a function that waits returns is how the call went. */
static void heard(struct told *t, vitro_code rc, const vitro_error *err)
{
    t->closed = 1;
    t->code = rc;
    t->has_text = rc && err->depth && err->frame[0].text[0];
}

static void ask(struct world *w, const struct saying *s)
{
    vitro_call_options o = options_of(w);
    ProtobufCMessage *got = NULL;
    vitro_error err;

    heard(tell(w, s->method),
          vitro_stub_unary(w->channel, s->method, s->request, s->answer, &got, &o, &err), &err);
    vitro_pb_free(got);
}

static void converse(struct world *w, const struct saying *s)
{
    vitro_call_options o = options_of(w);
    struct told *t = tell(w, s->method);
    vitro_error err;
    vitro_call *call;
    vitro_code rc = vitro_stub_open(&call, w->channel, s->method, NULL, &o, &err);

    if (!rc) {
        t->given_up = exchange(call, s) || vitro_call_write_end(call, NULL);
        rc = vitro_call_close(call, NULL, &err);
    }
    heard(t, rc, &err);
}

void talk_blocking(struct world *w)
{
    set_words();
    ask(w, &chat[0]);
    converse(w, &chat[3]);
    ask(w, &services[0]);
    converse(w, &services[2]);
}

vitro_code talk_afterwards(struct world *w, vitro_error *err)
{
    vitro_call_options o = options_of(w);
    ProtobufCMessage *got = NULL;
    vitro_code rc;

    set_words();
    rc = vitro_stub_unary(w->channel, chat[0].method, chat[0].request, chat[0].answer, &got, &o,
                          err);
    vitro_pb_free(got);
    return rc;
}
