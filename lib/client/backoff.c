/*
 * backoff - when a channel that could not connect tries again, and what becomes of the calls
 * meanwhile (connection-backoff.md, wait-for-ready.md).
 */
#include "client/channel.h"

#include "base/error.h"
#include "client/call.h"

/* From the beginning of one attempt to that of the next: times 1.6 each, +-20 %. */
static int64_t delay(vitro_channel *ch)
{
    const uint64_t most = (uint64_t)ch->options.max_reconnect_backoff_ms * 1000000;
    uint64_t ns = (uint64_t)ch->options.initial_reconnect_backoff_ms * 1000000;

    for (unsigned i = 1; i < ch->failures && ns < most; i++)
        ns = ns * 16 / 10;
    ns = MIN(ns, most);
    return (int64_t)(ns * 8 / 10 +
                     vitro_chance_below(vitro_loop_chance(ch->loop), ns * 4 / 10 + 1));
}

/* While nobody waits for it, a world under sim need not. */
static void set_timer(vitro_channel *ch, int64_t due)
{
    (vitro_channel_is_awaited(ch) ? vitro_timer_start
                                  : vitro_timer_start_background)(ch->loop, &ch->backoff, due);
}

/* How long it is until the next attempt may begin; 0: not at all. */
static int64_t time_left(vitro_channel *ch)
{
    int64_t left = ch->failures ? ch->began + delay(ch) - vitro_loop_now(ch->loop) : 0;

    return MAX(left, (int64_t)0);
}

static void try_later(vitro_channel *ch, int64_t left)
{
    set_timer(ch, vitro_loop_now(ch->loop) + left);
    if (left)
        vitro_note(ch->trace, backoff, .target = vitro_str_of(ch->target_text),
                   .state = vitro_channel_state_name((vitro_channel_state)ch->state),
                   .duration = left);
}

static void on_backed_off(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, backoff);

    vitro_loop_next_turn(ch->loop, &ch->first_turn);
    vitro_channel_try(ch);
}

static void on_first_turn(struct task *t)
{
    (void)t; /* it no longer waits: that is all */
}

void vitro_channel_init_backoff(vitro_channel *ch)
{
    vitro_timer_init(&ch->backoff, on_backed_off);
    vitro_task_init(&ch->first_turn, on_first_turn);
}

static void fail(vitro_channel *ch, const vitro_error *why)
{
    ch->failure = *why;
    vitro_wrap(&ch->failure, VITRO_UNAVAILABLE, "channel", "no connection to %s", ch->target_text);
    ch->trying = false;
    vitro_channel_set_state(ch, VITRO_CHANNEL_TRANSIENT_FAILURE);
    vitro_channel_fail_fast(ch);
}

/*
 * Who was sent away once may have met a server at its end, and another one is behind the same name:
 * the calls wait for it. Who is sent away each time would wait for ever: calls wait as long as they
 * would for one attempt to connect, or until a server leaves with an error, or without a word.
 */
void vitro_channel_leave_idle(vitro_channel *ch)
{
    int64_t left = time_left(ch);

    if (left && ch->in_vain > 1 && vitro_loop_now(ch->loop) >= ch->patient_until)
        fail(ch, &ch->last_error);
    else
        vitro_channel_set_state(ch, VITRO_CHANNEL_CONNECTING);
    if (left)
        try_later(ch, left);
    else
        vitro_channel_try(ch);
}

void vitro_channel_give_up(vitro_channel *ch, const vitro_error *why)
{
    fail(ch, why);
    try_later(ch, time_left(ch));
}

/*
 * A loop that only blocking calls drive stands still between them: then an attempt that was due
 * long ago begins in the very turn of the call, which waits for it rather than hear old news.
 */
static bool is_old_news(const vitro_channel *ch)
{
    return ch->trying && task_waiting(&ch->first_turn);
}

void vitro_channel_fail_fast(vitro_channel *ch)
{
    struct list failing, *i, *next;

    if (is_old_news(ch))
        return;
    list_init(&failing);
    for (i = ch->waiting.next; i != &ch->waiting; i = next) {
        next = i->next;
        if (CONTAINER_OF(i, struct client_call, waiting)->wait_for_ready)
            continue;
        list_remove(i);
        list_append(&failing, i);
    }
    while ((i = list_pop(&failing)) != NULL) /* one takes its children along, out of any list */
        vitro_client_call_fail(CONTAINER_OF(i, struct client_call, waiting), &ch->failure);
    if (timer_running(&ch->backoff)) /* it may be awaited by now, or no longer */
        set_timer(ch, ch->backoff.due);
}
