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
    vitro_trace_count_hearers(trace);
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
