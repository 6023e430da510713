#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/util.h"
#include "support/seed.h"
#include "wire/compress.h"

enum { LIMIT = 4 * 1024 * 1024 };

static const enum encoding both[] = { ENCODING_GZIP, ENCODING_DEFLATE };

/* zlib alone: the compressed form whatever its length. Free it. */
static vitro_bytes zlib_of(enum encoding e, const uint8_t *p, size_t n)
{
    z_stream z = { 0 };
    uLong room;
    uint8_t *out;

    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, e == ENCODING_GZIP ? 31 : 15, 8, 0), Z_OK);
    room = deflateBound(&z, n) + 32;
    out = malloc(room);
    z.next_in = (Bytef *)p;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    room = z.total_out;
    deflateEnd(&z);
    return (vitro_bytes){ out, room };
}

/* Decompress a copy, so that a sanitizer sees a read past it; the memory it took at most is
 * bounded by what came out. */
static vitro_code undo(enum encoding e, vitro_bytes in, size_t limit, struct buf *out)
{
    static vitro_error err;
    uint8_t *copy = malloc(in.len + 1);
    vitro_code rc;

    if (in.len)
        memcpy(copy, in.ptr, in.len);
    vitro_buf_init(out, out->account, limit);
    rc = vitro_decompress(e, (vitro_bytes){ copy, in.len }, out, &err);
    cr_assert(out->len <= limit && out->cap <= MAX(limit, (size_t)1));
    free(copy);
    return rc;
}

/* Runs and noise: what compresses well and what does not, both in one. */
static size_t make_message(struct chance *c, uint8_t *p, size_t most)
{
    size_t n = seed_between(c, 0, most), at = 0;

    while (at < n) {
        size_t run = seed_between(c, 1, n - at);
        if (seed_between(c, 0, 1))
            seed_fill(c, p + at, run);
        else
            memset(p + at, (int)seed_between(c, 0, 255), run);
        at += run;
    }
    return n;
}

Test(wire_compress, any_bytes_come_back_and_only_what_is_shorter_is_sent)
{
    static uint8_t message[70000];
    struct chance c = seed_chance();
    size_t compressed = 0;

    for (size_t i = 0; i < 400; i++) {
        enum encoding e = both[i % 2];
        size_t n = make_message(&c, message, i % 4 ? 600 : sizeof message);
        struct account account;
        struct buf small, back;

        vitro_account_init(&account, NULL, 0);
        vitro_buf_init(&small, &account, sizeof message);
        back.account = &account;
        if (vitro_compress(e, (vitro_bytes){ message, n }, &small)) {
            compressed++;
            cr_assert(small.len < n, SEED_TEXT, seed_of_run(), i);
            cr_assert_eq(undo(e, vitro_buf_bytes(&small), n, &back), VITRO_OK, SEED_TEXT,
                         seed_of_run(), i);
            cr_assert(back.len == n && memcmp(back.ptr, message, n) == 0, SEED_TEXT, seed_of_run(),
                      i);
            vitro_buf_done(&back);
        }
        vitro_buf_done(&small);
        cr_assert(account.used == 0 && account.live == 0, "everything was given back");
    }
    cr_assert(compressed > 100, "%zu", compressed);
}

Test(wire_compress, r31_deflate_is_the_zlib_format_and_gzip_is_gzip)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct buf out;

    vitro_buf_init(&out, NULL, sizeof text);
    cr_assert(vitro_compress(ENCODING_GZIP, (vitro_bytes){ (const uint8_t *)text, 64 }, &out));
    cr_expect(out.ptr[0] == 0x1f && out.ptr[1] == 0x8b && out.ptr[2] == 8);
    out.len = 0;
    cr_assert(vitro_compress(ENCODING_DEFLATE, (vitro_bytes){ (const uint8_t *)text, 64 }, &out));
    cr_expect_eq(out.ptr[0] & 0x0f, 8);
    cr_expect_eq((out.ptr[0] << 8 | out.ptr[1]) % 31, 0, "RFC 1950, 2.2");
    vitro_buf_done(&out);
}

Test(wire_compress, r03_the_limit_is_on_what_comes_out)
{
    static uint8_t message[5000];
    struct buf out = { .account = NULL };

    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        vitro_bytes z = zlib_of(both[i], message, sizeof message);
        cr_expect_eq(undo(both[i], z, 5000, &out), VITRO_OK);
        cr_expect_eq(out.len, 5000);
        vitro_buf_done(&out);
        cr_expect_eq(undo(both[i], z, 5001, &out), VITRO_OK);
        vitro_buf_done(&out);
        cr_expect_eq(undo(both[i], z, 4999, &out), VITRO_RESOURCE_EXHAUSTED);
        vitro_buf_done(&out);
        cr_expect_eq(undo(both[i], z, 1, &out), VITRO_RESOURCE_EXHAUSTED);
        vitro_buf_done(&out);
        free((void *)z.ptr);
    }
}

Test(wire_compress, r30_every_cut_and_every_byte_too_many_is_internal)
{
    static uint8_t message[3000];
    struct chance c = seed_chance();
    struct buf out = { .account = NULL };

    seed_fill(&c, message, 200);
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        for (size_t n = 0; n <= sizeof message; n += sizeof message / 2) {
            vitro_bytes z = zlib_of(both[i], message, n);
            uint8_t *longer = malloc(z.len + 1);

            for (size_t cut = 0; cut < z.len; cut++) {
                cr_assert_eq(undo(both[i], (vitro_bytes){ z.ptr, cut }, LIMIT, &out),
                             VITRO_INTERNAL, "cut at %zu of %zu", cut, z.len);
                vitro_buf_done(&out);
            }
            memcpy(longer, z.ptr, z.len);
            longer[z.len] = 0;
            cr_assert_eq(undo(both[i], (vitro_bytes){ longer, z.len + 1 }, LIMIT, &out),
                         VITRO_INTERNAL);
            vitro_buf_done(&out);
            cr_assert_eq(undo(both[i], z, LIMIT, &out), VITRO_OK);
            cr_assert_eq(out.len, n);
            vitro_buf_done(&out);
            free(longer);
            free((void *)z.ptr);
        }
    }
}

/* A changed byte is found by its checksum, or it was one that means nothing (a time, a name). */
Test(wire_compress, r30_hostile_bytes_end_with_a_code_in_bounded_memory)
{
    static uint8_t message[2000], bytes[4000];
    struct chance c = seed_chance();

    for (size_t i = 0; i < 4000; i++) {
        enum encoding e = both[i % 2];
        struct account account;
        struct buf out = { .account = &account };
        vitro_code rc;
        size_t n;

        vitro_account_init(&account, NULL, 0);
        if (i % 3) {
            size_t len = make_message(&c, message, sizeof message);
            vitro_bytes z = zlib_of(e, message, len);
            n = z.len;
            memcpy(bytes, z.ptr, n);
            for (size_t k = seed_between(&c, 1, 4); k > 0; k--)
                bytes[seed_between(&c, 0, n - 1)] ^= (uint8_t)(1u << seed_between(&c, 0, 7));
            free((void *)z.ptr);
        } else {
            n = seed_between(&c, 0, 100);
            seed_fill(&c, bytes, n);
        }
        rc = undo(e, (vitro_bytes){ bytes, n }, 10000, &out);
        cr_assert(rc == VITRO_OK || rc == VITRO_INTERNAL || rc == VITRO_RESOURCE_EXHAUSTED,
                  "%d " SEED_TEXT, (int)rc, seed_of_run(), i);
        vitro_buf_done(&out);
        cr_assert(account.used == 0 && account.live == 0);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

Test(wire_compress, r03_a_bomb_of_200_mb_is_refused_at_the_limit)
{
    enum { BOMB = 200 * 1000 * 1000, BUDGET = LIMIT * 3 / 2 + 64 * 1024 };
    uint8_t *zeros = calloc(1, BOMB);
    vitro_bytes z = zlib_of(ENCODING_GZIP, zeros, BOMB);
    struct account account;
    struct buf out = { .account = &account };
    double before;

    free(zeros);
    cr_assert(z.len < 300000);
    vitro_account_init(&account, NULL, BUDGET); /* growing has the old block beside the new one */
    before = seconds();
    cr_expect_eq(undo(ENCODING_GZIP, z, LIMIT, &out), VITRO_RESOURCE_EXHAUSTED);
    cr_expect(out.len == LIMIT, "it came to the limit: %zu", out.len);
    cr_expect(seconds() - before < 0.5, "%f", seconds() - before);
    vitro_buf_done(&out);
    cr_expect_eq(account.used, 0);
    free((void *)z.ptr);
}

Test(wire_compress, without_memory_it_is_resource_exhausted_and_sent_plain)
{
    static uint8_t message[1000];
    vitro_bytes z = zlib_of(ENCODING_GZIP, message, sizeof message);
    bool worked = false;

    for (size_t budget = 0; budget < 400000; budget = budget * 2 + 500) {
        struct account account;
        struct buf out = { .account = &account };
        vitro_code rc;

        vitro_account_init(&account, NULL, budget + 1);
        rc = undo(ENCODING_GZIP, z, LIMIT, &out);
        cr_assert(rc == VITRO_OK || rc == VITRO_RESOURCE_EXHAUSTED);
        worked = rc == VITRO_OK;
        vitro_buf_done(&out);
        vitro_buf_init(&out, &account, LIMIT);
        if (!vitro_compress(ENCODING_GZIP, (vitro_bytes){ message, sizeof message }, &out))
            cr_assert(out.len == 0);
        vitro_buf_done(&out);
        cr_assert_eq(account.used, 0);
    }
    cr_assert(worked);
    free((void *)z.ptr);
}

Test(wire_compress, r30_names_are_found_and_lists_are_read)
{
    enum encoding e;

    cr_expect(vitro_encoding_find(vitro_str_of(""), &e) && e == ENCODING_IDENTITY);
    cr_expect(vitro_encoding_find(vitro_str_of("gzip"), &e) && e == ENCODING_GZIP);
    cr_expect(vitro_encoding_find(vitro_str_of("deflate"), &e) && e == ENCODING_DEFLATE);
    cr_expect(!vitro_encoding_find(vitro_str_of("snappy"), &e));
    cr_expect(!vitro_encoding_find(vitro_str_of("gzi"), &e));
    cr_expect(vitro_str_eq(vitro_encoding_all(), vitro_str_of("identity,gzip,deflate")));
    cr_expect_eq(vitro_encoding_listed(vitro_encoding_all()), 7);
    cr_expect_eq(vitro_encoding_listed(vitro_str_of("br, \tgzip ,")), 1u << ENCODING_GZIP);
    cr_expect_eq(vitro_encoding_listed(vitro_str_of("xgzip,gzipx")), 0);
    cr_expect_eq(vitro_encoding_listed(vitro_str_of("")), 0);
    cr_expect(encoding_in(0, ENCODING_IDENTITY) && !encoding_in(0, ENCODING_GZIP));
}
