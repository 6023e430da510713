/*
 * sign - a private key that signs as JSON Web Signatures are signed (RFC 7518, 3.1): RS256 with a
 * key of RSA, ES256 with one of P-256.
 */
#ifndef VITRO_CRYPTO_SIGN_H
#define VITRO_CRYPTO_SIGN_H

#include "crypto/pem.h"
#include "crypto/seeded.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SIGNATURE_MAX = 2048 }; /* of RSA with 16384 bits, which is all that OpenSSL verifies */

struct signer {
    const char *algorithm; /* "RS256", "ES256" */
    EVP_PKEY *key;
    struct seeded *seeded; /* NULL: the chance of the system */
};

/*
 * Begin with the private key of a text. seed: of a simulated world, where the same signature is
 * made each time; NULL: the real one. INVALID_ARGUMENT for a key of another kind, or one that is
 * too small (RFC 7518, 3.3).
 */
vitro_code vitro_signer_init(struct signer *s, const struct pem *key, const uint64_t *seed,
                             vitro_error *err);
void vitro_signer_done(struct signer *s); /* also after a failure */

/* Write the signature of text, SIGNATURE_MAX bytes at most. */
vitro_code vitro_signer_sign(const struct signer *s, vitro_bytes text, uint8_t *out, size_t *n,
                             vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
