/*
 * sim - a world in one thread: loops, links in memory, names, and a clock that moves only when
 * nothing is left to do. For lessons and tests, without the promise of the other headers.
 *
 * All of it comes from the seed: the same program prints the same bytes. Running any loop of a
 * sim, or calling a blocking function on one, runs all its loops, in the order they were made.
 * When all are idle the clock jumps to the earliest timer.
 */
#ifndef VITRO_LAB_SIM_H
#define VITRO_LAB_SIM_H

#include "vitro/loop.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_sim vitro_sim;

/** Zero always means the default. Append only. */
typedef struct vitro_sim_options {
    size_t size;            /* set by VITRO_SIM_OPTIONS_INIT, never by hand */
    uint64_t seed;          /* 0 is a seed like any other */
    int64_t wall_start_ns;  /* 0: 2025-09-20T00:00:00Z */
    int64_t latency_ns;     /* of a link, one way; 0: none */
    uint32_t in_flight_max; /* bytes on their way in one direction of a link; 0: 256 KiB */
    uint32_t read_max;      /* a read gives from 1 to so many bytes, by chance; 0: no limit */
    uint32_t write_max;     /* a write takes from 1 to so many bytes, by chance; 0: no limit */
} vitro_sim_options;
#define VITRO_SIM_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(vitro_sim_options), 0, 0, 0, 0, 0, 0                                                \
    }

/**
 * Make a world without loops.
 *
 * @param out      gives; vitro_sim_free().
 * @param options  may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the sim's, which is any one.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_sim_new(vitro_sim **out, const vitro_sim_options *options,
                                                 vitro_error *err);

/** Free the world. NULL is accepted. Its loops are freed before it. Thread: sim. */
VITRO_API void vitro_sim_free(vitro_sim *sim);

/**
 * Make a loop of this world; it runs after those made before. Its chance comes from the seed.
 *
 * @param out   gives one reference; vitro_loop_unref(), before vitro_sim_free().
 * @param name  copied; NULL: "loop".
 * @return as vitro_loop_new().
 * Thread: sim.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_sim_loop(vitro_sim *sim, vitro_loop **out,
                                                  const char *name, vitro_error *err);

/**
 * Let a name resolve. Several calls with one name give it several addresses, in order.
 *
 * @param name     copied: the host of a dns: target, without a port.
 * @param address  copied: a target of numbers ("ipv4:10.0.0.1:50051") or "sim:NAME"; a port 0
 *                 becomes the one asked for.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: sim.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_sim_name(vitro_sim *sim, const char *name,
                                                  const char *address, vitro_error *err);

/**
 * Give a trace the time of this world, until vitro_sim_free(). A connection made under sim does
 * it for its trace by itself; what is noted before the first one has the system's time.
 *
 * @param trace  keeps a reference until vitro_sim_free(); NULL is accepted.
 * Thread: sim.
 */
VITRO_API void vitro_sim_trace(vitro_sim *sim, vitro_trace *trace);

/** One round of all loops; the clock stays. @return true when anything was done. Thread: sim. */
VITRO_API bool vitro_sim_step(vitro_sim *sim);

/**
 * Run until nothing can happen any more: no work, no timer but for upkeep (keepalive, the ages of
 * connections, a channel that tries to connect while no call waits), which goes on for ever.
 * Thread: sim.
 */
VITRO_API void vitro_sim_run(vitro_sim *sim);

/** Run for so many nanoseconds of the world's time; the clock ends there. Thread: sim. */
VITRO_API void vitro_sim_run_for(vitro_sim *sim, int64_t ns);

/** Nanoseconds since the world began. Thread: sim. */
VITRO_API int64_t vitro_sim_now(const vitro_sim *sim);

/** A number from the world's chance, from 0 to below - 1; below is not 0. Thread: sim. */
VITRO_API uint64_t vitro_sim_chance(vitro_sim *sim, uint64_t below);

/** Links open now, and made ever: the nth link made has the number n, from 0. Thread: sim. */
VITRO_API size_t vitro_sim_links(const vitro_sim *sim);
VITRO_API size_t vitro_sim_links_made(const vitro_sim *sim);

/**
 * Cut a link as a pulled cable with a reset at each end: bytes under way are lost, both sides
 * fail with UNAVAILABLE.
 *
 * @param number  of the link.
 * @return false when it is closed already or was never made.
 * Thread: sim.
 */
VITRO_API bool vitro_sim_cut(vitro_sim *sim, size_t number);

/** Hold the clock: while the count of holds is not 0 it does not jump. Thread: sim. */
VITRO_API void vitro_sim_hold(vitro_sim *sim, bool hold);

/** What the world itself holds: links, bytes under way, names. Thread: sim. */
VITRO_API vitro_memory vitro_sim_memory(const vitro_sim *sim);

#ifdef __cplusplus
}
#endif
#endif
