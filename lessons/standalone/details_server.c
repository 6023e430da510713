/*
 * details_server TARGET - a status that says which fields of a request are wrong.
 *
 * Beside its code and text a status carries messages: google.rpc.BadRequest here, from the .proto
 * files that come with vitro, or any other. They travel as trailing metadata, so they are short.
 * No method names their types: tools that have no .proto are told of them by reflection.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"
#include "google/rpc/error_details.vitro.h"

typedef Google__Rpc__BadRequest__FieldViolation violation;

static char is_missing[] = "is missing", user_id[] = "userId", text[] = "message";

static void refuse(vitro_call *call, violation **violations, size_t n)
{
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    const ProtobufCMessage *const details[] = { &bad.base };
    vitro_error err;

    bad.n_field_violations = n;
    bad.field_violations = violations;
    if (vitro_call_finish_details(call, VITRO_INVALID_ARGUMENT, "a field is missing", details, 1,
                                  NULL, &err))
        vitro_call_finish(call, err.code, err.frame[0].text, NULL, NULL);
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    violation wrong[2] = { GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT,
                           GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT };
    violation *list[2] = { &wrong[0], &wrong[1] };
    size_t n = 0;

    (void)user;
    wrong[0].description = wrong[1].description = is_missing;
    if (!*request->userid)
        wrong[n++].field = user_id;
    if (!*request->message)
        wrong[n++].field = text;
    response.messageid = request->message;
    if (n)
        refuse(call, list, n);
    else if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, &err);

    handlers.send_message = send_message;
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, NULL, &err);
    if (!rc)
        rc = vitro_reflection_register(server, &err);
    if (!rc)
        rc = vitro_reflection_add(server, &google_rpc_error__details_proto_file, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "details_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
