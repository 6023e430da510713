#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "crypto/fault.h"

/* ---- texts ---------------------------------------------------------------------------------- */

static bool keep(struct arena *into, const void *ptr, size_t len, vitro_str *out)
{
    char *text = vitro_arena_alloc(into, len + 1);

    if (!text)
        return false;
    if (len)
        memcpy(text, ptr, len);
    text[len] = '\0';
    *out = (vitro_str){ text, len };
    return true;
}

/* What was printed; the BIO is released. */
static bool keep_printed(struct arena *into, BIO *printed, bool ok, vitro_str *out)
{
    char *text = NULL;
    long len = ok ? BIO_get_mem_data(printed, &text) : 0;

    ok = ok && keep(into, text, (size_t)len, out);
    BIO_free(printed);
    return ok;
}

static bool has_nul(const void *text, size_t len)
{
    return len && memchr(text, 0, len);
}

/* ---- what it says --------------------------------------------------------------------------- */

static bool read_encoded(X509 *x, struct arena *into, vitro_identity *who)
{
    int n = i2d_X509(x, NULL);
    uint8_t *der = n > 0 ? vitro_arena_alloc(into, (size_t)n) : NULL, *at = der;
    BIO *pem = BIO_new(BIO_s_mem());

    if (der)
        i2d_X509(x, &at);
    who->certificate = (vitro_bytes){ der, der ? (size_t)n : 0 };
    return keep_printed(into, pem, pem && der && PEM_write_bio_X509(pem, x), &who->pem);
}

/* Escaped as RFC 4514 asks, but for letters that are not ASCII: they stay, as UTF-8. */
static bool read_distinguished(const X509_NAME *name, struct arena *into, vitro_str *out)
{
    unsigned long how = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *printed = BIO_new(BIO_s_mem());

    return keep_printed(into, printed, printed && X509_NAME_print_ex(printed, name, 0, how) >= 0,
                        out);
}

static int last_common_name(const X509_NAME *subject)
{
    int last = -1, at = -1;

    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at;
    return last;
}

static bool read_common_name(X509 *x, struct arena *into, vitro_identity *who)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int at = last_common_name(subject), n;
    unsigned char *text = NULL;
    bool ok;

    if (at < 0)
        return true;
    n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    ok = n < 0 || has_nul(text, (size_t)n) || keep(into, text, (size_t)n, &who->common_name);
    OPENSSL_free(text);
    return ok;
}

/* ---- its other names ------------------------------------------------------------------------ */

static bool keep_address(struct arena *into, const uint8_t *octets, size_t n, vitro_str *out)
{
    char text[INET6_ADDRSTRLEN];

    if ((n != 4 && n != 16) || !inet_ntop(n == 4 ? AF_INET : AF_INET6, octets, text, sizeof text))
        return true;
    return keep(into, text, strlen(text), out);
}

/* One name; its text stays NULL when it is none that we tell. False when memory is out. */
static bool read_name(const GENERAL_NAME *from, struct arena *into, vitro_name *to)
{
    int kind;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(from, &kind);
    const uint8_t *octets;
    size_t n;

    *to = (vitro_name){ .kind = (vitro_name_kind)kind };
    if (kind != GEN_EMAIL && kind != GEN_DNS && kind != GEN_URI && kind != GEN_IPADD)
        return true;
    octets = ASN1_STRING_get0_data(value);
    n = (size_t)ASN1_STRING_length(value);
    if (kind == GEN_IPADD)
        return keep_address(into, octets, n, &to->text);
    return has_nul(octets, n) || keep(into, octets, n, &to->text);
}

static bool read_names(X509 *x, struct arena *into, vitro_identity *who)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int n = all ? sk_GENERAL_NAME_num(all) : 0;
    vitro_name *names = n > 0 ? vitro_arena_alloc(into, (size_t)n * sizeof *names) : NULL;
    bool ok = n <= 0 || names;

    for (int i = 0; i < n && ok; i++) {
        vitro_name *to = &names[who->n_names];

        ok = read_name(sk_GENERAL_NAME_value(all, i), into, to);
        who->n_names += ok && to->text.ptr;
    }
    who->names = names;
    GENERAL_NAMES_free(all);
    return ok;
}

bool vitro_certificate_read(X509 *x, struct arena *into, vitro_identity *who)
{
    bool ok = read_encoded(x, into, who) &&
              read_distinguished(X509_get_subject_name(x), into, &who->subject) &&
              read_common_name(x, into, who) && read_names(x, into, who);

    vitro_fault_clear();
    return ok;
}

/* ---- for people ------------------------------------------------------------------------------ */

/* "2021-01-01T00:00:00Z" */
static bool read_time(const ASN1_TIME *time, struct arena *into, vitro_str *out)
{
    char text[sizeof "2021-01-01T00:00:00Z"];
    struct tm t;

    return ASN1_TIME_to_tm(time, &t) == 1 &&
           keep(into, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t), out);
}

/* "example.org, 127.0.0.1" */
static bool join_names(const vitro_identity *who, struct arena *into, vitro_str *out)
{
    size_t len = 0;
    char *text, *at;

    for (size_t i = 0; i < who->n_names; i++)
        len += who->names[i].text.len + 2;
    at = text = vitro_arena_alloc(into, len + 1);
    if (!text)
        return false;
    for (size_t i = 0; i < who->n_names; i++) {
        const vitro_str *name = &who->names[i].text;
        memcpy(at, i ? ", " : "", i ? 2 : 0);
        at += i ? 2 : 0;
        memcpy(at, name->ptr, name->len);
        at += name->len;
    }
    *out = (vitro_str){ text, (size_t)(at - text) };
    return true;
}

/* "serverAuth, clientAuth": what it may be shown as. */
static bool read_usage(X509 *x, struct arena *into, vitro_str *out)
{
    EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    BIO *printed = all ? BIO_new(BIO_s_mem()) : NULL;
    bool ok = printed;

    for (int i = 0; ok && i < sk_ASN1_OBJECT_num(all); i++) {
        const ASN1_OBJECT *purpose = sk_ASN1_OBJECT_value(all, i);
        int nid = OBJ_obj2nid(purpose);

        ok = BIO_puts(printed, i ? ", " : "") >= 0 &&
             (nid ? BIO_puts(printed, OBJ_nid2sn(nid)) : i2a_ASN1_OBJECT(printed, purpose)) > 0;
    }
    ok = !all || keep_printed(into, printed, ok, out);
    EXTENDED_KEY_USAGE_free(all);
    return ok;
}

bool vitro_certificate_words(vitro_bytes der, struct arena *into, struct certificate_words *out)
{
    const unsigned char *at = der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    vitro_identity who = { .n_names = 0 };
    bool ok = x && read_distinguished(X509_get_subject_name(x), into, &out->subject) &&
              read_distinguished(X509_get_issuer_name(x), into, &out->issuer) &&
              read_time(X509_get0_notBefore(x), into, &out->not_before) &&
              read_time(X509_get0_notAfter(x), into, &out->not_after) &&
              read_names(x, into, &who) && join_names(&who, into, &out->names) &&
              read_usage(x, into, &out->usage);

    X509_free(x);
    vitro_fault_clear();
    return ok;
}

bool vitro_certificate_name(vitro_bytes der, struct arena *into, vitro_str *out)
{
    const unsigned char *at = der.ptr;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    bool ok = name && at == der.ptr + der.len && read_distinguished(name, into, out);

    X509_NAME_free(name);
    vitro_fault_clear();
    return ok;
}

/* ---- whom it is for ------------------------------------------------------------------------- */

bool vitro_certificate_is_for(X509 *x, vitro_str host)
{
    enum { ADDRESS_MAX = 64, NO_ADDRESS = -2 };
    char text[ADDRESS_MAX] = "";
    int rc;

    if (host.len < sizeof text)
        memcpy(text, host.ptr, host.len);
    rc = X509_check_ip_asc(x, text, 0);
    if (rc == NO_ADDRESS)
        rc = X509_check_host(x, host.ptr, host.len, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL);
    return rc == 1;
}

bool vitro_certificate_covers(vitro_bytes der, vitro_str host)
{
    const unsigned char *at = der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    bool covers = x && vitro_certificate_is_for(x, host);

    X509_free(x);
    vitro_fault_clear();
    return covers;
}
