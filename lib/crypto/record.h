/*
 * record - open one sealed record of TLS by its sequence number, in any order.
 *
 *      type (1) | version (2) | length (2) | sealed ...
 *
 * Nothing is remembered between records: keys and number are all that it takes. Thread: any.
 */
#ifndef VITRO_CRYPTO_RECORD_H
#define VITRO_CRYPTO_RECORD_H

#include "crypto/schedule.h"
#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RECORD_HEAD_LEN = 5 };

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23
};

enum record_result {
    RECORD_OPENED,
    RECORD_BAD,    /* it is none of this version: its lengths, its type, or all of it is padding */
    RECORD_SEALED, /* other keys, another number, or changed bytes */
    RECORD_NO_MEMORY
};

struct record_plain {
    size_t len;   /* of what was sealed, without the padding of 1.3 */
    uint8_t type; /* a record_type: of 1.3 the inner one */
};

/* How far behind its head the text of a record stands, byte for byte as it is sealed. */
size_t vitro_record_front(const struct suite *suite);

/*
 * How much longer a record, its head included, is than what it holds, padding of 1.3 apart; 0: by
 * how much is not certain.
 */
size_t vitro_record_excess(const struct suite *suite);

/*
 * Open a whole record, its head included, that is the seq-th of its direction under these keys,
 * counted from 0 (RFC 8446, 5.2 and 5.3; RFC 5288, 3; RFC 7905, 2; cbc.h). out has room for
 * record.len - RECORD_HEAD_LEN bytes; what does not open leaves zeros there.
 */
enum record_result vitro_record_open(const struct record_keys *keys, uint64_t seq,
                                     vitro_bytes record, uint8_t *out, struct record_plain *plain);

#ifdef __cplusplus
}
#endif
#endif
