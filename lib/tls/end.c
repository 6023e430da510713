#include <string.h>
#include <time.h>

#include "base/error.h"
#include "crypto/certificate.h"
#include "tls/credentials.h"
#include "tls/layer.h"

struct tls_end {
    vitro_credentials *credentials;
    struct account *account;
    struct tls_context *own; /* of a simulated world; NULL: the one of the credentials */
    struct chance *chance;   /* of the world; NULL: a real one */
    uint64_t version;        /* of the credentials, that own and session belong to */
    SSL_SESSION *session;    /* a client's newest; NULL: none */
    char *name;              /* a client's: whom it wants to reach */
};

/* The host of "HOST[:PORT]", "[ADDRESS]:PORT" and "ADDRESS". */
static vitro_str host_of(const char *authority)
{
    vitro_str host = vitro_str_of(authority);
    const char *colon, *bracket;

    if (!host.ptr)
        return host;
    colon = strrchr(host.ptr, ':');
    bracket = strchr(host.ptr, ']');
    if (host.ptr[0] == '[' && bracket)
        return (vitro_str){ host.ptr + 1, (size_t)(bracket - host.ptr - 1) };
    if (colon && memchr(host.ptr, ':', host.len) == colon)
        host.len = (size_t)(colon - host.ptr);
    return host;
}

bool vitro_tls_covers(const vitro_identity *peer, const char *authority)
{
    return vitro_certificate_covers(peer->certificate, host_of(authority));
}

/* Without a name libssl checks none: any certificate that an authority has signed would do. */
static vitro_code keep_name(struct tls_end *e, const struct tls_material *m, const char *authority,
                            vitro_error *err)
{
    vitro_str name = m->server_name ? vitro_str_of(m->server_name) : host_of(authority);

    if (!name.len)
        return vitro_fail(
            err, VITRO_INVALID_ARGUMENT, "tls", 0,
            "no name to check the certificate for: server_name or authority is empty");
    e->name = vitro_mem_text(e->account, name);
    return e->name ? VITRO_OK
                   : vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tls", 0, "out of memory");
}

vitro_code vitro_tls_end_new(struct tls_end **out, vitro_credentials *credentials, bool server,
                             vitro_loop *loop, const char *authority, vitro_error *err)
{
    struct tls_context *now;
    struct tls_end *e;
    vitro_code rc = VITRO_OK;

    *out = NULL;
    if (vitro_credentials_are_server(credentials) != server)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "they are a %s's",
                          server ? "client" : "server");
    e = vitro_mem_zalloc(vitro_loop_account(loop), sizeof *e);
    if (!e)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tls", 0, "out of memory");
    e->credentials = vitro_credentials_ref(credentials);
    e->account = vitro_loop_account(loop);
    e->chance = vitro_loop_sim(loop) ? vitro_loop_chance(loop) : NULL;
    now = vitro_credentials_context(credentials, &e->version);
    if (!server)
        rc = keep_name(e, now->material, authority, err);
    vitro_tls_context_unref(now);
    if (rc)
        vitro_tls_end_free(e);
    else
        *out = e;
    return rc;
}

void vitro_tls_end_free(struct tls_end *e)
{
    if (!e)
        return;
    SSL_SESSION_free(e->session);
    vitro_tls_context_unref(e->own);
    vitro_credentials_unref(e->credentials);
    if (e->name)
        vitro_mem_free(e->account, e->name, strlen(e->name) + 1);
    vitro_mem_free(e->account, e, sizeof *e);
}

/* ---- for its layers -------------------------------------------------------------------------- */

const char *vitro_tls_end_name(const struct tls_end *e)
{
    return e->name;
}

/* The age of a ticket is on the wire: in a simulated world, whose time is not libssl's, it is new.
 */
SSL_SESSION *vitro_tls_end_session(struct tls_end *e)
{
    if (e->session && e->chance)
        SSL_SESSION_set_time(e->session, (long)time(NULL));
    return e->session;
}

void vitro_tls_end_keep_session(struct tls_end *e, SSL_SESSION *session)
{
    SSL_SESSION_free(e->session);
    e->session = session;
}

/*
 * It may have been for want of memory, and what libcrypto could not load then it does not load
 * later in the same library context. That of the process is nobody's to replace.
 */
void vitro_tls_end_failed(struct tls_end *e)
{
    vitro_tls_context_unref(e->own);
    e->own = NULL;
}

/* A world of its own: made anew when the credentials were. */
static struct tls_context *own_context(struct tls_end *e, struct tls_context *now, vitro_error *err)
{
    uint64_t seed;

    if (!e->own) {
        seed = vitro_chance_next(e->chance);
        if (vitro_tls_context_new(&e->own, now->material, &seed, err) != VITRO_OK)
            return NULL;
    }
    return vitro_tls_context_ref(e->own);
}

/* Of a client on its loop alone, and under sim there is one thread: only a real server is shared.
 */
struct tls_context *vitro_tls_end_context(struct tls_end *e, vitro_error *err)
{
    uint64_t version;
    struct tls_context *now = vitro_credentials_context(e->credentials, &version), *own;

    if (!e->name && !e->chance)
        return now;
    if (version != e->version) {
        vitro_tls_context_unref(e->own);
        e->own = NULL;
        vitro_tls_end_keep_session(e, NULL);
        e->version = version;
    }
    if (!e->chance)
        return now;
    own = own_context(e, now, err);
    vitro_tls_context_unref(now);
    return own;
}
