/*
 * stream_client TARGET USER - one request, many responses: read until the end.
 *
 * A reader gives one message at a time, and takes no more from the network than it is asked for:
 * a server that is faster waits (RFC 9113 5.2, flow control). The stream's end is no error; how the
 * call ended, close tells.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static vitro_code print_notifications(vitro_channel *channel, char *user, vitro_error *err)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    Chat__Notification *n;
    chat_chat_service_get_notifications_reader reader;
    char line[256];
    vitro_code rc;

    request.userid = user;
    rc = chat_chat_service_get_notifications(channel, &request, &reader, NULL, err);
    if (rc)
        return rc;
    while (!chat_chat_service_get_notifications_read(&reader, &n, NULL) && n) {
        vitro_escape(vitro_str_of(n->content), line, sizeof line);
        puts(line);
        chat__notification__free_unpacked(n, NULL);
    }
    return chat_chat_service_get_notifications_close(&reader, NULL, err);
}

int main(int argc, char **argv)
{
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", NULL, &err);

    if (!rc)
        rc = print_notifications(channel, argv[argc - 1], &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "stream_client: %s\n", why);
    }
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
