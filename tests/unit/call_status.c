#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "support/hex.h"
#include "support/peer.h"

/*
 * The client's reading of what a server answers: each row is a script of the response, and the
 * events that the application sees.
 */

enum step_kind { END, HEADERS, END_HEADERS, DATA, END_DATA, RESET, CLOSE };

struct answer {
    const char *name;
    const vitro_method *method;
    struct {
        enum step_kind kind;
        const char *text; /* fields; a message, NULL: no bytes; the name of an error */
    } step[6];
    const char *events;  /* as support/pair.h writes them */
    const char *message; /* of the status; NULL: not looked at */
};

#define OK_FIELDS ":status: 200\ncontent-type: application/grpc\n"

static uint32_t error_of(const char *name)
{
    uint32_t code = 0;

    while (strcmp(vitro_frame_error_name(code), name) != 0)
        code++;
    return code;
}

static void play(struct peer *peer, const struct answer *a)
{
    for (size_t i = 0; i < ARRAY_LEN(a->step) && a->step[i].kind != END; i++) {
        const char *text = a->step[i].text;

        switch (a->step[i].kind) {
        case HEADERS:
        case END_HEADERS:
            peer_headers(peer, 1, a->step[i].kind == END_HEADERS, text);
            break;
        case DATA:
        case END_DATA:
            if (text)
                peer_message(peer, 1, a->step[i].kind == END_DATA, text);
            else
                peer_data(peer, 1, a->step[i].kind == END_DATA, (vitro_bytes){ NULL, 0 });
            break;
        case RESET:
            peer_reset(peer, 1, error_of(text));
            break;
        default:
            peer_run(peer);
            peer_close(peer, true);
            break;
        }
    }
    peer_run(peer);
}

static void check_answer(const struct answer *a)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call;

    peer_serve(&peer, &p);
    call = pair_call(&p, a->method, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("hi"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_settle(&p);
    cr_assert_eq(peer_count(&peer, "DATA 1 7 end"), 1, "%s: %s", a->name, peer.log);
    play(&peer, a);
    cr_expect_str_eq(r.text, a->events, "%s: \"%s\" is not \"%s\"", a->name, r.text, a->events);
    if (a->message)
        cr_expect_str_eq(r.message, a->message, "%s: \"%s\" is not \"%s\"", a->name, r.message,
                         a->message);
    vitro_call_unref(call);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

static void check_answers(const struct answer *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_answer(&a[i]);
}

#define CHECK(table) check_answers(table, ARRAY_LEN(table))

Test(call_status, r20_a_status_is_explicit_and_informational_headers_are_skipped)
{
    static const struct answer rows[] = {
        { "a good answer",
          &echo_unary,
          { { HEADERS, OK_FIELDS }, { DATA, "a" }, { END_HEADERS, "grpc-status: 0\n" } },
          "headers message(a) end closed OK",
          "" },
        { "1xx twice before it",
          &echo_unary,
          { { HEADERS, ":status: 103\nlink: x\n" },
            { HEADERS, ":status: 100\n" },
            { HEADERS, OK_FIELDS },
            { DATA, "a" },
            { END_HEADERS, "grpc-status: 0\n" } },
          "headers message(a) end closed OK",
          "" },
        { "trailers without grpc-status",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { DATA, "a" }, { END_HEADERS, "x: y\n" } },
          "headers message(a) end closed UNKNOWN",
          "the stream ended without grpc-status" },
        { "no trailers at all",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { END_DATA, "a" } },
          "headers message(a) end closed UNKNOWN",
          "the stream ended without grpc-status" },
        { "trailers-only without grpc-status",
          &echo_unary,
          { { END_HEADERS, OK_FIELDS } },
          "end closed UNKNOWN",
          "the stream ended without grpc-status" },
        { "trailers-only",
          &echo_unary,
          { { END_HEADERS, OK_FIELDS "grpc-status: 5\ngrpc-message: nobody\n" } },
          "end closed NOT_FOUND",
          "nobody" },
    };
    CHECK(rows);
}

Test(call_status, what_is_no_grpc_reply_ends_the_call)
{
    static const struct answer rows[] = {
        { "trailers without a field",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "" } },
          "headers end closed UNKNOWN",
          "the stream ended without grpc-status" },
        { "an encoding that was not offered",
          &echo_bidi,
          { { HEADERS, OK_FIELDS "grpc-encoding: snappy\n" }, { DATA, "a" } },
          "closed INTERNAL",
          "the reply has a grpc-encoding that was not offered" },
        { "headers twice",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { HEADERS, "a: b\n" } },
          "headers closed INTERNAL",
          NULL },
        { "DATA before HEADERS", &echo_bidi, { { DATA, "a" } }, "closed UNAVAILABLE", NULL },
        { "an upper-case name",
          &echo_bidi,
          { { HEADERS, OK_FIELDS "Upper: x\n" } },
          "closed INTERNAL",
          NULL },
    };
    CHECK(rows);
}

Test(call_status, a_server_that_breaks_http2_is_left_and_the_reason_is_told)
{
    static const struct {
        const char *name, *frame, *why;
    } rows[] = {
        { "DATA on stream 0", "000001 00 00 00000000 00", "DATA: stream_id == 0" },
        { "PUSH_PROMISE", "000005 05 04 00000001 00000002 88", "PUSH_PROMISE: push disabled" },
        { "a broken header block", "000001 01 05 00000001 80", "" },
        { "SETTINGS of 5 bytes", "000005 04 00 00000000 0000000000", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;
        struct record r = { .len = 0 };
        vitro_call *call;
        uint8_t bytes[64];
        vitro_bytes frame = hex_read(rows[i].frame, bytes, sizeof bytes);

        peer_serve(&peer, &p);
        call = pair_call(&p, &echo_bidi, NULL, &r);
        pair_settle(&p);
        peer_raw(&peer, frame.ptr, frame.len);
        peer_run(&peer);
        cr_expect_str_eq(r.text, "closed UNAVAILABLE", "%s: %s", rows[i].name, r.text);
        cr_expect(strstr(r.message, rows[i].why) && r.message[0], "%s: \"%s\"", rows[i].name,
                  r.message);
        cr_expect_eq(peer_count(&peer, "GOAWAY 0"), 1, "%s: %s", rows[i].name, peer.log);
        cr_expect(peer.closed);
        vitro_call_unref(call);
        record_done(&r);
        peer_done(&peer);
        pair_stop(&p);
    }
}

Test(call_status, r21_an_http_status_counts_only_without_grpc_status)
{
    static const struct {
        const char *http, *code;
    } map[] = {
        { "400", "INTERNAL" },      { "401", "UNAUTHENTICATED" }, { "403", "PERMISSION_DENIED" },
        { "404", "UNIMPLEMENTED" }, { "429", "UNAVAILABLE" },     { "502", "UNAVAILABLE" },
        { "503", "UNAVAILABLE" },   { "504", "UNAVAILABLE" },     { "500", "UNKNOWN" },
        { "302", "UNKNOWN" },
    };
    static const struct answer with_status = {
        "404 with grpc-status",
        &echo_unary,
        { { END_HEADERS, ":status: 404\ncontent-type: application/grpc\ngrpc-status: 7\n" } },
        "end closed PERMISSION_DENIED",
        ""
    };

    for (size_t i = 0; i < ARRAY_LEN(map); i++) {
        char fields[64], trailers_only[64], body[64];
        struct answer only = { map[i].http,
                               &echo_unary,
                               { { END_HEADERS, fields } },
                               trailers_only,
                               "HTTP status without grpc-status" };
        struct answer page = { map[i].http,
                               &echo_unary,
                               { { HEADERS, fields }, { END_DATA, "<html>" } },
                               body,
                               "HTTP status without grpc-status" };

        snprintf(fields, sizeof fields, ":status: %s\ncontent-type: text/html\n", map[i].http);
        snprintf(trailers_only, sizeof trailers_only, "end closed %s", map[i].code);
        snprintf(body, sizeof body, "closed %s", map[i].code);
        check_answer(&only);
        check_answer(&page);
    }
    check_answer(&with_status);
}

Test(call_status, r22_a_status_in_headers_that_do_not_end_the_stream_is_ignored)
{
    static const struct answer rows[] = {
        { "a body follows",
          &echo_bidi,
          { { HEADERS, OK_FIELDS "grpc-status: 9\n" },
            { DATA, "a" },
            { END_HEADERS, "grpc-status: 0\n" } },
          "headers message(a) end closed OK",
          "" },
        { "trailers follow",
          &echo_bidi,
          { { HEADERS, OK_FIELDS "grpc-status: 0\n" }, { END_HEADERS, "grpc-status: 9\n" } },
          "headers end closed FAILED_PRECONDITION",
          "" },
        { "nothing follows",
          &echo_bidi,
          { { HEADERS, OK_FIELDS "grpc-status: 0\n" }, { END_DATA, NULL } },
          "headers end closed UNKNOWN",
          NULL },
    };
    CHECK(rows);
}

Test(call_status, r23_a_status_that_cannot_be_read_is_unknown)
{
    static const char *const texts[] = { "x", "-1", "17", "00", "1 ", "99999999999", "0x0" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char fields[64];
        struct answer a = { texts[i],
                            &echo_bidi,
                            { { HEADERS, OK_FIELDS }, { END_HEADERS, fields } },
                            "headers end closed UNKNOWN",
                            NULL };

        snprintf(fields, sizeof fields, "grpc-status: %s\n", texts[i]);
        check_answer(&a);
    }
}

Test(call_status, r24_a_message_is_decoded_and_a_broken_percent_is_kept)
{
    static const struct answer rows[] = {
        { "utf-8",
          &echo_bidi,
          { { END_HEADERS, OK_FIELDS "grpc-status: 2\ngrpc-message: %ED%95%9C%EA%B8%80 a%0Ab\n" } },
          "end closed UNKNOWN",
          "한글 a\nb" },
        { "broken percent signs",
          &echo_bidi,
          { { END_HEADERS, OK_FIELDS "grpc-status: 2\ngrpc-message: 100% %zz %4\n" } },
          "end closed UNKNOWN",
          "100% %zz %4" },
    };
    static char fields[8192], decoded[8192];
    struct answer large = { "3,000 escaped characters",
                            &echo_bidi,
                            { { END_HEADERS, fields } },
                            "end closed UNKNOWN",
                            NULL };

    CHECK(rows);
    size_t n = (size_t)snprintf(fields, sizeof fields, OK_FIELDS "grpc-status: 2\ngrpc-message: ");
    for (size_t i = 0; i < 400; i++) {
        decoded[i] = '\n';
        n += (size_t)snprintf(fields + n, sizeof fields - n, "%%0A");
    }
    snprintf(fields + n, sizeof fields - n, "\n");
    large.message = decoded;
    check_answer(&large);
}

Test(call_status, r25_a_message_with_spaces_at_its_ends_survives)
{
    static const struct answer rows[] = {
        { "as other implementations send it",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "grpc-status: 2\ngrpc-message:  boom \n" } },
          "headers end closed UNKNOWN",
          " boom " },
        { "encoded",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "grpc-status: 2\ngrpc-message: %20boom%20\n" } },
          "headers end closed UNKNOWN",
          " boom " },
    };
    CHECK(rows);
}

Test(call_status, r26_each_reset_has_its_status)
{
    static const struct {
        const char *error, *code;
    } map[] = {
        { "NO_ERROR", "INTERNAL" },
        { "PROTOCOL_ERROR", "INTERNAL" },
        { "INTERNAL_ERROR", "INTERNAL" },
        { "FLOW_CONTROL_ERROR", "INTERNAL" },
        { "SETTINGS_TIMEOUT", "INTERNAL" },
        { "FRAME_SIZE_ERROR", "INTERNAL" },
        { "COMPRESSION_ERROR", "INTERNAL" },
        { "CONNECT_ERROR", "INTERNAL" },
        { "REFUSED_STREAM", "UNAVAILABLE" },
        { "CANCEL", "CANCELLED" },
        { "ENHANCE_YOUR_CALM", "RESOURCE_EXHAUSTED" },
        { "INADEQUATE_SECURITY", "PERMISSION_DENIED" },
    };

    for (size_t i = 0; i < ARRAY_LEN(map); i++) {
        char before[64], after[64];
        struct answer early = {
            map[i].code, &echo_unary, { { RESET, map[i].error } }, before, NULL
        };
        struct answer late = { map[i].code,
                               &echo_bidi,
                               { { HEADERS, OK_FIELDS }, { DATA, "a" }, { RESET, map[i].error } },
                               after,
                               NULL };
        struct answer over = { map[i].code,
                               &echo_bidi,
                               { { HEADERS, OK_FIELDS },
                                 { END_HEADERS, "grpc-status: 0\n" },
                                 { RESET, map[i].error } },
                               "headers end closed OK",
                               NULL };

        snprintf(before, sizeof before, "closed %s", map[i].code);
        snprintf(after, sizeof after, "headers message(a) closed %s", map[i].code);
        if (error_of(map[i].error) != H2_REFUSED_STREAM) /* another attempt follows that: rule 36 */
            check_answer(&early);
        check_answer(&late);
        check_answer(&over);
    }
}

Test(call_status, r27_a_lost_connection_is_unavailable)
{
    static const struct answer rows[] = {
        { "before headers", &echo_unary, { { CLOSE, NULL } }, "closed UNAVAILABLE", NULL },
        { "after headers",
          &echo_unary,
          { { HEADERS, OK_FIELDS }, { CLOSE, NULL } },
          "headers closed UNAVAILABLE",
          NULL },
        { "after a message",
          &echo_bidi,
          { { HEADERS, OK_FIELDS }, { DATA, "a" }, { CLOSE, NULL } },
          "headers message(a) closed UNAVAILABLE",
          NULL },
    };
    CHECK(rows);
}

Test(call_status, r28_a_wrong_number_of_responses_is_unimplemented)
{
    static const struct answer rows[] = {
        { "none",
          &echo_unary,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "grpc-status: 0\n" } },
          "headers closed UNIMPLEMENTED",
          "no response message" },
        { "none, trailers-only",
          &echo_client_stream,
          { { END_HEADERS, OK_FIELDS "grpc-status: 0\n" } },
          "closed UNIMPLEMENTED",
          "no response message" },
        { "two",
          &echo_unary,
          { { HEADERS, OK_FIELDS },
            { DATA, "a" },
            { DATA, "b" },
            { END_HEADERS, "grpc-status: 0\n" } },
          "headers closed UNIMPLEMENTED",
          "more than one response message" },
        { "none, but an error",
          &echo_unary,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "grpc-status: 5\n" } },
          "headers end closed NOT_FOUND",
          "" },
        { "one, but an error",
          &echo_unary,
          { { HEADERS, OK_FIELDS }, { DATA, "a" }, { END_HEADERS, "grpc-status: 5\n" } },
          "headers end closed NOT_FOUND",
          "" },
        { "none of many",
          &echo_server_stream,
          { { HEADERS, OK_FIELDS }, { END_HEADERS, "grpc-status: 0\n" } },
          "headers end closed OK",
          "" },
    };
    CHECK(rows);
}

Test(call_status, r09_a_reply_of_another_content_type_is_no_reply)
{
    static const char *const types[] = { "text/plain", "application/grpc-web", "application/json",
                                         "application/grpcx" };
    static const char *const good[] = { "application/grpc+proto", "application/grpc;a=b",
                                        "application/grpc+json" };
    char fields[128], text[128];

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct answer a = { types[i],
                            &echo_unary,
                            { { HEADERS, fields }, { END_DATA, "a" } },
                            "closed UNKNOWN",
                            text };
        snprintf(fields, sizeof fields, ":status: 200\ncontent-type: %s\n", types[i]);
        snprintf(text, sizeof text, "content-type \"%s\" is not application/grpc", types[i]);
        check_answer(&a);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct answer a = {
            good[i],
            &echo_unary,
            { { HEADERS, fields }, { DATA, "a" }, { END_HEADERS, "grpc-status: 0\n" } },
            "headers message(a) end closed OK",
            ""
        };
        snprintf(fields, sizeof fields, ":status: 200\ncontent-type: %s\n", good[i]);
        check_answer(&a);
    }
}
