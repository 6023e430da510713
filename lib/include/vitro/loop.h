/*
 * loop - what runs everything: readiness, timers, work posted by other threads.
 *
 * Every object of the library has one loop and belongs to it. A loop that was not started is
 * driven by whoever calls vitro_loop_run() or a blocking function on one of its objects;
 * vitro_loop_start() gives it a thread of its own. There are no hidden threads, but for one that
 * a loop begins when a name must be looked up, and that ends with the look-up.
 *
 *      a turn:  wait -> posted work -> timers -> what is readable -> callbacks -> write once
 *
 * Callbacks run in turns and nowhere else: none runs inside the call that asked for it.
 */
#ifndef VITRO_LOOP_H
#define VITRO_LOOP_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_loop vitro_loop;

/** Zero always means the default. Append only. */
typedef struct vitro_loop_options {
    size_t size;         /* set by VITRO_LOOP_OPTIONS_INIT, never by hand */
    const char *name;    /* copied, 15 bytes at most: its thread and interface; NULL: "loop" */
    size_t memory_bytes; /* budget of all its objects; 0: none */
    uint64_t seed;       /* of its chance; 0: from the kernel */
} vitro_loop_options;
#define VITRO_LOOP_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(vitro_loop_options), NULL, 0, 0                                                     \
    }

/**
 * Make a loop, not started.
 *
 * @param out      gives one reference; vitro_loop_unref().
 * @param options  copied; NULL: all defaults.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT; VITRO_RESOURCE_EXHAUSTED out of memory or of file
 *         descriptors.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_loop_new(vitro_loop **out,
                                                  const vitro_loop_options *options,
                                                  vitro_error *err);

/** One more reference. @return gives loop: vitro_loop_unref(). Thread: any. */
VITRO_API vitro_loop *vitro_loop_ref(vitro_loop *loop);

/**
 * Drop a reference. NULL is accepted. The last one stops the loop, runs what was posted and
 * frees it; no object may belong to the loop any more. Inside a turn of the loop that happens when
 * the turn is over. Where nobody drives the loop any more, for the channel that made it was freed,
 * each one runs what was posted.
 * Thread: any.
 */
VITRO_API void vitro_loop_unref(vitro_loop *loop);

/**
 * Run one turn on the calling thread.
 *
 * @param wait_ns  how long to wait when there is nothing to do: 0 not at all, negative until
 *                 something happens. Under sim the clock moves by as much at most.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION when the loop was started, runs already (inside one
 *         of its callbacks, or on another thread).
 * Thread: any, one at a time.
 */
VITRO_API vitro_code vitro_loop_run(vitro_loop *loop, int64_t wait_ns, vitro_error *err);

/**
 * Run turns on the calling thread until done says so.
 *
 * @param done         asked after each turn; may be NULL: never.
 * @param user         lent to done.
 * @param deadline_ns  on the clock of vitro_loop_now(); INT64_MAX: none.
 * @return VITRO_OK; VITRO_DEADLINE_EXCEEDED; VITRO_ABORTED under sim when nothing can ever happen
 *         any more; VITRO_FAILED_PRECONDITION as vitro_loop_run().
 * Thread: any, one at a time.
 */
VITRO_API vitro_code vitro_loop_run_until(vitro_loop *loop, bool (*done)(void *user), void *user,
                                          int64_t deadline_ns, vitro_error *err);

/**
 * Give the loop a thread of its own, which runs it until vitro_loop_stop().
 *
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION when it was started, runs, or belongs to a sim;
 *         VITRO_RESOURCE_EXHAUSTED when there is no thread to be had.
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_loop_start(vitro_loop *loop, vitro_error *err);

/**
 * End the loop's thread and wait for it. What was posted before runs first; what is posted later
 * waits for the next start, run or last unref. Does nothing to a loop that was not started. On
 * the loop's own thread it only asks: the thread ends with the turn.
 * Thread: any.
 */
VITRO_API void vitro_loop_stop(vitro_loop *loop);

/**
 * Run fn(user) in a turn of the loop. In the order of posting, for one poster.
 *
 * @param fn    called once, on the thread of the loop.
 * @param user  kept until then.
 * @return VITRO_OK; VITRO_RESOURCE_EXHAUSTED out of memory: fn is not called then.
 * Thread: any that holds a reference until this returns: fn may drop another before.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_loop_post(vitro_loop *loop, void (*fn)(void *user),
                                                   void *user);

typedef struct vitro_alarm vitro_alarm;

/**
 * Make an alarm, which is not set yet.
 *
 * @param out   gives; vitro_alarm_free().
 * @param loop  keeps: must outlive the alarm.
 * @param fn    called in a turn of the loop, once for each vitro_alarm_set(); it may set the alarm
 *              again, or free it.
 * @param user  kept.
 * @return VITRO_OK; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_alarm_new(vitro_alarm **out, vitro_loop *loop,
                                                   void (*fn)(void *user), void *user,
                                                   vitro_error *err);

/**
 * Call fn at a time, or right after it; a time that was set before no longer counts.
 *
 * @param at_ns  on the clock of vitro_loop_now(): what repeats adds to the last time, not to now,
 *               and does not drift.
 * Thread: loop.  Re-entry: allowed in every callback.
 */
VITRO_API void vitro_alarm_set(vitro_alarm *alarm, int64_t at_ns);

/** Forget the time that was set; harmless when there is none. Thread: loop. */
VITRO_API void vitro_alarm_clear(vitro_alarm *alarm);

/** Free an alarm, set or not; fn is not called any more. NULL is accepted. Thread: loop. */
VITRO_API void vitro_alarm_free(vitro_alarm *alarm);

typedef struct vitro_watch vitro_watch;

/**
 * Watch a descriptor: a pipe, a terminal, a socket of the application.
 *
 * @param out   gives; vitro_watch_free().
 * @param loop  keeps: must outlive the watch.
 * @param fd    lent: open until the watch is freed.
 * @param fn    called in turns of the loop while there is something to read, or the end; it may
 *              free the watch.
 * @param user  kept.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT when it cannot be watched (a regular file, which is
 *         always ready); VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.  Under sim: it is looked at when nothing else can happen at this time; while the
 * clock is held the world waits for it.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_watch_new(vitro_watch **out, vitro_loop *loop, int fd,
                                                   void (*fn)(void *user), void *user,
                                                   vitro_error *err);

/** Free a watch; fn is not called any more. NULL is accepted. Thread: loop. */
VITRO_API void vitro_watch_free(vitro_watch *watch);

/**
 * One descriptor for any other loop to poll for reading: when it is readable, call
 * vitro_loop_run(loop, 0, NULL). It stands for sockets, timers and work queued outside of run.
 *
 * @return lends a descriptor, the same each time; -1 under sim, and when there is none to be had.
 * Thread: loop.
 */
VITRO_API int vitro_loop_fd(vitro_loop *loop);

/** Nanoseconds that only go forward; inside a turn the turn's own time. Thread: loop. */
VITRO_API int64_t vitro_loop_now(const vitro_loop *loop);

/** Nanoseconds since 1970-01-01T00:00:00Z. Thread: loop. */
VITRO_API int64_t vitro_loop_wall(const vitro_loop *loop);

/** Memory that the objects of a loop hold. */
typedef struct vitro_memory {
    size_t bytes;
    size_t allocations;
} vitro_memory;

/** What is charged to the loop now, free lists included (vitro_loop_trim()). Thread: loop. */
VITRO_API vitro_memory vitro_loop_memory(const vitro_loop *loop);

/** Give back memory that is kept only to be used again. Thread: loop. */
VITRO_API void vitro_loop_trim(vitro_loop *loop);

#ifdef __cplusplus
}
#endif
#endif
