#include "tls/credentials.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "vitro/lab/tls.h"

struct vitro_credentials {
    pthread_mutex_t reloading; /* one at a time; nobody who connects waits for its files */
    pthread_mutex_t lock;      /* around context and version */
    unsigned refs;             /* atomic */
    bool server;
    struct tls_context *context;
    uint64_t version;
};

/* ---- options -------------------------------------------------------------------------------- */

static vitro_code import(vitro_credentials_options *o, const vitro_credentials_options *options,
                         vitro_error *err)
{
    if (vitro_options_import(o, sizeof *o, options) &&
        (unsigned)o->client_check <= VITRO_CLIENT_CHECK_REQUIRE)
        return VITRO_OK;
    return vitro_options_refuse("credentials", err);
}

static vitro_code make_context(struct tls_context **out, bool server,
                               const vitro_credentials_options *o, vitro_error *err)
{
    struct tls_material *m;
    vitro_code rc = vitro_tls_material_new(&m, server, o, err);

    *out = NULL;
    if (!rc)
        rc = vitro_tls_context_new(out, m, NULL, err);
    vitro_tls_material_unref(m);
    return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

static vitro_code make(vitro_credentials **out, bool server,
                       const vitro_credentials_options *options, vitro_error *err)
{
    vitro_credentials_options o;
    vitro_credentials *c;
    vitro_code rc = import(&o, options, err);

    *out = NULL;
    if (rc)
        return rc;
    c = vitro_mem_zalloc(NULL, sizeof *c);
    if (!c)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    pthread_mutex_init(&c->reloading, NULL);
    pthread_mutex_init(&c->lock, NULL);
    c->refs = 1;
    c->server = server;
    rc = make_context(&c->context, server, &o, err);
    if (rc)
        vitro_credentials_unref(c);
    else
        *out = c;
    return rc;
}

vitro_code vitro_credentials_client(vitro_credentials **out,
                                    const vitro_credentials_options *options, vitro_error *err)
{
    return make(out, false, options, err);
}

vitro_code vitro_credentials_server(vitro_credentials **out,
                                    const vitro_credentials_options *options, vitro_error *err)
{
    return make(out, true, options, err);
}

vitro_credentials *vitro_credentials_ref(vitro_credentials *c)
{
    if (c)
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void vitro_credentials_unref(vitro_credentials *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
        return;
    vitro_tls_context_unref(c->context);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->reloading);
    vitro_mem_free(NULL, c, sizeof *c);
}

/* ---- use ------------------------------------------------------------------------------------ */

static void replace(vitro_credentials *c, struct tls_context *context)
{
    struct tls_context *old;

    pthread_mutex_lock(&c->lock);
    old = c->context;
    c->context = context;
    c->version++;
    pthread_mutex_unlock(&c->lock);
    vitro_tls_context_unref(old);
}

static vitro_code reload(vitro_credentials *c, const vitro_credentials_options *o, vitro_error *err)
{
    struct tls_context *context;
    vitro_code rc = make_context(&context, c->server, o, err);

    if (!rc)
        replace(c, context);
    return rc;
}

/* As it was, the files read again. */
static vitro_code reload_same(vitro_credentials *c, vitro_error *err)
{
    const struct tls_material *m = c->context->material;
    size_t size = m->pairs * sizeof(vitro_certificate);
    vitro_certificate *more = vitro_mem_alloc(NULL, size);
    vitro_credentials_options o;
    vitro_code rc;

    if (!more)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    o = vitro_tls_material_options(m, more);
    rc = reload(c, &o, err);
    vitro_mem_free(NULL, more, size);
    return rc;
}

vitro_code vitro_credentials_reload(vitro_credentials *c, const vitro_credentials_options *options,
                                    vitro_error *err)
{
    vitro_credentials_options o;
    vitro_code rc = options ? import(&o, options, err) : VITRO_OK;

    if (rc)
        return rc;
    pthread_mutex_lock(&c->reloading);
    rc = options ? reload(c, &o, err) : reload_same(c, err);
    pthread_mutex_unlock(&c->reloading);
    return rc;
}

vitro_code vitro_credentials_without_alpn(vitro_credentials *c, vitro_error *err)
{
    struct tls_material *m = c->context->material;
    struct tls_context *context;
    vitro_code rc;

    m->no_alpn = true;
    rc = vitro_tls_context_new(&context, m, NULL, err);
    if (!rc)
        replace(c, context);
    return rc;
}

bool vitro_credentials_are_server(const vitro_credentials *c)
{
    return c->server;
}

struct tls_context *vitro_credentials_context(vitro_credentials *c, uint64_t *version)
{
    struct tls_context *context;

    pthread_mutex_lock(&c->lock);
    context = vitro_tls_context_ref(c->context);
    *version = c->version;
    pthread_mutex_unlock(&c->lock);
    return context;
}
