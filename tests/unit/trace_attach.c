/* The sinks unix: and listen:, over real sockets in a temporary folder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/pair.h"
#include "support/viewer.h"
#include "trace/note.h"
#include "trace/trace.h"

TestSuite(trace_attach, .timeout = 30);

/* ---- traces ---------------------------------------------------------------------------------- */

static vitro_trace *open_trace(bool block)
{
    vitro_trace_options options = VITRO_TRACE_OPTIONS_INIT;
    vitro_trace *t;

    options.block = block;
    options.buffer_bytes = 1; /* the least that there is */
    cr_assert(eq(int, vitro_trace_open(&t, viewer_sink, &options, NULL), VITRO_OK));
    return t;
}

static void expect_error(const char *sinks, const char *text)
{
    vitro_trace *t;
    vitro_error err;

    cr_expect(eq(int, vitro_trace_open(&t, sinks, NULL, &err), VITRO_UNAVAILABLE));
    cr_expect(eq(ptr, t, NULL));
    cr_expect(strstr(err.frame[0].text, text) != NULL, "%s", err.frame[0].text);
}

/* ---- unix: ----------------------------------------------------------------------------------- */

Test(trace_attach, unix_connects_to_the_viewer_that_listens)
{
    struct walk w;
    vitro_trace *t;
    int listening, fd;

    viewer_begin("unix:");
    listening = viewer_listen();
    t = open_trace(false);
    fd = accept(listening, NULL, NULL);
    vitro_trace_say(t, "hello");
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    cr_assert(eq(sz, w.n, 1));
    viewer_expect(&w, "hello");
    walk_done(&w);
    close(listening);
    unlink(viewer_path);
    viewer_end();
}

Test(trace_attach, a_killed_viewer_raises_no_signal_and_costs_nothing)
{
    vitro_trace *t;
    int listening, fd;

    viewer_begin("unix:");
    listening = viewer_listen();
    t = open_trace(true); /* even one that would wait */
    fd = accept(listening, NULL, NULL);
    close(fd);
    for (int i = 0; i < 10000; i++) { /* SIGPIPE has its default here: it would end the test */
        vitro_trace_say(t, "line %d, to nobody", i);
        vitro_trace_flush(t);
    }
    vitro_trace_unref(t);
    close(listening);
    unlink(viewer_path);
    viewer_end();
}

/* ---- listen: --------------------------------------------------------------------------------- */

Test(trace_attach, each_who_attaches_gets_a_stream_of_its_own_from_then_on)
{
    struct walk a, b;
    struct stat st;
    vitro_trace *t;
    int first, second;

    viewer_begin("listen:");
    t = open_trace(false);
    cr_assert(eq(int, stat(viewer_path, &st), 0));
    cr_expect(eq(int, (int)(st.st_mode & 0777), 0600));
    vitro_trace_say(t, "to nobody");
    vitro_trace_schema(t, vitro_str_of("a.proto"), bytes_of("descriptor"));
    first = viewer_attach();
    cr_expect(vitro_trace_welcome(t));
    vitro_trace_say(t, "to one");
    second = viewer_attach();
    vitro_trace_welcome(t);
    vitro_trace_say(t, "to both");
    vitro_trace_unref(t);
    viewer_walk(&a, first, true);
    viewer_walk(&b, second, true);
    cr_expect(eq(str, a.why, ""));
    cr_expect(eq(str, b.why, ""));
    cr_assert(eq(sz, a.n, 3));
    cr_assert(eq(sz, b.n, 2));
    viewer_expect(&a, "schema of a.proto");
    viewer_expect(&a, "to one");
    viewer_expect(&a, "to both");
    viewer_expect(&b, "schema of a.proto");
    viewer_expect(&b, "to both");
    walk_done(&a);
    walk_done(&b);
    viewer_end();
}

Test(trace_attach, a_viewer_sees_the_stream_begin_at_once)
{
    struct pollfd at;
    vitro_trace *t;

    viewer_begin("listen:");
    t = open_trace(false);
    at = (struct pollfd){ viewer_attach(), POLLIN, 0 };
    vitro_trace_welcome(t);
    cr_expect(eq(int, poll(&at, 1, 0), 1));
    close(at.fd);
    vitro_trace_unref(t);
    viewer_end();
}

Test(trace_attach, another_may_attach_when_one_was_killed)
{
    struct walk w;
    vitro_trace *t;
    int fd = -1;

    viewer_begin("listen:");
    t = open_trace(false);
    for (int i = 0; i < 100; i++) { /* more than there is room for at a time */
        fd = viewer_attach();
        vitro_trace_welcome(t);
        if (i % 2)
            vitro_trace_say(t, "line %d", i);
        vitro_trace_flush(t);
        if (i < 99)
            close(fd);
    }
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    viewer_expect(&w, "line 99");
    walk_done(&w);
    viewer_end();
}

Test(trace_attach, too_many_at_once_are_told_so)
{
    enum { MANY = 17 };
    struct walk w;
    vitro_trace *t;
    int fd[MANY];

    viewer_begin("listen:");
    t = open_trace(false);
    for (int i = 0; i < MANY; i++)
        fd[i] = viewer_attach();
    for (int i = 0; i < MANY; i++)
        vitro_trace_welcome(t);
    vitro_trace_say(t, "hello");
    vitro_trace_unref(t);
    for (int i = 0; i < MANY; i++) {
        viewer_walk(&w, fd[i], true);
        cr_expect(eq(str, w.why, ""));
        viewer_expect(&w, i < MANY - 1 ? "hello" : "too many are attached already");
        walk_done(&w);
    }
    viewer_end();
}

Test(trace_attach, a_slow_reader_loses_whole_blocks_and_is_told_how_many)
{
    enum { LINES = 20000 };
    char line[400];
    const struct walked *lost;
    struct walk w;
    vitro_trace *t;
    size_t said = 0, told = 0;
    uint8_t *p = malloc(64 << 20);
    ssize_t got;
    size_t n = 0;
    int fd;

    viewer_begin("listen:");
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    t = open_trace(false);
    fd = viewer_attach();
    vitro_trace_welcome(t);
    for (int i = 0; i < LINES; i++) {
        vitro_trace_say(t, "%s", line);
        vitro_trace_flush(t);
    }
    do { /* until nothing waits: then the loss was told, too */
        while ((got = recv(fd, p + n, 65536, MSG_DONTWAIT)) > 0)
            n += (size_t)got;
    } while (vitro_trace_flush(t));
    vitro_trace_unref(t);
    while ((got = recv(fd, p + n, 65536, 0)) > 0)
        n += (size_t)got;
    close(fd);
    walk_bytes(&w, p, n);
    cr_expect(eq(str, w.why, ""));
    for (size_t i = 0; i < w.n; i++)
        said += !strcmp(walk_field(&w.item[i], "VITRO_KIND"), "say");
    for (size_t i = 0; (lost = walk_note(&w, i, "lost")); i = (size_t)(lost - w.item) + 1)
        told += strtoul(walk_field(lost, "VITRO_COUNT"), NULL, 10);
    cr_expect(said < LINES && said > 0);
    cr_expect(eq(sz, said + told, LINES));
    walk_done(&w);
    viewer_end();
}

static void *read_all(void *arg)
{
    struct walk *w = arg;

    viewer_walk(w, (int)w->size, true);
    return NULL;
}

Test(trace_attach, with_block_a_reader_is_waited_for)
{
    enum { LINES = 5000 };
    struct walk w = { 0 };
    pthread_t thread;
    vitro_trace *t;
    char line[400];

    viewer_begin("listen:");
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    t = open_trace(true);
    w.size = (size_t)viewer_attach();
    vitro_trace_welcome(t);
    pthread_create(&thread, NULL, read_all, &w);
    for (int i = 0; i < LINES; i++)
        vitro_trace_say(t, "%s", line);
    vitro_trace_unref(t);
    pthread_join(thread, NULL);
    cr_expect(eq(str, w.why, ""));
    cr_expect(eq(sz, w.n, LINES));
    walk_done(&w);
    viewer_end();
}

Test(trace_attach, without_descriptors_who_waits_is_let_in_later)
{
    struct rlimit before, now;
    struct pollfd at;
    vitro_trace *t;

    viewer_begin("listen:");
    t = open_trace(false);
    at = (struct pollfd){ viewer_attach(), POLLIN, 0 };
    cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &before), 0));
    now = before;
    now.rlim_cur = (rlim_t)at.fd + 1;
    for (int fd = 0; fd <= at.fd; fd++) /* the lower numbers are taken, too */
        if (fcntl(fd, F_GETFD) < 0)
            cr_assert(eq(int, dup2(at.fd, fd), fd));
    cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &now), 0));
    cr_expect_not(vitro_trace_welcome(t));
    cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &before), 0));
    cr_expect(eq(int, poll(&at, 1, 0), 0));
    cr_expect(vitro_trace_welcome(t));
    cr_expect(eq(int, poll(&at, 1, 0), 1));
    vitro_trace_unref(t);
    viewer_end();
}

/* ---- the socket's file ----------------------------------------------------------------------- */

Test(trace_attach, the_socket_of_a_dead_program_is_replaced_a_live_one_is_not)
{
    vitro_trace *t, *other;
    vitro_error err;
    int fd;

    viewer_begin("listen:");
    fd = viewer_listen();
    close(fd); /* its file stays */
    t = open_trace(false);
    cr_expect(eq(int, vitro_trace_open(&other, viewer_sink, NULL, &err), VITRO_UNAVAILABLE));
    cr_expect(strstr(err.frame[0].text, "another program listens there") != NULL, "%s",
              err.frame[0].text);
    fd = viewer_attach(); /* it still is the first one's */
    vitro_trace_welcome(t);
    vitro_trace_say(t, "hello");
    vitro_trace_unref(t);
    close(fd);
    viewer_end();
}

Test(trace_attach, a_file_that_is_no_socket_is_never_removed)
{
    struct stat st;
    FILE *f;

    viewer_begin("listen:");
    f = fopen(viewer_path, "w");
    fputs("precious", f);
    fclose(f);
    expect_error(viewer_sink, "a file is there that is no socket");
    cr_expect(eq(int, stat(viewer_path, &st), 0));
    cr_expect(eq(int, (int)st.st_size, 8));
    unlink(viewer_path);
    viewer_end();
}

Test(trace_attach, what_was_put_in_place_of_its_socket_is_not_removed)
{
    vitro_trace *t;
    FILE *f;

    viewer_begin("listen:");
    t = open_trace(false);
    unlink(viewer_path);
    f = fopen(viewer_path, "w");
    fclose(f);
    vitro_trace_unref(t);
    cr_expect(eq(int, access(viewer_path, F_OK), 0));
    unlink(viewer_path);
    viewer_end();
}

Test(trace_attach, a_path_too_long_is_a_clear_error)
{
    char longer[200] = "listen:/tmp/";

    memset(longer + 12, 'x', 150);
    expect_error(longer, "a socket's path has at most 107 bytes");
    memcpy(longer, "unix:/tmp/xx", 12);
    expect_error(longer, "a socket's path has at most 107 bytes");
    expect_error("listen:/nowhere/at/all", "No such file or directory");
    expect_error("listen:", "No such file or directory");
}

Test(trace_attach, the_number_of_the_process_stands_in_the_path)
{
    char with[140], number[32];
    vitro_trace *t;

    viewer_begin("listen:");
    snprintf(with, sizeof with, "%s-%%p", viewer_sink);
    cr_assert(eq(int, vitro_trace_open(&t, with, NULL, NULL), VITRO_OK));
    snprintf(number, sizeof number, "-%ld", (long)getpid());
    strcat(viewer_path, number);
    cr_expect(eq(int, access(viewer_path, F_OK), 0));
    vitro_trace_unref(t);
    viewer_end();
}

Test(trace_attach, a_failed_list_of_sinks_leaves_no_socket_behind)
{
    char two[200];
    vitro_trace *t;

    viewer_begin("listen:");
    snprintf(two, sizeof two, "%s,file:/nowhere/at/all", viewer_sink);
    cr_expect(eq(int, vitro_trace_open(&t, two, NULL, NULL), VITRO_UNAVAILABLE));
    viewer_end();
}

/* ---- who may attach -------------------------------------------------------------------------- */

/* In a child that has become another user: 0 when its stream ended before it began. */
static int attach_as_stranger(void)
{
    struct sockaddr_un at = viewer_address();
    char byte;
    int fd;

    if (setuid(65534))
        return 2;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at))
        return 3;
    return recv(fd, &byte, 1, 0) == 0 ? 0 : 4;
}

Test(trace_attach, another_user_gets_nothing)
{
    struct pollfd at;
    vitro_trace *t;
    pid_t child;
    int status;

    if (geteuid() != 0)
        return;
    viewer_begin("listen:");
    t = open_trace(false);
    chmod(viewer_folder, 0755);
    chmod(viewer_path, 0666); /* as if somebody had opened it */
    at = (struct pollfd){ vitro_trace_listener(t, 0), POLLIN, 0 };
    child = fork();
    if (!child)
        _exit(attach_as_stranger());
    cr_expect(eq(int, poll(&at, 1, 10000), 1));
    vitro_trace_welcome(t);
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    vitro_trace_unref(t);
    viewer_end();
}

static int listen_as_stranger(int told)
{
    int fd;

    if (setuid(65534))
        return 2;
    fd = viewer_listen();
    return write(told, "x", 1) == 1 && accept(fd, NULL, NULL) >= 0 ? 0 : 3;
}

Test(trace_attach, nothing_is_sent_to_another_user)
{
    int told[2], status;
    char byte;
    pid_t child;

    if (geteuid() != 0)
        return;
    viewer_begin("unix:");
    chmod(viewer_folder, 0777);
    cr_assert(eq(int, pipe(told), 0));
    child = fork();
    if (!child)
        _exit(listen_as_stranger(told[1]));
    cr_assert(eq(int, (int)read(told[0], &byte, 1), 1));
    expect_error(viewer_sink, "another user listens there");
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    unlink(viewer_path);
    viewer_end();
}

/* ---- forks ----------------------------------------------------------------------------------- */

static size_t open_descriptors(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

Test(trace_attach, the_child_of_a_fork_has_no_part_in_it)
{
    struct walk w;
    vitro_trace *t;
    size_t descriptors;
    pid_t child;
    int fd, status;

    viewer_begin("listen:");
    t = open_trace(false);
    fd = viewer_attach();
    vitro_trace_welcome(t);
    descriptors = open_descriptors();
    child = fork();
    if (!child) {
        bool closed = open_descriptors() == descriptors - 2;
        vitro_trace_say(t, "of the child");
        vitro_trace_welcome(t);
        vitro_trace_unref(t);
        _exit(!closed);
    }
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_expect(eq(int, status, 0));
    cr_expect(eq(int, access(viewer_path, F_OK), 0), "the child has not removed it");
    vitro_trace_say(t, "of the parent");
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    cr_expect(eq(sz, w.n, 1));
    viewer_expect(&w, "of the parent");
    walk_done(&w);
    viewer_end();
}

/* ---- loops ----------------------------------------------------------------------------------- */

static bool is_closed(void *user)
{
    return ((struct record *)user)->closed;
}

static void echo_once(struct pair *p)
{
    struct record r = { 0 };
    vitro_call *call = pair_call(p, &echo_unary, NULL, &r);

    cr_assert(eq(int, vitro_call_send(call, bytes_of("abc"), VITRO_SEND_LAST, NULL, NULL), 0));
    cr_expect(eq(int, vitro_loop_run_until(p->client_loop, is_closed, &r, INT64_MAX, NULL), 0));
    cr_expect(eq(str, r.text, "headers message(abc) end closed OK"));
    vitro_call_unref(call);
    record_done(&r);
}

static void watched_by_a_loop(bool sim)
{
    struct pair p;
    struct walk w;
    vitro_trace *t;
    int fd;

    viewer_begin("listen:");
    t = open_trace(false);
    pair_init(&p);
    p.server_options.trace = p.channel_options.trace = t;
    if (!sim) {
        snprintf(p.target, sizeof p.target, "ipv4:127.0.0.1:0");
        cr_assert(eq(int, vitro_loop_new(&p.client_loop, NULL, NULL), 0));
        p.server_loop = vitro_loop_ref(p.client_loop);
        p.server = pair_another_server(&p);
    }
    pair_start(&p);
    echo_once(&p);
    fd = viewer_attach();
    echo_once(&p); /* it is let in */
    echo_once(&p);
    pair_stop(&p);
    vitro_trace_unref(t);
    viewer_walk(&w, fd, true);
    cr_expect(eq(str, w.why, ""));
    /* calls are counted by loop, and on one loop both sides count */
    viewer_expect(&w, sim ? "call 3 /test.Echo/Unary begins at the client"
                          : "call 5 /test.Echo/Unary begins at the client");
    walk_done(&w);
    viewer_end();
}

Test(trace_attach, a_loop_that_uses_the_trace_lets_them_in)
{
    watched_by_a_loop(false);
}

Test(trace_attach, under_sim_a_turn_that_writes_lets_them_in)
{
    watched_by_a_loop(true);
}

Test(trace_attach, a_loop_at_rest_lets_them_in_and_goes_on_when_they_left)
{
    struct pair p;
    struct pollfd at;
    vitro_trace *t;
    vitro_loop *loop;

    viewer_begin("listen:");
    t = open_trace(false);
    pair_init(&p);
    p.channel_options.trace = t;
    snprintf(p.target, sizeof p.target, "ipv4:127.0.0.1:1");
    cr_assert(eq(int, vitro_loop_new(&loop, NULL, NULL), 0));
    p.client_loop = loop;
    pair_make_channel(&p);
    cr_assert(eq(int, vitro_loop_start(loop, NULL), 0));
    for (int i = 0; i < 3; i++) {
        at = (struct pollfd){ viewer_attach(), POLLIN, 0 };
        cr_expect(eq(int, poll(&at, 1, 10000), 1));
        close(at.fd);
    }
    vitro_loop_stop(loop);
    vitro_channel_free(p.channel);
    vitro_loop_unref(loop);
    vitro_trace_unref(t);
    viewer_end();
}
