/*
 * stub - generated stubs of chat.proto, both sides, over a simulated world.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.vitro.h"
#include "vitro/lab/sim.h"

/* ---- a chat server -------------------------------------------------------------------------- */

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    char id[32];
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    if (request->message[0] == '\0') {
        vitro_call_finish(call, VITRO_INVALID_ARGUMENT, "no message", NULL, NULL);
        return;
    }
    snprintf(id, sizeof id, "%s_%lld", (const char *)user, (long long)request->timestamp);
    response.success = 1;
    response.messageid = id;
    cr_assert_eq(chat_chat_service_send_message_reply(call, &response, NULL), VITRO_OK);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    for (int i = 0; i < 3; i++) {
        char id[32];
        Chat__Notification n = CHAT__NOTIFICATION__INIT;
        snprintf(id, sizeof id, "notif_%d", i);
        n.id = id;
        n.title = request->userid;
        cr_assert_eq(chat_chat_service_get_notifications_respond(call, &n, NULL, NULL), VITRO_OK);
    }
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

struct upload {
    int files;
    int64_t bytes;
};

static void on_file(vitro_call *call, const Chat__FileData *file, void *state)
{
    struct upload *u = state;
    u->files++;
    u->bytes += (int64_t)file->data.len;
}

static void on_upload_end(vitro_call *call, void *state)
{
    const struct upload *u = state;
    Chat__UploadResponse r = CHAT__UPLOAD_RESPONSE__INIT;
    r.filecount = u->files;
    r.totalsize = u->bytes;
    cr_assert_eq(chat_chat_service_upload_files_reply(call, &r, NULL), VITRO_OK);
}

static void on_upload_closed(vitro_call *call, const vitro_status *status, void *state)
{
    free(state);
}

static const chat_chat_service_upload_files_handler upload_handler = {
    .call = { .size = sizeof(vitro_call_events),
              .on_message = chat_chat_service_upload_files_receive,
              .on_end = on_upload_end,
              .on_closed = on_upload_closed },
    .on_message = on_file,
};

static void upload_files(vitro_call *call, void *user)
{
    chat_chat_service_upload_files_serve(call, &upload_handler, calloc(1, sizeof(struct upload)));
}

static void on_chat(vitro_call *call, const Chat__ChatMessage *message, void *state)
{
    char text[128];
    Chat__ChatMessage echo = CHAT__CHAT_MESSAGE__INIT;
    snprintf(text, sizeof text, "에코: %s", message->text);
    echo.userid = (char *)"서버";
    echo.text = text;
    cr_assert_eq(chat_chat_service_chat_respond(call, &echo, NULL, NULL), VITRO_OK);
}

static void on_chat_end(vitro_call *call, void *state)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const chat_chat_service_chat_handler chat_handler = {
    .call = { .size = sizeof(vitro_call_events),
              .on_message = chat_chat_service_chat_receive,
              .on_end = on_chat_end },
    .on_message = on_chat,
};

static void chat(vitro_call *call, void *user)
{
    chat_chat_service_chat_serve(call, &chat_handler, NULL);
}

static const chat_chat_service_handlers handlers = {
    sizeof handlers, send_message, get_notifications, upload_files, chat,
};

/* ---- the world ------------------------------------------------------------------------------ */

struct world {
    vitro_sim *sim;
    vitro_loop *client, *home;
    vitro_server *server;
    vitro_channel *channel;
};

static void begin(struct world *w, const chat_chat_service_handlers *table)
{
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    cr_assert_eq(vitro_sim_new(&w->sim, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->home, "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(w->sim, &w->client, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&w->server, &w->home, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_register(w->server, table, (void *)(uintptr_t) "msg", NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_server_listen(w->server, "sim:chat", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&w->channel, w->client, "sim:chat", NULL, NULL), VITRO_OK);
}

static void end(struct world *w)
{
    vitro_channel_free(w->channel);
    vitro_server_free(w->server);
    vitro_loop_unref(w->client);
    vitro_loop_unref(w->home);
    vitro_sim_free(w->sim);
}

static Chat__MessageRequest request_of(const char *text)
{
    Chat__MessageRequest r = CHAT__MESSAGE_REQUEST__INIT;
    r.userid = (char *)"사용자1";
    r.message = (char *)text;
    r.timestamp = 7;
    return r;
}

struct seen {
    char text[512];
    vitro_code code;
};

static void see_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ((struct seen *)user)->code = status->code;
}

/* ---- blocking ------------------------------------------------------------------------------- */

Test(stub, a_blocking_unary_call_gives_the_response_or_the_status)
{
    struct world w;
    vitro_error err;
    Chat__MessageResponse *response = NULL;
    Chat__MessageRequest request = request_of("안녕하세요!"), empty = request_of("");
    char *large = calloc(1, 100001);
    begin(&w, &handlers);

    cr_assert_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, &err),
                 VITRO_OK);
    cr_expect_str_eq(response->messageid, "msg_7");
    cr_expect(response->success);
    chat__message_response__free_unpacked(response, NULL);

    cr_expect_eq(chat_chat_service_send_message(w.channel, &empty, &response, NULL, &err),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_null(response);
    cr_expect_str_eq(err.frame[0].text, "no message");

    memset(large, 'x', 100000);
    request.message = large;
    cr_assert_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, &err),
                 VITRO_OK);
    chat__message_response__free_unpacked(response, NULL);
    free(large);
    end(&w);
}

/* A handler of its own, which sends metadata of both kinds. */
static void send_metadata(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    vitro_md *md = vitro_md_new();

    vitro_md_add_text(md, "x-side", "server", NULL);
    cr_assert_eq(vitro_call_send_headers(call, md, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_NOT_FOUND, "no such user", md, NULL);
    vitro_md_free(md);
}

Test(stub, a_typed_call_gives_its_metadata_to_the_reply_of_its_options)
{
    struct world w;
    chat_chat_service_handlers table = handlers;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_reply reply = VITRO_REPLY_INIT;
    chat_chat_service_upload_files_writer writer;
    Chat__UploadResponse *uploaded = NULL;
    Chat__MessageResponse *response = NULL;
    Chat__MessageRequest request = request_of("x");
    vitro_bytes value;

    table.send_message = send_metadata;
    begin(&w, &table);
    options.reply = &reply;
    cr_assert_eq(chat_chat_service_send_message(w.channel, &request, &response, &options, NULL),
                 VITRO_NOT_FOUND);
    cr_expect(vitro_md_get(reply.headers, vitro_str_of("x-side"), &value) && value.len == 6);
    cr_expect(vitro_md_get(reply.trailers, vitro_str_of("x-side"), &value) && value.len == 6);
    vitro_reply_done(&reply);

    cr_assert_eq(chat_chat_service_upload_files(w.channel, &writer, &options, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_upload_files_finish(&writer, &uploaded, NULL), VITRO_OK);
    chat__upload_response__free_unpacked(uploaded, NULL);
    cr_expect_null(reply.headers); /* there are none */
    vitro_reply_done(&reply);
    end(&w);
}

Test(stub, a_status_becomes_the_error_of_a_blocking_call)
{
    vitro_error err, why = { .code = VITRO_UNAVAILABLE, .depth = 1 };
    vitro_status status = { .code = VITRO_NOT_FOUND, .message = VITRO_STR_INIT("no such user") };
    char line[VITRO_ERROR_LINE];

    cr_expect_eq(vitro_status_error(&status, &err), VITRO_NOT_FOUND);
    vitro_error_format(&err, line, sizeof line);
    cr_expect_str_eq(line, "NOT_FOUND: server: no such user");
    why.frame[0].layer = "connect";
    status.error = &why;
    cr_expect_eq(vitro_status_error(&status, NULL), VITRO_NOT_FOUND);
    vitro_status_error(&status, &err);
    cr_expect_eq(err.code, VITRO_NOT_FOUND);
    cr_expect_str_eq(err.frame[0].layer, "connect");
}

Test(stub, a_blocking_reader_gives_each_message_and_then_the_status)
{
    struct world w;
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    chat_chat_service_get_notifications_reader reader;
    Chat__Notification *n;
    int count = 0;
    begin(&w, &handlers);
    request.userid = (char *)"사용자1";

    cr_assert_eq(chat_chat_service_get_notifications(w.channel, &request, &reader, NULL, NULL),
                 VITRO_OK);
    while (chat_chat_service_get_notifications_read(&reader, &n, NULL) == VITRO_OK && n) {
        char id[32];
        snprintf(id, sizeof id, "notif_%d", count++);
        cr_expect_str_eq(n->id, id);
        cr_expect_str_eq(n->title, "사용자1");
        chat__notification__free_unpacked(n, NULL);
    }
    cr_expect_eq(count, 3);
    cr_expect_eq(chat_chat_service_get_notifications_close(&reader, NULL, NULL), VITRO_OK);
    end(&w);
}

/* The server is gone before the second message is read: all of them and the status had come. */
Test(stub, a_slow_reader_gets_what_came_in_full_also_when_the_connection_has_gone)
{
    for (int how = 0; how < 3; how++) {
        struct world w;
        Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
        chat_chat_service_get_notifications_reader reader;
        Chat__Notification *n = NULL;
        int count = 0;
        begin(&w, &handlers);
        cr_assert_eq(chat_chat_service_get_notifications(w.channel, &request, &reader, NULL, NULL),
                     VITRO_OK);
        while (chat_chat_service_get_notifications_read(&reader, &n, NULL) == VITRO_OK && n) {
            chat__notification__free_unpacked(n, NULL);
            if (count++ > 0)
                continue;
            vitro_sim_run(w.sim); /* the rest arrives, and waits */
            if (how == 0)
                cr_assert(vitro_sim_cut(w.sim, 0));
            else if (how == 1)
                vitro_server_drain(w.server, 0, NULL, NULL);
            else
                break; /* nobody reads on: close drops it */
            vitro_sim_run(w.sim);
        }
        cr_expect_eq(count, how == 2 ? 1 : 3, "%d messages", count);
        cr_expect_eq(chat_chat_service_get_notifications_close(&reader, NULL, NULL), VITRO_OK);
        end(&w);
    }
}

Test(stub, a_channel_goes_while_messages_wait_for_a_reader)
{
    struct world w;
    struct seen seen = { .code = VITRO_OK };
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    chat_chat_service_get_notifications_events events =
        CHAT_CHAT_SERVICE_GET_NOTIFICATIONS_EVENTS_INIT;
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    vitro_call *call;
    options.manual_credit = true;
    events.call.on_closed = see_closed;
    for (int cut = 0; cut < 2; cut++) {
        begin(&w, &handlers);
        cr_assert_eq(chat_chat_service_get_notifications_start(&call, w.channel, &request, &options,
                                                               &events, &seen, NULL),
                     VITRO_OK);
        vitro_call_credit(call, 1);
        vitro_sim_run(w.sim);
        if (cut)
            cr_assert(vitro_sim_cut(w.sim, 0));
        vitro_sim_run(w.sim);
        vitro_call_unref(call);
        end(&w);
        cr_expect_eq(seen.code, VITRO_CANCELLED);
        seen.code = VITRO_OK;
    }
}

Test(stub, a_request_that_is_refused_here_says_so_and_waits_for_nobody)
{
    struct world w;
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel;
    chat_chat_service_get_notifications_reader reader;
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    vitro_error err;

    begin(&w, &handlers);
    o.max_send_bytes = 1;
    cr_assert_eq(vitro_channel_new(&channel, w.client, "sim:chat", &o, NULL), VITRO_OK);
    request.userid = (char *)(uintptr_t) "a name";
    cr_assert_eq(chat_chat_service_get_notifications(channel, &request, &reader, NULL, &err),
                 VITRO_RESOURCE_EXHAUSTED);
    cr_expect_eq(err.code, VITRO_RESOURCE_EXHAUSTED);
    vitro_channel_free(channel);
    end(&w);
}

/* The call is over before its request is written: the status tells more than that. */
Test(stub, a_reader_whose_call_fails_at_once_says_why)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_channel *channel;
    chat_chat_service_get_notifications_reader reader;
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    vitro_error err;

    cr_assert_eq(vitro_channel_new(&channel, NULL, "unix:/nowhere/socket", NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_credentials_token(&o.credentials, "secret", NULL, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_get_notifications(channel, &request, &reader, &o, &err),
                 VITRO_UNAUTHENTICATED);
    cr_expect(strstr(err.frame[0].text, "plain text"), "%s", err.frame[0].text);
    vitro_call_credentials_unref(o.credentials);
    vitro_channel_free(channel);
}

Test(stub, a_blocking_writer_ends_with_the_one_response)
{
    struct world w;
    chat_chat_service_upload_files_writer writer;
    Chat__FileData file = CHAT__FILE_DATA__INIT;
    Chat__UploadResponse *response = NULL;
    static uint8_t data[70000];
    begin(&w, &handlers);

    cr_assert_eq(chat_chat_service_upload_files(w.channel, &writer, NULL, NULL), VITRO_OK);
    for (int i = 0; i < 5; i++) {
        file.data = (ProtobufCBinaryData){ sizeof data, data };
        cr_assert_eq(chat_chat_service_upload_files_write(&writer, &file, NULL), VITRO_OK);
    }
    cr_assert_eq(chat_chat_service_upload_files_finish(&writer, &response, NULL), VITRO_OK);
    cr_expect_eq(response->filecount, 5);
    cr_expect_eq(response->totalsize, 5 * (int64_t)sizeof data);
    chat__upload_response__free_unpacked(response, NULL);
    end(&w);
}

Test(stub, a_blocking_stream_reads_and_writes_in_turns)
{
    struct world w;
    chat_chat_service_chat_stream stream;
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT, *echo = NULL;
    begin(&w, &handlers);

    cr_assert_eq(chat_chat_service_chat(w.channel, &stream, NULL, NULL), VITRO_OK);
    for (int i = 0; i < 2; i++) {
        message.text = (char *)(i ? "반갑습니다!" : "안녕하세요!");
        cr_assert_eq(chat_chat_service_chat_write(&stream, &message, NULL), VITRO_OK);
        cr_assert_eq(chat_chat_service_chat_read(&stream, &echo, NULL), VITRO_OK);
        cr_expect_str_eq(echo->text, i ? "에코: 반갑습니다!" : "에코: 안녕하세요!");
        chat__chat_message__free_unpacked(echo, NULL);
    }
    cr_assert_eq(chat_chat_service_chat_write_end(&stream, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_chat_read(&stream, &echo, NULL), VITRO_OK);
    cr_expect_null(echo);
    cr_expect_eq(chat_chat_service_chat_close(&stream, NULL, NULL), VITRO_OK);
    end(&w);
}

/* ---- events --------------------------------------------------------------------------------- */

static void see_response(vitro_call *call, const Chat__MessageResponse *r, void *user)
{
    struct seen *s = user;
    snprintf(s->text, sizeof s->text, "%s", r->messageid);
}

static void see_chat(vitro_call *call, const Chat__ChatMessage *m, void *user)
{
    struct seen *s = user;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "[%s]", m->text);
}

Test(stub, events_bring_typed_messages_and_the_status)
{
    struct world w;
    vitro_call *call = NULL;
    struct seen unary = { .code = VITRO_UNKNOWN }, bidi = { .code = VITRO_UNKNOWN };
    chat_chat_service_send_message_events one = CHAT_CHAT_SERVICE_SEND_MESSAGE_EVENTS_INIT;
    chat_chat_service_chat_events many = CHAT_CHAT_SERVICE_CHAT_EVENTS_INIT;
    Chat__MessageRequest request = request_of("hello");
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    begin(&w, &handlers);
    one.on_message = see_response;
    many.on_message = see_chat;
    one.call.on_closed = many.call.on_closed = see_closed;

    cr_assert_eq(
        chat_chat_service_send_message_start(&call, w.channel, &request, NULL, &one, &unary, NULL),
        VITRO_OK);
    vitro_call_unref(call);
    cr_assert_eq(chat_chat_service_chat_start(&call, w.channel, NULL, &many, &bidi, NULL),
                 VITRO_OK);
    for (int i = 0; i < 2; i++) {
        message.text = (char *)(i ? "b" : "a");
        cr_assert_eq(
            chat_chat_service_chat_send(call, &message, i ? VITRO_SEND_LAST : 0, NULL, NULL),
            VITRO_OK);
    }
    vitro_sim_run(w.sim);
    cr_expect_str_eq(unary.text, "msg_7");
    cr_expect_eq(unary.code, VITRO_OK);
    cr_expect_str_eq(bidi.text, "[에코: a][에코: b]");
    cr_expect_eq(bidi.code, VITRO_OK);
    vitro_call_unref(call);
    end(&w);
}

Test(stub, events_that_lack_their_init_are_refused_and_nothing_is_started)
{
    struct world w;
    vitro_call *call = NULL;
    vitro_error err;
    Chat__MessageRequest request = request_of("hello");
    static const chat_chat_service_send_message_events bare = { .on_message = see_response };
    begin(&w, &handlers);
    cr_expect_eq(
        chat_chat_service_send_message_start(&call, w.channel, &request, NULL, &bare, NULL, &err),
        VITRO_INVALID_ARGUMENT);
    cr_expect_null(call);
    end(&w);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

static void answer_with_garbage(vitro_call *call, const Chat__MessageRequest *r, void *user)
{
    static const uint8_t cut[] = { 0x12, 0x7f };
    vitro_bytes bytes = { cut, sizeof cut };
    cr_assert_eq(vitro_call_send(call, bytes, 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

Test(stub, bytes_that_are_no_such_message_end_the_call_with_internal_on_both_sides)
{
    struct world w;
    vitro_error err;
    vitro_call *call = NULL;
    struct seen seen = { .code = VITRO_OK };
    vitro_reply reply = VITRO_REPLY_INIT;
    Chat__MessageResponse *response = NULL;
    Chat__MessageRequest request = request_of("hello");
    chat_chat_service_handlers bad = handlers;
    chat_chat_service_send_message_events events = CHAT_CHAT_SERVICE_SEND_MESSAGE_EVENTS_INIT;
    static const uint8_t cut[] = { 0x0a, 0x05, 'a' };
    vitro_bytes bytes = { cut, sizeof cut };
    bad.send_message = answer_with_garbage;
    begin(&w, &bad);
    events.call.on_closed = see_closed;

    cr_expect_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, &err),
                 VITRO_INTERNAL);
    cr_expect_null(response);
    cr_assert_eq(chat_chat_service_send_message_start(&call, w.channel, &request, NULL, &events,
                                                      &seen, NULL),
                 VITRO_OK);
    vitro_sim_run(w.sim);
    cr_expect_eq(seen.code, VITRO_INTERNAL);
    vitro_call_unref(call);
    cr_expect_eq(
        vitro_unary(w.channel, &chat_chat_service_send_message_method, bytes, NULL, &reply, &err),
        VITRO_INTERNAL);
    vitro_reply_done(&reply);
    end(&w);
}

Test(stub, a_method_without_a_handler_is_unimplemented)
{
    struct world w;
    vitro_error err;
    Chat__MessageResponse *response = NULL;
    Chat__MessageRequest request = request_of("hello");
    chat_chat_service_handlers none = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    none.chat = chat;
    begin(&w, &none);
    cr_expect_eq(chat_chat_service_send_message(w.channel, &request, &response, NULL, &err),
                 VITRO_UNIMPLEMENTED);
    end(&w);
}

Test(stub, a_table_without_its_size_is_refused)
{
    vitro_loop *loop;
    vitro_server *server;
    static const chat_chat_service_handlers bare = { .chat = chat };
    vitro_error err;
    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&server, &loop, 1, NULL, NULL), VITRO_OK);
    cr_expect_eq(chat_chat_service_register(server, &bare, NULL, &err), VITRO_INVALID_ARGUMENT);
    cr_expect_eq(err.code, VITRO_INVALID_ARGUMENT);
    cr_expect(strstr(err.frame[0].text, "_INIT"));
    cr_expect_eq(chat_chat_service_register(server, NULL, NULL, NULL), VITRO_INVALID_ARGUMENT);
    vitro_server_free(server);
    vitro_loop_unref(loop);
}
