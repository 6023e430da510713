/*
 * chat_client - the introduction's chat client through generated stubs: what node/client.js does,
 * line by line, on the other side of the wire.
 *
 *      0 s   SendMessage and GetNotifications at once
 *      6 s   Chat, two messages; half-closed 3 s later
 *      then  UploadFiles
 *
 * usage: chat_client TARGET     status 0 when all of it came
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chat.vitro.h"

enum { CHAT_AFTER = 6, END_AFTER = 3 };
static const int64_t second = 1000000000;

struct run {
    vitro_loop *loop;
    vitro_channel *channel;
    vitro_alarm *to_chat, *to_end;
    vitro_call *talk;
    int64_t start, headers;
    int replies, notifications, echoes, uploads, ends;
    bool done, failed;
};

static bool is_done(void *user)
{
    return ((struct run *)user)->done;
}

static void fail(struct run *r, const vitro_error *err)
{
    char text[512];

    vitro_error_format(err, text, sizeof text);
    fprintf(stderr, "error: %s\n", text);
    r->failed = r->done = true;
}

/* Every call: its status is OK, or the run has failed. */
static bool ended_well(struct run *r, const vitro_status *status)
{
    if (status->code) {
        fprintf(stderr, "error %d: %.*s\n", status->code, (int)status->message.len,
                status->message.len ? status->message.ptr : "");
        r->failed = r->done = true;
    }
    return !status->code;
}

/* ---- UploadFiles ---------------------------------------------------------------------------- */

static void on_uploaded(vitro_call *call, const Chat__UploadResponse *reply, void *user)
{
    ((struct run *)user)->uploads++;
    printf("upload: fileCount=%" PRId32 " totalSize=%" PRId64 "\n", reply->filecount,
           reply->totalsize);
}

static void on_upload_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct run *r = user;

    ended_well(r, status);
    r->done = true;
}

static const chat_chat_service_upload_files_events upload_events = {
    { .size = sizeof(vitro_call_events),
      .on_message = chat_chat_service_upload_files_deliver,
      .on_closed = on_upload_closed },
    on_uploaded,
};

static vitro_code send_file(vitro_call *call, const char *name, const void *bytes, size_t n,
                            uint32_t flags, vitro_error *err)
{
    Chat__FileData file = CHAT__FILE_DATA__INIT;

    file.filename = (char *)name;
    file.data = (ProtobufCBinaryData){ n, (uint8_t *)bytes };
    return chat_chat_service_upload_files_send(call, &file, flags, NULL, err);
}

static void upload(struct run *r)
{
    static char large[100000];
    static const char hello[] = "안녕하세요!";
    vitro_call *call;
    vitro_error err;

    memset(large, 'v', sizeof large);
    if (chat_chat_service_upload_files_start(&call, r->channel, NULL, &upload_events, r, &err)) {
        fail(r, &err);
        return;
    }
    if (send_file(call, "안녕.txt", hello, strlen(hello), 0, &err) ||
        send_file(call, "empty.bin", "", 0, 0, &err) ||
        send_file(call, "large.bin", large, sizeof large, VITRO_SEND_LAST, &err))
        fail(r, &err);
    vitro_call_unref(call);
}

/* ---- Chat ----------------------------------------------------------------------------------- */

static void on_echo(vitro_call *call, const Chat__ChatMessage *message, void *user)
{
    ((struct run *)user)->echoes++;
    printf("%s: %s\n", message->userid, message->text);
}

static void on_chat_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct run *r = user;

    if (!ended_well(r, status))
        return;
    r->ends++;
    puts("chat: end");
    upload(r);
}

static const chat_chat_service_chat_events chat_events = {
    { .size = sizeof(vitro_call_events),
      .on_message = chat_chat_service_chat_deliver,
      .on_closed = on_chat_closed },
    on_echo,
};

static void on_chat_time(void *user)
{
    static const char *const texts[] = { "안녕하세요!", "반갑습니다!" };
    struct run *r = user;
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    vitro_error err;
    vitro_code rc = chat_chat_service_chat_start(&r->talk, r->channel, NULL, &chat_events, r, &err);

    message.userid = (char *)"사용자1";
    for (int i = 0; i < 2 && !rc; i++) {
        message.text = (char *)texts[i];
        rc = chat_chat_service_chat_send(r->talk, &message, 0, NULL, &err);
    }
    if (rc)
        fail(r, &err);
    else
        vitro_alarm_set(r->to_end, vitro_loop_now(r->loop) + END_AFTER * second);
}

static void on_end_time(void *user)
{
    vitro_call_send_end(((struct run *)user)->talk, NULL);
}

/* ---- SendMessage and GetNotifications ------------------------------------------------------- */

static void on_reply(vitro_call *call, const Chat__MessageResponse *reply, void *user)
{
    ((struct run *)user)->replies++;
    printf("reply: success=%s messageId=%s\n", reply->success ? "true" : "false", reply->messageid);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    ended_well(user, status);
}

static const chat_chat_service_send_message_events message_events = {
    { .size = sizeof(vitro_call_events),
      .on_message = chat_chat_service_send_message_deliver,
      .on_closed = on_closed },
    on_reply,
};

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct run *r = user;

    r->headers = vitro_loop_now(r->loop);
}

static void on_notification(vitro_call *call, const Chat__Notification *n, void *user)
{
    struct run *r = user;

    if (r->notifications++ == 0) {
        int64_t now = vitro_loop_now(r->loop);
        bool good = r->headers - r->start > second * 9 / 10 && now - r->headers < second / 5;
        puts(good ? "notifications: headers with the first message"
                  : "notifications: headers alone");
        r->failed |= !good;
    }
    printf("notification: %s | %s | %s\n", n->id, n->title, n->content);
}

static void on_notifications_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct run *r = user;

    if (!ended_well(r, status))
        return;
    r->ends++;
    puts("notifications: end");
}

static const chat_chat_service_get_notifications_events notification_events = {
    { .size = sizeof(vitro_call_events),
      .on_headers = on_headers,
      .on_message = chat_chat_service_get_notifications_deliver,
      .on_closed = on_notifications_closed },
    on_notification,
};

static vitro_code begin(struct run *r, vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__UserRequest user = CHAT__USER_REQUEST__INIT;
    vitro_call *call;
    vitro_code rc;

    request.userid = user.userid = (char *)"사용자1";
    request.message = (char *)"안녕하세요!";
    r->start = vitro_loop_now(r->loop);
    rc = chat_chat_service_send_message_start(&call, r->channel, &request, NULL, &message_events, r,
                                              err);
    if (rc)
        return rc;
    vitro_call_unref(call);
    rc = chat_chat_service_get_notifications_start(&call, r->channel, &user, NULL,
                                                   &notification_events, r, err);
    if (rc)
        return rc;
    vitro_call_unref(call);
    vitro_alarm_set(r->to_chat, r->start + CHAT_AFTER * second);
    return rc;
}

static vitro_code play(struct run *r, const char *target, vitro_error *err)
{
    vitro_code rc = vitro_loop_new(&r->loop, NULL, err);

    if (!rc)
        rc = vitro_channel_new(&r->channel, r->loop, target, NULL, err);
    if (!rc)
        rc = vitro_alarm_new(&r->to_chat, r->loop, on_chat_time, r, err);
    if (!rc)
        rc = vitro_alarm_new(&r->to_end, r->loop, on_end_time, r, err);
    if (!rc)
        rc = begin(r, err);
    if (!rc)
        rc = vitro_loop_run_until(r->loop, is_done, r, INT64_MAX, err);
    vitro_alarm_free(r->to_chat);
    vitro_alarm_free(r->to_end);
    vitro_call_unref(r->talk);
    vitro_channel_free(r->channel);
    vitro_loop_unref(r->loop);
    return rc;
}

int main(int argc, char **argv)
{
    struct run r = { .failed = false };
    vitro_error err;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fputs("usage: chat_client TARGET\n", stderr);
        return 2;
    }
    if (play(&r, argv[1], &err))
        fail(&r, &err);
    return r.failed || r.replies != 1 || r.notifications != 5 || r.echoes != 2 || r.ends != 2 ||
           r.uploads != 1;
}
