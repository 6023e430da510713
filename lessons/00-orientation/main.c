/*
 * 00-orientation - the same call twice: of a function in this program, and of one in another.
 *
 * Client and server share the lesson's loop; what goes from one to the other goes over a
 * connection all the same.
 */
#include <stdio.h>

#include "../lesson_stage.h"
#include "chat.vitro.h"

enum { ANSWER = 64 };

/* ---- here ------------------------------------------------------------------------------------ */

/* A function of this program: it is there, it answers at once, and it runs once a call. */
static void local_function(const char *text, char answer[ANSWER])
{
    snprintf(answer, ANSWER, "you said %s", text);
}

/* ---- there ----------------------------------------------------------------------------------- */

/* The same function in another program: the server's handler. */
static void answer_call(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    char answer[ANSWER];

    lesson_say(user, "server: %s", request->message);
    local_function(request->message, answer);
    response.success = true;
    response.messageid = answer;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static vitro_code serve(vitro_server *server, void *user, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = {
        .size = sizeof handlers,
        .send_message = answer_call,
    };

    return chat_chat_service_register(server, &handlers, user, err);
}

/* The other program's function, called from here: the same shape, and a way to fail. */
static vitro_code remote_function(vitro_channel *channel, const char *text, char answer[ANSWER],
                                  vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    char message[ANSWER];
    vitro_code rc;

    snprintf(message, sizeof message, "%s", text);
    request.message = message;
    rc = chat_chat_service_send_message(channel, &request, &response, NULL, err);
    if (rc)
        return rc;
    snprintf(answer, ANSWER, "%s", response->messageid);
    chat__message_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

static vitro_code call_both(vitro_channel *channel, void *user, vitro_error *err)
{
    char answer[ANSWER];
    vitro_code rc;

    local_function("hello", answer);
    lesson_say(user, "local: %s", answer);
    rc = remote_function(channel, "hello", answer, err);
    if (!rc)
        lesson_say(user, "remote: %s", answer);
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides sides = { serve, call_both };

    return lesson_stage(l, &sides, l, err);
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
