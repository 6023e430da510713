/*
 * stream - one attempt: gRPC messages over one HTTP/2 stream.
 *
 * In: DATA becomes messages while there is credit. Without credit bytes are kept and no window is
 * given back: that is back-pressure (RFC 9113, 5.2). Out: messages are queued, each with its
 * prefix, and leave as the windows allow.
 *
 * Embedded in an attempt of a client's call or in a server's call. After `closed` it is its
 * owner's to reuse.
 */
#ifndef VITRO_RPC_STREAM_H
#define VITRO_RPC_STREAM_H

#include "rpc/connection.h"
#include "vitro/call.h"
#include "wire/compress.h"
#include "wire/lpm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STREAM_CREDIT_ALL UINT64_MAX

struct stream_ops {
    /* A header block is complete: conn->block and conn->block_md. */
    void (*block)(struct stream *s, bool end_stream);
    /* Lends m until return, and longer: see vitro_stream_lend(). */
    void (*message)(struct stream *s, const vitro_message *m);
    /* The peer has ended its side, and every message was delivered. */
    void (*end)(struct stream *s);
    /* What arrived cannot be used: framing, size, a cut message. No message follows. */
    void (*fault)(struct stream *s, const vitro_error *why);
    /* Everything queued is on its way and the stream ends with trailers: submit them. */
    void (*trailers)(struct stream *s);
    /* Less than half of the high mark is queued again. */
    void (*writable)(struct stream *s);
    /*
     * Last event. error: RFC 9113, 7, of the RST_STREAM, NO_ERROR without one. unsent: the peer
     * never saw the stream. lost: the connection broke, and why. Where h2.kept is not NULL,
     * everything that was queued is there now, sent or not.
     */
    void (*closed)(struct stream *s, uint32_t error, bool unsent, const vitro_error *lost);
};

struct stream {
    struct h2_stream h2;
    struct connection *conn; /* NULL before open and after closed */
    const struct stream_ops *ops;
    struct list link;    /* in conn->streams */
    struct list lending; /* in conn->lending */
    struct lpm_reader reader;
    struct queue held;      /* DATA that came without credit */
    uint64_t credit;        /* messages that may be delivered */
    struct task drain;      /* deliver from held, in a later turn */
    vitro_bytes *lent;      /* the owner's view of a message in the read buffer */
    struct buf own;         /* its copy, once the read buffer is reused */
    struct buf inflated;    /* the message that is being delivered, when it came compressed */
    enum encoding encoding; /* of messages that come compressed */
    uint32_t window;        /* as it has grown */
    size_t burst;           /* bytes that came in one, so far */
    int64_t burst_since;    /* nanoseconds; when it began */
    uint64_t turn;          /* which take() brought the last of it */
    int64_t wait_since;     /* nanoseconds; when it began to wait for a window */
    enum h2_wait wait;
    uint32_t call;       /* of notes */
    vitro_str method;    /* likewise: its path, lent by the owner; empty: none */
    uint64_t sends_left; /* with a trace: bytes of a message that has begun to leave */
    bool ended;          /* END_STREAM came */
    bool end_told;
    bool stopped;  /* deliver nothing more */
    bool draining; /* a message that lies in held is being delivered */
    bool over;     /* the HTTP/2 stream is closed */
    bool lingers;  /* over, but messages wait for credit */
    bool blocked;  /* a send said "no more": tell writable */
};

/* Before its use on loop; account pays for messages that are put together. ops is kept. */
void vitro_stream_init(struct stream *s, vitro_loop *loop, const struct stream_ops *ops,
                       struct account *account, uint32_t max_recv_bytes, uint64_t credit);

/* Client: open it on c with these headers. */
vitro_code vitro_stream_open(struct stream *s, struct connection *c, const struct h2_field *fields,
                             size_t n, vitro_error *err);

/* The peer's headers are here: what its compressed messages are. */
void vitro_stream_set_encoding(struct stream *s, enum encoding e);

/* Allow n more messages. They arrive in a later turn. */
void vitro_stream_credit(struct stream *s, uint64_t n);

/* Deliver nothing more, whatever comes: it is read and forgotten. */
void vitro_stream_stop(struct stream *s);

/*
 * Keep a message that was just delivered beyond its return: *view, which holds its bytes, stays
 * valid until the stream is closed; it is copied when the read buffer is reused. When memory is
 * out by then *view becomes empty with ptr NULL. view NULL ends it.
 */
void vitro_stream_lend(struct stream *s, vitro_bytes *view);

/* ---- sending -------------------------------------------------------------------------------- */

/* Bytes queued from which *more is false, and half of which makes it writable again. */
enum { STREAM_HIGH = 64 * 1024 };

/* s->h2.send or its ending changed. */
void vitro_stream_wake(struct stream *s);

/* RST_STREAM; closed follows. Harmless without a connection. */
void vitro_stream_reset(struct stream *s, uint32_t error);

#ifdef __cplusplus
}
#endif
#endif
