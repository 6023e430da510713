#include "sealed.h"

#include "chat.vitro.h"

vitro_code call_with_credentials(vitro_channel *channel, void *door, vitro_error *err)
{
    const vitro_method *unary = &chat_chat_service_send_message_method;
    vitro_call_credentials *token;
    vitro_code rc = vitro_call_credentials_token(&token, "valid-token", NULL, err);

    if (rc)
        return rc;
    knock(door, channel, unary, token);
    vitro_call_credentials_unref(token);
    return VITRO_OK;
}

vitro_code call_under_tls(struct door *d, vitro_error *err)
{
    static const lesson_sides sides = { door_serve, call_with_credentials };
    vitro_credentials_options server = VITRO_CREDENTIALS_OPTIONS_INIT,
                              client = VITRO_CREDENTIALS_OPTIONS_INIT;
    lesson *l = d->l;
    vitro_code rc;

    server.certificate_file = lesson_file("server.pem");
    server.key_file = lesson_file("server.key");
    client.ca_file = lesson_file("ca.pem");
    d->right = "Bearer valid-token";
    rc = vitro_credentials_server(&l->credentials, &server, err);
    if (!rc)
        rc = vitro_credentials_client(&l->channel.credentials, &client, err);
    if (!rc)
        rc = lesson_stage(l, &sides, d, err);
    vitro_credentials_unref(l->channel.credentials);
    return rc;
}
