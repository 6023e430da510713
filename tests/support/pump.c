#include "support/pump.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "io/socket.h"
#include "io/target.h"
#include "support/seed.h"
#include "vitro/lab/sim.h"

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* ---- the layer ------------------------------------------------------------------------------ */

static enum vitro_step out_of_memory(vitro_error *err)
{
    vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "pump", 0, "out of memory");
    return VITRO_FAILED;
}

static bool copy_changed(struct queue *in, struct queue *out, uint8_t key)
{
    while (in->len) {
        vitro_bytes some = vitro_queue_peek(in);
        uint8_t changed[512];
        size_t n = MIN(some.len, sizeof changed);

        for (size_t i = 0; i < n; i++)
            changed[i] = some.ptr[i] ^ key;
        if (!vitro_queue_append(out, changed, n))
            return false;
        vitro_queue_consume(in, n);
    }
    return true;
}

static enum vitro_step xor_open(struct layer *l, struct queue *out, vitro_error *err)
{
    return vitro_queue_append(out, "?", 1) ? VITRO_IDLE : out_of_memory(err);
}

static enum vitro_step xor_up(struct layer *l, struct queue *in, struct queue *out,
                              vitro_error *err)
{
    struct xor_layer *x = CONTAINER_OF(l, struct xor_layer, layer);

    if (!l->ready && in->len) {
        cr_assert_eq(vitro_queue_peek(in).ptr[0], '?');
        vitro_queue_consume(in, 1);
        l->ready = true;
    }
    return copy_changed(in, out, x->key) ? VITRO_IDLE : out_of_memory(err);
}

static enum vitro_step xor_down(struct layer *l, struct queue *in, struct queue *out,
                                vitro_error *err)
{
    struct xor_layer *x = CONTAINER_OF(l, struct xor_layer, layer);

    return !l->ready || copy_changed(in, out, x->key) ? VITRO_IDLE : out_of_memory(err);
}

static void xor_close(struct layer *l)
{
    CONTAINER_OF(l, struct xor_layer, layer)->closes++;
}

static const struct layer_ops xor_ops = {
    .name = "xor", .open = xor_open, .up = xor_up, .down = xor_down, .close = xor_close
};

/* ---- the session ---------------------------------------------------------------------------- */

static struct pump *pump_of(struct driver *d)
{
    return CONTAINER_OF(d, struct pump, driver);
}

static void on_open(struct driver *d)
{
    struct pump *p = pump_of(d);

    cr_assert_eq(p->closes, 0);
    cr_assert_eq(p->opens++, 0);
}

static void check(struct pump *p, vitro_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++, p->received++)
        cr_assert_eq(bytes.ptr[i], pattern(p->received), "byte %zu", p->received);
}

static enum vitro_step take(struct driver *d, struct queue *in, vitro_error *err)
{
    struct pump *p = pump_of(d);
    size_t n = p->take_max ? MIN(in->len, p->take_max) : in->len;

    cr_assert(p->opens == 1 && p->closes == 0 && vitro_loop_here(d->loop));
    p->takes++;
    if (p->echoes) {
        p->received += n;
        if (!vitro_queue_move_some(&p->echo, in, n) || !vitro_queue_own(&p->echo)) {
            vitro_queue_clear(&p->echo);
            return out_of_memory(err);
        }
        vitro_driver_wake(d);
        return in->len ? VITRO_MORE : VITRO_IDLE;
    }
    while (n) {
        vitro_bytes some = vitro_queue_peek(in);
        some.len = MIN(some.len, n);
        check(p, some);
        vitro_queue_consume(in, some.len);
        n -= some.len;
    }
    if (p->received == p->to_send && !p->keep)
        vitro_driver_close(d, true, NULL);
    return in->len ? VITRO_MORE : VITRO_IDLE;
}

static enum vitro_step produce_pattern(struct pump *p, struct queue *out, size_t budget,
                                       vitro_error *err)
{
    uint8_t bytes[3000];
    size_t left = p->to_send - p->sent, n = seed_between(&p->chance, 1, sizeof bytes);

    n = MIN(MIN(n, left), budget);
    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(p->sent++);
    if (!vitro_queue_append(out, bytes, n))
        return out_of_memory(err);
    return p->sent < p->to_send ? VITRO_MORE : VITRO_IDLE;
}

static enum vitro_step produce(struct driver *d, struct queue *out, size_t budget, vitro_error *err)
{
    struct pump *p = pump_of(d);

    cr_assert(p->opens == 1 && p->closes == 0 && budget > 0);
    if (!p->echoes)
        return p->to_send ? produce_pattern(p, out, budget, err) : VITRO_IDLE;
    if (!vitro_queue_move_some(out, &p->echo, MIN(budget, p->echo.len)))
        return out_of_memory(err);
    return p->echo.len ? VITRO_MORE : VITRO_IDLE;
}

static void on_end(struct driver *d)
{
    struct pump *p = pump_of(d);

    cr_assert_eq(p->ends++, 0);
    if (!p->stays)
        vitro_driver_close(d, true, NULL);
}

static void on_close(struct driver *d, const vitro_error *why)
{
    struct pump *p = pump_of(d);

    cr_assert_eq(p->closes++, 0, "closed twice");
    if (why)
        p->why = *why;
    vitro_queue_clear(&p->echo);
}

static const struct driver_ops pump_ops = {
    .on_open = on_open, .take = take, .produce = produce, .on_end = on_end, .on_close = on_close
};

static void begin(struct pump *p, vitro_loop *loop, struct transport *t, size_t layers,
                  int64_t linger_ns)
{
    vitro_driver_init(&p->driver, loop, &pump_ops);
    p->driver.linger_ns = linger_ns;
    vitro_queue_init(&p->echo, vitro_loop_pool(loop));
    for (size_t i = 0; i < layers; i++) {
        layer_init(&p->layers[i].layer, &xor_ops);
        p->layers[i].key = (uint8_t)(0x5a + i * 17);
        vitro_driver_push(&p->driver, &p->layers[i].layer);
    }
    vitro_driver_open(&p->driver, t);
}

/* ---- the world ------------------------------------------------------------------------------ */

static struct pump_world *world_of(struct listener *l)
{
    return CONTAINER_OF(l, struct pump_world, listener);
}

static void accepted(struct listener *l, struct transport *t)
{
    struct pump_world *w = world_of(l);
    struct pump *p = &w->servers[w->accepted++];

    cr_assert_leq(w->accepted, ARRAY_LEN(w->servers));
    if (w->send_buffer)
        setsockopt(CONTAINER_OF(t, struct sock, base)->source.fd, SOL_SOCKET, SO_SNDBUF,
                   &w->send_buffer, sizeof w->send_buffer);
    p->echoes = true;
    p->take_max = w->take_max;
    begin(p, w->server_loop, t, w->server_layers, w->linger_ns);
}

void pump_listen(struct pump_world *w, vitro_loop *client, vitro_loop *server, const char *target)
{
    struct target t;
    vitro_error err;
    char text[256];

    w->client_loop = client;
    w->server_loop = server;
    cr_assert_eq(vitro_target_parse(&t, vitro_str_of(target), &err), VITRO_OK);
    if (vitro_listener_open(&w->listener, server, &t.addresses[0], w->trace, accepted, &err) !=
        VITRO_OK) {
        vitro_error_format(&err, text, sizeof text);
        cr_assert_fail("%s", text);
    }
}

static void connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    struct pump *p = CONTAINER_OF(c, struct pump, connect);

    if (t) {
        begin(p, p->driver.loop, t, p->driver.layers, 0);
        return;
    }
    p->failed = true;
    p->closes++;
    p->why = *err;
}

void pump_connect(struct pump_world *w, struct pump *p, size_t n, size_t layers, uint64_t seed)
{
    vitro_chance_seed(&p->chance, seed);
    p->to_send = n;
    p->driver.loop = w->client_loop;
    p->driver.layers = layers;
    vitro_connect_start(&p->connect, w->client_loop, &w->listener.bound, w->client_trace, INT64_MAX,
                        connected);
}

static bool is_closed(void *user)
{
    return ((const struct pump *)user)->closes > 0;
}

/* Drive both loops of a world from one thread. */
static bool run_both(struct pump_world *w, bool (*done)(void *user), void *user)
{
    int64_t limit = vitro_loop_now(w->client_loop) + INT64_C(10000000000);

    if (vitro_loop_sim(w->client_loop) || w->client_loop == w->server_loop)
        return vitro_loop_run_until(w->client_loop, done, user, limit, NULL) == VITRO_OK;
    while (!done(user) && vitro_loop_now(w->client_loop) < limit) {
        cr_assert_eq(vitro_loop_run(w->server_loop, 0, NULL), VITRO_OK);
        cr_assert_eq(vitro_loop_run(w->client_loop, 100000, NULL), VITRO_OK);
    }
    return done(user);
}

bool pump_run(struct pump_world *w, struct pump *p)
{
    return run_both(w, is_closed, p);
}

static bool all_closed(void *user)
{
    const struct pump_world *w = user;

    for (size_t i = 0; i < w->accepted; i++) {
        if (!w->servers[i].closes)
            return false;
    }
    return true;
}

void pump_done(struct pump_world *w)
{
    vitro_listener_close(&w->listener);
    cr_assert(run_both(w, all_closed, w), "accepted connections stay open");
}
