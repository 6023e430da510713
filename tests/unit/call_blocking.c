/* The blocking functions: several threads on one call, and what must not wait. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "support/pair.h"

/* A server and a channel on a loop with a thread of its own. */
struct threaded {
    vitro_loop *loop;
    vitro_server *server;
    vitro_channel *channel;
    vitro_call *call;
};

static void silent_message(vitro_call *call, const vitro_message *m, void *user)
{
}

static void echo_message(vitro_call *call, const vitro_message *m, void *user)
{
    cr_expect_eq(vitro_call_send(call, m->bytes, 0, NULL, NULL), VITRO_OK);
}

static void echo_end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events silent = { .size = sizeof silent, .on_message = silent_message };
static const vitro_call_events echoing = { .size = sizeof echoing,
                                           .on_message = echo_message,
                                           .on_end = echo_end };

static void start(struct threaded *t, const vitro_call_events *events)
{
    char bound[100];

    cr_assert_eq(vitro_loop_new(&t->loop, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_new(&t->server, &t->loop, 1, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_add(t->server, &echo_bidi, NULL, events, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_server_listen(t->server, "ipv4:127.0.0.1:0", bound, sizeof bound, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_channel_new(&t->channel, t->loop, bound, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_loop_start(t->loop, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_open(&t->call, t->channel, &echo_bidi, NULL, NULL), VITRO_OK);
}

static void stop(struct threaded *t)
{
    vitro_call_close(t->call, NULL, NULL);
    vitro_loop_stop(t->loop);
    vitro_channel_free(t->channel);
    vitro_server_free(t->server);
    vitro_loop_unref(t->loop);
}

/* Wait for the thread at most so long; false when it goes on. */
static bool joined(pthread_t thread, long ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

static void *read_all(void *user)
{
    struct threaded *t = user;
    vitro_message m;

    while (vitro_call_read(t->call, &m, NULL) == VITRO_OK && m.bytes.ptr)
        continue;
    return NULL;
}

Test(call_blocking, an_abort_wakes_a_reader_in_another_thread, .timeout = 20)
{
    struct threaded t;
    pthread_t reader;

    start(&t, &silent);
    cr_assert_eq(pthread_create(&reader, NULL, read_all, &t), 0);
    cr_assert(!joined(reader, 50), "there is nothing to read");
    vitro_call_abort(t.call);
    cr_assert(joined(reader, 5000), "the reader sleeps for ever");
    stop(&t);
}

Test(call_blocking, one_thread_reads_while_another_writes, .timeout = 20)
{
    enum { MESSAGES = 40, SIZE = 60000 };
    uint8_t *bytes = calloc(1, SIZE);
    struct threaded t;
    pthread_t reader;
    vitro_error err;
    vitro_code rc;

    start(&t, &echoing);
    cr_assert_eq(pthread_create(&reader, NULL, read_all, &t), 0);
    for (int i = 0; i < MESSAGES; i++)
        cr_assert_eq(vitro_call_write(t.call, (vitro_bytes){ bytes, SIZE }, 0, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_write_end(t.call, NULL), VITRO_OK);
    cr_assert(joined(reader, 10000), "the reader sleeps for ever");
    rc = vitro_call_close(t.call, NULL, &err);
    cr_assert_eq(rc, VITRO_OK, "%s", rc ? err.frame[0].text : "");
    vitro_loop_stop(t.loop);
    vitro_channel_free(t.channel);
    vitro_server_free(t.server);
    vitro_loop_unref(t.loop);
    free(bytes);
}

/* ---- under sim: a wait that nothing can end fails with ABORTED ------------------------------ */

Test(call_blocking, the_last_write_waits_for_no_room, .timeout = 20)
{
    struct pair p;
    vitro_call *call;
    vitro_method_options manual = VITRO_METHOD_OPTIONS_INIT;
    static const vitro_method reads_late = { "/test.Echo/ReadsLate", VITRO_BIDI_STREAMING, NULL };
    uint8_t *bytes = calloc(1, 70000);

    manual.manual_credit = true;
    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &reads_late, &manual, &silent, NULL, NULL), VITRO_OK);
    pair_start(&p);
    cr_assert_eq(vitro_call_open(&call, p.channel, &reads_late, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_write(call, (vitro_bytes){ bytes, 70000 }, VITRO_SEND_LAST, NULL),
                 VITRO_OK);
    vitro_call_abort(call);
    cr_assert_eq(vitro_call_close(call, NULL, NULL), VITRO_CANCELLED);
    pair_stop(&p);
    free(bytes);
}

static void answer_twice(vitro_call *call, const vitro_md *md, void *user)
{
    cr_expect_eq(vitro_call_send(call, bytes_of("a"), 0, NULL, NULL), VITRO_OK);
    cr_expect_eq(vitro_call_send(call, bytes_of("b"), 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

Test(call_blocking, a_second_response_where_one_is_due_ends_the_call, .timeout = 20)
{
    static const vitro_call_events events = { .size = sizeof events, .on_headers = answer_twice };
    static const vitro_method many = { "/test.Echo/Two", VITRO_BIDI_STREAMING, NULL };
    static const vitro_method one = { "/test.Echo/Two", VITRO_CLIENT_STREAMING, NULL };
    struct pair p;
    vitro_call *call;
    vitro_message m;

    pair_init(&p);
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &many, NULL, &events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    cr_assert_eq(vitro_call_open(&call, p.channel, &one, NULL, NULL), VITRO_OK);
    vitro_call_write_end(call, NULL);
    cr_assert_eq(vitro_call_read(call, &m, NULL), VITRO_OK);
    cr_assert_null(m.bytes.ptr);
    cr_assert_eq(vitro_call_close(call, NULL, NULL), VITRO_UNIMPLEMENTED);
    pair_stop(&p);
}

Test(call_blocking, one_response_that_came_before_it_was_asked_for_is_read, .timeout = 20)
{
    struct pair p;
    vitro_call *call;
    vitro_message m;

    pair_init(&p);
    pair_start(&p);
    cr_assert_eq(vitro_call_open(&call, p.channel, &echo_client_stream, NULL, NULL), VITRO_OK);
    cr_assert_eq(vitro_call_write(call, bytes_of("abc"), VITRO_SEND_LAST, NULL), VITRO_OK);
    pair_run(&p);
    cr_assert_eq(vitro_call_read(call, &m, NULL), VITRO_OK);
    cr_assert_eq(m.bytes.len, 1);
    cr_assert_eq(m.bytes.ptr[0], '3');
    cr_assert_eq(vitro_call_read(call, &m, NULL), VITRO_OK);
    cr_assert_null(m.bytes.ptr);
    cr_assert_eq(vitro_call_close(call, NULL, NULL), VITRO_OK);
    pair_stop(&p);
}
