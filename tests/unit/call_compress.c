/* Compression of calls: who compresses what, for whom, and what comes back of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"
#include "support/seed.h"
#include "wire/compress.h"
#include "wire/lpm.h"

#define POST(path)                                                                                 \
    ":method: POST\n:scheme: http\n:path: " path "\n:authority: server\nte: trailers\n"            \
    "content-type: application/grpc\n"
#define UNARY         "/test.Echo/Unary"
#define LISTED        "grpc-accept-encoding=identity,gzip,deflate"
#define REFUSED(code) "HEADERS 1 end :status=200 content-type=application/grpc grpc-status=" code

static uint8_t text[20000]; /* compresses well, and is no two equal bytes in a row */

static vitro_bytes text_of(size_t n)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)("abcd"[i % 4]);
    return (vitro_bytes){ text, n };
}

/* ---- both ends are ours --------------------------------------------------------------------- */

/* What a message was on its way, by who got it. */
struct seen {
    size_t bytes, wire;
    uint32_t flags;
    unsigned messages;
    char encoding[16];
};

static struct seen at_server, at_client;
static const char *reply_encoding; /* of the handler; NULL: it does not ask */
static uint32_t reply_flags;
static vitro_code compress_code;

static void see(struct seen *s, vitro_call *call, const vitro_message *m)
{
    vitro_str name = vitro_call_encoding(call);

    s->bytes = m->bytes.len;
    s->wire = m->wire_size;
    s->flags = m->flags;
    s->messages++;
    snprintf(s->encoding, sizeof s->encoding, "%.*s", (int)name.len, name.ptr);
    if (m->bytes.len)
        cr_expect(memcmp(m->bytes.ptr, text_of(0).ptr, m->bytes.len) == 0, "the bytes are these");
}

static void choose(vitro_call *call, const vitro_md *md, void *user)
{
    if (reply_encoding)
        compress_code = vitro_call_compress(call, reply_encoding, NULL);
}

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    see(&at_server, call, m);
    cr_expect_eq(vitro_call_send(call, m->bytes, reply_flags, NULL, NULL), VITRO_OK);
}

static void finish(vitro_call *call, void *user)
{
    cr_expect_eq(vitro_call_compress(call, "gzip", NULL), VITRO_FAILED_PRECONDITION);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_method say = { "/test.Compress/Say", VITRO_BIDI_STREAMING, NULL };
static const vitro_call_events say_events = {
    .size = sizeof say_events, .on_headers = choose, .on_message = answer, .on_end = finish
};

static void hear(vitro_call *call, const vitro_message *m, void *user)
{
    see(&at_client, call, m);
}

static void heard(vitro_call *call, const vitro_status *status, void *user)
{
    *(vitro_code *)user = status->code;
}

static const vitro_call_events hear_events = { .size = sizeof hear_events,
                                               .on_message = hear,
                                               .on_closed = heard };

static void begin(struct pair *p)
{
    memset(&at_server, 0, sizeof at_server);
    memset(&at_client, 0, sizeof at_client);
    reply_encoding = NULL;
    reply_flags = 0;
    pair_init(p);
}

static void start(struct pair *p)
{
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, &say, NULL, &say_events, NULL, NULL), VITRO_OK);
    pair_start(p);
}

static void release(const void *ptr, size_t len, void *user)
{
    ++*(unsigned *)user;
}

enum way { SEND, RESERVE, ATTACH };

static void send_by(enum way way, vitro_call *call, vitro_bytes msg, uint32_t flags, unsigned *n)
{
    uint8_t *room;

    switch (way) {
    case SEND:
        cr_assert_eq(vitro_call_send(call, msg, flags, NULL, NULL), VITRO_OK);
        break;
    case RESERVE:
        cr_assert_eq(vitro_call_reserve(call, msg.len, &room, NULL), VITRO_OK);
        if (msg.len)
            memcpy(room, msg.ptr, msg.len);
        vitro_call_commit(call, flags, NULL);
        break;
    case ATTACH:
        cr_assert_eq(vitro_call_attach(call, msg, release, n, flags, NULL, NULL), VITRO_OK);
        cr_expect(*n == 0 || msg.len == 0, "never inside the function");
        break;
    }
}

/* One message there and back. */
static vitro_code say_once(struct pair *p, const char *compression, enum way way, vitro_bytes msg,
                           uint32_t flags)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_code code = VITRO_UNKNOWN;
    unsigned released = 0;
    vitro_call *call;

    o.compression = compression;
    cr_assert_eq(vitro_call_start(&call, p->channel, &say, &o, &hear_events, &code, NULL),
                 VITRO_OK);
    send_by(way, call, msg, flags | VITRO_SEND_LAST, &released);
    pair_run(p);
    cr_expect_eq(released, way == ATTACH ? 1 : 0);
    vitro_call_unref(call);
    return code;
}

Test(call_compress, a_request_is_compressed_when_asked_however_it_is_sent)
{
    static const char *const names[] = { "gzip", "deflate" };
    static const size_t sizes[] = { 100, 5000, 20000 };
    struct pair p;

    begin(&p);
    start(&p);
    for (size_t i = 0; i < 2 * 3 * 3; i++) {
        const char *name = names[i % 2];
        size_t n = sizes[i / 2 % 3];

        cr_expect_eq(say_once(&p, name, (enum way)(i / 6), text_of(n), 0), VITRO_OK);
        cr_expect_eq(at_server.bytes, n);
        cr_expect_eq(at_server.flags, VITRO_MESSAGE_COMPRESSED);
        cr_expect(at_server.wire < n / 2, "%zu of %zu on the wire", at_server.wire, n);
        cr_expect_str_eq(at_server.encoding, name);
        cr_expect(at_client.bytes == n && at_client.flags == 0 && at_client.wire == n,
                  "the reply was not asked to be");
    }
    pair_stop(&p);
}

Test(call_compress, a_channel_has_a_compression_for_calls_that_name_none)
{
    struct pair p;

    begin(&p);
    p.channel_options.compression = "deflate";
    start(&p);
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(5000), 0), VITRO_OK);
    cr_expect_str_eq(at_server.encoding, "deflate");
    cr_expect_eq(at_server.flags, VITRO_MESSAGE_COMPRESSED);
    cr_expect_eq(say_once(&p, "gzip", SEND, text_of(5000), 0), VITRO_OK);
    cr_expect_str_eq(at_server.encoding, "gzip");
    cr_expect_eq(say_once(&p, "identity", SEND, text_of(5000), 0), VITRO_OK);
    cr_expect_str_eq(at_server.encoding, "identity");
    cr_expect_eq(at_server.flags, 0);
    pair_stop(&p);
}

Test(call_compress, r31_no_compression_for_one_message_is_obeyed)
{
    struct pair p;

    begin(&p);
    start(&p);
    for (int way = SEND; way <= ATTACH; way++) {
        cr_expect_eq(say_once(&p, "gzip", (enum way)way, text_of(5000), VITRO_SEND_PLAIN),
                     VITRO_OK);
        cr_expect(at_server.bytes == 5000 && at_server.wire == 5000 && at_server.flags == 0);
        cr_expect_str_eq(at_server.encoding, "gzip", "the call has it all the same");
    }
    pair_stop(&p);
}

Test(call_compress, r31_what_would_not_be_shorter_goes_as_it_is)
{
    struct pair p;

    begin(&p);
    start(&p);
    for (size_t i = 0; i < 9; i++) {
        size_t n = i % 3 * 4;

        cr_expect_eq(say_once(&p, "gzip", (enum way)(i / 3), text_of(n), 0), VITRO_OK);
        cr_expect(at_server.bytes == n && at_server.wire == n && at_server.flags == 0);
    }
    cr_expect_eq(at_server.messages, 9);
    cr_expect_eq(at_client.messages, 9);
    pair_stop(&p);
}

Test(call_compress, the_handler_chooses_for_its_replies)
{
    struct pair p;

    begin(&p);
    start(&p);
    reply_encoding = "deflate";
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(5000), 0), VITRO_OK);
    cr_expect_eq(compress_code, VITRO_OK);
    cr_expect(at_client.bytes == 5000 && at_client.wire < 100 &&
              at_client.flags == VITRO_MESSAGE_COMPRESSED);
    cr_expect_str_eq(at_client.encoding, "deflate");
    cr_expect_str_eq(at_server.encoding, "identity");
    reply_flags = VITRO_SEND_PLAIN;
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(5000), 0), VITRO_OK);
    cr_expect(at_client.wire == 5000 && at_client.flags == 0);
    reply_encoding = "zip";
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(10), 0), VITRO_OK);
    cr_expect_eq(compress_code, VITRO_INVALID_ARGUMENT);
    pair_stop(&p);
}

Test(call_compress, a_server_compresses_by_its_option_unless_the_handler_says_no)
{
    struct pair p;

    begin(&p);
    p.server_options.compression = "gzip";
    start(&p);
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(5000), 0), VITRO_OK);
    cr_expect(at_client.wire < 100 && at_client.flags == VITRO_MESSAGE_COMPRESSED);
    reply_encoding = "identity";
    cr_expect_eq(say_once(&p, NULL, SEND, text_of(5000), 0), VITRO_OK);
    cr_expect_eq(at_client.wire, 5000);
    pair_stop(&p);
}

Test(call_compress, a_name_that_is_none_is_invalid_everywhere)
{
    struct pair p;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_server_options so = VITRO_SERVER_OPTIONS_INIT;
    vitro_channel_options co = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel;
    vitro_server *server;
    vitro_call *call;
    vitro_code code;

    begin(&p);
    start(&p);
    o.compression = so.compression = co.compression = "snappy";
    cr_expect_eq(vitro_call_start(&call, p.channel, &say, &o, &hear_events, &code, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_server_new(&server, &p.server_loop, 1, &so, NULL), VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_channel_new(&channel, p.client_loop, p.target, &co, NULL),
                 VITRO_INVALID_ARGUMENT);
    o.compression = NULL;
    cr_assert_eq(vitro_call_start(&call, p.channel, &say, &o, &hear_events, &code, NULL), VITRO_OK);
    cr_expect_eq(vitro_call_compress(call, "gzip", NULL), VITRO_FAILED_PRECONDITION);
    vitro_call_cancel(call);
    pair_run(&p);
    vitro_call_unref(call);
    pair_stop(&p);
}

/* Each kind of call, each size about the edges of what is held, kept and copied. */
Test(call_compress, all_kinds_of_call_carry_compressed_messages)
{
    static const vitro_method *const methods[] = { &echo_unary, &echo_client_stream, &echo_bidi };
    struct pair p;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    begin(&p);
    p.server_options.compression = "gzip";
    start(&p);
    o.compression = "deflate";
    for (size_t n = 0; n <= 20000; n = n * 3 + 7) {
        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
            struct record r = { .len = 0 };
            vitro_call *call = pair_call(&p, methods[i], &o, &r);

            send_by(SEND, call, text_of(n), VITRO_SEND_LAST, NULL);
            pair_run(&p);
            cr_expect_eq(r.code, VITRO_OK, "%s %zu: %s", methods[i]->path, n, r.message);
            cr_expect_eq(r.messages, 1);
            if (methods[i] != &echo_client_stream)
                cr_expect_eq(r.bytes, n);
            vitro_call_unref(call);
            record_done(&r);
        }
    }
    pair_stop(&p);
}

/* A unary echo of n bytes, compressed both ways; the line of its error, or "OK". */
static const char *echo_of(struct pair *p, size_t n, uint32_t max_recv)
{
    static char line[512];
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;

    snprintf(line, sizeof line, "OK");
    o.compression = "gzip";
    o.max_recv_bytes = max_recv;
    if (vitro_unary(p->channel, &echo_unary, text_of(n), &o, &reply, &err) != VITRO_OK)
        vitro_error_format(&err, line, sizeof line);
    else
        cr_expect_eq(reply.message.len, n);
    vitro_reply_done(&reply);
    return line;
}

Test(call_compress, r03_each_limit_is_on_the_message_and_not_on_its_short_form)
{
    struct pair p;

    begin(&p);
    p.server_options.compression = "deflate";
    p.server_options.max_recv_bytes = 1000;
    start(&p);
    cr_expect_str_eq(echo_of(&p, 1000, 0), "OK");
    cr_expect_str_eq(echo_of(&p, 1001, 0), "RESOURCE_EXHAUSTED: server: decompressed it is more "
                                           "than the limit of 1000 bytes");
    cr_expect_str_eq(echo_of(&p, 500, 500), "OK");
    cr_expect_str_eq(echo_of(&p, 501, 500), "RESOURCE_EXHAUSTED: message: decompressed it is more "
                                            "than the limit of 500 bytes");
    pair_stop(&p);
}

/* ---- the server against a script ------------------------------------------------------------ */

static void serve_script(struct pair *p, struct peer *peer)
{
    pair_listen(p);
    peer_init(peer, p, p->client_loop);
    peer_client(peer);
}

/* A message with its prefix, compressed. */
static size_t message_of(enum encoding e, vitro_bytes msg, uint8_t *out)
{
    struct buf z;

    vitro_buf_init(&z, NULL, msg.len);
    cr_assert(vitro_compress(e, msg, &z));
    lpm_write_prefix(out, true, (uint32_t)z.len);
    memcpy(out + LPM_PREFIX, z.ptr, z.len);
    vitro_buf_done(&z);
    return LPM_PREFIX + (size_t)lpm_read_length(out);
}

Test(call_compress, r31_nobody_is_sent_what_he_did_not_list)
{
    static const struct {
        const char *fields, *encoding;
    } rows[] = {
        { POST(UNARY), NULL },
        { POST(UNARY) "grpc-accept-encoding: identity\n", NULL },
        { POST(UNARY) "grpc-accept-encoding: identity,deflate\n", NULL },
        { POST(UNARY) "grpc-encoding: gzip\n", NULL }, /* what it writes is not what it reads */
        { POST(UNARY) "grpc-accept-encoding: identity, gzip\n", "gzip" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;
        uint8_t message[2000 + LPM_PREFIX];
        char line[200];

        begin(&p);
        p.server_options.compression = "gzip";
        serve_script(&p, &peer);
        peer_headers(&peer, 1, false, rows[i].fields);
        lpm_write_prefix(message, false, 2000);
        memcpy(message + LPM_PREFIX, text_of(0).ptr, 2000);
        peer_data(&peer, 1, true, (vitro_bytes){ message, sizeof message });
        peer_run(&peer);
        snprintf(line, sizeof line, "HEADERS 1 :status=200 content-type=application/grpc %s%s%s",
                 rows[i].encoding ? "grpc-encoding=" : "", rows[i].encoding ? rows[i].encoding : "",
                 rows[i].encoding ? " " LISTED : LISTED);
        cr_expect(peer_count(&peer, line), "%zu: no \"%s\" in\n%s", i, line, peer.log);
        cr_expect_eq(peer.data.ptr[0], rows[i].encoding ? 1 : 0);
        cr_expect_eq(peer.data.len < 200, rows[i].encoding != NULL);
        peer_done(&peer);
        pair_stop(&p);
    }
}

/* Any cut of DATA: the same call. Compressed and plain messages beside each other. */
Test(call_compress, r31_each_message_stands_alone_however_the_frames_are_cut)
{
    struct chance c = seed_chance();

    for (size_t i = 0; i < 40; i++) {
        enum encoding e = i % 2 ? ENCODING_GZIP : ENCODING_DEFLATE;
        uint8_t bytes[30000];
        size_t n = 0, total = 0;
        struct pair p;
        struct peer peer;
        char digits[64];

        for (int k = 0; k < 6; k++) {
            size_t len = seed_between(&c, 60, 4000);
            total += len;
            if (k % 3 == 2) {
                lpm_write_prefix(bytes + n, false, (uint32_t)len);
                memcpy(bytes + n + LPM_PREFIX, text_of(0).ptr, len);
                n += LPM_PREFIX + len;
            } else {
                n += message_of(e, text_of(len), bytes + n);
            }
        }
        begin(&p);
        serve_script(&p, &peer);
        peer_headers(&peer, 1, false,
                     i % 2 ? POST("/test.Echo/ClientStream") "grpc-encoding: gzip\n"
                           : POST("/test.Echo/ClientStream") "grpc-encoding: deflate\n");
        for (size_t at = 0; at < n;) {
            size_t k = seed_between(&c, 1, MIN(n - at, (size_t)(i % 4 ? 900 : 30)));
            peer_data(&peer, 1, at + k == n, (vitro_bytes){ bytes + at, k });
            at += k;
        }
        peer_run(&peer);
        snprintf(digits, sizeof digits, "%zu", total);
        cr_assert(peer_count(&peer, "HEADERS 1 end grpc-status=0"), SEED_TEXT "\n%s", seed_of_run(),
                  i, peer.log);
        cr_assert(peer.data.len == LPM_PREFIX + strlen(digits) &&
                      memcmp(peer.data.ptr + LPM_PREFIX, digits, strlen(digits)) == 0,
                  SEED_TEXT, seed_of_run(), i);
        peer_done(&peer);
        pair_stop(&p);
    }
}

Test(call_compress, r30_what_is_not_its_encoding_is_internal_and_the_connection_goes_on)
{
    static const struct {
        const char *fields;
        uint8_t spoil; /* added to a byte in the middle */
        int longer;    /* bytes too many, or too few */
        const char *expect;
    } rows[] = {
        { "grpc-encoding: gzip\n", 0, 0, "HEADERS 1 end grpc-status=0" },
        { "grpc-encoding: gzip\n", 1, 0, REFUSED("13") },
        { "grpc-encoding: gzip\n", 0, 1, REFUSED("13 grpc-message=1 bytes follow") },
        { "grpc-encoding: gzip\n", 0, -1, REFUSED("13 grpc-message=its gzip ends early") },
        { "grpc-encoding: deflate\n", 0, 0, REFUSED("13 grpc-message=it is no deflate") },
        { "grpc-encoding: identity\n", 0, 0, REFUSED("13 grpc-message=flagged as compressed") },
        { "", 0, 0, REFUSED("13 grpc-message=flagged as compressed") },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;
        uint8_t bytes[200] = { 0 };
        char fields[400];
        size_t n = message_of(ENCODING_GZIP, text_of(100), bytes);

        bytes[n / 2] = (uint8_t)(bytes[n / 2] + rows[i].spoil);
        n = (size_t)((int)n + rows[i].longer);
        lpm_write_prefix(bytes, true, (uint32_t)(n - LPM_PREFIX));
        begin(&p);
        serve_script(&p, &peer);
        snprintf(fields, sizeof fields, "%s%s", POST(UNARY), rows[i].fields);
        peer_headers(&peer, 1, false, fields);
        peer_data(&peer, 1, true, (vitro_bytes){ bytes, n });
        peer_run(&peer);
        cr_expect(peer_count(&peer, rows[i].expect), "%zu: no \"%s\" in\n%s", i, rows[i].expect,
                  peer.log);
        peer_request(&peer, 3, false, UNARY, NULL);
        peer_message(&peer, 3, true, "x");
        peer_run(&peer);
        cr_expect(peer_count(&peer, "HEADERS 3 end grpc-status=0"), "%zu: alive", i);
        peer_done(&peer);
        pair_stop(&p);
    }
}

Test(call_compress, r03_a_bomb_is_refused_and_costs_no_more_than_the_limit, .timeout = 20)
{
    enum { BOMB = 200 * 1000 * 1000, MOST = 4 * 1024 * 1024 };
    uint8_t *zeros = calloc(1, BOMB), *bytes = malloc(1000000);
    size_t n = message_of(ENCODING_GZIP, (vitro_bytes){ zeros, BOMB }, bytes), at = 0, before;
    struct pair p;
    struct peer peer;

    free(zeros);
    begin(&p);
    p.server_options.connection_memory_bytes = 2 * MOST;
    serve_script(&p, &peer);
    peer_run(&peer);
    before = vitro_loop_memory(p.server_loop).bytes;
    peer_headers(&peer, 1, false, POST(UNARY) "grpc-encoding: gzip\n");
    while (at < n) {
        size_t k = MIN(n - at, (size_t)16384);
        peer_data(&peer, 1, at + k == n, (vitro_bytes){ bytes + at, k });
        at += k;
        peer_run(&peer);
    }
    cr_expect(peer_count(&peer, REFUSED("8 grpc-message=decompressed it is more than the limit")),
              "%s", peer.log);
    cr_expect(vitro_loop_memory(p.server_loop).bytes < before + 200000, "it was given back");
    free(bytes);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- the client against a script ------------------------------------------------------------ */

Test(call_compress, the_headers_of_a_call_say_what_is_sent_and_what_is_read)
{
    static const char *const names[] = { NULL, "identity", "gzip", "deflate" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct pair p;
        struct peer peer;
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        struct record r = { .len = 0 };
        vitro_call *call;
        char line[300];

        begin(&p);
        peer_serve(&peer, &p);
        o.compression = names[i];
        call = pair_call(&p, &echo_unary, &o, &r);
        pair_settle(&p);
        snprintf(line, sizeof line, "content-type=application/grpc %s%s%s" LISTED " user-agent=",
                 i > 1 ? "grpc-encoding=" : "", i > 1 ? names[i] : "", i > 1 ? " " : "");
        cr_expect(strstr(peer.log, line), "no \"%s\" in\n%s", line, peer.log);
        vitro_call_cancel(call);
        pair_settle(&p);
        vitro_call_unref(call);
        record_done(&r);
        peer_done(&peer);
        pair_stop(&p);
    }
}

Test(call_compress, r30_a_reply_in_an_encoding_that_was_not_offered_is_internal)
{
    static const struct {
        const char *more;
        bool spoil;
        vitro_code code;
    } rows[] = {
        { "grpc-encoding: gzip\n", false, VITRO_OK },
        { "grpc-encoding: gzip\n", true, VITRO_INTERNAL },
        { "grpc-encoding: snappy\n", false, VITRO_INTERNAL },
        { "grpc-encoding: identity\n", false, VITRO_INTERNAL }, /* flag 1 */
        { NULL, false, VITRO_INTERNAL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;
        struct record r = { .len = 0 };
        uint8_t bytes[200];
        size_t n = message_of(ENCODING_GZIP, text_of(100), bytes);
        vitro_call *call;

        bytes[n / 2] = (uint8_t)(bytes[n / 2] + rows[i].spoil);
        begin(&p);
        peer_serve(&peer, &p);
        call = pair_call(&p, &echo_unary, NULL, &r);
        send_by(SEND, call, text_of(3), VITRO_SEND_LAST, NULL);
        pair_settle(&p);
        peer_response(&peer, 1, rows[i].more);
        peer_data(&peer, 1, false, (vitro_bytes){ bytes, n });
        peer_trailers(&peer, 1, "grpc-status: 0\n");
        peer_run(&peer);
        cr_expect_eq(r.code, rows[i].code, "%zu: %s %s", i, r.text, r.message);
        if (rows[i].code == VITRO_OK)
            cr_expect(strstr(r.text, "message[100]"), "%s", r.text);
        vitro_call_unref(call);
        record_done(&r);
        peer_done(&peer);
        pair_stop(&p);
    }
}

/* ---- a message that is put together while the call has no credit ----------------------------- */

static const vitro_method held = { "/test.Compress/Held", VITRO_UNARY, NULL };
static vitro_call *held_call;

static void hold(vitro_call *call, const vitro_md *md, void *user)
{
    vitro_call_hold(call);
    held_call = vitro_call_ref(call);
}

static void answer_held(vitro_call *call, const vitro_message *m, void *user)
{
    see(&at_server, call, m);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events held_events = { .size = sizeof held_events,
                                               .on_headers = hold,
                                               .on_message = answer_held };

Test(call_compress, a_request_that_was_held_is_whole_when_it_is_let_go)
{
    static const char *const names[] = { NULL, "gzip" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct pair p;
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
        struct record r = { .len = 0 };
        vitro_call *call;

        begin(&p);
        pair_make_server(&p);
        cr_assert_eq(vitro_server_add(p.server, &held, NULL, &held_events, NULL, NULL), VITRO_OK);
        pair_start(&p);
        o.compression = names[i];
        call = pair_call(&p, &held, &o, &r);
        send_by(SEND, call, text_of(20000), VITRO_SEND_LAST, NULL);
        pair_settle(&p);
        cr_assert(held_call && at_server.messages == 0);
        vitro_call_credit(held_call, 1);
        pair_run(&p);
        cr_expect(at_server.messages == 1 && at_server.bytes == 20000);
        vitro_call_unref(held_call);
        vitro_call_unref(call);
        record_done(&r);
        pair_stop(&p);
    }
}
