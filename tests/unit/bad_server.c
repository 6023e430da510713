/*
 * The servers of gRPC's "HTTP/2 interop tests" that misbehave, or are only unusual: the same script
 * and the same cases of a client as `make interop` plays between two programs, here under sim and
 * over TCP. What a client must do is said in gRPC's
 * doc/negative-http2-interop-test-descriptions.md.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "interop/client/session.h"
#include "support/bad_server.h"
#include "support/pair.h"

TestSuite(bad_server, .timeout = 60);

struct stage {
    struct pair p;
    struct bad_server server;
    struct session session;
};

static void stage_init(struct stage *s, const char *name, bool sockets)
{
    static const struct flags none;
    const struct bad_case *of = bad_case_find(name);
    vitro_error err;

    memset(s, 0, sizeof *s);
    pair_init(&s->p);
    s->p.sockets = sockets;
    pair_make_world(&s->p);
    cr_assert(of);
    cr_assert_eq(bad_server_open(&s->server, s->p.server_loop, s->p.target, NULL, of, &err),
                 VITRO_OK, "%s", err.frame[0].text);
    s->session.flags = &none;
    s->session.loop = vitro_loop_ref(s->p.client_loop);
    vitro_address_text(&s->server.listener.bound, s->session.target, sizeof s->session.target);
    cr_assert_eq(session_connect(&s->session, &err), VITRO_OK, "%s", err.frame[0].text);
}

static void stage_done(struct stage *s)
{
    session_close(&s->session);
    bad_server_close(&s->server);
    pair_stop(&s->p);
}

/* The case passes, the server has nothing to say against it, and so once more on the same channel,
 * over this number of connections in all. */
static void play(const char *name, case_function *function, unsigned connections)
{
    for (int sockets = 0; sockets < 2; sockets++) {
        struct stage s;

        stage_init(&s, name, sockets);
        for (int time = 0; time < 2; time++) {
            const char *wrong;

            cr_expect(function(&s.session), "%s", s.session.why);
            wrong = bad_seen_wrong(&s.server.seen, s.server.of);
            cr_expect_null(wrong, "%s", wrong);
        }
        cr_expect_eq(s.server.seen.connections, connections, "%u", s.server.seen.connections);
        stage_done(&s);
    }
}

Test(bad_server, goaway_after_the_first_call_leaves_the_second_to_a_new_connection)
{
    play("goaway", goaway, 4);
}

Test(bad_server, rst_after_header_is_internal_and_the_connection_lives_on)
{
    play("rst_after_header", rst_after_header, 1);
}

Test(bad_server, rst_during_data_is_internal_and_the_connection_lives_on)
{
    play("rst_during_data", rst_during_data, 1);
}

Test(bad_server, rst_after_data_is_internal_though_the_message_is_whole)
{
    play("rst_after_data", rst_after_data, 1);
}

Test(bad_server, ping_is_acknowledged_wherever_it_comes)
{
    play("ping", ping, 1);
}

Test(bad_server, max_streams_of_one_makes_ten_calls_wait_their_turn)
{
    play("max_streams", max_streams, 1);
}

Test(bad_server, data_frame_padding_counts_in_the_windows_and_is_given_back)
{
    play("data_frame_padding", data_frame_padding, 1);
}

Test(bad_server, no_df_padding_sanity_test_is_answered_too)
{
    play("no_df_padding_sanity_test", no_df_padding_sanity_test, 1);
}
