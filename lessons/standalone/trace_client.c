/*
 * trace_client TARGET FILE - a call whose bytes stay in a file: vitro inspect and Wireshark open
 * it.
 *
 * Any program writes a trace when VITRO_TRACE=file:FILE stands in its environment. Here the program
 * asks for it, for this channel alone, and says something in it.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static vitro_code call_traced(const char *target, vitro_trace *trace, vitro_error *err)
{
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    vitro_channel *channel = NULL;
    char text[] = "watch me";
    vitro_code rc;

    options.trace = trace;
    request.message = text;
    rc = vitro_channel_new(&channel, NULL, target, &options, err);
    if (!rc) {
        vitro_trace_say(trace, "calling %s", target);
        rc = chat_chat_service_send_message(channel, &request, &response, NULL, err);
    }
    chat__message_response__free_unpacked(response, NULL);
    vitro_channel_free(channel);
    return rc;
}

int main(int argc, char **argv)
{
    vitro_trace *trace = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE], sink[1024];
    vitro_code rc;

    snprintf(sink, sizeof sink, "file:%s", argc > 2 ? argv[2] : "trace.pcapng");
    rc = vitro_trace_open(&trace, sink, NULL, &err);
    if (!rc)
        rc = call_traced(argc > 1 ? argv[1] : "", trace, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "trace_client: %s\n", why);
    }
    vitro_trace_unref(trace); /* the last reference flushes and closes the file */
    return rc ? 1 : 0;
}
