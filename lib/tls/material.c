#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "tls/context.h"
#include "tls/pem_file.h"

/* ---- what is given -------------------------------------------------------------------------- */

static vitro_code read_pair(struct tls_pair *p, const vitro_certificate *from, vitro_error *err)
{
    vitro_code rc =
        vitro_pem_read(&p->certificate, from->file, from->bytes, "the certificate", err);

    return rc ? rc : vitro_pem_read(&p->key, from->key_file, from->key, "the key", err);
}

static vitro_code read_pairs(struct tls_material *m, const vitro_credentials_options *o,
                             vitro_error *err)
{
    vitro_certificate first = { o->certificate_file, o->certificate, o->key_file, o->key };
    vitro_code rc;

    if (o->n_more_certificates > UINT16_MAX || (o->n_more_certificates && !o->more_certificates))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "more_certificates are a list, of 65535 at most");
    m->pair = vitro_mem_zalloc(NULL, (1 + o->n_more_certificates) * sizeof *m->pair);
    if (!m->pair)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    m->pairs = 1 + o->n_more_certificates;
    rc = read_pair(&m->pair[0], &first, err);
    for (size_t i = 1; i < m->pairs && !rc; i++)
        rc = read_pair(&m->pair[i], &o->more_certificates[i - 1], err);
    return rc;
}

static vitro_code fill(struct tls_material *m, const vitro_credentials_options *o, vitro_error *err)
{
    vitro_code rc = vitro_pem_read(&m->ca, o->ca_file, o->ca, "the authorities", err);

    if (!rc)
        rc = vitro_pem_read(&m->crl, o->crl_file, o->crl, "the revoked certificates", err);
    if (!rc)
        rc = read_pairs(m, o, err);
    if (!rc && o->server_name) {
        m->server_name = vitro_mem_text(NULL, vitro_str_of(o->server_name));
        if (!m->server_name)
            rc = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    }
    return rc;
}

/* Both parts of each pair, or of an only one none. */
static bool pairs_are_whole(const struct tls_material *m)
{
    bool whole = true;

    for (size_t i = 0; i < m->pairs; i++) {
        const struct tls_pair *p = &m->pair[i];
        whole &= pem_given(&p->certificate) == pem_given(&p->key) &&
                 (m->pairs == 1 || pem_given(&p->key));
    }
    return whole;
}

static vitro_code check(const struct tls_material *m, vitro_error *err)
{
    const char *wrong = NULL;

    if (!pairs_are_whole(m))
        wrong = "a certificate and its key are given together";
    else if (!m->server && m->pairs > 1)
        wrong = "a client has one certificate";
    else if (m->server && !pem_given(&m->pair->key))
        wrong = "a server needs a certificate and its key";
    else if (m->server && (m->insecure || m->server_name))
        wrong = "insecure and server_name are a client's";
    else if (m->server && m->check > VITRO_CLIENT_CHECK_NONE && !pem_given(&m->ca))
        wrong = "to check clients, authorities are needed";
    else if (!m->server && m->check > VITRO_CLIENT_CHECK_NONE)
        wrong = "client_check is a server's";
    return wrong ? vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "%s", wrong)
                 : VITRO_OK;
}

/* ---- life ----------------------------------------------------------------------------------- */

vitro_code vitro_tls_material_new(struct tls_material **out, bool server,
                                  const vitro_credentials_options *o, vitro_error *err)
{
    struct tls_material *m = vitro_mem_zalloc(NULL, sizeof *m);
    vitro_code rc;

    *out = NULL;
    if (!m)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    m->refs = 1;
    m->server = server;
    m->insecure = o->insecure;
    m->version_min = o->version_min;
    m->version_max = o->version_max;
    m->check = o->client_check;
    m->verify = o->verify;
    m->verify_user = o->verify_user;
    rc = fill(m, o, err);
    if (m->check == VITRO_CLIENT_CHECK_DEFAULT)
        m->check =
            server && pem_given(&m->ca) ? VITRO_CLIENT_CHECK_REQUIRE : VITRO_CLIENT_CHECK_NONE;
    if (!rc)
        rc = check(m, err);
    if (rc)
        vitro_tls_material_unref(m);
    else
        *out = m;
    return rc;
}

void vitro_tls_material_unref(struct tls_material *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL))
        return;
    vitro_pem_done(&m->ca);
    vitro_pem_done(&m->crl);
    for (size_t i = 0; i < m->pairs; i++) {
        vitro_pem_done(&m->pair[i].certificate);
        vitro_pem_done(&m->pair[i].key);
    }
    vitro_mem_free(NULL, m->pair, m->pairs * sizeof *m->pair);
    if (m->server_name)
        vitro_mem_free(NULL, m->server_name, strlen(m->server_name) + 1);
    vitro_mem_free(NULL, m, sizeof *m);
}

/* ---- once more ------------------------------------------------------------------------------ */

static const char *path_of(const struct pem *p)
{
    return p->is_file ? p->name : NULL;
}

static vitro_bytes text_of(const struct pem *p)
{
    return (vitro_bytes){ p->bytes, p->len };
}

vitro_credentials_options vitro_tls_material_options(const struct tls_material *m,
                                                     vitro_certificate *more)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;

    o.ca_file = path_of(&m->ca);
    o.ca = text_of(&m->ca);
    for (size_t i = 0; i < m->pairs; i++) {
        const struct tls_pair *p = &m->pair[i];
        more[i] = (vitro_certificate){ path_of(&p->certificate), text_of(&p->certificate),
                                       path_of(&p->key), text_of(&p->key) };
    }
    o.certificate_file = more->file;
    o.certificate = more->bytes;
    o.key_file = more->key_file;
    o.key = more->key;
    o.more_certificates = more + 1;
    o.n_more_certificates = m->pairs - 1;
    o.server_name = m->server_name;
    o.insecure = m->insecure;
    o.client_check = m->check;
    o.version_min = m->version_min;
    o.version_max = m->version_max;
    o.crl_file = path_of(&m->crl);
    o.crl = text_of(&m->crl);
    o.verify = m->verify;
    o.verify_user = m->verify_user;
    return o;
}
