/*
 * chat_server TARGET - all four kinds of call, one room for who chats, until SIGINT or SIGTERM.
 *
 * One loop, so that nothing here needs a lock: handlers and events come one at a time. A method
 * with one request has its handler called with it. One with many has it called when the call
 * begins, and says with _serve what happens to that call and what its state is; the state goes with
 * the closed event, which is always the last.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

enum { NOTIFICATIONS = 1000, BEHIND = 100 };

static const int64_t grace_ns = INT64_C(5000000000);

/* What happens to calls that are served, and who is in the room. It outlives the server. */
struct app {
    vitro_call_events feed;
    chat_chat_service_upload_files_handler upload;
    chat_chat_service_chat_handler chat;
    struct member *members;
};

/* The call ends with what went wrong here. */
static void fail(vitro_call *call, const vitro_error *err)
{
    vitro_call_finish(call, err->code, err->frame[0].text, NULL, NULL);
}

static void out_of_memory(vitro_call *call)
{
    vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
}

/* The state of a call goes with it. */
static void state_closed(vitro_call *call, const vitro_status *status, void *user)
{
    (void)call;
    (void)status;
    free(user);
}

/* ---- SendMessage: the answer, with metadata ------------------------------------------------- */

/* x-tenant of the request goes back in the headers of the response. */
static void send_tenant(vitro_call *call)
{
    const vitro_str key = VITRO_STR_INIT("x-tenant");
    vitro_bytes value;
    vitro_md *md;

    if (!vitro_md_get(vitro_call_metadata(call), key, &value))
        return;
    md = vitro_md_new();
    if (md && !vitro_md_add(md, key, value, NULL) && vitro_call_send_headers(call, md, NULL))
        vitro_call_cancel(call);
    vitro_md_free(md);
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    vitro_error err;
    char id[48];

    (void)user;
    (void)request;
    snprintf(id, sizeof id, "msg_%" PRId64, vitro_loop_wall(vitro_call_loop(call)) / 1000000);
    response.success = true;
    response.messageid = id;
    send_tenant(call);
    if (chat_chat_service_send_message_reply(call, &response, &err))
        fail(call, &err);
}

/* ---- GetNotifications: as fast as the client reads ------------------------------------------ */

struct feed {
    int next;
};

/* Until the client is behind: then it has its writable event later. */
static void feed_on(vitro_call *call, void *user)
{
    struct feed *feed = (struct feed *)user;
    Chat__Notification n = CHAT__NOTIFICATION__INIT;
    char id[32], content[64];
    vitro_error err;
    bool more = true;

    n.id = id;
    n.content = content;
    while (more && feed->next < NOTIFICATIONS) {
        snprintf(id, sizeof id, "notif_%d", feed->next);
        snprintf(content, sizeof content, "news number %d", feed->next++);
        if (chat_chat_service_get_notifications_respond(call, &n, &more, &err)) {
            fail(call, &err);
            return;
        }
    }
    if (feed->next == NOTIFICATIONS)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    struct feed *feed = (struct feed *)calloc(1, sizeof *feed);

    (void)request;
    if (!feed) {
        out_of_memory(call);
        return;
    }
    vitro_stub_serve(call, &((struct app *)user)->feed, feed);
    feed_on(call, feed);
}

/* ---- UploadFiles: many requests, then the answer -------------------------------------------- */

struct upload {
    Chat__UploadResponse sum;
    char name[256]; /* of the file that is coming */
};

static void on_piece(vitro_call *call, const Chat__FileData *piece, void *user)
{
    struct upload *u = (struct upload *)user;

    (void)call;
    u->sum.totalsize += (int64_t)piece->data.len;
    if (strncmp(u->name, piece->filename, sizeof u->name - 1) == 0)
        return;
    u->sum.filecount++;
    snprintf(u->name, sizeof u->name, "%s", piece->filename);
}

static void on_all_pieces(vitro_call *call, void *user)
{
    vitro_error err;

    if (chat_chat_service_upload_files_reply(call, &((struct upload *)user)->sum, &err))
        fail(call, &err);
}

static void upload_files(vitro_call *call, void *user)
{
    struct upload *u = (struct upload *)calloc(1, sizeof *u);

    if (!u) {
        out_of_memory(call);
        return;
    }
    chat__upload_response__init(&u->sum);
    chat_chat_service_upload_files_serve(call, &((struct app *)user)->upload, u);
}

/* ---- Chat: what one says, all hear ---------------------------------------------------------- */

struct member {
    struct app *app;
    struct member *next;
    vitro_call *call;
    int waiting; /* messages queued since this one is behind */
};

/* Who does not listen must not make the server keep all that is said. */
static void tell(struct member *m, const Chat__ChatMessage *said)
{
    bool more = true;

    if (m->waiting > BEHIND)
        vitro_call_finish(m->call, VITRO_RESOURCE_EXHAUSTED, "too far behind", NULL, NULL);
    else if (chat_chat_service_chat_respond(m->call, said, &more, NULL))
        vitro_call_cancel(m->call);
    else if (!more)
        m->waiting++;
}

static void on_said(vitro_call *call, const Chat__ChatMessage *said, void *user)
{
    (void)call;
    for (struct member *m = ((struct member *)user)->app->members; m; m = m->next)
        tell(m, said);
}

static void on_member_writable(vitro_call *call, void *user)
{
    (void)call;
    ((struct member *)user)->waiting = 0;
}

static void on_member_end(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void on_member_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct member *gone = (struct member *)user, **at = &gone->app->members;

    (void)call;
    (void)status;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    free(gone);
}

static void chat(vitro_call *call, void *user)
{
    struct app *app = (struct app *)user;
    struct member *m = (struct member *)calloc(1, sizeof *m);

    if (!m) {
        out_of_memory(call);
        return;
    }
    m->call = call;
    m->app = app;
    m->next = app->members;
    app->members = m;
    chat_chat_service_chat_serve(call, &app->chat, m);
}

/* ---- the server ----------------------------------------------------------------------------- */

static void app_init(struct app *app)
{
    const struct app empty = {
        VITRO_CALL_EVENTS_INIT,
        CHAT_CHAT_SERVICE_UPLOAD_FILES_HANDLER_INIT,
        CHAT_CHAT_SERVICE_CHAT_HANDLER_INIT,
        NULL,
    };

    *app = empty;
    app->feed.on_writable = feed_on;
    app->feed.on_closed = state_closed;
    app->upload.on_message = on_piece;
    app->upload.call.on_end = on_all_pieces;
    app->upload.call.on_closed = state_closed;
    app->chat.on_message = on_said;
    app->chat.call.on_end = on_member_end;
    app->chat.call.on_writable = on_member_writable;
    app->chat.call.on_closed = on_member_closed;
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    struct app app;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, &err);

    app_init(&app);
    handlers.send_message = send_message;
    handlers.get_notifications = get_notifications;
    handlers.upload_files = upload_files;
    handlers.chat = chat;
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, &app, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, grace_ns, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "chat_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
