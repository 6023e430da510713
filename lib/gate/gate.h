/*
 * gate - the inside of vitro/lab/gate.h: gate.c keeps the queue of all that is held, gate_layer.c
 * is the layer in each connection that cuts and moves its bytes.
 *
 *      driver's queue:  [ passed on | going | held | not whole yet ]
 *                                   ^open_to       ^reader.at
 *
 * The bytes themselves stay in the driver's queue, where it counts them: a connection whose bytes
 * are held is like one whose network is slow, and memory has the driver's bound. The gate only
 * remembers where units begin and end, as offsets in the stream.
 */
#ifndef VITRO_GATE_GATE_H
#define VITRO_GATE_GATE_H

#include "base/list.h"
#include "frame/frame_reader.h"
#include "io/layer.h"
#include "io/loop.h"
#include "trace/note.h"
#include "vitro/lab/gate.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GATE_END_TEXT = 64 };

/* A unit that is held, or was let go and waits for the next write. */
struct gate_unit {
    struct list link; /* in the gate's held, or the layer's going */
    struct gate_layer *layer;
    vitro_gate_unit is;
};

struct vitro_gate {
    struct list loops;
    struct list layers;
    struct list held;
    size_t count;    /* of held */
    uint64_t passes; /* steps asked for while nothing was held */
    uint32_t units;
    bool holding;
    bool clock_held;       /* of sim */
    struct vitro_sim *sim; /* of its loops; NULL: a real one */
    vitro_trace *trace;
};

/* What a loop knows of the gate. */
struct gate_loop {
    struct loop_hook hook;
    struct list link;
    vitro_gate *gate;
    vitro_loop *loop;
};

struct gate_layer {
    struct layer layer;
    struct list link;
    struct list going;
    vitro_gate *gate;   /* NULL once it is gone: all passes */
    vitro_trace *trace; /* of the connection, a reference; NULL: none */
    uint32_t conn;      /* its number there */
    char client[GATE_END_TEXT], server[GATE_END_TEXT]; /* its ends there; "": not known yet */
    bool from_server;
    bool in_part; /* the unit that the reader is in does not begin as a frame */
    struct frame_reader reader;
    uint64_t begin;   /* of the unit that the reader is in, offsets in the stream */
    uint64_t passed;  /* what the layer below has got */
    uint64_t open_to; /* what it may get */
};

/* ---- gate_layer.c --------------------------------------------------------------------------- */

/* A layer for a driver that opens, on top of its others. NULL when memory is out. */
struct gate_layer *vitro_gate_layer_push(vitro_gate *g, struct driver *d);

struct note_at vitro_gate_at(const struct gate_layer *l);

/* ---- gate.c --------------------------------------------------------------------------------- */

/* True when the next unit is to be held. A step that waits for one is used up. */
bool vitro_gate_wants(vitro_gate *g);

/* Hold a unit, and say so with its bytes; false when memory is out. */
bool vitro_gate_take(vitro_gate *g, struct gate_layer *l, const vitro_gate_unit *unit,
                     vitro_bytes bytes);

/* A unit that was let go is written now; and then it is freed. */
void vitro_gate_note_released(const struct gate_unit *u);
void vitro_gate_unit_free(struct gate_unit *u);

/* The connection is gone, with all that it still held. g may be NULL. */
void vitro_gate_forget(vitro_gate *g, struct gate_layer *l);

#ifdef __cplusplus
}
#endif
#endif
