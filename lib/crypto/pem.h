/*
 * pem - certificates and private keys, out of text that a file or the application gave.
 *
 * A text is read into memory once and kept, so that it can be read into any library context. What
 * is wrong is told with the name of the file, or with what the text is for.
 */
#ifndef VITRO_CRYPTO_PEM_H
#define VITRO_CRYPTO_PEM_H

#include <openssl/types.h>
#include <openssl/x509.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text of our own: begun zeroed, released by vitro_pem_done. */
struct pem {
    char *name; /* for people; NULL: there is no text */
    uint8_t *bytes;
    size_t len;
};

/*
 * Take the text of a file, or when path is NULL a copy of given, which is called what. With
 * neither it stays empty. INVALID_ARGUMENT when the file cannot be read.
 */
vitro_code vitro_pem_take(struct pem *p, const char *path, vitro_bytes given, const char *what,
                          vitro_error *err);
void vitro_pem_done(struct pem *p);

static inline bool pem_given(const struct pem *p)
{
    return p->name != (char *)0;
}

/* All certificates of a text in their order, one at least; sk_X509_pop_free(.., X509_free). */
vitro_code vitro_pem_certificates(const struct pem *p, OSSL_LIB_CTX *lib, STACK_OF(X509) * *out,
                                  vitro_error *err);

/* Its first private key, which no password protects: EVP_PKEY_free. */
vitro_code vitro_pem_key(const struct pem *p, OSSL_LIB_CTX *lib, EVP_PKEY **out, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
