/*
 * 10-metadata-and-token - what a call carries beside its messages; then a token in it: checked by a
 * line in each handler, which two of four lack, and by an interceptor, which none can lack; kept in
 * a cache for longer than it is good; and, at last, under TLS (sealed.c). The service is in door.c,
 * its client in knock.c.
 */
#include "chat.vitro.h"
#include "sealed.h"
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
    knock_add(d, "x-tenant", "blue");
    knock_add(d, "x-tenant", "green");
    knock_add(d, "x-place-bin", "서울");
    knock_add(d, "x-place", "서울");
    knock_add(d, "X-Place", "Seoul");
    knock_add(d, "grpc-status", "0");
}

/* The introduction's cache: metadata is made once, and kept for ever. */
static void call_from_cache(struct door *d, vitro_channel *channel)
{
    d->right = "another-token";
    knock(d, channel, unary, NULL);
    knock(d, channel, unary, NULL);
    vitro_md_clear(d->md);
    knock_add(d, "authorization", d->right);
    knock(d, channel, unary, NULL);
    vitro_md_clear(d->md);
}

/* On the wire a byte for each but the first; as a list, more than the server takes. */
static void call_with_much(struct door *d, vitro_channel *channel)
{
    for (int i = 0; i < 150; i++)
        knock_add(d, "x-much", "of this there is too much");
    knock(d, channel, unary, NULL);
    vitro_md_clear(d->md);
}

/* ---- the scenario --------------------------------------------------------------------------- */

/* The server checks nothing at first; then its handlers do, as far as they think of it. */
static vitro_code call_handlers(vitro_channel *channel, void *door, vitro_error *err)
{
    struct door *d = door;
    vitro_code rc;

    lesson_say(d->l, "lesson: metadata");
    add_metadata(d);
    d->replies = true;
    knock(d, channel, unary, NULL);
    d->replies = false;
    lesson_say(d->l, "lesson: two values, joined");
    rc = knock_joined(d, err);
    lesson_say(d->l, "lesson: the helper, and no token");
    d->helper = true;
    knock_four_times(d, channel, NULL);
    d->helper = false;
    return rc;
}

static vitro_code call_interceptor(vitro_channel *channel, void *door, vitro_error *err)
{
    struct door *d = door;
    vitro_code rc;

    lesson_say(d->l, "lesson: the interceptor, and no token");
    knock_four_times(d, channel, NULL);
    lesson_say(d->l, "lesson: a wrong token");
    knock_four_times(d, channel, "wrong-token");
    lesson_say(d->l, "lesson: the right token");
    knock_four_times(d, channel, "valid-token");
    lesson_say(d->l, "lesson: the token expires");
    call_from_cache(d, channel);
    lesson_say(d->l, "lesson: too much");
    call_with_much(d, channel);
    lesson_say(d->l, "lesson: in letters");
    rc = knock_in_letters(d, err);
    lesson_say(d->l, "lesson: call credentials");
    return rc ? rc : call_with_credentials(channel, d, err);
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
    lesson_say(l, "lesson: the same under TLS");
    if (!rc)
        rc = call_under_tls(&d, err);
    vitro_md_free(d.md);
    return rc;
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
