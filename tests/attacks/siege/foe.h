/*
 * foe - a connection that writes what it likes: frames by the library's own writer, plain or under
 * TLS, on a socket of the system. What comes back is counted, not understood.
 */
#ifndef ATTACKS_FOE_H
#define ATTACKS_FOE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"

struct foe {
    int fd;
    SSL *ssl;    /* NULL: plain text */
    bool closed; /* by the other side */
    bool deaf;   /* reads nothing */
    struct buf out;
    struct hpack_writer encoder;
    struct buf in;
    unsigned got[10];              /* frames by type */
    size_t data;                   /* bytes of DATA */
    uint32_t error;                /* of the last GOAWAY */
    int64_t window, stream_window; /* what it may send: in all, on the one stream that it uses */
};

/* Connect; with preface and empty SETTINGS to be sent. False when the system refuses. */
bool foe_begin(struct foe *f, unsigned port, bool tls);

/* The connection alone: no byte was said on it, of TLS neither. */
bool foe_dial(struct foe *f, unsigned port);

void foe_end(struct foe *f);

/* Send all that was written, reading meanwhile; false when it was closed, or took nothing for 2 s.
 */
bool foe_send(struct foe *f);

/* Read what comes until ms milliseconds have passed or it was closed. */
void foe_listen(struct foe *f, int ms);

/* ---- what is said --------------------------------------------------------------------------- */

/* A header block that begins a gRPC call of that path. */
void foe_block(struct foe *f, struct buf *block, const char *path);
void foe_request(struct foe *f, uint32_t stream, const char *path);
/* The only message of a stream, sent as fast as windows allow; false when it cannot be. */
bool foe_message(struct foe *f, uint32_t stream, bool compressed, vitro_bytes message);
/* One message as one DATA frame, whatever the windows. */
void foe_data(struct foe *f, uint32_t stream, vitro_bytes message);
void foe_setting(struct foe *f, uint16_t id, uint32_t value);

#endif
