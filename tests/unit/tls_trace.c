#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/credentials.h"
#include "support/decoded.h"
#include "support/pair.h"

/* Secrets stand in a trace before the first packet that needs them. */

static char path[64];

static void make_file(void)
{
    int fd;

    snprintf(path, sizeof path, "/tmp/vitro-test-XXXXXX");
    fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void remove_file(void)
{
    unlink(path);
}

TestSuite(tls_trace, .init = make_file, .fini = remove_file, .timeout = 60);

enum { SECRETS = 10, PACKET = 6 };

static uint8_t file[1 << 20];
static size_t file_len;

static uint32_t u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool holds(const uint8_t *p, size_t n, const char *what, size_t len)
{
    for (size_t i = 0; i + len <= n; i++)
        if (memcmp(p + i, what, len) == 0)
            return true;
    return false;
}

/* Offset of the first block of a type that holds these bytes; SIZE_MAX: there is none. */
static size_t find(uint32_t type, const char *what, size_t len)
{
    for (size_t at = 0; at + 12 <= file_len; at += u32(file + at + 4))
        if (u32(file + at) == type && holds(file + at, u32(file + at + 4), what, len))
            return at;
    return SIZE_MAX;
}

static size_t secret(const char *label)
{
    return find(SECRETS, label, strlen(label));
}

static size_t packet(const char *bytes, size_t len)
{
    return find(PACKET, bytes, len);
}

/* One call, in a trace. */
static void run(bool sockets, uint16_t version, bool no_secrets)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca", .version_max = version);
    vitro_trace_options o = VITRO_TRACE_OPTIONS_INIT;
    char sink[80];
    struct pair p;
    FILE *f;

    o.no_secrets = no_secrets;
    snprintf(sink, sizeof sink, "file:%s", path);
    pair_init(&p);
    p.sockets = sockets;
    p.sim_options.latency_ns = 1000000;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    cr_assert_eq(vitro_trace_open(&p.channel_options.trace, sink, &o, NULL), VITRO_OK);
    p.server_options.trace = p.channel_options.trace;
    pair_start(&p);
    cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("hello"), NULL, NULL, NULL),
                 VITRO_OK);
    vitro_channel_free(p.channel);
    p.channel = NULL;
    if (!sockets)
        pair_run(&p); /* the server learns of it before it ends itself */
    pair_stop(&p);
    vitro_trace_unref(p.channel_options.trace);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    f = fopen(path, "r");
    cr_assert(f);
    file_len = fread(file, 1, sizeof file, f);
    fclose(f);
    cr_assert(file_len > 2000 && file_len < sizeof file);
}

Test(tls_trace, secrets_of_1_3_come_before_the_hello_of_the_server)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        run(sockets, 0, false);
        size_t hello = packet("\x16\x03\x03\x00\x7a\x02", 6);
        cr_assert_neq(hello, SIZE_MAX);
        cr_assert_lt(secret("SERVER_HANDSHAKE_TRAFFIC_SECRET "), hello);
        cr_assert_lt(secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET "), hello);
        cr_assert_lt(secret("SERVER_TRAFFIC_SECRET_0 "), hello);
        /* urgent pointer, then the client's ChangeCipherSpec: the first of its payload */
        size_t finished = packet("\x00\x00\x14\x03\x03\x00\x01\x01\x17", 9);
        cr_assert_neq(finished, SIZE_MAX);
        cr_assert_lt(secret("CLIENT_TRAFFIC_SECRET_0 "), finished);
        cr_assert_eq(packet("hello", 5), SIZE_MAX, "what TLS protects is in no packet");
    }
}

Test(tls_trace, the_secret_of_1_2_comes_before_the_ciphers_change)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        run(sockets, TLS1_2_VERSION, false);
        size_t change = packet("\x14\x03\x03\x00\x01\x01", 6);
        cr_assert_neq(change, SIZE_MAX);
        cr_assert_lt(secret("CLIENT_RANDOM "), change);
    }
}

Test(tls_trace, a_trace_without_secrets_holds_none)
{
    for (int i = 0; i < 4; i++) {
        run(i & 1, i & 2 ? TLS1_2_VERSION : 0, true);
        cr_assert_eq(secret(""), SIZE_MAX);
        cr_assert(!holds(file, file_len, "_SECRET", 7) && !holds(file, file_len, "CLIENT_RAN", 10));
    }
}

Test(tls_trace, r18_the_authority_is_the_name_that_is_asked_for)
{
    run(false, 0, false);
    cr_assert_neq(packet("\x00\x00\x0avitro.test", 13), SIZE_MAX, "server_name, RFC 6066, 3");
}

/* Nobody reads the server's close_notify any more. */
Test(tls_trace, a_client_that_closes_is_no_failure_of_its_connection_at_the_server)
{
    for (int i = 0; i < 4; i++) {
        run(i & 1, i & 2 ? TLS1_2_VERSION : 0, false);
        cr_assert(holds(file, file_len, "VITRO_KIND=disconnected", 23));
        cr_assert(!holds(file, file_len, "Broken pipe", 11));
    }
}

/* ---- sinks that come while the connection is open ------------------------------------------- */

static size_t count(const vitro_decode *d, uint8_t kind)
{
    vitro_event ev;
    size_t n = 0;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++)
        n += ev.kind == kind;
    return n;
}

/* Three calls: a sink that comes behind the first is told of two. */
static void three_calls(bool sockets, const char *at)
{
    vitro_credentials *server = SERVER_CREDENTIALS(.own = "server"),
                      *client = CLIENT_CREDENTIALS(.ca = "ca");
    struct decoded_bytes bytes;
    vitro_decode *d;
    vitro_code code;
    char sink[100];
    struct pair p;
    FILE *f;

    snprintf(sink, sizeof sink, "file:%s", path);
    pair_init(&p);
    p.sockets = sockets;
    p.server_credentials = server;
    p.channel_options.credentials = client;
    p.channel_options.authority = "vitro.test";
    cr_assert_eq(vitro_trace_open(&p.channel_options.trace, sink, NULL, NULL), VITRO_OK);
    p.server_options.trace = p.channel_options.trace;
    pair_start(&p);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(
            vitro_unary(p.channel, &echo_unary, bytes_of(i ? "second" : "first"), NULL, NULL, NULL),
            VITRO_OK);
        snprintf(sink, sizeof sink, "file:%s", at);
        if (i == 0)
            cr_assert_eq(vitro_trace_add(p.channel_options.trace, sink, NULL, NULL), VITRO_OK);
    }
    pair_stop(&p);
    vitro_trace_unref(p.channel_options.trace);
    vitro_credentials_unref(server);
    vitro_credentials_unref(client);
    f = fopen(at, "r");
    cr_assert(f);
    file_len = fread(file, 1, sizeof file, f);
    fclose(f);
    bytes = (struct decoded_bytes){ file, file_len, file_len, NULL };
    d = decoded_of(&bytes, true, &code);
    cr_assert_eq(code, VITRO_OK);
    cr_assert_eq(count(d, VITRO_EVENT_GRPC), 4);
    cr_assert_eq(count(d, VITRO_EVENT_UNKNOWN), 0);
    vitro_decode_free(d);
}

Test(tls_trace, a_sink_that_comes_later_is_shown_what_lies_above_tls)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        char at[80];
        snprintf(at, sizeof at, "%s.late", path);
        three_calls(sockets, at);
        unlink(at);
        cr_assert_neq(packet("second", 6), SIZE_MAX);
        cr_assert_eq(packet("first", 5), SIZE_MAX);
        cr_assert_eq(packet("\x17\x03\x03", 3), SIZE_MAX, "no record is in it");
        cr_assert_neq(packet("\x83\x87\x04", 3), SIZE_MAX, ":method POST, :scheme https, :path");
    }
}
