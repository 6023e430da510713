/*
 * emit - blocks on their way to the sinks of a trace: who gets which, what is lost on the way and
 * how that is told, and the flush.
 */
#include "base/util.h"
#include "trace/tap.h"

bool vitro_trace_interface(vitro_trace *t, uint32_t loop, uint32_t *id)
{
    uint32_t cap = t->interfaces_cap ? t->interfaces_cap * 2 : 8;
    uint32_t *grown;

    for (*id = 0; *id < t->interfaces; ++*id)
        if (t->loops[*id] == loop)
            return true;
    if (t->interfaces == t->interfaces_cap) {
        grown = vitro_mem_resize(&t->account, t->loops, t->interfaces_cap * sizeof *grown,
                                 cap * sizeof *grown);
        if (!grown)
            return false;
        t->loops = grown;
        t->interfaces_cap = cap;
    }
    t->loops[t->interfaces++] = loop;
    return true;
}

static bool put_block(struct sink *s, const struct block *b)
{
    return vitro_sink_put(s, b->piece, b->n, b->len);
}

/*
 * Tell how many blocks are missing here, when the note and `next` bytes after it both fit: a
 * reader that is slow for long gets one note, not one for each block that found room.
 */
static bool tell_loss(vitro_trace *t, struct sink *s, size_t next)
{
    struct note_lost note = { s->lost };
    struct block b;

    vitro_buf_consume(&t->loss, t->loss.len);
    if (!vitro_note_entry(&t->loss, vitro_trace_now(t), NOTE_ID_lost, &note))
        return false;
    vitro_block_journal(&b, vitro_buf_bytes(&t->loss));
    if (vitro_sink_room(s, b.len + next) < b.len + next || !put_block(s, &b))
        return false;
    s->lost = 0;
    return true;
}

static bool sink_catch_up(vitro_trace *t, struct sink *s, size_t next)
{
    struct block b;

    if (s->lost && !tell_loss(t, s, next))
        return false;
    while (s->interfaces < t->interfaces) {
        vitro_block_interface(&b, t->loops[s->interfaces]);
        if (!put_block(s, &b))
            return false;
        s->interfaces++;
    }
    return true;
}

static void mark_dirty(vitro_trace *t, bool dirty)
{
    __atomic_store_n(&t->dirty, dirty, __ATOMIC_RELAXED);
}

/* False when it was lost. */
static bool emit_to(vitro_trace *t, struct sink *s, const struct block *b)
{
    bool done;

    if (!sink_hears(s))
        return true;
    done = !s->torn && sink_catch_up(t, s, b->len) && put_block(s, b);
    s->lost += !done;
    mark_dirty(t, true);
    return done;
}

void vitro_trace_emit_to(vitro_trace *t, struct sink *s, const struct block *b)
{
    (void)emit_to(t, s, b);
}

void vitro_trace_emit(vitro_trace *t, const struct block *b)
{
    for (size_t i = 0; i < t->sinks; i++)
        vitro_trace_emit_to(t, &t->sink[i], b);
}

static bool is_among(const struct sink *s, struct audience some)
{
    return s->serial >= some.from && s->serial < some.to;
}

void vitro_trace_emit_some(vitro_trace *t, struct audience some, const struct block *b)
{
    for (size_t i = 0; i < t->sinks; i++) {
        struct sink *s = &t->sink[i];
        /* who can let it join again hears when it has caught up: see mend */
        if (is_among(s, some) && !emit_to(t, s, b))
            s->torn = !list_empty(&t->watchers);
    }
}

bool vitro_trace_some_hear(const vitro_trace *t, struct audience some)
{
    for (size_t i = 0; i < t->sinks; i++)
        if (is_among(&t->sink[i], some) && sink_hears(&t->sink[i]))
            return true;
    return false;
}

void vitro_trace_lose(vitro_trace *t)
{
    for (size_t i = 0; i < t->sinks; i++)
        t->sink[i].lost += sink_hears(&t->sink[i]);
    mark_dirty(t, true);
}

/*
 * A sink that lacks packets is like one that has just come, once it has caught up so far that what
 * it is told then finds room. Without that it would see header blocks that it cannot read, and look
 * for where the next frame begins.
 */
static void mend(vitro_trace *t, struct sink *s)
{
    s->torn = false;
    s->serial = t->serials;
    __atomic_store_n(&t->serials, t->serials + 1, __ATOMIC_RELAXED);
    vitro_trace_tell_watchers(t);
}

/* True when nothing is left to hand over. */
static bool sink_flush(vitro_trace *t, struct sink *s)
{
    if (!sink_hears(s))
        return true;
    vitro_sink_drain(s);
    if (s->lost && s->fd >= 0 && (!s->torn || s->len <= s->cap / 4) && tell_loss(t, s, 0)) {
        if (s->torn)
            mend(t, s);
        vitro_sink_drain(s);
    }
    return s->fd < 0 || (!s->len && !s->lost);
}

void vitro_trace_count_hearers(vitro_trace *t)
{
    unsigned n = 0;

    for (size_t i = 0; i < t->sinks; i++)
        n += sink_hears(&t->sink[i]);
    __atomic_store_n(&t->hears, n, __ATOMIC_RELAXED);
}

bool vitro_trace_heard(const vitro_trace *trace)
{
    return __atomic_load_n(&trace->hears, __ATOMIC_RELAXED) != 0;
}

bool vitro_trace_flush(vitro_trace *trace)
{
    bool dirty = false;

    if (!trace || !__atomic_load_n(&trace->dirty, __ATOMIC_RELAXED))
        return false;
    vitro_trace_enter(trace);
    for (size_t i = 0; i < trace->sinks; i++)
        dirty |= !sink_flush(trace, &trace->sink[i]);
    mark_dirty(trace, dirty);
    vitro_trace_count_hearers(trace);
    vitro_trace_leave(trace);
    return dirty;
}

void vitro_trace_finish(vitro_trace *t)
{
    if (!vitro_trace_flush(t))
        return;
    vitro_trace_enter(t);
    for (size_t i = 0; i < t->sinks; i++) {
        vitro_sink_linger(&t->sink[i]);
        sink_flush(t, &t->sink[i]);
    }
    vitro_trace_leave(t);
}

/* ---- a new sink ------------------------------------------------------------------------------ */

void vitro_trace_greet(vitro_trace *t, struct sink *s)
{
    struct block b;

    s->serial = t->serials;
    __atomic_store_n(&t->serials, t->serials + 1, __ATOMIC_RELAXED);
    if (!sink_hears(s))
        return;
    vitro_block_section(&b);
    put_block(s, &b);
    vitro_schemas_tell(t, s);
    mark_dirty(t, true);
}
