#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/util.h"
#include "crypto/record.h"
#include "support/credentials.h"
#include "support/decoded.h"
#include "support/pair.h"

/* Who has the secrets reads along what two ends of TLS have said: libssl's, and our own. */

TestSuite(tls_opened, .timeout = 120);

/* ---- reading along -------------------------------------------------------------------------- */

enum { HANDSHAKE_FINISHED = 20, HANDSHAKE_KEY_UPDATE = 24 };

/* What is seen of a connection: both directions, client's first. */
struct seen {
    struct secrets secrets;
    struct buf wire[2];
    struct buf data[2]; /* application data, opened */
    int updates[2];     /* of keys */
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

/* One direction on its way. */
struct reading {
    struct seen *seen;
    int dir;
    const uint8_t *client_random, *server_random;
    const struct suite *suite;
    struct secret traffic;
    struct record_keys keys;
    uint64_t seq;
    bool sealed;
};

static struct secret secret_of(const struct reading *r, enum secret_label label)
{
    struct secret s = { 0 };

    cr_assert(vitro_secrets_find(&r->seen->secrets, label, r->client_random, &s), "%d", label);
    return s;
}

static void use_traffic(struct reading *r)
{
    cr_assert(vitro_keys_1_3(&r->keys, r->suite, &r->traffic));
    r->seq = 0;
    r->sealed = true;
}

static void use_master(struct reading *r)
{
    struct secret master = secret_of(r, SECRET_MASTER);
    struct record_keys both[2];

    cr_assert(vitro_keys_1_2(both, r->suite, &master, r->client_random, r->server_random));
    r->keys = both[r->dir];
    r->seq = 0;
    r->sealed = true;
}

/* libssl begins a record with each message that changes keys. */
static void read_handshake(struct reading *r, uint8_t message)
{
    if (r->suite->version != 0x0304)
        return;
    if (message == HANDSHAKE_FINISHED) {
        r->traffic = secret_of(r, r->dir ? SECRET_SERVER_TRAFFIC : SECRET_CLIENT_TRAFFIC);
        use_traffic(r);
    } else if (message == HANDSHAKE_KEY_UPDATE) {
        r->seen->updates[r->dir]++;
        cr_assert(vitro_secret_update(&r->traffic, r->suite));
        use_traffic(r);
    }
}

static void open_record(struct reading *r, vitro_bytes record)
{
    static uint8_t out[1 << 16];
    struct record_plain plain;

    cr_assert_eq(vitro_record_open(&r->keys, r->seq + 1, record, out, &plain), RECORD_SEALED);
    cr_assert_eq(vitro_record_open(&r->keys, r->seq, record, out, &plain), RECORD_OPENED,
                 "%s, direction %d, record %d", r->suite->name, r->dir, (int)r->seq);
    r->seq++;
    if (plain.type == RECORD_APPLICATION_DATA)
        add(&r->seen->data[r->dir], out, plain.len);
    else if (plain.type == RECORD_HANDSHAKE)
        read_handshake(r, out[0]);
}

static void read_record(struct reading *r, vitro_bytes record)
{
    bool new = r->suite->version == 0x0304;

    if (record.ptr[0] == RECORD_CHANGE_CIPHER_SPEC) {
        if (!new)
            use_master(r);
        return;
    }
    if (new && !r->sealed && record.ptr[0] == RECORD_APPLICATION_DATA) {
        r->traffic = secret_of(r, r->dir ? SECRET_SERVER_HANDSHAKE : SECRET_CLIENT_HANDSHAKE);
        use_traffic(r);
    }
    if (r->sealed)
        open_record(r, record);
}

/* A hello: record head, message head, version, random, session, then a server's suite. */
enum { HELLO_RANDOM = RECORD_HEAD_LEN + 4 + 2, HELLO_SESSION = HELLO_RANDOM + RANDOM_LEN };

static void read_along(struct seen *s)
{
    const uint8_t *hello = s->wire[1].ptr;
    size_t at = HELLO_SESSION + 1u + hello[HELLO_SESSION];
    const struct suite *suite = vitro_suite_find((uint16_t)(hello[at] << 8 | hello[at + 1]));

    cr_assert(suite);
    for (int dir = 0; dir < 2; dir++) {
        struct reading r = { .seen = s, .dir = dir, .suite = suite };
        const struct buf *wire = &s->wire[dir];
        r.client_random = s->wire[0].ptr + HELLO_RANDOM;
        r.server_random = hello + HELLO_RANDOM;
        for (size_t from = 0, len; from < wire->len; from += len) {
            const uint8_t *p = wire->ptr + from;
            len = RECORD_HEAD_LEN + ((size_t)p[3] << 8 | p[4]);
            cr_assert_leq(from + len, wire->len);
            read_record(&r, (vitro_bytes){ p, len });
        }
    }
}

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

/* With RSA where the suite is signed with it. */
static void certify(SSL_CTX *context, bool rsa)
{
    EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *x = X509_new();

    cr_assert(key && x);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    cr_assert(X509_sign(x, key, EVP_sha256()) > 0);
    cr_assert_eq(SSL_CTX_use_certificate(context, x), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(x);
    EVP_PKEY_free(key);
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
            SSL_read(ends.ssl[i], bytes, sizeof bytes); /* drives the handshake, too */
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
    read_along(&ends.seen);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ends.seen.data[i].len, ends.said[i].len);
        cr_assert_eq(memcmp(ends.seen.data[i].ptr, ends.said[i].ptr, ends.said[i].len), 0);
    }
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
        read_along(&s);
        cr_assert(s.data[0].len > 24 && memcmp(s.data[0].ptr, "PRI * HTTP/2.0\r\n", 16) == 0);
        cr_assert(holds(&s.data[0], "hello") && holds(&s.data[1], "hello"));
        cr_assert(!holds(&s.wire[0], "hello") && !holds(&s.wire[1], "hello"));
        seen_end(&s);
    }
}
