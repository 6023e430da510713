#include <assert.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/sim.h"

/* A loop that its caller drives, and the descriptor for callers that have a loop of their own. */
vitro_code vitro_loop_enter(vitro_loop *loop, vitro_error *err)
{
    if (loop->sim)
        return vitro_sim_enter(loop->sim, err);
    if (atomic_exchange(&loop->running, true))
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "loop", 0, "%s runs already%s",
                          loop->name, vitro_loop_here(loop) ? ", and this is a callback" : "");
    return VITRO_OK;
}

/* Make the one descriptor say what is still to be done. */
static void rearm(vitro_loop *loop)
{
    int64_t due = vitro_timers_earliest(&loop->timers);

    if (vitro_loop_queued(loop) && !loop->signalled) {
        loop->signalled = true;
        vitro_epoll_wake(&loop->epoll);
    }
    if (due < loop->epoll.armed)
        vitro_epoll_arm(&loop->epoll, due);
}

void vitro_loop_leave(vitro_loop *loop)
{
    if (loop->sim) {
        vitro_sim_leave(loop->sim);
        return;
    }
    if (loop->embedded)
        rearm(loop);
    atomic_store(&loop->running, false);
    if (loop->orphan)
        vitro_loop_destroy(loop);
}

/* ---- a loop that nobody drives -------------------------------------------------------------- */

void vitro_loop_desert(vitro_loop *loop)
{
    assert(loop->holds > 0 && !loop->sim);
    if (loop->holds == 1)
        atomic_store(&loop->deserted, true);
}

bool vitro_loop_is_deserted(const vitro_loop *loop)
{
    return atomic_load(&loop->deserted);
}

/*
 * Who comes behind a post finds the loop free, or leaves the post to the one who is in: that one
 * looks once more when it is out. Nothing waits here. The caller has a reference.
 */
void vitro_loop_hear(vitro_loop *loop)
{
    while (atomic_load(&loop->posts) && vitro_loop_enter(loop, NULL) == VITRO_OK) {
        vitro_loop_drain(loop);
        vitro_loop_leave(loop);
    }
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* Its last object may go in the turns to come, and what held it with that one. */
static vitro_code enter_for_turns(vitro_loop *loop, vitro_error *err)
{
    vitro_code rc = vitro_loop_enter(loop, err);

    if (rc == VITRO_OK)
        vitro_loop_ref(loop);
    return rc;
}

static void leave_after_turns(vitro_loop *loop)
{
    vitro_loop_leave(loop);
    vitro_loop_unref(loop);
}

vitro_code vitro_loop_run(vitro_loop *loop, int64_t wait_ns, vitro_error *err)
{
    vitro_code rc = enter_for_turns(loop, err);

    if (rc != VITRO_OK)
        return rc;
    if (loop->sim) {
        vitro_sim_turn(loop->sim, wait_ns);
    } else {
        vitro_loop_gather(loop, wait_ns);
        vitro_loop_finish(loop);
    }
    leave_after_turns(loop);
    return VITRO_OK;
}

static vitro_code drive(vitro_loop *loop, bool (*done)(void *user), void *user, int64_t deadline_ns,
                        vitro_error *err)
{
    for (int64_t wait = 0;;) {
        vitro_loop_gather(loop, wait);
        vitro_loop_finish(loop);
        if (done && done(user))
            return VITRO_OK;
        if (deadline_ns <= loop->now)
            return vitro_fail(err, VITRO_DEADLINE_EXCEEDED, "loop", 0, "it took too long");
        wait = deadline_ns == INT64_MAX ? -1 : deadline_ns - loop->now;
    }
}

vitro_code vitro_loop_run_until(vitro_loop *loop, bool (*done)(void *user), void *user,
                                int64_t deadline_ns, vitro_error *err)
{
    vitro_code rc = enter_for_turns(loop, err);

    if (rc != VITRO_OK)
        return rc;
    rc = loop->sim ? vitro_sim_until(loop->sim, done, user, deadline_ns, err)
                   : drive(loop, done, user, deadline_ns, err);
    leave_after_turns(loop);
    return rc;
}

int vitro_loop_fd(vitro_loop *loop)
{
    LOOP_ASSERT(loop);
    if (loop->sim)
        return -1;
    if (!loop->embedded) {
        if (!vitro_epoll_embed(&loop->epoll))
            return -1;
        loop->embedded = true;
        if (!vitro_loop_here(loop))
            rearm(loop);
    }
    return loop->epoll.fd;
}
