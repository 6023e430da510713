#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "support/peer.h"

/* ---- what a server refuses ------------------------------------------------------------------ */

static const vitro_call_events nothing = VITRO_CALL_EVENTS_INIT;

static vitro_code add(vitro_server *s, const char *path, vitro_error *err)
{
    vitro_method m = { .path = path, .kind = VITRO_UNARY };

    return vitro_server_add(s, &m, NULL, &nothing, NULL, err);
}

Test(call_server, a_method_has_a_service_and_comes_before_listening)
{
    static const char *const bad[] = { "", "/", "/a", "a/b", "//b", "/a/" };
    struct pair p;
    vitro_error err;
    char text[256];

    pair_init(&p);
    pair_make_server(&p);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_eq(add(p.server, bad[i], &err), VITRO_INVALID_ARGUMENT, "%s", bad[i]);
    cr_expect_eq(vitro_server_add(p.server, &echo_unary, NULL, NULL, NULL, NULL),
                 VITRO_INVALID_ARGUMENT, "nobody would answer");
    cr_expect_eq(add(p.server, "/a/b", &err), VITRO_OK);
    pair_start(&p);
    cr_expect_eq(add(p.server, "/a/c", &err), VITRO_FAILED_PRECONDITION);
    vitro_error_format(&err, text, sizeof text);
    cr_expect_str_eq(text, "FAILED_PRECONDITION: server: methods are added before the server "
                           "listens: /a/c");
    pair_stop(&p);
}

Test(call_server, options_that_were_not_begun_are_called_that)
{
    static const char says[] = "not begun with their _INIT";
    vitro_channel_options of_channel = { .size = 0 };
    vitro_server_options of_server = { .size = 0 };
    vitro_method_options of_method = { .size = 0 };
    vitro_call_options of_call = { .size = 0 };
    vitro_server *server;
    vitro_channel *channel;
    vitro_error err;
    struct pair p;

    pair_init(&p);
    pair_make_server(&p);
    cr_expect_neq(vitro_server_add(p.server, &echo_unary, &of_method, &nothing, NULL, &err),
                  VITRO_OK);
    cr_expect(strstr(err.frame[0].text, says), "%s", err.frame[0].text);
    pair_start(&p);
    cr_expect_neq(vitro_server_new(&server, &p.server_loop, 1, &of_server, &err), VITRO_OK);
    cr_expect(strstr(err.frame[0].text, says), "%s", err.frame[0].text);
    cr_expect_neq(vitro_channel_new(&channel, p.client_loop, "sim:x", &of_channel, &err), VITRO_OK);
    cr_expect(strstr(err.frame[0].text, says), "%s", err.frame[0].text);
    cr_expect_neq(vitro_unary(p.channel, &echo_unary, bytes_of(""), &of_call, NULL, &err),
                  VITRO_OK);
    cr_expect(strstr(err.frame[0].text, says), "%s", err.frame[0].text);
    pair_stop(&p);
}

Test(call_server, an_interceptor_that_was_not_begun_is_refused_wherever_it_is_given)
{
    static const vitro_interceptor good = VITRO_INTERCEPTOR_INIT, bad = { .size = 0 };
    static const vitro_interceptor *const list[] = { &good, &bad, NULL };
    vitro_channel_options of_channel = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_server_options of_server = VITRO_SERVER_OPTIONS_INIT;
    vitro_method_options of_method = VITRO_METHOD_OPTIONS_INIT;
    vitro_call_options of_call = VITRO_CALL_OPTIONS_INIT;
    vitro_server *server;
    vitro_channel *channel;
    struct pair p;

    of_channel.interceptors = of_server.interceptors = list;
    of_method.interceptors = of_call.interceptors = list;
    pair_init(&p);
    pair_make_server(&p);
    cr_expect_eq(vitro_server_add(p.server, &echo_unary, &of_method, &nothing, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    pair_start(&p);
    cr_expect_eq(vitro_server_new(&server, &p.server_loop, 1, &of_server, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_channel_new(&channel, p.client_loop, "sim:x", &of_channel, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_unary(p.channel, &echo_unary, bytes_of(""), &of_call, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    pair_stop(&p);
}

Test(call_server, options_that_cannot_be_meant_are_refused)
{
    vitro_server_options large = VITRO_SERVER_OPTIONS_INIT;
    vitro_channel_options wide = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_call_options newer = VITRO_CALL_OPTIONS_INIT;
    struct pair p;
    vitro_server *server;
    vitro_channel *channel;
    vitro_call *call;

    pair_init(&p);
    pair_start(&p);
    large.window_bytes = UINT32_MAX;
    cr_expect_eq(vitro_server_new(&server, &p.server_loop, 1, &large, NULL),
                 VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_server_new(&server, &p.server_loop, 0, NULL, NULL), VITRO_INVALID_ARGUMENT);
    cr_expect_eq(vitro_server_new(&server, (vitro_loop *[]){ p.server_loop, NULL }, 2, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    wide.max_window_bytes = UINT32_MAX;
    cr_expect_eq(vitro_channel_new(&channel, p.client_loop, "sim:x", &wide, NULL),
                 VITRO_INVALID_ARGUMENT);
    newer.size = 2;
    cr_expect_eq(vitro_call_start(&call, p.channel, &echo_unary, &newer, &nothing, NULL, NULL),
                 VITRO_INVALID_ARGUMENT);
    pair_stop(&p);
}

Test(call_server, hundreds_of_methods_are_found)
{
    static char path[300][32];
    struct pair p;
    struct peer peer;

    pair_init(&p);
    pair_make_server(&p);
    for (size_t i = 0; i < ARRAY_LEN(path); i++) {
        snprintf(path[i], sizeof path[i], "/test.S%zu/M%zu", i / 10, i);
        cr_assert_eq(add(p.server, path[i], NULL), VITRO_OK);
    }
    pair_listen(&p);
    peer_init(&peer, &p, p.client_loop);
    peer_client(&peer);
    for (uint32_t i = 0; i < ARRAY_LEN(path); i++) {
        char line[32];
        peer_request(&peer, 2 * i + 1, true, path[i], NULL); /* known: it has no message */
        peer_run(&peer);
        snprintf(line, sizeof line, "HEADERS %u end", (unsigned)(2 * i + 1));
        cr_expect(strstr(peer_line(&peer, line), "no request message"), "%s", path[i]);
    }
    peer_done(&peer);
    pair_stop(&p);
}

/* ---- several loops -------------------------------------------------------------------------- */

enum { LOOPS = 3, CHANNELS = 7 };

static unsigned calls_on[LOOPS];
static vitro_loop *loops[LOOPS];

static void count_loop(vitro_call *call, const vitro_message *m, void *user)
{
    for (size_t i = 0; i < LOOPS; i++)
        calls_on[i] += vitro_call_loop(call) == loops[i];
    cr_assert_eq(vitro_call_send(call, m->bytes, 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void on_drained(vitro_server *server, void *user)
{
    ++*(int *)user;
}

Test(call_server, connections_are_spread_over_the_loops_and_all_are_drained)
{
    static const vitro_call_events events = { .size = sizeof events, .on_message = count_loop };
    struct pair p;
    vitro_channel *channel[CHANNELS];
    vitro_reply reply = VITRO_REPLY_INIT;
    size_t connections, calls;
    int drained = 0;

    pair_init(&p);
    pair_make_world(&p);
    for (size_t i = 0; i < LOOPS; i++)
        cr_assert_eq(vitro_sim_loop(p.sim, &loops[i], "shard", NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&p.server, loops, LOOPS, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(p.server, &echo_unary, NULL, &events, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(p.server, "sim:server", NULL, 0, NULL), VITRO_OK);
    for (size_t i = 0; i < CHANNELS; i++) {
        cr_assert_eq(vitro_channel_new(&channel[i], p.client_loop, "sim:server", NULL, NULL),
                     VITRO_OK);
        cr_expect_eq(vitro_unary(channel[i], &echo_unary, bytes_of("x"), NULL, &reply, NULL),
                     VITRO_OK);
        vitro_reply_done(&reply);
    }
    vitro_server_load(p.server, &connections, &calls);
    cr_expect_eq(connections, CHANNELS);
    cr_expect_eq(calls, 0);
    for (size_t i = 0; i < LOOPS; i++)
        cr_expect_geq(calls_on[i], CHANNELS / LOOPS, "loop %zu: %u", i, calls_on[i]);
    vitro_server_drain(p.server, 0, on_drained, &drained);
    vitro_server_drain(p.server, 0, on_drained, &drained); /* ignored */
    pair_run(&p);
    cr_expect_eq(drained, 1);
    vitro_server_load(p.server, &connections, &calls);
    cr_expect_eq(connections, 0);
    for (size_t i = 0; i < CHANNELS; i++)
        vitro_channel_free(channel[i]);
    vitro_server_free(p.server);
    p.server = NULL;
    for (size_t i = 0; i < LOOPS; i++)
        vitro_loop_unref(loops[i]);
    pair_stop(&p);
}

Test(call_server, connections_over_the_limit_are_closed_at_once)
{
    struct pair p;
    struct peer first, second;

    pair_init(&p);
    p.server_options.max_connections = 1;
    pair_listen(&p);
    peer_init(&first, &p, p.client_loop);
    peer_init(&second, &p, p.client_loop);
    peer_client(&first);
    peer_client(&second);
    cr_expect(second.closed, "%s", second.log);
    cr_expect_not(first.closed);
    peer_close(&first, false);
    peer_done(&second);
    peer_init(&second, &p, p.client_loop);
    vitro_sim_run_for(p.sim, 2000000000);
    peer_client(&second);
    cr_expect_not(second.closed, "there is room again");
    peer_done(&first);
    peer_done(&second);
    pair_stop(&p);
}

Test(call_server, a_server_may_listen_by_name_and_on_several_addresses)
{
    vitro_loop *loop;
    vitro_server *server;
    vitro_error err;
    char bound[160];

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&server, &loop, 1, NULL, NULL), VITRO_OK);
    cr_expect_eq(vitro_server_listen(server, "localhost:0", bound, sizeof bound, &err), VITRO_OK);
    cr_expect(strstr(bound, "127.0.0.1:") || strstr(bound, "[::1]:"), "%s", bound);
    cr_expect_eq(vitro_server_listen(server, "ipv4:127.0.0.1:0", bound, sizeof bound, &err),
                 VITRO_OK);
    cr_expect_eq(vitro_server_listen(server, "dns:nobody.invalid:0", NULL, 0, &err),
                 VITRO_UNAVAILABLE);
    cr_expect_eq(vitro_server_listen(server, "ipv4:1.2.3", NULL, 0, &err), VITRO_INVALID_ARGUMENT);
    vitro_server_free(server);
    vitro_loop_unref(loop);
}

/* ---- messages of stubs ---------------------------------------------------------------------- */

static void answer_garbage(vitro_call *call, const vitro_message *m, void *user)
{
    static const uint8_t garbage[] = { 0xff, 0xff, 0xff };

    cr_assert_eq(vitro_call_send(call, (vitro_bytes){ garbage, 3 }, 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

Test(call_server, r29_a_response_that_cannot_be_parsed_is_internal)
{
    static const vitro_call_events events = { .size = sizeof events, .on_message = answer_garbage };
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    struct pair p;
    vitro_error err;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &chat_chat_service_send_message_method, NULL, &events,
                                  NULL, NULL),
                 VITRO_OK);
    pair_start(&p);
    cr_expect_eq(chat_chat_service_send_message(p.channel, &request, &response, NULL, &err),
                 VITRO_INTERNAL);
    cr_expect_null(response);
    pair_stop(&p);
}
