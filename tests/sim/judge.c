/* judge - the account of each client against that of the handler, and against the world's faults.
 */
#include "sim/talk.h"

static uint32_t bit(vitro_code code)
{
    return 1U << code;
}

/* What this call may have ended with. */
static uint32_t allowed(const struct asked *a)
{
    const struct served *s = a->served;
    bool late = a->timeout && a->ended >= a->began + a->timeout;
    uint32_t codes = world_codes(a->world);

    if (s && s->finished)
        codes |= bit(s->given);
    if (s && s->cancelled)
        codes |= CALL(CANCELLED);
    if (a->cancelled || a->left)
        codes |= CALL(CANCELLED);
    if (late)
        codes |= CALL(DEADLINE_EXCEEDED);
    return codes;
}

/* A deadline is kept to the nanosecond: the client has a clock of its own. */
static void judge_time(struct world *w, const struct asked *a)
{
    if (a->timeout)
        world_expect(w, a->ended <= a->began + a->timeout,
                     "call %u: its deadline was passed by %lld ns", a->number,
                     (long long)(a->ended - a->began - a->timeout));
}

/* What a handler has sent before its status comes with the status, or before it. */
static void judge_responses(struct world *w, const struct asked *a, const struct served *s)
{
    bool whole = a->by_peer && s->finished && a->code == s->given && !a->cancelled;

    world_expect(w, a->received <= s->sent, "call %u: %u responses of %u", a->number, a->received,
                 s->sent);
    if (answers_once(a->kind))
        whole = whole && a->code == VITRO_OK;
    if (whole)
        world_expect(w, a->received == s->sent, "call %u: %s after %u of %u responses", a->number,
                     vitro_code_name((int)a->code), a->received, s->sent);
}

static void judge_requests(struct world *w, const struct asked *a, const struct served *s)
{
    world_expect(w, s->received <= a->sent, "call %u: %u requests of %u", a->number, s->received,
                 a->sent);
    if (s->has_end)
        world_expect(w, a->half_closed && s->received == a->sent,
                     "call %u: its end came after %u of %u requests", a->number, s->received,
                     a->sent);
}

static void judge_call(struct world *w, const struct asked *a)
{
    if (!a->closed)
        return;
    world_expect(w, allowed(a) & bit(a->code), "call %u: %s, but its handler gave %s", a->number,
                 vitro_code_name((int)a->code),
                 !a->served            ? "nothing"
                 : a->served->finished ? vitro_code_name((int)a->served->given)
                                       : "no status");
    judge_time(w, a);
    world_expect(w, a->code != VITRO_OK || (a->served && a->served->finished),
                 "call %u: OK out of nothing", a->number);
    if (!a->served) {
        world_expect(w, !a->received, "call %u: %u responses of nobody", a->number, a->received);
        return;
    }
    judge_requests(w, a, a->served);
    judge_responses(w, a, a->served);
}

void talk_judge(struct world *w)
{
    for (size_t i = 0; i < w->n_asked; i++)
        judge_call(w, &w->asked[i]);
}
