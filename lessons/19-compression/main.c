/*
 * 19-compression - one message after another: long and repetitive, compressed; short, compressed;
 * short, as it is; three in one call, each in its own way (mixed.c); one that is small on the wire
 * and too large when it is inflated. At last what this library does not send (by_hand.c).
 */
#include <stdlib.h>
#include <string.h>

#include "../lesson_stage.h"
#include "by_hand.h"
#include "chat.vitro.h"
#include "mixed.h"

/* ---- the server ----------------------------------------------------------------------------- */

/* The length of the message is the whole answer. */
static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    char id[] = "msg_1";

    lesson_say(user, "server: a text of %zu bytes", strlen(request->message));
    response.success = true;
    response.messageid = id;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static vitro_code serve(vitro_server *server, void *l, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = send_message,
                                                         .chat = mixed_serve };

    return chat_chat_service_register(server, &handlers, l, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

/* encoding: "gzip", or NULL for none. A refusal is said, and the lesson goes on. */
static vitro_code send_text(lesson *l, vitro_channel *channel, char *text, const char *encoding,
                            vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    Chat__MessageResponse *response = NULL;
    char user_id[] = "사용자1", why[300];
    vitro_code rc;

    request.userid = user_id;
    request.message = text;
    options.compression = encoding;
    rc = chat_chat_service_send_message(channel, &request, &response, &options, err);
    if (rc)
        vitro_error_format(err, why, sizeof why);
    lesson_say(l, "client: %s", rc ? why : "success");
    if (!rc)
        chat__message_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

/* A text again and again. */
static char *repeated(const char *text, size_t times)
{
    size_t n = strlen(text);
    char *all = malloc(n * times + 1);

    for (size_t i = 0; all && i < times; i++)
        memcpy(all + i * n, text, n);
    if (all)
        all[n * times] = '\0';
    return all;
}

static vitro_code call(vitro_channel *channel, void *l, vitro_error *err)
{
    char hello[] = "안녕하세요!";
    char *longer = repeated(hello, 100), *too_long = repeated("0123456789abcdef", 5 << 16);
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    if (longer && too_long)
        rc = send_text(l, channel, longer, "gzip", err);
    if (!rc)
        rc = send_text(l, channel, hello, "gzip", err);
    if (!rc)
        rc = send_text(l, channel, hello, NULL, err);
    if (!rc)
        rc = mixed_call(l, channel, err);
    if (!rc)
        rc = send_text(l, channel, too_long, "gzip", err); /* 5 MiB */
    if (!rc)
        rc = send_by_hand(l, err);
    free(longer);
    free(too_long);
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides sides = { serve, call };

    return lesson_stage(l, &sides, l, err);
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
