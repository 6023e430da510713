/*
 * chat - ChatService: the four kinds of call, as the introduction's server answers them.
 *
 * GetNotifications: five messages at 1 to 5 s, the end at 6 s; headers leave with the first
 * message. Chat and UploadFiles take the next message when they are done with the last one.
 */
#include <stdlib.h>
#include <string.h>

#include "chat.vitro.h"
#include "serve/serve.h"

enum { NOTIFICATIONS = 5 };

/* ---- SendMessage ---------------------------------------------------------------------------- */

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    char id[SERVE_ID];
    vitro_error err;

    serve_log(user, request->userid, request->message);
    serve_id(call, "msg", id);
    response.success = true;
    response.messageid = id;
    if (chat_chat_service_send_message_reply(call, &response, &err))
        serve_fail(call, &err);
}

/* ---- GetNotifications ----------------------------------------------------------------------- */

struct notices {
    vitro_call *call;
    vitro_alarm *next;
    int64_t due;
    int sent;
    char *content;
};

static void notices_free(struct notices *n)
{
    vitro_alarm_free(n->next);
    free(n->content);
    free(n);
}

static bool notify(struct notices *n)
{
    Chat__Notification notice = CHAT__NOTIFICATION__INIT;
    char id[16], title[32];
    vitro_error err;

    snprintf(id, sizeof id, "notif_%d", n->sent);
    snprintf(title, sizeof title, "알림 %d", n->sent + 1);
    notice.id = id;
    notice.title = title;
    notice.content = n->content;
    n->sent++;
    if (!chat_chat_service_get_notifications_respond(n->call, &notice, NULL, &err))
        return true;
    serve_fail(n->call, &err);
    return false;
}

static void on_second(void *user)
{
    struct notices *n = user;

    if (n->sent == NOTIFICATIONS) {
        vitro_call_finish(n->call, VITRO_OK, NULL, NULL, NULL);
    } else if (notify(n)) {
        n->due += SERVE_SECOND;
        vitro_alarm_set(n->next, n->due);
    }
}

static void on_notices_cancelled(vitro_call *call, void *user)
{
    const struct notices *n = user;

    (void)call;
    vitro_alarm_clear(n->next);
}

static void on_notices_closed(vitro_call *call, const vitro_status *status, void *user)
{
    (void)call;
    (void)status;
    notices_free(user);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_cancelled = on_notices_cancelled,
        .on_closed = on_notices_closed,
    };
    vitro_loop *loop = vitro_call_loop(call);
    struct notices *n = calloc(1, sizeof *n);

    (void)user;
    if (n && asprintf(&n->content, "%s님에게 새로운 메시지가 있습니다.", request->userid) < 0)
        n->content = NULL;
    if (!n || !n->content || vitro_alarm_new(&n->next, loop, on_second, n, NULL)) {
        if (n)
            notices_free(n);
        serve_out_of_memory(call);
        return;
    }
    n->call = call;
    n->due = vitro_loop_now(loop) + SERVE_SECOND;
    vitro_alarm_set(n->next, n->due);
    vitro_stub_serve(call, &events, n);
}

/* ---- UploadFiles: each message is a file ---------------------------------------------------- */

struct upload {
    int32_t files;
    int64_t bytes;
};

static void on_file(vitro_call *call, const Chat__FileData *file, void *state)
{
    struct upload *u = state;

    (void)call;
    u->files++;
    u->bytes += (int64_t)file->data.len;
}

static void on_upload_end(vitro_call *call, void *state)
{
    const struct upload *u = state;
    Chat__UploadResponse response = CHAT__UPLOAD_RESPONSE__INIT;
    vitro_error err;

    response.filecount = u->files;
    response.totalsize = u->bytes;
    if (chat_chat_service_upload_files_reply(call, &response, &err))
        serve_fail(call, &err);
}

static void on_upload_closed(vitro_call *call, const vitro_status *status, void *state)
{
    (void)call;
    (void)status;
    free(state);
}

static void upload_files(vitro_call *call, void *user)
{
    static const chat_chat_service_upload_files_handler handler = {
        .call = { .size = sizeof(vitro_call_events),
                  .on_message = chat_chat_service_upload_files_receive,
                  .on_end = on_upload_end,
                  .on_closed = on_upload_closed },
        .on_message = on_file,
    };
    struct upload *u = calloc(1, sizeof *u);

    (void)user;
    if (u)
        chat_chat_service_upload_files_serve(call, &handler, u);
    else
        serve_out_of_memory(call);
}

/* ---- Chat: each message comes back as an echo ----------------------------------------------- */

static void on_talk(vitro_call *call, const Chat__ChatMessage *message, void *state)
{
    Chat__ChatMessage echo = CHAT__CHAT_MESSAGE__INIT;
    vitro_error err;
    bool more = false;

    serve_log(state, message->userid, message->text);
    echo.userid = serve_text("서버");
    if (asprintf(&echo.text, "에코: %s", message->text) < 0) {
        serve_out_of_memory(call);
        return;
    }
    if (chat_chat_service_chat_respond(call, &echo, &more, &err))
        serve_fail(call, &err);
    free(echo.text);
    if (more)
        vitro_call_credit(call, 1);
}

/* Who does not read its echoes is not read either, until it does. */
static void on_talk_writable(vitro_call *call, void *state)
{
    (void)state;
    vitro_call_credit(call, 1);
}

static void on_talk_end(vitro_call *call, void *state)
{
    (void)state;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void chat(vitro_call *call, void *user)
{
    static const chat_chat_service_chat_handler handler = {
        .call = { .size = sizeof(vitro_call_events),
                  .on_message = chat_chat_service_chat_receive,
                  .on_end = on_talk_end,
                  .on_writable = on_talk_writable },
        .on_message = on_talk,
    };

    chat_chat_service_chat_serve(call, &handler, user);
    vitro_call_hold(call);
    vitro_call_credit(call, 1);
}

/* ---- the service ---------------------------------------------------------------------------- */

vitro_code serve_chat(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = {
        .size = sizeof handlers,
        .send_message = send_message,
        .get_notifications = get_notifications,
        .upload_files = upload_files,
        .chat = chat,
    };

    return chat_chat_service_register(server, &handlers, s, err);
}
