#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/pair.h"

/* ---- the four kinds ------------------------------------------------------------------------- */

Test(rpc, a_unary_call_brings_back_its_response_and_ok)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("hello"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message(hello) end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(rpc, the_streaming_kinds_carry_all_messages_in_order)
{
    static const struct {
        const vitro_method *method;
        const char *expected;
    } kinds[] = {
        { &echo_client_stream, "headers message(6) end closed OK" },
        { &echo_bidi, "headers message(ab) message() message(cdef) end closed OK" },
    };

    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        struct record r = { .len = 0 };
        vitro_call *call;

        pair_init(&p);
        pair_start(&p);
        call = pair_call(&p, kinds[i].method, NULL, &r);
        cr_assert_eq(vitro_call_send(call, bytes_of("ab"), 0, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_call_send(call, bytes_of(""), 0, NULL, NULL), VITRO_OK);
        pair_run(&p);
        cr_assert_eq(vitro_call_send(call, bytes_of("cdef"), 0, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_call_send_end(call, NULL), VITRO_OK);
        pair_run(&p);
        cr_expect_str_eq(r.text, kinds[i].expected);
        vitro_call_unref(call);
        record_done(&r);
        pair_stop(&p);
    }
}

Test(rpc, a_server_stream_sends_each_message_and_then_the_status)
{
    struct pair p;
    struct record r = { .len = 0 };
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_server_stream, NULL, &r);
    cr_assert_eq(vitro_call_send(call, bytes_of("xyz"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(&p);
    cr_expect_str_eq(r.text, "headers message(xyz) message(xyz) message(xyz) end closed OK");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

Test(rpc, a_blocking_unary_call_needs_no_loop_of_its_own)
{
    struct pair p;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    pair_init(&p);
    pair_start(&p);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("hi"), NULL, &reply, &err),
                     VITRO_OK);
        cr_expect_eq(reply.message.len, 2);
        cr_expect_eq(memcmp(reply.message.ptr, "hi", 2), 0);
        vitro_reply_done(&reply);
    }
    pair_stop(&p);
}

Test(rpc, a_large_message_crosses_windows_of_any_size)
{
    static const uint32_t windows[] = { 1, 100, 65535, 1 << 20 };
    size_t n = 300000;
    uint8_t *big = malloc(n);

    for (size_t i = 0; i < n; i++)
        big[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < 4; i++) {
        struct pair p;
        vitro_reply reply = VITRO_REPLY_INIT;
        vitro_error err;
        char text[512] = "";

        pair_init(&p);
        p.server_options.window_bytes = p.channel_options.window_bytes = windows[i];
        if (i < 2) {
            n = 3000;
            p.server_options.max_window_bytes = windows[i];
            p.channel_options.max_window_bytes = windows[i];
        } else {
            n = 300000;
        }
        pair_start(&p);
        if (vitro_unary(p.channel, &echo_unary, (vitro_bytes){ big, n }, NULL, &reply, &err))
            vitro_error_format(&err, text, sizeof text);
        cr_expect_eq(reply.message.len, n, "window %u: %s", windows[i], text);
        cr_expect(reply.message.len == n && memcmp(reply.message.ptr, big, n) == 0);
        vitro_reply_done(&reply);
        pair_stop(&p);
    }
    free(big);
}

Test(rpc, what_a_full_link_leaves_unsent_does_not_stop_the_session)
{
    static const uint32_t in_flight[] = { 1000, 60000, 100000, 130000 };
    const size_t n = 4000000;
    uint8_t *big = calloc(1, n);

    for (size_t i = 0; i < 4; i++) {
        struct pair p;
        vitro_reply reply = VITRO_REPLY_INIT;
        vitro_error err;
        char text[512] = "";

        pair_init(&p);
        p.sim_options.in_flight_max = in_flight[i];
        p.sim_options.latency_ns = 1000000;
        p.server_options.window_bytes = p.channel_options.window_bytes = 1 << 20;
        pair_start(&p);
        if (vitro_unary(p.channel, &echo_unary, (vitro_bytes){ big, n }, NULL, &reply, &err))
            vitro_error_format(&err, text, sizeof text);
        cr_expect_eq(reply.message.len, n, "%u in flight: %s", in_flight[i], text);
        vitro_reply_done(&reply);
        pair_stop(&p);
    }
    free(big);
}
