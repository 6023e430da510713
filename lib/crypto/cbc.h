/*
 * cbc - records of the suites of TLS 1.2 that encrypt by blocks and prove themselves by an HMAC.
 *
 *      RFC 5246, 6.2.3.2   iv | encrypted: text | mac | padding
 *      RFC 7366, 3         iv | encrypted: text | padding | mac
 *
 * Which of both it is the hellos say (encrypt_then_mac). Here the mac does: it fits one of them.
 * A byte of the text stands in the block that it is encrypted in.
 */
#ifndef VITRO_CRYPTO_CBC_H
#define VITRO_CRYPTO_CBC_H

#include "crypto/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CBC_BLOCK = 16 };

bool vitro_is_cbc(const struct suite *suite);

/* Bytes of its mac, and of the key for it. */
size_t vitro_mac_len(const struct suite *suite);

/* As vitro_record_open(), for keys of such a suite; what does not open leaves anything in out. */
enum record_result vitro_cbc_open(const struct record_keys *keys, uint64_t seq, vitro_bytes record,
                                  uint8_t *out, struct record_plain *plain);

#ifdef __cplusplus
}
#endif
#endif
