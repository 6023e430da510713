#include "mixed.h"

#include <string.h>

#include "chat.vitro.h"
#include "vitro/stub.h"

#define HELLO "안녕하세요!"
static char longer[] = HELLO HELLO HELLO HELLO HELLO, shorter[] = HELLO;

/* ---- the server ----------------------------------------------------------------------------- */

static void on_text(vitro_call *call, const Chat__ChatMessage *message, void *user)
{
    (void)user;
    (void)!chat_chat_service_chat_respond(call, message, NULL, NULL);
}

static void on_last(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

void mixed_serve(vitro_call *call, void *user)
{
    static const chat_chat_service_chat_handler handler = {
        .call = { .size = sizeof handler.call,
                  .on_message = chat_chat_service_chat_receive,
                  .on_end = on_last },
        .on_message = on_text,
    };

    if (vitro_call_compress(call, "gzip", NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no such encoding", NULL, NULL);
    chat_chat_service_chat_serve(call, &handler, user);
}

/* ---- the client ----------------------------------------------------------------------------- */

static vitro_code write_text(vitro_call *call, char *text, uint32_t flags)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;

    message.text = text;
    return vitro_stub_write(call, &message.base, flags | VITRO_SEND_ALONE, NULL);
}

/* A frame for each. Should one fail, the end of the call says why. */
static void write_mixed(vitro_call *call)
{
    const uint32_t last = VITRO_SEND_PLAIN | VITRO_SEND_LAST;

    if (!write_text(call, longer, 0) && !write_text(call, shorter, 0))
        (void)!write_text(call, longer, last);
}

vitro_code mixed_call(lesson *l, vitro_channel *channel, vitro_error *err)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    chat_chat_service_chat_stream stream;
    Chat__ChatMessage *echo;
    vitro_code rc;

    options.compression = "gzip";
    rc = chat_chat_service_chat(channel, &stream, &options, err);
    if (rc)
        return rc;
    write_mixed(stream.call);
    while (!chat_chat_service_chat_read(&stream, &echo, NULL) && echo) {
        lesson_say(l, "client: an echo of %zu bytes", strlen(echo->text));
        chat__chat_message__free_unpacked(echo, NULL);
    }
    return chat_chat_service_chat_close(&stream, NULL, err);
}
