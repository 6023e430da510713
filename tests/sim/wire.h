/*
 * wire - what lies between the clients of a world and its server: it takes connections at
 * "sim:wire", makes one to the server for each, and carries the bytes of both directions, with
 * the faults of the world.
 *
 *      client -> [end 0 of a pipe -- lane 0 --> end 1] -> server
 *             <- [                <-- lane 1 --      ] <-
 *
 * On plain text a lane stands between frames when it puts something in or leaves something out;
 * under TLS between records.
 */
#ifndef VITRO_TESTS_SIM_WIRE_H
#define VITRO_TESTS_SIM_WIRE_H

#include "base/buf.h"
#include "frame/frame_reader.h"
#include "io/connect.h"
#include "io/listen.h"
#include "sim/world.h"

struct pipe;

/* What a lane still has to do once it stands between two frames or records. */
struct lane {
    struct pipe *pipe;
    struct buf out; /* on its way */
    struct timer stalled;
    uint64_t passed; /* bytes that have come in */
    struct frame_reader reader;
    uint32_t last_stream;    /* of HEADERS */
    size_t record_left;      /* TLS: bytes to the end of the record */
    uint8_t record_head[5];  /* TLS */
    size_t record_have;      /* bytes of it */
    bool begun;              /* a frame has passed */
    bool in_block, dropping; /* HEADERS go on; this frame is left out */
    bool ended, shut;        /* the last byte has come in; and went out */
    bool deaf;               /* what comes in is dropped */
    bool doomed;             /* reads no more; the pipe is cut once out is empty */
    struct buf insert;       /* to be put in at the next border */
};

struct pipe {
    struct world *world;
    struct pipe *next;
    unsigned number;
    struct connect connect;
    struct transport *end[2]; /* the client's, the server's; NULL: not there */
    struct lane lane[2];      /* from end[i] to the other */
    struct timer cut;
    enum fault fault; /* FAULT_COUNT: none */
    int where;        /* in which lane */
    uint64_t at;      /* from this byte on */
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

/* A fault of the world, now, on some pipe, if there is one. */
void wire_deed(struct world *w);

/* All stalls are over, and no fault is to come. */
void wire_calm(struct world *w);

/* ---- lanes ---------------------------------------------------------------------------------- */

/* Bytes come in: what goes on stands in lane->out. */
void lane_take(struct lane *l, vitro_bytes bytes);

/* Cut the pipe in a while, or at once. */
void pipe_cut_later(struct pipe *p);
void pipe_cut(struct pipe *p);

static inline struct lane *lane_opposite(struct lane *l)
{
    return &l->pipe->lane[l == &l->pipe->lane[0]];
}

#endif
