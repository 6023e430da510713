/*
 * driver - moves a connection's bytes: transport, layers, session.
 *
 *      transport  read -> [up 0] -> layer 0 -> [up 1] -> ... -> session take
 *      transport write <- [dn 0] <- layer 0 <- [dn 1] <- ... <- session produce
 *
 * The driver alone touches the transport and alone taps; all bytes between layers lie in its
 * queues. A turn reads every connection first (256 KiB of each at most) and writes each once at
 * its end: one system call for all that the turn made. Nothing is read while the session still
 * has input left, and nothing is asked of it while much is unsent.
 */
#ifndef VITRO_IO_DRIVER_H
#define VITRO_IO_DRIVER_H

#include "io/transport.h"
#include "io/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DRIVER_LAYERS = 3,
    DRIVER_HIGH = 256 * 1024, /* unsent bytes from which produce is not asked */
    DRIVER_EVENTS = 256       /* what a session handles in one take, as a rule */
};

/* The session on top. All are called from the loop, never inside a function of the driver. */
struct driver_ops {
    /* The transport is there and every layer is ready: bytes may pass. */
    void (*on_open)(struct driver *d);

    /*
     * Consume bytes of in, all of it as a rule. VITRO_MORE with bytes left: enough for this turn,
     * call again in the next, read nothing before. VITRO_CLOSED: the session is over, flush and
     * close. Bytes may lie in the loop's read buffer: what is kept is moved out and owned
     * (vitro_queue_own) before returning; what is left in `in` the driver keeps.
     */
    enum vitro_step (*take)(struct driver *d, struct queue *in, vitro_error *err);

    /*
     * Add about budget bytes to out, less when there are less. VITRO_MORE: there is more, ask
     * again. VITRO_CLOSED: this was the last, flush and close.
     */
    enum vitro_step (*produce)(struct driver *d, struct queue *out, size_t budget,
                               vitro_error *err);

    /* Input came while the transport takes nothing: add what is short and answers it. May be
     * NULL. */
    enum vitro_step (*answer)(struct driver *d, struct queue *out, vitro_error *err);

    /*
     * Sinks of the trace have come since the connection began, and join it here: tell them what
     * they have missed. All that was taken in and produced has crossed, and until_frame is 0.
     * False: ask again later. NULL: the connection is shown to nobody who came late.
     */
    bool (*join)(struct driver *d, struct audience waiting);

    /* How many bytes of input end what is begun; 0: the session stands between two frames. */
    size_t (*until_frame)(const struct driver *d);

    /* The peer has sent its last byte; the session may go on sending. NULL: it is closed then. */
    void (*on_end)(struct driver *d);

    /*
     * Exactly once, last, also when on_open never came. why is NULL after a clean close: one that
     * was asked for, or the peer's end. The driver is done; its memory may be freed here.
     */
    void (*on_close)(struct driver *d, const vitro_error *why);
};

struct driver_stage {
    struct layer *layer;
    struct queue up;   /* what comes in below the layer */
    struct queue down; /* what goes out below the layer */
};

enum driver_state { DRIVER_NEW, DRIVER_OPENING, DRIVER_OPEN, DRIVER_CLOSING, DRIVER_CLOSED };

/* Embedded in the connection's struct, found again with CONTAINER_OF. */
struct driver {
    const struct driver_ops *ops;
    vitro_loop *loop;
    struct transport *transport;
    struct driver_stage stage[DRIVER_LAYERS];
    size_t layers;
    struct queue in, out;        /* between the session and the top layer */
    uint64_t taken_in, produced; /* bytes of the session so far */
    uint64_t received, sent;     /* bytes of the transport so far */
    int64_t flush_ns;  /* how long a flushing close may take; 0: as long as the peer likes */
    int64_t linger_ns; /* after that: how long the peer's end is waited for; 0: not */
    uint32_t conn;     /* number of the connection in its trace; RECORD_NO_CONN without one */
    enum driver_state state;
    bool telling; /* the session: what comes in is shown to late sinks behind its own notes */

    /* private */
    struct task read_again, write, closed; /* what a later turn has to do */
    struct timer linger;
    struct list tracing; /* in the list of its trace, on this loop */
    unsigned wanted;     /* what the transport watches for */
    bool opened;         /* on_open was called */
    bool more;           /* produce has more */
    bool blocked;        /* the transport takes no more now */
    bool flush;          /* closing, but not before all is written */
    bool layers_ended;   /* the layers have said farewell */
    bool shut;           /* our last byte is sent */
    bool peer_ended;     /* no byte will be read any more */
    bool end_told;       /* on_end was called */
    bool paused;         /* vitro_driver_pause */
    bool late;           /* sinks that came late have joined */
    vitro_error *why;    /* NULL: clean */
    vitro_error error;
};

/* Begin a driver. ops and loop are kept. */
void vitro_driver_init(struct driver *d, vitro_loop *loop, const struct driver_ops *ops);

/* Put a layer on top of those pushed before: tls first, then the gate. Takes l. Before open. */
void vitro_driver_push(struct driver *d, struct layer *l);

/*
 * Begin with a transport, which the driver takes. on_open follows in a later turn, then on_close;
 * on_close alone when it fails.
 */
void vitro_driver_open(struct driver *d, struct transport *t);

/*
 * The session has output, or a layer let go of what it held: both are asked at the end of this
 * turn, of the next outside of one. Nothing before on_open, after which the session is asked
 * anyway.
 */
void vitro_driver_wake(struct driver *d);

/* Run the input side again in the next turn: a layer has let go of what it held. */
void vitro_driver_again(struct driver *d);

/* Read nothing more, or go on: bytes stay in the kernel. */
void vitro_driver_pause(struct driver *d, bool pause);

/*
 * Close. flush: ask the session for all its output first and send it, then end the stream;
 * otherwise at once, and with a reset when why is given. why is copied, NULL means clean.
 * on_close follows in a later turn, never here. Does nothing to a driver that was not opened, or
 * closes already, but that not flushing ends the flushing. A peer that reads nothing holds it up,
 * for d->flush_ns at most: then what is left is dropped, with a reset.
 */
void vitro_driver_close(struct driver *d, bool flush, const vitro_error *why);

/* Bytes that were produced and not yet taken by the kernel, in all queues. */
size_t vitro_driver_unsent(const struct driver *d);

/* A layer holds bytes back: the peer would take them. */
static inline bool driver_is_held(const struct driver *d)
{
    return !d->blocked && vitro_driver_unsent(d) > 0;
}

/* Nanoseconds that a byte and its answer need, as the transport knows; 0: it does not. */
static inline int64_t driver_round_trip(const struct driver *d)
{
    return d->transport ? d->transport->ops->round_trip(d->transport) : 0;
}

/* The trace of the connection; NULL: none, or closed. Where notes of it go. */
static inline vitro_trace *driver_trace(const struct driver *d)
{
    return d->transport ? d->transport->trace : (vitro_trace *)0;
}

#ifdef __cplusplus
}
#endif
#endif
