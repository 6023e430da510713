/* Names, listeners, connecting: what is accepted, and what is said when it cannot be had. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/connect.h"
#include "io/listen.h"
#include "io/resolve.h"
#include "io/target.h"
#include "support/pump.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

/* ---- targets -------------------------------------------------------------------------------- */

/* What a target means: its host and port, or its addresses, then its authority. */
static const char *meaning(const char *text)
{
    static char out[4096];
    char address[ADDRESS_TEXT];
    struct target t;
    size_t n = 0;

    if (vitro_target_parse(&t, vitro_str_of(text), NULL) != VITRO_OK)
        return "refused";
    if (!t.count)
        n = (size_t)snprintf(out, sizeof out, "%s port %u", t.host, (unsigned)t.port);
    for (size_t i = 0; i < t.count; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? " " : "",
                              vitro_address_text(&t.addresses[i], address, sizeof address));
    snprintf(out + n, sizeof out - n, " @%s", t.authority);
    return out;
}

Test(io_net, targets_mean_what_grpc_says)
{
    static const char *const cases[][2] = {
        { "example.com:50051", "example.com port 50051 @example.com:50051" },
        { "example.com", "example.com port 443 @example.com" },
        { "dns:example.com:1", "example.com port 1 @example.com:1" },
        { "dns:///example.com:1", "example.com port 1 @example.com:1" },
        { "dns://8.8.8.8/example.com:1", "refused" },
        { "localhost:0", "localhost port 0 @localhost:0" },
        { ":50051", "ipv4:127.0.0.1:50051 @127.0.0.1:50051" },
        { "dns::7", "ipv4:127.0.0.1:7 @127.0.0.1:7" },
        { "127.0.0.1:50051", "ipv4:127.0.0.1:50051 @127.0.0.1:50051" },
        { "10.1.2.3", "ipv4:10.1.2.3:443 @10.1.2.3" },
        { "[::1]:80", "ipv6:[::1]:80 @[::1]:80" },
        { "dns:[::1]:80", "ipv6:[::1]:80 @[::1]:80" },
        { "ipv4:127.0.0.1:1", "ipv4:127.0.0.1:1 @127.0.0.1:1" },
        { "ipv4:10.0.0.1:1,10.0.0.2:2", "ipv4:10.0.0.1:1 ipv4:10.0.0.2:2 @10.0.0.1:1" },
        { "ipv4:10.0.0.1", "ipv4:10.0.0.1:443 @10.0.0.1" },
        { "ipv6:[::1]:1,[fe80::2]:2", "ipv6:[::1]:1 ipv6:[fe80::2]:2 @[::1]:1" },
        { "ipv6:%5B::1%5D:1", "ipv6:[::1]:1 @[::1]:1" },
        { "ipv6:::1", "ipv6:[::1]:443 @::1" },
        { "unix:relative/path", "unix:relative/path @localhost" },
        { "unix:/run/x%20y", "unix:/run/x y @localhost" },
        { "unix:///run/x", "unix:/run/x @localhost" },
        { "unix-abstract:name", "unix-abstract:name @localhost" },
        { "sim:server", "sim:server @server" },
        { "", "refused" },
        { "ipv4:", "refused" },
        { "ipv4:example.com:1", "refused" },
        { "ipv4:10.0.0.1:1,", "refused" },
        { "ipv4:10.0.0.1:65536", "refused" },
        { "ipv6:10.0.0.1:1", "refused" },
        { "ipv6:[::1", "refused" },
        { "host:port", "refused" },
        { "host:", "refused" },
        { ":", "refused" },
        { "a b:1", "refused" },
        { "a/b:1", "refused" },
        { "host%0:1", "refused" },
        { "host%00:1", "refused" },
        { "unix:", "refused" },
        { "sim:", "refused" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(meaning(cases[i][0]), cases[i][1], "%s: %s", cases[i][0],
                         meaning(cases[i][0]));
}

Test(io_net, a_target_of_any_bytes_is_read_or_refused)
{
    static const char letters[] = "abc0189:/%[].,-\\ \x80\xff_";
    static const char *const starts[] = { "", "dns:", "ipv4:", "ipv6:", "unix:", "sim:", "[::1]" };
    struct chance c = seed_chance();

    for (size_t i = 0; i < 50000; i++) {
        char text[64];
        size_t n = (size_t)snprintf(text, sizeof text, "%s",
                                    starts[vitro_chance_below(&c, ARRAY_LEN(starts))]);

        for (size_t end = n + seed_between(&c, 0, 30); n < end; n++)
            text[n] = letters[vitro_chance_below(&c, sizeof letters - 1)];
        text[n] = '\0';
        (void)meaning(text);
    }
}

Test(io_net, a_scheme_that_there_is_not_is_called_that)
{
    static const char *const not_ours[] = { "http://localhost:50051", "xds:///service", "://x" };
    struct target t;
    vitro_error err;

    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++) {
        cr_expect_neq(vitro_target_parse(&t, vitro_str_of(not_ours[i]), &err), VITRO_OK);
        cr_expect(strstr(err.frame[0].text, "no such scheme"), "%s", err.frame[0].text);
    }
}

Test(io_net, a_path_too_long_for_a_socket_is_refused_with_its_limit)
{
    char text[300] = "unix:";
    struct target t;
    vitro_error err;

    memset(text + 5, 'x', 108);
    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(text), &err), VITRO_INVALID_ARGUMENT);
    cr_assert(strstr(err.frame[0].text, "xxx"));
    text[5 + 107] = '\0';
    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(text), &err), VITRO_OK);
}

/* ---- listening ------------------------------------------------------------------------------ */

static const char *text_of(const vitro_error *err)
{
    static char line[512];

    vitro_error_format(err, line, sizeof line);
    return line;
}

static vitro_loop *new_loop(void)
{
    vitro_loop *loop;

    cr_assert_eq(vitro_loop_new(&loop, NULL, NULL), VITRO_OK);
    return loop;
}

static struct address parse(const char *target)
{
    struct target t;

    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(target), NULL), VITRO_OK);
    return t.addresses[0];
}

static void drop_accepted(struct listener *l, struct transport *t)
{
    vitro_transport_drop(t);
}

static vitro_code listen_on(struct listener *l, vitro_loop *loop, const struct address *a,
                            vitro_error *err)
{
    return vitro_listener_open(l, loop, a, NULL, drop_accepted, err);
}

Test(io_net, a_port_in_use_is_unavailable_and_said_with_the_address)
{
    vitro_loop *loop = new_loop();
    struct listener a, b;
    struct address any = parse("ipv4:127.0.0.1:0");
    char expected[256], address[ADDRESS_TEXT];
    vitro_error err;

    cr_assert_eq(listen_on(&a, loop, &any, &err), VITRO_OK);
    cr_assert_neq(vitro_address_port(&a.bound), 0);
    cr_assert_eq(listen_on(&b, loop, &a.bound, &err), VITRO_UNAVAILABLE);
    snprintf(expected, sizeof expected,
             "UNAVAILABLE: listen: %s <- socket: Address already in use (98)",
             vitro_address_text(&a.bound, address, sizeof address));
    cr_assert_str_eq(text_of(&err), expected);
    vitro_listener_close(&a);
    cr_assert_eq(listen_on(&b, loop, &a.bound, &err), VITRO_OK);
    vitro_listener_close(&b);
    vitro_listener_close(&b);
    vitro_loop_unref(loop);
}

Test(io_net, a_port_in_use_is_the_same_in_a_world_without_sockets)
{
    vitro_sim *sim;
    vitro_loop *loop;
    struct listener a, b, c;
    struct address any = parse("ipv4:127.0.0.1:0"), name = parse("sim:x");
    vitro_error err;

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(listen_on(&a, loop, &any, NULL), VITRO_OK);
    cr_assert_eq(vitro_address_port(&a.bound), 50051);
    cr_assert_eq(listen_on(&b, loop, &any, NULL), VITRO_OK);
    cr_assert_eq(vitro_address_port(&b.bound), 50052);
    cr_assert_eq(listen_on(&c, loop, &name, NULL), VITRO_OK);
    vitro_listener_close(&b);
    cr_assert_eq(listen_on(&b, loop, &name, &err), VITRO_UNAVAILABLE);
    cr_assert_str_eq(text_of(&err),
                     "UNAVAILABLE: listen: sim:x <- socket: Address already in use (98)");
    vitro_listener_close(&a);
    vitro_listener_close(&c);
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}

Test(io_net, a_socket_file_is_replaced_when_nobody_listens_and_removed_at_the_end)
{
    vitro_loop *loop = new_loop();
    struct listener a, b;
    char target[64], *path = target + 5;
    struct address address;
    vitro_error err;
    struct stat info;
    int fd;

    snprintf(target, sizeof target, "unix:/tmp/vitro-net-%d", (int)getpid());
    address = parse(target);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, &address.as.any, address.len), 0);
    close(fd);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(listen_on(&a, loop, &address, &err), VITRO_OK);
    cr_assert_eq(listen_on(&b, loop, &address, &err), VITRO_UNAVAILABLE, "somebody listens");
    vitro_listener_close(&a);
    cr_assert_neq(stat(path, &info), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    cr_assert_eq(listen_on(&b, loop, &address, &err), VITRO_UNAVAILABLE, "a plain file is kept");
    cr_assert_eq(unlink(path), 0);
    vitro_loop_unref(loop);
}

/* ---- connecting ----------------------------------------------------------------------------- */

struct attempt {
    struct connect connect;
    struct transport *transport;
    vitro_error err;
    int done;
};

static void attempt_done(struct connect *c, struct transport *t, const vitro_error *err)
{
    struct attempt *a = CONTAINER_OF(c, struct attempt, connect);

    a->done++;
    a->transport = t;
    if (err)
        a->err = *err;
}

static bool attempt_is_done(void *user)
{
    return ((const struct attempt *)user)->done > 0;
}

static void attempt_run(struct attempt *a, vitro_loop *loop, const struct address *address,
                        int64_t timeout)
{
    int64_t deadline = timeout ? vitro_loop_now(loop) + timeout : INT64_MAX;

    memset(a, 0, sizeof *a);
    vitro_connect_start(&a->connect, loop, address, NULL, deadline, attempt_done);
    cr_assert_eq(a->done, 0, "never inside the call");
    cr_assert_eq(vitro_loop_run_until(loop, attempt_is_done, a, INT64_MAX, NULL), VITRO_OK);
}

Test(io_net, a_refused_connection_is_unavailable_and_said_with_the_address)
{
    vitro_loop *loop = new_loop();
    struct attempt a;
    struct listener l;
    struct address address = parse("ipv4:127.0.0.1:0"), gone;
    char expected[256], text[ADDRESS_TEXT];

    cr_assert_eq(listen_on(&l, loop, &address, NULL), VITRO_OK);
    address = l.bound;
    vitro_listener_close(&l);
    attempt_run(&a, loop, &address, 0);
    cr_assert_null(a.transport);
    snprintf(expected, sizeof expected,
             "UNAVAILABLE: connect: %s <- socket: Connection refused (111)",
             vitro_address_text(&address, text, sizeof text));
    cr_assert_str_eq(text_of(&a.err), expected);
    gone = parse("unix:/nonexistent/socket");
    attempt_run(&a, loop, &gone, 0);
    cr_assert_str_eq(text_of(&a.err), "UNAVAILABLE: connect: unix:/nonexistent/socket <- socket: "
                                      "No such file or directory (2)");
    gone = parse("sim:x");
    attempt_run(&a, loop, &gone, 0);
    cr_assert_eq(a.err.code, VITRO_UNAVAILABLE);
    vitro_loop_unref(loop);
}

Test(io_net, in_a_world_nobody_listens_reads_the_same)
{
    vitro_sim *sim;
    vitro_loop *loop;
    struct attempt a;
    struct address address = parse("sim:nobody");

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    attempt_run(&a, loop, &address, 0);
    cr_assert_str_eq(text_of(&a.err),
                     "UNAVAILABLE: connect: sim:nobody <- socket: Connection refused (111)");
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}

Test(io_net, a_connection_that_takes_too_long_fails_at_its_deadline)
{
    vitro_loop *loop = new_loop();
    struct attempt a;
    struct address address;
    char target[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), filler = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(target, sizeof target, "unix-abstract:vitro-full-%d", (int)getpid());
    address = parse(target);
    cr_assert_eq(bind(fd, &address.as.any, address.len), 0);
    cr_assert_eq(listen(fd, 0), 0);
    cr_assert_eq(connect(filler, &address.as.any, address.len), 0); /* the backlog is full now */
    attempt_run(&a, loop, &address, 30000000);
    cr_assert_str_eq(a.err.frame[0].text, "Connection timed out");
    vitro_loop_unref(loop);
    close(fd);
    close(filler);
}

Test(io_net, a_cancelled_connection_never_calls_back)
{
    for (int turns = 0; turns < 3; turns++) {
        vitro_loop *loop = new_loop();
        struct listener l;
        struct attempt a = { 0 };
        struct address any = parse("ipv4:127.0.0.1:0");

        cr_assert_eq(listen_on(&l, loop, &any, NULL), VITRO_OK);
        vitro_connect_start(&a.connect, loop, &l.bound, NULL, INT64_MAX, attempt_done);
        for (int i = 0; i < turns && !a.done; i++)
            cr_assert_eq(vitro_loop_run(loop, 0, NULL), VITRO_OK);
        if (a.done) {
            vitro_transport_drop(a.transport);
        } else {
            vitro_connect_cancel(&a.connect);
            vitro_connect_cancel(&a.connect);
            cr_assert_eq(vitro_loop_run(loop, 0, NULL), VITRO_OK);
            cr_assert_eq(a.done, 0);
        }
        vitro_listener_close(&l);
        vitro_loop_unref(loop);
    }
}

Test(io_net, out_of_descriptors_a_listener_pauses_and_goes_on)
{
    static struct pump_world w;
    static struct pump p;
    vitro_loop *loop = new_loop();
    struct rlimit limit, few;
    int first_free;

    pump_listen(&w, loop, loop, "ipv4:127.0.0.1:0");
    pump_connect(&w, &p, 1000, 0, 1);
    getrlimit(RLIMIT_NOFILE, &limit);
    first_free = dup(0);
    close(first_free);
    few = limit;
    few.rlim_cur = (rlim_t)first_free;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(vitro_loop_run(loop, 1000000, NULL), VITRO_OK);
    cr_assert_eq(w.accepted, 0u);
    cr_assert(timer_running(&w.listener.pause));
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert(pump_run(&w, &p));
    cr_assert_eq(p.received, 1000u);
    pump_done(&w);
    vitro_loop_unref(loop);
}

/* ---- looking up ----------------------------------------------------------------------------- */

struct asked {
    struct resolve resolve;
    struct address list[TARGET_ADDRESSES];
    size_t count;
    vitro_error err;
    int done;
};

static void asked_done(struct resolve *r, const struct address *list, size_t count,
                       const vitro_error *err)
{
    struct asked *a = CONTAINER_OF(r, struct asked, resolve);

    a->done++;
    a->count = count;
    for (size_t i = 0; i < count; i++)
        a->list[i] = list[i];
    if (err)
        a->err = *err;
}

static bool asked_is_done(void *user)
{
    return ((const struct asked *)user)->done > 0;
}

static void ask(struct asked *a, vitro_loop *loop, const char *text)
{
    struct target t;

    memset(a, 0, sizeof *a);
    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(text), NULL), VITRO_OK);
    vitro_resolve_start(&a->resolve, loop, &t, asked_done);
    cr_assert_eq(a->done, 0, "never inside the call");
    cr_assert_eq(vitro_loop_run_until(loop, asked_is_done, a, INT64_MAX, NULL), VITRO_OK);
}

Test(io_net, names_resolve_on_a_thread_and_numbers_at_once)
{
    vitro_loop *loop = new_loop();
    struct asked a;
    char text[ADDRESS_TEXT];

    ask(&a, loop, "ipv4:10.0.0.1:1,10.0.0.2:2");
    cr_assert_eq(a.count, 2u);
    cr_assert_str_eq(vitro_address_text(&a.list[1], text, sizeof text), "ipv4:10.0.0.2:2");
    ask(&a, loop, "localhost:77");
    cr_assert_geq(a.count, 1u);
    cr_assert_eq(vitro_address_port(&a.list[0]), 77);
    ask(&a, loop, "localhost:78");
    cr_assert_eq(vitro_address_port(&a.list[0]), 78);
    vitro_loop_unref(loop);
}

Test(io_net, a_name_that_does_not_resolve_is_unavailable_and_says_so)
{
    vitro_loop *loop = new_loop();
    struct asked a;

    ask(&a, loop, "no-such-name.invalid:50051");
    cr_assert_eq(a.count, 0u);
    cr_assert_eq(a.err.code, VITRO_UNAVAILABLE);
    cr_assert_str_eq(a.err.frame[1].text, "no-such-name.invalid:50051");
    cr_assert_str_eq(a.err.frame[0].layer, "dns");
    vitro_loop_unref(loop);
}

Test(io_net, a_look_up_may_be_given_up_and_its_loop_too)
{
    for (int i = 0; i < 20; i++) {
        vitro_loop *loop = new_loop();
        struct asked a = { 0 }, b = { 0 };
        struct target t;

        cr_assert_eq(vitro_target_parse(&t, vitro_str_of("localhost:1"), NULL), VITRO_OK);
        vitro_resolve_start(&a.resolve, loop, &t, asked_done);
        vitro_resolve_start(&b.resolve, loop, &t, asked_done);
        vitro_resolve_cancel(&a.resolve);
        vitro_resolve_cancel(&a.resolve);
        if (i % 2) {
            vitro_resolve_cancel(&b.resolve);
        } else {
            cr_assert_eq(vitro_loop_run_until(loop, asked_is_done, &b, INT64_MAX, NULL), VITRO_OK);
            cr_assert_eq(b.done, 1);
        }
        cr_assert_eq(a.done, 0);
        vitro_loop_unref(loop);
    }
}

Test(io_net, in_a_world_names_come_from_a_table)
{
    vitro_sim *sim;
    vitro_loop *loop;
    struct asked a;
    char text[ADDRESS_TEXT];

    cr_assert_eq(vitro_sim_new(&sim, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(sim, &loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_name(sim, "chat.example", "sim:server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_name(sim, "two.example", "ipv4:10.0.0.1:0", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_name(sim, "two.example", "ipv4:10.0.0.2:9", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_name(sim, "bad", "other.example", NULL), VITRO_INVALID_ARGUMENT);
    ask(&a, loop, "chat.example:50051");
    cr_assert_str_eq(vitro_address_text(&a.list[0], text, sizeof text), "sim:server");
    ask(&a, loop, "dns:two.example:50051");
    cr_assert_eq(a.count, 2u);
    cr_assert_str_eq(vitro_address_text(&a.list[0], text, sizeof text), "ipv4:10.0.0.1:50051");
    cr_assert_str_eq(vitro_address_text(&a.list[1], text, sizeof text), "ipv4:10.0.0.2:9");
    ask(&a, loop, "localhost:5");
    cr_assert_eq(a.count, 1u);
    ask(&a, loop, "no.example:50051");
    cr_assert_str_eq(text_of(&a.err), "UNAVAILABLE: resolve: no.example:50051 <- dns: Name or "
                                      "service not known (-2)");
    vitro_loop_unref(loop);
    vitro_sim_free(sim);
}
