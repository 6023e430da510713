/*
 * deadline_client TARGET - metadata, a deadline, and a call that is given up.
 *
 * What all calls share stands in vitro_call_options. A deadline travels with the call
 * (grpc-timeout): client and server both know when it is over. Metadata is what a call carries
 * beside its messages; that of the response comes in a vitro_reply.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

/* Not an error here, but what the function was asked to show. */
static vitro_code expect(const char *what, vitro_code got, vitro_code want, const vitro_error *err)
{
    char why[VITRO_ERROR_LINE] = "OK";

    if (got)
        vitro_error_format(err, why, sizeof why);
    printf("%s: %s\n", what, why);
    return got == want ? VITRO_OK : VITRO_INTERNAL;
}

static void print_metadata(const vitro_md *md)
{
    vitro_str key;
    vitro_bytes value;
    char line[256];

    for (size_t i = 0; md && vitro_md_at(md, i, &key, &value); i++) {
        const vitro_str text = { (const char *)value.ptr, value.len };

        vitro_escape(text, line, sizeof line);
        printf("%.*s: %s\n", (int)key.len, key.ptr, line);
    }
}

static vitro_code with_metadata(vitro_channel *channel)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_md *md = vitro_md_new();
    vitro_error err;
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    if (!md || vitro_md_add_text(md, "x-tenant", "blue", &err)) {
        vitro_md_free(md);
        return rc;
    }
    options.metadata = md;
    options.reply = &reply;
    rc = chat_chat_service_send_message(channel, &request, &response, &options, &err);
    print_metadata(reply.headers);
    chat__message_response__free_unpacked(response, NULL);
    vitro_reply_done(&reply);
    vitro_md_free(md);
    return expect("with metadata", rc, VITRO_OK, &err);
}

/* Nobody says anything in the room: the deadline ends the wait, of both sides. */
static vitro_code with_deadline(vitro_channel *channel)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    chat_chat_service_chat_stream stream;
    Chat__ChatMessage *said;
    vitro_error err;
    vitro_code rc;

    options.timeout_ns = 100 * 1000000;
    rc = chat_chat_service_chat(channel, &stream, &options, &err);
    if (rc)
        return expect("with a deadline", rc, VITRO_OK, &err);
    while (!chat_chat_service_chat_read(&stream, &said, NULL) && said)
        chat__chat_message__free_unpacked(said, NULL);
    rc = chat_chat_service_chat_close(&stream, NULL, &err);
    return expect("with a deadline", rc, VITRO_DEADLINE_EXCEEDED, &err);
}

/* Three of many are enough. */
static vitro_code given_up(vitro_channel *channel)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    Chat__Notification *n;
    chat_chat_service_get_notifications_reader reader;
    vitro_error err;
    vitro_code rc = chat_chat_service_get_notifications(channel, &request, &reader, NULL, &err);

    if (rc)
        return expect("given up", rc, VITRO_OK, &err);
    for (int i = 0; i < 3; i++) {
        if (chat_chat_service_get_notifications_read(&reader, &n, NULL) || !n)
            break;
        chat__notification__free_unpacked(n, NULL);
    }
    vitro_call_abort(reader.call);
    rc = chat_chat_service_get_notifications_close(&reader, NULL, &err);
    return expect("given up", rc, VITRO_CANCELLED, &err);
}

int main(int argc, char **argv)
{
    vitro_channel *channel = NULL;
    vitro_error err;
    vitro_code rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", NULL, &err);

    if (rc)
        expect("channel", rc, VITRO_OK, &err);
    if (!rc)
        rc = with_metadata(channel);
    if (!rc)
        rc = with_deadline(channel);
    if (!rc)
        rc = given_up(channel);
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
