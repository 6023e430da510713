/*
 * seeded - a library context of OpenSSL whose chance comes from a seed, for simulated worlds: the
 * same program makes the same keys, signatures and tickets. Not for secrets.
 */
#ifndef VITRO_CRYPTO_SEEDED_H
#define VITRO_CRYPTO_SEEDED_H

#include <openssl/types.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct seeded;

/* NULL when memory is out. One thread at a time. */
struct seeded *vitro_seeded_new(uint64_t seed);
OSSL_LIB_CTX *vitro_seeded_lib(struct seeded *s);
void vitro_seeded_free(struct seeded *s); /* NULL is accepted */

#ifdef __cplusplus
}
#endif
#endif
