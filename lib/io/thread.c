#include "io/inside.h"

#include <assert.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>

#include "base/error.h"
#include "io/sim.h"
#include "io/system.h"

/* A loop with a thread of its own, and callers that wait for one loop or another. */

static void *thread_main(void *user)
{
    vitro_loop *loop = user;
    bool orphan;

    while (!atomic_load(&loop->stop)) {
        vitro_loop_gather(loop, -1);
        vitro_loop_finish(loop);
    }
    vitro_loop_gather(loop, 0); /* what was posted before the stop */
    vitro_loop_finish(loop);
    orphan = loop->orphan;
    if (orphan)
        pthread_detach(pthread_self());
    vitro_loop_leave(loop); /* an orphan is freed here */
    return NULL;
}

/* Signals are for the program's own threads. */
static int create_thread(vitro_loop *loop)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&loop->thread, NULL, thread_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_setname_np(loop->thread, loop->name);
    return rc;
}

static vitro_code start_locked(vitro_loop *loop, vitro_error *err)
{
    vitro_code rc;
    int number;

    if (loop->started && !atomic_load(&loop->running)) { /* it has stopped itself */
        pthread_join(loop->thread, NULL);
        loop->started = false;
    }
    rc = vitro_loop_enter(loop, err);
    if (rc != VITRO_OK)
        return rc;
    atomic_store(&loop->stop, false);
    number = create_thread(loop);
    if (number) {
        vitro_loop_leave(loop);
        return vitro_fail_system(err, VITRO_RESOURCE_EXHAUSTED, "loop", number);
    }
    loop->started = true;
    return VITRO_OK;
}

vitro_code vitro_loop_start(vitro_loop *loop, vitro_error *err)
{
    vitro_code rc;

    if (loop->sim)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "loop", 0,
                          "a loop of a sim has no thread");
    pthread_mutex_lock(&loop->lock);
    rc = start_locked(loop, err);
    pthread_mutex_unlock(&loop->lock);
    return rc;
}

void vitro_loop_stop(vitro_loop *loop)
{
    if (vitro_loop_here(loop)) {
        atomic_store(&loop->stop, true);
        return;
    }
    pthread_mutex_lock(&loop->lock);
    if (loop->started) {
        atomic_store(&loop->stop, true);
        loop->poller->wake(loop);
        pthread_join(loop->thread, NULL);
        loop->started = false;
    }
    pthread_mutex_unlock(&loop->lock);
}

/* ---- blocking skins ------------------------------------------------------------------------- */

static void start_inside(void *user)
{
    struct await *a = user;

    a->start(a);
}

static void start_posted(struct post *post)
{
    struct await *a = CONTAINER_OF(post, struct await, post);

    a->start(a);
}

static bool is_done(void *user)
{
    return ((const struct await *)user)->done;
}

/* The thread of a started loop does the work; this one sleeps. */
static vitro_code sleep_for(struct await *a)
{
    sem_t wake;

    sem_init(&wake, 0, 0);
    a->wake = &wake;
    vitro_loop_send(a->loop, &a->post, start_posted);
    while (sem_wait(&wake) != 0) {
        /* a signal */
    }
    sem_destroy(&wake);
    return VITRO_OK;
}

/* Read what is readable, begin, send what that made, then wait: two polls for a call. */
static void drive_real(struct await *a)
{
    vitro_loop *loop = a->loop;

    vitro_loop_gather(loop, 0);
    vitro_loop_inside(loop, start_inside, a);
    vitro_loop_finish(loop);
    while (!a->done) {
        vitro_loop_gather(loop, -1);
        vitro_loop_finish(loop);
    }
}

static vitro_code drive_sim(struct await *a, void (*abandon)(struct await *a), vitro_error *err)
{
    vitro_code rc;

    vitro_loop_inside(a->loop, start_inside, a);
    rc = a->done ? VITRO_OK : vitro_sim_until(a->loop->sim, is_done, a, INT64_MAX, err);
    if (rc != VITRO_OK && abandon)
        abandon(a);
    return rc;
}

/* True when a thread runs the loop, so that somebody else will do the work. */
static bool has_thread(vitro_loop *loop)
{
    bool started;

    if (loop->sim)
        return false;
    pthread_mutex_lock(&loop->lock);
    started = loop->started && atomic_load(&loop->running);
    pthread_mutex_unlock(&loop->lock);
    return started;
}

static vitro_code drive(struct await *a, void (*abandon)(struct await *a), vitro_error *err)
{
    vitro_loop *loop = a->loop;
    vitro_code rc;

    while ((rc = vitro_loop_enter(loop, err)) != VITRO_OK && vitro_loop_is_deserted(loop))
        sched_yield(); /* another thread hears what was posted, and waits for nothing */
    if (rc != VITRO_OK)
        return rc;
    if (loop->sim)
        rc = drive_sim(a, abandon, err);
    else
        drive_real(a);
    vitro_loop_leave(loop);
    return rc;
}

vitro_code vitro_loop_await(vitro_loop *loop, struct await *a, void (*start)(struct await *a),
                            void (*abandon)(struct await *a), vitro_error *err)
{
    vitro_code rc;

    *a = (struct await){ .start = start, .loop = loop };
    if (vitro_loop_here(loop))
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "loop", 0,
                          "a blocking call in a callback of its own loop");
    vitro_loop_ref(loop); /* its last object may go in the turns to come */
    rc = has_thread(loop) ? sleep_for(a) : drive(a, abandon, err);
    vitro_loop_unref(loop);
    return rc;
}

void vitro_await_done(struct await *a)
{
    assert(!a->done);
    a->done = true;
    if (a->wake)
        sem_post(a->wake);
}
