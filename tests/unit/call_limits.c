#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/peer.h"

static vitro_bytes zeros(size_t n)
{
    static uint8_t bytes[100000];

    return (vitro_bytes){ bytes, n };
}

/* A unary echo of n bytes; the line of its error, or "OK". */
static const char *echo_of(struct pair *p, size_t n, const vitro_call_options *o)
{
    static char text[512];
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    snprintf(text, sizeof text, "OK");
    if (vitro_unary(p->channel, &echo_unary, zeros(n), o, &reply, &err) != VITRO_OK)
        vitro_error_format(&err, text, sizeof text);
    else
        cr_expect_eq(reply.message.len, n);
    vitro_reply_done(&reply);
    return text;
}

Test(call_limits, r03_a_message_over_any_of_the_limits_is_resource_exhausted)
{
    struct pair p;
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    pair_init(&p);
    p.server_options.max_recv_bytes = 1000;
    pair_start(&p);
    cr_expect_str_eq(echo_of(&p, 1000, NULL), "OK");
    cr_expect_str_eq(echo_of(&p, 1001, NULL),
                     "RESOURCE_EXHAUSTED: server: 1001 bytes are more than the limit of 1000");
    cr_expect_str_eq(echo_of(&p, 1000, NULL), "OK", "the connection goes on");
    o.max_recv_bytes = 500;
    cr_expect_str_eq(echo_of(&p, 500, &o), "OK");
    cr_expect_str_eq(echo_of(&p, 501, &o),
                     "RESOURCE_EXHAUSTED: message: 501 bytes are more than the limit of 500");
    pair_stop(&p);

    pair_init(&p);
    p.channel_options.max_send_bytes = 700;
    p.channel_options.max_recv_bytes = 600;
    p.server_options.max_send_bytes = 650;
    pair_start(&p);
    cr_expect_str_eq(echo_of(&p, 600, NULL), "OK");
    cr_expect_str_eq(echo_of(&p, 601, NULL),
                     "RESOURCE_EXHAUSTED: message: 601 bytes are more than the limit of 600");
    cr_expect_str_eq(echo_of(&p, 701, NULL),
                     "RESOURCE_EXHAUSTED: call: a message of 701 bytes is over the limit of 700");
    pair_stop(&p);
}

static vitro_md *large_metadata(size_t n)
{
    vitro_md *md = vitro_md_new();
    char *value = malloc(n + 1);

    memset(value, 'a', n);
    value[n] = '\0';
    cr_assert_eq(vitro_md_add_text(md, "large", value, NULL), VITRO_OK);
    free(value);
    return md;
}

Test(call_limits, r16_a_header_list_over_the_limit_ends_the_call_and_no_other)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = large_metadata(9000);
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    o.metadata = md;
    call = pair_call(&p, &echo_unary, &o, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_eq(r.code, VITRO_RESOURCE_EXHAUSTED, "%s: %s", r.text, r.message);
    cr_expect_str_eq(r.message, "the header list is over the limit of 8192 bytes");
    cr_expect_str_eq(echo_of(&p, 10, NULL), "OK", "the connection goes on");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
    vitro_md_free(md);
}

static void answer_large(vitro_call *call, const vitro_md *md, void *user)
{
    vitro_md *large = large_metadata(9000);

    vitro_call_finish(call, VITRO_OK, NULL, large, NULL);
    vitro_md_free(large);
}

Test(call_limits, r16_a_reply_over_the_header_limit_is_resource_exhausted_at_the_client)
{
    static const vitro_method method = { .path = "/test.Large/Bidi", .kind = VITRO_BIDI_STREAMING };
    static const vitro_call_events events = { .size = sizeof events, .on_headers = answer_large };
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    call = pair_call(&p, &method, NULL, &r);
    pair_run(&p);
    cr_expect_str_eq(r.text, "closed RESOURCE_EXHAUSTED", "%s", r.message);
    cr_expect_str_eq(r.message, "the header list is over the limit of 8192 bytes");
    cr_expect_str_eq(echo_of(&p, 10, NULL), "OK", "the connection goes on");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(call_limits, a_connection_over_its_memory_ends_calls_and_not_the_process)
{
    struct pair p;
    struct record r[8];
    vitro_call *call[8];

    memset(r, 0, sizeof r);
    pair_init(&p);
    p.server_options.connection_memory_bytes = 150000;
    pair_start(&p);
    for (size_t i = 0; i < ARRAY_LEN(r); i++) { /* each half-sent: put together at the server */
        call[i] = pair_call(&p, &echo_unary, NULL, &r[i]);
        cr_assert_eq(vitro_call_send(call[i], zeros(90000), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    }
    pair_run(&p);
    for (size_t i = 0; i < ARRAY_LEN(r); i++) {
        cr_expect(r[i].closed);
        cr_expect(r[i].code == VITRO_OK || r[i].code == VITRO_RESOURCE_EXHAUSTED, "%s: %s",
                  r[i].text, r[i].message);
        vitro_call_unref(call[i]);
        record_done(&r[i]);
    }
    pair_stop(&p);
}

Test(call_limits, a_client_that_resets_without_end_is_calmed)
{
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    for (uint32_t i = 0; i < 1200 && !peer.closed; i++) {
        peer_request(&peer, 2 * i + 1, false, "/test.Echo/Bidi", NULL);
        peer_reset(&peer, 2 * i + 1, H2_CANCEL);
        if (i % 20 == 19)
            peer_run(&peer);
    }
    peer_run(&peer);
    cr_expect(strstr(peer.log, "ENHANCE_YOUR_CALM too many resets"), "no GOAWAY");
    cr_expect(peer.closed);
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- memory at rest -------------------------------------------------------------------------- */

/* Bytes that a client holds after a small call to a peer that takes frames of up to max_frame. */
static size_t held_after_a_call(uint32_t max_frame)
{
    struct pair p;
    struct peer peer;
    struct record r = { .len = 0 };
    vitro_call *call;
    size_t held;

    pair_init(&p);
    pair_make_world(&p);
    peer_init(&peer, &p, p.server_loop);
    peer_listen(&peer);
    peer_settings(&peer, 5 /* SETTINGS_MAX_FRAME_SIZE */, max_frame);
    pair_make_channel(&p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_settle(&p);
    cr_expect_eq(peer_count(&peer, "DATA 1 6"), 1, "%s", peer.log);
    held = vitro_loop_account(p.client_loop)->used;
    vitro_call_unref(call);
    peer_done(&peer);
    pair_stop(&p);
    record_done(&r);
    return held;
}

Test(call_limits, a_peer_that_takes_large_frames_costs_no_memory_before_they_are_sent)
{
    cr_expect_eq(held_after_a_call(32768), held_after_a_call(16384));
}
