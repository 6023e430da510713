/* Interceptors that ask other threads, and what becomes of those when the client goes away. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "base/util.h"
#include "support/heap.h"
#include "support/pair.h"

/* ---- blocking calls wait for them ----------------------------------------------------------- */

struct worker {
    pthread_t thread;
    vitro_intercept *i;
};

static void resume_here(void *user)
{
    vitro_intercept_resume(user);
}

static void *work(void *user)
{
    struct worker *w = user;
    vitro_loop *loop = vitro_call_loop(vitro_intercept_call(w->i));

    cr_assert_eq(vitro_loop_post(loop, resume_here, w->i), VITRO_OK);
    return NULL;
}

static vitro_verdict ask_thread(vitro_intercept *i, vitro_md *md, void *state)
{
    struct worker *w = state;

    w->i = i;
    cr_assert_eq(pthread_create(&w->thread, NULL, work, w), 0);
    return VITRO_SUSPEND;
}

static void join(vitro_intercept *i, const vitro_status *status, void *state)
{
    pthread_join(((struct worker *)state)->thread, NULL);
}

static const vitro_interceptor asks_thread = { .size = sizeof asks_thread,
                                               .state_size = sizeof(struct worker),
                                               .on_start = ask_thread,
                                               .on_closed = join };
static const vitro_interceptor *const asking_thread[] = { &asks_thread, NULL };

Test(intercept_apart, another_thread_resumes_by_a_post_and_a_blocking_call_waits)
{
    struct pair p;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_error err;

    pair_init(&p);
    p.sockets = true;
    p.channel_options.interceptors = asking_thread;
    p.server_options.interceptors = asking_thread;
    pair_start(&p);
    cr_assert_eq(vitro_unary(p.channel, &echo_unary, bytes_of("hello"), NULL, &reply, &err),
                 VITRO_OK);
    cr_expect_eq(reply.message.len, 5);
    vitro_reply_done(&reply);
    pair_stop(&p);
}

static vitro_verdict defer(vitro_intercept *i, const vitro_message *m, void *state)
{
    cr_assert_eq(vitro_loop_post(vitro_call_loop(vitro_intercept_call(i)), resume_here, i),
                 VITRO_OK);
    return VITRO_SUSPEND;
}

static const vitro_interceptor defers = { .size = sizeof defers,
                                          .on_request = defer,
                                          .on_response = defer };
static const vitro_interceptor *const deferring[] = { &defers, &defers, NULL };

Test(intercept_apart, blocking_reads_and_writes_pass_interceptors_that_suspend)
{
    enum { N = 50 };
    struct pair p;
    vitro_call *call;
    vitro_message m;
    vitro_error err;

    pair_init(&p);
    p.sockets = true;
    p.channel_options.interceptors = deferring;
    p.server_options.interceptors = deferring;
    pair_start(&p);
    cr_assert_eq(vitro_call_open(&call, p.channel, &echo_bidi, NULL, &err), VITRO_OK);
    for (int i = 0; i < N; i++) {
        cr_assert_eq(vitro_call_write(call, bytes_of("ping"), 0, &err), VITRO_OK);
        cr_assert_eq(vitro_call_read(call, &m, &err), VITRO_OK);
        cr_expect_eq(m.bytes.len, 4);
    }
    cr_assert_eq(vitro_call_write_end(call, &err), VITRO_OK);
    cr_assert_eq(vitro_call_read(call, &m, &err), VITRO_OK);
    cr_expect_null(m.bytes.ptr);
    cr_expect_eq(vitro_call_close(call, NULL, &err), VITRO_OK);
    pair_stop(&p);
}

/* ---- the client goes away first ------------------------------------------------------------- */

/* What a thread was asked by a call, and keeps of it until it has answered. */
struct question {
    vitro_call *call;
    vitro_loop *loop;
    vitro_intercept *i;
};

enum { QUESTIONS = 4 };

static unsigned asked, answered;
static vitro_channel *leaving; /* freed by the next call; NULL: it asks */
static struct question questions[QUESTIONS];

static vitro_verdict ask_for_long(vitro_intercept *i, vitro_md *md, void *state)
{
    struct question *q = &questions[asked];

    if (leaving) {
        vitro_channel_free(leaving);
        return VITRO_SUSPEND;
    }
    asked++;
    q->call = vitro_call_ref(vitro_intercept_call(i));
    q->loop = vitro_loop_ref(vitro_call_loop(q->call));
    q->i = i;
    return VITRO_SUSPEND;
}

static const vitro_interceptor asks_for_long = { .size = sizeof asks_for_long,
                                                 .on_start = ask_for_long };
static const vitro_interceptor *const asking_for_long[] = { &asks_for_long, NULL };

static void hear(void *user)
{
    struct question *q = user;

    vitro_intercept_resume(q->i);
    vitro_call_unref(q->call);
    answered++;
}

static void *answer_late(void *user)
{
    struct question *q = user;
    vitro_loop *loop = q->loop;

    cr_assert_eq(vitro_loop_post(loop, hear, q), VITRO_OK);
    vitro_loop_unref(loop);
    return NULL;
}

/* n calls, each given up while a thread is asked for it. */
static vitro_channel *give_up(unsigned n)
{
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel;

    asked = answered = 0;
    o.interceptors = asking_for_long;
    cr_assert_eq(vitro_channel_new(&channel, NULL, "unix:/nowhere/socket", &o, NULL), VITRO_OK);
    while (asked < n) { /* a deadline may pass before anybody is asked */
        vitro_call_options call = VITRO_CALL_OPTIONS_INIT;

        call.timeout_ns = 1000000;
        cr_assert_eq(vitro_unary(channel, &echo_unary, bytes_of("?"), &call, NULL, NULL),
                     VITRO_DEADLINE_EXCEEDED);
    }
    return channel;
}

/* Each on a thread, one after the other, for the heap counts without a lock. */
static void on_threads(unsigned n, void *(*what)(void *user))
{
    for (unsigned i = 0; i < n; i++) {
        pthread_t thread;

        cr_assert_eq(pthread_create(&thread, NULL, what, &questions[i]), 0);
        pthread_join(thread, NULL);
    }
}

static void check_behind(void *(*what)(void *user))
{
    struct heap h = { .live = 0 };

    heap_install(&h);
    for (unsigned n = 1; n <= QUESTIONS; n++) {
        vitro_channel_free(give_up(n));
        on_threads(n, what);
        cr_expect_eq(h.live, 0, "%zu blocks", h.live);
    }
    heap_remove();
}

Test(intercept_apart, an_answer_behind_the_end_of_its_channel_is_heard_and_nothing_is_lost)
{
    check_behind(answer_late);
    cr_expect_eq(answered, QUESTIONS);
}

static void *let_go(void *user)
{
    struct question *q = user;

    vitro_call_unref(q->call);
    vitro_loop_unref(q->loop);
    return NULL;
}

Test(intercept_apart, a_call_may_be_dropped_by_any_thread_behind_the_end_of_its_channel)
{
    check_behind(let_go);
}

/* The application has a stream open still, and closes it when the channel has gone. */
Test(intercept_apart, a_call_may_be_closed_behind_the_end_of_its_channel)
{
    struct heap h = { .live = 0 };
    vitro_channel *channel;
    vitro_call *call;

    heap_install(&h);
    channel = give_up(1);
    cr_assert_eq(vitro_call_open(&call, channel, &echo_bidi, NULL, NULL), VITRO_OK);
    vitro_channel_free(channel);
    cr_expect_eq(vitro_call_close(call, NULL, NULL), VITRO_CANCELLED);
    on_threads(asked, answer_late);
    cr_expect_eq(h.live, 0, "%zu blocks", h.live);
    heap_remove();
}

Test(intercept_apart, a_channel_that_is_freed_in_a_callback_leaves_nothing_behind)
{
    struct heap h = { .live = 0 };

    heap_install(&h);
    for (unsigned n = 0; n <= QUESTIONS; n++) {
        leaving = give_up(n);
        cr_expect_eq(vitro_unary(leaving, &echo_unary, bytes_of("?"), NULL, NULL, NULL),
                     VITRO_CANCELLED);
        leaving = NULL;
        on_threads(n, answer_late);
        cr_expect_eq(answered, n);
        cr_expect_eq(h.live, 0, "%zu blocks", h.live);
    }
    heap_remove();
}
