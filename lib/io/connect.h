/*
 * connect - one attempt to reach one address, within a time.
 */
#ifndef VITRO_IO_CONNECT_H
#define VITRO_IO_CONNECT_H

#include "io/transport.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Embedded in its user, found again with CONTAINER_OF. */
struct connect {
    /*
     * Exactly once, in a later turn, unless cancelled: the transport (taken by its user, attached
     * already) or NULL and why: UNAVAILABLE "connect: ipv4:127.0.0.1:1 <- socket: Connection
     * refused (111)". The struct is out of use by then.
     */
    void (*done)(struct connect *c, struct transport *t, const vitro_error *err);
    vitro_loop *loop;
    vitro_trace *trace;
    struct address address;
    struct transport *transport;
    struct timer timeout, retry;
    struct task result;
    vitro_error error;
};

/*
 * Begin. trace is kept by the transport's recorder, NULL: no tap. deadline on vitro_loop_now();
 * INT64_MAX: none.
 */
void vitro_connect_start(struct connect *c, vitro_loop *loop, const struct address *address,
                         vitro_trace *trace, int64_t deadline,
                         void (*done)(struct connect *c, struct transport *t,
                                      const vitro_error *err));

/* Give up: done is not called. Does nothing to a zeroed or finished one. */
void vitro_connect_cancel(struct connect *c);

#ifdef __cplusplus
}
#endif
#endif
