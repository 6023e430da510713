/*
 * wire - what lies between the clients of a world and its server: it takes connections at
 * "sim:wire", makes one to the server for each, and carries the bytes of both directions, with
 * the faults of the world.
 *
 *      client -> [end 0 of a pipe -- lane 0 --> end 1] -> server
 *             <- [                <-- lane 1 --      ] <-
 */
#ifndef VITRO_TESTS_SIM_WIRE_H
#define VITRO_TESTS_SIM_WIRE_H

#include "io/connect.h"
#include "io/listen.h"
#include "sim/passage.h"

struct pipe {
    struct passage passage;
    struct pipe *next;
    struct connect connect;
    struct transport *end[2]; /* the client's, the server's; NULL: not there */
    struct timer cut;
    bool closed;
};

struct wire {
    struct world *world;
    struct listener listener;
    struct address server;
    struct pipe *pipes;
    unsigned made;
    size_t chunk; /* bytes of one read or write at most */
};

/* Listen; false when that fails. */
bool wire_open(struct world *w);
void wire_close(struct world *w);

#endif
