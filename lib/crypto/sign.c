#include "crypto/sign.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/fault.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8 * SIGNATURE_MAX, P256_BYTES = 32 };

static const char *algorithm_of(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    char curve[32] = "";

    if (EVP_PKEY_is_a(key, "RSA"))
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? "RS256" : NULL;
    if (EVP_PKEY_is_a(key, "EC"))
        EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
    return strcmp(curve, "prime256v1") == 0 ? "ES256" : NULL;
}

vitro_code vitro_signer_init(struct signer *s, const struct pem *key, const uint64_t *seed,
                             vitro_error *err)
{
    vitro_code rc;

    *s = (struct signer){ .seeded = seed ? vitro_seeded_new(*seed) : NULL };
    if (seed && !s->seeded)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    rc = vitro_pem_key(key, s->seeded ? vitro_seeded_lib(s->seeded) : NULL, &s->key, err);
    if (rc)
        return rc;
    s->algorithm = algorithm_of(s->key);
    vitro_fault_clear();
    if (!s->algorithm)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "%s: a key of RSA with 2048 bits or more, or of P-256, is needed",
                          key->name);
    return VITRO_OK;
}

void vitro_signer_done(struct signer *s)
{
    EVP_PKEY_free(s->key);
    vitro_seeded_free(s->seeded);
}

/* Both numbers in a row, of equal length (RFC 7518, 3.4), in the place of their DER. */
static bool flatten(uint8_t *bytes, size_t *n)
{
    const unsigned char *at = bytes;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)*n);
    bool ok = numbers && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), bytes, P256_BYTES) > 0 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(numbers), bytes + P256_BYTES, P256_BYTES) > 0;

    ECDSA_SIG_free(numbers);
    *n = 2 * P256_BYTES;
    return ok;
}

vitro_code vitro_signer_sign(const struct signer *s, vitro_bytes text, uint8_t *out, size_t *n,
                             vitro_error *err)
{
    OSSL_LIB_CTX *lib = s->seeded ? vitro_seeded_lib(s->seeded) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok;

    vitro_fault_clear();
    *n = SIGNATURE_MAX;
    ok = context && EVP_DigestSignInit_ex(context, NULL, "SHA256", lib, NULL, s->key, NULL) == 1 &&
         EVP_DigestSign(context, out, n, text.ptr, text.len) == 1 &&
         (s->algorithm[0] == 'R' || flatten(out, n));
    EVP_MD_CTX_free(context);
    return ok ? VITRO_OK : vitro_fault(err, VITRO_INTERNAL, "credentials", "the key does not sign");
}
