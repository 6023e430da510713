/*
 * 17-tls - the unary call of 08 under TLS 1.3, then five answers (answers.c) whose lengths tell
 * what they are; and eight connections that come to nothing: for what the certificate says, for
 * plain text where TLS is spoken, and for a side that does not know h2.
 */
#include "../lesson_stage.h"
#include "answers.h"
#include "chat.vitro.h"

/* ---- the server ----------------------------------------------------------------------------- */

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    char id[] = "msg_1";

    lesson_say(user, "server: %s: %s", request->userid, request->message);
    response.success = true;
    response.messageid = id;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be made", NULL, NULL);
}

static vitro_code serve(vitro_server *server, void *l, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = send_message,
                                                         .chat = answers_hear };

    return chat_chat_service_register(server, &handlers, l, err);
}

/* Show who this server is: a certificate, and the key that only it has. */
static vitro_code certify(lesson *l, const char *certificate, const char *key, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    options.certificate_file = lesson_file(certificate);
    options.key_file = lesson_file(key);
    return vitro_credentials_server(&l->credentials, &options, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

/* Whom to believe: only what the lesson's authority has signed. */
static vitro_code trust(lesson *l, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    options.ca_file = lesson_file("ca.pem");
    return vitro_credentials_client(&l->channel.credentials, &options, err);
}

/* A call that fails is what some of this is about: its status is said, and the lesson goes on. */
static vitro_code say_hello(vitro_channel *channel, void *l, vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    char user_id[] = "사용자1", message[] = "안녕하세요!", text[400];
    vitro_code rc;

    request.userid = user_id;
    request.message = message;
    rc = chat_chat_service_send_message(channel, &request, &response, NULL, err);
    if (rc) {
        vitro_error_format(err, text, sizeof text);
        lesson_say(l, "client: %s", text);
        return VITRO_OK;
    }
    lesson_say(l, "client: success, messageId %s", response->messageid);
    chat__message_response__free_unpacked(response, NULL);
    return VITRO_OK;
}

/* A call that comes to something is followed by the answers. */
static vitro_code say_hello_and_answer(vitro_channel *channel, void *l, vitro_error *err)
{
    vitro_code rc = say_hello(channel, l, err);

    return rc ? rc : answers_give(l, channel, err);
}

/* ---- the scenario --------------------------------------------------------------------------- */

enum how { TLS, WITHOUT_H2, PLAIN };

struct attempt {
    const char *what, *certificate, *key;
    enum how client, server;
};

/* A side that does not do as it should. */
static vitro_code change(vitro_credentials **side, enum how how, vitro_error *err)
{
    if (how == WITHOUT_H2)
        return lesson_without_h2(*side, err);
    if (how == PLAIN) {
        vitro_credentials_unref(*side);
        *side = NULL;
    }
    return VITRO_OK;
}

static vitro_code try_it(lesson *l, const struct attempt *a, const lesson_sides *sides,
                         vitro_error *err)
{
    vitro_code rc = certify(l, a->certificate, a->key, err);

    lesson_say(l, "lesson: %s", a->what);
    if (!rc)
        rc = trust(l, err);
    if (!rc)
        rc = change(&l->channel.credentials, a->client, err);
    if (!rc)
        rc = change(&l->credentials, a->server, err);
    if (!rc)
        rc = lesson_stage(l, sides, l, err);
    vitro_credentials_unref(l->channel.credentials);
    vitro_credentials_unref(l->credentials);
    l->channel.credentials = l->credentials = NULL;
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides right = { serve, say_hello_and_answer }, wrong = { serve, say_hello };
    static const struct attempt attempts[] = {
        { "as it should be", "server.pem", "server.key", TLS, TLS },
        { "another name", "elsewhere.pem", "elsewhere.key", TLS, TLS },
        { "an expired certificate", "expired.pem", "expired.key", TLS, TLS },
        { "a certificate that is not valid yet", "early.pem", "early.key", TLS, TLS },
        { "an unknown authority", "self.pem", "self.key", TLS, TLS },
        { "a client in plain text", "server.pem", "server.key", PLAIN, TLS },
        { "a server in plain text", "server.pem", "server.key", TLS, PLAIN },
        { "a client that offers no h2", "server.pem", "server.key", WITHOUT_H2, TLS },
        { "a server that chooses no h2", "server.pem", "server.key", TLS, WITHOUT_H2 },
    };
    vitro_code rc = VITRO_OK;

    for (size_t i = 0; !rc && i < sizeof attempts / sizeof *attempts; i++)
        rc = try_it(l, &attempts[i], i ? &wrong : &right, err);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
