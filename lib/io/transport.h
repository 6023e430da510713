/*
 * transport - one end of a byte stream: a TCP or UNIX socket, or one end of a link in memory.
 *
 * vitro_connect_start and a listener give transports; vitro_driver_open takes one. On the way an
 * transport belongs to no loop, so that an accepted one can be sent to the loop with the fewest.
 */
#ifndef VITRO_IO_TRANSPORT_H
#define VITRO_IO_TRANSPORT_H

#include "io/address.h"
#include "io/loop.h"
#include "io/poller.h"
#include "trace/recorder.h"

#ifdef __cplusplus
extern "C" {
#endif

struct transport;

enum io_result {
    IO_DONE,  /* at least a byte */
    IO_LATER, /* nothing now; ready is called when it may be tried again */
    IO_END,   /* the peer has sent its last byte */
    IO_FAILED /* err says why */
};

struct transport_ops {
    bool (*attach)(struct transport *t, vitro_loop *loop); /* false: out of memory or descriptors */
    void (*want)(struct transport *t, unsigned events); /* IO_READ, IO_WRITE: when to call ready */
    enum io_result (*read)(struct transport *t, uint8_t *to, size_t room, size_t *n,
                           vitro_error *err);
    enum io_result (*write)(struct transport *t, const vitro_bytes *from, size_t pieces, size_t *n,
                            vitro_error *err);
    int64_t (*round_trip)(const struct transport *t); /* nanoseconds at the least; 0: unknown */
    void (*shut)(struct transport *t);                /* no more bytes from this end */
    void (*close)(struct transport *t, bool abort);   /* frees t; abort: a reset, not an end */
};

struct transport {
    const struct transport_ops *ops;
    void (*ready)(struct transport *t, unsigned events); /* set by its user before want */
    vitro_loop *loop;                                    /* NULL until attached */
    void *user;                                          /* of its user */
    void *accepted;                                      /* of the listener's user; NULL */
    struct address local, peer;
    bool client; /* this end connected */

    /* The tap. A link has one recorder, on which its server end's writes are what comes in. */
    struct recorder *recorder; /* NULL: no tap */
    vitro_trace *trace;        /* what the recorder writes to */
    enum record_direction sent_as;
    bool tap_reads; /* false on a link, where the writer has told already */

    struct post post; /* of vitro_transport_send */
    void (*arrive)(struct transport *t);
};

/* Hand a transport that was not attached yet to a loop: arrive(t) runs there. Any thread. */
void vitro_transport_send(struct transport *t, vitro_loop *loop,
                          void (*arrive)(struct transport *t));

/*
 * How long sent bytes may be without an acknowledgement of TCP before the connection fails (gRFC
 * A18). Nothing but TCP has that.
 */
void vitro_transport_user_timeout(struct transport *t, int64_t ns);

/* Close a transport that no driver took. NULL is accepted. */
void vitro_transport_drop(struct transport *t);

#ifdef __cplusplus
}
#endif
#endif
