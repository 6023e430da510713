/*
 * base64 - the standard alphabet (RFC 4648, section 4), as "-bin" metadata has it: sent without
 * padding, read with and without (gRPC PROTOCOL-HTTP2). JSON of protobuf has it, too: written
 * with padding, read also in the alphabet for URLs.
 */
#ifndef VITRO_BASE_BASE64_H
#define VITRO_BASE_BASE64_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Length of the unpadded text of n bytes. */
static inline size_t base64_text_len(size_t n)
{
    return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

/* The most bytes that a text of n characters can hold. */
static inline size_t base64_max_bytes(size_t n)
{
    return n / 4 * 3 + n % 4;
}

/* Write base64_text_len(bytes.len) characters, no terminator; returns how many. */
size_t vitro_base64_encode(vitro_bytes bytes, char *out);

/*
 * Read one text into at most base64_max_bytes(text.len) bytes at out, *n says how many. False for
 * a character outside the alphabet, wrong padding, a length that no bytes have, and bits that are
 * set behind the last byte.
 */
bool vitro_base64_decode(vitro_str text, uint8_t *out, size_t *n);

#ifdef __cplusplus
}
#endif
#endif
