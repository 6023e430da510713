/*
 * Loops and threads, for the thread sanitizer: posts from many threads, blocking calls from any,
 * start and stop at any moment, transports that move between loops, look-ups.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/connect.h"
#include "io/driver.h"
#include "io/listen.h"
#include "io/resolve.h"

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { THREADS = 4, POSTS = 2000, CALLS = 200 };

static vitro_loop *new_loop(void)
{
    vitro_loop *loop;

    MUST(vitro_loop_new(&loop, NULL, NULL) == VITRO_OK);
    return loop;
}

/* ---- posts while the loop starts and stops --------------------------------------------------- */

struct counter {
    vitro_loop *loop;
    size_t count; /* touched by the loop's thread only */
};

static void count_one(void *user)
{
    ((struct counter *)user)->count++;
}

static void *post_many(void *user)
{
    struct counter *c = user;

    for (int i = 0; i < POSTS; i++)
        MUST(vitro_loop_post(c->loop, count_one, c) == VITRO_OK);
    return NULL;
}

static void no_post_is_lost(void)
{
    struct counter c = { .loop = new_loop() };
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_many, &c);
    for (int i = 0; i < 30; i++) {
        MUST(vitro_loop_start(c.loop, NULL) == VITRO_OK);
        vitro_loop_stop(c.loop);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    vitro_loop_unref(c.loop); /* runs what is left */
    MUST(c.count == (size_t)THREADS * POSTS);
}

/* ---- blocking calls -------------------------------------------------------------------------- */

struct call {
    struct await await;
    struct timer timer;
    vitro_loop *loop;
};

static void finish_call(struct timer *t)
{
    vitro_await_done(&CONTAINER_OF(t, struct call, timer)->await);
}

static void start_call(struct await *a)
{
    struct call *c = CONTAINER_OF(a, struct call, await);

    vitro_timer_init(&c->timer, finish_call);
    vitro_timer_start(a->loop, &c->timer, vitro_loop_now(a->loop) + 10000);
}

static void *call_many(void *user)
{
    for (int i = 0; i < CALLS; i++) {
        struct call c;
        MUST(vitro_loop_await(user, &c.await, start_call, NULL, NULL) == VITRO_OK);
    }
    return NULL;
}

static void many_threads_wait_for_one_loop(void)
{
    vitro_loop *loop = new_loop();
    pthread_t threads[THREADS];

    MUST(vitro_loop_start(loop, NULL) == VITRO_OK);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call_many, vitro_loop_ref(loop));
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        vitro_loop_unref(loop);
    }
    vitro_loop_unref(loop);
}

static void *unref_from_thread(void *user)
{
    vitro_loop_unref(user);
    return NULL;
}

static void unref_posted(void *user)
{
    vitro_loop_unref(user);
}

static void the_last_reference_may_go_anywhere(void)
{
    for (int i = 0; i < 50; i++) {
        vitro_loop *loop = new_loop();
        pthread_t thread;

        if (i % 2)
            MUST(vitro_loop_start(loop, NULL) == VITRO_OK);
        if (i % 4 == 3) /* on its own thread, or on the other: whichever is later */
            MUST(vitro_loop_post(vitro_loop_ref(loop), unref_posted, loop) == VITRO_OK);
        pthread_create(&thread, NULL, unref_from_thread, loop);
        pthread_join(thread, NULL);
    }
}

/* ---- connections of one loop accepted for another -------------------------------------------- */

enum { CONNECTIONS = 40 };

struct half {
    struct driver driver;
    struct connect connect;
    bool server, closed;
};

static vitro_loop *accept_loop, *serve_loop;
static struct listener listener;
static size_t served; /* closed connections; of serve_loop */

static struct half *half_of(struct driver *d)
{
    return CONTAINER_OF(d, struct half, driver);
}

static void on_open(struct driver *d)
{
    (void)d;
}

static enum vitro_step take(struct driver *d, struct queue *in, vitro_error *err)
{
    (void)err;
    vitro_queue_clear(in);
    if (half_of(d)->server)
        vitro_driver_close(d, true, NULL);
    return VITRO_IDLE;
}

static enum vitro_step produce(struct driver *d, struct queue *out, size_t budget, vitro_error *err)
{
    (void)budget;
    (void)err;
    if (!half_of(d)->server && !d->produced)
        MUST(vitro_queue_append(out, "hello", 5));
    return VITRO_IDLE;
}

static void on_close(struct driver *d, const vitro_error *why)
{
    struct half *h = half_of(d);

    (void)why;
    h->closed = true;
    if (h->server) {
        served++;
        free(h);
    }
}

static const struct driver_ops half_ops = {
    .on_open = on_open, .take = take, .produce = produce, .on_close = on_close
};

static void begin(struct half *h, vitro_loop *loop, struct transport *t)
{
    vitro_driver_init(&h->driver, loop, &half_ops);
    vitro_driver_open(&h->driver, t);
}

static void arrive(struct transport *t)
{
    struct half *h = calloc(1, sizeof *h);

    MUST(h);
    h->server = true;
    begin(h, serve_loop, t);
}

static void accepted(struct listener *l, struct transport *t)
{
    (void)l;
    vitro_transport_send(t, serve_loop, arrive);
}

static void connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    MUST(t && !err);
    begin(CONTAINER_OF(c, struct half, connect), c->loop ? c->loop : t->loop, t);
}

static bool half_closed(void *user)
{
    return ((const struct half *)user)->closed;
}

static void start_listening(struct await *a)
{
    struct address any;

    MUST(vitro_address_parse_ip(&any, vitro_str_of("127.0.0.1"), 0));
    MUST(vitro_listener_open(&listener, accept_loop, &any, NULL, accepted, NULL) == VITRO_OK);
    vitro_await_done(a);
}

static void stop_listening(struct await *a)
{
    vitro_listener_close(&listener);
    vitro_await_done(a);
}

static void transports_move_between_loops(void)
{
    vitro_loop *client = new_loop();
    struct await a;

    accept_loop = new_loop();
    serve_loop = new_loop();
    MUST(vitro_loop_start(accept_loop, NULL) == VITRO_OK);
    MUST(vitro_loop_start(serve_loop, NULL) == VITRO_OK);
    MUST(vitro_loop_await(accept_loop, &a, start_listening, NULL, NULL) == VITRO_OK);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct half h = { .closed = false };

        vitro_connect_start(&h.connect, client, &listener.bound, NULL, INT64_MAX, connected);
        MUST(vitro_loop_run_until(client, half_closed, &h, INT64_MAX, NULL) == VITRO_OK);
    }
    MUST(vitro_loop_await(accept_loop, &a, stop_listening, NULL, NULL) == VITRO_OK);
    vitro_loop_unref(accept_loop);
    vitro_loop_stop(serve_loop);
    MUST(served == CONNECTIONS);
    vitro_loop_unref(serve_loop);
    vitro_loop_unref(client);
}

/* ---- look-ups -------------------------------------------------------------------------------- */

static int answers;

static void answered(struct resolve *r, const struct address *list, size_t count,
                     const vitro_error *err)
{
    (void)r;
    (void)list;
    (void)err;
    MUST(count);
    answers++;
}

static bool has_answer(void *user)
{
    (void)user;
    return answers > 0;
}

static void look_ups_end_before_and_after_their_loop(void)
{
    struct target target;

    MUST(vitro_target_parse(&target, vitro_str_of("localhost:1"), NULL) == VITRO_OK);
    for (int i = 0; i < 40; i++) {
        vitro_loop *loop = new_loop();
        struct resolve a, b;

        answers = 0;
        vitro_resolve_start(&a, loop, &target, answered);
        vitro_resolve_start(&b, loop, &target, answered);
        if (i % 2)
            MUST(vitro_loop_run_until(loop, has_answer, NULL, INT64_MAX, NULL) == VITRO_OK);
        vitro_resolve_cancel(&a);
        vitro_resolve_cancel(&b);
        vitro_loop_unref(loop);
    }
}

int main(void)
{
    no_post_is_lost();
    many_threads_wait_for_one_loop();
    the_last_reference_may_go_anywhere();
    transports_move_between_loops();
    look_ups_end_before_and_after_their_loop();
    return 0;
}
