/*
 * unary_server TARGET - serves SendMessage until SIGINT or SIGTERM.
 *
 * A handler answers at once or later, with the reply or with another status; the library keeps the
 * call until it is closed. A method without a handler is UNIMPLEMENTED. The server makes a loop of
 * its own when none is given, and vitro_server_run() drives it. Port 0 of a target takes a free
 * port; `at` says which.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    response.messageid = *request->message ? request->message : (char *)user;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE], nothing[] = "(nothing)";
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, &err);

    handlers.send_message = send_message;
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, nothing, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "unary_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
