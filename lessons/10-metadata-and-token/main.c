/*
 * 10-metadata-and-token - what a call carries beside its messages; then a token in it: checked by a
 * line in each handler, which two of four lack, and by an interceptor, which none can lack; kept in
 * a cache for longer than it is good; and, at last, under TLS. The service is in door.c.
 */
#include "chat.vitro.h"
#include "door.h"
#include "vitro/interceptor.h"

static const vitro_method *const unary = &chat_chat_service_send_message_method;

/* ---- the server's check --------------------------------------------------------------------- */

/* An interceptor stands before the handlers of all kinds. A call that it ends reaches none. */
static vitro_verdict check_token(vitro_intercept *i, vitro_md *md, void *state)
{
    (void)state;
    if (!door_opens(vitro_intercept_user(i), md))
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    return VITRO_GO_ON;
}

/* ---- the client ----------------------------------------------------------------------------- */

static void add_metadata(struct door *d)
{
    door_add(d, "x-tenant", "blue");
    door_add(d, "x-tenant", "green");
    door_add(d, "x-place-bin", "서울");
    door_add(d, "x-place", "서울");
    door_add(d, "X-Place", "Seoul");
    door_add(d, "grpc-status", "0");
}

/* The introduction's cache: metadata is made once, and kept for ever. */
static void call_from_cache(struct door *d, vitro_channel *channel)
{
    d->right = "another-token";
    door_call(d, channel, unary, NULL);
    door_call(d, channel, unary, NULL);
    vitro_md_clear(d->md);
    door_add(d, "authorization", d->right);
    door_call(d, channel, unary, NULL);
    vitro_md_clear(d->md);
}

/* On the wire a byte for each but the first; as a list, more than the server takes. */
static void call_with_much(struct door *d, vitro_channel *channel)
{
    for (int i = 0; i < 150; i++)
        door_add(d, "x-much", "of this there is too much");
    door_call(d, channel, unary, NULL);
    vitro_md_clear(d->md);
}

/* The library's own way to carry a token: it knows that this is one. */
static vitro_code call_with_credentials(vitro_channel *channel, void *door, vitro_error *err)
{
    vitro_call_credentials *token;
    vitro_code rc = vitro_call_credentials_token(&token, "valid-token", NULL, err);

    if (rc)
        return rc;
    door_call(door, channel, unary, token);
    vitro_call_credentials_unref(token);
    return VITRO_OK;
}

/* ---- the scenario --------------------------------------------------------------------------- */

/* The server checks nothing at first; then its handlers do, as far as they think of it. */
static vitro_code call_handlers(vitro_channel *channel, void *door, vitro_error *err)
{
    struct door *d = door;

    (void)err;
    lesson_say(d->l, "lesson: metadata");
    add_metadata(d);
    door_call(d, channel, unary, NULL);
    lesson_say(d->l, "lesson: the helper, and no token");
    d->helper = true;
    door_knock(d, channel, NULL);
    d->helper = false;
    return VITRO_OK;
}

static vitro_code call_interceptor(vitro_channel *channel, void *door, vitro_error *err)
{
    struct door *d = door;

    lesson_say(d->l, "lesson: the interceptor, and no token");
    door_knock(d, channel, NULL);
    lesson_say(d->l, "lesson: a wrong token");
    door_knock(d, channel, "wrong-token");
    lesson_say(d->l, "lesson: the right token");
    door_knock(d, channel, "valid-token");
    lesson_say(d->l, "lesson: the token expires");
    call_from_cache(d, channel);
    lesson_say(d->l, "lesson: too much");
    call_with_much(d, channel);
    lesson_say(d->l, "lesson: call credentials");
    return call_with_credentials(channel, d, err);
}

/* The same server and client, under TLS. */
static vitro_code call_under_tls(lesson *l, struct door *d, vitro_error *err)
{
    static const lesson_sides sides = { door_serve, call_with_credentials };
    vitro_credentials_options server = VITRO_CREDENTIALS_OPTIONS_INIT,
                              client = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_code rc;

    server.certificate_file = lesson_file("server.pem");
    server.key_file = lesson_file("server.key");
    client.ca_file = lesson_file("ca.pem");
    lesson_say(l, "lesson: the same under TLS");
    d->right = "Bearer valid-token";
    rc = vitro_credentials_server(&l->credentials, &server, err);
    if (!rc)
        rc = vitro_credentials_client(&l->channel.credentials, &client, err);
    if (!rc)
        rc = lesson_stage(l, &sides, d, err);
    vitro_credentials_unref(l->channel.credentials);
    return rc;
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides handlers = { door_serve, call_handlers },
                              interceptor = { door_serve, call_interceptor };
    struct door d = { .l = l, .right = "valid-token", .md = vitro_md_new() };
    vitro_interceptor token = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const checks[] = { &token, NULL };
    vitro_code rc = d.md ? lesson_stage(l, &handlers, &d, err) : VITRO_RESOURCE_EXHAUSTED;

    token.on_start = check_token;
    token.user = &d;
    l->server.interceptors = checks;
    if (!rc)
        rc = lesson_stage(l, &interceptor, &d, err);
    if (!rc)
        rc = call_under_tls(l, &d, err);
    vitro_md_free(d.md);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
