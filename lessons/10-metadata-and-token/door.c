#include "door.h"

#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"

bool door_opens(const struct door *d, const vitro_md *md)
{
    vitro_bytes value;

    return vitro_md_get(md, vitro_str_of("authorization"), &value) &&
           vitro_str_eq((vitro_str){ (const char *)value.ptr, value.len }, vitro_str_of(d->right));
}

/* ---- the server ----------------------------------------------------------------------------- */

static void say_entry(const struct door *d, vitro_str key, vitro_bytes value)
{
    static const char bin[] = "-bin";
    size_t n = sizeof bin - 1, at = 0;
    char text[128] = "";

    if (key.len < n || memcmp(key.ptr + key.len - n, bin, n) != 0)
        snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.ptr);
    for (size_t i = 0; !*text + at && i < value.len && at + 4 < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, i ? " %02x" : "%02x", value.ptr[i]);
    lesson_say(d->l, "metadata: %.*s: %s", (int)key.len, key.ptr, text);
}

/* A handler: it was let in. */
static void handle(vitro_call *call, const vitro_md *md, void *door)
{
    vitro_str path = vitro_call_path(call), key;
    vitro_bytes value;

    lesson_say(((struct door *)door)->l, "server: handles %.*s", (int)path.len, path.ptr);
    for (size_t i = 0; vitro_md_at(md, i, &key, &value); i++)
        say_entry(door, key, value);
}

/* The introduction's helper: a line that whoever writes a handler has to think of. */
static bool authenticate(vitro_call *call, const struct door *d)
{
    if (door_opens(d, vitro_call_metadata(call)))
        return true;
    vitro_call_finish(call, VITRO_UNAUTHENTICATED, "인증 실패", NULL, NULL);
    return false;
}

/* SendMessage and UploadFiles, which have one response. */
static void handle_one(vitro_call *call, const vitro_md *md, void *door)
{
    const struct door *d = door;

    if (!d->helper || authenticate(call, d))
        handle(call, md, door);
}

/* One empty message, and OK. Of a call that was refused nothing comes of it. */
static void answer(vitro_call *call, void *door)
{
    (void)door;
    if (!vitro_call_send(call, (vitro_bytes){ (const uint8_t *)"", 0 }, 0, NULL, NULL))
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

vitro_code door_serve(vitro_server *server, void *door, vitro_error *err)
{
    static const vitro_call_events one = { .size = sizeof one,
                                           .on_headers = handle_one,
                                           .on_end = answer },
                                   many = { .size = sizeof many,
                                            .on_headers = handle,
                                            .on_end = answer };
    const struct {
        const vitro_method *method;
        const vitro_call_events *events;
    } all[] = {
        { &chat_chat_service_send_message_method, &one },
        { &chat_chat_service_get_notifications_method, &many },
        { &chat_chat_service_upload_files_method, &one },
        { &chat_chat_service_chat_method, &many },
    };
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; !rc && i < sizeof all / sizeof *all; i++)
        rc = vitro_server_add(server, all[i].method, NULL, all[i].events, door, err);
    return rc;
}

/* ---- the client ----------------------------------------------------------------------------- */

void door_add(struct door *d, const char *key, const char *value)
{
    vitro_error err = { 0 };
    char text[VITRO_ERROR_LINE];

    if (!vitro_md_add_text(d->md, key, value, &err))
        return;
    vitro_error_format(&err, text, sizeof text);
    lesson_say(d->l, "refused: %s: %s", key, text);
}

void door_call(struct door *d, vitro_channel *channel, const vitro_method *method,
               vitro_call_credentials *credentials)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    const vitro_bytes empty = { (const uint8_t *)"", 0 };
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
        rc = vitro_call_close(call, NULL, &err);
    }
    if (rc)
        vitro_error_format(&err, text, sizeof text);
    lesson_say(d->l, "client: %s: %s", strrchr(method->path, '/') + 1, text);
}

void door_knock(struct door *d, vitro_channel *channel, const char *token)
{
    static const vitro_method *const kinds[] = {
        &chat_chat_service_send_message_method,
        &chat_chat_service_get_notifications_method,
        &chat_chat_service_upload_files_method,
        &chat_chat_service_chat_method,
    };

    vitro_md_clear(d->md);
    if (token)
        door_add(d, "authorization", token);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        door_call(d, channel, kinds[i], NULL);
}
