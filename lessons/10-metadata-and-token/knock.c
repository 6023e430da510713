#include "knock.h"

#include <string.h>

#include "../lesson_hand.h"
#include "chat.vitro.h"

void knock_add(struct door *d, const char *key, const char *value)
{
    vitro_error err = { 0 };
    char text[VITRO_ERROR_LINE];

    if (!vitro_md_add_text(d->md, key, value, &err))
        return;
    vitro_error_format(&err, text, sizeof text);
    lesson_say(d->l, "refused: %s: %s", key, text);
}

void knock(struct door *d, vitro_channel *channel, const vitro_method *method,
           vitro_call_credentials *credentials)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    const vitro_bytes empty = { (const uint8_t *)"", 0 };
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_message m = { .bytes = empty };
    vitro_error err = { 0 };
    vitro_call *call;
    char text[VITRO_ERROR_LINE] = "OK";
    vitro_code rc;

    options.metadata = d->md;
    options.credentials = credentials;
    rc = vitro_call_open(&call, channel, method, &options, &err);
    if (!rc) {
        (void)!vitro_call_write(call, empty, VITRO_SEND_LAST, NULL); /* close says why */
        while (m.bytes.ptr && !vitro_call_read(call, &m, NULL))
            ;
        rc = vitro_call_close(call, &reply, &err);
    }
    if (rc)
        vitro_error_format(&err, text, sizeof text);
    lesson_say(d->l, "client: %s: %s", strrchr(method->path, '/') + 1, text);
    door_say(d, "header", reply.headers);
    door_say(d, "trailer", reply.trailers);
    vitro_reply_done(&reply);
}

void knock_four_times(struct door *d, vitro_channel *channel, const char *token)
{
    static const vitro_method *const kinds[] = {
        &chat_chat_service_send_message_method,
        &chat_chat_service_get_notifications_method,
        &chat_chat_service_upload_files_method,
        &chat_chat_service_chat_method,
    };

    vitro_md_clear(d->md);
    if (token)
        knock_add(d, "authorization", token);
    d->handled = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        knock(d, channel, kinds[i], NULL);
    lesson_say(d->l, "count: handlers that were run: %d", d->handled);
}

/* ---- by hand -------------------------------------------------------------------------------- */

/* On a connection of its own, with an empty message. */
static vitro_code call_by_hand(struct door *d, const lesson_header *headers, vitro_error *err)
{
    static const uint8_t empty[5];
    lesson_hand h = { .l = NULL };
    vitro_code rc = lesson_hand_open(&h, d->l, err);

    if (!rc)
        rc = lesson_hand_call(&h, chat_chat_service_send_message_method.path, headers,
                              (vitro_bytes){ empty, sizeof empty }, err);
    lesson_hand_close(&h);
    return rc;
}

vitro_code knock_joined(struct door *d, vitro_error *err)
{
    static const lesson_header headers[] = {
        { "x-tenant", "blue,green" },
        { "x-place-bin", "7ISc7Jq4,7J247LKc" },
        { NULL, NULL },
    };

    return call_by_hand(d, headers, err);
}

vitro_code knock_in_letters(struct door *d, vitro_error *err)
{
    const lesson_header headers[] = { { "authorization", d->right }, { NULL, NULL } };

    return call_by_hand(d, headers, err);
}
