/*
 * world - a server, up to three channels and the wire between them, all of one seed: what they
 * say to each other, what goes wrong, and when.
 *
 * Every choice is drawn from the seed, and everything runs under sim: the same seed is the same
 * world to the byte.
 */
#ifndef VITRO_TESTS_SIM_WORLD_H
#define VITRO_TESTS_SIM_WORLD_H

#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"
#include "sim/said.h"
#include "support/heap.h"
#include "vitro/channel.h"
#include "vitro/interceptor.h"
#include "vitro/lab/sim.h"
#include "vitro/server.h"

#define MS     ((int64_t)1000000)
#define SECOND (1000 * MS)

enum { CHANNELS_MAX = 3, CALLS_MAX = 60, FAULTS_MAX = 3, CONNS_MAX = 4096 };

/* A set of status codes: a bit each. */
#define CALL(code) (1U << VITRO_##code)

enum fault {
#define X(id, name, where, codes) FAULT_##id,
#include "sim/faults.def"
#undef X
    FAULT_COUNT
};

/* Where a fault may strike: a bit each. */
enum { AT_BYTES = 1, AT_FRAMES = 2, AT_RECORDS = 4, AT_ENDS = 8 };

struct asked;
struct served;
struct wire;

/* On which side of the wire a connection of the trace is. */
enum side { SIDE_CLIENT, SIDE_SERVER };

struct world {
    uint64_t seed;
    bool loud;        /* tell what happens */
    const char *keep; /* a file to leave the trace in; NULL */
    bool sabotage;    /* nothing else goes wrong, but the wire steals bytes of a response */
    bool stolen;      /* it has: whoever judges must see it */
    struct chance chance;
    struct said said;
    struct heap heap;
    vitro_sim *sim;
    int64_t latency_ns; /* of a link, one way */
    bool crumbs;        /* bytes cross a few at a time: there is little to say then */
    vitro_loop *server_loop[2], *wire_loop, *client_loop;
    size_t server_loops;
    vitro_credentials *server_credentials, *client_credentials; /* NULL: plain text */
    vitro_server *server;
    vitro_server_options server_options;
    vitro_channel *channel[CHANNELS_MAX]; /* NULL: gone */
    size_t channels;
    struct wire *wire;
    struct passage *passages; /* of the wire and, under TLS, of connections at their server */
    struct loop_hook inside;  /* inside.c */
    unsigned insides;         /* connections that it has seen begin */
    vitro_trace *trace;       /* of both sides; the capture is in memory, behind fd */
    int fd;
    uint8_t side[CONNS_MAX]; /* of each connection in the trace */
    struct asked *asked;     /* calls of the clients, CALLS_MAX */
    size_t n_asked, calls_max;
    struct served *served; /* calls that a handler has seen */
    size_t n_served;
    bool may[FAULT_COUNT];                    /* the faults of this world */
    bool happened[FAULT_COUNT];               /* of these, what came to pass */
    vitro_interceptor delay;                  /* delay.h */
    const vitro_interceptor *interceptors[3]; /* of both sides; NULL at the end */
    struct list held_up;                      /* steps of theirs */
    bool ending;                              /* all calls go on to their end */
    bool slow_readers, cancels, deadlines, drained;
    uint64_t trace_bytes, trace_sum; /* at the end */
    char why[512];                   /* what was wrong first; empty: nothing */
};

/* Live through the world of a seed; true when all was well. */
bool world_run(struct world *w);

/* Something is wrong; the first time counts. */
void world_fail(struct world *w, const char *format, ...) VITRO_PRINTF(2, 3);
#define world_expect(w, condition, ...)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_fail((w), __VA_ARGS__);                                                          \
    } while (0)

/* Told when the world is loud. */
void world_say(struct world *w, const char *format, ...) VITRO_PRINTF(2, 3);

/* A fault came to pass. */
void world_fault(struct world *w, enum fault f);

/* One of the world's faults of these places; FAULT_COUNT: there is none. */
enum fault world_draw_fault(struct world *w, unsigned places);

/* Memory of the harness never fails: it is no part of what is tested. Gives the odds to go on with.
 */
size_t world_pause(struct world *w);
void world_go_on(struct world *w, size_t odds);

/* Evenly from low to high; true once in n times. */
size_t some(struct world *w, size_t low, size_t high);
bool one_in(struct world *w, size_t n);

/* The codes that the faults of this world may have caused, a bit each. */
uint32_t world_codes(const struct world *w);

#endif
