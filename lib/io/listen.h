/*
 * listen - one address on which connections arrive.
 */
#ifndef VITRO_IO_LISTEN_H
#define VITRO_IO_LISTEN_H

#include "io/transport.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connections taken in one turn by one listener, at most. */
enum { LISTEN_BATCH = 64 };

/* Embedded in its user, found again with CONTAINER_OF. */
struct listener {
    /*
     * Takes t, which is attached to no loop yet: vitro_driver_open on a driver of this loop,
     * vitro_transport_send to another, or vitro_transport_drop.
     */
    void (*accepted)(struct listener *l, struct transport *t);
    vitro_loop *loop;
    vitro_trace *trace;
    struct address bound; /* the port that was given */
    struct source source;
    struct timer pause;    /* out of descriptors: tried again later */
    struct list sim_link;  /* in the world's list of listeners */
    struct list waiting;   /* links of the world that were not accepted yet */
    struct task sim_ready; /* there are such */
    bool unlink;           /* the socket's file is ours to remove */
    bool open;
};

/*
 * Listen. trace is kept for the recorders of what is accepted; NULL: no tap. UNAVAILABLE
 * "listen: ipv4:127.0.0.1:50051 <- socket: Address already in use (98)" and the like. A UNIX
 * socket's file that nobody listens on any more is replaced; its mode is the umask's.
 */
vitro_code vitro_listener_open(struct listener *l, vitro_loop *loop, const struct address *address,
                               vitro_trace *trace,
                               void (*accepted)(struct listener *l, struct transport *t),
                               vitro_error *err);

/* Stop listening; connections not accepted are lost. Does nothing to a zeroed or closed one. */
void vitro_listener_close(struct listener *l);

#ifdef __cplusplus
}
#endif
#endif
