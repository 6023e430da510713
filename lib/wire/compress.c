#include "wire/compress.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/util.h"

enum { LEAST_BITS = 9, MOST_BITS = 15, MEMORY_BITS = 7 };

static int wrap_of(enum encoding e)
{
    static const uint8_t wraps[ENCODINGS] = {
#define ENCODING(id, name, wrap) wrap,
#include "wire/encoding.def"
#undef ENCODING
    };

    return wraps[e];
}

static voidpf take(voidpf account, uInt items, uInt size)
{
    return vitro_mem_foreign_alloc(account, (size_t)items * size);
}

static void give(voidpf account, voidpf p)
{
    vitro_mem_foreign_free(account, p);
}

static void begin(z_stream *z, vitro_bytes in, struct account *account)
{
    memset(z, 0, sizeof *z);
    z->zalloc = take;
    z->zfree = give;
    z->opaque = account;
    z->next_in = (z_const Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
}

/* ---- compressing ---------------------------------------------------------------------------- */

/* The smallest window that reaches back to the first byte: a small message needs small tables. */
static int window_bits(size_t n)
{
    int bits = LEAST_BITS;

    while (bits < MOST_BITS && n >> bits)
        bits++;
    return bits;
}

bool vitro_compress(enum encoding e, vitro_bytes in, struct buf *out)
{
    const int bits = window_bits(in.len);
    z_stream z;
    bool smaller;

    assert(out->len == 0 && in.len <= UINT32_MAX);
    if (e == ENCODING_IDENTITY || in.len < 2 || !vitro_buf_reserve(out, in.len - 1))
        return false;
    begin(&z, in, out->account);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits + wrap_of(e), bits - MEMORY_BITS,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    z.next_out = out->ptr;
    z.avail_out = (uInt)(in.len - 1);
    smaller = deflate(&z, Z_FINISH) == Z_STREAM_END; /* else there was no room: not shorter */
    if (smaller)
        out->len = in.len - 1 - z.avail_out;
    deflateEnd(&z);
    return smaller;
}

/* ---- decompressing -------------------------------------------------------------------------- */

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "message", 0,
                      "no memory for a compressed message");
}

/* zlib stopped: is this the end of the message? */
static vitro_code judge(const z_stream *z, int rc, enum encoding e, vitro_error *err)
{
    const char *name = vitro_encoding_name(e).ptr;

    switch (rc) {
    case Z_STREAM_END:
        if (z->avail_in == 0)
            return VITRO_OK;
        return vitro_fail(err, VITRO_INTERNAL, "message", rc, "%lu bytes follow the end of its %s",
                          (unsigned long)z->avail_in, name);
    case Z_MEM_ERROR:
        return no_memory(err);
    case Z_BUF_ERROR: /* it asks for more than there is */
        return vitro_fail(err, VITRO_INTERNAL, "message", rc, "its %s ends early", name);
    default:
        return vitro_fail(err, VITRO_INTERNAL, "message", rc, "it is no %s: %s", name,
                          z->msg ? z->msg : "a dictionary is asked for");
    }
}

/* Inflate until zlib stops. At the limit one byte more is room enough to see that more comes. */
static vitro_code inflate_all(z_stream *z, enum encoding e, struct buf *out, vitro_error *err)
{
    int rc = Z_OK;

    while (rc == Z_OK) {
        const bool full = out->len == out->max;
        uint8_t over;
        uint8_t *to = full ? &over : vitro_buf_reserve(out, 1);
        const size_t room = full ? 1 : MIN(out->cap - out->len, (size_t)UINT32_MAX);

        if (!to)
            return no_memory(err);
        z->next_out = to;
        z->avail_out = (uInt)room;
        rc = inflate(z, Z_NO_FLUSH);
        if (full && z->avail_out == 0)
            return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "message", 0,
                              "decompressed it is more than the limit of %zu bytes", out->max);
        if (!full)
            out->len += room - z->avail_out;
    }
    return judge(z, rc, e, err);
}

vitro_code vitro_decompress(enum encoding e, vitro_bytes in, struct buf *out, vitro_error *err)
{
    z_stream z;
    vitro_code rc;

    assert(out->len == 0 && in.len <= UINT32_MAX && e != ENCODING_IDENTITY);
    begin(&z, in, out->account);
    if (!vitro_buf_reserve(out, MIN(out->max, in.len * 3)) ||
        inflateInit2(&z, MOST_BITS + wrap_of(e)) != Z_OK)
        return no_memory(err);
    rc = inflate_all(&z, e, out, err);
    inflateEnd(&z);
    return rc;
}
