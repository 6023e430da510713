#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "support/pair.h"

/*
 * Real sockets: the peer is a process of its own, and is killed in mid-call. Each test runs over
 * TCP on a free port and over a UNIX socket in a directory of its own.
 */

#define SECOND 1000000000

static char directory[64];

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/vitro-test-XXXXXX");
    cr_assert(mkdtemp(directory));
}

static void remove_directory(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/socket", directory);
    unlink(path);
    rmdir(directory);
}

TestSuite(call_sockets, .init = make_directory, .fini = remove_directory, .timeout = 60);

/* The address to listen on: 0 TCP, 1 UNIX. */
static const char *listen_target(int kind)
{
    static char text[128];

    snprintf(text, sizeof text, "unix:%s/socket", directory);
    return kind == 0 ? "ipv4:127.0.0.1:0" : text;
}

/* ---- processes ------------------------------------------------------------------------------ */

struct child {
    pid_t pid;
    int from; /* its texts */
};

static void child_say(int to, const char *text)
{
    char line[200] = "";

    snprintf(line, sizeof line, "%s", text);
    if (write(to, line, sizeof line) != sizeof line)
        _exit(1);
}

/* Begin a process that runs fn until it is killed, also with its parent. */
static struct child child_start(void (*fn)(int to, const char *target), const char *target)
{
    struct child c;
    int pipes[2];

    cr_assert_eq(pipe(pipes), 0);
    c.pid = fork();
    cr_assert_geq(c.pid, 0);
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[0]);
        fn(pipes[1], target);
        _exit(0);
    }
    close(pipes[1]);
    c.from = pipes[0];
    return c;
}

static void child_hear(const struct child *c, char text[200])
{
    size_t have = 0;

    while (have < 200) {
        ssize_t n = read(c->from, text + have, 200 - have);
        cr_assert_gt(n, 0, "the other process ended");
        have += (size_t)n;
    }
}

static void child_kill(struct child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    close(c->from);
}

/* ---- what both processes are made of -------------------------------------------------------- */

static void echo(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_code rc = vitro_call_send(call, m->bytes, 0, NULL, NULL);
    (void)rc;
}

static const vitro_call_events echo_events = { .size = sizeof echo_events, .on_message = echo };

static void run_server(int to, const char *target)
{
    vitro_loop *loop;
    vitro_server *server;
    char bound[160];

    if (vitro_loop_new(&loop, NULL, NULL) != VITRO_OK ||
        vitro_server_new(&server, &loop, 1, NULL, NULL) != VITRO_OK ||
        vitro_server_add(server, &echo_bidi, NULL, &echo_events, NULL, NULL) != VITRO_OK ||
        vitro_server_listen(server, target, bound, sizeof bound, NULL) != VITRO_OK)
        _exit(1);
    child_say(to, bound);
    vitro_loop_run_until(loop, NULL, NULL, INT64_MAX, NULL);
}

static void run_client(int to, const char *target)
{
    vitro_channel *channel;
    vitro_call *call;
    vitro_message m;

    if (vitro_channel_new(&channel, NULL, target, NULL, NULL) != VITRO_OK ||
        vitro_call_open(&call, channel, &echo_bidi, NULL, NULL) != VITRO_OK ||
        vitro_call_write(call, bytes_of("hello"), 0, NULL) != VITRO_OK ||
        vitro_call_read(call, &m, NULL) != VITRO_OK)
        _exit(1);
    child_say(to, "in the middle of a call");
    if (vitro_call_read(call, &m, NULL) != VITRO_OK)
        _exit(1);
}

static bool is_closed(void *user)
{
    return ((const struct record *)user)->closed;
}

static bool has_message(void *user)
{
    return ((const struct record *)user)->messages > 0;
}

static void run_until(vitro_loop *loop, bool (*done)(void *), struct record *r)
{
    cr_assert_eq(
        vitro_loop_run_until(loop, done, r, vitro_loop_now(loop) + 20 * (int64_t)SECOND, NULL),
        VITRO_OK, "after 20 seconds: %s", r->text);
}

/* ---- must ----------------------------------------------------------------------------------- */

Test(call_sockets, r27_a_killed_server_is_unavailable_to_its_client)
{
    for (int kind = 0; kind < 2; kind++) {
        struct child c = child_start(run_server, listen_target(kind));
        struct record r = { .len = 0 };
        vitro_loop *loop;
        vitro_channel *channel;
        vitro_call *call;
        char target[200];

        child_hear(&c, target);
        cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_channel_new(&channel, loop, target, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_call_start(&call, channel, &echo_bidi, NULL, &record_events, &r, NULL),
                     VITRO_OK);
        cr_assert_eq(vitro_call_send(call, bytes_of("hello"), 0, NULL, NULL), VITRO_OK);
        run_until(loop, has_message, &r);
        child_kill(&c);
        run_until(loop, is_closed, &r);
        cr_expect_str_eq(r.text, "headers message(hello) closed UNAVAILABLE", "%s", r.text);
        cr_expect(r.has_error);
        vitro_call_unref(call);
        vitro_channel_free(channel);
        vitro_loop_unref(loop);
        record_done(&r);
    }
}

static struct record served;

static void serve_headers(vitro_call *call, const vitro_md *md, void *user)
{
    record_events.on_headers(call, md, user);
}

static void serve_message(vitro_call *call, const vitro_message *m, void *user)
{
    echo(call, m, user);
    record_events.on_message(call, m, user);
}

Test(call_sockets, r27_a_killed_client_is_a_cancelled_event_to_its_server)
{
    for (int kind = 0; kind < 2; kind++) {
        vitro_call_events events = record_events;
        struct child c;
        vitro_loop *loop;
        vitro_server *server;
        char bound[160], said[200];

        events.on_headers = serve_headers;
        events.on_message = serve_message;
        memset(&served, 0, sizeof served);
        cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_server_new(&server, &loop, 1, NULL, NULL), VITRO_OK);
        cr_assert_eq(vitro_server_add(server, &echo_bidi, NULL, &events, &served, NULL), VITRO_OK);
        cr_assert_eq(vitro_server_listen(server, listen_target(kind), bound, sizeof bound, NULL),
                     VITRO_OK);
        c = child_start(run_client, bound);
        run_until(loop, has_message, &served);
        vitro_loop_run(loop, 0, NULL);
        child_hear(&c, said);
        child_kill(&c);
        run_until(loop, is_closed, &served);
        cr_expect_str_eq(served.text, "headers message(hello) cancelled closed CANCELLED", "%s",
                         served.text);
        vitro_server_free(server);
        vitro_loop_unref(loop);
        record_done(&served);
    }
}

/* ---- errors that people read ---------------------------------------------------------------- */

static const char *error_text(const vitro_error *err)
{
    static char text[512];

    vitro_error_format(err, text, sizeof text);
    return text;
}

Test(call_sockets, a_port_in_use_is_said_with_its_address)
{
    vitro_loop *loop;
    vitro_server *first, *second;
    vitro_error err;
    char bound[160], expected[256];

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&first, &loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&second, &loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(first, "ipv4:127.0.0.1:0", bound, sizeof bound, &err),
                 VITRO_OK);
    cr_expect_eq(vitro_server_listen(second, bound, NULL, 0, &err), VITRO_UNAVAILABLE);
    snprintf(expected, sizeof expected,
             "UNAVAILABLE: listen: %s <- socket: Address already in use (98)", bound);
    cr_expect_str_eq(error_text(&err), expected);
    vitro_server_free(second);
    vitro_server_free(first);
    vitro_loop_unref(loop);
}

/* A blocking call to target fails with this text. */
static void check_call_error(const char *target, vitro_code code, const char *expected)
{
    vitro_channel *channel;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    cr_assert_eq(vitro_channel_new(&channel, NULL, target, NULL, NULL), VITRO_OK);
    cr_expect_eq(vitro_unary(channel, &echo_unary, bytes_of("x"), NULL, &reply, &err), code);
    cr_expect_str_eq(error_text(&err), expected);
    vitro_reply_done(&reply);
    vitro_channel_free(channel);
}

/* A port that nobody listens on: one that was free a moment ago. */
static void free_port(char *target, size_t size)
{
    vitro_loop *loop;
    vitro_server *server;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&server, &loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(server, "ipv4:127.0.0.1:0", target, size, NULL), VITRO_OK);
    vitro_server_free(server);
    vitro_loop_unref(loop);
}

Test(call_sockets, a_refused_target_is_said_with_its_address)
{
    char target[160], expected[512], path[160];

    free_port(target, sizeof target);
    snprintf(expected, sizeof expected,
             "UNAVAILABLE: channel: no connection to %s <- connect: %s <- socket: Connection "
             "refused (111)",
             target, target);
    check_call_error(target, VITRO_UNAVAILABLE, expected);
    snprintf(path, sizeof path, "unix:%s/nobody", directory);
    snprintf(expected, sizeof expected,
             "UNAVAILABLE: channel: no connection to %s <- connect: %s <- socket: No such file or "
             "directory (2)",
             path, path);
    check_call_error(path, VITRO_UNAVAILABLE, expected);
}

Test(call_sockets, a_name_that_does_not_resolve_is_said)
{
    vitro_channel *channel;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    /* .invalid never resolves (RFC 6761, 6.4); how the system puts it differs */
    cr_assert_eq(vitro_channel_new(&channel, NULL, "dns:nobody.invalid:1", NULL, NULL), VITRO_OK);
    cr_expect_eq(vitro_unary(channel, &echo_unary, bytes_of("x"), NULL, &reply, &err),
                 VITRO_UNAVAILABLE);
    cr_expect(
        strstr(error_text(&err), "UNAVAILABLE: channel: no connection to dns:nobody.invalid:1 <- "),
        "%s", error_text(&err));
    cr_expect(strstr(error_text(&err), "nobody.invalid"), "%s", error_text(&err));
    vitro_reply_done(&reply);
    vitro_channel_free(channel);
}

Test(call_sockets, a_target_that_cannot_be_meant_is_refused_at_once)
{
    static const char *const targets[] = { "ipv4:1.2.3", "ipv4:1.2.3.4:99999",
                                           "unix:", "dns:", "ftp://x/y" };

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        vitro_channel *channel = NULL;
        vitro_error err = { .code = VITRO_OK };

        cr_expect_eq(vitro_channel_new(&channel, NULL, targets[i], NULL, &err),
                     VITRO_INVALID_ARGUMENT, "%s", targets[i]);
        cr_expect(strstr(error_text(&err), targets[i]), "%s", error_text(&err));
        vitro_channel_free(channel);
    }
}

/* ---- blocking functions in a callback ------------------------------------------------------- */

static vitro_code blocked_codes[3];

static void block_in_callback(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_call *other;

    blocked_codes[0] = vitro_unary(user, &echo_unary, bytes_of("x"), NULL, &reply, NULL);
    blocked_codes[1] = vitro_call_open(&other, user, &echo_unary, NULL, NULL);
    blocked_codes[2] = vitro_loop_run(vitro_call_loop(call), 0, NULL);
    vitro_reply_done(&reply);
}

static bool is_asked(void *user)
{
    return blocked_codes[2] != VITRO_OK;
}

Test(call_sockets, a_blocking_call_in_a_callback_of_its_loop_is_refused)
{
    static const vitro_call_events events = { .size = sizeof events,
                                              .on_message = block_in_callback };
    struct child c = child_start(run_server, listen_target(0));
    vitro_loop *loop;
    vitro_channel *channel;
    vitro_call *call;
    char target[200];

    child_hear(&c, target);
    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_channel_new(&channel, loop, target, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_start(&call, channel, &echo_bidi, NULL, &events, channel, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_call_send(call, bytes_of("x"), 0, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_run_until(loop, is_asked, NULL, INT64_MAX, NULL), VITRO_OK);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(blocked_codes[i], VITRO_FAILED_PRECONDITION);
    vitro_call_cancel(call);
    vitro_call_unref(call);
    vitro_channel_free(channel);
    vitro_loop_unref(loop);
    child_kill(&c);
}
