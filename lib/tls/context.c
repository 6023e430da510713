#include "tls/context.h"

#include <openssl/x509v3.h>

#include "base/mem.h"
#include "crypto/certificate.h"
#include "crypto/fault.h"
#include "tls/layer.h"

/*
 * Best first, as gRPC's core and Go order them: nobody breaks the shorter key, and it takes a tenth
 * less time. HTTP/2 over TLS 1.2 wants ephemeral keys and authenticated encryption (RFC 9113,
 * 9.2.2).
 */
static const char ciphers_of_12[] = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";
static const char suites_of_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/* RFC 8446 allows 2^24.5 of the largest records under one key of AES-GCM. */
#define RECORDS_MAX (UINT64_C(1) << 24)

static const unsigned char alpn_h2[] = { 2, 'h', '2' };

static vitro_code failed(vitro_error *err, const char *what)
{
    return vitro_fault(err, VITRO_INVALID_ARGUMENT, "credentials", what);
}

static OSSL_LIB_CTX *lib_of(const struct tls_context *c)
{
    return c->seeded ? vitro_seeded_lib(c->seeded) : NULL;
}

/* ---- what the material gives ---------------------------------------------------------------- */

static vitro_code use_authorities(struct tls_context *c, vitro_error *err)
{
    const struct tls_material *m = c->material;
    X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
    STACK_OF(X509) * all;
    vitro_code rc;

    if (!pem_given(&m->ca))
        return m->server || m->insecure || SSL_CTX_set_default_verify_paths(c->ssl)
                   ? VITRO_OK
                   : failed(err, "the system's authorities");
    rc = vitro_pem_certificates(&m->ca, lib_of(c), &all, err);
    if (rc)
        return rc;
    for (int i = 0; i < sk_X509_num(all) && !rc; i++) {
        X509 *x = sk_X509_value(all, i);
        if (!X509_STORE_add_cert(store, x) || (m->server && !SSL_CTX_add_client_CA(c->ssl, x)))
            rc = failed(err, m->ca.name);
    }
    sk_X509_pop_free(all, X509_free);
    return rc;
}

/* Each certificate of a chain is looked for, in the list of the authority that has signed it. */
static vitro_code use_revoked(struct tls_context *c, vitro_error *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);

    if (!pem_given(&c->material->crl))
        return VITRO_OK;
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return vitro_pem_revoked(&c->material->crl, lib_of(c), store, err);
}

/* ---- what is shown -------------------------------------------------------------------------- */

static bool show(SSL *ssl, const struct tls_shown *s, bool anyway)
{
    return SSL_use_cert_and_key(ssl, s->certificate, s->key, s->chain, anyway) == 1;
}

/*
 * For the name that the client asks for (RFC 6066, 3). Where several are, with keys of different
 * kinds, the client's signature algorithms decide; of one kind the first is shown.
 */
static int choose_certificate(SSL *ssl, void *context)
{
    const struct tls_context *c = context;
    struct tls_layer *l = SSL_get_app_data(ssl);
    vitro_str name = vitro_str_of(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    bool any = false;

    SSL_certs_clear(ssl);
    for (size_t i = 0; i < c->material->pairs && name.len; i++) {
        if (vitro_certificate_is_for(c->shown[i].certificate, name))
            any |= show(ssl, &c->shown[i], false);
    }
    l->no_memory |= vitro_fault_take().no_memory; /* else: a second one of a kind is refused */
    return !l->no_memory && (any || show(ssl, c->shown, true));
}

static void shown_done(struct tls_shown *s)
{
    X509_free(s->certificate);
    sk_X509_pop_free(s->chain, X509_free);
    EVP_PKEY_free(s->key);
}

static vitro_code read_shown(struct tls_context *c, const struct tls_pair *from,
                             struct tls_shown *to, vitro_error *err)
{
    vitro_code rc = vitro_pem_certificates(&from->certificate, lib_of(c), &to->chain, err);

    if (rc)
        return rc;
    to->certificate = sk_X509_shift(to->chain);
    if (!sk_X509_num(to->chain)) {
        sk_X509_free(to->chain);
        to->chain = NULL; /* libssl looks for them among the authorities */
    }
    return vitro_pem_key(&from->key, lib_of(c), &to->key, err);
}

/* What fits together, and is strong enough. */
static vitro_code use_shown(struct tls_context *c, const struct tls_pair *from,
                            const struct tls_shown *s, vitro_error *err)
{
    struct fault f;

    if (!X509_check_private_key(s->certificate, s->key)) {
        f = vitro_fault_take();
        return f.no_memory || !f.first
                   ? vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory")
                   : vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                                "%s: not the key of the certificate", from->key.name);
    }
    return SSL_CTX_use_cert_and_key(c->ssl, s->certificate, s->key, s->chain, 1)
               ? VITRO_OK
               : failed(err, from->certificate.name);
}

static vitro_code use_pair(struct tls_context *c, size_t at, vitro_error *err)
{
    const struct tls_pair *from = &c->material->pair[at];
    struct tls_shown s = { NULL, NULL, NULL };
    vitro_code rc = read_shown(c, from, &s, err);

    if (!rc)
        rc = use_shown(c, from, &s, err);
    if (c->shown)
        c->shown[at] = s;
    else
        shown_done(&s);
    return rc;
}

/* Those of an only pair are libssl's; of several it is told at each connection. */
static vitro_code use_pairs(struct tls_context *c, vitro_error *err)
{
    size_t n = c->material->pairs;
    vitro_code rc = VITRO_OK;

    if (n > 1) {
        c->shown = vitro_mem_zalloc(NULL, n * sizeof *c->shown);
        if (!c->shown)
            return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
        SSL_CTX_set_cert_cb(c->ssl, choose_certificate, c);
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = use_pair(c, i, err);
    return rc;
}

/* ---- the rules ------------------------------------------------------------------------------ */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *user)
{
    (void)ssl;
    (void)user;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in[at] == 2 && at + 2 < in_len && in[at + 1] == 'h' && in[at + 2] == '2') {
            *out = in + at + 1;
            *out_len = 2;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Who offers no protocol at all is asked by no callback of ALPN. */
static int check_hello(SSL *ssl, int *alert, void *user)
{
    const unsigned char *offer;
    size_t len;

    (void)user;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &offer,
                                  &len))
        return SSL_CLIENT_HELLO_SUCCESS;
    vitro_tls_no_alpn(ssl);
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static void set_server(struct tls_context *c)
{
    static const int verify[] = {
        [VITRO_CLIENT_CHECK_NONE] = SSL_VERIFY_NONE,
        [VITRO_CLIENT_CHECK_REQUEST] = SSL_VERIFY_PEER,
        [VITRO_CLIENT_CHECK_REQUIRE] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };

    SSL_CTX_set_verify(c->ssl, verify[c->material->check], NULL);
    if (!c->material->no_alpn) {
        SSL_CTX_set_alpn_select_cb(c->ssl, choose_alpn, NULL);
        SSL_CTX_set_client_hello_cb(c->ssl, check_hello, NULL);
    }
    SSL_CTX_set_session_id_context(c->ssl, alpn_h2, sizeof alpn_h2);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF); /* the tickets hold it all */
    SSL_CTX_set_num_tickets(c->ssl, 1);
    SSL_CTX_set_options(c->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_ticket_cb(c->ssl, vitro_tls_ticket_made, NULL, NULL);
}

static bool set_client(struct tls_context *c)
{
    bool any = c->material->insecure && !c->material->verify;

    SSL_CTX_set_verify(c->ssl, any ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ssl, vitro_tls_session_came);
    return c->material->no_alpn || SSL_CTX_set_alpn_protos(c->ssl, alpn_h2, sizeof alpn_h2) == 0;
}

/*
 * A ticket holds the time of its world, and libssl compares it with that of the system: in a
 * simulated world it never grows old.
 */
static void set_world(struct tls_context *c)
{
    if (c->seeded)
        SSL_CTX_set_timeout(c->ssl, INT32_MAX);
}

static vitro_code set_rules(struct tls_context *c, vitro_error *err)
{
    const struct tls_material *m = c->material;
    int min = m->version_min ? m->version_min : TLS1_2_VERSION;

    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_keylog_callback(c->ssl, vitro_tls_secret);
    set_world(c);
    if (m->verify)
        SSL_CTX_set_cert_verify_callback(c->ssl, vitro_tls_verify, NULL);
    if (min < TLS1_2_VERSION || (m->version_max && m->version_max < min) ||
        !SSL_CTX_set_min_proto_version(c->ssl, min) ||
        !SSL_CTX_set_max_proto_version(c->ssl, m->version_max))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "credentials", 0,
                          "no such version of TLS (0x0303 is 1.2, 0x0304 is 1.3)");
    return SSL_CTX_set_ciphersuites(c->ssl, suites_of_13) &&
                   SSL_CTX_set_cipher_list(c->ssl, ciphers_of_12)
               ? VITRO_OK
               : failed(err, "TLS");
}

/* ---- life ----------------------------------------------------------------------------------- */

static vitro_code build(struct tls_context *c, vitro_error *err)
{
    const struct tls_material *m = c->material;
    vitro_code rc;

    vitro_fault_clear();
    c->ssl = SSL_CTX_new_ex(lib_of(c), NULL, m->server ? TLS_server_method() : TLS_client_method());
    c->bio = vitro_tls_bio();
    if (!c->ssl || !c->bio)
        return vitro_fault(err, VITRO_RESOURCE_EXHAUSTED, "credentials", "TLS");
    rc = set_rules(c, err);
    if (rc)
        return rc;
    if (m->server)
        set_server(c);
    else if (!set_client(c))
        return vitro_fault(err, VITRO_RESOURCE_EXHAUSTED, "credentials", "TLS");
    rc = use_authorities(c, err);
    if (!rc)
        rc = use_revoked(c, err);
    return !rc && pem_given(&m->pair->key) ? use_pairs(c, err) : rc;
}

vitro_code vitro_tls_context_new(struct tls_context **out, struct tls_material *m,
                                 const uint64_t *seed, vitro_error *err)
{
    struct tls_context *c = vitro_mem_zalloc(NULL, sizeof *c);
    vitro_code rc;

    *out = NULL;
    if (!c)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    c->refs = 1;
    c->records_max = RECORDS_MAX;
    c->material = m;
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    if (seed)
        c->seeded = vitro_seeded_new(*seed);
    if (seed && !c->seeded)
        rc = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "credentials", 0, "out of memory");
    else
        rc = build(c, err);
    if (rc)
        vitro_tls_context_unref(c);
    else
        *out = c;
    return rc;
}

struct tls_context *vitro_tls_context_ref(struct tls_context *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void vitro_tls_context_unref(struct tls_context *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; c->shown && i < c->material->pairs; i++)
        shown_done(&c->shown[i]);
    if (c->shown)
        vitro_mem_free(NULL, c->shown, c->material->pairs * sizeof *c->shown);
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    vitro_seeded_free(c->seeded);
    vitro_tls_material_unref(c->material);
    vitro_mem_free(NULL, c, sizeof *c);
}
