#include "io/sim.h"

#include <assert.h>

#include "base/error.h"
#include "io/inside.h"
#include "trace/trace.h"

/*
 * The world: all loops take a turn, one after the other, until none has anything to do; then the
 * clock jumps to the earliest timer of all. Order comes from lists, never from an address.
 */
static const int64_t wall_default = INT64_C(1758326400) * 1000000000; /* 2025-09-20T00:00:00Z */

enum { FIRST_PORT = 50051, IN_FLIGHT_DEFAULT = 256 * 1024 };

/* ---- the poller of a loop of a world -------------------------------------------------------- */

static void sim_wait(vitro_loop *loop, int64_t wait_ns)
{
    (void)loop;
    (void)wait_ns;
}

static bool sim_dispatch(vitro_loop *loop)
{
    struct list now, *item;

    list_init(&now);
    list_splice(&now, &loop->ready);
    loop->ready_count = 0; /* a link that had nothing to say is not counted */
    while ((item = list_pop(&now)) != NULL) {
        struct task *task = CONTAINER_OF(item, struct task, link);
        task->run(task);
    }
    return loop->ready_count != 0;
}

static void sim_wake(vitro_loop *loop)
{
    (void)loop;
}

const struct poller_ops vitro_sim_poller = { sim_wait, sim_dispatch, sim_wake };

/* ---- life ----------------------------------------------------------------------------------- */

vitro_code vitro_sim_new(vitro_sim **out, const vitro_sim_options *options, vitro_error *err)
{
    vitro_sim_options o;
    vitro_sim *sim;

    *out = NULL;
    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("sim", err);
    sim = vitro_mem_zalloc(NULL, sizeof *sim);
    if (!sim)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "sim", 0, "out of memory");
    sim->options = o;
    if (!sim->options.in_flight_max)
        sim->options.in_flight_max = IN_FLIGHT_DEFAULT;
    vitro_account_init(&sim->account, NULL, 0);
    vitro_chance_seed(&sim->chance, o.seed);
    sim->time.wall_start = o.wall_start_ns ? o.wall_start_ns : wall_default;
    list_init(&sim->loops);
    list_init(&sim->listeners);
    list_init(&sim->links);
    list_init(&sim->names);
    list_init(&sim->watches);
    sim->next_port = FIRST_PORT;
    *out = sim;
    return VITRO_OK;
}

void vitro_sim_free(vitro_sim *sim)
{
    if (!sim)
        return;
    assert(list_empty(&sim->loops) && list_empty(&sim->listeners) && list_empty(&sim->links));
    vitro_sim_names_done(sim);
    for (size_t i = 0; i < SIM_TRACES && sim->traces[i]; i++) {
        vitro_trace_clock(sim->traces[i], vitro_clock_system());
        vitro_trace_unref(sim->traces[i]);
    }
    assert(sim->account.live == 0);
    vitro_mem_free(NULL, sim, sizeof *sim);
}

vitro_code vitro_sim_loop(vitro_sim *sim, vitro_loop **out, const char *name, vitro_error *err)
{
    vitro_loop_options o = VITRO_LOOP_OPTIONS_INIT;
    vitro_code rc;

    o.name = name;
    o.seed = 1;
    rc = vitro_loop_make(out, &o, false, err);
    if (rc != VITRO_OK)
        return rc;
    (*out)->poller = &vitro_sim_poller;
    (*out)->clock = vitro_clock_virtual(&sim->time);
    (*out)->now = sim->time.now;
    (*out)->sim = sim;
    (*out)->number = sim->loops_made++;
    vitro_chance_seed(&(*out)->chance, vitro_chance_next(&sim->chance));
    list_append(&sim->loops, &(*out)->sim_link);
    return VITRO_OK;
}

void vitro_sim_forget(vitro_loop *loop)
{
    list_remove(&loop->sim_link);
}

void vitro_sim_trace(vitro_sim *sim, vitro_trace *trace)
{
    if (!trace)
        return;
    for (size_t i = 0; i < SIM_TRACES; i++) {
        if (sim->traces[i] == trace)
            return;
        if (!sim->traces[i]) {
            sim->traces[i] = vitro_trace_ref(trace);
            vitro_trace_clock(trace, vitro_clock_virtual(&sim->time));
            return;
        }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

bool vitro_sim_running(const struct vitro_sim *sim)
{
    return sim && sim->running;
}

vitro_code vitro_sim_enter(struct vitro_sim *sim, vitro_error *err)
{
    if (sim->running)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "sim", 0,
                          "the world runs already, and this is a callback");
    sim->running = true;
    return VITRO_OK;
}

void vitro_sim_leave(struct vitro_sim *sim)
{
    struct list *i = sim->loops.next;

    sim->running = false;
    while (i != &sim->loops) {
        vitro_loop *loop = CONTAINER_OF(i, vitro_loop, sim_link);
        i = i->next;
        if (loop->orphan)
            vitro_loop_destroy(loop);
    }
}

static bool round_of_all(struct vitro_sim *sim)
{
    bool any = false;

    for (struct list *i = sim->loops.next; i != &sim->loops; i = i->next) {
        vitro_loop *loop = CONTAINER_OF(i, vitro_loop, sim_link);
        any |= vitro_loop_gather(loop, 0);
        any |= vitro_loop_finish(loop);
    }
    return any;
}

static int64_t earliest(const struct vitro_sim *sim)
{
    int64_t due = INT64_MAX;

    for (const struct list *i = sim->loops.next; i != &sim->loops; i = i->next)
        due = MIN(due, vitro_timers_earliest(&CONTAINER_OF(i, vitro_loop, sim_link)->timers));
    return due;
}

/* Some timer is not in the background. */
static bool is_awaiting(const struct vitro_sim *sim)
{
    for (const struct list *i = sim->loops.next; i != &sim->loops; i = i->next)
        if (CONTAINER_OF(i, vitro_loop, sim_link)->timers.awaited)
            return true;
    return false;
}

/* Nothing is left to do: move the clock to the next timer, at most to limit. */
static bool jump(struct vitro_sim *sim, int64_t limit)
{
    int64_t due = earliest(sim);

    if (sim->holds || due == INT64_MAX || due > limit)
        return false;
    if (limit == INT64_MAX && !is_awaiting(sim))
        return false;
    sim->time.now = MAX(sim->time.now, due);
    return true;
}

static void jump_to(struct vitro_sim *sim, int64_t limit)
{
    if (!sim->holds && limit != INT64_MAX)
        sim->time.now = MAX(sim->time.now, limit);
}

static int64_t after(const struct vitro_sim *sim, int64_t ns)
{
    return ns < 0 || ns > INT64_MAX - sim->time.now ? INT64_MAX : sim->time.now + ns;
}

void vitro_sim_turn(struct vitro_sim *sim, int64_t wait_ns)
{
    int64_t limit = after(sim, wait_ns);

    if (round_of_all(sim) || wait_ns == 0)
        return;
    if (vitro_sim_look(sim) || jump(sim, limit))
        round_of_all(sim);
    else
        jump_to(sim, limit);
}

vitro_code vitro_sim_until(struct vitro_sim *sim, bool (*done)(void *user), void *user,
                           int64_t deadline_ns, vitro_error *err)
{
    for (;;) {
        bool any = round_of_all(sim);

        if (done && done(user))
            return VITRO_OK;
        if (any || vitro_sim_look(sim) || jump(sim, deadline_ns))
            continue;
        if (deadline_ns == INT64_MAX || sim->holds)
            return vitro_fail(err, VITRO_ABORTED, "sim", 0, "nothing can happen any more");
        jump_to(sim, deadline_ns);
        return vitro_fail(err, VITRO_DEADLINE_EXCEEDED, "loop", 0, "it took too long");
    }
}

bool vitro_sim_step(vitro_sim *sim)
{
    bool any;

    if (vitro_sim_enter(sim, NULL) != VITRO_OK)
        return false;
    any = round_of_all(sim);
    vitro_sim_leave(sim);
    return any;
}

static void run_to(vitro_sim *sim, int64_t limit)
{
    if (vitro_sim_enter(sim, NULL) != VITRO_OK)
        return;
    while (round_of_all(sim) || vitro_sim_look(sim) || jump(sim, limit)) {
        /* until nothing can happen any more, or not before the limit */
    }
    jump_to(sim, limit);
    vitro_sim_leave(sim);
}

void vitro_sim_run(vitro_sim *sim)
{
    run_to(sim, INT64_MAX);
}

void vitro_sim_run_for(vitro_sim *sim, int64_t ns)
{
    run_to(sim, after(sim, ns));
}

void vitro_sim_hold(vitro_sim *sim, bool hold)
{
    assert(hold || sim->holds > 0);
    sim->holds += hold ? 1 : (size_t)-1;
}

int64_t vitro_sim_now(const vitro_sim *sim)
{
    return sim->time.now;
}

uint64_t vitro_sim_chance(vitro_sim *sim, uint64_t below)
{
    return vitro_chance_below(&sim->chance, below);
}

vitro_memory vitro_sim_memory(const vitro_sim *sim)
{
    return (vitro_memory){ sim->account.used, sim->account.live };
}
