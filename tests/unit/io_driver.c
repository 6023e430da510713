/* The driver over sockets and links: what is sent arrives, whatever the pieces, and all ends once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "io/target.h"
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

static void close_and_linger(int kind)
{
    static struct stage s;
    static struct pump p;
    struct pump *server = &s.world.servers[0];
    struct killer killer = { .driver = &server->driver, .flush = true };

    memset(&p, 0, sizeof p);
    stage_begin(&s, kind, NULL);
    s.world.linger_ns = 10000000000;
    pump_listen(&s.world, s.loop, s.loop, s.target);
    pump_connect(&s.world, &p, (size_t)1 << 40, 0, 1);
    while (!p.opens || server->received < 100000)
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
    vitro_timer_init(&killer.timer, fire_killer);
    vitro_timer_start(s.loop, &killer.timer, vitro_loop_now(s.loop));
    p.keep = p.stays = true;
    while (!p.ends)
        cr_assert_eq(vitro_loop_run(s.loop, 1000000000, NULL), VITRO_OK);
    cr_assert_eq(server->closes, 0, "%s: it waits for the peer's end", kinds[kind]);
    vitro_driver_close(&p.driver, false, NULL);
    cr_assert(pump_run(&s.world, &p));
    stage_end(&s);
    cr_assert_eq(p.received, server->driver.sent, "%s: %zu", kinds[kind], p.received);
    cr_assert_eq(p.why.code, VITRO_OK, "%s: %s", kinds[kind], p.why.frame[0].text);
}

Test(io_driver, a_lingering_close_takes_nothing_back_from_a_peer_that_still_sends)
{
    for (int kind = 0; kind < KINDS; kind++)
        close_and_linger(kind);
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

static bool is_over(void *user)
{
    const struct pump *p = user;

    return p->closes > 0;
}

/* The nth allocation and all later ones fail, from the first byte of the connection on. */
static size_t fail_from(int kind, size_t nth, size_t layers)
{
    static struct stage s;
    static struct pump p;
    size_t calls;

    memset(&p, 0, sizeof p);
    stage_begin(&s, kind, NULL);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    s.world.server_layers = layers;
    calls = s.heap.calls;
    s.heap.fail_at = nth ? calls + nth : 0;
    pump_connect(&s.world, &p, 50000, layers, 1);
    vitro_loop_run_until(s.loop, is_over, &p, vitro_loop_now(s.loop) + 50000000, NULL);
    s.heap.fail_at = 0;
    calls = s.heap.calls - calls;
    if (!p.closes && p.driver.transport)
        vitro_driver_close(&p.driver, false, NULL);
    else if (!p.closes)
        vitro_connect_cancel(&p.connect);
    if (p.driver.transport)
        cr_assert(pump_run(&s.world, &p), "%s, failing from %zu", kinds[kind], nth);
    if (s.world.accepted && !s.world.servers[0].closes)
        vitro_driver_close(&s.world.servers[0].driver, false, NULL);
    stage_end(&s);
    if (!nth)
        cr_assert_eq(p.received, 50000u);
    return calls;
}

Test(io_driver, running_out_of_memory_at_any_moment_closes_and_leaks_nothing)
{
    for (int kind = 0; kind < KINDS; kind++) {
        size_t layers = kind % 3, calls = fail_from(kind, 0, layers);

        cr_assert_gt(calls, 4u);
        for (size_t nth = 1; nth <= calls; nth += nth < 20 ? 1 : 7)
            fail_from(kind, nth, layers);
    }
}

/* ---- a layer that holds --------------------------------------------------------------------- */

/* As a gate does: bytes stay in the queue below or above until they are let go. */
struct holder {
    struct layer layer;
    size_t up, down; /* bytes that may pass */
    size_t ups;
    bool ended;
};

static enum vitro_step pass(struct queue *in, struct queue *out, size_t *may)
{
    size_t n = MIN(in->len, *may);

    *may -= n;
    cr_assert(vitro_queue_move_some(out, in, n));
    return VITRO_IDLE;
}

static enum vitro_step hold_up(struct layer *l, struct queue *in, struct queue *out,
                               vitro_error *err)
{
    CONTAINER_OF(l, struct holder, layer)->ups++;
    return pass(in, out, &CONTAINER_OF(l, struct holder, layer)->up);
}

static enum vitro_step hold_down(struct layer *l, struct queue *in, struct queue *out,
                                 vitro_error *err)
{
    return pass(in, out, &CONTAINER_OF(l, struct holder, layer)->down);
}

static void hold_end(struct layer *l, struct queue *out)
{
    CONTAINER_OF(l, struct holder, layer)->ended = true;
    cr_assert(vitro_queue_append(out, "bye", 3));
}

static void hold_close(struct layer *l)
{
}

static const struct layer_ops hold_ops = {
    .name = "hold", .up = hold_up, .down = hold_down, .end = hold_end, .close = hold_close
};

static struct {
    struct driver driver;
    struct connect connect;
    struct holder holder;
    size_t produced, taken;
    int closes;
} held;

static void held_open(struct driver *d)
{
}

static enum vitro_step held_take(struct driver *d, struct queue *in, vitro_error *err)
{
    held.taken += in->len;
    vitro_queue_clear(in);
    return VITRO_IDLE;
}

static enum vitro_step held_produce(struct driver *d, struct queue *out, size_t budget,
                                    vitro_error *err)
{
    static const uint8_t zeros[1000];
    size_t n = MIN(budget, sizeof zeros);

    if (held.produced >= 600000)
        return VITRO_IDLE;
    cr_assert(vitro_queue_append(out, zeros, n));
    held.produced += n;
    return VITRO_MORE;
}

static void held_close(struct driver *d, const vitro_error *why)
{
    held.closes++;
}

static const struct driver_ops held_ops = {
    .on_open = held_open, .take = held_take, .produce = held_produce, .on_close = held_close
};

static void held_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    vitro_driver_init(&held.driver, t->loop, &held_ops);
    layer_init(&held.holder.layer, &hold_ops);
    held.holder.layer.ready = true;
    vitro_driver_push(&held.driver, &held.holder.layer);
    vitro_driver_open(&held.driver, t);
}

Test(io_driver, what_a_layer_holds_stops_the_session_and_goes_on_when_let_go)
{
    static struct stage s;
    struct pump *server = &s.world.servers[0];

    stage_begin(&s, 3, NULL);
    pump_listen(&s.world, s.loop, s.loop, s.target);
    vitro_connect_start(&held.connect, s.loop, &s.world.listener.bound, NULL, INT64_MAX,
                        held_connected);
    vitro_sim_run(s.sim); /* it comes to rest: nothing spins */
    cr_assert_eq(server->received, 0u);
    cr_assert(held.produced >= DRIVER_HIGH && held.produced < DRIVER_HIGH + 1000);
    held.holder.down = 100;
    vitro_driver_wake(&held.driver);
    vitro_sim_run(s.sim);
    cr_assert_eq(server->received, 100u);
    cr_assert_eq(held.taken, 0u);
    cr_assert_eq(held.driver.received, 100u);
    held.holder.up = 60;
    vitro_driver_again(&held.driver);
    vitro_sim_run(s.sim);
    cr_assert_eq(held.taken, 60u);
    vitro_driver_close(&held.driver, true, NULL);
    vitro_sim_run(s.sim);
    cr_assert_eq(held.closes, 0, "not before all is sent");
    held.holder.down = SIZE_MAX;
    vitro_driver_wake(&held.driver);
    vitro_sim_run(s.sim);
    cr_assert(held.closes == 1 && held.holder.ended);
    cr_assert_geq(held.produced, 600000u);
    cr_assert_eq(server->received, held.produced + 3);
    stage_end(&s);
}

/* ---- a layer that fails at the peer's end, while nothing can be sent ------------------------ */

static struct transport *mute; /* has said its last, and reads nothing */

static void mute_accepted(struct listener *l, struct transport *t)
{
    mute = t;
    cr_assert(t->ops->attach(t, l->loop));
    t->ops->shut(t);
}

static enum vitro_step fail_up(struct layer *l, struct queue *in, struct queue *out,
                               vitro_error *err)
{
    vitro_queue_clear(in);
    if (!l->driver->peer_ended)
        return VITRO_IDLE;
    vitro_fail(err, VITRO_UNAVAILABLE, "layer", 0, "the peer has gone");
    return VITRO_FAILED;
}

static const struct layer_ops fail_ops = {
    .name = "fail", .up = fail_up, .down = hold_down, .close = hold_close
};

static void mute_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    vitro_driver_init(&held.driver, t->loop, &held_ops);
    layer_init(&held.holder.layer, &fail_ops);
    held.holder.layer.ready = true;
    held.holder.down = SIZE_MAX;
    vitro_driver_push(&held.driver, &held.holder.layer);
    vitro_driver_open(&held.driver, t);
}

Test(io_driver, a_failing_layer_waits_quietly_for_a_peer_that_reads_nothing, .timeout = 10)
{
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;
    static struct stage s;
    struct target target;
    size_t rounds = 0;

    o.in_flight_max = 1000;
    stage_begin(&s, 3, &o);
    cr_assert_eq(vitro_target_parse(&target, vitro_str_of(s.target), NULL), VITRO_OK);
    cr_assert_eq(vitro_listener_open(&s.world.listener, s.loop, &target.addresses[0], NULL,
                                     mute_accepted, NULL),
                 VITRO_OK);
    vitro_connect_start(&held.connect, s.loop, &s.world.listener.bound, NULL, INT64_MAX,
                        mute_connected);
    while (vitro_sim_step(s.sim))
        cr_assert_lt(++rounds, 100u, "it spins");
    cr_assert(held.driver.state == DRIVER_CLOSING && vitro_driver_unsent(&held.driver) > 0);
    mute->ops->close(mute, true);
    vitro_sim_run(s.sim);
    cr_assert_eq(held.closes, 1);
    s.world.client_loop = s.world.server_loop = s.loop;
    stage_end(&s);
}
