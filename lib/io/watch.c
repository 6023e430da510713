/*
 * watch - a descriptor of the application in the loop, for who includes vitro/loop.h alone.
 *
 * A real loop has it in its poller. A world in memory has no descriptors of its own: it looks at
 * those of its watches whenever nothing else can happen at this moment of its time.
 */
#include <errno.h>
#include <poll.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/sim.h"
#include "io/system.h"

struct vitro_watch {
    struct source source;
    struct list link; /* of the sim */
    vitro_loop *loop;
    void (*fn)(void *user);
    void *user;
};

/* fn may free the watch: nothing of it is touched after. */
static void on_ready(struct source *s, unsigned events)
{
    vitro_watch *w = CONTAINER_OF(s, vitro_watch, source);

    (void)events;
    w->fn(w->user);
}

static bool begin(vitro_watch *w)
{
    struct vitro_sim *sim = w->loop->sim;

    if (!sim)
        return vitro_source_want(w->loop, &w->source, IO_READ);
    if (sim->watch_count == SIM_WATCHES) {
        errno = ENOSPC;
        return false;
    }
    sim->watch_count++;
    list_append(&sim->watches, &w->link);
    return true;
}

static void end(vitro_watch *w)
{
    if (!w->loop->sim) {
        vitro_source_want(w->loop, &w->source, 0);
        return;
    }
    list_remove(&w->link);
    w->loop->sim->watch_count--;
}

static void release(vitro_watch *w)
{
    vitro_loop *loop = w->loop;

    vitro_mem_free(vitro_loop_account(loop), w, sizeof *w);
    vitro_loop_release(loop);
}

vitro_code vitro_watch_new(vitro_watch **out, vitro_loop *loop, int fd, void (*fn)(void *user),
                           void *user, vitro_error *err)
{
    vitro_watch *w;
    vitro_code rc;

    LOOP_ASSERT(loop);
    w = vitro_mem_zalloc(vitro_loop_account(loop), sizeof *w);
    *out = w;
    if (!w)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "watch", 0, "out of memory");
    vitro_source_init(&w->source, fd, on_ready);
    list_init(&w->link);
    w->loop = loop;
    w->fn = fn;
    w->user = user;
    vitro_loop_hold(loop);
    if (begin(w))
        return VITRO_OK;
    rc = errno == EPERM ? vitro_fail(err, VITRO_INVALID_ARGUMENT, "watch", EPERM,
                                     "a regular file or a folder is always ready")
                        : vitro_fail_system(err, VITRO_INVALID_ARGUMENT, "watch", errno);
    *out = NULL;
    release(w);
    return rc;
}

void vitro_watch_free(vitro_watch *w)
{
    if (!w)
        return;
    LOOP_ASSERT(w->loop);
    end(w);
    release(w);
}

/* ---- a world's watches ---------------------------------------------------------------------- */

static void run_watch(void *user)
{
    vitro_watch *w = user;

    w->fn(w->user);
}

static bool is_readable(const vitro_watch *w)
{
    struct pollfd p = { .fd = w->source.fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

/* Wait until any may be readable. */
static void wait_for_any(const struct list *watches)
{
    struct pollfd polls[SIM_WATCHES];
    nfds_t n = 0;

    for (const struct list *i = watches->next; i != watches; i = i->next)
        polls[n++] = (struct pollfd){ CONTAINER_OF(i, vitro_watch, link)->source.fd, POLLIN, 0 };
    poll(polls, n, -1); /* a signal ends it: then nothing is readable, and it is asked again */
}

static bool run_readable(struct list *watches)
{
    struct list now, *i;
    bool any = false;

    list_init(&now);
    list_splice(&now, watches);
    while ((i = list_pop(&now)) != NULL) {
        vitro_watch *w = CONTAINER_OF(i, vitro_watch, link);
        list_append(watches, i);
        if (!is_readable(w))
            continue;
        any = true;
        vitro_loop_inside(w->loop, run_watch, w);
    }
    return any;
}

bool vitro_sim_look(struct vitro_sim *sim)
{
    if (list_empty(&sim->watches))
        return false;
    if (!sim->holds)
        return run_readable(&sim->watches);
    wait_for_any(&sim->watches);
    run_readable(&sim->watches);
    return true;
}
