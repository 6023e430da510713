/*
 * unary_client TARGET TEXT - one request, one response, waiting for it.
 *
 * A channel is a target and, once a call needs it, a connection. It makes a loop of its own when
 * none is given, and a blocking call drives that loop: nothing else runs in this program. The
 * message's struct and the function that makes the call are in chat.vitro.h, which
 * protoc-gen-vitro made of chat.proto. On failure err holds the status of the call and its causes.
 * What a peer says may hold anything: vitro_escape() makes a line of it that a terminal can show.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

int main(int argc, char **argv)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    char line[VITRO_ERROR_LINE];
    vitro_code rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", NULL, &err);

    request.message = argv[argc - 1];
    if (!rc)
        rc = chat_chat_service_send_message(channel, &request, &response, NULL, &err);
    if (rc)
        vitro_error_format(&err, line, sizeof line);
    else
        vitro_escape(vitro_str_of(response->messageid), line, sizeof line);
    fprintf(rc ? stderr : stdout, "%s%s\n", rc ? "unary_client: " : "", line);
    chat__message_response__free_unpacked(response, NULL);
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
