#include "rpc/age.h"

#include "base/error.h"
#include "rpc/inside.h"

static void schedule(struct connection *c)
{
    const struct age_config *o = &c->config.age;
    struct age *a = &c->age;
    int64_t due = a->due;

    if (c->open == 0 && o->idle != INT64_MAX)
        due = MIN(due, a->since + o->idle);
    if (due != INT64_MAX)
        vitro_timer_start_background(c->driver.loop, &a->timer, due);
}

static void cut(struct connection *c)
{
    vitro_error why;

    vitro_fail(&why, VITRO_UNAVAILABLE, "server", 0, "max_connection_age_grace is over");
    vitro_connection_abort(c, &why);
}

/* It may be on its way out already, for another reason. */
static void grow_old(struct connection *c)
{
    c->age.old = true;
    if (c->draining)
        vitro_age_drained(c);
    else
        vitro_connection_drain(c, "max_connection_age", "max_age");
}

/* What was answered last is still on its way, to one who reads it. */
static bool is_sending(struct connection *c)
{
    bool moves = c->driver.sent != c->age.sent && vitro_driver_unsent(&c->driver);

    c->age.sent = c->driver.sent;
    return moves;
}

static void on_timer(struct timer *t)
{
    struct connection *c = CONTAINER_OF(t, struct connection, age.timer);
    const struct age_config *o = &c->config.age;
    int64_t now = vitro_loop_now(c->driver.loop);

    if (c->age.old) {
        cut(c);
    } else if (now >= c->age.due) {
        grow_old(c);
    } else {
        if (c->open == 0 && o->idle != INT64_MAX && now - c->age.since >= o->idle) {
            if (!is_sending(c))
                vitro_connection_drain(c, "max_connection_idle", "max_idle");
            c->age.since = now; /* a stream may be on its way */
        }
        schedule(c);
    }
}

void vitro_age_init(struct connection *c)
{
    vitro_timer_init(&c->age.timer, on_timer);
    c->age.due = INT64_MAX;
}

void vitro_age_start(struct connection *c)
{
    int64_t most = c->config.age.most;
    uint64_t tenth = (uint64_t)most / 10;

    if (!c->config.server)
        return;
    c->age.since = vitro_loop_now(c->driver.loop);
    if (most != INT64_MAX)
        c->age.due = c->age.since + most - (int64_t)tenth +
                     (int64_t)vitro_chance_below(vitro_loop_chance(c->driver.loop), 2 * tenth + 1);
    schedule(c);
}

void vitro_age_unused(struct connection *c)
{
    if (!c->config.server || c->config.age.idle == INT64_MAX || c->age.old)
        return;
    c->age.since = vitro_loop_now(c->driver.loop);
    c->age.sent = c->driver.sent;
    schedule(c);
}

void vitro_age_drained(struct connection *c)
{
    if (c->age.old && c->config.age.grace != INT64_MAX)
        vitro_timer_start(c->driver.loop, &c->age.timer,
                          vitro_loop_now(c->driver.loop) + c->config.age.grace);
}
