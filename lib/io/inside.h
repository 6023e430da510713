/*
 * inside - what a loop is made of, for the files of this folder only.
 */
#ifndef VITRO_IO_INSIDE_H
#define VITRO_IO_INSIDE_H

#include <pthread.h>
#include <sys/epoll.h>

#include "io/loop.h"
#include "io/poller.h"

#ifdef __cplusplus
#define ATOMIC(type) type /* for a look at the header only: no C++ file uses it */
extern "C" {
#else
#include <stdatomic.h>
#define ATOMIC(type) _Atomic(type)
#endif

enum { LOOP_NAME = 16, LOOP_EVENTS = 256, LOOP_TRACES = 4 };

struct timer_slot {
    int64_t due;
    uint64_t order;
    struct timer *timer;
};

/* The heap of a loop, and the timers that it had no memory for. */
struct timers {
    struct timer_slot *heap;
    size_t count, room;
    size_t awaited; /* timers that are not in the background */
    struct timer *overflow;
    uint64_t orders;
    struct account *account;
};

void vitro_timers_done(struct timers *t);
void vitro_timers_trim(struct timers *t);
int64_t vitro_timers_earliest(const struct timers *t); /* INT64_MAX: none */
bool vitro_timers_fire(struct timers *t, int64_t now); /* true when one fired */

/* The kernel's side of a real loop. */
struct epoll {
    int fd, event_fd, timer_fd;
    int64_t armed; /* when timer_fd fires; INT64_MAX: it does not */
    int count, at; /* events of this turn, and how many were handled */
    struct epoll_event events[LOOP_EVENTS];
};

vitro_code vitro_epoll_init(struct epoll *e, vitro_error *err);
void vitro_epoll_done(struct epoll *e);
void vitro_epoll_wait(struct epoll *e, int64_t wait_ns);
bool vitro_epoll_dispatch(struct epoll *e);         /* true when anything was ready */
void vitro_epoll_wake(struct epoll *e);             /* any thread */
void vitro_epoll_arm(struct epoll *e, int64_t due); /* the timerfd, if there is one */
bool vitro_epoll_embed(struct epoll *e);            /* make the timerfd */

/* The poller of a loop: where readiness comes from. */
struct poller_ops {
    void (*wait)(vitro_loop *loop, int64_t wait_ns);
    bool (*dispatch)(vitro_loop *loop);
    void (*wake)(vitro_loop *loop); /* any thread */
};

struct vitro_loop {
    ATOMIC(size_t) refs;
    const struct poller_ops *poller;
    struct epoll epoll; /* unused under sim */
    struct clock clock;
    int64_t now; /* of this turn */
    struct account account;
    struct pool pool;
    struct task release; /* of what the pool's queues have dropped */
    uint8_t *read_buffer;
    struct chance chance;
    struct timers timers;
    struct list tasks, ends, flushes;
    struct list trims;                /* tasks that stay: whose free lists there are */
    struct list later;                /* tasks of the next turn */
    struct list ready;                /* under sim: tasks of links that may be read or written */
    size_t ready_count;               /* how many of them had something to say in this turn */
    ATOMIC(struct post *) posts;      /* newest first */
    vitro_trace *traces[LOOP_TRACES]; /* to be flushed with the turn; a reference each */
    struct loop_hook *hook;           /* NULL: nobody */
    struct tracing *tracings;         /* what its objects write to, see tracing.c */
    size_t holds;
    uint32_t number, calls;
    bool embedded;         /* vitro_loop_fd was asked for */
    bool signalled;        /* its descriptor is readable for queued work */
    bool orphan;           /* the last reference went inside a turn */
    ATOMIC(bool) deserted; /* see vitro_loop_desert() */
    char name[LOOP_NAME];

    struct vitro_sim *sim;
    struct list sim_link;

    ATOMIC(bool) running; /* somebody is in vitro_loop_run, or the thread lives */
    ATOMIC(bool) stop;
    pthread_mutex_t lock; /* of what follows */
    pthread_t thread;
    bool started;

    struct lookup_desk *desk; /* of resolve.c; NULL before the first look-up */
};

/* A trace was flushed at the end of a turn, or some still waits for a reader that is behind. */
void vitro_loop_flushed(vitro_loop *loop, vitro_trace *trace, bool behind);

/* The loop goes: what its look-up thread still finds is for nobody. */
void vitro_lookups_leave(vitro_loop *loop);

/* Make and free without a poller's own part. */
vitro_code vitro_loop_make(vitro_loop **out, const vitro_loop_options *options, bool real,
                           vitro_error *err);
void vitro_loop_destroy(vitro_loop *loop);

/* The two halves of a turn; both say whether anything was done. */
bool vitro_loop_gather(vitro_loop *loop, int64_t wait_ns);
bool vitro_loop_finish(vitro_loop *loop);

/* True when the next turn has work already and will not wait. */
bool vitro_loop_queued(const vitro_loop *loop);

/* Call fn(user) as a part of a turn. */
void vitro_loop_inside(vitro_loop *loop, void (*fn)(void *user), void *user);

/* Become the one that runs the loop, or its whole world; and stop being it. */
vitro_code vitro_loop_enter(vitro_loop *loop, vitro_error *err);
void vitro_loop_leave(vitro_loop *loop);

/* Run posts and tasks of a loop that will not run again. */
void vitro_loop_drain(vitro_loop *loop);

/* Run what was posted to a loop that is deserted, unless somebody else does. */
void vitro_loop_hear(vitro_loop *loop);

/* Under sim: see io/sim.h. */
extern const struct poller_ops vitro_sim_poller;

#ifdef __cplusplus
}
#endif
#endif
