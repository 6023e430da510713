/* The tap: a trace holds exactly the bytes that crossed, once, whatever they crossed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/flows.h"
#include "support/heap.h"
#include "support/pump.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

struct tap {
    vitro_sim *sim;
    vitro_loop *loop;
    vitro_trace *trace;
    struct pump_world world;
    struct pump pump;
    int fd;
};

enum { SERVER = 1, CLIENT = 2 };

static void tap_begin(struct tap *t, const char *target, size_t layers, int who)
{
    char sink[32];

    memset(t, 0, sizeof *t);
    t->fd = memfd_create("tap", 0);
    snprintf(sink, sizeof sink, "fd:%d", t->fd);
    cr_assert_eq(vitro_trace_open(&t->trace, sink, NULL, NULL), VITRO_OK);
    if (strncmp(target, "sim:", 4) == 0) {
        cr_assert_eq(vitro_sim_new(&t->sim, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_sim_loop(t->sim, &t->loop, NULL, NULL), VITRO_OK);
    } else {
        cr_assert_eq(vitro_loop_new(&t->loop, NULL, NULL), VITRO_OK);
    }
    t->world.trace = who & SERVER ? t->trace : NULL;
    t->world.client_trace = who & CLIENT ? t->trace : NULL;
    t->world.server_layers = layers;
    pump_listen(&t->world, t->loop, t->loop, target);
}

static void tap_end(struct tap *t)
{
    pump_done(&t->world);
    vitro_loop_unref(t->loop);
    vitro_sim_free(t->sim);
    vitro_trace_unref(t->trace);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    const vitro_bytes *file = user;
    size_t have = offset < file->len ? file->len - (size_t)offset : 0;

    return (vitro_bytes){ file->ptr + (have ? offset : 0), len < have ? len : have };
}

/* Read the trace back with the decoder's own reader. */
static void read_back(struct tap *t, struct flows *f)
{
    vitro_bytes file = { NULL, (size_t)lseek(t->fd, 0, SEEK_END) };

    file.ptr = mmap(NULL, file.len, PROT_READ, MAP_PRIVATE, t->fd, 0);
    memset(f, 0, sizeof *f);
    cr_assert_eq(flows_run(f, lend, &file), CAPTURE_END);
    munmap((void *)(uintptr_t)file.ptr, file.len);
    close(t->fd);
}

static uint64_t sum_of(const struct flow_bytes *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < b->len; i++)
        sum = sum * 31 + b->ptr[i];
    return sum;
}

static void compare(struct tap *t, const char *target, size_t n, size_t layers)
{
    static struct flows f;

    read_back(t, &f);
    cr_assert_eq(f.conns, 1u, "%s: %u connections", target, f.conns);
    for (int dir = 0; dir < 2; dir++) {
        cr_assert_eq(f.dir[0][dir].gaps, 0u);
        cr_assert_eq(f.dir[0][dir].copies, 0u, "%s: recorded twice", target);
        cr_assert_eq(f.dir[0][dir].len, n + layers, "%s: %zu of %zu bytes", target,
                     f.dir[0][dir].len, n + layers);
    }
    cr_assert_eq(t->pump.driver.sent, n + layers);
    cr_assert_eq(t->pump.driver.received, n + layers);
    cr_assert_eq(sum_of(&f.dir[0][0]), sum_of(&f.dir[0][1]), "%s", target);
    cr_assert_eq(f.ends, 1u, "%s", target);
    flows_done(&f);
}

Test(io_tap, a_trace_of_either_end_or_both_holds_each_byte_that_crossed_once)
{
    static struct tap t;
    struct chance c = seed_chance();
    char unix_target[64];
    const char *const targets[] = { "ipv4:127.0.0.1:0", unix_target, "sim:server" };

    snprintf(unix_target, sizeof unix_target, "unix-abstract:vitro-tap-%d", (int)getpid());
    for (size_t i = 0; i < 30; i++) {
        const char *target = targets[i % ARRAY_LEN(targets)];
        size_t n = seed_between(&c, 1, 300000), layers = seed_between(&c, 0, 2);

        tap_begin(&t, target, layers, (int)seed_between(&c, SERVER, SERVER | CLIENT));
        pump_connect(&t.world, &t.pump, n, layers, i);
        cr_assert(pump_run(&t.world, &t.pump), "%s " SEED_TEXT, target, seed_of_run(), i);
        tap_end(&t);
        compare(&t, target, n, layers);
    }
}

Test(io_tap, a_cut_link_ends_with_a_reset)
{
    static struct tap t;
    static struct flows f;

    tap_begin(&t, "sim:server", 0, SERVER | CLIENT);
    pump_connect(&t.world, &t.pump, (size_t)1 << 40, 0, 1);
    for (int i = 0; i < 20; i++)
        vitro_sim_step(t.sim);
    cr_assert(vitro_sim_cut(t.sim, 0));
    cr_assert(pump_run(&t.world, &t.pump));
    tap_end(&t);
    read_back(&t, &f);
    cr_assert_eq(f.conns, 1u);
    cr_assert_not_null(strstr(flows_log(&f), "RST"), "%s",
                       flows_log(&f) + f.log.len - MIN(f.log.len, 200u));
    flows_done(&f);
}

Test(io_tap, a_loop_that_goes_lets_go_of_the_traces_it_was_to_flush)
{
    struct heap heap = { 0 };
    vitro_trace *trace;
    vitro_loop *loop;
    char sink[32];
    int fd = memfd_create("tap", 0);

    heap_install(&heap);
    snprintf(sink, sizeof sink, "fd:%d", fd);
    cr_assert_eq(vitro_trace_open(&trace, sink, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    vitro_trace_say(trace, "outside of a turn");
    vitro_loop_traced(loop, trace);
    vitro_trace_unref(trace);
    vitro_loop_unref(loop);
    heap_remove();
    cr_assert_eq(heap.live, 0u);
    cr_assert_gt(lseek(fd, 0, SEEK_END), 0);
    close(fd);
}
