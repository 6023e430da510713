/* A peer that dies in the middle of a call: its kernel closes the socket, nothing else is said. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/pair.h"

static char unix_target[64];
static const char *const targets[] = { "ipv4:127.0.0.1:0", unix_target };

static void set_up(void)
{
    snprintf(unix_target, sizeof unix_target, "unix:/tmp/vitro-killed-%d", (int)getpid());
}

static void tear_down(void)
{
    unlink(unix_target + strlen("unix:"));
}

TestSuite(call_killed, .init = set_up, .fini = tear_down, .timeout = 20);

/* What one end saw of the call. */
struct seen {
    vitro_call *call;
    bool message, cancelled, closed;
    vitro_code code;
};

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    ((struct seen *)user)->message = true;
}

static void on_cancelled(vitro_call *call, void *user)
{
    struct seen *s = user;

    cr_expect(!s->closed, "closed comes last");
    s->cancelled = true;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct seen *s = user;

    cr_expect(!s->closed, "closed comes once");
    s->closed = true;
    s->code = status->code;
}

static void echo(vitro_call *call, const vitro_message *m, void *user)
{
    if (user)
        on_message(call, m, user);
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) != VITRO_OK)
        abort();
}

static const vitro_call_events client_events = { .size = sizeof client_events,
                                                 .on_message = on_message,
                                                 .on_closed = on_closed };
static const vitro_call_events server_events = { .size = sizeof server_events,
                                                 .on_message = echo,
                                                 .on_cancelled = on_cancelled,
                                                 .on_closed = on_closed };

static bool has_message(void *user)
{
    return ((struct seen *)user)->message;
}

static bool is_closed(void *user)
{
    return ((struct seen *)user)->closed;
}

static vitro_loop *loop_new(void)
{
    vitro_loop *loop;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    return loop;
}

static vitro_server *serve(vitro_loop *loop, const char *target, char *bound, size_t size,
                           struct seen *seen)
{
    vitro_server *server;

    cr_assert_eq(vitro_server_new(&server, &loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(server, &echo_bidi, NULL, &server_events, seen, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(server, target, bound, size, NULL), VITRO_OK);
    return server;
}

static vitro_channel *call(vitro_loop *loop, const char *target, struct seen *seen)
{
    vitro_channel *channel;

    cr_assert_eq(vitro_channel_new(&channel, loop, target, NULL, NULL), VITRO_OK);
    cr_assert_eq(
        vitro_call_start(&seen->call, channel, &echo_bidi, NULL, &client_events, seen, NULL),
        VITRO_OK);
    cr_assert_eq(vitro_call_send(seen->call, bytes_of("hello"), 0, NULL, NULL), VITRO_OK);
    return channel;
}

static void run_until(vitro_loop *loop, bool (*done)(void *user), struct seen *seen)
{
    cr_assert_eq(vitro_loop_run_until(loop, done, seen, INT64_MAX, NULL), VITRO_OK);
}

static void kill_and_wait(pid_t pid)
{
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

/* In a process of its own: the server, which tells its address through a pipe. */
static void be_a_server(const char *target, int tell)
{
    char bound[160] = "";
    vitro_loop *loop = loop_new();

    serve(loop, target, bound, sizeof bound, NULL);
    if (write(tell, bound, sizeof bound) != (ssize_t)sizeof bound)
        _exit(1);
    (void)vitro_loop_run_until(loop, NULL, NULL, INT64_MAX, NULL);
    _exit(1);
}

static pid_t server_process(const char *target, char bound[160])
{
    int tell[2];
    pid_t pid;

    cr_assert_eq(pipe(tell), 0);
    pid = fork();
    if (pid == 0)
        be_a_server(target, tell[1]);
    cr_assert_gt(pid, 0);
    cr_assert_eq(read(tell[0], bound, 160), 160);
    close(tell[0]);
    close(tell[1]);
    return pid;
}

static pid_t client_process(const char *target)
{
    struct seen seen = { .call = NULL };
    vitro_loop *loop;
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    if (pid)
        return pid;
    loop = loop_new();
    call(loop, target, &seen);
    run_until(loop, is_closed, &seen);
    _exit(1);
}

Test(call_killed, a_server_that_is_killed_leaves_its_client_unavailable)
{
    for (size_t i = 0; i < 2; i++) {
        char bound[160];
        struct seen seen = { .call = NULL };
        pid_t pid = server_process(targets[i], bound);
        vitro_loop *loop = loop_new();
        vitro_channel *channel = call(loop, bound, &seen);

        run_until(loop, has_message, &seen);
        cr_assert(!seen.closed);
        kill_and_wait(pid);
        run_until(loop, is_closed, &seen);
        cr_expect_eq(seen.code, VITRO_UNAVAILABLE, "%s: %s", bound, vitro_code_name(seen.code));
        vitro_call_unref(seen.call);
        vitro_channel_free(channel);
        vitro_loop_unref(loop);
        tear_down();
    }
}

Test(call_killed, a_client_that_is_killed_cancels_its_calls_at_the_server)
{
    for (size_t i = 0; i < 2; i++) {
        char bound[160];
        struct seen seen = { .call = NULL };
        vitro_loop *loop = loop_new();
        vitro_server *server = serve(loop, targets[i], bound, sizeof bound, &seen);
        pid_t pid = client_process(bound);

        run_until(loop, has_message, &seen);
        cr_assert(!seen.cancelled && !seen.closed);
        kill_and_wait(pid);
        run_until(loop, is_closed, &seen);
        cr_expect(seen.cancelled, "%s: no cancelled event", bound);
        vitro_server_free(server);
        vitro_loop_unref(loop);
        tear_down();
    }
}
