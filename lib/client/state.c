/*
 * state - the connectivity of a channel as the application sees it: what it is, that it changes,
 * and that a channel which nobody uses gives its connection up
 * (connectivity-semantics-and-api.md).
 */
#include "client/channel.h"

#include "base/error.h"
#include "rpc/defaults.h"

/* ---- changes -------------------------------------------------------------------------------- */

/* One who waits for another state than the one it has seen. */
struct state_wait {
    struct await await;
    struct list link;
    struct timer timeout;
    vitro_channel *channel;
    vitro_channel_state last, now;
    int64_t timeout_ns;
};

static void end_wait(struct state_wait *w)
{
    w->now = (vitro_channel_state)w->channel->state;
    list_remove(&w->link);
    vitro_timer_stop(w->channel->loop, &w->timeout);
}

static void tell_waits(vitro_channel *ch)
{
    for (struct list *i = ch->waits.next, *next; i != &ch->waits; i = next) {
        struct state_wait *w = CONTAINER_OF(i, struct state_wait, link);
        next = i->next;
        if (!channel_is(ch, w->last)) {
            end_wait(w);
            vitro_await_done(&w->await);
        }
    }
}

static void on_tell(struct task *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, tell);

    tell_waits(ch);
    if (ch->told != ch->state) {
        ch->told = ch->state;
        if (ch->on_state)
            ch->on_state((vitro_channel_state)ch->told, ch->state_user);
    }
    vitro_channel_shrunk(ch); /* to tell may have been the last that it was kept for */
}

/* ---- idleness ------------------------------------------------------------------------------- */

static int64_t idle_ns(const vitro_channel *ch)
{
    return option_ns(ch->options.idle_timeout_ms);
}

/* Its connection is left, or never opened; the next call begins anew. */
static void become_idle(vitro_channel *ch)
{
    struct connection *c = ch->ready;

    vitro_channel_cancel_connect(ch);
    ch->ready = NULL;
    if (c) {
        channel_was_of_use(ch); /* it could have been: to leave is this side's own choice */
        vitro_connection_drain(c, "there was no call for the idle timeout", NULL);
    }
    vitro_channel_set_state(ch, VITRO_CHANNEL_IDLE);
}

static void on_idle(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, idle);
    int64_t now = vitro_loop_now(ch->loop),
            since = list_empty(&ch->calls_open) ? ch->last_call : now;

    if (now - since >= idle_ns(ch))
        become_idle(ch);
    else
        vitro_timer_start_background(ch->loop, t, since + idle_ns(ch));
}

void vitro_channel_call_over(vitro_channel *ch)
{
    ch->last_call = vitro_loop_now(ch->loop);
}

/* ---- the state ------------------------------------------------------------------------------ */

void vitro_channel_init_state(vitro_channel *ch)
{
    list_init(&ch->waits);
    vitro_task_init(&ch->tell, on_tell);
    vitro_timer_init(&ch->idle, on_idle);
}

void vitro_channel_set_state(vitro_channel *ch, vitro_channel_state state)
{
    if (channel_is(ch, state) || channel_is(ch, VITRO_CHANNEL_SHUTDOWN))
        return;
    if (channel_is(ch, VITRO_CHANNEL_IDLE) && state != VITRO_CHANNEL_SHUTDOWN &&
        idle_ns(ch) != INT64_MAX) {
        ch->last_call = vitro_loop_now(ch->loop);
        vitro_timer_start_background(ch->loop, &ch->idle, ch->last_call + idle_ns(ch));
    }
    __atomic_store_n(&ch->state, (uint32_t)state, __ATOMIC_RELEASE);
    if (state == VITRO_CHANNEL_IDLE || state == VITRO_CHANNEL_SHUTDOWN)
        vitro_timer_stop(ch->loop, &ch->idle);
    vitro_loop_defer(ch->loop, &ch->tell);
}

bool vitro_channel_is_awaited(const vitro_channel *ch)
{
    return !list_empty(&ch->waiting) || !list_empty(&ch->waits);
}

/* ---- what the application asks for ---------------------------------------------------------- */

const char *vitro_channel_state_name(vitro_channel_state state)
{
    static const char *const names[] = { "IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE",
                                         "SHUTDOWN" };

    return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

vitro_channel_state vitro_channel_get_state(const vitro_channel *ch)
{
    return (vitro_channel_state)__atomic_load_n(&ch->state, __ATOMIC_ACQUIRE);
}

void vitro_channel_watch(vitro_channel *ch, void (*on_state)(vitro_channel_state state, void *user),
                         void *user)
{
    LOOP_ASSERT(ch->loop);
    ch->on_state = on_state;
    ch->state_user = user;
    ch->told = ch->state;
}

/* Something to be done on the loop of the channel, by whichever thread. */
struct order {
    struct await await;
    vitro_channel *channel;
    void (*act)(vitro_channel *ch);
};

static void start_order(struct await *a)
{
    struct order *o = CONTAINER_OF(a, struct order, await);

    o->act(o->channel);
    vitro_await_done(a);
}

static void order(vitro_channel *ch, void (*act)(vitro_channel *ch))
{
    struct order o = { .channel = ch, .act = act };

    if (vitro_loop_mine(ch->loop))
        act(ch);
    else
        (void)vitro_loop_await(ch->loop, &o.await, start_order, NULL, NULL);
}

static void ask_to_connect(vitro_channel *ch)
{
    ch->wanted = true;
    vitro_channel_wake(ch);
}

void vitro_channel_connect(vitro_channel *ch)
{
    order(ch, ask_to_connect);
}

static void forget_failures(vitro_channel *ch)
{
    channel_was_of_use(ch);
    if (timer_running(&ch->backoff))
        vitro_timer_start(ch->loop, &ch->backoff, vitro_loop_now(ch->loop));
}

void vitro_channel_reset_backoff(vitro_channel *ch)
{
    order(ch, forget_failures);
}

static void on_wait_timeout(struct timer *t)
{
    struct state_wait *w = CONTAINER_OF(t, struct state_wait, timeout);

    end_wait(w);
    vitro_await_done(&w->await);
}

static void start_wait(struct await *a)
{
    struct state_wait *w = CONTAINER_OF(a, struct state_wait, await);
    vitro_channel *ch = w->channel;

    vitro_timer_init(&w->timeout, on_wait_timeout);
    list_append(&ch->waits, &w->link);
    if (w->timeout_ns)
        vitro_timer_start(ch->loop, &w->timeout, loop_after(ch->loop, w->timeout_ns));
    vitro_loop_defer(ch->loop, &ch->tell); /* it may be another one already */
    vitro_channel_wake(ch);                /* and what comes next is awaited now */
}

static void abandon_wait(struct await *a)
{
    end_wait(CONTAINER_OF(a, struct state_wait, await));
}

vitro_code vitro_channel_wait(vitro_channel *ch, vitro_channel_state last, int64_t timeout_ns,
                              vitro_channel_state *now, vitro_error *err)
{
    struct state_wait w = { .channel = ch, .last = last, .now = last, .timeout_ns = timeout_ns };
    vitro_code rc = vitro_loop_await(ch->loop, &w.await, start_wait, abandon_wait, err);

    if (now)
        *now = rc == VITRO_OK ? w.now : vitro_channel_get_state(ch);
    if (rc == VITRO_OK && w.now == last)
        rc = vitro_fail(err, VITRO_DEADLINE_EXCEEDED, "channel", 0, "it is %s still",
                        vitro_channel_state_name(last));
    return rc;
}
