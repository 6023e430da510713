#include "frame/huffman.h"

#include "base/util.h"

enum {
    LONGEST = 30, /* bits of a code */
    FRONT_BITS = 8
};

static const struct huffman_code codes[HUFFMAN_SYMBOLS] = {
#define X(symbol, code, bits) [symbol] = { code, bits },
#include "frame/huffman_codes.def"
#undef X
};

static const struct front {
    uint8_t symbol, bits;
} fronts[1 << FRONT_BITS] = {
#define X(symbol, bits) { symbol, bits },
#include "frame/huffman_front.def"
#undef X
};

static const uint16_t long_symbols[] = {
#define ROW(bits, code, before, ...) __VA_ARGS__,
#include "frame/huffman_order.def"
#undef ROW
};

/* Codes of one length above FRONT_BITS: the first of them, and where its symbol stands. */
static const struct row {
    uint32_t code;
    uint8_t bits, before;
} rows[] = {
#define ROW(bits, code, before, ...) { code, bits, before },
#include "frame/huffman_order.def"
#undef ROW
};

struct huffman_code vitro_huffman_code(unsigned symbol)
{
    return codes[symbol];
}

size_t vitro_huffman_length(vitro_str s)
{
    size_t bits = 0;

    for (size_t i = 0; i < s.len; i++)
        bits += codes[(uint8_t)s.ptr[i]].bits;
    return (bits + 7) / 8;
}

void vitro_huffman_encode(uint8_t *out, vitro_str s)
{
    uint64_t acc = 0;
    unsigned n = 0; /* bits in acc that are not written yet, fewer than 8 between symbols */

    for (size_t i = 0; i < s.len; i++) {
        struct huffman_code c = codes[(uint8_t)s.ptr[i]];
        acc = acc << c.bits | c.code;
        for (n += c.bits; n >= 8; n -= 8)
            *out++ = (uint8_t)(acc >> (n - 8));
    }
    if (n)
        *out = (uint8_t)(acc << (8 - n) | 0xffu >> n);
}

/* Bits wait at the top of acc, n of them; what is below is 0. */
struct bits {
    uint64_t acc;
    unsigned n;
    const uint8_t *at, *end;
};

static inline uint64_t load_be64(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

/* Have at least 56 bits, or all that are left. */
static inline void refill(struct bits *b)
{
    if (b->end - b->at >= 8) {
        unsigned octets = (63 - b->n) / 8;
        b->n += octets * 8;
        b->acc |= load_be64(b->at) >> (b->n - octets * 8);
        b->acc &= ~(uint64_t)0 << (64 - b->n);
        b->at += octets;
        return;
    }
    while (b->n <= 56 && b->at < b->end) {
        b->acc |= (uint64_t)*b->at++ << (56 - b->n);
        b->n += 8;
    }
}

/* The symbol that the top of acc begins with, and how many bits it takes. */
static unsigned long_symbol(uint64_t acc, unsigned *bits)
{
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(rows) && acc >> (64 - rows[i + 1].bits) >= rows[i + 1].code)
        i++;
    *bits = rows[i].bits;
    return long_symbols[rows[i].before + (uint32_t)(acc >> (64 - rows[i].bits)) - rows[i].code];
}

static inline unsigned symbol(uint64_t acc, unsigned *bits)
{
    struct front f = fronts[acc >> (64 - FRONT_BITS)];

    *bits = f.bits;
    return f.bits ? f.symbol : long_symbol(acc, bits);
}

/*
 * The last bits: whole symbols, then at most seven bits that begin EOS, all ones (RFC 7541, 5.2).
 * Below them stand ones, so that a symbol that is cut off shows by being longer than what is left.
 */
static enum hpack_wrong last_bits(struct bits *b, uint8_t *out, size_t *len)
{
    while (b->n) {
        uint64_t acc = b->acc | ~(uint64_t)0 >> b->n;
        unsigned bits, s;
        if (acc == ~(uint64_t)0)
            return b->n >= LONGEST ? HPACK_WRONG_HUFFMAN_EOS
                   : b->n >= 8     ? HPACK_WRONG_HUFFMAN_PADDING_LONG
                                   : HPACK_WRONG_NOTHING;
        s = symbol(acc, &bits);
        if (bits > b->n)
            return HPACK_WRONG_HUFFMAN_PADDING;
        if (s == HUFFMAN_EOS)
            return HPACK_WRONG_HUFFMAN_EOS;
        out[(*len)++] = (uint8_t)s;
        b->acc <<= bits;
        b->n -= bits;
    }
    return HPACK_WRONG_NOTHING;
}

enum hpack_wrong vitro_huffman_decode(vitro_bytes in, uint8_t *out, size_t *len)
{
    struct bits b = { 0, 0, in.ptr, in.len ? in.ptr + in.len : in.ptr };
    size_t n = 0;

    for (;;) {
        refill(&b);
        if (b.n < 56)
            break;
        while (b.n >= LONGEST) {
            unsigned bits, s = symbol(b.acc, &bits);
            if (s == HUFFMAN_EOS) {
                *len = n;
                return HPACK_WRONG_HUFFMAN_EOS;
            }
            out[n++] = (uint8_t)s;
            b.acc <<= bits;
            b.n -= bits;
        }
    }
    *len = n;
    return last_bits(&b, out, len);
}
