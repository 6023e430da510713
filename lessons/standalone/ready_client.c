/*
 * ready_client TARGET - the states of a channel, and a call that waits for its server.
 *
 * A channel connects by itself, with the first call, and tries again after longer and longer
 * pauses while nobody can be reached. A call fails at once then, or it waits for a connection
 * until its deadline: that is an option of the call. How the channel stands can be watched.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static void on_state(vitro_channel_state state, void *user)
{
    (void)user;
    printf("channel: %s\n", vitro_channel_state_name(state));
    fflush(stdout);
}

static int failed(const char *what, const vitro_error *err)
{
    char why[VITRO_ERROR_LINE];

    vitro_error_format(err, why, sizeof why);
    fprintf(stderr, "ready_client: %s: %s\n", what, why);
    return 1;
}

/* Connect without a call, and wait until that has come to something. */
static int connect_first(vitro_channel *channel)
{
    vitro_channel_state state = vitro_channel_get_state(channel);
    vitro_error err;

    vitro_channel_connect(channel);
    while (state == VITRO_CHANNEL_IDLE || state == VITRO_CHANNEL_CONNECTING) {
        if (vitro_channel_wait(channel, state, INT64_C(5000000000), &state, &err))
            return failed("wait", &err);
    }
    return 0;
}

static int call(vitro_channel *channel)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;

    options.wait_for_ready = true;
    options.timeout_ns = INT64_C(20000000000);
    if (chat_chat_service_send_message(channel, &request, &response, &options, &err))
        return failed("call", &err);
    printf("call: OK\n");
    chat__message_response__free_unpacked(response, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel;
    vitro_error err;
    int status;

    options.initial_reconnect_backoff_ms = 100; /* the server is about to begin */
    if (vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", &options, &err))
        return failed("channel", &err);
    vitro_channel_watch(channel, on_state, NULL);
    status = connect_first(channel);
    if (!status)
        status = call(channel);
    vitro_channel_free(channel);
    return status;
}
