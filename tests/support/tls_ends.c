#include "support/tls_ends.h"

#include <criterion/criterion.h>
#include <openssl/x509.h>
#include <string.h>

struct ends ends;

static void take_line(const SSL *ssl, const char *line)
{
    (void)ssl;
    cr_assert(vitro_secrets_add(&ends.seen.secrets, vitro_str_of(line)));
    seen_add(&ends.log, (const uint8_t *)line, strlen(line));
    seen_add(&ends.log, (const uint8_t *)"\n", 1);
}

/* A key of each kind is made once. */
static EVP_PKEY *key_of(bool rsa)
{
    static EVP_PKEY *keys[2];

    if (!keys[rsa])
        keys[rsa] = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    cr_assert(keys[rsa]);
    return keys[rsa];
}

/* With RSA where the suite is signed with it. */
static void certify(SSL_CTX *context, bool rsa)
{
    EVP_PKEY *key = key_of(rsa);
    X509 *x = X509_new();

    cr_assert(x);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
    cr_assert_eq(SSL_CTX_use_certificate(context, x), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(x);
}

void ends_begin(const struct suite *suite)
{
    const char *old = OPENSSL_cipher_name(suite->name);

    seen_begin(&ends.seen);
    vitro_buf_init(&ends.log, NULL, SIZE_MAX);
    for (int i = 0; i < 2; i++) {
        SSL_CTX *c = SSL_CTX_new(i ? TLS_server_method() : TLS_client_method());
        cr_assert(c);
        ends.context[i] = c;
        SSL_CTX_set_min_proto_version(c, suite->version);
        SSL_CTX_set_max_proto_version(c, suite->version);
        cr_assert_eq(suite->version == 0x0304 ? SSL_CTX_set_ciphersuites(c, suite->name)
                                              : SSL_CTX_set_cipher_list(c, old),
                     1, "%s", suite->name);
        SSL_CTX_set_dh_auto(c, 1);
        vitro_buf_init(&ends.said[i], NULL, SIZE_MAX);
    }
    certify(ends.context[1], strstr(suite->name, "RSA_WITH") != NULL);
    SSL_CTX_set_keylog_callback(ends.context[0], take_line);
}

void ends_connect(void)
{
    for (int i = 0; i < 2; i++) {
        ends.ssl[i] = SSL_new(ends.context[i]);
        cr_assert(ends.ssl[i]);
        SSL_set_bio(ends.ssl[i], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    SSL_set_connect_state(ends.ssl[0]);
    SSL_set_accept_state(ends.ssl[1]);
}

void ends_end(void)
{
    for (int i = 0; i < 2; i++) {
        SSL_free(ends.ssl[i]);
        SSL_CTX_free(ends.context[i]);
        vitro_buf_done(&ends.said[i]);
    }
    vitro_buf_done(&ends.log);
    ends.carried = NULL;
    seen_end(&ends.seen);
}

void ends_resume(void)
{
    SSL_SESSION *session = SSL_get1_session(ends.ssl[0]);

    for (int i = 0; i < 2; i++) {
        SSL_shutdown(ends.ssl[i]);
        SSL_free(ends.ssl[i]);
        vitro_buf_consume(&ends.seen.wire[i], ends.seen.wire[i].len);
        vitro_buf_consume(&ends.said[i], ends.said[i].len);
    }
    ends_connect();
    cr_assert_eq(SSL_set_session(ends.ssl[0], session), 1);
    SSL_SESSION_free(session);
}

void ends_early(const void *p, size_t len, bool taken)
{
    size_t n;

    cr_assert_eq(SSL_write_early_data(ends.ssl[0], p, len, &n), 1);
    cr_assert_eq(n, len);
    ends.takes_early = taken;
}

/* False: the end reads as ever. */
static bool read_early(int end)
{
    static uint8_t bytes[1 << 15];
    size_t n;

    if (!end || !ends.takes_early)
        return false;
    ends.takes_early =
        SSL_read_early_data(ends.ssl[1], bytes, sizeof bytes, &n) != SSL_READ_EARLY_DATA_FINISH;
    return ends.takes_early;
}

void ends_pump(void)
{
    static uint8_t bytes[1 << 17];
    bool more = true;

    while (more) {
        more = false;
        for (int i = 0; i < 2; i++) {
            if (!read_early(i)) {
                SSL_do_handshake(ends.ssl[i]);
                SSL_read(ends.ssl[i], bytes, sizeof bytes);
            }
            int n = BIO_read(SSL_get_wbio(ends.ssl[i]), bytes, sizeof bytes);
            if (n <= 0)
                continue;
            more = true;
            seen_add(&ends.seen.wire[i], bytes, (size_t)n);
            if (ends.carried)
                conversation_say(ends.carried, i, bytes, (size_t)n);
            cr_assert_eq(BIO_write(SSL_get_rbio(ends.ssl[!i]), bytes, n), n);
        }
    }
    cr_assert(SSL_is_init_finished(ends.ssl[0]) && SSL_is_init_finished(ends.ssl[1]));
}

void ends_write(int end, const void *p, size_t len)
{
    cr_assert_eq(SSL_write(ends.ssl[end], p, (int)len), (int)len);
    seen_add(&ends.said[end], p, len);
    ends_pump();
}

void ends_say(int end, size_t len)
{
    static uint8_t bytes[50000];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8) + ends.said[end].len);
    ends_write(end, bytes, len);
}

void ends_talk(void)
{
    ends_pump();
    ends_say(0, 1);
    ends_say(1, 50000);
    ends_say(0, 300);
}

void ends_all_was_read(void)
{
    seen_follow(&ends.seen, FOLLOW_OPENED);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ends.seen.data[i].len, ends.said[i].len);
        cr_assert_eq(memcmp(ends.seen.data[i].ptr, ends.said[i].ptr, ends.said[i].len), 0);
    }
}
