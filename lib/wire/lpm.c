#include "wire/lpm.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"

/* What is taken for a message before any of it has arrived. */
enum { FIRST_BLOCK = 4096 };

void vitro_lpm_init(struct lpm_reader *r, struct account *account, uint32_t limit)
{
    *r = (struct lpm_reader){ .limit = limit };
    vitro_buf_init(&r->body, account, limit);
}

void vitro_lpm_done(struct lpm_reader *r)
{
    vitro_buf_done(&r->body);
    vitro_lpm_init(r, r->body.account, r->limit);
}

void vitro_lpm_set_encoding(struct lpm_reader *r, bool encoding)
{
    r->encoding = encoding;
}

static uint32_t message_len(const struct lpm_reader *r)
{
    return (uint32_t)r->prefix[1] << 24 | (uint32_t)r->prefix[2] << 16 |
           (uint32_t)r->prefix[3] << 8 | r->prefix[4];
}

static void take(vitro_bytes *in, size_t n)
{
    if (n == 0)
        return; /* ptr may be NULL */
    in->ptr += n;
    in->len -= n;
}

/* The prefix is complete: refuse what need not be read. */
static vitro_code check_prefix(const struct lpm_reader *r, vitro_error *err)
{
    if (r->prefix[0] > 1) {
        return vitro_fail(err, VITRO_INTERNAL, "message", 0,
                          "its first byte is 0x%02x, neither 0 nor 1: no message begins here",
                          r->prefix[0]);
    }
    if (r->prefix[0] == 1 && !r->encoding) {
        return vitro_fail(err, VITRO_INTERNAL, "message", 0,
                          "flagged as compressed, but no grpc-encoding was announced");
    }
    if (message_len(r) > r->limit) {
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "message", 0,
                          "%lu bytes are more than the limit of %lu", (unsigned long)message_len(r),
                          (unsigned long)r->limit);
    }
    return VITRO_OK;
}

/* Hand out a message; the prefix of the next one may follow. */
static void hand_out(struct lpm_reader *r, const uint8_t *p, struct lpm_message *out)
{
    uint32_t len = message_len(r);

    out->bytes = (vitro_bytes){ p, len };
    out->wire_size = (size_t)len + LPM_PREFIX;
    out->compressed = r->prefix[0] == 1;
    r->prefix_len = 0;
}

/* Add what came of the body. The block doubles, so no peer makes us allocate by a promise. */
static vitro_code collect(struct lpm_reader *r, vitro_bytes *in, vitro_error *err)
{
    uint32_t len = message_len(r);
    size_t n = MIN(in->len, len - r->body.len);

    r->body.max = len;
    if (r->body.cap == 0 && !vitro_buf_reserve(&r->body, MIN(len, MAX(n, FIRST_BLOCK))))
        goto no_memory;
    if (!vitro_buf_append(&r->body, in->ptr, n))
        goto no_memory;
    take(in, n);
    return VITRO_OK;
no_memory:
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "message", 0,
                      "no memory for a message of %lu bytes", (unsigned long)len);
}

void vitro_lpm_release(struct lpm_reader *r)
{
    if (r->lent) {
        vitro_buf_done(&r->body);
        r->lent = false;
    }
}

bool vitro_lpm_keep(struct lpm_reader *r, struct buf *into)
{
    if (!r->lent)
        return false;
    *into = r->body;
    vitro_buf_init(&r->body, into->account, r->limit);
    r->lent = false;
    return true;
}

vitro_code vitro_lpm_next(struct lpm_reader *r, vitro_bytes *in, struct lpm_message *out,
                          bool *ready, vitro_error *err)
{
    vitro_code rc;

    *ready = false;
    vitro_lpm_release(r);
    if (r->prefix_len < LPM_PREFIX) {
        size_t n = MIN(in->len, (size_t)(LPM_PREFIX - r->prefix_len));

        if (n == 0)
            return VITRO_OK;
        memcpy(r->prefix + r->prefix_len, in->ptr, n);
        r->prefix_len = (uint8_t)(r->prefix_len + n);
        take(in, n);
        if (r->prefix_len < LPM_PREFIX)
            return VITRO_OK;
        rc = check_prefix(r, err);
        if (rc)
            return rc;
    }
    if (r->body.len == 0 && in->len >= message_len(r)) {
        hand_out(r, in->ptr, out);
        take(in, out->bytes.len);
        *ready = true;
        return VITRO_OK;
    }
    rc = in->len ? collect(r, in, err) : VITRO_OK;
    if (rc || r->body.len < message_len(r))
        return rc;
    hand_out(r, r->body.ptr, out);
    r->lent = true;
    *ready = true;
    return VITRO_OK;
}

vitro_code vitro_lpm_end(const struct lpm_reader *r, vitro_error *err)
{
    if (r->prefix_len == 0)
        return VITRO_OK;
    if (r->prefix_len < LPM_PREFIX) {
        return vitro_fail(err, VITRO_INTERNAL, "message", 0,
                          "the stream ended after %u of the 5 bytes of a prefix", r->prefix_len);
    }
    return vitro_fail(err, VITRO_INTERNAL, "message", 0,
                      "the stream ended after %zu of the %lu bytes of a message", r->body.len,
                      (unsigned long)message_len(r));
}

size_t vitro_lpm_pending(const struct lpm_reader *r)
{
    return r->lent ? 0 : r->prefix_len + r->body.len;
}

size_t vitro_lpm_missing(const struct lpm_reader *r)
{
    if (r->prefix_len == 0)
        return 0;
    if (r->prefix_len < LPM_PREFIX)
        return (size_t)(LPM_PREFIX - r->prefix_len);
    return message_len(r) - r->body.len;
}
