/* unix: sinks without a reader, and with one after the other. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/pair.h"
#include "support/viewer.h"
#include "trace/note.h"
#include "trace/trace.h"

TestSuite(trace_dial, .timeout = 30);

static const int64_t second = 1000000000;

static vitro_trace *open_trace(void)
{
    vitro_trace *t;

    cr_assert(eq(int, vitro_trace_open(&t, viewer_sink, NULL, NULL), VITRO_OK));
    return t;
}

/* The next of who listens there; -1 when nobody has come. */
static int next_at(int listening)
{
    struct pollfd at = { listening, POLLIN, 0 };

    return poll(&at, 1, 0) == 1 ? accept(listening, NULL, NULL) : -1;
}

static void stop_listening(int fd)
{
    close(fd);
    unlink(viewer_path);
}

/* ---- by hand -------------------------------------------------------------------------------- */

Test(trace_dial, a_viewer_may_come_after_the_program)
{
    struct walk w;
    vitro_trace *t;
    int listening, fd;

    viewer_begin("unix:");
    t = open_trace();
    cr_expect(vitro_trace_is_awaiting(t));
    vitro_trace_say(t, "to nobody");
    cr_expect_not(vitro_trace_flush(t), "nothing waits for nobody");
    cr_expect_gt(vitro_trace_dial(t, 0), 0);
    listening = viewer_listen();
    vitro_trace_dial(t, 10 * second);
    fd = next_at(listening);
    cr_assert_geq(fd, 0);
    cr_expect_not(vitro_trace_is_awaiting(t));
    vitro_trace_say(t, "hello");
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    cr_assert(eq(sz, w.n, 1));
    viewer_expect(&w, "hello");
    walk_done(&w);
    stop_listening(listening);
    viewer_end();
}

Test(trace_dial, each_viewer_gets_a_stream_of_its_own)
{
    vitro_trace *t;
    int listening;

    viewer_begin("unix:");
    t = open_trace();
    listening = viewer_listen();
    for (int i = 0; i < 5; i++) {
        struct walk w;
        int fd;

        vitro_trace_dial(t, i * 10 * second);
        fd = next_at(listening);
        cr_assert_geq(fd, 0);
        vitro_trace_dial(t, i * 10 * second + second);
        cr_expect(eq(int, next_at(listening), -1), "one at a time");
        vitro_trace_say(t, "viewer %d", i);
        vitro_trace_flush(t);
        viewer_walk(&w, fd, false);
        cr_expect(eq(str, w.why, ""));
        cr_expect(eq(sz, w.n, 1));
        walk_done(&w);
    }
    vitro_trace_unref(t);
    stop_listening(listening);
    viewer_end();
}

/* The pauses from one try to the next, of a sink that nobody answers. */
Test(trace_dial, the_pauses_grow_to_two_seconds)
{
    vitro_trace *t;
    int64_t now = 0, pause, last = 0;

    viewer_begin("unix:");
    t = open_trace();
    for (int i = 0; i < 12; i++) {
        pause = vitro_trace_dial(t, now);
        cr_expect(pause >= last && pause <= 2 * second, "%lld ns", (long long)pause);
        cr_expect_geq(pause, second / 10);
        cr_expect_eq(vitro_trace_dial(t, now + pause / 2), pause - pause / 2,
                     "not before it is due");
        now += pause;
        last = pause;
    }
    cr_expect_eq(last, 2 * second);
    vitro_trace_unref(t);
    viewer_end();
}

Test(trace_dial, others_are_not_seen_to)
{
    vitro_trace *t;

    viewer_begin("listen:");
    t = open_trace();
    cr_expect_eq(vitro_trace_dial(t, 0), -1);
    cr_expect_not(vitro_trace_is_awaiting(t));
    vitro_trace_unref(t);
    viewer_end();
}

Test(trace_dial, the_child_of_a_fork_connects_to_nobody)
{
    vitro_trace *t;
    pid_t child;
    int listening, status;

    viewer_begin("unix:");
    t = open_trace();
    listening = viewer_listen();
    child = fork();
    if (child == 0)
        _exit(vitro_trace_dial(t, 10 * second) != -1);
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    cr_expect(eq(int, next_at(listening), -1));
    vitro_trace_unref(t);
    stop_listening(listening);
    viewer_end();
}

/* ---- by loops ------------------------------------------------------------------------------- */

static bool is_closed(void *user)
{
    return ((struct record *)user)->closed;
}

static bool has_come(void *user)
{
    struct pollfd at = { *(int *)user, POLLIN, 0 };

    return poll(&at, 1, 0) == 1;
}

/* A stream that is open while viewers come and go: each sees its path, and headers by name. */
Test(trace_dial, a_loop_connects_to_each_and_tells_what_it_has_missed)
{
    struct pair p;
    struct record r = { 0 };
    vitro_trace *t;
    vitro_call *call;
    int listening;

    viewer_begin("unix:");
    t = open_trace();
    pair_init(&p);
    p.server_options.trace = p.channel_options.trace = t;
    snprintf(p.target, sizeof p.target, "ipv4:127.0.0.1:0");
    cr_assert(eq(int, vitro_loop_new(&p.client_loop, NULL, NULL), 0));
    p.server_loop = vitro_loop_ref(p.client_loop);
    p.server = pair_another_server(&p);
    pair_start(&p);
    call = pair_call(&p, &echo_bidi, NULL, &r);
    cr_assert(eq(int, vitro_call_send(call, bytes_of("abc"), 0, NULL, NULL), 0));
    for (unsigned before = 0; r.messages == before;)
        vitro_loop_run(p.client_loop, -1, NULL);
    listening = viewer_listen();
    for (int i = 0; i < 2; i++) {
        struct walk w;
        unsigned before = r.messages;
        int fd;

        cr_assert(
            eq(int, vitro_loop_run_until(p.client_loop, has_come, &listening, INT64_MAX, NULL), 0));
        fd = next_at(listening);
        cr_assert(eq(int, vitro_loop_run_until(p.client_loop, has_come, &fd, INT64_MAX, NULL), 0));
        cr_assert(eq(int, vitro_call_send(call, bytes_of("later"), 0, NULL, NULL), 0));
        while (r.messages == before)
            vitro_loop_run(p.client_loop, -1, NULL);
        viewer_walk(&w, fd, false);
        cr_expect(eq(str, w.why, ""));
        cr_assert(walk_note(&w, 0, "goes_on") && walk_note(&w, 0, "open"));
        cr_expect(eq(str, (char *)walk_field(walk_note(&w, 0, "open"), "VITRO_METHOD"),
                     "/test.Echo/Bidi"));
        walk_done(&w);
    }
    cr_assert(eq(int, vitro_call_send_end(call, NULL), 0));
    cr_expect(eq(int, vitro_loop_run_until(p.client_loop, is_closed, &r, INT64_MAX, NULL), 0));
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
    vitro_trace_unref(t);
    stop_listening(listening);
    viewer_end();
}

Test(trace_dial, under_sim_a_turn_that_writes_connects)
{
    struct pair p;
    struct record r = { 0 };
    vitro_trace *t;
    vitro_call *call;
    int listening, fd;
    struct walk w;

    viewer_begin("unix:");
    t = open_trace();
    pair_init(&p);
    p.channel_options.trace = t;
    pair_start(&p);
    listening = viewer_listen();
    vitro_sim_run_for(p.sim, 10 * second);
    call = pair_call(&p, &echo_unary, NULL, &r);
    cr_assert(eq(int, vitro_call_send(call, bytes_of("abc"), VITRO_SEND_LAST, NULL, NULL), 0));
    pair_run(&p);
    fd = next_at(listening);
    cr_assert_geq(fd, 0);
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    cr_expect_gt(w.n, 5);
    walk_done(&w);
    stop_listening(listening);
    viewer_end();
}
