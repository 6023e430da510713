#include "merge_flows.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, MOST_SLOTS = 131072 };

static const int64_t reuse_ns = 1000000000; /* so long after its end an address pair is another's */

/* The two ends of a connection, the smaller first. */
struct ends {
    struct packet_end low, high;
};

struct merge_flow {
    struct ends ends;
    uint32_t program; /* who shows it; 0: nobody, an empty slot has no family */
    int64_t ended;    /* when a FIN or RST crossed; 0: not yet */
};

static int order(const struct packet_end *a, const struct packet_end *b)
{
    int by_address = memcmp(a->ip, b->ip, sizeof a->ip);

    return by_address ? by_address : (int)a->port - (int)b->port;
}

static struct ends ends_of(const struct segment *s)
{
    bool sorted = order(&s->src, &s->dst) <= 0;

    return sorted ? (struct ends){ s->src, s->dst } : (struct ends){ s->dst, s->src };
}

static bool same_end(const struct packet_end *a, const struct packet_end *b)
{
    return a->family == b->family && order(a, b) == 0;
}

static uint64_t mix(uint64_t h, const struct packet_end *e)
{
    uint64_t half[2];

    memcpy(half, e->ip, sizeof half);
    h = (h ^ half[0]) * 0x9e3779b97f4a7c15u;
    h = (h ^ half[1] ^ h >> 29) * 0x9e3779b97f4a7c15u;
    return (h ^ e->port ^ h >> 29) * 0x9e3779b97f4a7c15u;
}

/* The slot of these ends, or the empty one where they belong. */
static struct merge_flow *slot_of(struct merge_flow *slots, size_t cap, const struct ends *ends)
{
    size_t i = (size_t)(mix(mix(0, &ends->low), &ends->high) >> 32);

    for (;; i++) {
        struct merge_flow *flow = &slots[i & (cap - 1)];
        if (!flow->ends.low.family ||
            (same_end(&flow->ends.low, &ends->low) && same_end(&flow->ends.high, &ends->high)))
            return flow;
    }
}

/* What is still to be known: of a connection that has ended, that the other account is late. */
static bool is_needed(const struct merge_flows *f, const struct merge_flow *flow)
{
    return flow->program && (!flow->ended || flow->ended + reuse_ns > f->newest);
}

/* Into `cap` new slots, only what is needed. */
static bool rebuild(struct merge_flows *f, size_t cap)
{
    struct merge_flow *slots = calloc(cap, sizeof *slots);
    size_t count = 0;

    if (!slots)
        return false;
    for (size_t i = 0; i < f->cap; i++) {
        if (!is_needed(f, &f->slots[i]))
            continue;
        *slot_of(slots, cap, &f->slots[i].ends) = f->slots[i];
        count++;
    }
    free(f->slots);
    f->slots = slots;
    f->count = count;
    f->cap = cap;
    return true;
}

/* Room for one more: first what has ended goes, then the table grows. */
static bool make_room(struct merge_flows *f)
{
    size_t cap = f->cap ? f->cap : FIRST_SLOTS;

    if (f->count < f->cap / 2)
        return true;
    if (!rebuild(f, cap))
        return false;
    while (f->count >= f->cap / 4 && f->cap < MOST_SLOTS) {
        if (!rebuild(f, f->cap * 2))
            break;
    }
    return f->count < f->cap / 2;
}

bool merge_flows_shows(struct merge_flows *f, const struct segment *s, uint32_t program)
{
    struct ends ends = ends_of(s);
    struct merge_flow *flow;

    if (s->ts > f->newest)
        f->newest = s->ts;
    if (!make_room(f))
        return true; /* so many connections: better twice than not at all */
    flow = slot_of(f->slots, f->cap, &ends);
    if (!flow->ends.low.family) {
        flow->ends = ends;
        f->count++;
    } else if (flow->ended && (s->flags & SEG_SYN) && s->ts > flow->ended + reuse_ns) {
        flow->program = 0;
    }
    if (!flow->program) {
        flow->program = program;
        flow->ended = 0;
    }
    if (flow->program != program)
        return false;
    if (s->flags & (SEG_FIN | SEG_RST) && !flow->ended)
        flow->ended = s->ts ? s->ts : 1;
    return true;
}

void merge_flows_leave(struct merge_flows *f, uint32_t program)
{
    for (size_t i = 0; i < f->cap; i++) {
        if (f->slots[i].program == program && !f->slots[i].ended)
            f->slots[i].program = 0;
    }
}

void merge_flows_done(struct merge_flows *f)
{
    free(f->slots);
    memset(f, 0, sizeof *f);
}
