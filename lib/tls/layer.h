/*
 * layer - one connection's TLS over the queues of its driver.
 *
 *      up:    [in] --BIO--> libssl --> [out]        what libssl has to say meanwhile: pending
 *      down:  [in] --> libssl --BIO--> [out]        records of up to 16 KiB, whatever the pieces
 *
 * The BIO reads from and writes to the queue that is at hand: no bytes lie in it.
 */
#ifndef VITRO_TLS_LAYER_H
#define VITRO_TLS_LAYER_H

#include "base/buf.h"
#include "tls/context.h"
#include "tls/tls.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tls_layer {
    struct layer layer;
    struct tls_end *end;
    struct tls_context *context;
    vitro_loop *loop;
    SSL *ssl;
    struct queue *source; /* what the BIO reads from; NULL: nothing is there */
    struct queue *sink;   /* what it writes to; NULL: pending */
    struct buf pending;   /* made while reading: for the next down */
    struct timer slow;    /* server: until the handshake is done */
    uint64_t sealed;      /* records since the keys were new */
    char *refusal;        /* while hands are shaken: what the program says of who it refuses */
    bool asked, refused;  /* the program, which may have the last word; and what it said */
    bool failed;          /* an alert may be pending; nothing else will be sent */
    bool no_alpn;         /* server: the client offers no protocol */
    bool no_memory;       /* a queue could not grow */
    bool ended;           /* the peer has said close_notify */
};

/* ---- for context.c: what libssl calls ------------------------------------------------------- */

BIO_METHOD *vitro_tls_bio(void);
void vitro_tls_no_alpn(SSL *ssl);
void vitro_tls_secret(const SSL *ssl, const char *line);
int vitro_tls_session_came(SSL *ssl, SSL_SESSION *session);
int vitro_tls_ticket_made(SSL *ssl, void *user);
int vitro_tls_verify(X509_STORE_CTX *chain, void *user); /* identity.c */

/* ---- for layer.c ----------------------------------------------------------------------------- */

/* The name that the peer of a client must have; NULL on a server. */
const char *vitro_tls_end_name(const struct tls_end *e);

/* The session to resume, lent; NULL: none. And the newest one, which is taken. */
SSL_SESSION *vitro_tls_end_session(struct tls_end *e);
void vitro_tls_end_keep_session(struct tls_end *e, SSL_SESSION *session);

/* The context for a connection that begins now: gives a reference; NULL, and why. */
struct tls_context *vitro_tls_end_context(struct tls_end *e, vitro_error *err);

/* identity.c: who the peer is, as the handshake has shown; NULL when memory is out. */
const vitro_identity *vitro_tls_identity(struct layer *layer, struct arena *into);

/* The same: has the program nothing against the peer? Asked once; true when it does not want to be.
 */
bool vitro_tls_allows(struct tls_layer *l);

/* A handshake has failed: in a simulated world the next connection has a context of its own. */
void vitro_tls_end_failed(struct tls_end *e);

/* why.c: what libssl has found wrong, in words for people. */
vitro_code vitro_tls_why(const struct tls_layer *l, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
