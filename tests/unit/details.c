/*
 * details - grpc-status-details-bin from a handler to a client, against the messages that
 * protoc-gen-vitro makes of google/rpc/status.proto.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "chat.vitro.h"
#include "google/rpc/error_details.vitro.h"
#include "google/rpc/status.vitro.h"
#include "vitro/details.h"
#include "vitro/lab/sim.h"

static const char key[] = "grpc-status-details-bin";

/* ---- a handler that fails richly ------------------------------------------------------------ */

static vitro_code finished;

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Rpc__LocalizedMessage words = GOOGLE__RPC__LOCALIZED_MESSAGE__INIT;
    const ProtobufCMessage *details[] = { &info.base, &words.base };
    size_t count = (size_t)request->timestamp;
    vitro_md *md = vitro_md_new();
    vitro_md_add_text(md, "x-side", "server", NULL);
    info.reason = (char *)"NO_MESSAGE";
    info.domain = (char *)"chat";
    words.locale = (char *)"ko";
    words.message = (char *)"메시지가 없습니다";
    cr_expect_eq(vitro_call_finish_details(call, VITRO_OK, NULL, details, count, md, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_call_finish_details(call, VITRO_INVALID_ARGUMENT, NULL,
                                           (const ProtobufCMessage *[]){ &info.base, NULL }, 2,
                                           NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    finished = vitro_call_finish_details(call, VITRO_INVALID_ARGUMENT,
                                         request->message[0] ? request->message : NULL, details,
                                         count, md, NULL);
    vitro_md_free(md);
}

static void ask(int64_t details, const char *message, vitro_reply *reply)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = send_message };
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_sim *sim;
    vitro_loop *client, *home;
    vitro_server *server;
    vitro_channel *channel;
    cr_assert_eq(vitro_sim_new(&sim, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &home, "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &client, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&server, &home, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(chat_chat_service_register(server, &handlers, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(server, "sim:chat", NULL, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&channel, client, "sim:chat", NULL, NULL), VITRO_OK);
    request.timestamp = details;
    request.message = (char *)message;
    options.reply = reply;
    cr_expect_eq(chat_chat_service_send_message(channel, &request, &response, &options, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(finished, VITRO_OK);
    vitro_channel_free(channel);
    vitro_server_free(server);
    vitro_loop_unref(client);
    vitro_loop_unref(home);
    vitro_sim_free(sim);
}

/* ---- claims --------------------------------------------------------------------------------- */

Test(details, messages_beside_a_status_reach_the_client)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    ProtobufCMessage *m;
    vitro_str type, text;
    vitro_bytes value;
    int32_t code = -1;
    ask(2, "no message", &reply);
    cr_assert(vitro_details_status(reply.trailers, &code, &text));
    cr_expect_eq(code, VITRO_INVALID_ARGUMENT);
    cr_expect(vitro_str_eq(text, vitro_str_of("no message")));
    cr_assert_eq(
        vitro_details_get(&m, reply.trailers, &google__rpc__localized_message__descriptor, NULL),
        VITRO_OK);
    cr_expect_str_eq(((Google__Rpc__LocalizedMessage *)m)->message, "메시지가 없습니다");
    vitro_pb_free(m);
    cr_assert_eq(vitro_details_get(&m, reply.trailers, &google__rpc__error_info__descriptor, NULL),
                 VITRO_OK);
    cr_expect_str_eq(((Google__Rpc__ErrorInfo *)m)->reason, "NO_MESSAGE");
    vitro_pb_free(m);
    cr_expect_eq(vitro_details_get(&m, reply.trailers, &google__rpc__help__descriptor, NULL),
                 VITRO_NOT_FOUND);
    cr_expect_null(m);
    cr_assert(vitro_details_at(reply.trailers, 1, &type, NULL));
    cr_expect(vitro_str_eq(type, vitro_str_of("google.rpc.LocalizedMessage")));
    cr_expect_not(vitro_details_at(reply.trailers, 2, &type, NULL));
    cr_expect(vitro_md_get(reply.trailers, vitro_str_of("x-side"), &value));
    vitro_reply_done(&reply);
}

Test(details, what_is_written_is_a_google_rpc_status)
{
    for (int64_t count = 0; count <= 2; count++) {
        vitro_reply reply = VITRO_REPLY_INIT;
        Google__Rpc__Status *status;
        vitro_bytes value;
        ask(count, count ? "왜" : "", &reply);
        cr_assert(vitro_md_get(reply.trailers, vitro_str_of(key), &value));
        status = google__rpc__status__unpack(NULL, value.len, value.ptr);
        cr_assert(status != NULL);
        cr_expect_eq(status->code, VITRO_INVALID_ARGUMENT);
        cr_expect_str_eq(status->message, count ? "왜" : "");
        cr_assert_eq(status->n_details, (size_t)count);
        if (count)
            cr_expect_str_eq(status->details[0]->type_url,
                             "type.googleapis.com/google.rpc.ErrorInfo");
        google__rpc__status__free_unpacked(status, NULL);
        vitro_reply_done(&reply);
    }
}

/* Of any bytes, cut anywhere, nothing is read that is not there (the sanitizers look on). */
Test(details, bytes_that_are_damaged_end_what_is_read)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_bytes whole;
    ask(2, "no message", &reply);
    cr_assert(vitro_md_get(reply.trailers, vitro_str_of(key), &whole));
    for (size_t n = 0; n < whole.len; n++) {
        vitro_md *md = vitro_md_new();
        uint8_t *cut = malloc(n ? n : 1);
        ProtobufCMessage *m;
        size_t count = 0;
        int32_t code = -1;
        memcpy(cut, whole.ptr, n);
        cr_assert_eq(vitro_md_add(md, vitro_str_of(key), (vitro_bytes){ cut, n }, NULL), VITRO_OK);
        while (vitro_details_at(md, count, NULL, NULL))
            count++;
        cr_expect_lt(count, 2, "cut at %zu", n);
        if (vitro_details_status(md, &code, NULL))
            cr_expect(code == 0 || code == VITRO_INVALID_ARGUMENT);
        cr_expect_eq(vitro_details_get(&m, md, &google__rpc__localized_message__descriptor, NULL),
                     VITRO_NOT_FOUND);
        free(cut);
        vitro_md_free(md);
    }
    cr_expect_not(vitro_details_at(NULL, 0, NULL, NULL));
    cr_expect_not(vitro_details_status(NULL, NULL, NULL));
    vitro_reply_done(&reply);
}
