#include "crypto/schedule.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "base/util.h"
#include "crypto/cbc.h"

enum { VERSION_1_2 = 0x0303, VERSION_1_3 = 0x0304, MASTER_LEN = 48, GCM_SALT_LEN = 4 };

static const struct suite suites[] = {
#define SUITE(id, version, name, kind, key_len, digest)                                            \
    { (id), (version), (kind), (key_len), (name), (digest) },
#include "crypto/suites.def"
};

const struct suite *vitro_suite_find(uint16_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++)
        if (suites[i].id == id)
            return &suites[i];
    return NULL;
}

/* The errors of the thread's queue stay as they were: libssl looks at them. */
static bool derive(const char *algorithm, const OSSL_PARAM params[], uint8_t *out, size_t len)
{
    EVP_KDF *kdf;
    EVP_KDF_CTX *ctx = NULL;
    bool done;

    ERR_set_mark();
    kdf = EVP_KDF_fetch(NULL, algorithm, NULL);
    if (kdf)
        ctx = EVP_KDF_CTX_new(kdf);
    done = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    ERR_pop_to_mark();
    return done;
}

static OSSL_PARAM text_param(const char *key, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static OSSL_PARAM bytes_param(const char *key, const uint8_t *value, size_t len)
{
    return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)value, len);
}

/* ---- 1.3 ------------------------------------------------------------------------------------- */

/*
 * HKDF-Expand-Label with an empty context (RFC 8446, 7.1). What is expanded:
 *      length (2) | length of the label (1) | "tls13 " label | 0
 */
static bool expand(const struct suite *suite, const struct secret *from, const char *label,
                   uint8_t *out, size_t len)
{
    static const char prefix[] = "tls13 ";
    size_t label_len = strlen(label), front = sizeof prefix - 1;
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    uint8_t info[32] = { (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)(front + label_len) };

    memcpy(info + 3, prefix, front);
    memcpy(info + 3 + front, label, label_len + 1); /* its end is the empty context */
    const OSSL_PARAM params[] = {
        text_param(OSSL_KDF_PARAM_DIGEST, suite->digest),
        bytes_param(OSSL_KDF_PARAM_KEY, from->bytes, from->len),
        bytes_param(OSSL_KDF_PARAM_INFO, info, 3 + front + label_len + 1),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_end(),
    };
    return derive("HKDF", params, out, len);
}

static size_t digest_len(const struct suite *suite)
{
    return strcmp(suite->digest, "SHA384") == 0 ? 48 : 32;
}

static bool fits_1_3(const struct suite *suite, const struct secret *traffic)
{
    return suite->version == VERSION_1_3 && traffic->len == digest_len(suite);
}

bool vitro_keys_1_3(struct record_keys *out, const struct suite *suite,
                    const struct secret *traffic)
{
    memset(out, 0, sizeof *out);
    out->suite = suite;
    return fits_1_3(suite, traffic) && expand(suite, traffic, "key", out->key, suite->key_len) &&
           expand(suite, traffic, "iv", out->iv, NONCE_LEN);
}

bool vitro_secret_update(struct secret *traffic, const struct suite *suite)
{
    struct secret next = { .len = traffic->len };

    if (!fits_1_3(suite, traffic) || !expand(suite, traffic, "traffic upd", next.bytes, next.len))
        return false;
    *traffic = next;
    return true;
}

/* ---- 1.2 ------------------------------------------------------------------------------------- */

/* PRF(master, "key expansion", server random + client random) (RFC 5246, 5 and 6.3). */
static bool expand_master(const struct suite *suite, const struct secret *master,
                          const uint8_t *client_random, const uint8_t *server_random, uint8_t *out,
                          size_t len)
{
    static const char label[] = "key expansion";
    uint8_t seed[sizeof label - 1 + 2 * RANDOM_LEN];

    memcpy(seed, label, sizeof label - 1);
    memcpy(seed + sizeof label - 1, server_random, RANDOM_LEN);
    memcpy(seed + sizeof label - 1 + RANDOM_LEN, client_random, RANDOM_LEN);
    const OSSL_PARAM params[] = {
        text_param(OSSL_KDF_PARAM_DIGEST, suite->digest),
        bytes_param(OSSL_KDF_PARAM_SECRET, master->bytes, master->len),
        bytes_param(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    return derive("TLS1-PRF", params, out, len);
}

/*
 * The block holds both keys of the macs, both keys, both ivs; an AEAD has none of the first, and
 * of CBC each record brings its own iv.
 */
bool vitro_keys_1_2(struct record_keys out[2], const struct suite *suite,
                    const struct secret *master, const uint8_t client_random[RANDOM_LEN],
                    const uint8_t server_random[RANDOM_LEN])
{
    size_t key = suite->key_len, mac = vitro_mac_len(suite);
    size_t iv = mac ? 0 : suite->kind == SUITE_GCM ? GCM_SALT_LEN : NONCE_LEN;
    uint8_t block[2 * MAC_MAX + 2 * KEY_MAX + 2 * NONCE_LEN], *keys = block + 2 * mac;

    if (suite->version != VERSION_1_2 || master->len != MASTER_LEN ||
        !expand_master(suite, master, client_random, server_random, block, 2 * (mac + key + iv)))
        return false;
    for (size_t i = 0; i < 2; i++) {
        memset(&out[i], 0, sizeof out[i]);
        out[i].suite = suite;
        memcpy(out[i].mac, block + i * mac, mac);
        memcpy(out[i].key, keys + i * key, key);
        memcpy(out[i].iv, keys + 2 * key + i * iv, iv);
    }
    return true;
}
