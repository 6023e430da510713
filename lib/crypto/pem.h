/*
 * pem - certificates and private keys, out of text.
 *
 * A text is kept, so that it can be read into any library context. What is wrong is told with its
 * name: of the file that it was, or what it is for.
 */
#ifndef VITRO_CRYPTO_PEM_H
#define VITRO_CRYPTO_PEM_H

#include <openssl/types.h>
#include <openssl/x509.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PEM_MAX = 4 * 1024 * 1024 }; /* all authorities of a system are 220 KiB */

/* A text of our own: begun zeroed, released by vitro_pem_done. */
struct pem {
    char *name; /* for people; NULL: there is no text */
    uint8_t *bytes;
    size_t len;
    bool is_file; /* of that name: it can be read again */
};

/* Take a copy of a text. INVALID_ARGUMENT for more than PEM_MAX bytes. */
vitro_code vitro_pem_take(struct pem *p, vitro_bytes given, const char *name, vitro_error *err);
void vitro_pem_done(struct pem *p);

static inline bool pem_given(const struct pem *p)
{
    return p->name != (char *)0;
}

/* All certificates of a text in their order, one at least; sk_X509_pop_free(.., X509_free). */
vitro_code vitro_pem_certificates(const struct pem *p, OSSL_LIB_CTX *lib, STACK_OF(X509) * *out,
                                  vitro_error *err);

/* All lists of revoked certificates of a text, one at least, are added to those of store. */
vitro_code vitro_pem_revoked(const struct pem *p, OSSL_LIB_CTX *lib, X509_STORE *store,
                             vitro_error *err);

/* Its first private key, which no password protects: EVP_PKEY_free. */
vitro_code vitro_pem_key(const struct pem *p, OSSL_LIB_CTX *lib, EVP_PKEY **out, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
