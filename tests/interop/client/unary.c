/* unary - one request, one response: cases of EmptyCall and UnaryCall, and the two soaks. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "interop/client/session.h"

enum { LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159 };

bool empty_unary(struct session *s)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT, *response;
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;
    vitro_code rc;

    options.reply = &reply;
    rc = grpc_testing_test_service_empty_call(s->channel, &request, &response, &options, &err);
    vitro_reply_done(&reply);
    if (rc)
        return failed_by(s, "EmptyCall", &err);
    grpc__testing__empty__free_unpacked(response, NULL);
    return true;
}

static bool large(struct session *s, int request_size, int response_size)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros((size_t)request_size);
    Grpc__Testing__SimpleResponse *response;
    vitro_error err;
    bool good;

    request.payload = &payload;
    request.response_size = response_size;
    if (grpc_testing_test_service_unary_call(s->channel, &request, &response, NULL, &err))
        return failed_by(s, "UnaryCall", &err);
    good = is_zeros(s, "UnaryCall", response->payload, (size_t)response_size);
    grpc__testing__simple_response__free_unpacked(response, NULL);
    return good;
}

bool large_unary(struct session *s)
{
    return large(s, LARGE_REQUEST, LARGE_RESPONSE);
}

/* ---- soaks: the same many times, each in time ----------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* One iteration; what is wrong with it goes to stderr, as the number of failures decides. */
static bool soak_once(struct session *s, int i, bool anew)
{
    const struct flags *f = s->flags;
    int64_t begin = now_ms(), ms;
    vitro_error err;
    bool good;

    if (anew && session_connect(s, &err))
        return failed_by(s, "channel", &err);
    good = large(s, f->soak_request_size, f->soak_response_size);
    ms = now_ms() - begin;
    if (good && ms > f->soak_per_iteration_max_acceptable_latency_ms)
        good = failed(s, "it took %" PRId64 " ms", ms);
    fprintf(stderr, "soak iteration: %d elapsed_ms: %" PRId64 " %s%s\n", i, ms,
            good ? "succeeded" : "failed: ", s->why);
    return good;
}

static void pause_until(int64_t ms)
{
    int64_t left = ms - now_ms();
    struct timespec t = { left / 1000, left % 1000 * 1000000 };

    if (left > 0)
        nanosleep(&t, NULL);
}

static bool soak(struct session *s, bool anew)
{
    const struct flags *f = s->flags;
    int64_t end = now_ms() + f->soak_overall_timeout_seconds * INT64_C(1000), next;
    int failures = 0, i;

    if (f->soak_num_threads != 1)
        return failed(s, "--soak_num_threads: one at a time, not %d", f->soak_num_threads);
    for (i = 0; i < f->soak_iterations && now_ms() < end; i++) {
        next = now_ms() + f->soak_min_time_ms_between_rpcs;
        failures += !soak_once(s, i, anew);
        s->why[0] = '\0';
        pause_until(next);
    }
    if (i < f->soak_iterations)
        return failed(s, "%d of %d iterations in time", i, f->soak_iterations);
    return failures <= f->soak_max_failures ||
           failed(s, "%d iterations failed, not at most %d", failures, f->soak_max_failures);
}

bool rpc_soak(struct session *s)
{
    return soak(s, false);
}

bool channel_soak(struct session *s)
{
    return soak(s, true);
}
