/* The world of sim: one seed, one story; the clock moves only when nothing is left to do. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pump.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

/* ---- a story -------------------------------------------------------------------------------- */

struct story {
    char text[1 << 20];
    size_t len;
};

static void tell(struct story *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    s->len += (size_t)vsnprintf(s->text + s->len, sizeof s->text - s->len, format, args);
    va_end(args);
    cr_assert_lt(s->len, sizeof s->text);
}

enum { CONNECTIONS = 6 };

static bool all_over(const struct pump *pumps)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (!pumps[i].closes)
            return false;
    }
    return true;
}

static void describe(struct story *s, vitro_sim *sim, const struct pump_world *w,
                     const struct pump *pumps)
{
    tell(s, "%lld:", (long long)vitro_sim_now(sim));
    for (size_t i = 0; i < CONNECTIONS; i++)
        tell(s, " %zu/%zu/%d", pumps[i].received, w->servers[i].received, pumps[i].why.code);
    tell(s, "\n");
}

/* Six connections over three loops, one of them cut at a moment of the seed's choice. */
static void run_story(struct story *s, uint64_t seed, size_t padding)
{
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    struct pump_world *w = calloc(1, sizeof *w);
    struct pump *pumps = calloc(CONNECTIONS, sizeof *pumps);
    void *shift = malloc(padding); /* the second time all addresses differ */
    vitro_loop *client, *server, *idle;
    vitro_sim *sim;
    uint64_t cut_at;

    o.seed = seed;
    o.latency_ns = 700000;
    o.read_max = 2000;
    o.write_max = 5000;
    cr_assert_eq(vitro_sim_new(&sim, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &client, "client", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &idle, "idle", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &server, "server", NULL), VITRO_OK);
    pump_listen(w, client, server, "sim:server");
    for (size_t i = 0; i < CONNECTIONS; i++)
        pump_connect(w, &pumps[i], 1000 + vitro_sim_chance(sim, 100000), 0, i);
    cut_at = vitro_sim_chance(sim, 30);
    for (size_t i = 0; !all_over(pumps); i++) {
        cr_assert_eq(vitro_loop_run(client, 100000000, NULL), VITRO_OK);
        if (i == cut_at)
            tell(s, "cut %d\n", vitro_sim_cut(sim, vitro_sim_chance(sim, CONNECTIONS)));
        describe(s, sim, w, pumps);
    }
    pump_done(w);
    tell(s, "chance %llu\n", (unsigned long long)vitro_chance_next(vitro_loop_chance(server)));
    vitro_loop_unref(server);
    vitro_loop_unref(client);
    vitro_loop_unref(idle);
    vitro_sim_free(sim);
    free(shift);
    free(pumps);
    free(w);
}

Test(io_sim, one_seed_tells_one_story)
{
    static struct story first, second, other;

    for (uint64_t i = 0; i < 10; i++) {
        uint64_t seed = seed_of_run() + i;

        first.len = second.len = other.len = 0;
        run_story(&first, seed, 1);
        run_story(&second, seed, 100000);
        run_story(&other, seed + 1000, 1);
        cr_assert_gt(first.len, 1000u);
        cr_assert_str_eq(first.text, second.text, "VITRO_SEED=%llu", (unsigned long long)seed);
        cr_assert_str_neq(first.text, other.text);
    }
}

/* ---- the clock ------------------------------------------------------------------------------ */

static int64_t fired_at[2];

struct numbered {
    struct timer timer;
    vitro_loop *loop;
    int number;
};

static void note_time(struct timer *t)
{
    struct numbered *n = CONTAINER_OF(t, struct numbered, timer);

    fired_at[n->number] = vitro_loop_now(n->loop);
}

Test(io_sim, the_clock_jumps_to_the_earliest_timer_of_all_loops)
{
    const int64_t hour = INT64_C(3600000000000);
    vitro_sim *sim;
    vitro_loop *loops[2];
    struct numbered n[2];

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(vitro_sim_loop(sim, &loops[i], NULL, NULL), VITRO_OK);
        n[i] = (struct numbered){ .loop = loops[i], .number = i };
        vitro_timer_init(&n[i].timer, note_time);
        vitro_timer_start(loops[i], &n[i].timer, (2 - i) * hour);
    }
    cr_assert_eq(vitro_loop_wall(loops[0]), INT64_C(1758326400) * 1000000000);
    cr_assert_eq(vitro_loop_run(loops[0], hour / 2, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_now(sim), hour / 2, "not past what the caller waits");
    cr_assert_eq(vitro_loop_run(loops[0], -1, NULL), VITRO_OK);
    cr_assert(fired_at[1] == hour && fired_at[0] == 0);
    vitro_sim_hold(sim, true);
    vitro_sim_run(sim);
    cr_assert(fired_at[0] == 0, "the clock is held");
    vitro_sim_hold(sim, false);
    vitro_sim_run(sim);
    cr_assert(fired_at[0] == 2 * hour && vitro_sim_now(sim) == 2 * hour);
    cr_assert_eq(vitro_loop_wall(loops[1]), INT64_C(1758326400) * 1000000000 + 2 * hour);
    vitro_sim_run_for(sim, 5);
    cr_assert_eq(vitro_sim_now(sim), 2 * hour + 5);
    cr_assert_not(vitro_sim_step(sim));
    vitro_loop_unref(loops[0]);
    vitro_loop_unref(loops[1]);
    vitro_sim_free(sim);
}

Test(io_sim, a_link_has_the_latency_and_the_room_that_were_asked_for)
{
    static struct pump_world w;
    static struct pump p;
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    vitro_sim *sim;
    vitro_loop *loop;

    o.latency_ns = 1000000;
    o.in_flight_max = 1000;
    cr_assert_eq(vitro_sim_new(&sim, &o, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    pump_listen(&w, loop, loop, "sim:server");
    p.keep = true;
    pump_connect(&w, &p, 10000, 0, 1);
    while (p.received < p.to_send)
        cr_assert_eq(vitro_loop_run(loop, 1000000000, NULL), VITRO_OK);
    /* Two for the connection; then ten times 1,000 bytes there, the last of them back. */
    cr_assert_eq(vitro_sim_now(sim), 2000000 + 10 * 1000000 + 1000000);
    cr_assert_eq(vitro_sim_links(sim), 1u);
    vitro_driver_close(&p.driver, true, NULL);
    cr_assert(pump_run(&w, &p));
    pump_done(&w);
    cr_assert_eq(vitro_sim_links(sim), 0u);
    cr_assert_eq(vitro_sim_links_made(sim), 1u);
    cr_assert_eq(vitro_sim_memory(sim).bytes, 0u);
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}
