/*
 * compress_client TARGET TEXT... - each text there and back, compressed where that is shorter.
 *
 * The call's option compresses what it sends; a message that begins with "secret" goes plain by
 * its flag. What comes is inflated before anybody sees it. This client asks how it came, which no
 * stub tells: so it reads the messages of its call as bytes and makes structs of them itself.
 */
#include <stdio.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

static vitro_code say(chat_chat_service_chat_stream *chat, char *text, vitro_error *err)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    uint32_t flags = strncmp(text, "secret", 6) ? 0 : VITRO_SEND_PLAIN;

    message.text = text;
    return vitro_stub_write(chat->call, &message.base, flags, err);
}

static vitro_code hear(chat_chat_service_chat_stream *chat, vitro_error *err)
{
    vitro_message m;
    Chat__ChatMessage *said;
    vitro_code rc = vitro_call_read(chat->call, &m, err);

    if (rc || !m.bytes.ptr) /* the end: closing tells why */
        return rc;
    said = chat__chat_message__unpack(NULL, m.bytes.len, m.bytes.ptr);
    printf("%zu characters came %s\n", said ? strlen(said->text) : 0,
           m.flags & VITRO_MESSAGE_COMPRESSED ? "compressed" : "plain");
    chat__chat_message__free_unpacked(said, NULL);
    return VITRO_OK;
}

static vitro_code converse(vitro_channel *channel, char **texts, vitro_error *err)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    chat_chat_service_chat_stream chat;
    vitro_code rc;

    options.compression = "gzip"; /* a server that does not know it says UNIMPLEMENTED */
    rc = chat_chat_service_chat(channel, &chat, &options, err);
    if (rc)
        return rc;
    for (; *texts && !rc; texts++) {
        rc = say(&chat, *texts, NULL);
        if (!rc)
            rc = hear(&chat, NULL);
    }
    if (!rc)
        rc = chat_chat_service_chat_write_end(&chat, NULL);
    return chat_chat_service_chat_close(&chat, NULL, err); /* tells what went wrong before, too */
}

int main(int argc, char **argv)
{
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc;

    if (argc < 3) {
        fprintf(stderr, "compress_client TARGET TEXT...\n");
        return 2;
    }
    rc = vitro_channel_new(&channel, NULL, argv[1], NULL, &err);
    if (!rc)
        rc = converse(channel, argv + 2, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "compress_client: %s\n", why);
    }
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
