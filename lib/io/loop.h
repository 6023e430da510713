/*
 * loop - the inside of vitro/loop.h: what connections, calls and skins are built on.
 *
 * Everything here is embedded in its user and never fails: a timer, a task and a post are found
 * again with CONTAINER_OF. All belong to the loop's thread but vitro_loop_send.
 */
#ifndef VITRO_IO_LOOP_H
#define VITRO_IO_LOOP_H

#include <assert.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/util.h"
#include "vitro/loop.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- timers: a 4-ary heap; equal times fire in the order they were started ------------------ */

struct timer {
    void (*fire)(struct timer *t); /* it is stopped by then and may be started again */
    int64_t due;
    uint64_t order;
    size_t at;          /* place in the heap, from 1; 0: not in it */
    struct timer *next; /* when the heap could not grow */
    bool background;
};

void vitro_timer_init(struct timer *t, void (*fire)(struct timer *t));

/* When ns are over; those of an application may be more than there is time, or less than none. */
static inline int64_t loop_after(const vitro_loop *loop, int64_t ns)
{
    int64_t now = vitro_loop_now(loop);

    return now + MIN(MAX(ns, (int64_t)0), INT64_MAX - now);
}

/* Fire at `due` of vitro_loop_now() or later. A timer that runs already is moved. */
void vitro_timer_start(vitro_loop *loop, struct timer *t, int64_t due);

/*
 * The same for what an object does from time to time as long as it lives. Under sim nobody waits
 * for that: a world with nothing else to come is at its end (vitro_sim_run).
 */
void vitro_timer_start_background(vitro_loop *loop, struct timer *t, int64_t due);

/* Does nothing to a timer that does not run, or is zeroed. */
void vitro_timer_stop(vitro_loop *loop, struct timer *t);

static inline bool timer_running(const struct timer *t)
{
    return t->at != 0;
}

/* ---- tasks: callbacks that must not run here and now ---------------------------------------- */

struct task {
    struct list link;
    void (*run)(struct task *t); /* it is out of the list by then and may be deferred again */
};

void vitro_task_init(struct task *t, void (*run)(struct task *t));

/*
 * Run the task after what is readable now has been read: in this turn when asked for while
 * reading, firing timers or running posts; in the next when asked for in a task or later. A task
 * that waits already stays where it is.
 */
void vitro_loop_defer(vitro_loop *loop, struct task *t);

/* Run the task in the next turn, whatever this one still does. */
void vitro_loop_next_turn(vitro_loop *loop, struct task *t);

/* Run the task after all tasks of this turn (drivers write here), or after that (sinks flush). */
void vitro_loop_at_end(vitro_loop *loop, struct task *t);
void vitro_loop_at_flush(vitro_loop *loop, struct task *t);

/* Run the task at each vitro_loop_trim(), until it is cancelled: give back free lists. */
void vitro_loop_at_trim(vitro_loop *loop, struct task *t);

/* Forget a task that waits, in whichever list. Does nothing to one that does not, or is zeroed. */
void vitro_task_cancel(struct task *t);

static inline bool task_waiting(const struct task *t)
{
    return t->link.next && !list_empty(&t->link);
}

/* ---- posts: work from other threads --------------------------------------------------------- */

struct post {
    struct post *next;
    void (*run)(struct post *p); /* it may be freed or sent again there */
};

/* Run the post in a turn of the loop. Any thread. Not while it is on its way already. */
void vitro_loop_send(vitro_loop *loop, struct post *p, void (*run)(struct post *p));

/* ---- blocking skins ------------------------------------------------------------------------- */

/*
 * One blocking call. start runs on the loop and asks for what the caller waits for; when that has
 * come, something on the loop calls vitro_await_done, exactly once, perhaps in start already.
 */
struct await {
    struct post post;
    void (*start)(struct await *a);
    vitro_loop *loop;
    void *wake; /* what the waiting thread sleeps on; NULL when it drives the loop itself */
    bool done;
};

/*
 * Run start on the loop and wait for vitro_await_done. a is filled by this function and lives
 * until it returns. A loop that was not started is driven here (what is readable is read first); a
 * started one is posted to, from any thread.
 * Returns FAILED_PRECONDITION in a callback of the loop (start was not called then), ABORTED under
 * sim when nothing can happen any more (start was called; a is out of use when abandon, run in
 * that case, returns: it must see to it that vitro_await_done is not called later).
 */
vitro_code vitro_loop_await(vitro_loop *loop, struct await *a, void (*start)(struct await *a),
                            void (*abandon)(struct await *a), vitro_error *err);
void vitro_await_done(struct await *a);

/* ---- what a loop lends to its objects ------------------------------------------------------- */

struct account *vitro_loop_account(vitro_loop *loop);
struct pool *vitro_loop_pool(vitro_loop *loop);
struct clock vitro_loop_clock(vitro_loop *loop);
struct chance *vitro_loop_chance(vitro_loop *loop);
const char *vitro_loop_name(const vitro_loop *loop);

uint32_t vitro_loop_number(const vitro_loop *loop); /* from 0: its interface in a trace */
uint32_t vitro_loop_next_call(vitro_loop *loop);    /* from 1: the calls of a loop, for notes */

/*
 * The trace for objects of the loop: given, or the process's when that is NULL, with a reference
 * for the caller: vitro_loop_untrace(). NULL when there is neither. Under sim it has the world's
 * time from here on. As long as an object of the loop uses it, the loop lets in who attaches to a
 * trace that listens.
 */
vitro_trace *vitro_loop_trace(vitro_loop *loop, vitro_trace *given);

/* Give the reference back: an object of the loop uses the trace no more. trace may be NULL. */
void vitro_loop_untrace(vitro_loop *loop, vitro_trace *trace);

/* Something was written to the trace: flush it at the end of the turn. trace may be NULL. */
void vitro_loop_traced(vitro_loop *loop, vitro_trace *trace);

/* The world that the loop belongs to; NULL for a real one. */
struct vitro_sim *vitro_loop_sim(const vitro_loop *loop);

/* Room that every reader of the loop uses in turn; NULL when memory is out. */
enum { LOOP_READ_BYTES = 256 * 1024 };
uint8_t *vitro_loop_read_buffer(vitro_loop *loop);

/* True on the thread, and in the turn, of the loop. */
bool vitro_loop_here(const vitro_loop *loop);

/* True when the caller may touch objects of the loop: it is here, or nobody is. */
bool vitro_loop_mine(const vitro_loop *loop);

/* Debug builds stop when the caller may not touch objects of the loop. */
#define LOOP_ASSERT(loop) assert(vitro_loop_mine(loop))

/*
 * Somebody who wants to know of each driver of the loop before it begins, to push a layer; at
 * most one. Embedded in its user, found again with CONTAINER_OF.
 */
struct driver;
struct loop_hook {
    bool (*opening)(struct loop_hook *h, struct driver *d); /* false: memory is out, it fails */
    void (*leaving)(struct loop_hook *h); /* the loop ends and forgets it: hold nothing back */
    bool holds; /* it may hold up what crosses: then who is slow need not be the peer */
};

/* Set it, or with NULL take it away. False when there is another already. */
bool vitro_loop_set_hook(vitro_loop *loop, struct loop_hook *hook);

/* There is one that holds. */
bool vitro_loop_is_held_up(const vitro_loop *loop);

/* Objects that a loop must outlive say so: the last unref asserts that none is left. */
void vitro_loop_hold(vitro_loop *loop);
void vitro_loop_release(vitro_loop *loop);

/*
 * The one that drives the loop goes, and leaves one object that waits for references to be dropped,
 * by whichever thread. From here on each vitro_loop_unref runs what was posted: who posts and drops
 * a reference then is heard. Not when there are other objects, whose owner drives the loop.
 */
void vitro_loop_desert(vitro_loop *loop);
bool vitro_loop_is_deserted(const vitro_loop *loop);

#ifdef __cplusplus
}
#endif
#endif
