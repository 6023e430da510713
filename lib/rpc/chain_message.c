/* chain_message - messages on their way through interceptors: copied only where they have to be. */
#include "base/error.h"
#include "rpc/chain.h"
#include "rpc/message.h"
#include "rpc/stream.h"
#include "wire/lpm.h"

static void out_of_memory(struct chain *ch)
{
    vitro_error why;

    vitro_fail(&why, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    ch->call->ops->stop(ch->call, &why);
    vitro_chain_end_later(ch);
}

bool vitro_lane_replace(struct lane *l, vitro_bytes bytes)
{
    struct buf copy;

    vitro_buf_init(&copy, l->own.account, l->own.max);
    if (!vitro_buf_append(&copy, bytes.ptr, bytes.len))
        return false;
    vitro_buf_done(&l->own);
    l->own = copy;
    l->message.bytes = bytes.len ? vitro_buf_bytes(&copy) : (vitro_bytes){ (const uint8_t *)"", 0 };
    return true;
}

/* It stays in the queue, unless it lies there in pieces. */
bool vitro_lane_take(struct lane *l)
{
    uint8_t prefix[LPM_PREFIX];
    vitro_bytes first;

    vitro_queue_copy(&l->queue, 0, prefix, sizeof prefix);
    vitro_queue_consume(&l->queue, sizeof prefix);
    l->flags = prefix[0];
    l->queued = lpm_read_length(prefix);
    l->replaced = false;
    l->message = (vitro_message){ { (const uint8_t *)"", 0 }, 0, 0 };
    if (l->queued == 0)
        return true;
    first = vitro_queue_peek(&l->queue);
    if (first.len >= l->queued) {
        l->message.bytes = (vitro_bytes){ first.ptr, l->queued };
        return true;
    }
    if (vitro_buf_reserve(&l->own, l->queued)) {
        vitro_queue_copy(&l->queue, 0, l->own.ptr, l->queued);
        l->own.len = l->queued;
        l->message.bytes = vitro_buf_bytes(&l->own);
        return true;
    }
    out_of_memory(l->chain);
    return false;
}

/* Into the queue of the side, without a copy where nothing has changed. */
static bool forward(struct lane *l)
{
    vitro_call *c = l->chain->call;
    struct queue *out = c->ops->out(c);
    vitro_bytes msg = l->message.bytes;
    bool alone = l->flags & VITRO_SEND_ALONE;

    if (!vitro_call_compressed(c, out, msg, l->flags)) {
        if (!l->replaced)
            return vitro_message_move(out, &l->queue, l->queued, alone);
        if (!vitro_message_append(out, 0, msg, alone))
            return false;
    }
    vitro_queue_consume(&l->queue, l->queued);
    return true;
}

void vitro_lane_send(struct lane *l)
{
    struct chain *ch = l->chain;
    vitro_call *c = ch->call;

    if (!forward(l)) {
        out_of_memory(ch);
        return;
    }
    vitro_buf_done(&l->own);
    c->ops->queued(c);
    if (c->ops->out(c)->len >= STREAM_HIGH && c->ops->is_blocked(c))
        ch->full = true;
}

void vitro_chain_grant(struct chain *ch)
{
    struct lane *l = chain_receives(ch);
    vitro_call *c = ch->call;
    uint64_t n = 1;

    if (!l->opened || l->dead || l->has_message || ch->granted || !ch->credit)
        return;
    if (vitro_call_expects_one(c, l == &ch->request)) {
        n = ch->credit; /* it is held until the end, and a second one has to be seen */
        ch->credit = 0;
    } else {
        ch->granted = true;
    }
    c->ops->credit(c, n);
}

void vitro_lane_receive(struct lane *l)
{
    l->has_message = false;
    vitro_call_show_message(l->chain->call, &l->message);
    vitro_buf_done(&l->own);
    vitro_chain_grant(l->chain);
}

void vitro_lane_keep(struct lane *l)
{
    if (l->has_message && !l->own.ptr && !vitro_lane_replace(l, l->message.bytes))
        out_of_memory(l->chain);
}
