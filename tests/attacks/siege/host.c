#include "attacks/siege/host.h"

#include <stdio.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "google/protobuf/descriptor.vitro.h"
#include "vitro/credentials.h"
#include "vitro/server.h"

enum { STREAMS = 100 }; /* what a server allows at once, when not told */

/* Handlers from their first event to their last; on the one loop of this process. */
static unsigned running, most;

/* It has nothing to say and does not end by itself. */
static void begin(vitro_call *call, const vitro_md *md, void *user)
{
    (void)call;
    (void)md;
    (void)user;
    running++;
    most = MAX(most, running);
}

static void closed(vitro_call *call, const vitro_status *status, void *user)
{
    (void)call;
    (void)status;
    (void)user;
    running--;
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    (void)request;
    (void)user;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

/* All that it is told is kept, for as long as it takes to answer. */
static void keep(vitro_call *call, const vitro_message *m, void *user)
{
    Google__Protobuf__FileDescriptorSet *files = NULL;
    vitro_error err = { 0 };
    vitro_code rc =
        vitro_pb_unpack((ProtobufCMessage **)&files,
                        &google__protobuf__file_descriptor_set__descriptor, m->bytes, NULL, &err);

    (void)user;
    google__protobuf__file_descriptor_set__free_unpacked(files, NULL);
    vitro_call_finish(call, rc, rc ? err.frame[0].text : NULL, NULL, NULL);
}

static vitro_code add_methods(vitro_server *server, vitro_error *err)
{
    static const vitro_call_events counted = { .size = sizeof counted,
                                               .on_headers = begin,
                                               .on_closed = closed };
    static const vitro_method attacked = { "/chat.ChatService/Chat", VITRO_BIDI_STREAMING, NULL };
    static const chat_chat_service_handlers good = { .size = sizeof good,
                                                     .send_message = send_message };
    static const vitro_call_events keeping = { .size = sizeof keeping, .on_message = keep };
    static const vitro_method kept = { "/attacks.Host/Keep", VITRO_UNARY, NULL };
    vitro_code rc = vitro_server_add(server, &attacked, NULL, &counted, NULL, err);

    if (!rc)
        rc = vitro_server_add(server, &kept, NULL, &keeping, NULL, err);
    return rc ? rc : chat_chat_service_register(server, &good, NULL, err);
}

static vitro_code serve(vitro_server *server, const char *target, vitro_credentials *credentials,
                        vitro_error *err)
{
    char at[128];
    vitro_code rc = add_methods(server, err);

    if (!rc)
        rc = vitro_server_listen_secure(server, target, credentials, at, sizeof at, err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, err);
    return rc;
}

/* serve --listen TARGET [--tls-cert FILE --tls-key FILE] */
int host_main(int argc, char **argv)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *credentials = NULL;
    vitro_server *server = NULL;
    char why[VITRO_ERROR_LINE];
    vitro_error err;
    vitro_code rc = VITRO_OK;

    if (argc > 7) {
        o.certificate_file = argv[5];
        o.key_file = argv[7];
        rc = vitro_credentials_server(&credentials, &o, &err);
    }
    if (!rc)
        rc = vitro_server_new(&server, NULL, 0, NULL, &err);
    if (!rc)
        rc = serve(server, argv[3], credentials, &err);
    vitro_server_free(server);
    vitro_credentials_unref(credentials);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "attacks: host: %s\n", why);
    }
    if (most > STREAMS)
        fprintf(stderr, "attacks: host: %u handlers at once, %d allowed\n", most, STREAMS);
    return rc || running || most > STREAMS;
}
