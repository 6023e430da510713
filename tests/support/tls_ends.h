/*
 * tls_ends - two ends of TLS that are libssl's, over memory; all that they say is seen.
 */
#ifndef SUPPORT_TLS_ENDS_H
#define SUPPORT_TLS_ENDS_H

#include <openssl/ssl.h>

#include "support/conversation.h"
#include "support/followed.h"

struct ends {
    struct seen seen;
    SSL_CTX *context[2];
    SSL *ssl[2]; /* the client's first */
    struct buf said[2];
    struct buf log;               /* the lines of a key log */
    struct conversation *carried; /* not NULL: gets what is said on the wire, in order */
    bool takes_early;             /* the server reads early data, until it ends */
};

extern struct ends ends;

/* With one suite of one version; the contexts may be changed before they connect. */
void ends_begin(const struct suite *suite);
void ends_connect(void);
void ends_end(void);

/* A second connection of the same ends, which resumes the session of the first. */
void ends_resume(void);

/* The client says this before any answer (0-RTT); the server takes it, or passes over it. */
void ends_early(const void *p, size_t len, bool taken);

/* Carry what each has to say until both have no more. */
void ends_pump(void);

/* One end says these bytes; so many; or both do, a little and much. */
void ends_write(int end, const void *p, size_t len);
void ends_say(int end, size_t len);
void ends_talk(void);

/* Who follows both reads all that they have said. */
void ends_all_was_read(void);

#endif
