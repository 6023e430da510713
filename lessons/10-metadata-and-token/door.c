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

static void say_entry(const struct door *d, const char *what, vitro_str key, vitro_bytes value)
{
    static const char bin[] = "-bin";
    size_t n = sizeof bin - 1, at = 0;
    char text[128] = "";

    if (key.len < n || memcmp(key.ptr + key.len - n, bin, n) != 0)
        snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.ptr);
    for (size_t i = 0; !*text + at && i < value.len && at + 4 < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, i ? " %02x" : "%02x", value.ptr[i]);
    lesson_say(d->l, "%s: %.*s: %s", what, (int)key.len, key.ptr, text);
}

void door_say(const struct door *d, const char *what, const vitro_md *md)
{
    vitro_bytes value;
    vitro_str key;

    for (size_t i = 0; md && vitro_md_at(md, i, &key, &value); i++)
        say_entry(d, what, key, value);
}

/* ---- handlers ------------------------------------------------------------------------------- */

/* It was let in. */
static void handle(vitro_call *call, const vitro_md *md, void *door)
{
    vitro_str path = vitro_call_path(call);
    struct door *d = door;

    d->handled++;
    lesson_say(d->l, "server: handles %.*s", (int)path.len, path.ptr);
    door_say(d, "metadata", md);
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
static void answer_plainly(vitro_call *call)
{
    if (!vitro_call_send(call, (vitro_bytes){ (const uint8_t *)"", 0 }, 0, NULL, NULL))
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

/* The same with metadata in front, and more behind, when it is known how it went. */
static void answer_with_metadata(vitro_call *call)
{
    vitro_md *before = vitro_md_new(), *after = vitro_md_new();

    if (before && after && !vitro_md_add_text(before, "x-served-by", "chat-1", NULL) &&
        !vitro_md_add_text(after, "x-took-ms", "3", NULL) &&
        !vitro_call_send_headers(call, before, NULL) &&
        !vitro_call_send(call, (vitro_bytes){ (const uint8_t *)"", 0 }, 0, NULL, NULL))
        vitro_call_finish(call, VITRO_OK, NULL, after, NULL);
    vitro_md_free(before);
    vitro_md_free(after);
}

static void answer(vitro_call *call, void *door)
{
    if (((const struct door *)door)->replies)
        answer_with_metadata(call);
    else
        answer_plainly(call);
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
