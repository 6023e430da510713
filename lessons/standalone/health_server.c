/*
 * health_server TARGET - a server that says whether it serves, and what.
 *
 * Load balancers and orchestrators ask grpc.health.v1 whether to send calls here; tools without a
 * .proto ask grpc.reflection what there is. Both are one line before the server listens. The
 * application gives each service its status, and changes it as things change: here a message that
 * says "closed" or "open". A drain makes all of them NOT_SERVING by itself.
 */
#include <stdio.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

static const char service[] = "chat.ChatService";

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    vitro_health *health = *(vitro_health **)user;
    vitro_error err;

    if (!strcmp(request->message, "closed"))
        vitro_health_set(health, service, VITRO_HEALTH_NOT_SERVING, NULL);
    else if (!strcmp(request->message, "open"))
        vitro_health_set(health, service, VITRO_HEALTH_SERVING, NULL);
    response.messageid = request->message;
    if (chat_chat_service_send_message_reply(call, &response, &err))
        vitro_call_finish(call, err.code, err.frame[0].text, NULL, NULL);
}

static vitro_code register_all(vitro_server *server, const chat_chat_service_handlers *handlers,
                               vitro_health **health, vitro_error *err)
{
    vitro_code rc = chat_chat_service_register(server, handlers, health, err);

    if (!rc)
        rc = vitro_health_register(health, server, err);
    if (!rc)
        rc = vitro_health_set(*health, service, VITRO_HEALTH_SERVING, err);
    return rc ? rc : vitro_reflection_register(server, err);
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_health *health;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, &err);

    handlers.send_message = send_message;
    if (!rc)
        rc = register_all(server, &handlers, &health, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "health_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
