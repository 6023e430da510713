/*
 * async_client TARGET - the four kinds of call at the same time, on one loop, by events.
 *
 * A call with events never waits: functions queue, events tell. Events come in turns of the loop,
 * one at a time, and closed is exactly once and always last. The events of a method must outlive
 * its calls: here they live in main.
 */
#include <inttypes.h>
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

struct app {
    int open;  /* calls */
    int wrong; /* of them: not OK */
    int notifications;
};

struct events {
    chat_chat_service_send_message_events send;
    chat_chat_service_get_notifications_events notifications;
    chat_chat_service_upload_files_events upload;
    chat_chat_service_chat_events chat;
};

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct app *app = (struct app *)user;
    vitro_str path = vitro_call_path(call);
    vitro_error err;
    char why[VITRO_ERROR_LINE];

    app->open--;
    if (!vitro_status_error(status, &err))
        return;
    app->wrong++;
    vitro_error_format(&err, why, sizeof why);
    fprintf(stderr, "async_client: %.*s: %s\n", (int)path.len, path.ptr, why);
}

/* ---- what arrives --------------------------------------------------------------------------- */

static void on_response(vitro_call *call, const Chat__MessageResponse *response, void *user)
{
    char id[64];

    (void)call;
    (void)user;
    vitro_escape(vitro_str_of(response->messageid), id, sizeof id);
    printf("SendMessage: %s\n", id);
}

static void on_notification(vitro_call *call, const Chat__Notification *notification, void *user)
{
    (void)call;
    (void)notification;
    ((struct app *)user)->notifications++;
}

static void on_uploaded(vitro_call *call, const Chat__UploadResponse *response, void *user)
{
    (void)call;
    (void)user;
    printf("UploadFiles: %" PRId64 " bytes\n", response->totalsize);
}

/* One word was said: that is enough for this client. */
static void on_said(vitro_call *call, const Chat__ChatMessage *said, void *user)
{
    char text[256];

    (void)user;
    vitro_escape(vitro_str_of(said->text), text, sizeof text);
    printf("Chat: %s\n", text);
    vitro_call_send_end(call, NULL);
}

/* ---- what is asked -------------------------------------------------------------------------- */

/* The call goes on to its end without a reference of ours: closed comes all the same. */
static void begun(struct app *app, vitro_code rc, vitro_call *call)
{
    app->open += rc == VITRO_OK;
    app->wrong += rc != VITRO_OK;
    vitro_call_unref(call);
}

static void send_message(vitro_channel *channel, const struct events *e, struct app *app)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    vitro_call *call;
    char text[] = "from a loop";
    vitro_code rc;

    request.message = text;
    rc = chat_chat_service_send_message_start(&call, channel, &request, NULL, &e->send, app, NULL);
    begun(app, rc, call);
}

static void get_notifications(vitro_channel *channel, const struct events *e, struct app *app)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    vitro_call *call;
    vitro_code rc = chat_chat_service_get_notifications_start(&call, channel, &request, NULL,
                                                              &e->notifications, app, NULL);

    begun(app, rc, call);
}

/* Ten pieces: they wait in the call while there is no connection yet. A real file would be read as
 * on_writable asks for it. */
static void upload_files(vitro_channel *channel, const struct events *e, struct app *app)
{
    static uint8_t piece[1000];
    Chat__FileData data = CHAT__FILE_DATA__INIT;
    vitro_call *call;
    vitro_code rc =
        chat_chat_service_upload_files_start(&call, channel, NULL, &e->upload, app, NULL);

    data.data.data = piece;
    data.data.len = sizeof piece;
    for (int i = 0; i < 10 && !rc; i++) {
        uint32_t flags = i == 9 ? VITRO_SEND_LAST : 0;

        if (chat_chat_service_upload_files_send(call, &data, flags, NULL, NULL)) {
            vitro_call_cancel(call);
            break;
        }
    }
    begun(app, rc, call);
}

static void chat(vitro_channel *channel, const struct events *e, struct app *app)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    vitro_call *call;
    char text[] = "hello";
    vitro_code rc = chat_chat_service_chat_start(&call, channel, NULL, &e->chat, app, NULL);

    message.text = text;
    if (!rc && chat_chat_service_chat_send(call, &message, 0, NULL, NULL))
        vitro_call_cancel(call);
    begun(app, rc, call);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static bool all_closed(void *user)
{
    return ((struct app *)user)->open == 0;
}

static vitro_code run(vitro_loop *loop, vitro_channel *channel, struct app *app, vitro_error *err)
{
    struct events e = {
        CHAT_CHAT_SERVICE_SEND_MESSAGE_EVENTS_INIT,
        CHAT_CHAT_SERVICE_GET_NOTIFICATIONS_EVENTS_INIT,
        CHAT_CHAT_SERVICE_UPLOAD_FILES_EVENTS_INIT,
        CHAT_CHAT_SERVICE_CHAT_EVENTS_INIT,
    };

    e.send.on_message = on_response;
    e.notifications.on_message = on_notification;
    e.upload.on_message = on_uploaded;
    e.chat.on_message = on_said;
    e.send.call.on_closed = e.notifications.call.on_closed = on_closed;
    e.upload.call.on_closed = e.chat.call.on_closed = on_closed;
    send_message(channel, &e, app);
    get_notifications(channel, &e, app);
    upload_files(channel, &e, app);
    chat(channel, &e, app);
    return vitro_loop_run_until(loop, all_closed, app, INT64_MAX, err);
}

int main(int argc, char **argv)
{
    struct app app = { 0, 0, 0 };
    vitro_loop *loop = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_loop_new(&loop, NULL, &err);

    if (!rc)
        rc = vitro_channel_new(&channel, loop, argc > 1 ? argv[1] : "", NULL, &err);
    if (!rc)
        rc = run(loop, channel, &app, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "async_client: %s\n", why);
    } else
        printf("GetNotifications: %d\n", app.notifications);
    vitro_channel_free(channel);
    vitro_loop_unref(loop);
    return rc || app.wrong ? 1 : 0;
}
