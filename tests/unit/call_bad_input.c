#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "support/hex.h"
#include "support/peer.h"

/*
 * What a server does with bytes that no client should send: each row on a fresh connection after
 * preface and SETTINGS. Where the stream alone is at fault the connection serves the next call.
 */

#define GOOD      "00 00000009 0a0175120461757468"
#define UNARY     "/test.Echo/Unary"
#define AUTHORITY ":authority: server\n"
#define POST      ":method: POST\n:scheme: http\n:path: " UNARY "\n" AUTHORITY
#define TE        "te: trailers\n"
#define TYPE      "content-type: application/grpc\n"

struct row {
    const char *name;
    const char *fields; /* the request's, "": a good one to UNARY, NULL: no request */
    const char *data;   /* payloads of DATA frames, '|' between; NULL: none */
    bool open;          /* no END_STREAM */
    const char *raw;    /* bytes that follow, whole frames as a rule */
    const char *expect[2];
    bool dead; /* the connection is over */
};

static void write_request(struct peer *peer, const struct row *row)
{
    bool empty = !row->data && !row->open;

    if (row->fields && row->fields[0])
        peer_headers(peer, 1, empty, row->fields);
    else if (row->fields)
        peer_request(peer, 1, empty, UNARY, NULL);
}

static void write_data(struct peer *peer, const struct row *row)
{
    for (const char *at = row->data; at;) {
        size_t n = strcspn(at, "|");
        char text[256];
        uint8_t bytes[128];

        snprintf(text, sizeof text, "%.*s", (int)n, at);
        at = at[n] ? at + n + 1 : NULL;
        peer_data(peer, 1, !at && !row->open, hex_read(text, bytes, sizeof bytes));
    }
}

static void write_row(struct peer *peer, const struct row *row)
{
    uint8_t bytes[256];

    write_request(peer, row);
    write_data(peer, row);
    if (row->raw) {
        vitro_bytes raw = hex_read(row->raw, bytes, sizeof bytes);
        peer_raw(peer, raw.ptr, raw.len);
    }
}

/* Another call on the same connection goes well. */
static void expect_alive(struct peer *peer, const char *name)
{
    uint8_t bytes[64];

    cr_expect(!peer->closed, "%s: closed\n%s", name, peer->log);
    if (peer->closed)
        return;
    peer_request(peer, 101, false, UNARY, NULL);
    peer_data(peer, 101, true, hex_read(GOOD, bytes, sizeof bytes));
    peer_run(peer);
    cr_expect(peer_count(peer, "HEADERS 101 end grpc-status=0"), "%s: not alive\n%s", name,
              peer->log);
}

static void check_row(const struct row *row)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    write_row(&peer, row);
    peer_run(&peer);
    for (size_t i = 0; i < ARRAY_LEN(row->expect) && row->expect[i]; i++)
        cr_expect(peer_count(&peer, row->expect[i]), "%s: no \"%s\" in\n%s", row->name,
                  row->expect[i], peer.log);
    if (row->dead)
        cr_expect(peer.closed, "%s: not closed\n%s", row->name, peer.log);
    else
        expect_alive(&peer, row->name);
    peer_done(&peer);
    pair_stop(&p);
}

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_row(&rows[i]);
}

#define CHECK(rows) check_rows(rows, ARRAY_LEN(rows))
#define OK_END      "HEADERS 1 end grpc-status=0"
#define FAILED(n)   "HEADERS 1 end :status=200 content-type=application/grpc grpc-status=" n

Test(call_bad_input, r01_frame_borders_mean_nothing)
{
    static const struct row rows[] = {
        { .name = "a good call", .fields = "", .data = GOOD, .expect = { OK_END } },
        { .name = "in frames of one byte",
          .fields = "",
          .data = "00|00|00|00|09|0a|01|75|12|04|61|75|74|68",
          .expect = { OK_END } },
        { .name = "with empty frames between",
          .fields = "",
          .data = "|00000000||09 0a0175|120461757468|",
          .expect = { OK_END } },
        { .name = "two messages in one frame and a half",
          .fields =
              ":method: POST\n:scheme: http\n:path: /test.Echo/ClientStream\n" AUTHORITY TE TYPE,
          .data = GOOD "00 00000002 61|62",
          .expect = { "DATA 1 7", OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r05_a_request_ends_with_its_last_data_or_an_empty_one_or_its_headers)
{
    static const struct row rows[] = {
        { .name = "on the last DATA", .fields = "", .data = GOOD, .expect = { OK_END } },
        { .name = "an empty DATA", .fields = "", .data = GOOD "|", .expect = { OK_END } },
        { .name = "on HEADERS: no message",
          .fields =
              ":method: POST\n:scheme: http\n:path: /test.Echo/ClientStream\n" AUTHORITY TE TYPE,
          .expect = { "DATA 1 6", OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r02_a_flag_that_cannot_be_is_internal)
{
    static const struct row rows[] = {
        { .name = "1 without grpc-encoding",
          .fields = "",
          .data = "01 00000000",
          .expect = { FAILED("13") } },
        { .name = "1 with identity",
          .fields = POST TE TYPE "grpc-encoding: identity\n",
          .data = "01 00000000",
          .expect = { FAILED("13") } },
        { .name = "2", .fields = "", .data = "02 00000000", .expect = { FAILED("13") } },
    };
    CHECK(rows);
}

Test(call_bad_input, r03_a_length_over_the_limit_is_refused_before_its_bytes)
{
    static const struct row rows[] = {
        { .name = "5 MiB, no END_STREAM",
          .fields = "",
          .data = "00 00500000",
          .open = true,
          .expect = { FAILED("8"), "RST_STREAM 1 NO_ERROR" } },
        { .name = "4 GiB",
          .fields = "",
          .data = "00 ffffffff",
          .open = true,
          .expect = { FAILED("8") } },
    };
    CHECK(rows);
}

Test(call_bad_input, r04_an_end_inside_a_message_is_internal)
{
    static const struct row rows[] = {
        { .name = "a prefix that is too long",
          .fields = "",
          .data = "00 00000064 0a0175120461757468",
          .expect = { FAILED("13") } },
        { .name = "a prefix that is too short",
          .fields = "",
          .data = "00 00000003 0a0175120461757468",
          .expect = { FAILED("13") } },
        { .name = "inside the prefix",
          .fields = "",
          .data = "00 0000",
          .expect = { FAILED("13") } },
    };
    CHECK(rows);
}

Test(call_bad_input, r28_a_wrong_number_of_requests_is_unimplemented)
{
    static const struct row rows[] = {
        { .name = "two messages",
          .fields = "",
          .data = GOOD GOOD,
          .expect = { FAILED("12 grpc-message=more than one request message") } },
        { .name = "two messages, no end",
          .fields = "",
          .data = GOOD "|" GOOD,
          .open = true,
          .expect = { FAILED("12"), "RST_STREAM 1 NO_ERROR" } },
        { .name = "no message",
          .fields = "",
          .data = "",
          .expect = { FAILED("12 grpc-message=no request message") } },
        { .name = "no DATA", .fields = "", .expect = { FAILED("12") } },
    };
    CHECK(rows);
}

Test(call_bad_input, r09_another_content_type_gets_http_415)
{
    static const struct row rows[] = {
        { .name = "text/plain",
          .fields = POST TE "content-type: text/plain\n",
          .data = GOOD,
          .expect = { "HEADERS 1 end :status=415" } },
        { .name = "none",
          .fields = POST TE,
          .data = GOOD,
          .expect = { "HEADERS 1 end :status=415" } },
        { .name = "grpc-web",
          .fields = POST TE "content-type: application/grpc-web\n",
          .data = GOOD,
          .expect = { "HEADERS 1 end :status=415" } },
        { .name = "+proto",
          .fields = POST TE "content-type: application/grpc+proto\n",
          .data = GOOD,
          .expect = { OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r10_other_methods_get_405_and_unknown_paths_unimplemented)
{
    static const struct row rows[] = {
        { .name = "GET",
          .fields = ":method: GET\n:scheme: http\n:path: " UNARY "\n" AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { "HEADERS 1 end :status=405" } },
        { .name = "an unknown method",
          .fields = ":method: POST\n:scheme: http\n:path: /test.Echo/Nope\n" AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { FAILED("12 grpc-message=unknown method Nope") } },
        { .name = "an unknown service",
          .fields = ":method: POST\n:scheme: http\n:path: /test.Nope/Unary\n" AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { FAILED("12 grpc-message=unknown service test.Nope") } },
        { .name = "no path of gRPC",
          .fields = ":method: POST\n:scheme: http\n:path: /\n" AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { FAILED("12") } },
    };
    CHECK(rows);
}

Test(call_bad_input, r11_a_malformed_timeout_is_internal)
{
    static const char *const texts[] = { "0m", "abc", "1", "1x", "123456789S", "-1S", "1s", "" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char fields[256];
        struct row row = { .name = texts[i],
                           .fields = fields,
                           .data = GOOD,
                           .expect = { FAILED("13 grpc-message=malformed grpc-timeout") } };
        snprintf(fields, sizeof fields, "%sgrpc-timeout: %s\n", POST TE TYPE, texts[i]);
        check_row(&row);
    }
}

Test(call_bad_input, r07_trailers_of_a_request_end_it_and_mean_nothing)
{
    struct pair p;
    struct peer peer;
    uint8_t bytes[64];

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, UNARY, NULL);
    peer_data(&peer, 1, false, hex_read(GOOD, bytes, sizeof bytes));
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS"), 0, "it has not ended yet");
    peer_trailers(&peer, 1, "grpc-status: 5\nx: y\n");
    peer_run(&peer);
    cr_expect(peer_count(&peer, OK_END), "%s", peer.log);
    expect_alive(&peer, "trailers");
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_bad_input, r17_two_names_of_the_host_are_refused_and_a_lone_host_is_one)
{
    static const struct row rows[] = {
        { .name = "connection",
          .fields = POST TE TYPE "connection: close\n",
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "two :authority",
          .fields = POST AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "two host",
          .fields = POST TE TYPE "host: a\nhost: b\n",
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "host alone",
          .fields = ":method: POST\n:scheme: http\n:path: " UNARY "\n" TE TYPE "host: a\n",
          .data = GOOD,
          .expect = { OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r08_a_request_without_te_is_served)
{
    static const struct row rows[] = {
        { .name = "no te", .fields = POST TYPE, .data = GOOD, .expect = { OK_END } },
        { .name = "https",
          .fields = ":method: POST\n:scheme: https\n:path: " UNARY "\n" AUTHORITY TE TYPE,
          .data = GOOD,
          .expect = { OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r13_bad_base64_is_internal)
{
    static const struct row rows[] = {
        { .name = "url-safe",
          .fields = POST TE TYPE "a-bin: -_-_\n",
          .data = GOOD,
          .expect = { FAILED("13") } },
        { .name = "two values, padded and not",
          .fields = POST TE TYPE "a-bin: YQ==,Yg\n",
          .data = GOOD,
          .expect = { OK_END } },
    };
    CHECK(rows);
}

Test(call_bad_input, r30_an_unknown_encoding_is_unimplemented_and_ours_are_listed)
{
    static const struct row rows[] = {
        { .name = "snappy",
          .fields = POST TE TYPE "grpc-encoding: snappy\n",
          .data = GOOD,
          .expect = { "HEADERS 1 end :status=200 content-type=application/grpc "
                      "grpc-accept-encoding=identity,gzip,deflate grpc-status=12" } },
    };
    CHECK(rows);
}

Test(call_bad_input, malformed_requests_are_reset_and_harm_no_other)
{
    static const struct row rows[] = {
        { .name = "an upper-case name",
          .fields = POST TE TYPE "Bad: x\n",
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "connection",
          .fields = POST TE TYPE "connection: close\n",
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "te: gzip",
          .fields = POST TYPE "te: gzip\n",
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "no :path",
          .fields = ":method: POST\n:scheme: http\n" TE TYPE,
          .data = GOOD,
          .expect = { "RST_STREAM 1 PROTOCOL_ERROR" } },
        { .name = "DATA of 16,385 bytes",
          .fields = "",
          .open = true,
          .raw = "004001 00 00 00000001 00",
          .expect = { "GOAWAY 0 last 1 FRAME_SIZE_ERROR" },
          .dead = true },
    };
    CHECK(rows);
}

Test(call_bad_input, a_broken_header_block_ends_the_connection)
{
    static const struct row rows[] = {
        { .name = "index 0",
          .raw = "000001 01 05 00000001 80",
          .expect = { "GOAWAY 0 last 1 COMPRESSION_ERROR" },
          .dead = true },
        { .name = "index 200",
          .raw = "000002 01 05 00000001 ff49",
          .expect = { "GOAWAY 0 last 1 COMPRESSION_ERROR" },
          .dead = true },
        { .name = "a lone 40",
          .raw = "000001 01 05 00000001 40",
          .expect = { "GOAWAY 0 last 1 COMPRESSION_ERROR" },
          .dead = true },
    };
    CHECK(rows);
}

Test(call_bad_input, frames_that_cannot_be_end_the_connection)
{
    static const struct row rows[] = {
        { .name = "DATA on stream 0",
          .raw = "000001 00 00 00000000 00",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        /* a stream error, which RFC 9113, 5.4.1 lets one take for one of the connection */
        { .name = "DATA after END_STREAM",
          .fields = "",
          .data = GOOD,
          .raw = "000001 00 00 00000001 00",
          .expect = { "GOAWAY 0 last 1 STREAM_CLOSED" },
          .dead = true },
        { .name = "DATA on an idle stream",
          .raw = "000001 00 00 00000005 00",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        { .name = "an even stream",
          .raw = "000001 01 05 00000002 88",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        { .name = "WINDOW_UPDATE of 0",
          .raw = "000004 08 00 00000000 00000000",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        { .name = "WINDOW_UPDATE over 2^31-1",
          .raw = "000004 08 00 00000000 7fffffff",
          .expect = { "GOAWAY 0 last 0 FLOW_CONTROL_ERROR" },
          .dead = true },
        { .name = "PING of 7 bytes",
          .raw = "000007 06 00 00000000 00000000000000",
          .expect = { "GOAWAY 0 last 0 FRAME_SIZE_ERROR" },
          .dead = true },
        { .name = "SETTINGS of 5 bytes",
          .raw = "000005 04 00 00000000 0000000000",
          .expect = { "GOAWAY 0 last 0 FRAME_SIZE_ERROR" },
          .dead = true },
        { .name = "MAX_FRAME_SIZE 1",
          .raw = "000006 04 00 00000000 0005 00000001",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        { .name = "CONTINUATION alone",
          .raw = "000001 09 04 00000001 88",
          .expect = { "GOAWAY 0 last 0 PROTOCOL_ERROR" },
          .dead = true },
        { .name = "PUSH_PROMISE",
          .fields = "",
          .open = true,
          .raw = "000005 05 04 00000001 00000002 88",
          .expect = { "GOAWAY 0 last 1 PROTOCOL_ERROR" },
          .dead = true },
    };
    CHECK(rows);
}

Test(call_bad_input, what_http2_allows_is_answered_or_ignored)
{
    static const struct row rows[] = {
        { .name = "PING",
          .raw = "000008 06 00 00000000 0102030405060708",
          .expect = { "PING 0 ack" } },
        { .name = "an unknown type, then PING",
          .raw = "000003 be ff 00000001 010203 000008 06 00 00000000 0102030405060708",
          .expect = { "PING 0 ack" } },
        { .name = "an unknown setting",
          .raw = "000006 04 00 00000000 abcd 00000001",
          .expect = { "SETTINGS 0 ack" } },
    };
    CHECK(rows);
}

/* Begin a connection with these bytes in place of the preface. */
static void check_beginning(const char *text)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_raw(&peer, text, strlen(text));
    peer_connect(&peer);
    cr_expect(peer.closed, "%s: still open\n%s", text, peer.log);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_bad_input, a_client_that_does_not_speak_http2_is_left)
{
    check_beginning("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    check_beginning("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
}

/* By default a server has had enough of them by then: see keepalive.c. */
Test(call_bad_input, sixty_pings_are_answered_at_once)
{
    struct pair p;
    struct peer peer;
    static const uint8_t opaque[8] = { 1 };

    pair_init(&p);
    p.server_options.max_ping_strikes = UINT32_MAX;
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    for (int i = 0; i < 60; i++)
        cr_assert(vitro_frame_write_ping(&peer.out, 0, opaque));
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "PING 0 ack"), 60);
    expect_alive(&peer, "60 pings");
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_bad_input, r06_zero_bytes_are_empty_messages)
{
    struct pair p;
    struct peer peer;
    uint8_t *zeros = calloc(1, 16384);

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/Bidi", NULL);
    for (int i = 0; i < 5; i++) {
        peer_data(&peer, 1, i == 4, (vitro_bytes){ zeros, 16384 });
        peer_run(&peer);
    }
    cr_expect_eq(peer.data.len, 5 * 16384, "each comes back: %zu", peer.data.len);
    cr_expect(peer_count(&peer, OK_END), "%s", peer.log);
    peer_done(&peer);
    pair_stop(&p);
    free(zeros);
}

/* ---- what a handler of generated code is spared --------------------------------------------- */

static void on_send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    response.success = true;
    cr_assert_eq(chat_chat_service_send_message_reply(call, &response, NULL), VITRO_OK);
}

Test(call_bad_input, r29_a_message_that_cannot_be_parsed_is_internal)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers,
                                                         .send_message = on_send_message };
    static const struct {
        const char *name, *bytes, *expect;
    } rows[] = {
        { "no protobuf", "00 00000003 ffffff",
          "HEADERS 1 end :status=200 content-type="
          "application/grpc grpc-status=13" },
        { "bad UTF-8", "00 00000004 0a02c328",
          "HEADERS 1 end :status=200 content-type="
          "application/grpc grpc-status=13" },
        { "unknown field 15", "00 00000005 0a0161 7801", OK_END },
        { "field 1 as a varint", "00 00000002 0801", OK_END },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;
        uint8_t bytes[64];

        pair_init(&p);
        pair_make_server(&p);
        cr_assert_eq(chat_chat_service_register(p.server, &handlers, NULL, NULL), VITRO_OK);
        pair_listen(&p);
        peer_init(&peer, &p, p.client_loop);
        peer_client(&peer);
        peer_request(&peer, 1, false, "/chat.ChatService/SendMessage", NULL);
        peer_data(&peer, 1, true, hex_read(rows[i].bytes, bytes, sizeof bytes));
        peer_run(&peer);
        cr_expect(peer_count(&peer, rows[i].expect), "%s\n%s", rows[i].name, peer.log);
        expect_alive(&peer, rows[i].name);
        peer_done(&peer);
        pair_stop(&p);
    }
}
