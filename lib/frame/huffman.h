/*
 * huffman - the one Huffman code of HPACK (RFC 7541, 5.2 and Appendix B).
 *
 * The code is canonical: among codes of one length the values rise with the symbols. So a table
 * of the first eight bits and one row per longer length decode it.
 */
#ifndef VITRO_FRAME_HUFFMAN_H
#define VITRO_FRAME_HUFFMAN_H

#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HUFFMAN_EOS = 256, HUFFMAN_SYMBOLS = 257 };

struct huffman_code {
    uint32_t code; /* its low bits */
    uint8_t bits;
};

/* symbol is 0 to 256. For the eye: which bits of an octet belong to which character. */
struct huffman_code vitro_huffman_code(unsigned symbol);

/* Octets that s takes, padding included. */
size_t vitro_huffman_length(vitro_str s);

/* Write vitro_huffman_length(s) octets at out. */
void vitro_huffman_encode(uint8_t *out, vitro_str s);

/* No string of n octets decodes to more bytes than this: the shortest code has five bits. */
static inline size_t huffman_most(size_t n)
{
    return n * 8 / 5;
}

/*
 * Decode into out, which has room for huffman_most(in.len) bytes; *len says how many there are,
 * also when the result is a reason: those before it.
 */
enum hpack_wrong vitro_huffman_decode(vitro_bytes in, uint8_t *out, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
