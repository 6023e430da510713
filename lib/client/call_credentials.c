/* call_credentials - those of every kind but service accounts, which have a file of theirs. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/util.h"
#include "client/auth.h"
#include "wire/metadata.h"

/* ---- all of them ---------------------------------------------------------------------------- */

vitro_code vitro_call_credentials_init(vitro_call_credentials *c,
                                       const struct call_credentials_ops *ops,
                                       const vitro_call_credentials_options *options,
                                       vitro_error *err)
{
    vitro_call_credentials_options o;

    if (!vitro_options_import(&o, sizeof o, options))
        return vitro_options_refuse("credentials", err);
    c->ops = ops;
    c->refs = 1;
    c->allow_plain_text = o.allow_plain_text;
    return VITRO_OK;
}

vitro_call_credentials *vitro_call_credentials_ref(vitro_call_credentials *c)
{
    if (c)
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void vitro_call_credentials_unref(vitro_call_credentials *c)
{
    if (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
        c->ops->free(c);
}

static void *make(size_t size, vitro_error *err)
{
    void *made = vitro_mem_zalloc(NULL, size);

    if (!made)
        vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    return made;
}

/* ---- a token -------------------------------------------------------------------------------- */

struct token {
    vitro_call_credentials base;
    vitro_md *metadata;
};

static struct token *of_token(vitro_call_credentials *c)
{
    return CONTAINER_OF(c, struct token, base);
}

static void token_ask(vitro_call_credentials *c, vitro_auth *auth)
{
    vitro_auth_answer(auth, VITRO_OK, NULL, of_token(c)->metadata);
}

static void token_free(vitro_call_credentials *c)
{
    vitro_md_wipe(of_token(c)->metadata);
    vitro_md_free(of_token(c)->metadata);
    vitro_mem_free(NULL, of_token(c), sizeof(struct token));
}

static const struct call_credentials_ops token_ops = { token_ask, token_free };

static bool is_token(const char *text)
{
    size_t n = text ? strlen(text) : 0;

    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return n > 0;
}

/* "Bearer TOKEN" as metadata; NULL when memory is out. */
static vitro_md *bearer(const char *token)
{
    static const char scheme[] = "Bearer ";
    size_t n = sizeof scheme + strlen(token);
    char *value = vitro_mem_alloc(NULL, n);
    vitro_md *md = vitro_md_new();

    if (value) {
        memcpy(value, scheme, sizeof scheme - 1);
        memcpy(value + sizeof scheme - 1, token, n - sizeof scheme + 1);
    }
    if (!value || !md || vitro_md_add_text(md, "authorization", value, NULL) != VITRO_OK) {
        vitro_md_wipe(md);
        vitro_md_free(md);
        md = NULL;
    }
    vitro_mem_wipe(value, value ? n : 0);
    vitro_mem_free(NULL, value, n);
    return md;
}

vitro_code vitro_call_credentials_token(vitro_call_credentials **out, const char *token,
                                        const vitro_call_credentials_options *options,
                                        vitro_error *err)
{
    struct token *t;
    vitro_code rc;

    *out = NULL;
    if (!is_token(token))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "a token is printable ASCII without a space");
    t = make(sizeof *t, err);
    if (!t)
        return VITRO_RESOURCE_EXHAUSTED;
    rc = vitro_call_credentials_init(&t->base, &token_ops, options, err);
    if (rc == VITRO_OK) {
        t->metadata = bearer(token);
        rc = t->metadata
                 ? VITRO_OK
                 : vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    }
    if (rc)
        token_free(&t->base);
    else
        *out = &t->base;
    return rc;
}

/* ---- what the application answers ----------------------------------------------------------- */

struct callback {
    vitro_call_credentials base;
    void (*ask)(vitro_auth *auth, void *user);
    void (*release)(void *user);
    void *user;
};

static struct callback *of_callback(vitro_call_credentials *c)
{
    return CONTAINER_OF(c, struct callback, base);
}

static void callback_ask(vitro_call_credentials *c, vitro_auth *auth)
{
    of_callback(c)->ask(auth, of_callback(c)->user);
}

static void callback_free(vitro_call_credentials *c)
{
    struct callback *b = of_callback(c);

    if (b->release)
        b->release(b->user);
    vitro_mem_free(NULL, b, sizeof *b);
}

static const struct call_credentials_ops callback_ops = { callback_ask, callback_free };

vitro_code vitro_call_credentials_callback(vitro_call_credentials **out,
                                           void (*ask)(vitro_auth *auth, void *user),
                                           void (*release)(void *user), void *user,
                                           const vitro_call_credentials_options *options,
                                           vitro_error *err)
{
    struct callback *b;
    vitro_code rc;

    *out = NULL;
    if (!ask)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "nobody is asked");
    b = make(sizeof *b, err);
    if (!b)
        return VITRO_RESOURCE_EXHAUSTED;
    rc = vitro_call_credentials_init(&b->base, &callback_ops, options, err);
    if (rc) {
        callback_free(&b->base);
        return rc;
    }
    b->ask = ask;
    b->release = release;
    b->user = user;
    *out = &b->base;
    return VITRO_OK;
}

/* ---- several -------------------------------------------------------------------------------- */

struct composite {
    vitro_call_credentials base;
    size_t n;
    vitro_call_credentials *parts[];
};

static struct composite *of_composite(vitro_call_credentials *c)
{
    return CONTAINER_OF(c, struct composite, base);
}

static void composite_ask(vitro_call_credentials *c, vitro_auth *auth)
{
    for (size_t i = 0; i < of_composite(c)->n; i++)
        vitro_auth_ask(auth, of_composite(c)->parts[i]);
    vitro_auth_answer(auth, VITRO_OK, NULL, NULL);
}

static void composite_free(vitro_call_credentials *c)
{
    struct composite *s = of_composite(c);

    for (size_t i = 0; i < s->n; i++)
        vitro_call_credentials_unref(s->parts[i]);
    vitro_mem_free(NULL, s, sizeof *s + s->n * sizeof s->parts[0]);
}

static const struct call_credentials_ops composite_ops = { composite_ask, composite_free };

vitro_code vitro_call_credentials_composite(vitro_call_credentials **out,
                                            vitro_call_credentials *const *list, size_t n,
                                            vitro_error *err)
{
    struct composite *s;

    *out = NULL;
    if (!list || n == 0 || n > UINT16_MAX)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "none, or too many");
    for (size_t i = 0; i < n; i++)
        if (!list[i])
            return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                              "the list has a NULL at %zu", i);
    s = make(sizeof *s + n * sizeof s->parts[0], err);
    if (!s)
        return VITRO_RESOURCE_EXHAUSTED;
    s->base = (vitro_call_credentials){ &composite_ops, 1, true };
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        s->parts[i] = vitro_call_credentials_ref(list[i]);
        s->base.allow_plain_text &= list[i]->allow_plain_text;
    }
    *out = &s->base;
    return VITRO_OK;
}
