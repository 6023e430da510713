/* Interceptors as people write them: each is a test of what it is for. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "support/pair.h"

static const vitro_method *const kinds[] = { &echo_unary, &echo_client_stream, &echo_server_stream,
                                             &echo_bidi };

static void begin(struct pair *p, const vitro_interceptor *const *client,
                  const vitro_interceptor *const *server)
{
    pair_init(p);
    p->channel_options.interceptors = client;
    p->server_options.interceptors = server;
    pair_start(p);
}

/* One message, and all of the answer. */
static void talk(struct pair *p, const vitro_method *method, const vitro_call_options *o,
                 vitro_bytes message, struct record *r)
{
    vitro_call *call;

    memset(r, 0, sizeof *r);
    call = pair_call(p, method, o, r);
    cr_expect_eq(vitro_call_send(call, message, VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    pair_run(p);
    vitro_call_unref(call);
    cr_expect(r->closed, "%s does not close", method->path);
}

static void md_has(const vitro_md *md, const char *key, const char *want)
{
    vitro_bytes value = { NULL, 0 };

    cr_assert(md && vitro_md_get(md, vitro_str_of(key), &value), "%s is not there", key);
    cr_expect_eq(value.len, strlen(want));
    cr_expect_eq(memcmp(value.ptr, want, value.len), 0);
}

/* ---- a server asks for a token -------------------------------------------------------------- */

static vitro_verdict check_token(vitro_intercept *i, vitro_md *md, void *state)
{
    const vitro_str right = VITRO_STR_INIT("valid-token");
    vitro_bytes value;

    if (!vitro_md_get(md, vitro_str_of("authorization"), &value) ||
        !vitro_str_eq((vitro_str){ (const char *)value.ptr, value.len }, right))
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    return VITRO_GO_ON;
}

static const vitro_interceptor token_check = { .size = sizeof token_check,
                                               .on_start = check_token };
static const vitro_interceptor *const guarded[] = { &token_check, NULL };

static unsigned handled; /* events of handlers */

static void handle_headers(vitro_call *call, const vitro_md *md, void *user)
{
    handled++;
}

static void handle_message(vitro_call *call, const vitro_message *m, void *user)
{
    handled++;
}

static void handle_end(vitro_call *call, void *user)
{
    handled++;
    cr_expect_eq(vitro_call_send(call, bytes_of("hello"), 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void handle_cancelled(vitro_call *call, void *user)
{
    handled++;
}

static void handle_closed(vitro_call *call, const vitro_status *status, void *user)
{
    handled++;
}

static const vitro_call_events handler = { .size = sizeof handler,
                                           .on_headers = handle_headers,
                                           .on_message = handle_message,
                                           .on_end = handle_end,
                                           .on_cancelled = handle_cancelled,
                                           .on_closed = handle_closed };

static void call_with_token(struct pair *p, const vitro_method *method, const char *token,
                            struct record *r)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();

    if (token)
        cr_assert_eq(vitro_md_add_text(md, "authorization", token, NULL), VITRO_OK);
    o.metadata = md;
    handled = 0;
    talk(p, method, &o, bytes_of("x"), r);
    vitro_md_free(md);
}

Test(interceptors, without_the_token_no_kind_of_call_reaches_its_handler)
{
    static const char *const wrong[] = { NULL, "wrong-token", "valid-token2", "" };
    struct pair p;
    struct record r;

    pair_init(&p);
    p.server_options.interceptors = guarded;
    pair_make_server(&p);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        cr_assert_eq(vitro_server_add(p.server, kinds[k], NULL, &handler, NULL, NULL), VITRO_OK);
    pair_start(&p);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            call_with_token(&p, kinds[k], wrong[i], &r);
            cr_expect_str_eq(r.text, "end closed UNAUTHENTICATED", "%s", kinds[k]->path);
            cr_expect_str_eq(r.message, "인증 실패");
            cr_expect_eq(handled, 0, "the handler of %s was called", kinds[k]->path);
            record_done(&r);
        }
        call_with_token(&p, kinds[k], "valid-token", &r);
        cr_expect_str_eq(r.text, "headers message(hello) end closed OK", "%s", kinds[k]->path);
        cr_expect_eq(handled, 4);
        record_done(&r);
    }
    pair_stop(&p);
}

/* ---- a client writes a line for each call --------------------------------------------------- */

static char log_text[1024];

struct counts {
    unsigned requests, responses;
    size_t bytes;
};

static vitro_verdict count_request(vitro_intercept *i, const vitro_message *m, void *state)
{
    struct counts *c = state;

    c->requests++;
    c->bytes += m->bytes.len;
    return VITRO_GO_ON;
}

static vitro_verdict count_response(vitro_intercept *i, const vitro_message *m, void *state)
{
    ((struct counts *)state)->responses++;
    return VITRO_GO_ON;
}

static void log_call(vitro_intercept *i, const vitro_status *status, void *state)
{
    const struct counts *c = state;
    vitro_str path = vitro_call_path(vitro_intercept_call(i));
    size_t n = strlen(log_text);

    snprintf(log_text + n, sizeof log_text - n,
             "%.*s: %u requests of %zu bytes, %u responses, %s\n", (int)path.len, path.ptr,
             c->requests, c->bytes, c->responses, vitro_code_name((int)status->code));
}

static const vitro_interceptor logging = { .size = sizeof logging,
                                           .state_size = sizeof(struct counts),
                                           .on_request = count_request,
                                           .on_response = count_response,
                                           .on_closed = log_call };
static const vitro_interceptor *const logged[] = { &logging, NULL };

Test(interceptors, a_client_logs_each_call_in_a_line)
{
    static const vitro_method nobody = { "/test.Echo/Nobody", VITRO_UNARY, NULL };
    struct pair p;
    struct record r;

    begin(&p, logged, NULL);
    talk(&p, &echo_server_stream, NULL, bytes_of("abc"), &r);
    record_done(&r);
    talk(&p, &nobody, NULL, bytes_of("abcd"), &r);
    record_done(&r);
    pair_stop(&p);
    cr_expect_str_eq(log_text, "/test.Echo/ServerStream: 1 requests of 3 bytes, 3 responses, OK\n"
                               "/test.Echo/Nobody: 1 requests of 4 bytes, 0 responses, "
                               "UNIMPLEMENTED\n");
}

/* ---- metadata in each of its places --------------------------------------------------------- */

static vitro_verdict add_tenant(vitro_intercept *i, vitro_md *md, void *state)
{
    cr_expect_eq(vitro_md_add_text(md, "x-tenant", vitro_intercept_user(i), NULL), VITRO_OK);
    return VITRO_GO_ON;
}

static vitro_verdict expect_tenant(vitro_intercept *i, vitro_md *md, void *state)
{
    md_has(md, "x-tenant", vitro_intercept_user(i));
    cr_expect_eq(vitro_md_remove(md, vitro_str_of("x-tenant")), 1);
    return VITRO_GO_ON;
}

static vitro_verdict add_trailer(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                                 void *state)
{
    return add_tenant(i, trailers, state);
}

static const vitro_interceptor adds = { .size = sizeof adds,
                                        .on_start = add_tenant,
                                        .user = (void *)"blue" };
static const vitro_interceptor expects = { .size = sizeof expects,
                                           .on_start = expect_tenant,
                                           .on_headers = add_tenant,
                                           .on_end = add_trailer,
                                           .user = (void *)"blue" };
static const vitro_interceptor *const adding[] = { &adds, NULL }, *const expecting[] = { &expects,
                                                                                         NULL };

static void no_tenant(vitro_call *call, const vitro_md *md, void *user)
{
    cr_expect_not(vitro_md_get(md, vitro_str_of("x-tenant"), NULL));
    handle_headers(call, md, user);
}

Test(interceptors, metadata_is_added_and_taken_away_at_each_place_it_has)
{
    static const vitro_method method = { "/test.Echo/Tenant", VITRO_UNARY, NULL };
    vitro_call_events events = handler;
    struct pair p;
    struct record r;

    events.on_headers = no_tenant;
    pair_init(&p);
    p.channel_options.interceptors = adding;
    p.server_options.interceptors = expecting;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    talk(&p, &method, NULL, bytes_of("x"), &r);
    cr_expect_eq(r.code, VITRO_OK);
    md_has(r.headers, "x-tenant", "blue");
    md_has(r.trailers, "x-tenant", "blue");
    record_done(&r);
    pair_stop(&p);
}

/* ---- a token that another call fetches ------------------------------------------------------ */

struct fetch {
    vitro_intercept *for_whom;
    vitro_md *md;
    vitro_call *call;
};

static const vitro_method fetch_token = { "/test.Token/Fetch", VITRO_UNARY, NULL };

static void have_token(vitro_call *call, const vitro_message *m, void *user)
{
    struct fetch *f = user;

    if (f)
        cr_expect_eq(vitro_md_add(f->md, vitro_str_of("authorization"), m->bytes, NULL), VITRO_OK);
}

static void fetched(vitro_call *call, const vitro_status *status, void *user)
{
    struct fetch *f = user;

    if (!f)
        return;
    vitro_call_unref(f->call);
    f->call = NULL;
    if (status->code == VITRO_OK)
        vitro_intercept_resume(f->for_whom);
    else
        vitro_intercept_end(f->for_whom, VITRO_UNAVAILABLE, "no token", NULL);
}

static const vitro_call_events fetch_events = { .size = sizeof fetch_events,
                                                .on_message = have_token,
                                                .on_closed = fetched };

static vitro_verdict fetch(vitro_intercept *i, vitro_md *md, void *state)
{
    struct pair *p = vitro_intercept_user(i);
    struct fetch *f = state;

    *f = (struct fetch){ i, md, NULL };
    cr_assert_eq(vitro_call_start(&f->call, p->channel, &fetch_token, NULL, &fetch_events, f, NULL),
                 VITRO_OK);
    cr_assert_eq(vitro_call_send(f->call, bytes_of("who"), VITRO_SEND_LAST, NULL, NULL), VITRO_OK);
    return VITRO_SUSPEND;
}

/* Over before its token came: what the other call still brings is nobody's. */
static void fetch_over(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct fetch *f = state;

    if (!f->call)
        return;
    vitro_call_set_user(f->call, NULL);
    vitro_call_cancel(f->call);
    vitro_call_unref(f->call);
}

static void give_token(vitro_call *call, const vitro_message *m, void *user)
{
    if (!user) {
        vitro_call_finish(call, VITRO_PERMISSION_DENIED, NULL, NULL, NULL);
        return;
    }
    cr_expect_eq(vitro_call_send(call, bytes_of(user), 0, NULL, NULL), VITRO_OK);
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events token_events = { .size = sizeof token_events,
                                                .on_message = give_token };

/* A server that gives tokens freely and asks for one at each other method. */
static void begin_tokens(struct pair *p, const char *token)
{
    vitro_method_options ask = VITRO_METHOD_OPTIONS_INIT;

    ask.interceptors = guarded;
    pair_init(p);
    p->sim_options.latency_ns = 1000000;
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, &fetch_token, NULL, &token_events,
                                  (void *)(uintptr_t)token, NULL),
                 VITRO_OK);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        cr_assert_eq(vitro_server_add(p->server, kinds[k], &ask, &handler, NULL, NULL), VITRO_OK);
    pair_start(p);
}

#define FETCHES(pair)                                                                              \
    {                                                                                              \
        .size = sizeof(vitro_interceptor), .state_size = sizeof(struct fetch), .on_start = fetch,  \
        .on_closed = fetch_over, .user = (pair)                                                    \
    }

Test(interceptors, a_call_waits_for_the_token_that_another_call_fetches)
{
    struct pair p;
    const vitro_interceptor fetches = FETCHES(&p);
    const vitro_interceptor *const list[] = { &fetches, NULL };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    struct record r;

    begin_tokens(&p, "valid-token");
    o.interceptors = list;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        talk(&p, kinds[k], &o, bytes_of("x"), &r);
        cr_expect_str_eq(r.text, "headers message(hello) end closed OK", "%s", kinds[k]->path);
        record_done(&r);
    }
    pair_stop(&p);
}

Test(interceptors, without_a_token_or_once_it_is_given_up_the_call_ends)
{
    struct pair p;
    const vitro_interceptor fetches = FETCHES(&p);
    const vitro_interceptor *const list[] = { &fetches, NULL };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call;
    struct record r = { .len = 0 };

    begin_tokens(&p, NULL);
    o.interceptors = list;
    talk(&p, &echo_unary, &o, bytes_of("x"), &r);
    cr_expect_str_eq(r.text, "closed UNAVAILABLE");
    cr_expect_str_eq(r.message, "no token");
    record_done(&r);
    call = pair_call(&p, &echo_unary, &o, &r);
    vitro_sim_step(p.sim);
    vitro_call_cancel(call);
    pair_run(&p);
    cr_expect_str_eq(r.text, "closed CANCELLED");
    vitro_call_unref(call);
    record_done(&r);
    pair_stop(&p);
}

/* ---- no more than so many calls a second ---------------------------------------------------- */

struct limiter {
    int64_t next; /* when the next one may start */
};

struct limited {
    vitro_intercept *i;
    vitro_alarm *alarm;
};

static void go(void *user)
{
    vitro_intercept_resume(((struct limited *)user)->i);
}

static vitro_verdict take_turn(vitro_intercept *i, vitro_md *md, void *state)
{
    enum { EVERY_NS = 100000000 };
    struct limiter *l = vitro_intercept_user(i);
    struct limited *s = state;
    vitro_loop *loop = vitro_call_loop(vitro_intercept_call(i));
    int64_t now = vitro_loop_now(loop), mine = MAX(l->next, now);

    l->next = mine + EVERY_NS;
    if (mine == now)
        return VITRO_GO_ON;
    s->i = i;
    cr_assert_eq(vitro_alarm_new(&s->alarm, loop, go, s, NULL), VITRO_OK);
    vitro_alarm_set(s->alarm, mine);
    return VITRO_SUSPEND;
}

static void turn_over(vitro_intercept *i, const vitro_status *status, void *state)
{
    vitro_alarm_free(((struct limited *)state)->alarm);
}

static void check_limit(bool server)
{
    enum { CALLS = 30 };
    struct limiter limiter = { 0 };
    const vitro_interceptor limits = { .size = sizeof limits,
                                       .state_size = sizeof(struct limited),
                                       .on_start = take_turn,
                                       .on_closed = turn_over,
                                       .user = &limiter };
    const vitro_interceptor *const list[] = { &limits, NULL };
    struct pair p;
    static struct record r[CALLS];
    vitro_call *call[CALLS];
    unsigned closed = 0;

    begin(&p, server ? NULL : list, server ? list : NULL);
    for (int i = 0; i < CALLS; i++) {
        call[i] = pair_call(&p, &echo_unary, NULL, &r[i]);
        cr_expect_eq(vitro_call_send(call[i], bytes_of("x"), VITRO_SEND_LAST, NULL, NULL),
                     VITRO_OK);
    }
    vitro_sim_run_for(p.sim, 1050000000);
    for (int i = 0; i < CALLS; i++)
        closed += r[i].closed;
    cr_expect_eq(closed, 11, "%u calls in a second", closed);
    pair_run(&p);
    for (int i = 0; i < CALLS; i++) {
        cr_expect_eq(r[i].code, VITRO_OK);
        vitro_call_unref(call[i]);
        record_done(&r[i]);
    }
    pair_stop(&p);
}

Test(interceptors, a_rate_limiter_delays_what_is_too_much)
{
    check_limit(false);
    check_limit(true);
}

/* ---- messages that are too big -------------------------------------------------------------- */

static vitro_verdict refuse_big(vitro_intercept *i, const vitro_message *m, void *state)
{
    if (m->bytes.len > 10)
        vitro_intercept_end(i, VITRO_RESOURCE_EXHAUSTED, "more than 10 bytes", NULL);
    return VITRO_GO_ON;
}

static const vitro_interceptor small_requests = { .size = sizeof small_requests,
                                                  .on_request = refuse_big };
static const vitro_interceptor small_responses = { .size = sizeof small_responses,
                                                   .on_response = refuse_big };

Test(interceptors, a_message_that_is_too_big_is_refused_in_either_direction_on_either_side)
{
    const vitro_interceptor *const list[][2] = { { &small_requests, NULL },
                                                 { &small_responses, NULL } };
    struct pair p;
    struct record r;

    for (size_t i = 0; i < 4; i++) {
        begin(&p, i < 2 ? list[i] : NULL, i < 2 ? NULL : list[i - 2]);
        talk(&p, &echo_bidi, NULL, bytes_of("0123456789"), &r);
        cr_expect_str_eq(r.text, "headers message(0123456789) end closed OK");
        record_done(&r);
        talk(&p, &echo_bidi, NULL, bytes_of("0123456789a"), &r);
        cr_expect_eq(r.code, VITRO_RESOURCE_EXHAUSTED);
        cr_expect_eq(r.messages, 0);
        cr_expect_str_eq(r.message, "more than 10 bytes");
        record_done(&r);
        pair_stop(&p);
    }
}

/* ---- another status ------------------------------------------------------------------------- */

static vitro_verdict map_status(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                                void *state)
{
    if (status->code == VITRO_UNIMPLEMENTED || status->code == VITRO_UNAVAILABLE)
        vitro_intercept_end(i, VITRO_NOT_FOUND, "no such thing here", NULL);
    return VITRO_GO_ON;
}

static const vitro_interceptor maps = { .size = sizeof maps, .on_end = map_status };
static const vitro_interceptor *const mapping[] = { &maps, NULL };

/* Once of the server's making, once of the library's: nobody listens there. */
Test(interceptors, a_client_maps_a_status_wherever_it_comes_from)
{
    static const vitro_method nobody = { "/test.Echo/Nobody", VITRO_UNARY, NULL };
    struct pair p;
    struct record r;

    begin(&p, mapping, NULL);
    talk(&p, &nobody, NULL, bytes_of("x"), &r);
    cr_expect_str_eq(r.text, "end closed NOT_FOUND");
    cr_expect_str_eq(r.message, "no such thing here");
    record_done(&r);
    pair_stop(&p);
    pair_init(&p);
    p.channel_options.interceptors = mapping;
    pair_make_world(&p);
    pair_make_channel(&p);
    talk(&p, &echo_unary, NULL, bytes_of("x"), &r);
    cr_expect_str_eq(r.text, "closed NOT_FOUND");
    cr_expect_eq(r.error.code, VITRO_NOT_FOUND);
    record_done(&r);
    pair_stop(&p);
}

static void answer_with_error(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_call_finish(call, VITRO_UNAVAILABLE, "database 192.0.2.7 is down", NULL, NULL);
}

Test(interceptors, a_server_keeps_from_its_clients_what_is_not_for_them)
{
    static const vitro_method method = { "/test.Echo/Down", VITRO_UNARY, NULL };
    static const vitro_call_events events = { .size = sizeof events,
                                              .on_message = answer_with_error };
    struct pair p;
    struct record r;

    pair_init(&p);
    p.server_options.interceptors = mapping;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    talk(&p, &method, NULL, bytes_of("x"), &r);
    cr_expect_str_eq(r.text, "end closed NOT_FOUND");
    cr_expect_str_eq(r.message, "no such thing here");
    record_done(&r);
    pair_stop(&p);
}

/* ---- headers that are refused --------------------------------------------------------------- */

static void send_tenant(vitro_call *call, const vitro_md *md, void *user)
{
    vitro_md *headers = vitro_md_new();

    cr_assert_eq(vitro_md_add_text(headers, "x-tenant", "blue", NULL), VITRO_OK);
    cr_expect_eq(vitro_call_send_headers(call, headers, NULL), VITRO_OK);
    vitro_md_free(headers);
}

static vitro_verdict refuse_headers(vitro_intercept *i, vitro_md *md, void *state)
{
    vitro_intercept_end(i, VITRO_PERMISSION_DENIED, NULL, NULL);
    return VITRO_GO_ON;
}

Test(interceptors, response_headers_that_are_dropped_do_not_come_as_trailers)
{
    static const vitro_interceptor refuses = { .size = sizeof refuses,
                                               .on_headers = refuse_headers };
    static const vitro_interceptor *const refusing[] = { &refuses, NULL };
    static const vitro_method method = { "/test.Echo/Tenant", VITRO_UNARY, NULL };
    static const vitro_call_events events = { .size = sizeof events, .on_headers = send_tenant };
    struct pair p;
    struct record r;

    pair_init(&p);
    p.server_options.interceptors = refusing;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &method, NULL, &events, NULL, NULL), VITRO_OK);
    pair_start(&p);
    talk(&p, &method, NULL, bytes_of("x"), &r);
    cr_expect_eq(r.code, VITRO_PERMISSION_DENIED);
    cr_expect_eq(vitro_md_count(r.trailers), 0);
    record_done(&r);
    pair_stop(&p);
}
