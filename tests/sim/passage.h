/*
 * passage - where the bytes of a connection pass in both directions, and what is to happen to them
 * there: on the wire, or, under TLS, also inside of it (inside.h).
 *
 *      lane 0: from the client to the server       lane 1: from the server to the client
 *
 * A lane puts something in, or leaves something out, between two frames; between two records where
 * all that passes is sealed.
 */
#ifndef VITRO_TESTS_SIM_PASSAGE_H
#define VITRO_TESTS_SIM_PASSAGE_H

#include "base/buf.h"
#include "frame/frame_reader.h"
#include "sim/world.h"

struct passage;

/* What a lane still has to do once it stands between two frames or records. */
struct lane {
    struct passage *passage;
    struct buf out; /* on its way */
    struct timer stalled;
    uint64_t passed; /* bytes that have come in */
    struct frame_reader reader;
    uint32_t last_stream;    /* of HEADERS */
    size_t record_left;      /* sealed: bytes to the end of the record */
    uint8_t record_head[5];  /* sealed */
    size_t record_have;      /* bytes of it */
    bool begun;              /* a frame has passed */
    bool in_block, dropping; /* HEADERS go on; this frame is left out */
    bool ended, shut;        /* the last byte has come in; and went out */
    bool deaf;               /* what comes in is dropped */
    bool doomed;             /* reads no more; the connection is cut once out is empty */
    struct buf insert;       /* to be put in at the next border */
};

/* What a passage can do about its connection. */
struct passage_ops {
    const char *name;
    void (*move)(struct passage *p);      /* something may stand in out of a lane */
    void (*cut_later)(struct passage *p); /* in a while the connection is gone */
};

struct passage {
    struct world *world;
    const struct passage_ops *ops;
    struct passage *next, **link; /* among those of the world; link NULL: no more */
    unsigned number;
    unsigned places; /* what may strike here: AT_BYTES ... */
    struct lane lane[2];
    enum fault fault; /* FAULT_COUNT: none */
    int where;        /* in which lane */
    uint64_t at;      /* from this byte on */
};

/* One of the world's, in which a fault may be to come. */
void passage_init(struct passage *p, struct world *w, const struct passage_ops *ops,
                  unsigned number, unsigned places);
void passage_done(struct passage *p); /* nothing passes any more; again is accepted */

/* A fault of the world, now, in some passage, if there is one. */
void passage_deed(struct world *w);

/* All stalls are over, and no fault is to come. */
void passage_calm(struct world *w);

/* ---- lanes ---------------------------------------------------------------------------------- */

/* Bytes come in: what goes on stands in lane->out. */
void lane_take(struct lane *l, vitro_bytes bytes);

static inline bool lane_is_stalled(const struct lane *l)
{
    return timer_running(&l->stalled);
}

static inline struct lane *lane_opposite(struct lane *l)
{
    return &l->passage->lane[l == &l->passage->lane[0]];
}

#endif
