#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/heap.h"
#include "support/pair.h"

/*
 * Memory runs out at the nth allocation, once or from then on: calls fail with a status, each
 * closes once, the next call after it goes well, and nothing is left behind.
 */

static const char *const allowed[] = { "OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL",
                                       "CANCELLED" };

static const char *compression; /* of requests and replies; each test is a process */

/* Interceptors that make the library keep what passes, and that copy it. */
static vitro_verdict replace(vitro_intercept *i, const vitro_message *m, void *state)
{
    vitro_code rc = vitro_intercept_replace(i, m->bytes, NULL);

    vitro_intercept_resume(i);
    return rc == VITRO_OK ? VITRO_GO_ON : VITRO_SUSPEND;
}

static vitro_verdict suspend(vitro_intercept *i, const vitro_message *m, void *state)
{
    vitro_intercept_resume(i);
    return VITRO_SUSPEND;
}

static vitro_verdict add_metadata(vitro_intercept *i, vitro_md *md, void *state)
{
    if (vitro_md_add_text(md, "a", "b", NULL) != VITRO_OK)
        vitro_intercept_end(i, VITRO_RESOURCE_EXHAUSTED, "no memory for it", md);
    return VITRO_GO_ON;
}

static const vitro_interceptor copies = { .size = sizeof copies,
                                          .state_size = 100,
                                          .on_start = add_metadata,
                                          .on_request = replace,
                                          .on_headers = add_metadata,
                                          .on_response = replace };
static const vitro_interceptor suspends = {
    .size = sizeof suspends, .state_size = 1, .on_request = suspend, .on_response = suspend
};
static const vitro_interceptor *const both[] = { &copies, &suspends, NULL };
static const vitro_interceptor *const *interceptors; /* of both sides */

struct told {
    unsigned closed;
    vitro_code code;
};

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct told *t = user;

    t->closed++;
    t->code = status->code;
}

static const vitro_call_events events = { .size = sizeof events, .on_closed = on_closed };

/* A call of any kind with metadata and some messages; NULL when it could not even begin. */
static vitro_call *talk(struct pair *p, const vitro_method *method, bool manual, size_t large,
                        struct told *t)
{
    static uint8_t bytes[100000];
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();
    vitro_call *call = NULL;
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    o.metadata = md;
    o.manual_credit = manual;
    o.timeout_ns = 10000000000; /* longer than a back-off */
    o.compression = compression;
    if (md && vitro_md_add_text(md, "key", "value", NULL) == VITRO_OK)
        rc = vitro_call_start(&call, p->channel, method, &o, &events, t, NULL);
    if (rc == VITRO_OK && method->kind == VITRO_BIDI_STREAMING)
        rc = vitro_call_send(call, bytes_of("first"), 0, NULL, NULL);
    if (rc == VITRO_OK)
        rc = vitro_call_send(call, (vitro_bytes){ bytes, large }, VITRO_SEND_LAST, NULL, NULL);
    if (rc != VITRO_OK && call)
        vitro_call_cancel(call);
    vitro_md_free(md);
    return call;
}

static void scenario(struct pair *p, struct told t[3], vitro_call *call[3])
{
    call[0] = talk(p, &echo_unary, false, 10, &t[0]);
    vitro_sim_step(p->sim);
    call[1] = talk(p, &echo_bidi, true, 90000, &t[1]);
    call[2] = talk(p, &echo_unary, true, 90000, &t[2]);
    vitro_sim_run_for(p->sim, 1000000);
    if (call[1])
        vitro_call_credit(call[1], 10);
    vitro_sim_run_for(p->sim, 1000000);
}

static void check_told(const struct told *t, const vitro_call *call, size_t nth)
{
    bool ok = false;

    if (!call)
        return;
    cr_expect_eq(t->closed, 1, "allocation %zu: closed %u times", nth, t->closed);
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        ok = ok || strcmp(vitro_code_name((int)t->code), allowed[i]) == 0;
    cr_expect(ok, "allocation %zu: %s", nth, vitro_code_name((int)t->code));
}

/* How many allocations the scenario made, without the failing. */
static size_t run_once(struct heap *h, size_t nth, bool once)
{
    struct pair p;
    struct told t[3] = { { 0, VITRO_OK } }, after = { 0, VITRO_OK };
    vitro_call *call[3], *good;
    size_t began, made;

    pair_init(&p);
    p.sim_options.latency_ns = 10;
    p.server_options.compression = compression;
    p.server_options.interceptors = interceptors;
    p.channel_options.interceptors = interceptors;
    pair_start(&p);
    began = h->calls;
    h->once = once;
    h->fail_at = nth ? began + nth : 0;
    scenario(&p, t, call);
    h->fail_at = 0;
    made = h->calls - began;
    pair_run(&p);
    for (size_t i = 0; i < 3; i++) {
        check_told(&t[i], call[i], nth);
        vitro_call_unref(call[i]);
    }
    vitro_channel_reset_backoff(p.channel); /* its last connection may have come to nothing */
    good = talk(&p, &echo_unary, false, 1000, &after);
    cr_assert(good);
    pair_run(&p);
    cr_expect_eq(after.code, VITRO_OK, "allocation %zu: afterwards %s", nth,
                 vitro_code_name((int)after.code));
    vitro_call_unref(good);
    pair_stop(&p);
    cr_expect_eq(h->live, 0, "allocation %zu: %zu blocks are left", nth, h->live);
    return made;
}

static void sweep(bool once)
{
    struct heap h = { 0 };
    size_t made;

    heap_install(&h);
    made = run_once(&h, 0, false);
    cr_assert_gt(made, 30);
    for (size_t nth = 1; nth <= made; nth++)
        run_once(&h, nth, once);
    heap_remove();
}

Test(call_memory, one_allocation_that_fails_ends_calls_at_most, .timeout = 120)
{
    sweep(true);
}

Test(call_memory, memory_that_runs_out_and_comes_back_ends_calls_at_most, .timeout = 120)
{
    sweep(false);
}

Test(call_memory, one_allocation_that_fails_while_compressing_ends_calls_at_most, .timeout = 120)
{
    compression = "gzip";
    sweep(true);
}

Test(call_memory, one_allocation_that_fails_amid_interceptors_ends_calls_at_most, .timeout = 120)
{
    interceptors = both;
    sweep(true);
    sweep(false);
}

/* The same calls within budgets: of the channel, and of each connection of the server. */
static void run_budget(size_t channel, size_t connection)
{
    struct heap h = { 0 };
    struct pair p;
    struct told t[3] = { { 0, VITRO_OK } };
    vitro_call *call[3];

    heap_install(&h);
    pair_init(&p);
    p.channel_options.memory_bytes = channel;
    p.server_options.connection_memory_bytes = connection;
    pair_listen(&p);
    if (vitro_channel_new(&p.channel, p.client_loop, p.target, &p.channel_options, NULL) ==
        VITRO_OK) {
        scenario(&p, t, call);
        pair_run(&p);
        for (size_t i = 0; i < 3; i++) {
            check_told(&t[i], call[i], channel + connection);
            vitro_call_unref(call[i]);
        }
    }
    pair_stop(&p);
    cr_expect_eq(h.live, 0, "budgets %zu and %zu: %zu blocks are left", channel, connection,
                 h.live);
    heap_remove();
}

Test(call_memory, a_budget_of_any_size_ends_calls_at_most, .timeout = 120)
{
    for (size_t budget = 500; budget < 250000; budget += budget / 20) {
        run_budget(budget, 0);
        run_budget(0, budget);
    }
}
