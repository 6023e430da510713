/*
 * external_client TARGET TEXT - stubs over protobuf-c code that a project has already.
 *
 * chat.pb-c.[ch] are protoc-c's, as always; protoc-gen-vitro made external/chat.vitro.h with the
 * parameter messages=external, which has stubs and no messages. A message that a stub gives is one
 * block of memory: vitro_pb_free() releases it, protobuf-c's own free_unpacked does not.
 */
#include <stdio.h>
#include <vitro.h>
#include "external/chat.vitro.h"

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
    if (rc) {
        vitro_error_format(&err, line, sizeof line);
        fprintf(stderr, "external_client: %s\n", line);
    } else {
        vitro_escape(vitro_str_of(response->messageid), line, sizeof line);
        puts(line);
        vitro_pb_free(&response->base);
    }
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
