#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/credentials.h"
#include "support/decoded.h"
#include "support/followed.h"
#include "support/pair.h"

/* What our own layer has sealed opens by the secrets of the trace that it stands in. */

TestSuite(tls_opened_trace, .timeout = 120);

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

Test(tls_opened_trace, a_trace_of_ours_opens_with_its_own_secrets)
{
    for (int i = 0; i < 4; i++) {
        struct seen s;
        seen_begin(&s);
        trace_call(&s, i & 1, i & 2 ? TLS1_2_VERSION : 0);
        seen_follow(&s, FOLLOW_OPENED);
        cr_assert(s.data[0].len > 24 && memcmp(s.data[0].ptr, "PRI * HTTP/2.0\r\n", 16) == 0);
        cr_assert(holds(&s.data[0], "hello") && holds(&s.data[1], "hello"));
        cr_assert(!holds(&s.wire[0], "hello") && !holds(&s.wire[1], "hello"));
        seen_end(&s);
    }
}
