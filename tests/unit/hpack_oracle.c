/* HPACK against nghttp2's: what one writes the other reads, fields and tables alike. */
#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/util.h"
#include "frame/hpack_writer.h"
#include "support/seed.h"

enum { BLOCK_FIELDS = 24, POOL = 2048 };

struct field {
    vitro_str name, value;
};

/* Generated fields: a few names and values that come again, some static ones, some long. */
static struct field generate(struct chance *c, char *pool)
{
    static const char *const names[] = { ":path",  ":method",      "content-type",
                                         "te",     "grpc-timeout", "authorization",
                                         "cookie", "x-request-id", "a",
                                         "b-bin",  "user-agent",   "grpc-status" };
    static const char *const values[] = { "",         "POST", "application/grpc",
                                          "trailers", "0",    "/chat.ChatService/SendMessage",
                                          "1S",       "gzip" };
    struct field f;
    size_t n = seed_between(c, 0, seed_between(c, 0, 40) ? 30 : 900);

    f.name = vitro_str_of(names[seed_between(c, 0, ARRAY_LEN(names) - 1)]);
    f.value = vitro_str_of(values[seed_between(c, 0, ARRAY_LEN(values) - 1)]);
    seed_fill(c, pool, n + 8);
    if (seed_between(c, 0, 2) == 0)
        f.value = (vitro_str){ pool, n };
    if (seed_between(c, 0, 4) == 0) {
        for (size_t i = 0; i < 8; i++)
            pool[n + i] = (char)('a' + (pool[n + i] & 15));
        f.name = (vitro_str){ pool + n, seed_between(c, 1, 8) };
    }
    return f;
}

static struct hpack_style generate_style(struct chance *c)
{
    struct hpack_style s = { (uint8_t)seed_between(c, 0, 4), (uint8_t)seed_between(c, 0, 1),
                             (uint8_t)seed_between(c, 0, 2), (uint8_t)seed_between(c, 0, 2) };

    s.how = s.how == HPACK_HOW_INDEXED ? HPACK_HOW_AUTO : s.how;
    return s;
}

static bool same(vitro_str s, const uint8_t *p, size_t n)
{
    return s.len == n && (n == 0 || memcmp(s.ptr, p, n) == 0);
}

static void expect_same_table(const struct hpack_table *t, nghttp2_hd_inflater *i, size_t n)
{
    cr_assert(nghttp2_hd_inflate_get_dynamic_table_size(i) == t->size, "size " SEED_TEXT,
              seed_of_run(), n);
    cr_assert(nghttp2_hd_inflate_get_num_table_entries(i) == HPACK_STATIC_COUNT + t->count,
              "count " SEED_TEXT, seed_of_run(), n);
    for (uint32_t k = 0; k < t->count; k++) {
        const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(i, HPACK_STATIC_COUNT + 1 + k);
        struct hpack_entry e = vitro_hpack_table_entry(t, k);
        cr_assert(same(e.name, nv->name, nv->namelen) && same(e.value, nv->value, nv->valuelen),
                  "entry %u " SEED_TEXT, k, seed_of_run(), n);
    }
}

/* Read a block with both, field by field; each must be what was written. */
static void read_both(struct hpack_reader *r, nghttp2_hd_inflater *inflater, vitro_bytes block,
                      const struct field *fields, size_t count, size_t n)
{
    struct hpack_field f;
    size_t seen = 0;
    uint32_t entries = r->table.count;
    const uint8_t *p = block.ptr;

    vitro_hpack_block(r, block, n);
    while (vitro_hpack_next(r, &f)) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used;
        entries += ((f.flags & HPACK_INSERTED) != 0) - f.evicted;
        cr_assert(entries == r->table.count, "evicted %u " SEED_TEXT, f.evicted, seed_of_run(), n);
        cr_assert(f.wrong == HPACK_WRONG_NOTHING, "%s " SEED_TEXT, vitro_hpack_wrong_text(f.wrong),
                  seed_of_run(), n);
        if (f.repr == HPACK_SIZE_UPDATE)
            continue;
        used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, p, (size_t)(block.ptr + block.len - p),
                                      1);
        cr_assert(used > 0 && (flags & NGHTTP2_HD_INFLATE_EMIT), "nghttp2 %d " SEED_TEXT, (int)used,
                  seed_of_run(), n);
        p += used;
        cr_assert((size_t)(p - block.ptr) == f.off + f.len, "span " SEED_TEXT, seed_of_run(), n);
        cr_assert(seen < count);
        cr_assert(vitro_str_eq(f.name, fields[seen].name) &&
                      vitro_str_eq(f.value, fields[seen].value),
                  "field %zu " SEED_TEXT, seen, seed_of_run(), n);
        cr_assert(same(f.name, nv.name, nv.namelen) && same(f.value, nv.value, nv.valuelen));
        cr_assert(((nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0) == ((f.flags & HPACK_NEVER) != 0));
        seen++;
    }
    cr_assert(seen == count, "%zu of %zu " SEED_TEXT, seen, count, seed_of_run(), n);
    nghttp2_hd_inflate_end_headers(inflater);
    expect_same_table(&r->table, inflater, n);
}

Test(hpack_oracle, what_we_write_is_read_alike_by_nghttp2_and_by_us)
{
    static char pool[BLOCK_FIELDS * POOL];
    struct hpack_reader_options options = { 4096, 0, 0, false, false };
    struct chance c = seed_chance();

    for (size_t run = 0; run < 60; run++) {
        struct hpack_writer w;
        struct hpack_reader r;
        nghttp2_hd_inflater *inflater;
        struct buf b;
        vitro_hpack_writer_init(&w, NULL, 4096);
        vitro_hpack_reader_init(&r, NULL, &options);
        vitro_buf_init(&b, NULL, 1 << 20);
        nghttp2_hd_inflate_new(&inflater);
        for (size_t block = 0; block < 100; block++) {
            struct field fields[BLOCK_FIELDS];
            size_t count = seed_between(&c, 1, BLOCK_FIELDS);
            b.len = 0;
            if (seed_between(&c, 0, 9) == 0)
                cr_assert(vitro_hpack_write_size(&w, &b, (uint32_t)seed_between(&c, 0, 4096)));
            for (size_t i = 0; i < count; i++) {
                struct hpack_style style = generate_style(&c);
                fields[i] = generate(&c, pool + i * POOL);
                cr_assert(vitro_hpack_write(&w, &b, fields[i].name, fields[i].value, &style));
            }
            read_both(&r, inflater, vitro_buf_bytes(&b), fields, count, run * 100 + block);
            expect_same_table(&w.table, inflater, run * 100 + block);
        }
        nghttp2_hd_inflate_del(inflater);
        vitro_buf_done(&b);
        vitro_hpack_reader_done(&r);
        vitro_hpack_writer_done(&w);
    }
}

Test(hpack_oracle, what_nghttp2_writes_we_read)
{
    static char pool[BLOCK_FIELDS * POOL];
    static uint8_t out[1 << 16];
    struct hpack_reader_options options = { 4096, 0, 0, false, false };
    struct chance c = seed_chance();

    for (size_t run = 0; run < 60; run++) {
        struct hpack_reader r;
        nghttp2_hd_inflater *inflater;
        nghttp2_hd_deflater *deflater;
        vitro_hpack_reader_init(&r, NULL, &options);
        nghttp2_hd_inflate_new(&inflater);
        nghttp2_hd_deflate_new(&deflater, 4096);
        for (size_t block = 0; block < 100; block++) {
            struct field fields[BLOCK_FIELDS];
            nghttp2_nv nva[BLOCK_FIELDS];
            size_t count = seed_between(&c, 1, BLOCK_FIELDS);
            ssize_t n;
            if (seed_between(&c, 0, 19) == 0) {
                uint32_t limit = (uint32_t)seed_between(&c, 0, 4096);
                nghttp2_hd_deflate_change_table_size(deflater, limit);
                nghttp2_hd_inflate_change_table_size(inflater, limit);
                vitro_hpack_reader_limit(&r, limit);
            }
            for (size_t i = 0; i < count; i++) {
                fields[i] = generate(&c, pool + i * POOL);
                nva[i] =
                    (nghttp2_nv){ (uint8_t *)fields[i].name.ptr, (uint8_t *)fields[i].value.ptr,
                                  fields[i].name.len, fields[i].value.len,
                                  seed_between(&c, 0, 4) ? NGHTTP2_NV_FLAG_NONE
                                                         : NGHTTP2_NV_FLAG_NO_INDEX };
            }
            n = nghttp2_hd_deflate_hd(deflater, out, sizeof out, nva, count);
            cr_assert(n > 0);
            read_both(&r, inflater, (vitro_bytes){ out, (size_t)n }, fields, count,
                      run * 100 + block);
        }
        nghttp2_hd_inflate_del(inflater);
        nghttp2_hd_deflate_del(deflater);
        vitro_hpack_reader_done(&r);
    }
}

/* True when nghttp2 reads the whole block. */
static bool nghttp2_reads(vitro_bytes block)
{
    nghttp2_hd_inflater *inflater;
    bool ok = true, end = block.len == 0;

    nghttp2_hd_inflate_new(&inflater);
    while (ok && !end) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, block.ptr, block.len, 1);
        ok = n >= 0;
        if (ok) {
            block.ptr += n;
            block.len -= (size_t)n;
            end = (flags & NGHTTP2_HD_INFLATE_FINAL) != 0;
        }
    }
    nghttp2_hd_inflate_del(inflater);
    return ok;
}

Test(hpack_oracle, mutated_blocks_are_refused_by_both_or_by_none)
{
    static char pool[POOL];
    struct hpack_reader_options options = { 4096, 0, 0, false, false };
    struct chance c = seed_chance();
    size_t refused = 0;

    for (size_t i = 0; i < 20000; i++) {
        uint8_t room[8192];
        struct buf b = { room, 0, sizeof room, sizeof room, NULL };
        struct hpack_writer w;
        struct hpack_reader r;
        struct hpack_field f;
        bool us = true, them;
        vitro_hpack_writer_init(&w, NULL, 4096);
        vitro_hpack_reader_init(&r, NULL, &options);
        for (size_t k = seed_between(&c, 1, 6); k; k--) {
            struct hpack_style style = generate_style(&c);
            struct field field = generate(&c, pool);
            vitro_hpack_write(&w, &b, field.name, field.value, &style);
        }
        if (i % 2)
            room[seed_between(&c, 0, b.len - 1)] ^= (uint8_t)(1 << seed_between(&c, 0, 7));
        else
            b.len = seed_between(&c, 0, b.len);
        vitro_hpack_block(&r, vitro_buf_bytes(&b), 0);
        while (vitro_hpack_next(&r, &f))
            us = us && !f.wrong;
        them = nghttp2_reads(vitro_buf_bytes(&b));
        cr_assert(us == them, "we %d: %s, nghttp2 %d " SEED_TEXT, us,
                  vitro_hpack_wrong_text(r.failed), them, seed_of_run(), i);
        refused += !us;
        vitro_hpack_reader_done(&r);
        vitro_hpack_writer_done(&w);
    }
    cr_assert(refused > 1000, "only %zu were refused", refused);
}
