/*
 * token_server TARGET - all four kinds of call, none of them without the right token.
 *
 * An interceptor sees each call before its handler does. This one looks for the token in the
 * metadata and ends the call when it is not there: its handler never hears of it. A check that has
 * to ask somebody returns VITRO_SUSPEND, and vitro_intercept_resume() or vitro_intercept_end()
 * later.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static vitro_verdict check_token(vitro_intercept *i, vitro_md *md, void *state)
{
    const vitro_str key = VITRO_STR_INIT("authorization"), right = VITRO_STR_INIT("valid-token");
    vitro_bytes value;
    vitro_str token = VITRO_STR_INIT("");

    (void)state;
    if (vitro_md_get(md, key, &value)) {
        token.ptr = (const char *)value.ptr;
        token.len = value.len;
    }
    if (!vitro_str_eq(token, right))
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    return VITRO_GO_ON;
}

/* ---- the handlers, which need not know of it ------------------------------------------------ */

static void say(vitro_call *call)
{
    vitro_str path = vitro_call_path(call);

    printf("handles %.*s\n", (int)path.len, path.ptr);
    fflush(stdout);
}

static void finish(vitro_call *call, vitro_code rc)
{
    vitro_call_finish(call, rc, NULL, NULL, NULL);
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    vitro_error err;

    (void)user;
    say(call);
    response.messageid = request->message;
    if (chat_chat_service_send_message_reply(call, &response, &err))
        finish(call, err.code);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    Chat__Notification n = CHAT__NOTIFICATION__INIT;

    (void)user;
    say(call);
    n.content = request->userid;
    finish(call, chat_chat_service_get_notifications_respond(call, &n, NULL, NULL));
}

static void all_uploaded(vitro_call *call, void *user)
{
    Chat__UploadResponse response = CHAT__UPLOAD_RESPONSE__INIT;
    vitro_error err;

    (void)user;
    if (chat_chat_service_upload_files_reply(call, &response, &err))
        finish(call, err.code);
}

static void upload_files(vitro_call *call, void *user)
{
    static chat_chat_service_upload_files_handler upload =
        CHAT_CHAT_SERVICE_UPLOAD_FILES_HANDLER_INIT;

    say(call);
    upload.call.on_end = all_uploaded;
    chat_chat_service_upload_files_serve(call, &upload, user);
}

static void on_said(vitro_call *call, const Chat__ChatMessage *said, void *user)
{
    (void)user;
    if (chat_chat_service_chat_respond(call, said, NULL, NULL))
        vitro_call_cancel(call);
}

static void all_said(vitro_call *call, void *user)
{
    (void)user;
    finish(call, VITRO_OK);
}

static void chat(vitro_call *call, void *user)
{
    static chat_chat_service_chat_handler echo = CHAT_CHAT_SERVICE_CHAT_HANDLER_INIT;

    say(call);
    echo.on_message = on_said;
    echo.call.on_end = all_said;
    chat_chat_service_chat_serve(call, &echo, user);
}

/* ---- the server ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    vitro_interceptor token = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const checks[] = { &token, NULL };
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_server_options options = VITRO_SERVER_OPTIONS_INIT;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc;

    token.on_start = check_token;
    options.interceptors = checks;
    handlers.send_message = send_message;
    handlers.get_notifications = get_notifications;
    handlers.upload_files = upload_files;
    handlers.chat = chat;
    rc = vitro_server_new(&server, NULL, 0, &options, &err);
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, NULL, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "token_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
