#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"

#define ACCEPT "grpc-accept-encoding=identity,gzip,deflate"

/* ---- what our client sends ------------------------------------------------------------------ */

/* The line of the HEADERS of one call, made by o on a channel to target. */
static void request_line(char *out, size_t size, const char *target, struct pair *options,
                         const vitro_call_options *o)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    if (options)
        p.channel_options = options->channel_options;
    pair_make_world(&p);
    cr_assert_eq(vitro_sim_name(p.sim, "example.com", "sim:server", NULL), VITRO_OK);
    peer_init(&peer, &p, p.server_loop);
    if (target && !strchr(target, '.'))
        snprintf(p.target, sizeof p.target, "%s", target);
    peer_listen(&peer);
    peer_settings(&peer, 0, 0);
    if (target)
        snprintf(p.target, sizeof p.target, "%s", target);
    pair_make_channel(&p);
    call = pair_call(&p, &echo_bidi, o, &r);
    pair_settle(&p);
    snprintf(out, size, "%s", peer_line(&peer, "HEADERS 1"));
    vitro_call_cancel(call);
    vitro_call_unref(call);
    pair_settle(&p);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_headers, r08_te_is_sent_and_the_order_is_that_of_grpc)
{
    char line[1024];
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();

    cr_assert_eq(vitro_md_add_text(md, "b", "2", NULL), VITRO_OK);
    cr_assert_eq(vitro_md_add_text(md, "a", "1", NULL), VITRO_OK);
    o.metadata = md;
    o.timeout_ns = 1000000000;
    request_line(line, sizeof line, NULL, NULL, &o);
    cr_expect_str_eq(line, "HEADERS 1 :method=POST :scheme=http :path=/test.Echo/Bidi "
                           ":authority=server te=trailers grpc-timeout=1000000u "
                           "content-type=application/grpc " ACCEPT
                           " user-agent=grpc-c-vitro/0.1.0 b=2 a=1");
    vitro_md_free(md);
}

Test(call_headers, r18_the_authority_is_the_host_of_the_target_unless_told)
{
    static const struct {
        const char *target, *channel, *call, *expected;
    } rows[] = {
        { "dns:example.com:50051", NULL, NULL, ":authority=example.com:50051 " },
        { "example.com:50051", "chan.example", NULL, ":authority=chan.example " },
        { "example.com:50051", "chan.example", "call.example", ":authority=call.example " },
        { "example.com:50051", NULL, "call.example", ":authority=call.example " },
        { "unix:/tmp/under-sim-this-is-a-name", NULL, NULL, ":authority=localhost " },
        { "unix-abstract:name", NULL, NULL, ":authority=localhost " },
        { "unix:/tmp/under-sim-this-is-a-name", "chan.example", NULL, ":authority=chan.example " },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[1024];
        struct pair options;
        vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

        pair_init(&options);
        options.channel_options.authority = rows[i].channel;
        o.authority = rows[i].call;
        request_line(line, sizeof line, rows[i].target, &options, &o);
        cr_expect(strstr(line, rows[i].expected), "row %zu: %s", i, line);
    }
}

/* A peer that is asked so resets the stream and says nothing of why. */
Test(call_headers, what_no_server_takes_is_refused_before_it_is_sent)
{
    static const char *const authorities[] = { "", "a b", "host\n", "a/b", "\xed\x95\x9c" };
    static const char *const paths[] = { "", "Say", "/test.Echo/Say it", "/test.Echo/Say\n",
                                         "/\x7f" };
    static const char *const agents[] = { "me\n", "\x7f" };
    vitro_channel_options of_channel = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    struct pair p;
    vitro_channel *none;

    pair_init(&p);
    pair_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++) {
        o.authority = of_channel.authority = authorities[i];
        cr_expect_eq(vitro_unary(p.channel, &echo_unary, bytes_of("x"), &o, NULL, NULL),
                     VITRO_INVALID_ARGUMENT, "call: \"%s\"", authorities[i]);
        cr_expect_eq(vitro_channel_new(&none, p.client_loop, "sim:x", &of_channel, NULL),
                     VITRO_INVALID_ARGUMENT, "channel: \"%s\"", authorities[i]);
    }
    of_channel.authority = NULL;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        vitro_method m = { paths[i], VITRO_UNARY, NULL };
        cr_expect_eq(vitro_unary(p.channel, &m, bytes_of("x"), NULL, NULL, NULL),
                     VITRO_INVALID_ARGUMENT, "\"%s\"", paths[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
        of_channel.user_agent = agents[i];
        cr_expect_eq(vitro_channel_new(&none, p.client_loop, "sim:x", &of_channel, NULL),
                     VITRO_INVALID_ARGUMENT, "\"%s\"", agents[i]);
    }
    cr_expect_eq(vitro_sim_links_made(p.sim), 0);
    pair_stop(&p);
}

Test(call_headers, r19_the_user_agent_has_grpcs_shape_behind_the_applications)
{
    char line[1024];
    struct pair options;

    pair_init(&options);
    request_line(line, sizeof line, NULL, &options, NULL);
    cr_expect(strstr(line, " user-agent=grpc-c-vitro/0.1.0"), "%s", line);
    options.channel_options.user_agent = "app/2";
    request_line(line, sizeof line, NULL, &options, NULL);
    cr_expect(strstr(line, " user-agent=app/2 grpc-c-vitro/0.1.0"), "%s", line);
}

Test(call_headers, r11_the_timeout_counts_down_while_a_call_waits)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    o.timeout_ns = 10000000000;
    pair_init(&p);
    pair_make_world(&p);
    peer_init(&peer, &p, p.server_loop);
    peer_listen(&peer);
    peer.manual_ack = true;
    pair_make_channel(&p);
    call = pair_call(&p, &echo_bidi, &o, &r);
    vitro_sim_run_for(p.sim, 4000000000);
    peer_settings(&peer, 0, 0);
    peer_run(&peer);
    cr_expect(strstr(peer_line(&peer, "HEADERS 1"), "grpc-timeout=6000000u "), "%s", peer.log);
    vitro_call_cancel(call);
    vitro_call_unref(call);
    pair_settle(&p);
    record_done(&r);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- metadata both ways --------------------------------------------------------------------- */

/* A handler that gives the request's metadata back, as headers and as trailers. */
static void mirror(vitro_call *call, const vitro_md *md, void *user)
{
    cr_assert_eq(vitro_call_send_headers(call, md, NULL), VITRO_OK, "an echo never fails");
    cr_assert_eq(vitro_call_finish(call, VITRO_OK, NULL, md, NULL), VITRO_OK);
}

static const vitro_method mirror_method = { .path = "/test.Mirror/Bidi",
                                            .kind = VITRO_BIDI_STREAMING };
static const vitro_call_events mirror_events = { .size = sizeof mirror_events,
                                                 .on_headers = mirror };

static void pair_with_mirror(struct pair *p)
{
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, &mirror_method, NULL, &mirror_events, NULL, NULL),
                 VITRO_OK);
}

static void check_same(const vitro_md *a, const vitro_md *b)
{
    vitro_str ka, kb;
    vitro_bytes va, vb;

    cr_assert_eq(vitro_md_count(a), vitro_md_count(b));
    for (size_t i = 0; vitro_md_at(a, i, &ka, &va) && vitro_md_at(b, i, &kb, &vb); i++) {
        cr_expect(vitro_str_eq(ka, kb), "%.*s", (int)ka.len, ka.ptr);
        cr_expect(va.len == vb.len && (!va.len || memcmp(va.ptr, vb.ptr, va.len) == 0), "%.*s",
                  (int)ka.len, ka.ptr);
    }
}

Test(call_headers, r12_r14_keys_with_dots_travel_and_equal_keys_keep_their_order)
{
    static const uint8_t binary[] = { 0, 255, ',', 1, 2, 3 };
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();
    vitro_call *call;

    cr_assert_eq(vitro_md_add_text(md, "a.dotted_key-1", "one", NULL), VITRO_OK);
    cr_assert_eq(vitro_md_add_text(md, "a.dotted_key-1", "two", NULL), VITRO_OK);
    cr_assert_eq(vitro_md_add_text(md, "empty", "", NULL), VITRO_OK);
    cr_assert_eq(vitro_md_add(md, vitro_str_of("x-bin"), (vitro_bytes){ binary, 6 }, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_md_add(md, vitro_str_of("x-bin"), (vitro_bytes){ binary, 0 }, NULL),
                 VITRO_OK);
    cr_expect_eq(vitro_md_add_text(md, "grpc-mine", "x", NULL), VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_md_add_text(md, "Upper", "x", NULL), VITRO_INVALID_ARGUMENT);
    o.metadata = md;
    pair_init(&p);
    pair_with_mirror(&p);
    pair_start(&p);
    call = pair_call(&p, &mirror_method, &o, &r);
    pair_run(&p);
    cr_expect_eq(r.code, VITRO_OK, "%s", r.message);
    check_same(r.headers, md);
    check_same(r.trailers, md);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
    vitro_md_free(md);
}

Test(call_headers, r14_three_hundred_entries_travel)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();
    vitro_call *call;

    for (int i = 0; i < 300; i++) {
        char key[32], value[32];
        snprintf(key, sizeof key, "key-%d%s", i % 100, i % 3 ? "" : "-bin");
        snprintf(value, sizeof value, "value %d", i);
        cr_assert_eq(vitro_md_add_text(md, key, value, NULL), VITRO_OK);
    }
    o.metadata = md;
    pair_init(&p);
    p.server_options.max_header_bytes = p.channel_options.max_header_bytes = 1 << 20;
    pair_with_mirror(&p);
    pair_start(&p);
    call = pair_call(&p, &mirror_method, &o, &r);
    pair_run(&p);
    cr_expect_eq(r.code, VITRO_OK, "%s", r.message);
    check_same(r.headers, md);
    check_same(r.trailers, md);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
    vitro_md_free(md);
}

Test(call_headers, r13_r14_binary_values_may_be_padded_and_joined_by_commas)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_with_mirror(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, true, "/test.Mirror/Bidi", "a-bin: YQ==,Yg\na-bin: Yw\ntext: x,y\n");
    peer_run(&peer);
    cr_expect_str_eq(peer_line(&peer, "HEADERS 1 :status"),
                     "HEADERS 1 :status=200 content-type=application/grpc " ACCEPT
                     " a-bin=YQ a-bin=Yg "
                     "a-bin=Yw text=x,y");
    cr_expect_str_eq(peer_line(&peer, "HEADERS 1 end"),
                     "HEADERS 1 end grpc-status=0 a-bin=YQ a-bin=Yg a-bin=Yw text=x,y");
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_headers, r15_what_http_allows_is_taken_and_its_echo_never_fails)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_with_mirror(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, true, "/test.Mirror/Bidi", "odd!key: \xed\x95\x9c\ttab\n");
    peer_run(&peer);
    cr_expect(strstr(peer_line(&peer, "HEADERS 1 end"), "odd!key=\xed\x95\x9c\ttab"), "%s",
              peer.log);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_headers, r10_a_lone_host_is_the_authority_and_two_are_400)
{
#define MIRROR_TO ":method: POST\n:scheme: http\n:path: /test.Mirror/Bidi\n"
#define REST      "te: trailers\ncontent-type: application/grpc\n"
    static const struct {
        const char *fields, *expected;
    } rows[] = {
        { MIRROR_TO "host: a\n" REST, "HEADERS 1 end grpc-status=0" },
        { MIRROR_TO ":authority: a\nhost: b\nhost: c\n" REST, "HEADERS 1 end :status=400" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct peer peer;

        pair_init(&p);
        pair_with_mirror(&p);
        pair_listen(&p);
        peer_init(&peer, &p, p.client_loop);
        peer_client(&peer);
        peer_headers(&peer, 1, true, rows[i].fields);
        peer_run(&peer);
        cr_expect(peer_count(&peer, rows[i].expected) || peer_count(&peer, "RST_STREAM 1 PROTOCOL"),
                  "row %zu: %s", i, peer.log);
        peer_done(&peer);
        pair_stop(&p);
    }
}

/* ---- what our server sends ------------------------------------------------------------------ */

enum finish_how { AT_ONCE, AFTER_MESSAGE, AFTER_HEADERS, WITH_TEXT };

static void finish_as_told(vitro_call *call, const vitro_md *md, void *user)
{
    vitro_code rc = VITRO_OK;

    switch (*(enum finish_how *)user) {
    case AT_ONCE:
        vitro_call_finish(call, VITRO_NOT_FOUND, NULL, NULL, NULL);
        break;
    case AFTER_MESSAGE:
        rc = vitro_call_send(call, bytes_of("x"), 0, NULL, NULL);
        vitro_call_finish(call, VITRO_NOT_FOUND, NULL, NULL, NULL);
        break;
    case AFTER_HEADERS:
        rc = vitro_call_send_headers(call, NULL, NULL);
        cr_expect_eq(vitro_call_send_headers(call, NULL, NULL), VITRO_FAILED_PRECONDITION);
        vitro_call_finish(call, VITRO_NOT_FOUND, NULL, NULL, NULL);
        break;
    case WITH_TEXT:
        vitro_call_finish(call, VITRO_NOT_FOUND, " 한%\n ", NULL, NULL);
        break;
    }
    cr_expect_eq(rc, VITRO_OK);
    cr_expect_eq(vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL), VITRO_FAILED_PRECONDITION);
    cr_expect_eq(vitro_call_send(call, bytes_of("y"), 0, NULL, NULL), VITRO_FAILED_PRECONDITION);
}

/* Everything about stream 1 but SETTINGS. */
static void check_finish(enum finish_how how, const char *expected)
{
    static const vitro_method method = { .path = "/test.Finish/Bidi",
                                         .kind = VITRO_BIDI_STREAMING };
    static const vitro_call_events events = { .size = sizeof events, .on_headers = finish_as_told };
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &events, &how, NULL), VITRO_OK);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_forget(&peer);
    peer_request(&peer, 1, true, "/test.Finish/Bidi", NULL);
    peer_run(&peer);
    cr_expect(strstr(peer.log, expected), "%d: %s", how, peer.log);
    peer_done(&peer);
    pair_stop(&p);
}

Test(call_headers, r32_headers_wait_for_the_first_message_and_an_early_error_is_trailers_only)
{
#define HEAD "HEADERS 1 :status=200 content-type=application/grpc " ACCEPT "\n"
    check_finish(AT_ONCE,
                 "HEADERS 1 end :status=200 content-type=application/grpc grpc-status=5\n");
    check_finish(AFTER_MESSAGE, HEAD "DATA 1 6\nHEADERS 1 end grpc-status=5\n");
    check_finish(AFTER_HEADERS, HEAD "HEADERS 1 end grpc-status=5\n");
}

Test(call_headers, r24_r25_a_message_is_percent_encoded_and_so_are_spaces_at_its_ends)
{
    check_finish(WITH_TEXT, "grpc-status=5 grpc-message=%20%ED%95%9C%25%0A%20\n");
}

Test(call_headers, r20_the_status_is_explicit_even_for_ok)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    peer_request(&peer, 1, false, "/test.Echo/Unary", NULL);
    peer_message(&peer, 1, true, "x");
    peer_run(&peer);
    cr_expect_eq(peer_count(&peer, "HEADERS 1 end grpc-status=0"), 1, "%s", peer.log);
    peer_done(&peer);
    pair_stop(&p);
}
