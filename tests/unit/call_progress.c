/* Whatever the link, the windows and the messages are: a call that waits is woken, and ends. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/pair.h"
#include "support/seed.h"

enum { WORLDS = 100, CALLS = 6, LARGEST = 600000 };

static uint8_t bytes[LARGEST];

/* One call of the world: it sends what is left whenever it may. */
struct one {
    vitro_call *call;
    vitro_kind kind;
    size_t to_send, length, credit;
    size_t got, got_bytes;
    bool closed;
    vitro_code code;
};

static void send_on(vitro_call *call, void *user)
{
    struct one *o = user;
    bool more = true;

    while (more && o->to_send) {
        vitro_bytes m = { bytes, o->length };
        uint32_t flags = o->to_send == 1 ? VITRO_SEND_LAST : 0;
        o->to_send--;
        cr_assert_eq(vitro_call_send(call, m, flags, &more, NULL), VITRO_OK);
    }
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct one *o = user;

    o->got++;
    o->got_bytes += m->bytes.len;
    if (o->credit)
        vitro_call_credit(call, 1);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct one *o = user;

    o->closed = true;
    o->code = status->code;
}

static const vitro_call_events events = {
    .size = sizeof events, .on_message = on_message, .on_writable = send_on, .on_closed = on_closed
};

/* A size of any magnitude up to max. */
static size_t some_size(struct chance *c, size_t max)
{
    size_t n = (size_t)1 << seed_between(c, 0, 20);

    return seed_between(c, 1, n < max ? n : max);
}

static void draw_world(struct chance *c, struct pair *p)
{
    pair_init(p);
    p->sim_options.seed = vitro_chance_next(c);
    p->sim_options.latency_ns = (int64_t)seed_between(c, 0, 2000000);
    p->sim_options.in_flight_max = (uint32_t)seed_between(c, 2000, 400000);
    p->sim_options.read_max = (uint32_t)seed_between(c, 0, 1) * (uint32_t)seed_between(c, 500, 1e5);
    p->sim_options.write_max =
        (uint32_t)seed_between(c, 0, 1) * (uint32_t)seed_between(c, 500, 1e5);
    p->channel_options.window_bytes = (uint32_t)some_size(c, 1 << 20);
    p->server_options.window_bytes = (uint32_t)some_size(c, 1 << 20);
    p->channel_options.max_window_bytes = (uint32_t)some_size(c, 1 << 20);
    p->server_options.max_window_bytes = (uint32_t)some_size(c, 1 << 20);
    p->server_options.max_streams = (uint32_t)seed_between(c, 1, 8);
}

static const vitro_method *draw_call(struct chance *c, struct one *o)
{
    static const vitro_method *const methods[] = { &echo_unary, &echo_client_stream,
                                                   &echo_server_stream, &echo_bidi };
    const vitro_method *method = methods[seed_between(c, 0, 3)];
    bool many = method == &echo_client_stream || method == &echo_bidi;

    memset(o, 0, sizeof *o);
    o->kind = method->kind;
    o->to_send = many ? seed_between(c, 1, 20) : 1;
    /* the server's stream sends as many messages as its request is long */
    o->length = some_size(c, method == &echo_server_stream ? 300 : many ? 30000 : LARGEST);
    o->credit = seed_between(c, 0, 1);
    return method;
}

static void start(struct pair *p, const vitro_method *method, struct one *o)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;

    options.manual_credit = o->credit != 0;
    cr_assert_eq(vitro_call_start(&o->call, p->channel, method, &options, &events, o, NULL),
                 VITRO_OK);
    if (o->credit)
        vitro_call_credit(o->call, 1);
    send_on(o->call, o);
}

static void run_world(struct chance *c, int world)
{
    struct pair p;
    struct one ones[CALLS];
    size_t expected[CALLS];

    draw_world(c, &p);
    pair_start(&p);
    for (size_t i = 0; i < CALLS; i++) {
        const vitro_method *method = draw_call(c, &ones[i]);
        expected[i] = method == &echo_server_stream ? ones[i].length
                      : method == &echo_bidi        ? ones[i].to_send
                                                    : 1;
        start(&p, method, &ones[i]);
    }
    pair_run(&p);
    for (size_t i = 0; i < CALLS; i++) {
        cr_assert(ones[i].closed,
                  "world %d: call %zu of kind %d, %zu bytes, stands still after %zu messages; "
                  "in flight %u, windows %u and %u; VITRO_SEED=%llu",
                  world, i, (int)ones[i].kind, ones[i].length, ones[i].got,
                  p.sim_options.in_flight_max, p.channel_options.window_bytes,
                  p.server_options.window_bytes, seed_of_run());
        cr_assert_eq(ones[i].code, VITRO_OK, "world %d: %s; VITRO_SEED=%llu", world,
                     vitro_code_name((int)ones[i].code), seed_of_run());
        cr_assert_eq(ones[i].got, expected[i], "world %d: VITRO_SEED=%llu", world, seed_of_run());
        vitro_call_unref(ones[i].call);
    }
    pair_stop(&p);
}

Test(call_progress, no_call_stands_still_whatever_the_link_and_the_windows, .timeout = 120)
{
    struct chance c = seed_chance();

    for (int world = 0; world < WORLDS; world++)
        run_world(&c, world);
}
