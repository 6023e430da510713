/*
 * foe - a connection that writes what it likes: frames by the library's own writer, plain or under
 * TLS, on a socket of the system. What comes back is counted, not understood.
 */
#ifndef ATTACKS_FOE_H
#define ATTACKS_FOE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "attacks/siege/victim.h"
#include "base/buf.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"

struct foe {
    int fd;
    SSL *ssl;         /* NULL: plain text */
    bool closed;      /* by the other side */
    bool deaf;        /* reads nothing */
    bool polite;      /* acknowledges SETTINGS */
    unsigned streams; /* that it opened: 1, 3, 5 ... */
    struct buf out;
    struct hpack_writer encoder;
    struct buf in;
    unsigned got[10];              /* frames by type */
    size_t data;                   /* bytes of DATA */
    uint32_t error;                /* of the last GOAWAY */
    int64_t window, stream_window; /* what it may send: in all, on the one stream that it uses */
};

/* The connection alone: no byte was said on it, but for the handshake under TLS. False when the
 * system, or the server, refuses. */
bool foe_dial(struct foe *f, const struct victim *v, bool tls);

/* A connection as it should begin: SETTINGS went both ways, and were acknowledged here. */
bool foe_begin(struct foe *f, const struct victim *v);

/* The same with as little room as TCP can have: the server's system takes little of it, too. */
bool foe_begin_narrow(struct foe *f, const struct victim *v);

/* Preface and SETTINGS, to be sent; those of the server are not acknowledged. */
bool foe_begin_rude(struct foe *f, const struct victim *v);

void foe_end(struct foe *f);

/* Send all that was written, reading meanwhile; false when it was closed, or took nothing for 2 s.
 */
bool foe_send(struct foe *f);

/* Send one byte of it; how many that were. */
unsigned foe_drip(struct foe *f);

/* Wait until so many frames of a type came; false when they do not come. */
bool foe_await(struct foe *f, unsigned type, unsigned n);

/* Read what is there, and what comes until ms milliseconds have passed or it was closed. */
void foe_listen(struct foe *f, int ms);

/* ---- what is said --------------------------------------------------------------------------- */

/* A header block that begins a gRPC call of that path. */
void foe_block(struct foe *f, struct buf *block, const char *path);
void foe_request(struct foe *f, uint32_t stream, const char *path);
/* The number of the next stream; the same, with such a block. */
uint32_t foe_next(struct foe *f);
uint32_t foe_open(struct foe *f, const char *path);
/* The only message of a stream, sent as fast as windows allow; false when it cannot be. */
bool foe_message(struct foe *f, uint32_t stream, bool compressed, vitro_bytes message);
/* One message as one DATA frame, whatever the windows. */
void foe_data(struct foe *f, uint32_t stream, vitro_bytes message);
void foe_setting(struct foe *f, uint16_t id, uint32_t value);

#endif
