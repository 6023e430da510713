#include "rpc/keepalive.h"

#include "base/error.h"
#include "frame/frame.h"
#include "rpc/inside.h"

/* ---- our PINGs ------------------------------------------------------------------------------ */

static struct connection *of_timer(struct timer *t)
{
    return CONTAINER_OF(t, struct connection, keepalive.timer);
}

/* Any byte is a sign of life, not only the answer to the PING. */
static int64_t last_heard(const struct connection *c)
{
    return MAX(c->h2.now, c->keepalive.since);
}

static bool is_wanted(const struct connection *c)
{
    return c->config.server || c->open || c->config.keepalive.without_calls;
}

static void ping(struct connection *c)
{
    static const uint8_t payload[8] = { 'k', 'e', 'e', 'p', 'a', 'l', 'i', 'v' };
    const struct keepalive_config *o = &c->config.keepalive;
    struct keepalive *k = &c->keepalive;

    k->pinged = true;
    k->overdue = false;
    k->ping_at = vitro_loop_now(c->driver.loop);
    k->ping_in = c->h2.in;
    vitro_h2_ping(&c->h2, payload);
    vitro_connection_wake(c);
    vitro_timer_start(c->driver.loop, &k->timer, k->ping_at + MIN(o->time, o->timeout));
}

/*
 * At a gate the PING may be held, or its answer at the other end. Under sim the clock stands as
 * long as anything is, so that there a peer which is silent is found out in any case.
 */
static bool is_excused(const struct connection *c)
{
    return vitro_loop_is_held_up(c->driver.loop) && !vitro_loop_sim(c->driver.loop);
}

/*
 * The PING is without an answer: wait on, or give the peer up. Timers come before reading in a
 * turn, and a loop may have stood still: when the time is over there is one turn more.
 */
static void await_answer(struct connection *c)
{
    struct keepalive *k = &c->keepalive;
    int64_t now = vitro_loop_now(c->driver.loop), timeout = c->config.keepalive.timeout;
    vitro_error why;

    if (is_excused(c))
        k->ping_at = now;
    if (now - k->ping_at < timeout || !k->overdue) {
        k->overdue = now - k->ping_at >= timeout;
        vitro_timer_start(c->driver.loop, &k->timer, k->ping_at + timeout);
        return;
    }
    vitro_fail(&why, VITRO_UNAVAILABLE, "keepalive", 0, "nothing came of %s for %d ms after a PING",
               c->peer, (int)(timeout / 1000000));
    vitro_connection_abort(c, &why);
}

/* Whenever a timer is due, or a first stream opened: what is to be done now, and when next. */
static void look(struct connection *c)
{
    struct keepalive *k = &c->keepalive;
    int64_t due = last_heard(c) + c->config.keepalive.time;

    k->pinged = k->pinged && c->h2.in == k->ping_in;
    if (k->pinged)
        await_answer(c);
    else if (!is_wanted(c))
        return; /* vitro_keepalive_used goes on with it */
    else if (due > vitro_loop_now(c->driver.loop))
        vitro_timer_start_background(c->driver.loop, &k->timer, due);
    else
        ping(c);
}

static void on_timer(struct timer *t)
{
    look(of_timer(t));
}

void vitro_keepalive_init(struct connection *c)
{
    vitro_timer_init(&c->keepalive.timer, on_timer);
}

void vitro_keepalive_start(struct connection *c)
{
    c->keepalive.since = vitro_loop_now(c->driver.loop);
    if (c->config.keepalive.time != INT64_MAX)
        look(c);
}

/* A PING that is overdue goes out before the call: it need not wait for the time to pass again. */
void vitro_keepalive_used(struct connection *c)
{
    if (c->config.keepalive.time != INT64_MAX && !timer_running(&c->keepalive.timer))
        look(c);
}

/* ---- those of the client -------------------------------------------------------------------- */

/* What TCP's own keepalive does, too (RFC 1122, 4.2.3.6), is no burden without calls either. */
static const int64_t idle_interval = 7200 * INT64_C(1000000000);

static bool is_too_soon(const struct connection *c, int64_t now)
{
    const struct keepalive_config *o = &c->config.keepalive;
    int64_t interval = c->open || o->without_calls ? o->min_interval : idle_interval;

    return c->keepalive.has_good && now - c->keepalive.good_at < interval;
}

void vitro_keepalive_asked(struct connection *c)
{
    struct keepalive *k = &c->keepalive;
    int64_t now = vitro_loop_now(c->driver.loop);

    if (!c->config.server)
        return;
    if (c->h2.spoke) { /* a client may measure what it gets: HEADERS and DATA forgive all */
        c->h2.spoke = k->has_good = false;
        k->strikes = 0;
    }
    if (!is_too_soon(c, now)) {
        k->has_good = true;
        k->good_at = now;
    } else if (k->strikes++ >= c->config.keepalive.max_strikes) {
        vitro_h2_terminate(&c->h2, H2_ENHANCE_YOUR_CALM, "too_many_pings");
    }
}
