#include "crypto/seeded.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * A provider with one algorithm, a random generator. OpenSSL makes three of it (primary, public,
 * private); all draw from the one stream of the provider, in the order in which it asks.
 */
struct seeded {
    OSSL_LIB_CTX *lib;
    OSSL_PROVIDER *chance, *rest;
};

#define ALGORITHM "VITRO-SEEDED"

enum { STRENGTH = 256, REQUEST_MAX = 1 << 16 };

/* ---- the generator -------------------------------------------------------------------------- */

static void *rand_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
    (void)parent;
    (void)parent_calls;
    return provider;
}

static void rand_free(void *rand)
{
    (void)rand; /* the provider's */
}

static int rand_begin(void *rand, unsigned strength, int resistance, const unsigned char *text,
                      size_t len, const OSSL_PARAM params[])
{
    (void)rand;
    (void)strength;
    (void)resistance;
    (void)text;
    (void)len;
    (void)params;
    return 1;
}

static int rand_end(void *rand)
{
    (void)rand;
    return 1;
}

static int rand_generate(void *rand, unsigned char *out, size_t len, unsigned strength,
                         int resistance, const unsigned char *text, size_t text_len)
{
    (void)strength;
    (void)resistance;
    (void)text;
    (void)text_len;
    while (len) {
        uint64_t number = vitro_chance_next(rand);
        for (size_t i = 0; i < sizeof number && len; i++, len--)
            *out++ = (unsigned char)(number >> (8 * i));
    }
    return 1;
}

static int rand_params(void *rand, OSSL_PARAM params[])
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);

    (void)rand;
    if (p && !OSSL_PARAM_set_int(p, EVP_RAND_STATE_READY))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    if (p && !OSSL_PARAM_set_uint(p, STRENGTH))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
    return !p || OSSL_PARAM_set_size_t(p, REQUEST_MAX);
}

static int rand_lock(void *rand)
{
    (void)rand;
    return 1; /* one thread */
}

static void rand_unlock(void *rand)
{
    (void)rand;
}

#define CALL(id, function)                                                                         \
    {                                                                                              \
        (id), (void (*)(void))(function)                                                           \
    }

static const OSSL_DISPATCH rand_calls[] = {
    CALL(OSSL_FUNC_RAND_NEWCTX, rand_new),
    CALL(OSSL_FUNC_RAND_FREECTX, rand_free),
    CALL(OSSL_FUNC_RAND_INSTANTIATE, rand_begin),
    CALL(OSSL_FUNC_RAND_UNINSTANTIATE, rand_end),
    CALL(OSSL_FUNC_RAND_GENERATE, rand_generate),
    CALL(OSSL_FUNC_RAND_GET_CTX_PARAMS, rand_params),
    CALL(OSSL_FUNC_RAND_ENABLE_LOCKING, rand_lock),
    CALL(OSSL_FUNC_RAND_LOCK, rand_lock),
    CALL(OSSL_FUNC_RAND_UNLOCK, rand_unlock),
    { 0, NULL },
};

/* ---- the provider --------------------------------------------------------------------------- */

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM all[] = {
        { ALGORITHM, "provider=vitro", rand_calls, NULL },
        { NULL, NULL, NULL, NULL },
    };

    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_RAND ? all : NULL;
}

static void provider_end(void *provider)
{
    vitro_mem_free(NULL, provider, sizeof(struct chance));
}

static int provider_begin(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                          const OSSL_DISPATCH **out, void **provider)
{
    static const OSSL_DISPATCH calls[] = {
        CALL(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
        CALL(OSSL_FUNC_PROVIDER_TEARDOWN, provider_end),
        { 0, NULL },
    };

    (void)handle;
    (void)in;
    *out = calls;
    *provider = vitro_mem_zalloc(NULL, sizeof(struct chance));
    return *provider != NULL;
}

static bool load(struct seeded *s, uint64_t seed)
{
    s->lib = OSSL_LIB_CTX_new();
    if (!s->lib || !OSSL_PROVIDER_add_builtin(s->lib, "vitro", provider_begin))
        return false;
    s->chance = OSSL_PROVIDER_load(s->lib, "vitro");
    s->rest = OSSL_PROVIDER_load(s->lib, "default");
    if (!s->chance || !s->rest)
        return false;
    vitro_chance_seed(OSSL_PROVIDER_get0_provider_ctx(s->chance), seed);
    return RAND_set_DRBG_type(s->lib, ALGORITHM, "provider=vitro", NULL, NULL) == 1;
}

struct seeded *vitro_seeded_new(uint64_t seed)
{
    struct seeded *s = vitro_mem_zalloc(NULL, sizeof *s);

    if (s && load(s, seed))
        return s;
    vitro_seeded_free(s);
    return NULL;
}

OSSL_LIB_CTX *vitro_seeded_lib(struct seeded *s)
{
    return s->lib;
}

void vitro_seeded_free(struct seeded *s)
{
    if (!s)
        return;
    if (s->rest)
        OSSL_PROVIDER_unload(s->rest);
    if (s->chance)
        OSSL_PROVIDER_unload(s->chance);
    OSSL_LIB_CTX_free(s->lib);
    vitro_mem_free(NULL, s, sizeof *s);
}
