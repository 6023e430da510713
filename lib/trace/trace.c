#include "trace/trace.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "trace/tap.h"

void vitro_trace_enter(vitro_trace *t)
{
    pthread_mutex_lock(&t->lock);
}

void vitro_trace_leave(vitro_trace *t)
{
    pthread_mutex_unlock(&t->lock);
}

uint64_t vitro_trace_now(const vitro_trace *t)
{
    return (uint64_t)t->clock.wall(t->clock.user);
}

void vitro_trace_clock(vitro_trace *trace, struct clock clock)
{
    if (!trace)
        return;
    vitro_trace_enter(trace);
    trace->clock = clock;
    vitro_trace_leave(trace);
}

/* ---- blocks to sinks ------------------------------------------------------------------------ */

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

/* How many sinks take blocks has changed, perhaps. */
static void count_hearers(vitro_trace *t)
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
    count_hearers(trace);
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

void vitro_trace_secrets(vitro_trace *trace, vitro_bytes keylog)
{
    struct block b;

    if (!trace || keylog.len > TRACE_ENTRY)
        return;
    vitro_trace_enter(trace);
    vitro_block_secrets(&b, keylog);
    for (size_t i = 0; i < trace->sinks; i++)
        if (!trace->sink[i].no_secrets)
            vitro_trace_emit_to(trace, &trace->sink[i], &b);
    vitro_trace_leave(trace);
}

void vitro_trace_secret(vitro_trace *trace, vitro_str line)
{
    uint8_t whole[512]; /* a label, 32 bytes and at most 64 in hexadecimal */

    if (!trace || line.len >= sizeof whole)
        return;
    memcpy(whole, line.ptr, line.len);
    whole[line.len] = '\n';
    vitro_trace_secrets(trace, (vitro_bytes){ whole, line.len + 1 });
}

/* ---- life ------------------------------------------------------------------------------------ */

static vitro_trace *trace_new(void)
{
    vitro_trace *t = vitro_mem_zalloc(NULL, sizeof *t);

    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->refs = 1;
    t->clock = vitro_clock_system();
    list_init(&t->watchers);
    vitro_account_init(&t->account, NULL, 0);
    vitro_buf_init(&t->entry, &t->account, TRACE_ENTRY);
    vitro_buf_init(&t->loss, &t->account, TRACE_ENTRY);
    vitro_fork_watch(t);
    return t;
}

static void trace_free(vitro_trace *t)
{
    vitro_fork_forget(t);
    vitro_trace_finish(t);
    for (size_t i = 0; i < t->sinks; i++)
        vitro_sink_done(&t->sink[i]);
    vitro_schemas_free(t);
    vitro_buf_done(&t->entry);
    vitro_buf_done(&t->loss);
    vitro_mem_free(&t->account, t->loops, t->interfaces_cap * sizeof *t->loops);
    assert(t->account.used == 0);
    pthread_mutex_destroy(&t->lock);
    vitro_mem_free(NULL, t, sizeof *t);
}

vitro_trace *vitro_trace_ref(vitro_trace *trace)
{
    if (trace)
        __atomic_add_fetch(&trace->refs, 1, __ATOMIC_RELAXED);
    return trace;
}

void vitro_trace_unref(vitro_trace *trace)
{
    if (trace && !__atomic_sub_fetch(&trace->refs, 1, __ATOMIC_ACQ_REL))
        trace_free(trace);
}

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

static vitro_code add_sink(vitro_trace *t, vitro_str spec, const vitro_trace_options *options,
                           vitro_error *err)
{
    struct sink *s = &t->sink[t->sinks];
    vitro_code rc;

    if (t->asked == TRACE_SINKS)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "trace", 0, "more than %d sinks",
                          TRACE_SINKS);
    rc = vitro_sink_open(s, &t->account, spec, options, err);
    if (rc)
        return rc;
    t->sinks++;
    t->asked++;
    vitro_trace_greet(t, s);
    return VITRO_OK;
}

static vitro_code add_sinks(vitro_trace *t, vitro_str list, const vitro_trace_options *options,
                            vitro_error *err)
{
    vitro_code rc = VITRO_OK;

    if (!list.len)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "trace", 0, "no sink; there are %s",
                          vitro_sink_kinds);
    for (size_t end; !rc && list.len; list.ptr += end, list.len -= end) {
        const char *comma = memchr(list.ptr, ',', list.len);
        end = comma ? (size_t)(comma - list.ptr) : list.len;
        rc = add_sink(t, (vitro_str){ list.ptr, end }, options, err);
        end += comma != NULL;
    }
    return rc;
}

vitro_code vitro_trace_add(vitro_trace *trace, const char *sinks,
                           const vitro_trace_options *options, vitro_error *err)
{
    vitro_trace_options wanted;
    size_t before;
    vitro_code rc;

    if (!trace || !vitro_options_import(&wanted, sizeof wanted, options))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "trace", 0,
                          "options of a later version, or no trace");
    vitro_trace_enter(trace);
    before = trace->sinks;
    rc = add_sinks(trace, vitro_str_of(sinks), &wanted, err);
    for (; rc && trace->sinks > before; trace->asked--)
        vitro_sink_done(&trace->sink[--trace->sinks]);
    count_hearers(trace);
    __atomic_fetch_add(&trace->added, 1, __ATOMIC_RELEASE);
    vitro_trace_tell_watchers(trace);
    vitro_trace_leave(trace);
    return rc;
}

vitro_code vitro_trace_open(vitro_trace **out, const char *sinks,
                            const vitro_trace_options *options, vitro_error *err)
{
    vitro_code rc;

    *out = trace_new();
    if (!*out)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "trace", 0, "out of memory");
    rc = vitro_trace_add(*out, sinks, options, err);
    if (rc) {
        vitro_trace_unref(*out);
        *out = NULL;
    }
    return rc;
}
