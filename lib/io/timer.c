#include "io/inside.h"

#include <assert.h>
#include <string.h>

/*
 * A 4-ary heap: half as deep as a binary one, and the four children of a place lie in two cache
 * lines. The key stands beside the pointer, so that sifting touches no timer but to tell its
 * place. Timers that find no memory wait in a list, which is only ever long when memory is out.
 */
enum { ARITY = 4, HEAP_FIRST = 64 };
#define IN_OVERFLOW SIZE_MAX /* `at` of a timer outside of the heap */

static bool before(const struct timer_slot *a, const struct timer_slot *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct timers *t, size_t at, struct timer_slot slot)
{
    t->heap[at] = slot;
    slot.timer->at = at + 1;
}

static void sift_up(struct timers *t, size_t at, struct timer_slot slot)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;

        if (!before(&slot, &t->heap[parent]))
            break;
        put(t, at, t->heap[parent]);
        at = parent;
    }
    put(t, at, slot);
}

static void sift_down(struct timers *t, size_t at, struct timer_slot slot)
{
    for (;;) {
        size_t first = at * ARITY + 1, last = MIN(first + ARITY, t->count), least = first;

        if (first >= t->count)
            break;
        for (size_t i = first + 1; i < last; i++) {
            if (before(&t->heap[i], &t->heap[least]))
                least = i;
        }
        if (!before(&t->heap[least], &slot))
            break;
        put(t, at, t->heap[least]);
        at = least;
    }
    put(t, at, slot);
}

static bool grow(struct timers *t)
{
    size_t room = t->room ? t->room * 2 : HEAP_FIRST;
    struct timer_slot *heap =
        vitro_mem_resize(t->account, t->heap, t->room * sizeof *heap, room * sizeof *heap);

    if (!heap)
        return false;
    t->heap = heap;
    t->room = room;
    return true;
}

static void insert(struct timers *t, struct timer *timer)
{
    if (t->count == t->room && !grow(t)) {
        timer->at = IN_OVERFLOW;
        timer->next = t->overflow;
        t->overflow = timer;
        return;
    }
    t->count++;
    sift_up(t, t->count - 1, (struct timer_slot){ timer->due, timer->order, timer });
}

static void overflow_remove(struct timers *t, struct timer *timer)
{
    struct timer **i = &t->overflow;

    while (*i != timer)
        i = &(*i)->next;
    *i = timer->next;
    timer->at = 0;
}

static void heap_remove(struct timers *t, size_t at)
{
    struct timer_slot last = t->heap[--t->count];

    t->heap[at].timer->at = 0;
    if (at == t->count)
        return;
    if (at > 0 && before(&last, &t->heap[(at - 1) / ARITY]))
        sift_up(t, at, last);
    else
        sift_down(t, at, last);
}

static void drop(struct timers *t, struct timer *timer)
{
    t->awaited -= !timer->background;
    if (timer->at == IN_OVERFLOW)
        overflow_remove(t, timer);
    else
        heap_remove(t, timer->at - 1);
}

/* The next timer of all; NULL when there is none. */
static struct timer *first(const struct timers *t)
{
    struct timer *best = t->count ? t->heap[0].timer : NULL;

    for (struct timer *i = t->overflow; i; i = i->next) {
        if (!best || i->due < best->due || (i->due == best->due && i->order < best->order))
            best = i;
    }
    return best;
}

int64_t vitro_timers_earliest(const struct timers *t)
{
    const struct timer *timer = first(t);

    return timer ? timer->due : INT64_MAX;
}

bool vitro_timers_fire(struct timers *t, int64_t now)
{
    uint64_t limit = t->orders; /* what is started meanwhile waits for the next turn */
    bool any = false;

    for (;;) {
        struct timer *timer = first(t);

        if (!timer || timer->due > now || timer->order >= limit)
            return any;
        drop(t, timer);
        timer->fire(timer);
        any = true;
    }
}

static void shrink(struct timers *t)
{
    size_t room = HEAP_FIRST;
    struct timer_slot *heap;

    while (room < t->count)
        room *= 2;
    if (room >= t->room)
        return;
    heap = vitro_mem_resize(t->account, t->heap, t->room * sizeof *heap, room * sizeof *heap);
    if (heap) {
        t->heap = heap;
        t->room = room;
    }
}

void vitro_timers_trim(struct timers *t)
{
    if (t->count) {
        shrink(t);
        return;
    }
    vitro_mem_free(t->account, t->heap, t->room * sizeof *t->heap);
    t->heap = NULL;
    t->room = 0;
}

void vitro_timers_done(struct timers *t)
{
    assert(t->count == 0 && !t->overflow);
    t->count = 0;
    vitro_timers_trim(t);
}

void vitro_timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    *t = (struct timer){ .fire = fire };
}

static void start(vitro_loop *loop, struct timer *t, int64_t due, bool background)
{
    LOOP_ASSERT(loop);
    assert(t->fire);
    vitro_timer_stop(loop, t);
    t->background = background;
    loop->timers.awaited += !background;
    t->due = due;
    t->order = loop->timers.orders++;
    insert(&loop->timers, t);
    if (loop->embedded && due < loop->epoll.armed && !vitro_loop_here(loop))
        vitro_epoll_arm(&loop->epoll, due);
}

void vitro_timer_start(vitro_loop *loop, struct timer *t, int64_t due)
{
    start(loop, t, due, false);
}

void vitro_timer_start_background(vitro_loop *loop, struct timer *t, int64_t due)
{
    start(loop, t, due, true);
}

void vitro_timer_stop(vitro_loop *loop, struct timer *t)
{
    if (!t->at)
        return;
    LOOP_ASSERT(loop);
    drop(&loop->timers, t);
}
