/*
 * 18-mutual-tls - the client shows a certificate, too: the introduction's server, which demands one
 * and trusts nobody's, then one that trusts an authority, and lets one of its clients in.
 */
#include <stdio.h>

#include "../lesson_stage.h"
#include "chat.vitro.h"

/* ---- the server ----------------------------------------------------------------------------- */

/* TLS has proved who the client is. What it may do is for the server to say. */
static bool may_send(vitro_call *call)
{
    const vitro_identity *peer = vitro_call_peer_identity(call);

    return peer && peer->verified && vitro_str_eq(peer->common_name, vitro_str_of("alice"));
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *l)
{
    const vitro_identity *peer = vitro_call_peer_identity(call);
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    char id[] = "msg_1";

    (void)request;
    lesson_say(l, "server: a call by %s", peer ? peer->subject.ptr : "nobody");
    if (!may_send(call)) {
        vitro_call_finish(call, VITRO_PERMISSION_DENIED, "alice only", NULL, NULL);
        return;
    }
    response.success = true;
    response.messageid = id;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static vitro_code serve(vitro_server *server, void *l, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = send_message };

    return chat_chat_service_register(server, &handlers, l, err);
}

/* REQUIRE is the introduction's third argument, `true`; ca_file its first, the root. */
static vitro_code demand(lesson *l, const char *root, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    options.certificate_file = lesson_file("server.pem");
    options.key_file = lesson_file("server.key");
    options.ca_file = lesson_file(root);
    options.client_check = VITRO_CLIENT_CHECK_REQUIRE;
    return vitro_credentials_server(&l->credentials, &options, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

/* Its authority as before; and who it is, if it has a certificate that says so. */
static vitro_code introduce(lesson *l, const char *name, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;
    char certificate[32], key[32];

    options.ca_file = lesson_file("ca.pem");
    if (name) {
        snprintf(certificate, sizeof certificate, "%s.pem", name);
        snprintf(key, sizeof key, "%s.key", name);
        options.certificate_file = lesson_file(certificate);
        options.key_file = lesson_file(key);
    }
    return vitro_credentials_client(&l->channel.credentials, &options, err);
}

/* A call that fails is what much of this is about: its status is said, and the lesson goes on. */
static vitro_code say_hello(vitro_channel *channel, void *l, vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    char user_id[] = "사용자1", message[] = "안녕하세요!", text[VITRO_ERROR_LINE];

    request.userid = user_id;
    request.message = message;
    if (chat_chat_service_send_message(channel, &request, &response, NULL, err)) {
        vitro_error_format(err, text, sizeof text);
        lesson_say(l, "client: %s", text);
        return VITRO_OK;
    }
    lesson_say(l, "client: success, messageId %s", response->messageid);
    chat__message_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

/* ---- the scenario --------------------------------------------------------------------------- */

/* A server that trusts what `root` has signed, and a client that shows what it has. */
struct meeting {
    const char *what, *root, *client;
};

static vitro_code meet(lesson *l, const struct meeting *m, vitro_error *err)
{
    static const lesson_sides sides = { serve, say_hello };
    vitro_code rc = demand(l, m->root, err);

    lesson_say(l, "lesson: %s", m->what);
    if (!rc)
        rc = introduce(l, m->client, err);
    if (!rc)
        rc = lesson_stage(l, &sides, l, err);
    vitro_credentials_unref(l->credentials);
    vitro_credentials_unref(l->channel.credentials);
    l->credentials = l->channel.credentials = NULL;
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const struct meeting meetings[] = {
        { "as the introduction has it", "server.pem", NULL },
        { "the same, and alice has a certificate", "server.pem", "alice" },
        { "the authority is the root", "ca.pem", "alice" },
        { "bob has a certificate, too", "ca.pem", "bob" },
        { "one that has signed itself", "ca.pem", "impostor" },
        { "one that is meant for a server", "ca.pem", "server" },
    };
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; !rc && i < sizeof meetings / sizeof *meetings; i++)
        rc = meet(l, &meetings[i], err);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
