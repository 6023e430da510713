/*
 * connection - a driver with an HTTP/2 session on top, and the streams on it.
 *
 *      transport | layers | driver <-> h2_session <-> struct stream ... struct stream
 *
 * It knows nothing of calls: its owner (a channel, a server) says what a new stream is and hears
 * when streams may be opened, when the peer wants no more of them, and when all is over. It is
 * freed by itself between `closed` and `gone`.
 */
#ifndef VITRO_RPC_CONNECTION_H
#define VITRO_RPC_CONNECTION_H

#include "base/arena.h"
#include "base/slab.h"
#include "h2/session.h"
#include "io/driver.h"
#include "rpc/age.h"
#include "rpc/keepalive.h"
#include "trace/note.h"
#include "vitro/credentials.h"
#include "wire/header_list.h"

#ifdef __cplusplus
extern "C" {
#endif

struct connection;
struct stream;

struct connection_ops {
    /* The peer's SETTINGS came, or a stream ended: vitro_connection_room() may have grown. */
    void (*room)(struct connection *c);
    /* Server: a stream begins. NULL refuses it. */
    struct stream *(*accept)(struct connection *c);
    /* The peer will take no new streams; those that are open go on. error: RFC 9113, 7. */
    void (*goaway)(struct connection *c, uint32_t error, vitro_bytes debug);
    /* Every stream has had its closed. why is NULL after a clean end. */
    void (*closed)(struct connection *c, const vitro_error *why);
    /* Last: the connection's memory has been given back. */
    void (*gone)(void *owner);
};

struct connection_config {
    bool server;
    uint32_t window, max_window; /* bytes */
    uint32_t max_streams;        /* server */
    uint32_t max_header_bytes;
    struct keepalive_config keepalive;
    struct age_config age;    /* server */
    size_t memory_bytes;      /* budget; 0: none */
    struct h2_memory *memory; /* kept */
    struct slabs *slabs;      /* where the connection comes from; kept */
    struct account *parent;   /* kept */
    vitro_trace *trace;       /* kept; NULL: none */
    struct layer *tls;        /* taken, the lowest layer; NULL: plain text */
};

enum { LEFT_SAYING = 64 }; /* of what a peer says when it leaves */

struct connection {
    struct driver driver;
    struct h2_session h2;
    const struct connection_ops *ops;
    void *owner;
    struct connection_config config;
    struct account account;
    struct header_list *block;  /* the header block under way; NULL: none */
    struct vitro_md block_md;   /* its metadata */
    struct h2_stream *block_of; /* whose it is; NULL: none */
    struct list streams;        /* opened and not closed */
    size_t open;                /* how many */
    struct list lending;        /* streams with a message that lies in the read buffer */
    struct list lingering;      /* over, but read from: they outlive the transport */
    struct list link;           /* the owner's */
    uint32_t window;            /* of the connection, as it has grown */
    int64_t round_trip;         /* nanoseconds, once our SETTINGS are acknowledged; 0 before */
    size_t at_rest;             /* memory of the session without any stream */
    size_t answered;            /* bytes of answers since the transport took anything */
    bool choked;                /* it was too much: nothing is taken in */
    struct timer beginning;     /* the longest that it waits for the peer's SETTINGS (a client's
                                   channel does that) and for the acknowledgement of ours */
    struct timer announced;     /* server: the longest that an announced drain waits for the peer */
    const char *farewell;       /* of our GOAWAY; static; NULL: none */
    struct keepalive keepalive;
    struct age age;         /* server */
    bool announcing;        /* server: the drain is announced; streams on their way are served */
    bool draining;          /* GOAWAY sent or received, or closing: no new streams */
    bool waits_unknown;     /* nobody heard what streams wait for */
    uint64_t untaught;      /* sinks from this number on do not know the HPACK tables yet */
    bool dead;              /* the driver has closed; only lingering streams are left */
    const vitro_error *why; /* it has closed for a reason: the driver's */
    uint32_t left_with;     /* client: error code of the peer's GOAWAY; 0: none, or no error */
    char left_saying[LEFT_SAYING];
    uint32_t number; /* in a trace; RECORD_NO_CONN without one */
    char peer[ADDRESS_TEXT];
    const vitro_identity *identity; /* of the peer; NULL: nobody has asked */
    struct arena identified;        /* where it lies: it outlives the layer that told it */
    struct h2_place place;          /* of h2: last, for most of it is never touched */
};

/*
 * Make a connection over t, which is taken. ops, owner and what config points to are kept. NULL
 * when memory is out; t is dropped then.
 */
struct connection *vitro_connection_new(vitro_loop *loop, struct transport *t,
                                        const struct connection_config *config,
                                        const struct connection_ops *ops, void *owner);

/* Client: how many streams may be opened now. */
uint32_t vitro_connection_room(const struct connection *c);

/* Client: it has used up its stream ids (RFC 9113, 5.1.1) and takes no new streams. */
bool vitro_connection_is_spent(const struct connection *c);

/* A gate holds what it has to send. */
bool vitro_connection_is_held(const struct connection *c);

/* A stream that lingered is closed: its connection may be, too. c may be freed by this. */
void vitro_connection_stream_gone(struct connection *c);

/* peer.c: who is at the other end, lent until the connection is gone. NULL: not known. */
const vitro_identity *vitro_connection_identity(struct connection *c);

/* The same, made anew in memory of the arena. */
const vitro_identity *vitro_connection_identify(struct connection *c, struct arena *into);

/* Something was submitted: write at the end of the turn. */
void vitro_connection_wake(struct connection *c);

/*
 * GOAWAY, then closed when the last stream has ended. why is of the note, debug, which is static,
 * of the GOAWAY that names the last stream; NULL: none. Harmless when done before. A server's goes
 * in two steps (RFC 9113, 6.8): it is announced, and streams that the client had begun by then are
 * served; the last one is named once the client has answered, or after some seconds.
 */
void vitro_connection_drain(struct connection *c, const char *why, const char *debug);

/* Close at once; streams end with why. closed follows in a later turn. */
void vitro_connection_abort(struct connection *c, const vitro_error *why);

/* Where a note stands: this side, the connection's number, the session's bytes. */
struct note_at vitro_connection_at(const struct connection *c);

#ifdef __cplusplus
}
#endif
#endif
