/*
 * details_client TARGET USER TEXT - what a status says beside its code and text.
 *
 * A blocking call leaves its trailing metadata in a vitro_reply, on failure too; with events they
 * are in the status that closed brings. The details are in there: by type, or one after the other.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"
#include "google/rpc/error_details.vitro.h"

static const char *clean(const char *text)
{
    static char line[256];

    vitro_escape(vitro_str_of(text), line, sizeof line);
    return line;
}

static void print_types(const vitro_md *trailers)
{
    vitro_str type;

    for (size_t at = 0; vitro_details_at(trailers, at, &type, NULL); at++)
        printf("detail: %.*s\n", (int)type.len, type.ptr);
}

static void print_violations(const vitro_md *trailers)
{
    const ProtobufCMessageDescriptor *type = &google__rpc__bad_request__descriptor;
    ProtobufCMessage *message;
    const Google__Rpc__BadRequest *bad;

    if (vitro_details_get(&message, trailers, type, NULL))
        return; /* there is none, or it cannot be read */
    bad = (const Google__Rpc__BadRequest *)message;
    for (size_t i = 0; i < bad->n_field_violations; i++) {
        printf("%s ", clean(bad->field_violations[i]->field));
        printf("%s\n", clean(bad->field_violations[i]->description));
    }
    vitro_pb_free(message);
}

int main(int argc, char **argv)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc;

    if (argc != 4) {
        fprintf(stderr, "details_client TARGET USER TEXT\n");
        return 2;
    }
    request.userid = argv[2];
    request.message = argv[3];
    options.reply = &reply;
    rc = vitro_channel_new(&channel, NULL, argv[1], NULL, &err);
    if (!rc)
        rc = chat_chat_service_send_message(channel, &request, &response, &options, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "details_client: %s\n", why);
        print_types(reply.trailers);
        print_violations(reply.trailers);
    } else {
        printf("%s\n", clean(response->messageid));
        chat__message_response__free_unpacked(response, NULL);
    }
    vitro_reply_done(&reply);
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
