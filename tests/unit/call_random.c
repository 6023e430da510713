#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/pair.h"
#include "support/seed.h"

/*
 * Random programs of calls: whatever is sent, awaited, cancelled, cut and freed, every call closes
 * exactly once with a status that something gave cause for; messages arrive whole, in order, not
 * twice, and all of them when the call was left alone; and nothing stays in memory. So it is with
 * interceptors on either side, too, which suspend what they like.
 */

#define SECOND 1000000000

enum { CALLS_MAX = 12, HEAD = 6, ROUNDS = 40, MESSAGE_MAX = 40000 };

struct one {
    struct world *w;
    vitro_call *call; /* NULL: dropped */
    uint32_t sent, at_server, at_client;
    bool blocked, ended, closed, disturbed, late;
    vitro_code code;
};

struct world {
    struct pair p;
    struct chance chance;
    size_t number; /* of the case */
    struct one one[CALLS_MAX];
    size_t n;
    size_t large; /* bytes of a large message */
    bool deeds;   /* the server may end calls as it likes */
    bool cut;     /* a link was cut, or the server drained */
    bool drained;
    vitro_interceptor interceptors[2];
    const vitro_interceptor *lists[2][3]; /* of the client, of the server */
    bool refused;                         /* an interceptor ended a call */
    size_t open_intercepts;
};

static size_t some(struct world *w, size_t low, size_t high)
{
    return seed_between(&w->chance, low, high);
}

static bool one_in(struct world *w, size_t n)
{
    return some(w, 1, n) == 1;
}

static const char *some_compression(struct world *w)
{
    static const char *const names[] = { NULL, "gzip", "deflate" };

    return names[some(w, 0, 2)];
}

/* ---- messages: call, number, then bytes that follow from both ------------------------------- */

static size_t message_make(uint8_t *out, size_t call, uint32_t number, size_t len)
{
    out[0] = (uint8_t)(call >> 8);
    out[1] = (uint8_t)call;
    for (int i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)(number >> (24 - 8 * i));
    for (size_t i = HEAD; i < len; i++)
        out[i] = (uint8_t)(call * 31 + number * 7 + i);
    return len;
}

/* Whose it is; fails when it is not the next one or not as it was sent. */
static struct one *message_check(struct world *w, const vitro_message *m, bool server)
{
    const uint8_t *p = m->bytes.ptr;
    size_t call = (size_t)p[0] << 8 | p[1];
    uint32_t number = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
    struct one *o = &w->one[call];
    uint32_t *next = server ? &o->at_server : &o->at_client;

    cr_assert_geq(m->bytes.len, HEAD);
    cr_assert_lt(call, w->n, "a message of nobody " SEED_TEXT, seed_of_run(), w->number);
    cr_assert_eq(number, *next, "message %u where %u was next " SEED_TEXT, number, *next,
                 seed_of_run(), w->number);
    for (size_t i = HEAD; i < m->bytes.len; i++)
        cr_assert_eq(p[i], (uint8_t)(call * 31 + number * 7 + i), "byte %zu " SEED_TEXT, i,
                     seed_of_run(), w->number);
    ++*next;
    return o;
}

static void release(const void *ptr, size_t len, void *user)
{
    free((void *)(uintptr_t)ptr);
}

/* Any of the three ways to send. */
static vitro_code send_any(struct world *w, vitro_call *call, vitro_bytes bytes, bool *more)
{
    uint32_t flags = (one_in(w, 4) ? VITRO_SEND_ALONE : 0) | (one_in(w, 4) ? VITRO_SEND_PLAIN : 0);
    uint8_t *room;
    vitro_code rc;

    switch (some(w, 0, 2)) {
    case 0:
        return vitro_call_send(call, bytes, flags, more, NULL);
    case 1:
        room = malloc(bytes.len);
        memcpy(room, bytes.ptr, bytes.len);
        return vitro_call_attach(call, (vitro_bytes){ room, bytes.len }, release, NULL, flags, more,
                                 NULL);
    default:
        rc = vitro_call_reserve(call, bytes.len, &room, NULL);
        if (rc == VITRO_OK) {
            memcpy(room, bytes.ptr, bytes.len);
            vitro_call_commit(call, flags, more);
        }
        return rc;
    }
}

/* ---- interceptors that suspend, replace and end as they like -------------------------------- */

struct intercept {
    vitro_intercept *at[2]; /* what the alarm resumes; NULL: nothing */
    vitro_alarm *alarm;
};

static void resume(void *user)
{
    struct intercept *s = user;

    for (int i = 0; i < 2; i++) {
        if (s->at[i])
            vitro_intercept_resume(s->at[i]);
        s->at[i] = NULL;
    }
}

static vitro_verdict suspend(struct world *w, vitro_intercept *i, struct intercept *s,
                             bool response)
{
    vitro_loop *loop = vitro_call_loop(vitro_intercept_call(i));

    if (one_in(w, 3)) {
        vitro_intercept_resume(i); /* before it is suspended */
        return VITRO_SUSPEND;
    }
    s->at[response] = i;
    if (!s->alarm)
        cr_assert_eq(vitro_alarm_new(&s->alarm, loop, resume, s, NULL), VITRO_OK);
    vitro_alarm_set(s->alarm, vitro_loop_now(loop) + (int64_t)some(w, 0, 20000000));
    return VITRO_SUSPEND;
}

static vitro_verdict step(vitro_intercept *i, struct intercept *s, bool response)
{
    struct world *w = vitro_intercept_user(i);

    if (w->deeds && one_in(w, 300)) {
        w->refused = true;
        vitro_intercept_end(i, VITRO_PERMISSION_DENIED, "no", NULL);
    }
    return one_in(w, 3) ? suspend(w, i, s, response) : VITRO_GO_ON;
}

static vitro_verdict step_message(vitro_intercept *i, const vitro_message *m, struct intercept *s,
                                  bool response)
{
    if (one_in(vitro_intercept_user(i), 4))
        cr_assert_eq(vitro_intercept_replace(i, m->bytes, NULL), VITRO_OK);
    return step(i, s, response);
}

static vitro_verdict on_start(vitro_intercept *i, vitro_md *md, void *state)
{
    struct world *w = vitro_intercept_user(i);

    w->open_intercepts++;
    return step(i, state, false);
}

static vitro_verdict on_request(vitro_intercept *i, const vitro_message *m, void *state)
{
    return step_message(i, m, state, false);
}

static vitro_verdict on_response_headers(vitro_intercept *i, vitro_md *md, void *state)
{
    return step(i, state, true);
}

static vitro_verdict on_response(vitro_intercept *i, const vitro_message *m, void *state)
{
    return step_message(i, m, state, true);
}

static vitro_verdict on_status(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                               void *state)
{
    return step(i, state, true);
}

static void on_intercept_closed(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct intercept *s = state;
    struct world *w = vitro_intercept_user(i);

    cr_assert_gt(w->open_intercepts, 0);
    w->open_intercepts--;
    vitro_alarm_free(s->alarm);
}

/* None, one or two of them on either side. */
static void intercept(struct world *w)
{
    for (size_t i = 0; i < 2; i++)
        w->interceptors[i] = (vitro_interceptor){ .size = sizeof w->interceptors[i],
                                                  .state_size = sizeof(struct intercept),
                                                  .on_start = on_start,
                                                  .on_request = on_request,
                                                  .on_headers = on_response_headers,
                                                  .on_response = on_response,
                                                  .on_end = on_status,
                                                  .on_closed = on_intercept_closed,
                                                  .user = w };
    for (size_t side = 0; side < 2; side++)
        for (size_t i = some(w, 0, 4); i > 2; i--)
            w->lists[side][i - 3] = &w->interceptors[i - 3];
    w->p.channel_options.interceptors = w->lists[0];
    w->p.server_options.interceptors = w->lists[1];
}

/* ---- the server ----------------------------------------------------------------------------- */

static void serve_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct world *w = user;
    struct one *o = message_check(w, m, true);

    if (send_any(w, call, m->bytes, NULL) != VITRO_OK)
        return;
    if (w->deeds && one_in(w, 30)) {
        o->disturbed = true;
        vitro_call_finish(call, VITRO_ABORTED, "enough", NULL, NULL);
    } else if (w->deeds && one_in(w, 30)) {
        o->disturbed = true;
        vitro_call_cancel(call);
    }
}

static void serve_end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_method method = { .path = "/test.Random/Bidi", .kind = VITRO_BIDI_STREAMING };
static const vitro_call_events server_events = { .size = sizeof server_events,
                                                 .on_message = serve_message,
                                                 .on_end = serve_end };

/* ---- the client ----------------------------------------------------------------------------- */

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct one *o = user;

    cr_assert_eq(message_check(o->w, m, false), o);
    if (one_in(o->w, 100)) {
        o->disturbed = true;
        vitro_call_cancel(call);
    }
}

static void on_writable(vitro_call *call, void *user)
{
    ((struct one *)user)->blocked = false;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct one *o = user;

    cr_assert_not(o->closed, "closed twice " SEED_TEXT, seed_of_run(), o->w->number);
    o->closed = true;
    o->code = status->code;
}

static const vitro_call_events client_events = { .size = sizeof client_events,
                                                 .on_message = on_message,
                                                 .on_writable = on_writable,
                                                 .on_closed = on_closed };

static void begin(struct world *w)
{
    struct one *o = &w->one[w->n++];
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;

    *o = (struct one){ .w = w };
    options.manual_credit = one_in(w, 2);
    options.compression = some_compression(w);
    o->late = one_in(w, 5);
    if (o->late)
        options.timeout_ns = (int64_t)some(w, 1, 2 * (size_t)SECOND);
    cr_assert_eq(
        vitro_call_start(&o->call, w->p.channel, &method, &options, &client_events, o, NULL),
        VITRO_OK);
    if (!options.manual_credit)
        vitro_call_credit(o->call, 1); /* harmless */
}

static void send(struct world *w, struct one *o)
{
    static uint8_t bytes[MESSAGE_MAX];
    size_t len = one_in(w, 5) ? some(w, HEAD, w->large) : some(w, HEAD, 100);
    bool more = true;
    size_t n = message_make(bytes, (size_t)(o - w->one), o->sent, len);
    vitro_code rc;

    if (o->blocked || o->ended)
        return;
    rc = send_any(w, o->call, (vitro_bytes){ bytes, n }, &more);
    if (rc == VITRO_OK)
        o->sent++;
    else
        cr_assert(o->closed || vitro_call_is_cancelled(o->call), "%s " SEED_TEXT,
                  vitro_code_name((int)rc), seed_of_run(), w->number);
    o->blocked = !more;
}

static void act(struct world *w)
{
    struct one *o = &w->one[some(w, 0, w->n - 1)];
    size_t deed = some(w, 0, 99);

    if (deed < 10 && w->n < CALLS_MAX) {
        begin(w);
    } else if (!o->call) {
        return;
    } else if (deed < 70) {
        send(w, o);
    } else if (deed < 85) {
        vitro_call_credit(o->call, (uint32_t)some(w, 1, 5));
    } else if (deed < 93) {
        o->ended = o->ended || vitro_call_send_end(o->call, NULL) == VITRO_OK;
    } else if (deed < 96) {
        o->disturbed = true;
        vitro_call_cancel(o->call);
    } else if (deed < 97 && w->deeds) {
        w->cut = vitro_sim_cut(w->p.sim, some(w, 0, 3)) || w->cut;
    } else if (deed < 98 && w->deeds && !w->drained && one_in(w, 5)) {
        w->drained = w->cut = true;
        vitro_server_drain(w->p.server, SECOND, NULL, NULL);
    }
}

/* ---- one case ------------------------------------------------------------------------------- */

static uint32_t one_of(struct world *w, const uint32_t *all, size_t n)
{
    return all[some(w, 0, n - 1)];
}

static void open_world(struct world *w)
{
    static const uint32_t windows[] = { 0, 1000, 20000, 300000 }, most[] = { 0, 1, 7, 1000 },
                          streams[] = { 0, 1, 3 };
    struct pair *p = &w->p;

    pair_init(p);
    p->sim_options.seed = w->number;
    p->sim_options.read_max = one_of(w, most, 4);
    p->sim_options.write_max = one_of(w, most, 4);
    p->sim_options.in_flight_max = one_in(w, 3) ? (uint32_t)some(w, 100, 5000) : 0;
    p->sim_options.latency_ns = one_in(w, 2) ? (int64_t)some(w, 0, 50000000) : 0;
    w->large = p->sim_options.read_max == 1 || p->sim_options.write_max == 1 ? 2000 : MESSAGE_MAX;
    p->server_options.window_bytes = one_of(w, windows, 4);
    p->channel_options.window_bytes = one_of(w, windows, 4);
    if (one_in(w, 2))
        p->server_options.max_window_bytes = p->server_options.window_bytes;
    p->server_options.max_streams = one_of(w, streams, 3);
    p->server_options.compression = some_compression(w);
    w->deeds = one_in(w, 2);
    intercept(w);
    pair_make_server(p);
    cr_assert_eq(vitro_server_add(p->server, &method, NULL, &server_events, w, NULL), VITRO_OK);
    pair_start(p);
}

static void check_one(struct world *w, const struct one *o)
{
    bool allowed = o->code == VITRO_OK || (o->disturbed && o->code == VITRO_CANCELLED) ||
                   (o->disturbed && o->code == VITRO_ABORTED) ||
                   (w->refused && o->code == VITRO_PERMISSION_DENIED) ||
                   (o->late && o->code == VITRO_DEADLINE_EXCEEDED) ||
                   (w->cut && (o->code == VITRO_UNAVAILABLE || o->code == VITRO_CANCELLED));

    cr_expect(o->closed, "call %zu is open " SEED_TEXT, (size_t)(o - w->one), seed_of_run(),
              w->number);
    cr_expect(allowed, "call %zu: %s " SEED_TEXT, (size_t)(o - w->one),
              vitro_code_name((int)o->code), seed_of_run(), w->number);
    cr_expect(o->at_client <= o->at_server && o->at_server <= o->sent);
    if (o->code == VITRO_OK)
        cr_expect(o->at_client == o->sent, "call %zu: %u of %u came back " SEED_TEXT,
                  (size_t)(o - w->one), o->at_client, o->sent, seed_of_run(), w->number);
}

static void finish_all(struct world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!w->one[i].call)
            continue;
        vitro_call_send_end(w->one[i].call, NULL);
        vitro_call_credit(w->one[i].call, 1000000);
    }
    pair_run(&w->p);
    for (size_t i = 0; i < w->n; i++) {
        check_one(w, &w->one[i]);
        vitro_call_unref(w->one[i].call);
    }
}

static void close_world(struct world *w)
{
    struct pair *p = &w->p;

    vitro_channel_free(p->channel);
    vitro_server_free(p->server);
    pair_run(p);
    vitro_loop_trim(p->client_loop);
    vitro_loop_trim(p->server_loop);
    cr_expect_eq(w->open_intercepts, 0, SEED_TEXT, seed_of_run(), w->number);
    cr_expect_eq(vitro_loop_memory(p->client_loop).bytes, 0, SEED_TEXT, seed_of_run(), w->number);
    cr_expect_eq(vitro_loop_memory(p->server_loop).bytes, 0, SEED_TEXT, seed_of_run(), w->number);
    vitro_loop_unref(p->client_loop);
    vitro_loop_unref(p->server_loop);
    vitro_sim_free(p->sim);
}

static void run_case(size_t number, struct chance *seeds)
{
    struct world *w = calloc(1, sizeof *w);

    w->number = number;
    vitro_chance_seed(&w->chance, vitro_chance_next(seeds));
    open_world(w);
    begin(w);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = some(w, 1, 20); i > 0; i--)
            act(w);
        vitro_sim_run_for(w->p.sim, one_in(w, 3) ? 0 : (int64_t)some(w, 0, 30000000));
    }
    finish_all(w);
    close_world(w);
    free(w);
}

Test(call_random, calls_close_once_and_lose_double_and_reorder_nothing, .timeout = 240)
{
    struct chance seeds = seed_chance();

    for (size_t i = 0; i < 120; i++)
        run_case(i, &seeds);
}
