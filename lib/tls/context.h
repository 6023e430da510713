/*
 * context - what libssl needs before any connection: certificates, key, authorities, rules.
 *
 * Immutable once made and shared by connections of any thread. A simulated world gets one of its
 * own, in a library context whose chance comes from a seed.
 */
#ifndef VITRO_TLS_CONTEXT_H
#define VITRO_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "crypto/pem.h"
#include "crypto/seeded.h"
#include "vitro/credentials.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A certificate with those between it and its authority, and its key. */
struct tls_pair {
    struct pem certificate, key;
};

/* What credentials were made of. Immutable and counted: contexts are made of it later, too. */
struct tls_material {
    unsigned refs; /* atomic */
    bool server, insecure;
    bool no_alpn;             /* vitro/lab/tls.h */
    vitro_client_check check; /* not DEFAULT */
    uint16_t version_min, version_max;
    struct pem ca, crl;
    struct tls_pair *pair; /* a server's of several: the first where no other one fits better */
    size_t pairs;          /* 1 at least, which may be empty */
    char *server_name;     /* NULL: none was given */
    bool (*verify)(const vitro_identity *peer, char *why, size_t size,
                   void *user); /* may be NULL */
    void *verify_user;
};

vitro_code vitro_tls_material_new(struct tls_material **out, bool server,
                                  const vitro_credentials_options *o, vitro_error *err);
void vitro_tls_material_unref(struct tls_material *m);

/* The options that make the same again, files being read again. more has room for m->pairs. */
vitro_credentials_options vitro_tls_material_options(const struct tls_material *m,
                                                     vitro_certificate *more);

/* A pair as libssl takes it. */
struct tls_shown {
    X509 *certificate;
    STACK_OF(X509) * chain; /* between it and its authority; NULL: none were given */
    EVP_PKEY *key;
};

struct tls_context {
    unsigned refs; /* atomic */
    struct tls_material *material;
    struct seeded *seeded; /* NULL: the chance of the system */
    BIO_METHOD *bio;       /* of the queues of a driver */
    SSL_CTX *ssl;
    struct tls_shown *shown; /* of material->pairs, when there are several; else NULL */
    uint64_t records_max;    /* a side makes its keys anew after so many (RFC 8446, 5.5) */
};

/* seed NULL: for the real world. Keeps a reference to m. */
vitro_code vitro_tls_context_new(struct tls_context **out, struct tls_material *m,
                                 const uint64_t *seed, vitro_error *err);
struct tls_context *vitro_tls_context_ref(struct tls_context *c);
void vitro_tls_context_unref(struct tls_context *c);

#ifdef __cplusplus
}
#endif
#endif
