/*
 * service_account - call credentials that sign a JSON Web Token for the service that is called
 * (RFC 7519; google.aip.dev/auth/4111). The newest one is kept for the calls that follow.
 */
#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "client/auth.h"
#include "crypto/sign.h"
#include "io/loop.h"
#include "pb/json_texts.h"
#include "tls/pem_file.h"
#include "wire/metadata.h"

enum { VALID_S = 3600, EARLY_S = 300, CLAIMS_MAX = 2048, VALUE_MAX = 8192 };

struct service_account {
    vitro_call_credentials base;
    struct arena texts;
    const char *email, *key_id; /* in texts; key_id NULL: there is none */
    struct pem key;
    pthread_mutex_t lock; /* around what follows: calls of several loops use it */
    char *audience;       /* of the token; NULL: there is none */
    int64_t from, until;  /* it is used, seconds of wall time */
    vitro_md *token;
};

static struct service_account *of_base(vitro_call_credentials *c)
{
    return CONTAINER_OF(c, struct service_account, base);
}

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
}

/* ---- the token ------------------------------------------------------------------------------ */

/* In the alphabet for URLs, without padding (RFC 7515, 2). */
static bool add_base64(struct buf *to, vitro_bytes bytes)
{
    char *text = (char *)vitro_buf_reserve(to, base64_text_len(bytes.len));
    size_t n;

    if (!text)
        return false;
    n = vitro_base64_encode(bytes, text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    to->len += n;
    return true;
}

static bool add_json(struct buf *to, const struct text *json)
{
    return json->len < json->size &&
           add_base64(to, (vitro_bytes){ (const uint8_t *)json->out, json->len });
}

static bool add_claims(const struct service_account *a, struct buf *to, const char *algorithm,
                       const char *audience, int64_t now)
{
    char room[CLAIMS_MAX];
    struct text t;

    vitro_text_init(&t, room, sizeof room);
    vitro_text_add(&t, "{\"alg\":\"%s\",\"typ\":\"JWT\"", algorithm);
    if (a->key_id)
        vitro_text_add(&t, ",\"kid\":\"%s\"", a->key_id);
    vitro_text_add(&t, "}");
    if (!add_json(to, &t) || !vitro_buf_append(to, ".", 1))
        return false;
    vitro_text_init(&t, room, sizeof room);
    vitro_text_add(&t, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
                   a->email, a->email, audience, (long long)now, (long long)now + VALID_S);
    return add_json(to, &t);
}

/* The value of authorization: "Bearer HEADER.CLAIMS.SIGNATURE". */
static vitro_code write_value(const struct service_account *a, struct signer *s, struct buf *to,
                              const char *audience, int64_t now, vitro_error *err)
{
    static const char scheme[] = "Bearer ";
    uint8_t signature[SIGNATURE_MAX];
    vitro_bytes signed_text;
    vitro_code rc;
    size_t n;

    if (!vitro_buf_append(to, scheme, sizeof scheme - 1) ||
        !add_claims(a, to, s->algorithm, audience, now))
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0,
                          "out of memory, or names that are too long for a token");
    signed_text = vitro_buf_bytes(to);
    signed_text.ptr += sizeof scheme - 1;
    signed_text.len -= sizeof scheme - 1;
    rc = vitro_signer_sign(s, signed_text, signature, &n, err);
    if (rc)
        return rc;
    if (!vitro_buf_append(to, ".", 1) || !add_base64(to, (vitro_bytes){ signature, n }))
        return no_memory(err);
    return VITRO_OK;
}

static void forget(struct service_account *a)
{
    vitro_md_wipe(a->token);
    vitro_md_free(a->token);
    a->token = NULL;
    if (a->audience)
        vitro_mem_free(NULL, a->audience, strlen(a->audience) + 1);
    a->audience = NULL;
}

static vitro_code keep(struct service_account *a, const struct buf *value, const char *audience,
                       int64_t now, vitro_error *err)
{
    a->token = vitro_md_new();
    a->audience = vitro_mem_text(NULL, vitro_str_of(audience));
    a->from = now;
    a->until = now + VALID_S - EARLY_S;
    if (!a->token || !a->audience)
        return no_memory(err);
    return vitro_md_add(a->token, (vitro_str)VITRO_STR_INIT("authorization"),
                        vitro_buf_bytes(value), err);
}

/* Under sim the chance of the world signs: the same token each time. */
static vitro_code renew(struct service_account *a, vitro_loop *loop, const char *audience,
                        int64_t now, vitro_error *err)
{
    uint64_t seed = vitro_loop_sim(loop) ? vitro_chance_next(vitro_loop_chance(loop)) : 0;
    struct signer s;
    struct buf value;
    vitro_code rc = vitro_signer_init(&s, &a->key, vitro_loop_sim(loop) ? &seed : NULL, err);

    vitro_buf_init(&value, NULL, VALUE_MAX);
    forget(a);
    if (!rc && !vitro_buf_reserve(&value, VALUE_MAX)) /* growing would leave parts behind */
        rc = no_memory(err);
    if (!rc)
        rc = write_value(a, &s, &value, audience, now, err);
    if (!rc)
        rc = keep(a, &value, audience, now, err);
    if (rc)
        forget(a);
    vitro_mem_wipe(value.ptr, value.cap);
    vitro_buf_done(&value);
    vitro_signer_done(&s);
    return rc;
}

static bool is_good(const struct service_account *a, const char *audience, int64_t now)
{
    return a->token && now >= a->from && now < a->until && strcmp(a->audience, audience) == 0;
}

/* Nothing in a token is escaped: what JSON would have to is in no name of a service or account. */
static bool is_plain(vitro_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return s.len > 0;
}

static void account_ask(vitro_call_credentials *c, vitro_auth *auth)
{
    struct service_account *a = of_base(c);
    vitro_loop *loop = vitro_auth_loop(auth);
    int64_t now = vitro_loop_wall(loop) / 1000000000;
    vitro_str audience = vitro_auth_service_url(auth);
    vitro_code rc = VITRO_OK;
    vitro_error err;

    if (!is_plain(audience)) {
        vitro_auth_answer(auth, VITRO_INTERNAL, "a service with that name gets no token", NULL);
        return;
    }
    pthread_mutex_lock(&a->lock);
    if (!is_good(a, audience.ptr, now))
        rc = renew(a, loop, audience.ptr, now, &err);
    vitro_auth_answer(auth, rc, rc ? err.frame[0].text : NULL, a->token);
    pthread_mutex_unlock(&a->lock);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void account_free(vitro_call_credentials *c)
{
    struct service_account *a = of_base(c);

    forget(a);
    pthread_mutex_destroy(&a->lock);
    vitro_pem_done(&a->key);
    vitro_arena_wipe(&a->texts); /* the key, too */
    vitro_arena_done(&a->texts);
    vitro_mem_free(NULL, a, sizeof *a);
}

static const struct call_credentials_ops account_ops = { account_ask, account_free };

/* The key is read here to see that it can sign. */
static vitro_code take_key(struct service_account *a, const char *name, vitro_str key,
                           vitro_error *err)
{
    struct signer s;
    vitro_code rc =
        vitro_pem_take(&a->key, (vitro_bytes){ (const uint8_t *)key.ptr, key.len }, name, err);

    if (rc)
        return rc;
    rc = vitro_signer_init(&s, &a->key, NULL, err);
    vitro_signer_done(&s);
    return rc;
}

static vitro_code take_members(struct service_account *a, const struct pem *json, vitro_error *err)
{
    enum { TYPE, EMAIL, KEY, KEY_ID, MEMBERS };
    struct json_text m[MEMBERS] = { { "type", { NULL, 0 } },
                                    { "client_email", { NULL, 0 } },
                                    { "private_key", { NULL, 0 } },
                                    { "private_key_id", { NULL, 0 } } };
    vitro_str text = { (const char *)json->bytes, json->len };
    vitro_code rc = vitro_json_texts(text, &a->texts, m, MEMBERS, err);

    if (rc)
        return vitro_wrap(err, rc, "credentials", "%s", json->name);
    if (!m[TYPE].value.ptr || strcmp(m[TYPE].value.ptr, "service_account") != 0)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "%s: its type is not service_account", json->name);
    if (!is_plain(m[EMAIL].value) || !m[KEY].value.len ||
        (m[KEY_ID].value.ptr && !is_plain(m[KEY_ID].value)))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "%s: no client_email or private_key, or one that cannot be", json->name);
    a->email = m[EMAIL].value.ptr;
    a->key_id = m[KEY_ID].value.ptr;
    return take_key(a, json->name, m[KEY].value, err);
}

static vitro_code take_file(struct service_account *a, const char *file, vitro_bytes given,
                            vitro_error *err)
{
    struct pem json;
    vitro_code rc = vitro_pem_read(&json, file, given, "the service account", err);

    if (!rc && !pem_given(&json))
        rc = vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "no service account");
    if (!rc)
        rc = take_members(a, &json, err);
    vitro_pem_done(&json);
    return rc;
}

vitro_code vitro_call_credentials_service_account(vitro_call_credentials **out, const char *file,
                                                  vitro_bytes json,
                                                  const vitro_call_credentials_options *options,
                                                  vitro_error *err)
{
    struct service_account *a = vitro_mem_zalloc(NULL, sizeof *a);
    vitro_code rc;

    *out = NULL;
    if (!a)
        return no_memory(err);
    pthread_mutex_init(&a->lock, NULL);
    vitro_arena_init(&a->texts, NULL, 0);
    rc = vitro_call_credentials_init(&a->base, &account_ops, options, err);
    if (!rc)
        rc = take_file(a, file, json, err);
    if (rc)
        account_free(&a->base);
    else
        *out = &a->base;
    return rc;
}
