/*
 * soak - rpc_soak and channel_soak: a large call many times, each in time; by several threads when
 * --soak_num_threads says so, on one channel (rpc_soak) or on one channel a call (channel_soak).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "interop/client/session.h"

struct soak {
    const struct flags *flags;
    bool anew; /* each iteration on a channel of its own */
    int64_t end_ms;
    int *took_ms; /* one an iteration; -1: it was not made */
    int failures;
};

struct worker {
    struct soak *soak;
    struct session session; /* a thread's own, but for a channel that all share */
    int number, failures;
    pthread_t thread;
    bool begun;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void pause_until(int64_t ms)
{
    int64_t left = ms - now_ms();
    struct timespec t = { left / 1000, left % 1000 * 1000000 };

    if (left > 0)
        nanosleep(&t, NULL);
}

/* What is wrong with an iteration goes to stderr, as the number of failures decides. */
static bool iterate(struct worker *w, int i)
{
    const struct flags *f = w->soak->flags;
    struct session *s = &w->session;
    int64_t begin = now_ms(), ms;
    vitro_error err;
    bool good;

    s->why[0] = '\0';
    if (w->soak->anew && session_connect(s, &err))
        good = failed_by(s, "channel", &err);
    else
        good = large(s, f->soak_request_size, f->soak_response_size);
    ms = now_ms() - begin;
    w->soak->took_ms[i] = (int)ms;
    if (good && ms > f->soak_per_iteration_max_acceptable_latency_ms)
        good = failed(s, "it took %" PRId64 " ms", ms);
    fprintf(stderr, "soak iteration: %d elapsed_ms: %" PRId64 " server_uri: %s %s%s\n", i, ms,
            s->target, good ? "succeeded" : "failed: ", s->why);
    return good;
}

static void *work(void *worker)
{
    struct worker *w = worker;
    const struct flags *f = w->soak->flags;

    for (int i = w->number; i < f->soak_iterations && now_ms() < w->soak->end_ms;
         i += f->soak_num_threads) {
        int64_t next = now_ms() + f->soak_min_time_ms_between_rpcs;
        w->failures += !iterate(w, i);
        pause_until(next);
    }
    return NULL;
}

/* ---- several of them ------------------------------------------------------------------------ */

static bool worker_begin(struct worker *w, struct soak *soak, const struct session *s, int number)
{
    vitro_error err;

    w->soak = soak;
    w->number = number;
    w->session = *s;
    if (soak->anew && session_open(&w->session, s->flags, &err))
        return failed_by(&w->session, "channel", &err);
    w->begun = !pthread_create(&w->thread, NULL, work, w);
    return w->begun;
}

static void worker_end(struct worker *w)
{
    if (w->begun)
        pthread_join(w->thread, NULL);
    if (w->soak && w->soak->anew)
        session_close(&w->session);
    if (w->soak)
        w->soak->failures += w->failures;
}

/* A channel that all share has a loop with a thread of its own; else each has its loop. */
static bool run_all(struct session *s, struct soak *soak, struct worker *workers)
{
    int n = s->flags->soak_num_threads;
    bool good = true;
    vitro_error err;

    if (!soak->anew && vitro_loop_start(s->loop, &err))
        return failed_by(s, "loop", &err);
    for (int i = 0; i < n; i++)
        good = good && (worker_begin(&workers[i], soak, s, i) ||
                        failed(s, "thread %d did not begin: %s", i, workers[i].session.why));
    for (int i = 0; i < n; i++)
        worker_end(&workers[i]);
    if (!soak->anew)
        vitro_loop_stop(s->loop);
    return good;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static bool judge(struct session *s, const struct soak *soak)
{
    const struct flags *f = s->flags;
    int n = f->soak_iterations, made = 0;
    int *sorted = soak->took_ms;

    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    for (int i = 0; i < n; i++)
        made += sorted[i] >= 0;
    sorted += n - made;
    if (made)
        fprintf(stderr,
                "(server_uri: %s) soak test ran: %d / %d iterations. total_failures: %d. "
                "elapsed_ms: p50 %d p90 %d p100 %d\n",
                s->target, made, n, soak->failures, sorted[made / 2], sorted[made * 9 / 10],
                sorted[made - 1]);
    if (made < n)
        return failed(s, "%d of %d iterations in time", made, n);
    return soak->failures <= f->soak_max_failures ||
           failed(s, "%d iterations failed, not at most %d", soak->failures, f->soak_max_failures);
}

static bool soak_by(struct session *s, bool anew)
{
    const struct flags *f = s->flags;
    struct soak soak = { .flags = f, .anew = anew };
    struct worker *workers = calloc((size_t)f->soak_num_threads + 1, sizeof *workers);
    bool good;

    soak.took_ms = calloc((size_t)f->soak_iterations + 1, sizeof *soak.took_ms);
    soak.end_ms = now_ms() + f->soak_overall_timeout_seconds * INT64_C(1000);
    for (int i = 0; soak.took_ms && i < f->soak_iterations; i++)
        soak.took_ms[i] = -1;
    good = (workers && soak.took_ms) || failed(s, "no memory for the threads");
    good = good && run_all(s, &soak, workers) && judge(s, &soak);
    free(soak.took_ms);
    free(workers);
    return good;
}

bool rpc_soak(struct session *s)
{
    return soak_by(s, false);
}

bool channel_soak(struct session *s)
{
    return soak_by(s, true);
}
