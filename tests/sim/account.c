/* account - what the decoder has read from the trace against what the applications know. */
#include <string.h>

#include "sim/talk.h"
#include "sim/tap.h"

/*
 * The attempt of a call that counts: the one that was answered, else the last; NULL: it never left.
 * What a slow link holds of one that was refused may come behind the next.
 */
static const struct tapped *attempt_of(const struct tap_account *a, enum side side, uint32_t number)
{
    const struct tapped *last = NULL;

    for (size_t i = a->count; i-- > 0;) {
        const struct tapped *t = &a->stream[i];
        if (t->number != number || t->conn >= CONNS_MAX || a->world->side[t->conn] != side)
            continue;
        if (t->has_headers || t->has_status)
            return t;
        last = last ? last : t;
    }
    return last;
}

static bool went_well(const struct world *w)
{
    for (size_t f = 0; f < FAULT_COUNT; f++) {
        if (w->happened[f])
            return false;
    }
    return true;
}

/* ---- the client's side ---------------------------------------------------------------------- */

/* A server that has given up by the same deadline may call that cancelled. */
static bool is_status(const struct asked *a, const struct tapped *t)
{
    return t->has_status && (t->status == a->code ||
                             (t->status == VITRO_CANCELLED && a->code == VITRO_DEADLINE_EXCEEDED));
}

static void judge_responses(struct world *w, const struct asked *a, const struct tapped *t)
{
    bool all = a->by_peer && (!answers_once(a->kind) || a->code == VITRO_OK);

    world_expect(
        w, a->received <= t->messages[VITRO_S2C] && (!all || a->received == t->messages[VITRO_S2C]),
        "call %u: %u responses, but %u in the trace", a->number, a->received,
        t->messages[VITRO_S2C]);
    if (a->by_peer)
        world_expect(w, is_status(a, t), "call %u: %s, but %s in the trace", a->number,
                     vitro_code_name((int)a->code),
                     t->has_status ? vitro_code_name((int)t->status) : "no status");
    world_expect(w, !a->has_headers || t->has_headers, "call %u: headers, but none in the trace",
                 a->number);
}

static void judge_requests(struct world *w, const struct asked *a, const struct tapped *t)
{
    world_expect(w, t->messages[VITRO_C2S] <= a->sent, "call %u: %u requests, but %u in the trace",
                 a->number, a->sent, t->messages[VITRO_C2S]);
    if (t->ended[VITRO_C2S])
        world_expect(w, a->half_closed && t->messages[VITRO_C2S] == a->sent,
                     "call %u: %u requests, but its stream ends after %u", a->number, a->sent,
                     t->messages[VITRO_C2S]);
}

static void judge_asked(struct world *w, const struct asked *a, const struct tapped *t)
{
    if (!t) {
        world_expect(w, !a->by_peer && !a->received, "call %u: %s, but nothing in the trace",
                     a->number, vitro_code_name((int)a->code));
        return;
    }
    world_expect(w, strcmp(t->path, talk_methods[a->kind].path) == 0, "call %u: %s in the trace",
                 a->number, t->path);
    judge_requests(w, a, t);
    judge_responses(w, a, t);
    if (went_well(w) && !a->by_peer)
        world_expect(w, t->reset[VITRO_C2S] || t->ended[VITRO_S2C] || t->reset[VITRO_S2C],
                     "call %u: %s, but its stream goes on in the trace", a->number,
                     vitro_code_name((int)a->code));
}

/* ---- the server's --------------------------------------------------------------------------- */

static void judge_status(struct world *w, const struct served *s, const struct tapped *t)
{
    bool late = w->asked[s->number].timeout && t->status == VITRO_DEADLINE_EXCEEDED;
    bool starved = w->happened[FAULT_MEMORY] && t->status == VITRO_RESOURCE_EXHAUSTED;

    if (!s->finished || !t->has_status || s->told_cancelled || late || starved)
        return; /* what a handler gave may be held up until the deadline has passed */
    if (t->reset[VITRO_S2C])
        return; /* put in before it, inside of TLS: what comes behind is not counted */
    world_expect(w, t->status == s->given, "call %u: its handler gave %s, but %s in the trace",
                 s->number, vitro_code_name((int)s->given), vitro_code_name((int)t->status));
    world_expect(w,
                 strcmp(t->text, said_text(&w->said, s->number)) == 0 ||
                     (!t->text[0] && w->happened[FAULT_MEMORY]),
                 "call %u: another status text in the trace", s->number);
    world_expect(w, t->messages[VITRO_S2C] == s->sent,
                 "call %u: its handler sent %u, but %u before the status in the trace", s->number,
                 s->sent, t->messages[VITRO_S2C]);
}

static void judge_served(struct world *w, const struct served *s, const struct tapped *t)
{
    world_expect(w, t, "call %u: served, but not in the trace", s->number);
    if (!t)
        return;
    world_expect(w, s->received <= t->messages[VITRO_C2S] && t->messages[VITRO_S2C] <= s->sent,
                 "call %u: its handler got %u and sent %u, but %u and %u in the trace", s->number,
                 s->received, s->sent, t->messages[VITRO_C2S], t->messages[VITRO_S2C]);
    if (s->has_end)
        world_expect(w, t->ended[VITRO_C2S] && s->received == t->messages[VITRO_C2S],
                     "call %u: its handler got %u and the end, but %u in the trace", s->number,
                     s->received, t->messages[VITRO_C2S]);
    judge_status(w, s, t);
    if (went_well(w) && s->finished && !s->told_cancelled)
        world_expect(w, t->has_status, "call %u: finished, but no status in the trace", s->number);
}

/* ---- both ----------------------------------------------------------------------------------- */

void account_judge(struct world *w)
{
    struct tap_account a;

    tap_read(&a, w);
    world_expect(w, !a.missed || w->happened[FAULT_MEMORY], "trace: %llu packets are missed",
                 (unsigned long long)a.missed);
    for (size_t i = 0; i < w->n_asked && !a.missed; i++) {
        if (w->asked[i].call)
            judge_asked(w, &w->asked[i], attempt_of(&a, SIDE_CLIENT, w->asked[i].number));
    }
    for (size_t i = 0; i < w->n_served && !a.missed; i++)
        judge_served(w, &w->served[i], attempt_of(&a, SIDE_SERVER, w->served[i].number));
    if (went_well(w))
        world_expect(w, !a.unknown, "runs of bytes that nothing explains: %llu",
                     (unsigned long long)a.unknown);
    tap_done(&a);
}
