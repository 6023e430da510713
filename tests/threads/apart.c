/*
 * Threads that answer interceptors when the channel that asked, and drove its loop, was freed:
 * some post and drop the loop, some drop the call themselves, and the owner closes a call of its
 * own among them. Each is heard, and all memory comes back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vitro/channel.h"

enum { THREADS = 6, ROUNDS = 200, MILLISECOND = 1000000 };

static const vitro_method unary = { .path = "/test.Threads/Unary", .kind = VITRO_UNARY };
static const vitro_method bidi = { .path = "/test.Threads/Bidi", .kind = VITRO_BIDI_STREAMING };

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "apart: %s\n", what);
    exit(1);
}

/* ---- memory, counted ------------------------------------------------------------------------ */

static size_t live;

static void *get(size_t n, void *user)
{
    (void)user;
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return malloc(n);
}

static void *resize(void *p, size_t old, size_t n, void *user)
{
    (void)old;
    (void)user;
    return realloc(p, n);
}

static void give_back(void *p, size_t n, void *user)
{
    (void)n;
    (void)user;
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    free(p);
}

/* ---- what a thread is asked ----------------------------------------------------------------- */

struct question {
    vitro_call *call;
    vitro_loop *loop;
    vitro_intercept *i;
    pthread_t thread;
};

static struct question questions[2 * THREADS];
static size_t asked;
static unsigned heard; /* touched in turns of the loop, and behind them */

static vitro_verdict ask(vitro_intercept *i, vitro_md *md, void *state)
{
    struct question *q = &questions[asked++];

    (void)md;
    (void)state;
    q->call = vitro_call_ref(vitro_intercept_call(i));
    q->loop = vitro_loop_ref(vitro_call_loop(q->call));
    q->i = i;
    return VITRO_SUSPEND;
}

static const vitro_interceptor asks = { .size = sizeof asks, .on_start = ask };
static const vitro_interceptor *const asking[] = { &asks, NULL };

static void hear(void *user)
{
    struct question *q = user;

    vitro_intercept_resume(q->i);
    vitro_call_unref(q->call);
    heard++;
}

static void *answer(void *user)
{
    struct question *q = user;
    vitro_loop *loop = q->loop;

    must(vitro_loop_post(loop, hear, q) == VITRO_OK, "a post failed");
    vitro_loop_unref(loop);
    return NULL;
}

static void *let_go(void *user)
{
    struct question *q = user;

    vitro_call_unref(q->call);
    vitro_loop_unref(q->loop);
    return NULL;
}

/* ---- a round -------------------------------------------------------------------------------- */

static vitro_channel *begin(vitro_call **open)
{
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel;

    asked = heard = 0;
    o.interceptors = asking;
    must(vitro_channel_new(&channel, NULL, "unix:/nowhere/socket", &o, NULL) == VITRO_OK,
         "no channel");
    while (asked < THREADS) {
        vitro_call_options call = VITRO_CALL_OPTIONS_INIT;

        call.timeout_ns = MILLISECOND;
        must(vitro_unary(channel, &unary, (vitro_bytes){ NULL, 0 }, &call, NULL, NULL) ==
                 VITRO_DEADLINE_EXCEEDED,
             "a call ended otherwise");
    }
    must(vitro_call_open(open, channel, &bidi, NULL, NULL) == VITRO_OK, "a call did not open");
    return channel;
}

static void begin_thread(size_t at)
{
    struct question *q = &questions[at];

    pthread_create(&q->thread, NULL, at % 2 ? answer : let_go, q);
}

/* The first of them race with vitro_channel_free(), the others come behind it. */
static void play_round(unsigned round)
{
    vitro_call *open;
    vitro_channel *channel = begin(&open);
    size_t early = round % THREADS, begun = 0;

    for (; begun < early; begun++)
        begin_thread(begun);
    vitro_channel_free(channel);
    for (; begun < asked; begun++)
        begin_thread(begun);
    must(vitro_call_close(open, NULL, NULL) == VITRO_CANCELLED, "it was not cancelled");
    for (size_t i = 0; i < begun; i++)
        pthread_join(questions[i].thread, NULL);
    must(heard == begun / 2, "an answer was not heard");
    must(__atomic_load_n(&live, __ATOMIC_RELAXED) == 0, "memory is left");
}

int main(void)
{
    vitro_allocator a = VITRO_ALLOCATOR_INIT;

    a.alloc = get;
    a.resize = resize;
    a.release = give_back;
    must(vitro_allocator_set(&a), "the allocator was refused");
    for (unsigned round = 0; round < ROUNDS; round++)
        play_round(round);
    return 0;
}
