#include "crypto/record.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/cbc.h"

enum {
    TAG_LEN = 16,
    EXPLICIT_LEN = 8, /* the part of a GCM nonce that stands in a record of 1.2 */
    SALT_LEN = NONCE_LEN - EXPLICIT_LEN,
    AAD_MAX = 13,
    PLAIN_MAX = 1 << 14 /* RFC 8446, 5.1 */
};

/* The parts of a record as its AEAD takes them. */
struct sealed {
    const uint8_t *bytes, *tag;
    size_t len;
    uint8_t nonce[NONCE_LEN];
    uint8_t aad[AAD_MAX];
    size_t aad_len;
};

static void put64(uint8_t *out, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> (56 - 8 * i));
}

/* The number, as long as the iv, over the iv (RFC 8446, 5.3; RFC 7905, 2). */
static void mix_nonce(struct sealed *s, const struct record_keys *keys, uint64_t seq)
{
    uint8_t number[NONCE_LEN] = { 0 };

    put64(number + NONCE_LEN - sizeof seq, seq);
    for (size_t i = 0; i < NONCE_LEN; i++)
        s->nonce[i] = keys->iv[i] ^ number[i];
}

static bool is_1_3(const struct record_keys *keys)
{
    return keys->suite->version == 0x0304;
}

size_t vitro_record_front(const struct suite *suite)
{
    bool in_record = suite->version != 0x0304 && suite->kind == SUITE_GCM;

    return RECORD_HEAD_LEN + (vitro_is_cbc(suite) ? CBC_BLOCK : in_record ? EXPLICIT_LEN : 0);
}

size_t vitro_record_excess(const struct suite *suite)
{
    if (vitro_is_cbc(suite))
        return 0;
    return vitro_record_front(suite) + TAG_LEN + (suite->version == 0x0304);
}

/* What is authenticated besides: the head in 1.3; number, head and length of the text in 1.2. */
static void set_aad(struct sealed *s, const struct record_keys *keys, uint64_t seq,
                    const uint8_t *head)
{
    size_t front = is_1_3(keys) ? 0 : sizeof seq;

    if (front)
        put64(s->aad, seq);
    memcpy(s->aad + front, head, RECORD_HEAD_LEN);
    s->aad_len = front + RECORD_HEAD_LEN;
    if (front) {
        s->aad[s->aad_len - 2] = (uint8_t)(s->len >> 8);
        s->aad[s->aad_len - 1] = (uint8_t)s->len;
    }
}

/* False when the lengths are not those of a record. */
static bool take_apart(struct sealed *s, const struct record_keys *keys, uint64_t seq,
                       vitro_bytes record)
{
    size_t skip = vitro_record_front(keys->suite) - RECORD_HEAD_LEN;
    size_t body = record.len - RECORD_HEAD_LEN;
    size_t most = PLAIN_MAX + (is_1_3(keys) ? 1 : 0);
    const uint8_t *p = record.ptr;

    if (record.len < RECORD_HEAD_LEN || ((size_t)p[3] << 8 | p[4]) != body ||
        body < skip + TAG_LEN || body - skip - TAG_LEN > most)
        return false;
    s->bytes = p + RECORD_HEAD_LEN + skip;
    s->len = body - skip - TAG_LEN;
    s->tag = s->bytes + s->len;
    if (skip) {
        memcpy(s->nonce, keys->iv, SALT_LEN);
        memcpy(s->nonce + SALT_LEN, p + RECORD_HEAD_LEN, EXPLICIT_LEN);
    } else
        mix_nonce(s, keys, seq);
    set_aad(s, keys, seq, p);
    return true;
}

static const EVP_CIPHER *cipher_of(const struct suite *suite)
{
    if (suite->kind == SUITE_CHACHA)
        return EVP_chacha20_poly1305();
    return suite->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

/* The length of an iv is 12 of itself. Only what comes after the keys can be the record's fault. */
static enum record_result decrypt(EVP_CIPHER_CTX *ctx, const struct record_keys *keys,
                                  const struct sealed *s, uint8_t *out)
{
    uint8_t tag[TAG_LEN];
    int n;

    memcpy(tag, s->tag, TAG_LEN);
    if (!ctx || EVP_DecryptInit_ex(ctx, cipher_of(keys->suite), NULL, keys->key, s->nonce) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1)
        return RECORD_NO_MEMORY;
    if (EVP_DecryptUpdate(ctx, NULL, &n, s->aad, (int)s->aad_len) != 1 ||
        (s->len && EVP_DecryptUpdate(ctx, out, &n, s->bytes, (int)s->len) != 1) ||
        EVP_DecryptFinal_ex(ctx, out + s->len, &n) != 1)
        return RECORD_SEALED;
    return RECORD_OPENED;
}

/* Text, its type, zeros (RFC 8446, 5.2). */
static enum record_result read_inner(const uint8_t *out, size_t len, struct record_plain *plain)
{
    while (len && out[len - 1] == 0)
        len--;
    if (!len)
        return RECORD_BAD;
    plain->type = out[len - 1];
    plain->len = len - 1;
    return RECORD_OPENED;
}

static enum record_result open_aead(const struct record_keys *keys, uint64_t seq,
                                    vitro_bytes record, uint8_t *out, struct record_plain *plain)
{
    enum record_result rc;
    EVP_CIPHER_CTX *ctx;
    struct sealed s;

    if (!take_apart(&s, keys, seq, record) ||
        (is_1_3(keys) && record.ptr[0] != RECORD_APPLICATION_DATA))
        return RECORD_BAD;
    ctx = EVP_CIPHER_CTX_new();
    rc = decrypt(ctx, keys, &s, out);
    EVP_CIPHER_CTX_free(ctx);
    if (rc)
        return rc;
    plain->type = record.ptr[0];
    plain->len = s.len;
    return is_1_3(keys) ? read_inner(out, s.len, plain) : rc;
}

enum record_result vitro_record_open(const struct record_keys *keys, uint64_t seq,
                                     vitro_bytes record, uint8_t *out, struct record_plain *plain)
{
    enum record_result rc;

    memset(plain, 0, sizeof *plain);
    ERR_set_mark(); /* libssl looks at the thread's errors: they stay as they were */
    rc = (vitro_is_cbc(keys->suite) ? vitro_cbc_open : open_aead)(keys, seq, record, out, plain);
    ERR_pop_to_mark();
    if (rc && record.len > RECORD_HEAD_LEN)
        memset(out, 0, record.len - RECORD_HEAD_LEN);
    return rc;
}
