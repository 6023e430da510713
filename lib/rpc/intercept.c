/* intercept - what an interceptor may do to the call that passes it. */
#include "base/error.h"
#include "rpc/chain.h"

void vitro_intercept_resume(vitro_intercept *i)
{
    LOOP_ASSERT(i->part->chain->call->loop);
    i->resumed = true;
    vitro_chain_wake(i->part->chain);
}

void vitro_intercept_end(vitro_intercept *i, vitro_code code, const char *message,
                         const vitro_md *trailers)
{
    struct chain *ch = i->part->chain;
    vitro_call *c = ch->call;
    int at = (int)(i->part - ch->parts);
    vitro_error why;

    LOOP_ASSERT(c->loop);
    /* its own end may be at hand: then end_at is the next one already */
    if (c->closed || (ch->concluding ? ch->end_at < at - 1 : ch->response.dead))
        return;
    vitro_fail(&why, code, "interceptor", 0, "%s", message ? message : "");
    if (trailers)
        vitro_md_append(&c->outcome.trailers, trailers, NULL);
    ch->end_at = MIN(ch->end_at, at - 1);
    if (ch->concluding)
        vitro_chain_stop(ch, VITRO_OK);
    else
        c->ops->stop(c, &why);
    vitro_chain_end_later(ch);
    vitro_call_decide(c, code, vitro_str_of(message), &why); /* all of the text */
}

vitro_code vitro_intercept_replace(vitro_intercept *i, vitro_bytes bytes, vitro_error *err)
{
    struct chain *ch = i->part->chain;
    struct lane *l = i == &i->part->request ? &ch->request : &ch->response;

    LOOP_ASSERT(ch->call->loop);
    if (l->stage != STAGE_MESSAGE || lane_at(l) != i)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "interceptor", 0,
                          "there is no message at hand");
    if (l->sends && ch->call->max_send && bytes.len > ch->call->max_send)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "interceptor", 0,
                          "a message of %zu bytes is over the limit of %u", bytes.len,
                          (unsigned)ch->call->max_send);
    if (!vitro_lane_replace(l, bytes))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "interceptor", 0, "out of memory");
    l->replaced = true;
    return VITRO_OK;
}

vitro_call *vitro_intercept_call(const vitro_intercept *i)
{
    return i->part->chain->call;
}

void *vitro_intercept_state(const vitro_intercept *i)
{
    return i->part->state;
}

void *vitro_intercept_user(const vitro_intercept *i)
{
    return i->part->with->user;
}
