#include "crypto/cbc.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

enum { PLAIN_MAX = 1 << 14, PADDING_MAX = 256, AHEAD_LEN = 8 + RECORD_HEAD_LEN };

static const struct {
    const char *digest;
    uint8_t len;
} macs[] = {
    [SUITE_CBC_SHA1] = { "SHA1", 20 },
    [SUITE_CBC_SHA256] = { "SHA256", 32 },
    [SUITE_CBC_SHA384] = { "SHA384", 48 },
};

bool vitro_is_cbc(const struct suite *suite)
{
    return suite->kind >= SUITE_CBC_SHA1;
}

size_t vitro_mac_len(const struct suite *suite)
{
    return vitro_is_cbc(suite) ? macs[suite->kind].len : 0;
}

/* ---- the mac --------------------------------------------------------------------------------- */

/* The mac of a record says: its number, its head with another length, and so many bytes. */
static bool make_mac(const struct record_keys *keys, uint64_t seq, const uint8_t *head,
                     const uint8_t *bytes, size_t len, uint8_t mac[MAC_MAX])
{
    char *digest = (char *)(uintptr_t)macs[keys->suite->kind].digest;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    uint8_t ahead[AHEAD_LEN];
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    size_t n;
    bool done;

    for (int i = 0; i < 8; i++)
        ahead[i] = (uint8_t)(seq >> (56 - 8 * i));
    memcpy(ahead + 8, head, RECORD_HEAD_LEN);
    ahead[AHEAD_LEN - 2] = (uint8_t)(len >> 8);
    ahead[AHEAD_LEN - 1] = (uint8_t)len;
    done = ctx && EVP_MAC_init(ctx, keys->mac, macs[keys->suite->kind].len, params) == 1 &&
           EVP_MAC_update(ctx, ahead, sizeof ahead) == 1 && EVP_MAC_update(ctx, bytes, len) == 1 &&
           EVP_MAC_final(ctx, mac, &n, MAC_MAX) == 1;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac);
    return done;
}

/* The mac behind so many bytes is theirs. Who reads along has no time to hide. */
static enum record_result check_mac(const struct record_keys *keys, uint64_t seq,
                                    const uint8_t *head, const uint8_t *bytes, size_t len)
{
    uint8_t mac[MAC_MAX];

    if (!make_mac(keys, seq, head, bytes, len, mac))
        return RECORD_NO_MEMORY;
    return memcmp(mac, bytes + len, macs[keys->suite->kind].len) ? RECORD_SEALED : RECORD_OPENED;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* iv and blocks; what is encrypted comes to out, a block shorter. */
static enum record_result decrypt(const struct record_keys *keys, const uint8_t *p, size_t len,
                                  uint8_t *out)
{
    const EVP_CIPHER *cipher = keys->suite->key_len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n, rest;
    bool done;

    done = ctx && EVP_DecryptInit_ex(ctx, cipher, NULL, keys->key, p) == 1 &&
           EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, p + CBC_BLOCK, (int)(len - CBC_BLOCK)) == 1 &&
           EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done ? RECORD_OPENED : RECORD_NO_MEMORY;
}

/* What stands before the padding; SIZE_MAX when it is none. */
static size_t without_padding(const uint8_t *out, size_t len)
{
    size_t padding = out[len - 1] + (size_t)1;

    if (padding > len)
        return SIZE_MAX;
    for (size_t i = 1; i <= padding; i++) {
        if (out[len - i] != padding - 1)
            return SIZE_MAX;
    }
    return len - padding;
}

/* ---- both orders ----------------------------------------------------------------------------- */

static bool are_blocks(size_t len, size_t least)
{
    return len % CBC_BLOCK == 0 && len >= CBC_BLOCK + least;
}

static enum record_result open_encrypted_first(const struct record_keys *keys, uint64_t seq,
                                               vitro_bytes record, uint8_t *out, size_t *len)
{
    const uint8_t *p = record.ptr + RECORD_HEAD_LEN;
    size_t blocks = record.len - RECORD_HEAD_LEN - vitro_mac_len(keys->suite);
    enum record_result rc = check_mac(keys, seq, record.ptr, p, blocks);

    if (!rc)
        rc = decrypt(keys, p, blocks, out);
    *len = rc ? 0 : without_padding(out, blocks - CBC_BLOCK);
    return rc ? rc : *len == SIZE_MAX ? RECORD_SEALED : RECORD_OPENED;
}

static enum record_result open_mac_first(const struct record_keys *keys, uint64_t seq,
                                         vitro_bytes record, uint8_t *out, size_t *len)
{
    size_t blocks = record.len - RECORD_HEAD_LEN, mac = vitro_mac_len(keys->suite), content;
    enum record_result rc = decrypt(keys, record.ptr + RECORD_HEAD_LEN, blocks, out);

    if (rc)
        return rc;
    content = without_padding(out, blocks - CBC_BLOCK);
    if (content == SIZE_MAX || content < mac)
        return RECORD_SEALED;
    *len = content - mac;
    return check_mac(keys, seq, record.ptr, out, *len);
}

enum record_result vitro_cbc_open(const struct record_keys *keys, uint64_t seq, vitro_bytes record,
                                  uint8_t *out, struct record_plain *plain)
{
    size_t body = record.len - RECORD_HEAD_LEN, mac = vitro_mac_len(keys->suite), len = 0;
    bool encrypted_first, mac_first;
    enum record_result rc = RECORD_SEALED;

    if (record.len < RECORD_HEAD_LEN || ((size_t)record.ptr[3] << 8 | record.ptr[4]) != body ||
        body > CBC_BLOCK + PLAIN_MAX + mac + PADDING_MAX)
        return RECORD_BAD;
    encrypted_first = body > mac && are_blocks(body - mac, CBC_BLOCK);
    mac_first = are_blocks(body, mac + 1);
    if (!encrypted_first && !mac_first)
        return RECORD_BAD;
    if (encrypted_first)
        rc = open_encrypted_first(keys, seq, record, out, &len);
    if (rc == RECORD_SEALED && mac_first)
        rc = open_mac_first(keys, seq, record, out, &len);
    if (rc)
        return rc;
    plain->type = record.ptr[0];
    plain->len = len;
    return len > PLAIN_MAX ? RECORD_BAD : RECORD_OPENED;
}
