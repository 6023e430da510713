#include "crypto/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/fault.h"

static vitro_code no_memory(vitro_error *err)
{
    return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
}

/* ---- the text ------------------------------------------------------------------------------- */

static vitro_code take_bytes(struct pem *p, vitro_bytes from, vitro_error *err)
{
    if (from.len > PEM_MAX)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0, "%s: more than %d KiB",
                          p->name, PEM_MAX / 1024);
    p->bytes = vitro_mem_alloc(NULL, from.len + 1); /* never nothing */
    if (!p->bytes)
        return no_memory(err);
    if (from.len)
        memcpy(p->bytes, from.ptr, from.len);
    p->len = from.len;
    return VITRO_OK;
}

vitro_code vitro_pem_take(struct pem *p, vitro_bytes given, const char *name, vitro_error *err)
{
    vitro_code rc;

    *p = (struct pem){ .name = NULL };
    p->name = vitro_mem_text(NULL, vitro_str_of(name));
    rc = p->name ? take_bytes(p, given, err) : no_memory(err);
    if (rc)
        vitro_pem_done(p);
    return rc;
}

void vitro_pem_done(struct pem *p)
{
    if (p->bytes) {
        vitro_mem_wipe(p->bytes, p->len); /* it may be a key */
        vitro_mem_free(NULL, p->bytes, p->len + 1);
    }
    if (p->name)
        vitro_mem_free(NULL, p->name, strlen(p->name) + 1);
    *p = (struct pem){ .name = NULL };
}

/* ---- what it holds -------------------------------------------------------------------------- */

/* A key under a password: nobody is there to be asked for it. */
static int no_password(char *room, int size, int writing, void *user)
{
    (void)room;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static BIO *open_text(const struct pem *p)
{
    vitro_fault_clear();
    return BIO_new_mem_buf(p->bytes, (int)p->len);
}

static bool is_end_of_text(void)
{
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

/* The next certificate of the text; NULL at its end, and when something is wrong. */
static X509 *next_certificate(BIO *text, OSSL_LIB_CTX *lib)
{
    X509 *x = X509_new_ex(lib, NULL), *given = x;

    if (x && !PEM_read_bio_X509(text, &x, no_password, NULL)) {
        X509_free(given == x ? x : NULL);
        return NULL;
    }
    return x;
}

/* The same of a list of revoked certificates. */
static X509_CRL *next_list(BIO *text, OSSL_LIB_CTX *lib)
{
    X509_CRL *x = X509_CRL_new_ex(lib, NULL), *given = x;

    if (x && !PEM_read_bio_X509_CRL(text, &x, no_password, NULL)) {
        X509_CRL_free(given == x ? x : NULL);
        return NULL;
    }
    return x;
}

static vitro_code end_of_text(const struct pem *p, int count, const char *wanted, vitro_error *err)
{
    if (!is_end_of_text())
        return vitro_fault(err, VITRO_INVALID_ARGUMENT, "credentials", p->name);
    vitro_fault_clear();
    if (count == 0)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "%s: no %s in it (PEM is expected)", p->name, wanted);
    return VITRO_OK;
}

vitro_code vitro_pem_certificates(const struct pem *p, OSSL_LIB_CTX *lib, STACK_OF(X509) * *out,
                                  vitro_error *err)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *text = open_text(p);
    vitro_code rc = VITRO_OK;
    X509 *x;

    *out = NULL;
    if (!all || !text)
        rc = no_memory(err);
    while (!rc && (x = next_certificate(text, lib)) != NULL) {
        if (!sk_X509_push(all, x)) {
            X509_free(x);
            rc = no_memory(err);
        }
    }
    if (!rc)
        rc = end_of_text(p, sk_X509_num(all), "certificate", err);
    BIO_free(text);
    if (!rc)
        *out = all;
    else
        sk_X509_pop_free(all, X509_free);
    return rc;
}

vitro_code vitro_pem_revoked(const struct pem *p, OSSL_LIB_CTX *lib, X509_STORE *store,
                             vitro_error *err)
{
    BIO *text = open_text(p);
    vitro_code rc = text ? VITRO_OK : no_memory(err);
    X509_CRL *x;
    int n = 0;

    for (; !rc && (x = next_list(text, lib)) != NULL; n++) {
        if (!X509_STORE_add_crl(store, x))
            rc = no_memory(err);
        X509_CRL_free(x);
    }
    if (!rc)
        rc = end_of_text(p, n, "list of revoked certificates", err);
    BIO_free(text);
    return rc;
}

vitro_code vitro_pem_key(const struct pem *p, OSSL_LIB_CTX *lib, EVP_PKEY **out, vitro_error *err)
{
    BIO *text = open_text(p);
    struct fault f;
    bool end;

    *out = text ? PEM_read_bio_PrivateKey_ex(text, NULL, no_password, NULL, lib, NULL) : NULL;
    BIO_free(text);
    if (*out) {
        vitro_fault_clear();
        return VITRO_OK;
    }
    end = is_end_of_text();
    f = vitro_fault_take();
    if (f.no_memory)
        return no_memory(err);
    if (!end && f.first)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "%s: no private key that can be read (one under a password cannot)",
                          p->name);
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                      "%s: no private key in it (PEM is expected)", p->name);
}
