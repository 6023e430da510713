#include "rpc/chain.h"

#include <limits.h>
#include <stdalign.h>
#include <stddef.h>

#include "base/error.h"
#include "rpc/connection.h"
#include "rpc/stream.h"

#define STATES_MAX (SIZE_MAX / 4) /* bytes that are out of memory in any case */

static void run(struct lane *l);
static void tell_room(struct chain *ch);

/* ---- life ----------------------------------------------------------------------------------- */

static void on_task(struct task *t)
{
    struct chain *ch = CONTAINER_OF(t, struct chain, task);
    vitro_call *c = vitro_call_ref(ch->call);

    run(&ch->request);
    tell_room(ch);
    run(&ch->response);
    vitro_call_unref(c);
}

void vitro_chain_wake(struct chain *ch)
{
    if (!ch->call->closed)
        vitro_loop_defer(ch->call->loop, &ch->task);
}

/* n bytes, so that what follows is aligned for anything. */
static size_t aligned(size_t n)
{
    return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

/* How many interceptors are in list, and the bytes of their states; never more than STATES_MAX. */
static size_t count(const vitro_interceptor *const *list, size_t *states)
{
    size_t n = 0;

    for (; list && list[n]; n++)
        *states = MIN(*states + aligned(MIN(list[n]->state_size, STATES_MAX)), STATES_MAX);
    return n;
}

static void lane_init(struct lane *l, struct chain *ch, bool response)
{
    l->chain = ch;
    l->response = response;
    l->sends = response == (ch->call->ops->finish != NULL);
    vitro_buf_init(&l->own, ch->call->account, UINT32_MAX);
    vitro_queue_init(&l->queue, vitro_loop_pool(ch->call->loop));
}

static uint8_t *add(struct chain *ch, const vitro_interceptor *with, uint8_t *state)
{
    struct part *p = &ch->parts[ch->n++];

    p->chain = ch;
    p->with = with;
    p->state = with->state_size ? state : NULL;
    p->request.part = p->response.part = p;
    return state + aligned(with->state_size);
}

vitro_code vitro_chain_check(const vitro_interceptor *const *list, const char *layer,
                             vitro_error *err)
{
    for (; list && *list; list++)
        if ((*list)->size == 0)
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, layer, 0,
                              "an interceptor that was not begun with its _INIT");
    return VITRO_OK;
}

vitro_code vitro_chain_new(vitro_call *c, const vitro_interceptor *const *const *lists,
                           size_t n_lists, vitro_error *err)
{
    size_t n = 0, states = 0, size;
    struct chain *ch;
    uint8_t *state;

    for (size_t i = 0; i < n_lists; i++)
        n += count(lists[i], &states);
    if (n == 0)
        return VITRO_OK;
    size = aligned(sizeof *ch + n * sizeof ch->parts[0]);
    ch = states < STATES_MAX ? vitro_mem_zalloc(c->account, size + states) : NULL;
    if (!ch)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    ch->call = c;
    ch->size = size + states;
    ch->end_at = INT_MAX;
    lane_init(&ch->request, ch, false);
    lane_init(&ch->response, ch, true);
    ch->told = ch->request.sends;
    vitro_task_init(&ch->task, on_task);
    state = (uint8_t *)ch + size;
    for (size_t i = 0; i < n_lists; i++)
        for (size_t k = 0; lists[i] && lists[i][k]; k++)
            state = add(ch, lists[i][k], state);
    c->chain = ch;
    return VITRO_OK;
}

static void lane_done(struct lane *l)
{
    vitro_queue_clear(&l->queue);
    vitro_buf_done(&l->own);
}

void vitro_chain_free(struct chain *ch)
{
    if (!ch)
        return;
    vitro_task_cancel(&ch->task);
    lane_done(&ch->request);
    lane_done(&ch->response);
    vitro_mem_free(ch->call->account, ch, ch->size);
}

/* ---- notes: what a call waits for, which no byte shows -------------------------------------- */

static void note_wait(struct chain *ch)
{
    vitro_call *c = ch->call;
    const struct connection *conn = c->ops->connection(c);
    struct note_at at = { c->ops->finish ? NOTE_SERVER : NOTE_CLIENT, RECORD_NO_CONN, 0, 0 };
    bool waits = ch->request.suspended || ch->response.suspended;
    int64_t now = vitro_loop_now(c->loop);

    if (waits == ch->waits)
        return;
    if (conn)
        at = vitro_connection_at(conn);
    if (waits)
        vitro_note(ch->trace, waiting, .at = at, .call = c->id, .why = NOTE_WAIT_INTERCEPTOR);
    else
        vitro_note(ch->trace, waited, .at = at, .call = c->id, .why = NOTE_WAIT_INTERCEPTOR,
                   .duration = now - ch->wait_since);
    ch->waits = waits;
    ch->wait_since = now;
}

/* ---- what an interceptor is asked ----------------------------------------------------------- */

static vitro_verdict ask_end(struct lane *l, struct vitro_intercept *i, const struct part *p)
{
    struct chain *ch = l->chain;
    vitro_status status = vitro_call_status(ch->call);
    vitro_verdict v = VITRO_GO_ON;

    if (!l->response)
        return v;
    ch->concluding = true;
    ch->end_at = l->at - 1;
    if (p->with->on_end)
        v = p->with->on_end(i, &status, &ch->call->outcome.trailers, p->state);
    return ch->hurry ? VITRO_GO_ON : v;
}

static vitro_verdict ask(struct lane *l, struct vitro_intercept *i)
{
    const struct part *p = i->part;
    const vitro_interceptor *w = p->with;
    vitro_verdict (*opening)(vitro_intercept *, vitro_md *, void *) =
        l->response ? w->on_headers : w->on_start;
    vitro_verdict (*message)(vitro_intercept *, const vitro_message *, void *) =
        l->response ? w->on_response : w->on_request;

    if (l->stage == STAGE_OPENING && !l->response)
        l->chain->started = l->at + 1;
    if (l->stage == STAGE_OPENING)
        return opening ? opening(i, l->md, p->state) : VITRO_GO_ON;
    if (l->stage == STAGE_MESSAGE)
        return message ? message(i, &l->message, p->state) : VITRO_GO_ON;
    return ask_end(l, i, p);
}

/* Past one interceptor after the other; false when one has it, or the lane was stopped. */
static bool pass(struct lane *l)
{
    while (l->at >= 0 && l->at < l->chain->n) {
        struct vitro_intercept *i = lane_at(l);

        if (!l->suspended) {
            vitro_verdict v;

            i->resumed = false;
            v = ask(l, i);
            if (l->stage == STAGE_IDLE)
                return false;
            l->suspended = v == VITRO_SUSPEND;
        }
        if (l->suspended && !i->resumed)
            return false;
        l->suspended = false;
        l->at += l->response ? -1 : 1;
    }
    return true;
}

/* ---- a lane --------------------------------------------------------------------------------- */

/* What is next on its way. */
static enum stage next(struct lane *l)
{
    bool empty = !l->has_message && !l->queue.len;

    if (!l->dead && l->opening)
        return STAGE_OPENING;
    if (!l->dead && l->opened && !empty)
        return l->sends && (l->chain->full || !vitro_lane_take(l)) ? STAGE_IDLE : STAGE_MESSAGE;
    return l->ending && (l->dead || empty) ? STAGE_END : STAGE_IDLE;
}

static bool begin(struct lane *l)
{
    const struct chain *ch = l->chain;

    l->stage = next(l);
    if (!l->response)
        l->at = 0;
    else
        l->at = MIN(ch->started - 1, l->stage == STAGE_END ? ch->end_at : INT_MAX);
    return l->stage != STAGE_IDLE;
}

static void opened(struct lane *l)
{
    vitro_call *c = l->chain->call;

    l->opening = false;
    l->opened = true;
    if (l->sends) {
        c->ops->opened(c);
        return;
    }
    l->chain->told = true;
    vitro_call_show_headers(c);
    vitro_chain_grant(l->chain);
}

static void ended(struct lane *l)
{
    vitro_call *c = l->chain->call;

    l->ending = false;
    if (l->response) {
        l->chain->end_at = INT_MIN;
        if (l->chain->peer_ended && !l->sends && !c->cancelled)
            vitro_call_show_end(c);
        c->ops->conclude(c);
    } else if (l->sends) {
        c->out_done = true;
        c->ops->queued(c);
    } else {
        vitro_call_show_end(c);
    }
}

/* What is on its way has passed all interceptors. */
static void arrive(struct lane *l)
{
    enum stage stage = l->stage;

    l->stage = STAGE_IDLE;
    if (stage == STAGE_OPENING)
        opened(l);
    else if (stage == STAGE_END)
        ended(l);
    else if (l->sends)
        vitro_lane_send(l);
    else
        vitro_lane_receive(l);
}

static void run(struct lane *l)
{
    vitro_call *c = vitro_call_ref(l->chain->call);

    while (!c->closed && (l->stage != STAGE_IDLE || begin(l)) && pass(l))
        arrive(l);
    vitro_lane_keep(l);
    note_wait(l->chain);
    vitro_call_unref(c);
}

static void stop(struct lane *l)
{
    l->stage = STAGE_IDLE;
    l->suspended = l->opening = l->has_message = l->ending = false;
    l->dead = true;
}

/* ---- what the call asks for ----------------------------------------------------------------- */

void vitro_chain_open(struct lane *l)
{
    l->opening = !l->opened && !l->dead;
    if (l->sends)
        vitro_chain_wake(l->chain);
    else
        run(l);
}

void vitro_chain_message(struct chain *ch, const vitro_message *m)
{
    struct lane *l = chain_receives(ch);

    ch->granted = false;
    if (l->dead)
        return;
    if (ch->credit != STREAM_CREDIT_ALL && ch->credit)
        ch->credit--;
    l->message = *m;
    l->has_message = true;
    run(l);
}

void vitro_chain_peer_end(struct chain *ch)
{
    struct lane *l = &ch->request;

    ch->peer_ended = true;
    if (l->sends) /* the client's: with the status */
        return;
    l->ending = !l->dead;
    run(l);
}

void vitro_chain_queued(struct chain *ch)
{
    struct lane *l = chain_sends(ch);

    if (!l->response && ch->call->send_done)
        l->ending = !l->dead;
    vitro_chain_open(l);
}

void vitro_chain_writable(struct chain *ch)
{
    ch->full = false;
    vitro_chain_wake(ch);
}

static void tell_room(struct chain *ch)
{
    if (!ch->blocked || chain_sends(ch)->queue.len > STREAM_HIGH / 2)
        return;
    ch->blocked = false;
    vitro_call_show_writable(ch->call);
}

void vitro_chain_credit(struct chain *ch, uint64_t n)
{
    ch->credit = n > STREAM_CREDIT_ALL - ch->credit ? STREAM_CREDIT_ALL : ch->credit + n;
    vitro_chain_grant(ch);
}

void vitro_chain_hold(struct chain *ch)
{
    ch->credit = 0;
    ch->granted = false;
    ch->call->ops->hold(ch->call);
}

void vitro_chain_stop(struct chain *ch, vitro_code why)
{
    stop(&ch->request);
    stop(&ch->response);
    note_wait(ch);
    ch->hurry = ch->hurry || why == VITRO_CANCELLED || why == VITRO_DEADLINE_EXCEEDED;
}

void vitro_chain_end(struct chain *ch)
{
    stop(&ch->request);
    ch->response.ending = true;
    run(&ch->response);
}

void vitro_chain_end_later(struct chain *ch)
{
    stop(&ch->request);
    ch->response.ending = true;
    vitro_chain_wake(ch);
}

void vitro_chain_closed(struct chain *ch, const vitro_status *status)
{
    vitro_chain_stop(ch, VITRO_CANCELLED);
    vitro_task_cancel(&ch->task);
    for (int i = ch->started; i-- > 0;) {
        struct part *p = &ch->parts[i];
        if (p->with->on_closed)
            p->with->on_closed(&p->response, status, p->state);
    }
    lane_done(&ch->request);
    lane_done(&ch->response);
}
