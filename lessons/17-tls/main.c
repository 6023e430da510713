/*
 * 17-tls - the unary call of 08 under TLS 1.3, then six connections that come to nothing: a
 * certificate for another name, one that has expired, one that is not valid yet, one of an
 * authority that nobody knows, and plain text where TLS is spoken, on either side.
 */
#include "../lesson_stage.h"
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
                                                         .send_message = send_message };

    return chat_chat_service_register(server, &handlers, l, err);
}

/* Show who this server is: a certificate, and the key that only it has. */
static vitro_code certify(lesson *l, const char *certificate, const char *key, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    vitro_credentials_unref(l->credentials);
    l->credentials = NULL;
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

/* ---- the scenario --------------------------------------------------------------------------- */

static const lesson_sides sides = { serve, say_hello };

static vitro_code try_with(lesson *l, const char *what, const char *certificate, const char *key,
                           vitro_error *err)
{
    vitro_code rc = certify(l, certificate, key, err);

    lesson_say(l, "lesson: %s", what);
    return rc ? rc : lesson_stage(l, &sides, l, err);
}

/* One side is under TLS as before, and the other does not know. */
static vitro_code in_plain_text(lesson *l, const char *what, vitro_credentials **plain,
                                vitro_error *err)
{
    vitro_credentials *kept = *plain;
    vitro_code rc;

    *plain = NULL;
    lesson_say(l, "lesson: %s", what);
    rc = lesson_stage(l, &sides, l, err);
    *plain = kept;
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    vitro_code rc = trust(l, err);

    if (!rc)
        rc = try_with(l, "as it should be", "server.pem", "server.key", err);
    if (!rc)
        rc = try_with(l, "another name", "elsewhere.pem", "elsewhere.key", err);
    if (!rc)
        rc = try_with(l, "an expired certificate", "expired.pem", "expired.key", err);
    if (!rc)
        rc = try_with(l, "a certificate that is not valid yet", "early.pem", "early.key", err);
    if (!rc)
        rc = try_with(l, "an unknown authority", "self.pem", "self.key", err);
    if (!rc)
        rc = in_plain_text(l, "a client in plain text", &l->channel.credentials, err);
    if (!rc)
        rc = in_plain_text(l, "a server in plain text", &l->credentials, err);
    vitro_credentials_unref(l->channel.credentials);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
