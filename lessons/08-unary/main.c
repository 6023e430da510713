/*
 * 08-unary - one request, one response: what the chat's SendMessage is made of on the wire.
 *
 * The messages, the handlers' table and the client's stub are in chat.vitro.h, which
 * protoc-gen-vitro made of proto/chat.proto. Client and server share the lesson's loop.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../lesson.h"
#include "chat.vitro.h"

/* The server: answer with the time as the message's id. */
static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    int64_t ms = vitro_loop_wall(vitro_call_loop(call)) / 1000000;
    char id[32];

    lesson_say(user, "server: %s: %s", request->userid, request->message);
    snprintf(id, sizeof id, "msg_%" PRId64, ms);
    response.success = true;
    response.messageid = id;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static vitro_code start_server(lesson *l, vitro_server **out, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = {
        .size = sizeof handlers,
        .send_message = send_message,
    };
    vitro_code rc = vitro_server_new(out, &l->loop, 1, &l->server, err);

    if (!rc)
        rc = chat_chat_service_register(*out, &handlers, l, err);
    if (!rc)
        rc = lesson_listen(l, *out, err);
    return rc;
}

/* The client: looks like the call of a local function. */
static vitro_code say_hello(lesson *l, vitro_channel *channel, vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    char user_id[] = "사용자1", message[] = "안녕하세요!";
    vitro_code rc;

    request.userid = user_id;
    request.message = message;
    rc = chat_chat_service_send_message(channel, &request, &response, NULL, err);
    if (rc)
        return rc;
    lesson_say(l, "client: success %s, messageId %s", response->success ? "true" : "false",
               response->messageid);
    chat__message_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    vitro_server *server = NULL;
    vitro_channel *channel = NULL;
    vitro_code rc = start_server(l, &server, err);

    if (!rc)
        rc = vitro_channel_new(&channel, l->loop, l->target, &l->channel, err);
    if (!rc)
        rc = say_hello(l, channel, err);
    vitro_channel_free(channel);
    lesson_end(l, server);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
