#include "decode/flow.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

void vitro_flow_emit(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir,
                     struct flow_event *event)
{
    if (t->stopped)
        return;
    event->conn = c->id;
    event->dir = dir;
    event->peers = &c->peers;
    event->now = t->now;
    event->now_ts = t->now_ts;
    if (!event->number) {
        event->number = t->now;
        event->ts = t->now_ts;
    }
    t->stopped = !t->emit(event, t->emit_user);
}

void vitro_flow_mark(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir,
                     const struct span *segment, uint32_t marks, uint64_t stream, uint64_t len)
{
    struct flow_event event = { .kind = FLOW_MARK, .marks = marks };

    event.stream = stream;
    event.len = len;
    event.flags = segment->flags;
    event.number = segment->number;
    event.ts = segment->ts;
    event.offset = len ? segment->offset : 0;
    vitro_flow_emit(t, c, dir, &event);
}

/*
 * No window is wider than 1 GiB (RFC 7323, 2.3), so nothing older than that comes again: three
 * quarters of the circle lie ahead, and a long loss does not turn new bytes into old ones.
 */
uint32_t vitro_flow_distance(const struct flow *f, uint32_t seq, bool *back)
{
    uint32_t ahead = seq - f->next_seq;

    *back = ahead > 0xc0000000u;
    return *back ? 0u - ahead : ahead;
}

void vitro_flow_start(struct flow *f, uint32_t seq)
{
    f->started = true;
    f->start_seq = f->next_seq = seq;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void advance(struct flow *f, uint64_t len)
{
    f->pos += len;
    f->next_seq += (uint32_t)len;
}

static void tell_gap(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir, struct flow *f,
                     uint64_t len, uint32_t marks)
{
    struct flow_event event = { .kind = FLOW_GAP, .marks = marks };

    event.stream = f->pos;
    event.len = len;
    vitro_flow_emit(t, c, dir, &event);
    advance(f, len);
}

/* The bytes of s, which stand at pos; what was not captured, or is gone since, is a gap. */
static void tell_span(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir, struct flow *f,
                      const struct span *s)
{
    struct flow_event event = { .kind = FLOW_DATA };

    assert(s->at == f->pos);
    if (s->have && !t->stopped)
        event.bytes = t->lend(s->offset, s->have, t->lend_user);
    event.bytes.len = MIN(event.bytes.len, (size_t)s->have);
    event.stream = f->pos;
    event.len = event.bytes.len;
    event.flags = s->flags;
    event.offset = s->offset;
    event.number = s->number;
    event.ts = s->ts;
    if (event.len)
        vitro_flow_emit(t, c, dir, &event);
    advance(f, event.len);
    if (s->len > event.len)
        tell_gap(t, c, dir, f, s->len - event.len, FLOW_SNAPLEN);
}

static void tell_fin(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir, struct flow *f)
{
    struct flow_event event = { .kind = FLOW_MARK, .marks = FLOW_FIN };

    if (!f->has_fin || f->fin_told || f->pos < f->fin_at)
        return;
    f->fin_told = true;
    event.stream = f->pos;
    event.flags = f->fin_flags;
    event.number = f->fin_number;
    event.ts = f->fin_ts;
    vitro_flow_emit(t, c, dir, &event);
}

/* Unlink the first span that waits: it is the first of each of its levels. */
static void take_first(struct tcp *t, struct flow *f)
{
    const struct span *s = f->first[0];

    for (size_t i = 0; i < s->levels; i++)
        f->first[i] = s->next[i];
    if (!f->first[0])
        f->last = NULL;
    f->spans--;
    t->spans--;
}

static void drain(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir, struct flow *f)
{
    struct span *s;

    while ((s = f->first[0]) && s->at == f->pos) {
        take_first(t, f);
        tell_span(t, c, dir, f, s);
        vitro_freelist_put(&t->span_list, s);
    }
    tell_fin(t, c, dir, f);
}

/* Give up the hole in front of `to`. */
static void skip_to(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir, struct flow *f,
                    uint64_t to)
{
    tell_gap(t, c, dir, f, to - f->pos, 0);
    drain(t, c, dir, f);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void cut_front(struct span *s, uint64_t n)
{
    uint32_t k = (uint32_t)MIN(n, (uint64_t)s->len);

    s->at += k;
    s->offset += MIN(k, s->have);
    s->len -= k;
    s->have -= MIN(k, s->have);
}

static void cut_back(struct span *s, uint32_t len)
{
    s->len = MIN(s->len, len);
    s->have = MIN(s->have, len);
}

/* A segment while its bytes are sorted into those that are new and those that are not. */
struct placing {
    struct span rest; /* not sorted yet */
    uint64_t fresh, copies;
    uint64_t first_copy; /* position */
};

static void drop_copies(struct placing *p, uint64_t n)
{
    n = MIN(n, (uint64_t)p->rest.len);
    if (!p->copies)
        p->first_copy = p->rest.at;
    p->copies += n;
    cut_front(&p->rest, n);
}

/* Where a span at a position belongs: the one before it in each level, NULL at the front. */
struct place {
    struct span *before[SPAN_LEVELS];
};

static struct span *next_of(const struct flow *f, const struct span *before, size_t level)
{
    return before ? before->next[level] : f->first[level];
}

static void find_place(const struct flow *f, uint64_t at, struct place *out)
{
    struct span *before = NULL, *next;

    for (size_t level = SPAN_LEVELS; level-- > 0;) {
        while ((next = next_of(f, before, level)) && next->at <= at)
            before = next;
        out->before[level] = before;
    }
}

/* From 1 on, each with one eighth of the one below it. */
static uint8_t draw_levels(struct tcp *t)
{
    uint8_t levels = 1;

    t->draw = t->draw * 6364136223846793005u + 1442695040888963407u;
    for (uint64_t bits = t->draw >> 32; levels < SPAN_LEVELS && !(bits & 7); bits >>= 3)
        levels++;
    return levels;
}

/* Keep piece until its turn comes; false when there is no room for it. */
static bool keep(struct tcp *t, struct flow *f, const struct place *place, const struct span *piece)
{
    struct span *s;

    if (f->spans >= t->options.max_conn_spans || t->spans >= t->options.max_spans)
        return false;
    s = vitro_freelist_take(&t->span_list);
    if (!s)
        return false;
    *s = *piece;
    s->levels = draw_levels(t);
    for (size_t i = 0; i < s->levels; i++) {
        s->next[i] = next_of(f, place->before[i], i);
        *(place->before[i] ? &place->before[i]->next[i] : &f->first[i]) = s;
    }
    if (!s->next[0])
        f->last = s;
    f->spans++;
    t->spans++;
    return true;
}

/* The bytes of rest up to the next span that waits, as they stand at pos. */
static void place_now(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct placing *p)
{
    struct flow *f = &c->flows[dir];
    struct span piece = p->rest;

    if (f->first[0])
        cut_back(&piece, (uint32_t)MIN(f->first[0]->at - piece.at, (uint64_t)piece.len));
    cut_front(&p->rest, piece.len);
    p->fresh += piece.len;
    tell_span(t, c, dir, f, &piece);
    drain(t, c, dir, f);
}

/* The same for bytes behind a hole: they wait, or the hole is given up. */
static void place_later(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct placing *p)
{
    struct flow *f = &c->flows[dir];
    struct span piece = p->rest, *before, *next;
    struct place place;

    find_place(f, piece.at, &place);
    before = place.before[0];
    if (before && before->at + before->len > piece.at) {
        drop_copies(p, before->at + before->len - piece.at);
        return;
    }
    next = next_of(f, before, 0);
    if (next)
        cut_back(&piece, (uint32_t)MIN(next->at - piece.at, (uint64_t)piece.len));
    if (keep(t, f, &place, &piece)) {
        p->fresh += piece.len;
        cut_front(&p->rest, piece.len);
        return;
    }
    skip_to(t, c, dir, f, f->first[0] ? MIN(f->first[0]->at, piece.at) : piece.at);
}

/* Bytes behind the end that a FIN has set belong to nobody. */
static void cut_after_fin(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct span *s)
{
    const struct flow *f = &c->flows[dir];
    struct span tail;
    uint64_t keep_len;

    if (!f->has_fin || s->at + s->len <= f->fin_at)
        return;
    keep_len = s->at < f->fin_at ? f->fin_at - s->at : 0;
    tail = *s;
    cut_front(&tail, keep_len);
    vitro_flow_mark(t, c, dir, &tail, FLOW_AFTER_END, tail.at, tail.len);
    cut_back(s, (uint32_t)keep_len);
}

static void place(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct span bytes)
{
    struct flow *f = &c->flows[dir];
    struct placing p = { bytes, 0, 0, 0 };
    bool late = f->last && bytes.at < f->last->at;

    while (p.rest.len) {
        if (p.rest.at < f->pos)
            drop_copies(&p, f->pos - p.rest.at);
        else if (p.rest.at == f->pos)
            place_now(t, c, dir, &p);
        else
            place_later(t, c, dir, &p);
    }
    if (late && p.fresh)
        vitro_flow_mark(t, c, dir, &bytes, FLOW_OUT_OF_ORDER, bytes.at, p.fresh);
    if (p.copies) {
        cut_front(&bytes, p.first_copy - bytes.at);
        vitro_flow_mark(t, c, dir, &bytes, FLOW_RETRANSMISSION, p.first_copy, p.copies);
    }
}

void vitro_flow_data(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct span bytes,
                     uint32_t seq)
{
    struct flow *f = &c->flows[dir];
    uint64_t distance, before;
    bool back;

    if (!f->started)
        vitro_flow_start(f, seq);
    distance = vitro_flow_distance(f, seq, &back);
    if (back && distance > f->pos) {
        before = MIN(distance - f->pos, (uint64_t)bytes.len);
        vitro_flow_mark(t, c, dir, &bytes, FLOW_BEFORE_START, 0, before);
        cut_front(&bytes, before);
        distance -= before;
        if (!bytes.len)
            return;
    }
    bytes.at = back ? f->pos - distance : f->pos + distance;
    cut_after_fin(t, c, dir, &bytes);
    place(t, c, dir, bytes);
}

void vitro_flow_fin(struct tcp *t, struct tcp_conn *c, enum flow_dir dir,
                    const struct span *segment, uint32_t seq)
{
    struct flow *f = &c->flows[dir];
    uint64_t distance, at;
    bool back;

    if (!f->started)
        vitro_flow_start(f, seq);
    distance = vitro_flow_distance(f, seq, &back);
    at = back ? f->pos : f->pos + distance;
    if (f->last)
        at = MAX(at, f->last->at + f->last->len);
    if (f->has_fin) {
        vitro_flow_mark(t, c, dir, segment, FLOW_FIN | FLOW_RETRANSMISSION, f->fin_at, 0);
        return;
    }
    f->has_fin = true;
    f->fin_at = at;
    f->fin_number = segment->number;
    f->fin_ts = segment->ts;
    f->fin_flags = segment->flags;
    tell_fin(t, c, dir, f);
}

void vitro_flow_acked(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, uint32_t ack)
{
    struct flow *f = &c->flows[dir];
    uint64_t distance, until;
    bool back;

    if (!f->first[0] && (!f->has_fin || f->fin_told))
        return;
    distance = vitro_flow_distance(f, ack, &back);
    until = back ? f->pos : f->pos + distance;
    while (f->first[0] && until > f->first[0]->at)
        skip_to(t, c, dir, f, f->first[0]->at);
    if (!f->first[0] && f->has_fin && !f->fin_told && until > f->fin_at)
        skip_to(t, c, dir, f, f->fin_at);
}

void vitro_flow_flush(struct tcp *t, struct tcp_conn *c, enum flow_dir dir)
{
    struct flow *f = &c->flows[dir];

    while (f->first[0])
        skip_to(t, c, dir, f, f->first[0]->at);
    if (f->has_fin && !f->fin_told)
        skip_to(t, c, dir, f, f->fin_at);
}

void vitro_flow_skip(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, uint64_t to)
{
    struct flow *f = &c->flows[dir];

    assert(!f->first[0]);
    if (to > f->pos)
        skip_to(t, c, dir, f, to);
}
