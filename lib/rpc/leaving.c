/*
 * leaving - a connection that takes no new streams: because this side says so, or the peer. Those
 * that are open go on to their end (RFC 9113, 6.8).
 */
#include "base/error.h"
#include "base/text.h"
#include "frame/frame.h"
#include "rpc/inside.h"

static const int64_t announce_ns = 5000000000; /* for the peer to answer that it knows of a drain */

static struct connection *of_h2(struct h2_session *h)
{
    return CONTAINER_OF(h, struct connection, h2);
}

void vitro_connection_close_when_idle(struct connection *c)
{
    if (c->draining && c->open == 0)
        vitro_driver_close(&c->driver, true, NULL);
}

/* ---- the peer leaves ------------------------------------------------------------------------ */

static void set_reason(struct connection *c, uint32_t error, vitro_bytes debug)
{
    struct text t;

    if (c->left_with)
        return;
    c->left_with = error;
    vitro_text_init(&t, c->left_saying, sizeof c->left_saying);
    vitro_text_escape(&t, (vitro_str){ (const char *)debug.ptr, debug.len });
}

const vitro_error *vitro_connection_why(const struct connection *c, vitro_error *room)
{
    const char *name = vitro_frame_error_name(c->left_with);

    if (!c->left_with)
        return c->why;
    vitro_fail(room, VITRO_UNAVAILABLE, "http2", (int32_t)c->left_with, "the peer left with %s%s%s",
               name ? name : "an error", c->left_saying[0] ? ": " : "", c->left_saying);
    return room;
}

void vitro_leaving_goaway(struct h2_session *h, int32_t last_id, uint32_t error, vitro_bytes debug)
{
    struct connection *c = of_h2(h);

    (void)last_id; /* streams above it are closed by the session, as refused */
    if (c->config.server)
        return; /* the client is leaving; its open calls go on */
    c->draining = true;
    set_reason(c, error, debug);
    c->ops->goaway(c, error, debug);
    vitro_connection_close_when_idle(c);
}

/* ---- this side leaves ----------------------------------------------------------------------- */

/* The streams that are here are the last: say so. */
static void begin_drain(struct connection *c)
{
    vitro_timer_stop(c->driver.loop, &c->announced);
    c->announcing = false;
    if (c->draining)
        return;
    c->draining = true;
    vitro_h2_drain(&c->h2, c->farewell);
    vitro_driver_wake(&c->driver);
    vitro_age_drained(c);
    vitro_connection_close_when_idle(c);
}

void vitro_leaving_announced(struct h2_session *h)
{
    begin_drain(of_h2(h));
}

static void on_announce_timeout(struct timer *t)
{
    begin_drain(CONTAINER_OF(t, struct connection, announced));
}

static void announce(struct connection *c)
{
    vitro_loop *loop = c->driver.loop;

    c->announcing = true;
    vitro_h2_announce_drain(&c->h2);
    vitro_driver_wake(&c->driver);
    vitro_timer_start(loop, &c->announced, vitro_loop_now(loop) + announce_ns);
}

void vitro_connection_drain(struct connection *c, const char *why, const char *debug)
{
    if (c->draining || c->announcing)
        return;
    vitro_note(c->config.trace, drain, .at = vitro_connection_at(c), .reason = vitro_str_of(why));
    c->farewell = debug;
    if (c->config.server)
        announce(c);
    else
        begin_drain(c);
}

void vitro_leaving_init(struct connection *c)
{
    vitro_timer_init(&c->announced, on_announce_timeout);
}
