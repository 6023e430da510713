/* What interceptors see, hold back, change and end, on either side and for calls of each kind. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "support/pair.h"
#include "support/seed.h"

/* ---- an interceptor that writes down what passes, and does at one step what it is told to -----
 */

enum step { START, REQUEST, HEADERS, RESPONSE, END, N_STEPS };

static const char *const step_names[] = { "start", "request", "headers", "response", "end" };

static struct {
    char text[4096];
    size_t len;
} seen;

static void see(const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(seen.text + seen.len, sizeof seen.text - seen.len, format, args);
    va_end(args);
    seen.len += (size_t)n;
}

struct scribe {
    const char *name;
    bool suspends[N_STEPS];
    bool for_ever; /* nothing resumes it */
    bool ends[N_STEPS];
    int started, closed;
};

struct state {
    vitro_intercept *at;
    vitro_alarm *alarm;
    enum step step;
};

static struct scribe *scribe_of(const vitro_intercept *i)
{
    return vitro_intercept_user(i);
}

static void on_alarm(void *user)
{
    struct state *s = user;

    see("resume ");
    vitro_intercept_resume(s->at);
}

static vitro_verdict pass(vitro_intercept *i, enum step step, void *state)
{
    struct state *s = state;
    struct scribe *scribe = scribe_of(i);
    vitro_loop *loop = vitro_call_loop(vitro_intercept_call(i));

    see("%s:%s ", scribe->name, step_names[step]);
    cr_assert_eq(vitro_intercept_state(i), state);
    if (scribe->ends[step])
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    if (!scribe->suspends[step])
        return VITRO_GO_ON;
    if (scribe->for_ever)
        return VITRO_SUSPEND;
    s->at = i;
    if (!s->alarm)
        cr_assert_eq(vitro_alarm_new(&s->alarm, loop, on_alarm, s, NULL), VITRO_OK);
    vitro_alarm_set(s->alarm, vitro_loop_now(loop) + 1000000);
    return VITRO_SUSPEND;
}

static vitro_verdict see_start(vitro_intercept *i, vitro_md *md, void *state)
{
    scribe_of(i)->started++;
    return pass(i, START, state);
}

static vitro_verdict see_request(vitro_intercept *i, const vitro_message *m, void *state)
{
    return pass(i, REQUEST, state);
}

static vitro_verdict see_headers(vitro_intercept *i, vitro_md *md, void *state)
{
    return pass(i, HEADERS, state);
}

static vitro_verdict see_response(vitro_intercept *i, const vitro_message *m, void *state)
{
    return pass(i, RESPONSE, state);
}

static vitro_verdict see_end(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                             void *state)
{
    see("%s:", vitro_code_name((int)status->code));
    return pass(i, END, state);
}

static void see_closed(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct state *s = state;

    see("%s:closed ", scribe_of(i)->name);
    scribe_of(i)->closed++;
    vitro_alarm_free(s->alarm);
}

#define SCRIBE(scribe)                                                                             \
    {                                                                                              \
        .size = sizeof(vitro_interceptor), .state_size = sizeof(struct state),                     \
        .on_start = see_start, .on_request = see_request, .on_headers = see_headers,               \
        .on_response = see_response, .on_end = see_end, .on_closed = see_closed, .user = &(scribe) \
    }

static struct scribe outer = { .name = "A" }, inner = { .name = "B" };
static struct scribe far_outer = { .name = "C" }, far_inner = { .name = "D" };
static const vitro_interceptor a = SCRIBE(outer), b = SCRIBE(inner), c = SCRIBE(far_outer),
                               d = SCRIBE(far_inner);
static struct scribe *const all[] = { &outer, &inner, &far_outer, &far_inner };
static const vitro_interceptor *const both[] = { &a, &b, NULL };
static const vitro_interceptor *const far_both[] = { &c, &d, NULL };

static const vitro_method *const kinds[] = { &echo_unary, &echo_client_stream, &echo_server_stream,
                                             &echo_bidi };

static vitro_call *start(struct pair *p, const vitro_method *method, int64_t timeout,
                         struct record *r)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;

    memset(r, 0, sizeof *r);
    seen.len = 0;
    seen.text[0] = '\0';
    o.timeout_ns = timeout;
    call = pair_call(p, method, &o, r);
    cr_expect_eq(vitro_call_send(call, bytes_of("x"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    return call;
}

/* Whatever happened: the call is closed, and so it was told to whoever saw it start. */
static void check_closed(const struct record *r, const vitro_method *method)
{
    cr_expect(r->closed, "%s does not close", method->path);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        cr_expect_eq(all[i]->started, all[i]->closed, "%s: %s saw %d starts and %d ends",
                     method->path, all[i]->name, all[i]->started, all[i]->closed);
}

static void talk(struct pair *p, const vitro_method *method, struct record *r)
{
    vitro_call *call = start(p, method, 0, r);

    pair_run(p);
    vitro_call_unref(call);
    check_closed(r, method);
}

static void begin(struct pair *p, bool client, bool server)
{
    pair_init(p);
    if (client)
        p->channel_options.interceptors = both;
    if (server)
        p->server_options.interceptors = far_both;
    pair_start(p);
}

Test(intercept, requests_pass_outermost_first_and_responses_innermost_first)
{
    struct pair p;

    begin(&p, true, true);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct record r;

        talk(&p, kinds[i], &r);
        cr_expect_str_eq(seen.text, "A:start B:start A:request B:request "
                                    "C:start D:start C:request D:request D:headers C:headers "
                                    "D:response C:response OK:D:end OK:C:end D:closed C:closed "
                                    "B:headers A:headers B:response A:response "
                                    "OK:B:end OK:A:end B:closed A:closed ");
        cr_expect_str_eq(r.text, kinds[i] == &echo_client_stream
                                     ? "headers message(1) end closed OK"
                                     : "headers message(x) end closed OK");
        record_done(&r);
    }
    pair_stop(&p);
}

/* Each step is suspended and resumed by itself: the call is as it is without. */
Test(intercept, a_step_that_is_suspended_goes_on_when_it_is_resumed)
{
    for (size_t who = 0; who < ARRAY_LEN(all); who++) {
        for (int step = 0; step < N_STEPS; step++) {
            struct pair p;

            all[who]->suspends[step] = true;
            begin(&p, true, true);
            for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct record r;

                talk(&p, kinds[i], &r);
                cr_expect_str_eq(r.text, kinds[i] == &echo_client_stream
                                             ? "headers message(1) end closed OK"
                                             : "headers message(x) end closed OK");
                cr_expect(strstr(seen.text, "resume "));
                record_done(&r);
            }
            pair_stop(&p);
            all[who]->suspends[step] = false;
        }
    }
}

/* Each step ends the call, which closes with its status wherever it is. */
Test(intercept, any_step_of_any_interceptor_may_end_the_call)
{
    for (size_t who = 0; who < ARRAY_LEN(all); who++) {
        for (int step = 0; step < N_STEPS; step++) {
            struct pair p;

            all[who]->ends[step] = true;
            begin(&p, true, true);
            for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct record r;

                talk(&p, kinds[i], &r);
                cr_expect_eq(r.code, VITRO_UNAUTHENTICATED, "%s at %s: %s", all[who]->name,
                             step_names[step], r.text);
                cr_expect_str_eq(r.message, "인증 실패");
                record_done(&r);
            }
            pair_stop(&p);
            all[who]->ends[step] = false;
        }
    }
}

/* Nothing resumes the step, nor the end: cancelling the call, or its deadline, ends it all the
 * same. */
static void check_stuck(size_t who, int step, bool late)
{
    struct pair p;

    begin(&p, true, true);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct record r;
        vitro_call *call = start(&p, kinds[i], late ? 2000000 : 0, &r);

        vitro_sim_run_for(p.sim, 1000000);
        cr_expect_not(r.closed, "%s does not wait for %s at %s", kinds[i]->path, all[who]->name,
                      step_names[step]);
        if (!late)
            vitro_call_cancel(call);
        pair_run(&p);
        cr_expect_eq(r.code, late ? VITRO_DEADLINE_EXCEEDED : VITRO_CANCELLED, "%s at %s: %s",
                     all[who]->name, step_names[step], r.text);
        vitro_call_unref(call);
        check_closed(&r, kinds[i]);
        record_done(&r);
    }
    pair_stop(&p);
}

Test(intercept, cancelling_and_the_deadline_do_not_wait_for_a_step_that_is_suspended)
{
    for (size_t who = 0; who < ARRAY_LEN(all); who++) {
        all[who]->for_ever = true;
        for (int step = 0; step < N_STEPS; step++) {
            all[who]->suspends[step] = all[who]->suspends[END] = true;
            check_stuck(who, step, false);
            check_stuck(who, step, true);
            all[who]->suspends[step] = all[who]->suspends[END] = false;
        }
        all[who]->for_ever = false;
    }
}

Test(intercept, freeing_channel_or_server_ends_calls_that_are_suspended)
{
    for (size_t who = 0; who < ARRAY_LEN(all); who++) {
        all[who]->for_ever = true;
        for (int step = 0; step < N_STEPS; step++) {
            for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct pair p;
                struct record r;
                vitro_call *call;

                all[who]->suspends[step] = true;
                begin(&p, true, true);
                call = start(&p, kinds[i], 0, &r);
                vitro_sim_run_for(p.sim, 1000000);
                vitro_call_unref(call);
                pair_stop(&p);
                check_closed(&r, kinds[i]);
                record_done(&r);
                all[who]->suspends[step] = false;
            }
        }
        all[who]->for_ever = false;
    }
}

/* ---- any steps at once ---------------------------------------------------------------------- */

static bool one_in(struct chance *chance, size_t n)
{
    return seed_between(chance, 1, n) == 1;
}

/* Random steps are suspended; with ends, some of them end the call. True when one might. */
static bool shuffle(struct chance *chance, bool ends)
{
    bool any = false;

    for (size_t who = 0; who < ARRAY_LEN(all); who++) {
        for (int step = 0; step < N_STEPS; step++) {
            all[who]->suspends[step] = one_in(chance, 2);
            all[who]->ends[step] = ends && one_in(chance, 10);
            any = any || all[who]->ends[step];
        }
    }
    return any;
}

/* The call is left alone, cancelled or late; what it may have come to follows from that. */
static void run_shuffled(struct pair *p, struct chance *chance, const vitro_method *method,
                         const char *alone, size_t number)
{
    struct record r;
    bool ends = shuffle(chance, one_in(chance, 2)), late = one_in(chance, 4), cancelled = false;
    vitro_call *call = start(p, method, late ? (int64_t)seed_between(chance, 1, 30000000) : 0, &r);

    vitro_sim_run_for(p->sim, (int64_t)seed_between(chance, 0, 30000000));
    cancelled = !r.closed && one_in(chance, 2);
    if (cancelled)
        vitro_call_cancel(call);
    pair_run(p);
    if (!ends && !late && !cancelled)
        cr_expect_str_eq(r.text, alone, SEED_TEXT, seed_of_run(), number);
    cr_expect(r.code == VITRO_OK || (ends && r.code == VITRO_UNAUTHENTICATED) ||
                  (late && r.code == VITRO_DEADLINE_EXCEEDED) ||
                  (cancelled && r.code == VITRO_CANCELLED),
              "%s " SEED_TEXT, r.text, seed_of_run(), number);
    vitro_call_unref(call);
    check_closed(&r, method);
    record_done(&r);
}

Test(intercept, whatever_is_suspended_ended_cancelled_or_late_each_call_closes_once)
{
    struct chance chance = seed_chance();
    struct pair p;

    begin(&p, true, true);
    for (size_t i = 0; i < 4000; i++) {
        const vitro_method *method = kinds[i % ARRAY_LEN(kinds)];

        run_shuffled(&p, &chance, method,
                     method == &echo_client_stream ? "headers message(1) end closed OK"
                                                   : "headers message(x) end closed OK",
                     i);
    }
    pair_stop(&p);
}
