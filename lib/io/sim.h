/*
 * sim - the inside of vitro/lab/sim.h, for the files of this folder only: the world's lists, and
 * how its loops run.
 */
#ifndef VITRO_IO_SIM_H
#define VITRO_IO_SIM_H

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/address.h"
#include "io/listen.h"
#include "vitro/lab/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SIM_TRACES = 4, SIM_WATCHES = 16 };

struct vitro_sim {
    vitro_sim_options options;
    struct account account;
    struct chance chance;
    struct clock_virtual time;
    struct list loops; /* in the order of making, which is the order of running */
    struct list listeners;
    struct list links;
    struct list names;
    struct list watches; /* in the order of making */
    size_t watch_count;
    size_t links_open, links_made;
    size_t holds;
    uint32_t loops_made;
    uint16_t next_port;
    vitro_trace *traces[SIM_TRACES]; /* that have the world's time; a reference each */
    bool running;
};

/* Under NULL nothing runs. */
bool vitro_sim_running(const struct vitro_sim *sim);

vitro_code vitro_sim_enter(struct vitro_sim *sim, vitro_error *err);
void vitro_sim_leave(struct vitro_sim *sim); /* frees loops whose last reference went meanwhile */

/* One round, after a jump of the clock by at most wait_ns when there was nothing to do. */
void vitro_sim_turn(struct vitro_sim *sim, int64_t wait_ns);

vitro_code vitro_sim_until(struct vitro_sim *sim, bool (*done)(void *user), void *user,
                           int64_t deadline_ns, vitro_error *err);

/*
 * All is idle: run the watches of the world that are readable; while the clock is held, wait until
 * one may be. False when there was nothing to run or to wait for. In watch.c.
 */
bool vitro_sim_look(struct vitro_sim *sim);

/* A loop goes. */
void vitro_sim_forget(vitro_loop *loop);

/* ---- names and listeners -------------------------------------------------------------------- */

/* Write the addresses of a name to out; returns how many. localhost is always there. */
size_t vitro_sim_lookup(const struct vitro_sim *sim, const char *host, uint16_t port,
                        struct address *out, size_t max);

void vitro_sim_names_done(struct vitro_sim *sim);

/* Who listens on the address; NULL: nobody. */
struct listener *vitro_sim_listener(const struct vitro_sim *sim, const struct address *address);

/* Begin to listen: l->bound says where. False when somebody does already. */
bool vitro_sim_listen(struct vitro_sim *sim, struct listener *l);

/* ---- links ---------------------------------------------------------------------------------- */

/*
 * Make a link from a client on loop to a listener; gives the client's end, the server's waits at
 * the listener, both are not attached yet. NULL when memory is out.
 */
struct transport *vitro_link_new(vitro_loop *loop, struct listener *l, vitro_trace *trace);

/* The next server's end that waits at a listener; NULL: none. */
struct transport *vitro_link_accept(struct listener *l);

#ifdef __cplusplus
}
#endif
#endif
