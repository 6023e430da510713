#include "sim/world.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "sim/delay.h"
#include "sim/inside.h"
#include "sim/talk.h"
#include "sim/tap.h"
#include "sim/wire.h"
#include "support/seed.h"
#include "vitro/credentials.h"
#include "vitro/trace.h"

static const struct {
    const char *name;
    unsigned place;
    uint32_t codes;
} faults[] = {
#define X(id, name, where, codes) { name, AT_##where, codes },
#include "sim/faults.def"
#undef X
};

/* ---- chance, and what is said --------------------------------------------------------------- */

size_t some(struct world *w, size_t low, size_t high)
{
    return seed_between(&w->chance, low, high);
}

bool one_in(struct world *w, size_t n)
{
    return some(w, 1, n) == 1;
}

void world_fail(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->why[0])
        return;
    va_start(args, format);
    vsnprintf(w->why, sizeof w->why, format, args);
    va_end(args);
    world_say(w, "WRONG: %s", w->why);
}

void world_say(struct world *w, const char *format, ...)
{
    va_list args;

    if (!w->loud)
        return;
    printf("%12.6f ", w->sim ? (double)vitro_sim_now(w->sim) / 1e9 : 0.0);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void world_fault(struct world *w, enum fault f)
{
    w->happened[f] = true;
    world_say(w, "fault: %s", faults[f].name);
}

size_t world_pause(struct world *w)
{
    size_t odds = w->heap.odds;

    w->heap.odds = 0;
    return odds;
}

void world_go_on(struct world *w, size_t odds)
{
    w->heap.odds = odds;
}

uint32_t world_codes(const struct world *w)
{
    uint32_t codes = 0;

    for (size_t f = 0; f < FAULT_COUNT; f++)
        codes |= w->happened[f] ? faults[f].codes : 0;
    return codes;
}

/* ---- drawing a world ------------------------------------------------------------------------ */

static uint32_t one_of(struct world *w, const uint32_t *all, size_t n)
{
    return all[some(w, 0, n - 1)];
}
#define ONE_OF(w, all) one_of((w), (all), ARRAY_LEN(all))

enum fault world_draw_fault(struct world *w, unsigned places)
{
    enum fault found = FAULT_COUNT;
    size_t seen = 0;

    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        if (w->may[f] && faults[f].place & places && one_in(w, ++seen))
            found = f;
    }
    return found;
}

/* None, or up to three of those that there are on this kind of connection. */
static void draw_faults(struct world *w, bool tls)
{
    size_t count = one_in(w, 4) ? 0 : some(w, 1, FAULTS_MAX);

    while (!w->sabotage && count--) {
        size_t f = some(w, 0, FAULT_COUNT - 1);
        w->may[f] = tls || faults[f].place != AT_RECORDS;
    }
}

static vitro_sim_options draw_links(struct world *w)
{
    static const uint32_t reads[] = { 0, 0, 1, 7, 1000 }, writes[] = { 0, 0, 0, 0, 0, 1000, 7, 1 };
    vitro_sim_options o = VITRO_SIM_OPTIONS_INIT;

    o.seed = w->seed;
    o.read_max = ONE_OF(w, reads);
    o.write_max = ONE_OF(w, writes);
    o.latency_ns = one_in(w, 2) ? (int64_t)some(w, 0, (size_t)(50 * MS)) : 0;
    if (one_in(w, 3)) /* but no link is so slow that a flushing connection gives up */
        o.in_flight_max = (uint32_t)some(w, 100, 5000) + (o.latency_ns ? 10000 : 0);
    w->latency_ns = o.latency_ns;
    w->crumbs = (o.write_max && o.write_max < 10) || one_in(w, 8);
    w->said.large = w->crumbs || o.read_max == 1 ? 1000 : one_in(w, 4) ? 300000 : 20000;
    return o;
}

static const char *some_encoding(struct world *w)
{
    static const char *const encodings[] = { NULL, NULL, "gzip", "deflate" };

    return encodings[some(w, 0, 3)];
}

/* Milliseconds in which a connection can be made and a call be begun on it, and some more. */
static uint32_t some_rest(struct world *w)
{
    enum { WAYS = 16 };

    return (uint32_t)(w->latency_ns * WAYS / MS) + (uint32_t)some(w, 50, 400);
}

static void draw_server(struct world *w)
{
    static const uint32_t windows[] = { 0, 0, 1000, 20000, 300000 }, streams[] = { 0, 0, 1, 3 };
    vitro_server_options *o = &w->server_options;

    *o = (vitro_server_options)VITRO_SERVER_OPTIONS_INIT;
    o->window_bytes = ONE_OF(w, windows);
    o->max_window_bytes = one_in(w, 2) ? o->window_bytes : 0;
    o->max_streams = ONE_OF(w, streams);
    o->compression = some_encoding(w);
    o->interceptors = w->interceptors;
    o->max_ping_strikes = w->may[FAULT_PING] ? UINT32_MAX : 0; /* the wire's are not the client's */
    o->max_connection_idle_ms = one_in(w, 4) ? some_rest(w) : 0;
    if (w->may[FAULT_AGE]) {
        o->max_connection_age_ms = some_rest(w);
        o->max_connection_age_grace_ms = one_in(w, 2) ? some_rest(w) : 0;
    }
    o->trace = w->trace;
}

static void draw_habits(struct world *w)
{
    w->calls_max = one_in(w, 3) ? some(w, 1, 5) : some(w, 1, w->crumbs ? 15 : CALLS_MAX);
    w->slow_readers = one_in(w, 2);
    w->cancels = one_in(w, 2) && !w->sabotage;
    w->deadlines = one_in(w, 2) && !w->sabotage;
    w->channels = one_in(w, 2) ? 1 : some(w, 1, CHANNELS_MAX);
}

/* ---- making it ------------------------------------------------------------------------------ */

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "sim: %s\n", what);
    abort();
}

static void open_trace(struct world *w)
{
    char sink[32];

    w->fd = memfd_create("sim", MFD_CLOEXEC);
    must(w->fd >= 0, "no memory for a trace");
    snprintf(sink, sizeof sink, "fd:%d", w->fd);
    must(vitro_trace_open(&w->trace, sink, NULL, NULL) == VITRO_OK, "no trace");
}

#define FIXTURE(name) "tests/fixtures/tls/" name

static vitro_credentials *client_credentials(bool shows, uint16_t newest)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *made;

    o.ca_file = FIXTURE("ca.pem");
    o.certificate_file = shows ? FIXTURE("client.pem") : NULL;
    o.key_file = shows ? FIXTURE("client.key") : NULL;
    o.version_max = newest;
    must(vitro_credentials_client(&made, &o, NULL) == VITRO_OK, "no credentials of a client");
    return made;
}

static vitro_credentials *server_credentials(bool asks)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *made;

    o.ca_file = asks ? FIXTURE("ca.pem") : NULL;
    o.certificate_file = FIXTURE("server.pem");
    o.key_file = FIXTURE("server.key");
    must(vitro_credentials_server(&made, &o, NULL) == VITRO_OK, "no credentials of a server");
    return made;
}

static void make_credentials(struct world *w)
{
    bool mutual = one_in(w, 2);

    w->server_credentials = server_credentials(mutual);
    w->client_credentials = client_credentials(mutual, one_in(w, 3) ? 0x0303 : 0);
}

static void make_server(struct world *w)
{
    must(vitro_server_new(&w->server, w->server_loop, w->server_loops, &w->server_options, NULL) ==
             VITRO_OK,
         "no server");
    must(talk_serve(w, w->server), "no handlers");
    must(vitro_server_listen_secure(w->server, "sim:server", w->server_credentials, NULL, 0,
                                    NULL) == VITRO_OK,
         "the server cannot listen");
}

static void make_channel(struct world *w, size_t i)
{
    static const uint32_t windows[] = { 0, 0, 1000, 20000, 300000 };
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;

    o.window_bytes = ONE_OF(w, windows);
    o.max_window_bytes = one_in(w, 2) ? o.window_bytes : 0;
    o.interceptors = w->interceptors;
    o.idle_timeout_ms = one_in(w, 4) ? some_rest(w) : 0;
    o.keepalive_time_ms = one_in(w, 4) ? 10000 : 0;
    o.trace = w->trace;
    o.credentials = w->client_credentials;
    o.authority = "vitro.test";
    must(vitro_channel_new(&w->channel[i], w->client_loop, "sim:wire", &o, NULL) == VITRO_OK,
         "no channel");
}

static void open_world(struct world *w)
{
    bool tls = one_in(w, 2);
    vitro_sim_options links = draw_links(w);

    draw_faults(w, tls);
    draw_habits(w);
    delay_init(w);
    open_trace(w);
    draw_server(w);
    if (tls)
        make_credentials(w);
    must(vitro_sim_new(&w->sim, &links, NULL) == VITRO_OK, "no sim");
    w->server_loops = some(w, 1, 2);
    for (size_t i = 0; i < w->server_loops; i++)
        must(vitro_sim_loop(w->sim, &w->server_loop[i], "server", NULL) == VITRO_OK, "no loop");
    must(vitro_sim_loop(w->sim, &w->wire_loop, "wire", NULL) == VITRO_OK, "no loop");
    must(vitro_sim_loop(w->sim, &w->client_loop, "client", NULL) == VITRO_OK, "no loop");
    vitro_sim_trace(w->sim, w->trace);
    if (tls)
        inside_attach(w);
    make_server(w);
    must(wire_open(w), "the wire cannot listen");
    for (size_t i = 0; i < w->channels; i++)
        make_channel(w, i);
    if (w->may[FAULT_AGE])
        world_fault(w, FAULT_AGE);
}

/* ---- faults of the ends --------------------------------------------------------------------- */

static void drain(struct world *w)
{
    if (w->drained)
        return;
    w->drained = true;
    world_fault(w, FAULT_DRAIN);
    vitro_server_drain(w->server, one_in(w, 2) ? (int64_t)some(w, 1, 3000) * MS : 0, NULL, NULL);
}

static void free_server(struct world *w)
{
    vitro_server_free(w->server);
    w->server = NULL;
}

static void abort_server(struct world *w)
{
    world_fault(w, FAULT_ABORT);
    free_server(w);
    make_server(w);
    w->drained = false;
}

static void leave(struct world *w)
{
    size_t i = some(w, 0, w->channels - 1);

    if (!w->channel[i])
        return;
    world_fault(w, FAULT_LEAVE);
    talk_leave(w, i);
    vitro_channel_free(w->channel[i]);
    w->channel[i] = NULL;
}

/* Some allocations fail for a while. */
static void starve(struct world *w)
{
    static const size_t odds[] = { 3, 30, 300, 3000 };

    if (w->heap.odds) {
        w->heap.odds = 0;
        return;
    }
    world_fault(w, FAULT_MEMORY);
    w->heap.odds = odds[some(w, 0, 3)];
}

static void deed(struct world *w)
{
    size_t odds = world_pause(w); /* whoever makes a server has memory for it */

    if (w->may[FAULT_DRAIN] && one_in(w, 20))
        drain(w);
    if (w->may[FAULT_ABORT] && one_in(w, 20))
        abort_server(w);
    if (w->may[FAULT_LEAVE] && one_in(w, 20))
        leave(w);
    if (one_in(w, 5))
        passage_deed(w);
    world_go_on(w, odds);
    if (w->may[FAULT_MEMORY] && one_in(w, 10))
        starve(w);
}

/* ---- its life ------------------------------------------------------------------------------- */

enum { ROUNDS = 40 };

static void act(struct world *w)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = some(w, 1, 20); i > 0; i--)
            talk_act(w);
        deed(w);
        delay_act(w);
        vitro_sim_run_for(w->sim, one_in(w, 3) ? 0 : (int64_t)some(w, 0, (size_t)(30 * MS)));
    }
}

/* What its handler gave; but that connections still grow old and are cut. */
static bool is_well(const struct world *w, const struct asked *a)
{
    return a->closed && (w->may[FAULT_AGE] || (a->served && a->code == a->served->given));
}

/* Once nothing goes wrong any more, a call on each channel goes well. */
static void call_again(struct world *w)
{
    struct asked *last[CHANNELS_MAX] = { NULL };

    for (size_t i = 0; i < w->channels; i++)
        last[i] = w->channel[i] ? talk_last_call(w, i) : NULL;
    vitro_sim_run_for(w->sim, 130 * SECOND);
    for (size_t i = 0; i < w->channels; i++) {
        if (last[i])
            world_expect(w, is_well(w, last[i]), "call %u: %s when all was well again",
                         last[i]->number,
                         last[i]->closed ? vitro_code_name((int)last[i]->code) : "open");
    }
}

static void finish(struct world *w)
{
    w->heap.odds = 0;
    world_say(w, "all goes on to its end");
    talk_end(w);
    delay_end(w);
    passage_calm(w);
    vitro_sim_run_for(w->sim, 130 * SECOND);
    if (w->drained) { /* for those who wait for a server to come back */
        abort_server(w);
        vitro_sim_run_for(w->sim, 130 * SECOND);
    }
    call_again(w);
}

/* All was done that a call can wait for. */
static void expect_ended(struct world *w)
{
    for (size_t i = 0; i < w->n_asked; i++)
        world_expect(w, !w->asked[i].call || w->asked[i].closed, "call %zu stands still", i);
}

static void expect_empty(struct world *w, vitro_loop *loop, const char *name)
{
    vitro_loop_trim(loop);
    vitro_memory memory = vitro_loop_memory(loop);
    world_expect(w, memory.bytes == 0, "%zu bytes in %zu blocks are left at the %s", memory.bytes,
                 memory.allocations, name);
}

static void close_world(struct world *w)
{
    for (size_t i = 0; i < w->channels; i++) {
        talk_leave(w, i);
        vitro_channel_free(w->channel[i]);
    }
    free_server(w);
    vitro_sim_run_for(w->sim, 130 * SECOND);
    talk_judge(w);
    talk_done(w);
    wire_close(w);
    vitro_sim_run(w->sim);
    expect_empty(w, w->client_loop, "client");
    for (size_t i = 0; i < w->server_loops; i++)
        expect_empty(w, w->server_loop[i], "server");
    vitro_loop_unref(w->client_loop);
    vitro_loop_unref(w->wire_loop);
    for (size_t i = 0; i < w->server_loops; i++)
        vitro_loop_unref(w->server_loop[i]);
    vitro_sim_free(w->sim);
    w->sim = NULL;
    vitro_credentials_unref(w->client_credentials);
    vitro_credentials_unref(w->server_credentials);
    vitro_trace_unref(w->trace);
}

static size_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

bool world_run(struct world *w)
{
    size_t files = open_files();

    vitro_chance_seed(&w->chance, w->seed);
    w->heap.chance = w->chance;
    w->said.seed = vitro_chance_next(&w->chance);
    w->said.well = w->sabotage;
    w->asked = calloc(CALLS_MAX + CHANNELS_MAX, sizeof *w->asked);
    w->served = calloc(CALLS_MAX + CHANNELS_MAX + 1, sizeof *w->served);
    heap_install(&w->heap);
    open_world(w);
    act(w);
    finish(w);
    expect_ended(w);
    close_world(w);
    world_expect(w, w->heap.live == 0, "%zu blocks are left", w->heap.live);
    heap_remove();
    account_judge(w);
    close(w->fd);
    free(w->asked);
    free(w->served);
    world_expect(w, open_files() == files, "%zu descriptors are left", open_files() - files);
    return !w->why[0];
}
