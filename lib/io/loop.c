#include "io/inside.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "io/sim.h"

/*
 * A turn:
 *
 *      gather: wait -> posts -> timers -> ready sources     input of all connections
 *      finish: tasks -> ends -> flushes                     callbacks, then one write each
 *
 * Each list is taken whole before it runs: what is added meanwhile belongs to a later phase or to
 * the next turn, which then does not wait. So no callback runs inside the call that asked for it,
 * and a turn ends.
 */
static _Thread_local const vitro_loop *current; /* whose turn this thread is in */

static void real_wait(vitro_loop *loop, int64_t wait_ns)
{
    vitro_epoll_wait(&loop->epoll, wait_ns);
}

static bool real_dispatch(vitro_loop *loop)
{
    return vitro_epoll_dispatch(&loop->epoll);
}

static void real_wake(vitro_loop *loop)
{
    vitro_epoll_wake(&loop->epoll);
}

static const struct poller_ops epoll_poller = { real_wait, real_dispatch, real_wake };

/* ---- life ----------------------------------------------------------------------------------- */

/* Attached bytes that have left are given back at the turn's end, not inside a call's function. */
static void on_release(struct task *t)
{
    vitro_pool_release(&CONTAINER_OF(t, vitro_loop, release)->pool);
}

static void defer_release(struct pool *p)
{
    vitro_loop *loop = CONTAINER_OF(p, vitro_loop, pool);

    vitro_loop_at_flush(loop, &loop->release);
}

static void init_parts(vitro_loop *loop, const vitro_loop_options *options)
{
    static atomic_uint numbers;
    vitro_str name = vitro_str_of(options->name ? options->name : "loop");

    memcpy(loop->name, name.ptr, MIN(name.len, sizeof loop->name - 1));
    atomic_init(&loop->refs, 1);
    loop->clock = vitro_clock_system();
    vitro_account_init(&loop->account, NULL, options->memory_bytes);
    vitro_pool_init(&loop->pool, &loop->account);
    vitro_task_init(&loop->release, on_release);
    loop->pool.defer = defer_release;
    loop->timers.account = &loop->account;
    list_init(&loop->tasks);
    list_init(&loop->later);
    list_init(&loop->ends);
    list_init(&loop->flushes);
    list_init(&loop->trims);
    list_init(&loop->ready);
    list_init(&loop->sim_link);
    pthread_mutex_init(&loop->lock, NULL);
    loop->epoll.fd = loop->epoll.event_fd = loop->epoll.timer_fd = -1;
    if (options->seed)
        vitro_chance_seed(&loop->chance, options->seed);
    else
        vitro_chance_seed_system(&loop->chance);
    loop->poller = &epoll_poller;
    loop->number = atomic_fetch_add(&numbers, 1);
}

static void free_parts(vitro_loop *loop)
{
    vitro_epoll_done(&loop->epoll);
    pthread_mutex_destroy(&loop->lock);
    vitro_mem_free(NULL, loop, sizeof *loop);
}

vitro_code vitro_loop_make(vitro_loop **out, const vitro_loop_options *options, bool real,
                           vitro_error *err)
{
    vitro_loop_options o;
    vitro_loop *loop;

    *out = NULL;
    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("loop", err);
    loop = vitro_mem_zalloc(NULL, sizeof *loop);
    if (!loop)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "loop", 0, "out of memory");
    init_parts(loop, &o);
    if (real && vitro_epoll_init(&loop->epoll, err) != VITRO_OK) {
        free_parts(loop);
        return VITRO_RESOURCE_EXHAUSTED;
    }
    loop->now = loop->clock.mono(loop->clock.user);
    *out = loop;
    return VITRO_OK;
}

vitro_code vitro_loop_new(vitro_loop **out, const vitro_loop_options *options, vitro_error *err)
{
    return vitro_loop_make(out, options, true, err);
}

void vitro_loop_destroy(vitro_loop *loop)
{
    struct loop_hook *hook = loop->hook;

    vitro_lookups_leave(loop);
    loop->hook = NULL;
    if (hook)
        hook->leaving(hook);
    vitro_loop_drain(loop);
    if (loop->sim)
        vitro_sim_forget(loop);
    assert(loop->holds == 0 && !loop->tracings);
    vitro_timers_done(&loop->timers);
    vitro_mem_free(&loop->account, loop->read_buffer, LOOP_READ_BYTES);
    vitro_task_cancel(&loop->release);
    vitro_pool_done(&loop->pool);
    assert(loop->account.live == 0);
    free_parts(loop);
}

vitro_loop *vitro_loop_ref(vitro_loop *loop)
{
    atomic_fetch_add(&loop->refs, 1);
    return loop;
}

void vitro_loop_unref(vitro_loop *loop)
{
    if (!loop)
        return;
    if (vitro_loop_is_deserted(loop))
        vitro_loop_hear(loop);
    if (atomic_fetch_sub(&loop->refs, 1) != 1)
        return;
    if (vitro_loop_here(loop) || vitro_sim_running(loop->sim)) {
        loop->orphan = true; /* whoever runs it frees it */
        atomic_store(&loop->stop, true);
        return;
    }
    vitro_loop_stop(loop);
    vitro_loop_destroy(loop);
}

/* ---- a turn --------------------------------------------------------------------------------- */

static bool run_posts(vitro_loop *loop)
{
    struct post *newest, *oldest = NULL;

    if (!atomic_load_explicit(&loop->posts, memory_order_relaxed))
        return false;
    newest = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire);
    while (newest) {
        struct post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct post *post = oldest;
        oldest = post->next;
        post->run(post);
    }
    return true;
}

static bool run_list(struct list *waiting)
{
    struct list now, *item;
    bool any = false;

    list_init(&now);
    list_splice(&now, waiting);
    while ((item = list_pop(&now)) != NULL) {
        struct task *task = CONTAINER_OF(item, struct task, link);
        task->run(task);
        any = true;
    }
    return any;
}

static void flush_traces(vitro_loop *loop)
{
    for (size_t i = 0; i < LOOP_TRACES && loop->traces[i]; i++) {
        vitro_trace *trace = loop->traces[i];
        loop->traces[i] = NULL;
        vitro_loop_flushed(loop, trace, vitro_trace_flush(trace));
        vitro_trace_unref(trace);
    }
}

bool vitro_loop_queued(const vitro_loop *loop)
{
    return !list_empty(&loop->tasks) || !list_empty(&loop->later) || !list_empty(&loop->ends) ||
           !list_empty(&loop->flushes) ||
           atomic_load_explicit(&loop->posts, memory_order_relaxed) != NULL;
}

static int64_t read_clock(const vitro_loop *loop)
{
    return loop->clock.mono(loop->clock.user);
}

/* How long the poller may wait: not at all with work at hand, not past the next timer. */
static int64_t wait_time(const vitro_loop *loop, int64_t wait_ns)
{
    int64_t due, left;

    if (wait_ns == 0 || vitro_loop_queued(loop))
        return 0;
    due = vitro_timers_earliest(&loop->timers);
    if (due == INT64_MAX)
        return wait_ns;
    left = due - read_clock(loop);
    left = MAX(left, 0);
    return wait_ns < 0 || left < wait_ns ? left : wait_ns;
}

bool vitro_loop_gather(vitro_loop *loop, int64_t wait_ns)
{
    const vitro_loop *before = current;
    bool any;

    current = loop;
    loop->signalled = false;
    loop->poller->wait(loop, wait_time(loop, wait_ns));
    list_splice(&loop->tasks, &loop->later);
    loop->now = read_clock(loop);
    any = run_posts(loop);
    any |= vitro_timers_fire(&loop->timers, loop->now);
    any |= loop->poller->dispatch(loop);
    current = before;
    return any;
}

bool vitro_loop_finish(vitro_loop *loop)
{
    const vitro_loop *before = current;
    bool any;

    current = loop;
    any = run_list(&loop->tasks);
    any |= run_list(&loop->ends);
    any |= run_list(&loop->flushes);
    flush_traces(loop);
    current = before;
    return any;
}

void vitro_loop_inside(vitro_loop *loop, void (*fn)(void *user), void *user)
{
    const vitro_loop *before = current;

    current = loop;
    loop->now = read_clock(loop);
    fn(user);
    current = before;
}

void vitro_loop_drain(vitro_loop *loop)
{
    const vitro_loop *before = current;

    current = loop;
    while (vitro_loop_queued(loop)) {
        run_posts(loop);
        list_splice(&loop->tasks, &loop->later);
        vitro_loop_finish(loop);
    }
    flush_traces(loop);
    current = before;
}

bool vitro_loop_here(const vitro_loop *loop)
{
    return current == loop;
}

bool vitro_loop_mine(const vitro_loop *loop)
{
    return current == loop || !atomic_load(&loop->running);
}
