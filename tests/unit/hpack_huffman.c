#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>
#include <string.h>

#include "base/util.h"
#include "frame/hpack_writer.h"
#include "frame/huffman.h"
#include "support/hex.h"
#include "support/seed.h"

/* Decode into memory of exactly the promised room, so that asan sees a byte too many. */
static enum hpack_wrong decode(vitro_bytes in, uint8_t *out, size_t *len)
{
    uint8_t *room = vitro_mem_alloc(NULL, huffman_most(in.len) + 1);
    uint8_t *copy = vitro_mem_alloc(NULL, in.len + 1);
    vitro_bytes exact = { copy + 1, in.len };
    enum hpack_wrong w;

    memcpy(copy + 1, in.ptr, in.len);
    w = vitro_huffman_decode(exact, room + 1, len);
    cr_assert(*len <= huffman_most(in.len));
    memcpy(out, room + 1, *len);
    vitro_mem_free(NULL, room, huffman_most(in.len) + 1);
    vitro_mem_free(NULL, copy, in.len + 1);
    return w;
}

Test(huffman, every_string_is_read_back_and_length_is_told_before)
{
    struct chance c = seed_chance();
    uint8_t text[300], packed[1200], back[2000];

    for (size_t i = 0; i < 20000; i++) {
        size_t n = seed_between(&c, 0, i % 16 ? 40 : 300), len = 0, packed_len;
        seed_fill(&c, text, n);
        for (size_t k = 0; k < n && i % 3; k++)
            text[k] = (uint8_t)(32 + text[k] % 95);
        packed_len = vitro_huffman_length((vitro_str){ (char *)text, n });
        vitro_huffman_encode(packed, (vitro_str){ (char *)text, n });
        cr_assert(decode((vitro_bytes){ packed, packed_len }, back, &len) == HPACK_WRONG_NOTHING,
                  "refused " SEED_TEXT, seed_of_run(), i);
        cr_assert(len == n && memcmp(text, back, n) == 0, "differs " SEED_TEXT, seed_of_run(), i);
    }
}

/* One block of a literal whose value is the Huffman string; true when nghttp2 takes it. */
static bool nghttp2_decode(vitro_bytes packed, uint8_t *out, size_t *len)
{
    uint8_t block[4000] = { 0x00, 0x01, 'a' };
    struct buf b = { block, 3, sizeof block, sizeof block, NULL };
    nghttp2_hd_inflater *inflater;
    nghttp2_nv nv = { 0 };
    int flags = 0;
    bool ok;

    vitro_hpack_write_int(&b, 0x80, 7, packed.len);
    vitro_buf_append(&b, packed.ptr, packed.len);
    nghttp2_hd_inflate_new(&inflater);
    ok = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, block, b.len, 1) >= 0 &&
         (flags & NGHTTP2_HD_INFLATE_EMIT);
    if (ok) {
        memcpy(out, nv.value, nv.valuelen);
        *len = nv.valuelen;
    }
    nghttp2_hd_inflate_del(inflater);
    return ok;
}

Test(huffman, any_bytes_are_taken_or_refused_as_nghttp2_does)
{
    struct chance c = seed_chance();
    uint8_t in[64], ours[200], theirs[200];
    size_t taken = 0;

    for (size_t i = 0; i < 60000; i++) {
        vitro_bytes b = { in, seed_between(&c, 0, i % 2 ? 4 : 60) };
        size_t our_len = 0, their_len = 0;
        bool us, them;
        seed_fill(&c, in, b.len);
        for (size_t k = 0; k < b.len && i % 5 == 0; k++)
            in[k] |= 0xfc; /* long codes, EOS and padding are rare otherwise */
        if (b.len && i % 3 == 0)
            in[b.len - 1] |= (uint8_t)(0xff >> seed_between(&c, 0, 7));
        us = decode(b, ours, &our_len) == HPACK_WRONG_NOTHING;
        them = nghttp2_decode(b, theirs, &their_len);
        cr_assert(us == them, "we %d, nghttp2 %d " SEED_TEXT, us, them, seed_of_run(), i);
        taken += us;
        if (us)
            cr_assert(our_len == their_len && memcmp(ours, theirs, our_len) == 0,
                      "differs " SEED_TEXT, seed_of_run(), i);
    }
    cr_assert(taken > 1000, "only %zu were strings", taken);
}

Test(huffman, what_may_stand_behind_the_last_symbol)
{
    static const struct {
        const char *hex;
        enum hpack_wrong wrong;
        size_t len;
    } cases[] = {
        { "", HPACK_WRONG_NOTHING, 0 },
        { "1f", HPACK_WRONG_NOTHING, 1 },                /* a, 3 bits of padding */
        { "18", HPACK_WRONG_HUFFMAN_PADDING, 1 },        /* a, padding of zeros */
        { "1fff", HPACK_WRONG_HUFFMAN_PADDING_LONG, 1 }, /* a, 11 bits */
        { "ff", HPACK_WRONG_HUFFMAN_PADDING_LONG, 0 },
        { "ffffff", HPACK_WRONG_HUFFMAN_PADDING_LONG, 0 },
        { "ffffffff", HPACK_WRONG_HUFFMAN_EOS, 0 },
        { "fffffffc", HPACK_WRONG_HUFFMAN_EOS, 0 },
        { "fffffffcffffffff", HPACK_WRONG_HUFFMAN_EOS, 0 },
        { "1fffffffffffffffff", HPACK_WRONG_HUFFMAN_EOS, 1 },
        { "fe", HPACK_WRONG_HUFFMAN_PADDING, 0 }, /* a symbol that is cut off */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t in[16], out[64];
        size_t len = 99;
        enum hpack_wrong w = decode(hex_read(cases[i].hex, in, sizeof in), out, &len);
        cr_expect(w == cases[i].wrong && len == cases[i].len, "%s: %s, %zu", cases[i].hex,
                  vitro_hpack_wrong_text(w), len);
    }
}

Test(huffman, tables_follow_from_the_code)
{
    uint64_t space = 0;
    struct huffman_code before = { 0, 0 };

    /* A complete prefix code: the shares of all codes add up to one. */
    for (unsigned s = 0; s < HUFFMAN_SYMBOLS; s++)
        space += (uint64_t)1 << (30 - vitro_huffman_code(s).bits);
    cr_expect(space == (uint64_t)1 << 30);
    /* Canonical: in the order of length and symbol each code follows the one before. */
    for (unsigned bits = 5; bits <= 30; bits++)
        for (unsigned s = 0; s < HUFFMAN_SYMBOLS; s++) {
            struct huffman_code code = vitro_huffman_code(s);
            if (code.bits != bits)
                continue;
            if (before.bits)
                cr_expect(code.code == (before.code + 1) << (code.bits - before.bits), "%u", s);
            before = code;
        }
    for (unsigned s = 0; s < 256; s++) {
        uint8_t packed[4], back[8];
        char c = (char)s;
        size_t len = 0;
        vitro_huffman_encode(packed, (vitro_str){ &c, 1 });
        decode((vitro_bytes){ packed, vitro_huffman_length((vitro_str){ &c, 1 }) }, back, &len);
        cr_expect(len == 1 && back[0] == s, "%u", s);
    }
}
