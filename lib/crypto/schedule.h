/*
 * schedule - from a secret of a connection to the keys of its records.
 *
 *      1.3  traffic secret --HKDF-Expand-Label--> key, iv           one direction, one epoch
 *           traffic secret --"traffic upd"------> the next secret   at a KeyUpdate
 *      1.2  master secret --PRF, both randoms---> keys, ivs         both directions
 *
 * For who reads along: nothing is made here that a handshake would need. Thread: any.
 */
#ifndef VITRO_CRYPTO_SCHEDULE_H
#define VITRO_CRYPTO_SCHEDULE_H

#include "crypto/secrets.h"
#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KEY_MAX = 32, NONCE_LEN = 12, MAC_MAX = 48 };

/* How a suite seals: by an AEAD, or in blocks with an HMAC of such a digest. */
enum suite_kind { SUITE_GCM, SUITE_CHACHA, SUITE_CBC_SHA1, SUITE_CBC_SHA256, SUITE_CBC_SHA384 };

struct suite {
    uint16_t id;
    uint16_t version; /* 0x0303 or 0x0304 */
    uint8_t kind;     /* a suite_kind */
    uint8_t key_len;
    const char *name;
    const char *digest; /* that keys are made with */
};

/* NULL for a suite whose records cannot be opened. */
const struct suite *vitro_suite_find(uint16_t id);

/* What the records of one direction are sealed with, until their keys change. */
struct record_keys {
    const struct suite *suite;
    uint8_t key[KEY_MAX];
    uint8_t iv[NONCE_LEN]; /* of GCM in 1.2 only the first 4 bytes: the salt; of CBC none */
    uint8_t mac[MAC_MAX];  /* of CBC: the HMAC's */
};

/*
 * The keys of a traffic secret (RFC 8446, 7.3). False when the suite is not one of 1.3, when the
 * secret has not the length that its digest makes, and when memory is out.
 */
bool vitro_keys_1_3(struct record_keys *out, const struct suite *suite,
                    const struct secret *traffic);

/* The traffic secret after a KeyUpdate (RFC 8446, 7.2), in its place. False as above: it stays. */
bool vitro_secret_update(struct secret *traffic, const struct suite *suite);

/*
 * The keys of the client's [0] and the server's [1] records (RFC 5246, 6.3). False when the suite
 * is not one of 1.2, when the master secret is none, and when memory is out.
 */
bool vitro_keys_1_2(struct record_keys out[2], const struct suite *suite,
                    const struct secret *master, const uint8_t client_random[RANDOM_LEN],
                    const uint8_t server_random[RANDOM_LEN]);

#ifdef __cplusplus
}
#endif
#endif
