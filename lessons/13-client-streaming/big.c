#include "big.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chat.vitro.h"

struct upload {
    lesson *l;
    const struct big *big;
    uint8_t *data;
    int queued;
    bool over;
};

/* Queue messages until the server is behind. */
static void send_on(vitro_call *call, struct upload *u)
{
    Chat__FileData file = CHAT__FILE_DATA__INIT;
    char name[] = "big.bin";
    bool more = true;

    file.filename = name;
    file.data = (ProtobufCBinaryData){ u->big->size, u->data };
    while (more && u->queued < u->big->count) {
        uint32_t flags = u->queued + 1 == u->big->count ? VITRO_SEND_LAST : 0;
        if (chat_chat_service_upload_files_send(call, &file, flags, &more, NULL))
            return;
        lesson_say(u->l, "client: message %d is queued, %s", ++u->queued,
                   more ? "and there is room" : "and the server is behind");
    }
}

/* What was queued has left. */
static void on_writable(vitro_call *call, void *upload)
{
    send_on(call, upload);
}

static void on_response(vitro_call *call, const Chat__UploadResponse *response, void *upload)
{
    const struct upload *u = upload;

    (void)call;
    lesson_say(u->l, "upload: fileCount=%" PRId32 " totalSize=%" PRId64, response->filecount,
               response->totalsize);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *upload)
{
    struct upload *u = upload;

    (void)call;
    u->over = true;
    lesson_say(u->l, "closed: %s%s%.*s", vitro_code_name((int)status->code),
               status->message.len ? ", " : "", (int)status->message.len, status->message.ptr);
}

static bool is_over(void *upload)
{
    return ((const struct upload *)upload)->over;
}

static const chat_chat_service_upload_files_events events = {
    .call = { .size = sizeof events.call,
              .on_message = chat_chat_service_upload_files_deliver,
              .on_writable = on_writable,
              .on_closed = on_closed },
    .on_message = on_response,
};

vitro_code big_upload(lesson *l, vitro_channel *channel, const struct big *big, vitro_error *err)
{
    struct upload u = { .l = l, .big = big, .data = malloc(big->size) };
    vitro_call *call;
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    if (u.data) {
        memset(u.data, 'v', big->size);
        rc = chat_chat_service_upload_files_start(&call, channel, NULL, &events, &u, err);
    }
    if (!rc) {
        send_on(call, &u);
        rc = vitro_loop_run_until(l->loop, is_over, &u, INT64_MAX, err);
        vitro_call_unref(call);
    }
    free(u.data);
    return rc;
}
