#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "crypto/follow.h"
#include "support/credentials.h"
#include "support/decoded.h"
#include "support/pair.h"

/* Who has the secrets reads along what two ends of TLS have said: libssl's, and our own. */

TestSuite(tls_opened, .timeout = 120);

/* ---- reading along -------------------------------------------------------------------------- */

/* What is seen of a connection: both directions, client's first. */
struct seen {
    struct secrets secrets;
    struct buf wire[2];
    struct buf data[2]; /* application data, opened */
    int early;          /* records of 0-RTT data */
    int updates[2];     /* of keys */
    struct follow follow;
};

static void seen_begin(struct seen *s)
{
    memset(s, 0, sizeof *s);
    vitro_secrets_init(&s->secrets, NULL);
    for (int i = 0; i < 2; i++) {
        vitro_buf_init(&s->wire[i], NULL, SIZE_MAX);
        vitro_buf_init(&s->data[i], NULL, SIZE_MAX);
    }
}

static void seen_end(struct seen *s)
{
    vitro_secrets_done(&s->secrets);
    for (int i = 0; i < 2; i++) {
        vitro_buf_done(&s->wire[i]);
        vitro_buf_done(&s->data[i]);
    }
}

static void add(struct buf *b, const uint8_t *bytes, size_t len)
{
    cr_assert(vitro_buf_append(b, bytes, len));
}

/* A record, which may be opened again by what was learnt of it. */
static enum follow_result follow_one(struct seen *s, unsigned side, vitro_bytes record)
{
    static uint8_t out[1 << 16], again[1 << 16];
    struct record_plain plain;
    struct follow_record r;
    enum follow_result rc = vitro_follow_record(&s->follow, side, record, out, &r);

    if (rc != FOLLOW_OPENED)
        return rc;
    cr_assert_eq(vitro_record_open(&r.keys, r.seq + 1, record, again, &plain), RECORD_SEALED);
    cr_assert_eq(vitro_record_open(&r.keys, r.seq, record, again, &plain), RECORD_OPENED);
    cr_assert(plain.len == r.plain.len && plain.type == r.plain.type);
    cr_assert_eq(memcmp(again, out, plain.len), 0);
    if (plain.type == RECORD_APPLICATION_DATA)
        add(&s->data[side], out, plain.len);
    s->updates[side] += plain.type == RECORD_HANDSHAKE && plain.len == 5 && out[0] == 24;
    return rc;
}

/* The record at `from`. */
static vitro_bytes record_at(const struct buf *wire, size_t from)
{
    const uint8_t *p = wire->ptr + from;
    vitro_bytes record = { p, RECORD_HEAD_LEN + ((size_t)p[3] << 8 | p[4]) };

    cr_assert_leq(from + record.len, wire->len);
    return record;
}

/* The records of a side from *from on; only: those of a handshake before any other. */
static void follow_side(struct seen *s, unsigned side, size_t *from, bool only,
                        enum follow_result sealed)
{
    while (*from < s->wire[side].len) {
        vitro_bytes record = record_at(&s->wire[side], *from);
        if (only && record.ptr[0] != RECORD_HANDSHAKE)
            return;
        enum follow_result rc = follow_one(s, side, record);
        *from += record.len;
        s->early += rc == FOLLOW_EARLY;
        cr_assert(rc == FOLLOW_PLAIN || rc == FOLLOW_EARLY || rc == sealed, "%d: side %u at %zu",
                  rc, side, *from);
    }
}

/* What comes of the records that are sealed: `sealed`. */
static void read_along(struct seen *s, enum follow_result sealed)
{
    size_t from[2] = { 0, 0 };

    vitro_follow_init(&s->follow, &s->secrets);
    follow_side(s, 0, &from[0], true, sealed);
    follow_side(s, 1, &from[1], false, sealed);
    follow_side(s, 0, &from[0], false, sealed);
}

/* Where a hello has its random. */
enum { HELLO_RANDOM = RECORD_HEAD_LEN + 4 + 2 };

/* ---- libssl's two ends ----------------------------------------------------------------------- */

struct ends {
    struct seen seen;
    SSL_CTX *context[2];
    SSL *ssl[2]; /* the client's first */
    struct buf said[2];
};

static struct ends ends;

static void take_line(const SSL *ssl, const char *line)
{
    (void)ssl;
    cr_assert(vitro_secrets_add(&ends.seen.secrets, vitro_str_of(line)));
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

static void ends_begin(const struct suite *suite)
{
    const char *old = OPENSSL_cipher_name(suite->name);

    seen_begin(&ends.seen);
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

static void ends_connect(void)
{
    for (int i = 0; i < 2; i++) {
        ends.ssl[i] = SSL_new(ends.context[i]);
        cr_assert(ends.ssl[i]);
        SSL_set_bio(ends.ssl[i], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    SSL_set_connect_state(ends.ssl[0]);
    SSL_set_accept_state(ends.ssl[1]);
}

static void ends_end(void)
{
    for (int i = 0; i < 2; i++) {
        SSL_free(ends.ssl[i]);
        SSL_CTX_free(ends.context[i]);
        vitro_buf_done(&ends.said[i]);
    }
    seen_end(&ends.seen);
}

/* Carry what each has to say until both have no more. */
static void pump(void)
{
    static uint8_t bytes[1 << 17];
    bool more = true;

    while (more) {
        more = false;
        for (int i = 0; i < 2; i++) {
            SSL_do_handshake(ends.ssl[i]);
            SSL_read(ends.ssl[i], bytes, sizeof bytes);
            int n = BIO_read(SSL_get_wbio(ends.ssl[i]), bytes, sizeof bytes);
            if (n <= 0)
                continue;
            more = true;
            add(&ends.seen.wire[i], bytes, (size_t)n);
            cr_assert_eq(BIO_write(SSL_get_rbio(ends.ssl[!i]), bytes, n), n);
        }
    }
    cr_assert(SSL_is_init_finished(ends.ssl[0]) && SSL_is_init_finished(ends.ssl[1]));
}

static void say(int end, size_t len)
{
    static uint8_t bytes[50000];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8) + ends.said[end].len);
    cr_assert_eq(SSL_write(ends.ssl[end], bytes, (int)len), (int)len);
    add(&ends.said[end], bytes, len);
    pump();
}

static void talk(void)
{
    pump();
    say(0, 1);
    say(1, 50000);
    say(0, 300);
}

static void all_was_read(void)
{
    read_along(&ends.seen, FOLLOW_OPENED);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ends.seen.data[i].len, ends.said[i].len);
        cr_assert_eq(memcmp(ends.seen.data[i].ptr, ends.said[i].ptr, ends.said[i].len), 0);
    }
}

static int let_in(int sound, X509_STORE_CTX *chain)
{
    (void)sound;
    (void)chain;
    return 1;
}

static const uint16_t suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
};

Test(tls_opened, of_each_suite_every_record_opens)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        talk();
        all_was_read();
        ends_end();
    }
}

Test(tls_opened, keys_that_are_updated_again_and_again_are_followed)
{
    for (size_t i = 0; i < 3; i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        talk();
        for (int n = 0; n < 5; n++) {
            cr_assert_eq(SSL_key_update(ends.ssl[n % 2], n ? SSL_KEY_UPDATE_REQUESTED
                                                           : SSL_KEY_UPDATE_NOT_REQUESTED),
                         1);
            say(n % 2, 100);
            say(!(n % 2), 20000);
        }
        all_was_read();
        cr_assert_eq(ends.seen.updates[0], 5);
        cr_assert_eq(ends.seen.updates[1], 4);
        ends_end();
    }
}

Test(tls_opened, a_second_hello_of_the_client_changes_no_secret)
{
    ends_begin(vitro_suite_find(0x1301));
    SSL_CTX_set1_groups_list(ends.context[0], "X25519:P-256");
    SSL_CTX_set1_groups_list(ends.context[1], "P-256");
    ends_connect();
    talk();
    cr_assert_eq(memcmp(ends.seen.wire[1].ptr + HELLO_RANDOM, "\xcf\x21\xad\x74", 4), 0,
                 "a HelloRetryRequest has this random (RFC 8446, 4.1.3)");
    all_was_read();
    ends_end();
}

Test(tls_opened, padding_is_no_data)
{
    ends_begin(vitro_suite_find(0x1302));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(SSL_CTX_set_block_padding(ends.context[i], 512), 1);
    ends_connect();
    talk();
    all_was_read();
    ends_end();
}

Test(tls_opened, messages_that_are_split_over_records_are_put_together)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        for (int k = 0; k < 2; k++)
            cr_assert_eq(SSL_CTX_set_max_send_fragment(ends.context[k], 512), 1);
        SSL_CTX_set_verify(ends.context[1], SSL_VERIFY_PEER, let_in);
        SSL_CTX_use_certificate(ends.context[0], SSL_CTX_get0_certificate(ends.context[1]));
        SSL_CTX_use_PrivateKey(ends.context[0], SSL_CTX_get0_privatekey(ends.context[1]));
        ends_connect();
        talk();
        all_was_read();
        ends_end();
    }
}

/* A second connection of the same ends. */
static void connect_again(void)
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

Test(tls_opened, a_session_that_is_resumed_opens_by_its_own_secrets)
{
    for (int old = 0; old < 2; old++) {
        ends_begin(vitro_suite_find(old ? 0xc02b : 0x1301));
        ends_connect();
        talk();
        connect_again();
        talk();
        cr_assert(SSL_session_reused(ends.ssl[0]));
        all_was_read();
        ends_end();
    }
}

Test(tls_opened, early_data_is_told_and_what_follows_opens)
{
    size_t n;

    ends_begin(vitro_suite_find(0x1301));
    SSL_CTX_set_max_early_data(ends.context[1], 16384);
    ends_connect();
    talk();
    connect_again();
    cr_assert_eq(SSL_write_early_data(ends.ssl[0], "early", 5, &n), 1);
    talk(); /* the server passes over what it does not ask for */
    all_was_read();
    cr_assert_eq(ends.seen.early, 1);
    ends_end();
}

/* ---- what does not open ---------------------------------------------------------------------- */

Test(tls_opened, without_a_secret_it_is_said_that_there_is_none)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        ends_begin(vitro_suite_find(suites[i]));
        ends_connect();
        talk();
        vitro_secrets_done(&ends.seen.secrets);
        read_along(&ends.seen, FOLLOW_NO_SECRET);
        cr_assert_eq(ends.seen.data[0].len + ends.seen.data[1].len, 0);
        ends_end();
    }
}

Test(tls_opened, a_suite_that_is_not_opened_is_said_to_be_none)
{
    static const struct suite cbc = { .version = 0x0303,
                                      .name = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" };

    ends_begin(&cbc);
    ends_connect();
    talk();
    read_along(&ends.seen, FOLLOW_NO_SUITE);
    ends_end();
}

Test(tls_opened, behind_a_second_handshake_of_1_2_nothing_opens)
{
    size_t from[2];

    ends_begin(vitro_suite_find(0xc02b));
    ends_connect();
    talk();
    all_was_read();
    for (int i = 0; i < 2; i++)
        from[i] = ends.seen.wire[i].len;
    cr_assert_eq(SSL_renegotiate(ends.ssl[1]), 1);
    pump();
    say(0, 100);
    for (unsigned side = 0; side < 2; side++) {
        enum follow_result last = FOLLOW_PLAIN;
        while (from[side] < ends.seen.wire[side].len) {
            vitro_bytes record = record_at(&ends.seen.wire[side], from[side]);
            enum follow_result rc = follow_one(&ends.seen, side, record);
            cr_assert(rc == FOLLOW_AGAIN || (rc == FOLLOW_OPENED && last != FOLLOW_AGAIN));
            from[side] += record.len;
            last = rc;
        }
        cr_assert_eq(last, FOLLOW_AGAIN);
    }
    ends_end();
}

Test(tls_opened, without_the_hellos_no_keys_are_known)
{
    size_t from = 0;

    ends_begin(vitro_suite_find(0x1301));
    ends_connect();
    talk();
    vitro_follow_init(&ends.seen.follow, &ends.seen.secrets);
    follow_side(&ends.seen, 1, &from, false, FOLLOW_NO_HELLO);
    cr_assert_eq(ends.seen.data[1].len, 0);
    ends_end();
}

Test(tls_opened, a_record_with_a_hole_counts_and_those_behind_it_open)
{
    for (int old = 0; old < 2; old++) {
        size_t from = 0, n = 0, before;
        ends_begin(vitro_suite_find(old ? 0xc02b : 0x1301));
        ends_connect();
        talk();
        read_along(&ends.seen, FOLLOW_OPENED);
        for (int i = 0; i < 4; i++) {
            before = ends.seen.wire[1].len;
            say(1, 100);
            from = before;
            if (i == 1)
                vitro_follow_hole(&ends.seen.follow, 1);
            else
                follow_side(&ends.seen, 1, &from, false, FOLLOW_OPENED);
            n += i != 1;
        }
        cr_assert_eq(ends.seen.data[1].len, 50000 + 100 * n);
        ends_end();
    }
}

Test(tls_opened, bytes_of_any_kind_do_no_harm)
{
    static const uint16_t some[] = { 0x1301, 0xcca9 };
    struct chance chance;

    vitro_chance_seed(&chance, 3);
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        ends_begin(vitro_suite_find(some[i]));
        ends_connect();
        talk();
        for (int round = 0; round < 300; round++) {
            static uint8_t copy[1 << 16], out[1 << 16];
            struct follow f;
            vitro_follow_init(&f, &ends.seen.secrets);
            for (int side = 0; side < 2; side++)
                for (size_t at = 0, n = 0; at < ends.seen.wire[side].len && n < 12; n++) {
                    vitro_bytes record = record_at(&ends.seen.wire[side], at);
                    struct follow_record r;
                    at += record.len;
                    memcpy(copy, record.ptr, record.len);
                    if (vitro_chance_next(&chance) % 3 == 0)
                        copy[vitro_chance_next(&chance) % record.len] =
                            (uint8_t)vitro_chance_next(&chance);
                    if (vitro_chance_next(&chance) % 9 == 0)
                        record.len = vitro_chance_next(&chance) % record.len;
                    vitro_follow_record(&f, (unsigned)side, (vitro_bytes){ copy, record.len }, out,
                                        &r);
                }
        }
        ends_end();
    }
}

/* ---- our own layer --------------------------------------------------------------------------- */

static uint32_t u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The capture's blocks of secrets: type, length, secrets' type, their length, the lines. */
static void take_secrets(struct seen *s, const uint8_t *file, size_t len)
{
    for (size_t at = 0; at + 20 <= len; at += u32(file + at + 4))
        if (u32(file + at) == 10)
            cr_assert(vitro_secrets_add(
                &s->secrets, (vitro_str){ (const char *)file + at + 16, u32(file + at + 12) }));
}

static void take_wire(struct seen *s, const uint8_t *file, size_t len)
{
    struct decoded_bytes bytes = { file, len, len, NULL };
    vitro_code code;
    vitro_decode *d = decoded_of(&bytes, true, &code);

    cr_assert_eq(code, VITRO_OK);
    for (uint8_t dir = 0; dir < 2; dir++) {
        vitro_span span = { 0, 1 << 20, 0, 0, 0, VITRO_SOURCE_DIRECTION, dir, 0 };
        uint8_t *out = vitro_buf_reserve(&s->wire[dir], 1 << 20);
        size_t missing, n;
        cr_assert(out);
        n = vitro_decode_bytes(d, &span, 0, out, 1 << 20, &missing);
        s->wire[dir].len = n - missing;
    }
    vitro_decode_free(d);
}

/* One call, and what a trace of it has. */
static void trace_call(struct seen *s, bool sockets, uint16_t version)
{
    static uint8_t file[1 << 20];
    char path[] = "/tmp/vitro-test-XXXXXX", sink[80];
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca", .version_max = version);
    struct pair p;
    FILE *f;

    close(mkstemp(path));
    snprintf(sink, sizeof sink, "file:%s", path);
    pair_init(&p);
    p.sockets = sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    cr_assert_eq(vitro_trace_open(&p.channel_options.trace, sink, NULL, NULL), VITRO_OK);
    p.server_options.trace = p.channel_options.trace;
    pair_start(&p);
    cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("hello"), NULL, NULL, NULL),
                 VITRO_OK);
    pair_stop(&p);
    vitro_trace_unref(p.channel_options.trace);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    f = fopen(path, "r");
    cr_assert(f);
    size_t len = fread(file, 1, sizeof file, f);
    fclose(f);
    unlink(path);
    take_secrets(s, file, len);
    take_wire(s, file, len);
}

static bool holds(const struct buf *b, const char *what)
{
    for (size_t i = 0; i + strlen(what) <= b->len; i++)
        if (memcmp(b->ptr + i, what, strlen(what)) == 0)
            return true;
    return false;
}

Test(tls_opened, a_trace_of_ours_opens_with_its_own_secrets)
{
    for (int i = 0; i < 4; i++) {
        struct seen s;
        seen_begin(&s);
        trace_call(&s, i & 1, i & 2 ? TLS1_2_VERSION : 0);
        read_along(&s, FOLLOW_OPENED);
        cr_assert(s.data[0].len > 24 && memcmp(s.data[0].ptr, "PRI * HTTP/2.0\r\n", 16) == 0);
        cr_assert(holds(&s.data[0], "hello") && holds(&s.data[1], "hello"));
        cr_assert(!holds(&s.wire[0], "hello") && !holds(&s.wire[1], "hello"));
        seen_end(&s);
    }
}
