/*
 * layer - a step between a connection's bytes and its session: tls, the gate.
 *
 * A layer is a pure transformer of byte queues. It touches no socket, keeps no bytes that the
 * driver cannot see, and calls nobody: what it makes while reading (a handshake reply, a key
 * update, an alert) it hands out in the next down, which the driver calls after every up.
 */
#ifndef VITRO_IO_LAYER_H
#define VITRO_IO_LAYER_H

#include "base/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

struct arena;
struct driver;
struct layer;
struct vitro_identity;

enum vitro_step {
    VITRO_IDLE,   /* all was done that could be */
    VITRO_MORE,   /* input is left, for the next turn */
    VITRO_CLOSED, /* the peer ended its side here; nothing more will come up */
    VITRO_FAILED  /* err says why; the driver sends what down still has and closes */
};

struct layer_ops {
    const char *name; /* "tls", "gate": a column in every view */

    /* The connection is there. What has to be sent first is added to out. May be NULL. */
    enum vitro_step (*open)(struct layer *l, struct queue *out, vitro_error *err);

    /* Bytes from below: take from in, add to out. in holds all that was read, or nothing. */
    enum vitro_step (*up)(struct layer *l, struct queue *in, struct queue *out, vitro_error *err);

    /* Bytes from above, and what the layer itself has to send. in may be empty. */
    enum vitro_step (*down)(struct layer *l, struct queue *in, struct queue *out, vitro_error *err);

    /* The session ended cleanly: add the layer's own farewell to out. May be NULL. */
    void (*end)(struct layer *l, struct queue *out);

    /* Once ready: who is at the other end, in memory of the arena; NULL when it is out. A layer
     * that proves nobody has none. */
    const struct vitro_identity *(*identity)(struct layer *l, struct arena *into);

    /* Release the layer; no other function of it is called again. */
    void (*close)(struct layer *l);

    /*
     * What lies below is of no use to who did not see its beginning: late sinks of the trace are
     * shown what lies above. For the lowest layer.
     */
    bool opaque;
};

/* Embedded in the layer's own struct, found again with CONTAINER_OF. */
struct layer {
    const struct layer_ops *ops;
    struct driver *driver; /* set by vitro_driver_push */
    bool ready;            /* the layer sets it once bytes of the session may pass */
};

static inline void layer_init(struct layer *l, const struct layer_ops *ops)
{
    l->ops = ops;
    l->driver = (struct driver *)0;
    l->ready = false;
}

#ifdef __cplusplus
}
#endif
#endif
