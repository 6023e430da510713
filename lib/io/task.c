#include "io/inside.h"

#include <assert.h>

/* Tasks, posts, and what a loop lends to its objects. */

void vitro_task_init(struct task *t, void (*run)(struct task *t))
{
    list_init(&t->link);
    t->run = run;
}

void vitro_task_cancel(struct task *t)
{
    if (t->link.next)
        list_remove(&t->link);
}

static void queue(vitro_loop *loop, struct list *where, struct task *t)
{
    LOOP_ASSERT(loop);
    assert(t->run);
    if (!list_empty(&t->link))
        return;
    list_append(where, &t->link);
    if (loop->embedded && !loop->signalled && !vitro_loop_here(loop)) {
        loop->signalled = true;
        vitro_epoll_wake(&loop->epoll);
    }
}

void vitro_loop_defer(vitro_loop *loop, struct task *t)
{
    queue(loop, &loop->tasks, t);
}

void vitro_loop_next_turn(vitro_loop *loop, struct task *t)
{
    queue(loop, &loop->later, t);
}

void vitro_loop_at_end(vitro_loop *loop, struct task *t)
{
    queue(loop, &loop->ends, t);
}

void vitro_loop_at_flush(vitro_loop *loop, struct task *t)
{
    queue(loop, &loop->flushes, t);
}

void vitro_loop_at_trim(vitro_loop *loop, struct task *t)
{
    if (!task_waiting(t))
        list_append(&loop->trims, &t->link);
}

/* ---- posts ---------------------------------------------------------------------------------- */

void vitro_loop_send(vitro_loop *loop, struct post *p, void (*run)(struct post *p))
{
    struct post *newest = atomic_load_explicit(&loop->posts, memory_order_relaxed);

    p->run = run;
    do {
        p->next = newest;
        /* in one order with what vitro_loop_hear() asks */
    } while (!atomic_compare_exchange_weak_explicit(&loop->posts, &newest, p, memory_order_seq_cst,
                                                    memory_order_relaxed));
    /* Inside of its turn the loop looks before it sleeps; behind another post it is awake. */
    if (!newest && !vitro_loop_here(loop))
        loop->poller->wake(loop);
}

struct posted {
    struct post post;
    void (*fn)(void *user);
    void *user;
};

static void run_posted(struct post *post)
{
    struct posted p = *CONTAINER_OF(post, struct posted, post);

    vitro_mem_free(NULL, CONTAINER_OF(post, struct posted, post), sizeof p);
    p.fn(p.user);
}

vitro_code vitro_loop_post(vitro_loop *loop, void (*fn)(void *user), void *user)
{
    struct posted *p = vitro_mem_alloc(NULL, sizeof *p); /* accounts belong to one thread */

    if (!p)
        return VITRO_RESOURCE_EXHAUSTED;
    p->fn = fn;
    p->user = user;
    vitro_loop_send(loop, &p->post, run_posted);
    return VITRO_OK;
}

/* ---- what a loop lends ---------------------------------------------------------------------- */

int64_t vitro_loop_now(const vitro_loop *loop)
{
    return vitro_loop_here(loop) ? loop->now : loop->clock.mono(loop->clock.user);
}

int64_t vitro_loop_wall(const vitro_loop *loop)
{
    return loop->clock.wall(loop->clock.user);
}

struct account *vitro_loop_account(vitro_loop *loop)
{
    return &loop->account;
}

struct pool *vitro_loop_pool(vitro_loop *loop)
{
    return &loop->pool;
}

struct clock vitro_loop_clock(vitro_loop *loop)
{
    return loop->clock;
}

struct chance *vitro_loop_chance(vitro_loop *loop)
{
    return &loop->chance;
}

const char *vitro_loop_name(const vitro_loop *loop)
{
    return loop->name;
}

uint32_t vitro_loop_number(const vitro_loop *loop)
{
    return loop->number;
}

uint32_t vitro_loop_next_call(vitro_loop *loop)
{
    return ++loop->calls;
}

struct vitro_sim *vitro_loop_sim(const vitro_loop *loop)
{
    return loop->sim;
}

uint8_t *vitro_loop_read_buffer(vitro_loop *loop)
{
    if (!loop->read_buffer)
        loop->read_buffer = vitro_mem_alloc(&loop->account, LOOP_READ_BYTES);
    return loop->read_buffer;
}

bool vitro_loop_set_hook(vitro_loop *loop, struct loop_hook *hook)
{
    LOOP_ASSERT(loop);
    if (hook && loop->hook)
        return false;
    loop->hook = hook;
    return true;
}

bool vitro_loop_is_held_up(const vitro_loop *loop)
{
    return loop->hook && loop->hook->holds;
}

void vitro_loop_hold(vitro_loop *loop)
{
    loop->holds++;
    atomic_store_explicit(&loop->deserted, false, memory_order_relaxed);
}

void vitro_loop_release(vitro_loop *loop)
{
    assert(loop->holds > 0);
    loop->holds--;
}

void vitro_loop_traced(vitro_loop *loop, vitro_trace *trace)
{
    if (!trace)
        return;
    for (size_t i = 0; i < LOOP_TRACES; i++) {
        if (loop->traces[i] == trace)
            return;
        if (!loop->traces[i]) {
            loop->traces[i] = vitro_trace_ref(trace);
            return;
        }
    }
    vitro_trace_flush(trace);
}

vitro_memory vitro_loop_memory(const vitro_loop *loop)
{
    return (vitro_memory){ loop->account.used, loop->account.live };
}

void vitro_loop_trim(vitro_loop *loop)
{
    LOOP_ASSERT(loop);
    for (struct list *i = loop->trims.next, *next; i != &loop->trims; i = next) {
        struct task *t = CONTAINER_OF(i, struct task, link);
        next = i->next;
        t->run(t);
    }
    vitro_pool_trim(&loop->pool);
    vitro_timers_trim(&loop->timers);
    vitro_mem_free(&loop->account, loop->read_buffer, LOOP_READ_BYTES);
    loop->read_buffer = NULL;
}
