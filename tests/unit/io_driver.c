/* The driver over sockets and links: what is sent arrives, whatever the pieces, and all ends once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/heap.h"
#include "support/pump.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

enum { KINDS = 4 };
static const char *const kinds[KINDS] = { "tcp", "unix", "abstract", "sim" };

struct stage {
    struct heap heap;
    vitro_sim *sim;
    vitro_loop *loop;
    struct pump_world world;
    char target[128];
};

static void stage_begin(struct stage *s, int kind, const vitro_sim_options *options)
{
    static int number;

    memset(s, 0, sizeof *s);
    heap_install(&s->heap);
    if (kind == 3) {
        cr_assert_eq(vitro_sim_new(&s->sim, options, NULL), VITRO_OK);
        cr_assert_eq(vitro_sim_loop(s->sim, &s->loop, NULL, NULL), VITRO_OK);
    } else {
        cr_assert_eq(vitro_loop_new(&s->loop, NULL, NULL), VITRO_OK);
    }
    snprintf(s->target, sizeof s->target,
             kind == 0   ? "ipv4:127.0.0.1:0"
             : kind == 1 ? "unix:/tmp/vitro-io-%d-%d"
             : kind == 2 ? "unix-abstract:vitro-io-%d-%d"
                         : "sim:echo",
             (int)getpid(), number++);
}

static void stage_end(struct stage *s)
{
    pump_done(&s->world);
    vitro_loop_trim(s->loop);
    cr_assert_eq(vitro_loop_memory(s->loop).bytes, 0u);
    cr_assert_eq(vitro_loop_memory(s->loop).allocations, 0u);
    vitro_loop_unref(s->loop);
    if (s->sim) {
        cr_assert_eq(vitro_sim_links(s->sim), 0u);
        cr_assert_eq(vitro_sim_memory(s->sim).bytes, 0u);
        vitro_sim_free(s->sim);
    }
    heap_remove();
    cr_assert_eq(s->heap.live, 0u, "%zu blocks are left", s->heap.live);
}

static void round_trip(int kind, struct chance *c, size_t number)
{
    static struct stage s;
    static struct pump p;
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    size_t shift = seed_between(c, 0, 10), n = seed_between(c, 1, 600000) >> shift;

    memset(&p, 0, sizeof p);
    o.seed = number;
    o.latency_ns = (int64_t)seed_between(c, 0, 1) * 1000000;
    o.read_max = seed_between(c, 0, 1) ? 3000 : 0;
    o.write_max = seed_between(c, 0, 1) ? 3000 : 0;
    o.in_flight_max = (uint32_t)seed_between(c, 1000, 100000);
    stage_begin(&s, kind, &o);
    s.world.server_layers = seed_between(c, 0, 2);
    s.world.take_max = seed_between(c, 0, 1) ? 5000 : 0;
    s.world.send_buffer = seed_between(c, 0, 1) && kind == 0 ? 4096 : 0;
    pump_listen(&s.world, s.loop, s.loop, s.target);
    pump_connect(&s.world, &p, n + 1, s.world.server_layers, number);
    cr_assert(pump_run(&s.world, &p), "%s hangs " SEED_TEXT, kinds[kind], seed_of_run(), number);
    cr_assert_eq(p.received, n + 1, "%s %zu of %zu " SEED_TEXT, kinds[kind], p.received, n + 1,
                 seed_of_run(), number);
    cr_assert_eq(p.why.code, VITRO_OK);
    for (size_t i = 0; i < s.world.server_layers; i++)
        cr_assert_eq(p.layers[i].closes, 1);
    stage_end(&s);
    cr_assert_eq(s.world.servers[0].why.code, VITRO_OK);
    cr_assert_eq(s.world.servers[0].ends, 1);
}

Test(io_driver, what_is_sent_comes_back_over_every_transport_and_any_layers)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 80; i++)
        round_trip((int)(i % KINDS), &c, i);
}

/* ---- ends ----------------------------------------------------------------------------------- */

struct killer {
    struct timer timer;
    struct driver *driver;
    bool flush;
    const vitro_error *why;
};

static void fire_killer(struct timer *t)
{
    struct killer *k = CONTAINER_OF(t, struct killer, timer);

    vitro_driver_close(k->driver, k->flush, k->why);
    vitro_driver_close(k->driver, k->flush, k->why);
}

static void close_in_the_middle(int kind, bool flush, bool with_reason, bool server)
{
    static struct stage s;
    static struct pump p;
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    vitro_error why = { .code = VITRO_CANCELLED };
    struct killer killer = { .flush = flush, .why = with_reason ? &why : NULL };

    memset(&p, 0, sizeof p);
    o.latency_ns = 1000;
    stage_begin(&s, kind, &o);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    pump_connect(&s.world, &p, (size_t)1 << 40, 0, 1);
    while (!p.opens || s.world.servers[0].received < 100000)
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
    killer.driver = server ? &s.world.servers[0].driver : &p.driver;
    vitro_timer_init(&killer.timer, fire_killer);
    vitro_timer_start(s.loop, &killer.timer, vitro_loop_now(s.loop));
    p.to_send = p.sent;
    p.keep = true;
    cr_assert(pump_run(&s.world, &p), "%s %d %d %d", kinds[kind], flush, with_reason, server);
    stage_end(&s);
    cr_assert_eq(p.closes + s.world.servers[0].closes, 2);
    cr_assert_eq(server ? s.world.servers[0].why.code : p.why.code,
                 with_reason ? VITRO_CANCELLED : VITRO_OK);
}

Test(io_driver, closing_in_the_middle_ends_both_sides_exactly_once)
{
    for (int kind = 0; kind < KINDS; kind++) {
        for (int i = 0; i < 8; i++)
            close_in_the_middle(kind, i & 1, i & 2, i & 4);
    }
}

Test(io_driver, a_cut_link_fails_both_sides_as_unavailable)
{
    static struct stage s;
    static struct pump p;

    stage_begin(&s, 3, NULL);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    pump_connect(&s.world, &p, (size_t)1 << 40, 0, 1);
    for (int i = 0; i < 50; i++)
        vitro_sim_step(s.sim);
    cr_assert_eq(vitro_sim_links(s.sim), 1u);
    cr_assert_not(vitro_sim_cut(s.sim, 1));
    cr_assert(vitro_sim_cut(s.sim, 0));
    cr_assert_not(vitro_sim_cut(s.sim, 0));
    cr_assert(pump_run(&s.world, &p));
    stage_end(&s);
    cr_assert_eq(p.why.code, VITRO_UNAVAILABLE);
    cr_assert_eq(s.world.servers[0].why.code, VITRO_UNAVAILABLE);
    cr_assert_str_eq(p.why.frame[0].text, "Connection reset by peer");
}

/* ---- fairness ------------------------------------------------------------------------------- */

static void flood(int kind)
{
    static struct stage s;
    static struct pump flooder, quiet;
    size_t turns = 0;

    memset(&flooder, 0, sizeof flooder);
    memset(&quiet, 0, sizeof quiet);
    stage_begin(&s, kind, NULL);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    flooder.keep = true;
    pump_connect(&s.world, &flooder, (size_t)1 << 40, 0, 1);
    while (s.world.servers[0].received < 2000000)
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
    pump_connect(&s.world, &quiet, 10, 0, 2);
    while (!quiet.closes && turns++ < 40)
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
    cr_assert_eq(quiet.received, 10u, "%s: %zu turns and still waiting", kinds[kind], turns);
    vitro_driver_close(&flooder.driver, false, NULL);
    cr_assert(pump_run(&s.world, &flooder));
    stage_end(&s);
}

Test(io_driver, one_flooding_connection_does_not_starve_another)
{
    for (int kind = 0; kind < KINDS; kind++)
        flood(kind);
}

static size_t most_read_in_a_turn;

Test(io_driver, a_turn_reads_and_takes_no_more_of_a_connection_than_its_share)
{
    static struct stage s;
    static struct pump p;

    stage_begin(&s, 1, NULL);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    s.world.take_max = 1000;
    p.keep = true;
    pump_connect(&s.world, &p, 300000, 0, 1);
    for (int i = 0; i < 2000 && p.received < p.to_send; i++) {
        size_t before = s.world.servers[0].received;
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
        most_read_in_a_turn = MAX(most_read_in_a_turn, s.world.servers[0].received - before);
    }
    cr_assert_eq(p.received, p.to_send);
    cr_assert_leq(most_read_in_a_turn, 1000u);
    vitro_driver_close(&p.driver, true, NULL);
    cr_assert(pump_run(&s.world, &p));
    stage_end(&s);
}

/* ---- memory --------------------------------------------------------------------------------- */

static bool turns_are_over(void *user)
{
    return ++*(size_t *)user > 3000;
}

Test(io_driver, running_out_of_memory_closes_and_leaks_nothing)
{
    for (size_t fail_at = 6; fail_at < 60; fail_at++) {
        static struct stage s;
        static struct pump p;
        size_t turns = 0;

        memset(&p, 0, sizeof p);
        stage_begin(&s, 3, NULL);
        pump_listen(&s.world, s.loop, s.loop, s.target);
        s.heap.fail_at = fail_at;
        p.keep = true; /* the pattern's own additions must not fail: nothing is sent */
        pump_connect(&s.world, &p, 0, 0, 1);
        vitro_loop_run_until(s.loop, turns_are_over, &turns, vitro_loop_now(s.loop) + 1, NULL);
        s.heap.fail_at = 0;
        if (!p.closes)
            vitro_driver_close(&p.driver, false, NULL);
        cr_assert(pump_run(&s.world, &p), "fail at %zu", fail_at);
        stage_end(&s);
    }
}
