#include "lesson.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lesson_gate.h"
#include "vitro/lab/sim.h"
#include "vitro/lab/tls.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, NO_WORLD = 3 };

/*
 * gRPC's first window, and no growth: flow control is the same in every run. In memory a byte
 * takes a millisecond to the other side, so that the times in a trace tell a round trip.
 */
enum { WINDOW_BYTES = 65535, LATENCY_NS = 1000000, MOMENT_NS = 1000000000, PATIENCE_MS = 86400000 };

static int fail(int status, const char *what, const vitro_error *err)
{
    char text[512];

    fflush(stdout);
    vitro_error_format(err, text, sizeof text);
    fprintf(stderr, "vitro: lesson: %s: %s\n", what, text);
    return status;
}

/* ---- the command line ----------------------------------------------------------------------- */

static bool read_seed(const char *text, uint64_t *seed)
{
    char *end;

    errno = 0;
    *seed = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static int read_arguments(lesson *l, int argc, char **argv, uint64_t *seed)
{
    static const struct option longs[] = {
        { "real", no_argument, NULL, 'r' },
        { "seed", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'r')
            l->real = true;
        else if (c != 's' || !read_seed(optarg, seed))
            break;
    }
    if (c == -1 && optind == argc)
        return DONE;
    fprintf(stderr, "usage: %s [--real] [--seed N]\n", argv[0]);
    return USAGE;
}

/* ---- the world ------------------------------------------------------------------------------ */

/* Sinks go into one trace, so that each of them has all of it. */
static vitro_code add_sinks(lesson *l, const char *sinks, bool block, vitro_error *err)
{
    vitro_trace_options options = VITRO_TRACE_OPTIONS_INIT;

    options.block = block;
    if (!sinks || !*sinks)
        return VITRO_OK;
    if (l->trace)
        return vitro_trace_add(l->trace, sinks, &options, err);
    return vitro_trace_open(&l->trace, sinks, &options, err);
}

static int open_trace(lesson *l)
{
    const char *learn = secure_getenv("VITRO_LEARN");
    vitro_error err = { 0 };

    l->alone = !learn || !*learn;
    if (add_sinks(l, learn, true, &err))
        return fail(NO_WORLD, "VITRO_LEARN", &err);
    if (add_sinks(l, secure_getenv("VITRO_TRACE"), false, &err))
        return fail(NO_WORLD, "VITRO_TRACE", &err);
    return DONE;
}

static vitro_code open_sim(lesson *l, uint64_t seed, vitro_error *err)
{
    vitro_sim_options options = VITRO_SIM_OPTIONS_INIT;
    vitro_sim *sim;
    vitro_code rc;

    options.seed = seed;
    options.latency_ns = LATENCY_NS;
    rc = vitro_sim_new(&sim, &options, err);
    if (rc)
        return rc;
    l->world = sim;
    vitro_sim_trace(sim, l->trace);
    l->listen = "sim:chat";
    l->target = "dns:localhost:50051";
    rc = vitro_sim_name(sim, "localhost", l->listen, err);
    return rc ? rc : vitro_sim_loop(sim, &l->loop, "lesson", err);
}

static vitro_code open_real(lesson *l, uint64_t seed, vitro_error *err)
{
    vitro_loop_options options = VITRO_LOOP_OPTIONS_INIT;

    options.name = "lesson";
    options.seed = seed;
    l->listen = "ipv4:127.0.0.1:0";
    l->target = l->bound;
    return vitro_loop_new(&l->loop, &options, err);
}

static int open_world(lesson *l, uint64_t seed)
{
    vitro_error err = { 0 };
    int status = open_trace(l);

    if (status)
        return status;
    if (l->real ? open_real(l, seed, &err) : open_sim(l, seed, &err))
        return fail(NO_WORLD, l->real ? "loopback" : "sim", &err);
    if (lesson_gate_new(&l->gate, l->loop, l->trace, &err))
        return fail(NO_WORLD, "VITRO_GATE", &err);
    l->server = (vitro_server_options)VITRO_SERVER_OPTIONS_INIT;
    l->channel = (vitro_channel_options)VITRO_CHANNEL_OPTIONS_INIT;
    l->server.trace = l->channel.trace = l->trace;
    l->server.window_bytes = l->server.max_window_bytes = WINDOW_BYTES;
    l->channel.window_bytes = l->channel.max_window_bytes = WINDOW_BYTES;
    if (l->gate && l->real) /* the server's SETTINGS come when the learner lets them */
        l->channel.connect_ms = PATIENCE_MS;
    return DONE;
}

/* Run until done says so, for a moment at most; what is held has all the time of the learner. */
static void settle(lesson *l, bool (*done)(void *user), void *user)
{
    size_t held;

    do {
        held = lesson_gate_count(l->gate);
        if (!done(user))
            vitro_loop_run_until(l->loop, done, user, vitro_loop_now(l->loop) + MOMENT_NS, NULL);
    } while (!done(user) && (held || lesson_gate_count(l->gate)));
}

static bool is_let_go(void *gate)
{
    return lesson_gate_count(gate) == 0;
}

static void close_world(lesson *l)
{
    if (l->gate)
        settle(l, is_let_go, l->gate);
    lesson_gate_free(l->gate);
    vitro_credentials_unref(l->credentials);
    vitro_loop_unref(l->loop);
    vitro_sim_free(l->world);
    vitro_trace_unref(l->trace);
}

/* ---- what a scenario calls ------------------------------------------------------------------ */

int lesson_main(int argc, char **argv, vitro_code (*play)(lesson *l, vitro_error *err))
{
    lesson l = { 0 };
    vitro_error err = { 0 };
    uint64_t seed = 0;
    int status = read_arguments(&l, argc, argv, &seed);

    if (!status)
        status = open_world(&l, seed);
    if (!status && play(&l, &err))
        status = fail(FAILED, "scenario", &err);
    close_world(&l);
    if (!status && fflush(stdout))
        status = NO_WORLD;
    return status;
}

vitro_code lesson_listen(lesson *l, vitro_server *server, vitro_error *err)
{
    vitro_code rc = l->credentials
                        ? vitro_server_listen_secure(server, l->listen, l->credentials, l->bound,
                                                     sizeof l->bound, err)
                        : vitro_server_listen(server, l->listen, l->bound, sizeof l->bound, err);

    if (rc || !l->real)
        return rc;
    snprintf(l->authority, sizeof l->authority, "localhost%s", strrchr(l->bound, ':'));
    l->channel.authority = l->authority;
    return VITRO_OK;
}

/* They stand beside the folder of the lesson, as its text stands beside its program. */
const char *lesson_file(const char *name)
{
    static char paths[8][4096 + 64];
    static unsigned next;
    char program[4096], *path = paths[next++ % 8];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);

    for (int up = 0; up < 2 && n > 0; up++) {
        while (n > 0 && program[--n] != '/')
            ;
    }
    snprintf(path, sizeof paths[0], "%.*s/certificates/%s", n > 0 ? (int)n : 0, program, name);
    return path;
}

vitro_code lesson_without_h2(vitro_credentials *credentials, vitro_error *err)
{
    return vitro_credentials_without_alpn(credentials, err);
}

static bool is_quiet(void *server)
{
    size_t connections;

    vitro_server_load(server, &connections, NULL);
    return connections == 0;
}

void lesson_end(lesson *l, vitro_server *server)
{
    if (!server)
        return;
    settle(l, is_quiet, server);
    vitro_server_free(server);
}

void lesson_say(lesson *l, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    vitro_trace_say(l->trace, "%s", text);
    if (l->alone)
        puts(text);
}
