/*
 * certificate - what one certificate says of whom it is for.
 */
#ifndef VITRO_CRYPTO_CERTIFICATE_H
#define VITRO_CRYPTO_CERTIFICATE_H

#include <openssl/types.h>

#include "base/arena.h"
#include "vitro/credentials.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fill what of who is a certificate's, in memory of the arena. False when it is out. */
bool vitro_certificate_read(X509 *x, struct arena *into, vitro_identity *who);

/* What people look for in one; texts live in the arena, empty where it says nothing. */
struct certificate_words {
    vitro_str subject, issuer, names, usage, not_before, not_after;
};

/* Read them off a certificate, as DER. False: it is none, or memory is out. */
bool vitro_certificate_words(vitro_bytes der, struct arena *into, struct certificate_words *out);

/* The same of a name alone, as DER: of one who signs. */
bool vitro_certificate_name(vitro_bytes der, struct arena *into, vitro_str *out);

/* True when a certificate is for that host: a name (RFC 6125), or an address. Or one as DER. */
bool vitro_certificate_is_for(X509 *x, vitro_str host);
bool vitro_certificate_covers(vitro_bytes der, vitro_str host);

#ifdef __cplusplus
}
#endif
#endif
