#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "tls/context.h"
#include "tls/pem_file.h"

static vitro_code fill(struct tls_material *m, const vitro_credentials_options *o, vitro_error *err)
{
    vitro_code rc = vitro_pem_read(&m->ca, o->ca_file, o->ca, "the authorities", err);

    if (!rc)
        rc = vitro_pem_read(&m->certificate, o->certificate_file, o->certificate, "the certificate",
                            err);
    if (!rc)
        rc = vitro_pem_read(&m->key, o->key_file, o->key, "the key", err);
    if (!rc && o->server_name) {
        m->server_name = vitro_mem_text(NULL, vitro_str_of(o->server_name));
        if (!m->server_name)
            rc = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    }
    return rc;
}

static vitro_code check(const struct tls_material *m, vitro_error *err)
{
    const char *wrong = NULL;

    if (pem_given(&m->certificate) != pem_given(&m->key))
        wrong = "a certificate and its key are given together";
    else if (m->server && !pem_given(&m->certificate))
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
    vitro_pem_done(&m->certificate);
    vitro_pem_done(&m->key);
    if (m->server_name)
        vitro_mem_free(NULL, m->server_name, strlen(m->server_name) + 1);
    vitro_mem_free(NULL, m, sizeof *m);
}
