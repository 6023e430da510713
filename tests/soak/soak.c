/*
 * soak - a hundred thousand calls of all four kinds under sim, every tenth connection cut.
 *
 *      soak [CALLS]        thousands of calls; 100000 when not told. VITRO_SEED: another run.
 *
 * A group is ten connections of a hundred calls at a time, one of them cut while calls are open
 * on it. After the first group and after the last one no connection is open and the free lists
 * are empty: what lives then must be the same, to the byte.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vitro/channel.h"
#include "vitro/lab/sim.h"
#include "vitro/server.h"

enum { CONNECTIONS = 10, CALLS = 100, GROUP = CONNECTIONS * CALLS, ROOM = 32768 };

static uint64_t seed = 20250920;
static uint8_t payload[ROOM];

static void fail(const char *format, ...) VITRO_PRINTF(1, 2);
static void fail(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "soak: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; VITRO_SEED=%llu\n", (unsigned long long)seed);
    exit(1);
}

static void must(vitro_code code, const vitro_error *err, const char *what)
{
    char text[512] = "";

    if (code == VITRO_OK)
        return;
    if (err)
        vitro_error_format(err, text, sizeof text);
    fail("%s: %s %s", what, vitro_code_name((int)code), text);
}

/* ---- memory: everything the library asks for, counted --------------------------------------- */

static vitro_memory heap;

static void *heap_alloc(size_t n, void *user)
{
    void *p = malloc(n);

    (void)user;
    heap.allocations += p != NULL;
    heap.bytes += p ? n : 0;
    return p;
}

static void *heap_resize(void *p, size_t old, size_t n, void *user)
{
    void *q = realloc(p, n);

    (void)user;
    heap.bytes += q ? n - old : 0;
    return q;
}

static void heap_release(void *p, size_t n, void *user)
{
    (void)user;
    heap.allocations--;
    heap.bytes -= n;
    free(p);
}

static void heap_install(void)
{
    vitro_allocator a = VITRO_ALLOCATOR_INIT;

    a.alloc = heap_alloc;
    a.resize = heap_resize;
    a.release = heap_release;
    if (!vitro_allocator_set(&a))
        fail("the allocator was refused");
}

/* ---- the server's side ---------------------------------------------------------------------- */

static size_t served, served_closed;

/* The user of a call is its count of bytes: no memory of our own in the picture. */
static void serve_begin(vitro_call *call, const vitro_md *md, void *user)
{
    (void)md, (void)user;
    served++;
    vitro_call_set_user(call, NULL);
}

static void serve_closed(vitro_call *call, const vitro_status *status, void *user)
{
    (void)call, (void)status, (void)user;
    served_closed++;
}

static bool reply(vitro_call *call, vitro_bytes bytes)
{
    vitro_code code = vitro_call_send(call, bytes, 0, NULL, NULL);

    if (code != VITRO_OK && code != VITRO_CANCELLED && code != VITRO_FAILED_PRECONDITION)
        fail("the server cannot send: %s", vitro_code_name((int)code));
    return code == VITRO_OK;
}

static void finish(vitro_call *call)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void serve_unary(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    if (reply(call, m->bytes))
        finish(call);
}

/* The first byte of the request says how many messages to send. */
static void serve_stream(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    for (int left = m->bytes.len ? m->bytes.ptr[0] % 8 : 0; left > 0; left--) {
        if (!reply(call, m->bytes))
            return;
    }
    finish(call);
}

static void serve_sum(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_call_set_user(call, (void *)((uintptr_t)user + m->bytes.len));
}

static void serve_sum_end(vitro_call *call, void *user)
{
    if (reply(call, (vitro_bytes){ payload, (uintptr_t)user % ROOM }))
        finish(call);
}

static void serve_echo(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    (void)reply(call, m->bytes);
}

static void serve_echo_end(vitro_call *call, void *user)
{
    (void)user;
    finish(call);
}

#define SERVE                                                                                      \
    .size = sizeof(vitro_call_events), .on_headers = serve_begin, .on_closed = serve_closed
static const struct method {
    vitro_method method;
    vitro_call_events serve;
} methods[] = {
    { { .path = "/soak.Soak/Unary", .kind = VITRO_UNARY }, { SERVE, .on_message = serve_unary } },
    { { .path = "/soak.Soak/Sum", .kind = VITRO_CLIENT_STREAMING },
      { SERVE, .on_message = serve_sum, .on_end = serve_sum_end } },
    { { .path = "/soak.Soak/Stream", .kind = VITRO_SERVER_STREAMING },
      { SERVE, .on_message = serve_stream } },
    { { .path = "/soak.Soak/Echo", .kind = VITRO_BIDI_STREAMING },
      { SERVE, .on_message = serve_echo, .on_end = serve_echo_end } },
};

/* ---- the world ------------------------------------------------------------------------------ */

struct world {
    vitro_sim *sim;
    vitro_loop *server_loop, *client_loop;
    vitro_server *server;
    size_t ok, unavailable, cancelled, cut;
};
static struct world world;
static struct chance chance;

static size_t between(size_t low, size_t high)
{
    return low + (size_t)vitro_chance_below(&chance, high - low + 1);
}

static bool one_in(size_t n)
{
    return vitro_chance_below(&chance, n) == 0;
}

static void world_make(void)
{
    vitro_sim_options options = VITRO_SIM_OPTIONS_INIT;
    vitro_error err;

    options.seed = seed;
    options.latency_ns = 50000;
    options.read_max = 6000;
    options.write_max = 9000;
    must(vitro_sim_new(&world.sim, &options, &err), &err, "sim");
    must(vitro_sim_loop(world.sim, &world.server_loop, "server", &err), &err, "loop");
    must(vitro_sim_loop(world.sim, &world.client_loop, "client", &err), &err, "loop");
    must(vitro_server_new(&world.server, &world.server_loop, 1, NULL, &err), &err, "server");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        must(
            vitro_server_add(world.server, &methods[i].method, NULL, &methods[i].serve, NULL, &err),
            &err, "add");
    must(vitro_server_listen(world.server, "sim:soak", NULL, 0, &err), &err, "listen");
}

static void world_free(void)
{
    vitro_server_free(world.server);
    vitro_loop_unref(world.client_loop);
    vitro_loop_unref(world.server_loop);
    vitro_sim_free(world.sim);
}

/* ---- one call ------------------------------------------------------------------------------- */

enum cancels { NEVER, AT_ONCE, AT_HEADERS, AT_MESSAGE };

struct connection {
    vitro_channel *channel;
    size_t link;
    size_t started, open, window;
    size_t cut_after; /* so many calls are started alone, then all others, then comes the cut */
    bool to_cut, was_cut;
    size_t unavailable;
};

struct one {
    struct connection *on;
    vitro_call *call;
    vitro_kind kind;
    enum cancels cancels;
    bool held; /* does not end of itself */
    size_t to_send, length;
    size_t expected, expected_bytes;
    size_t got, got_bytes;
};

static struct connection connections[CONNECTIONS];
static struct one ones[GROUP];

static void client_send(struct one *o)
{
    bool last = o->to_send == 1 && !o->held;
    vitro_code code = vitro_call_send(o->call, (vitro_bytes){ payload, o->length },
                                      last ? VITRO_SEND_LAST : 0, NULL, NULL);

    o->to_send--;
    if (code != VITRO_OK && code != VITRO_CANCELLED)
        fail("the client cannot send: %s", vitro_code_name((int)code));
}

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct one *o = user;

    (void)md;
    if (o->cancels == AT_HEADERS)
        vitro_call_cancel(call);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct one *o = user;

    o->got++;
    o->got_bytes += m->bytes.len;
    if (m->bytes.len && memcmp(m->bytes.ptr, payload, m->bytes.len) != 0)
        fail("a message of %zu bytes came back with others", m->bytes.len);
    if (o->cancels == AT_MESSAGE)
        vitro_call_cancel(call);
    else if (o->kind == VITRO_BIDI_STREAMING && o->to_send)
        client_send(o);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct one *o = user;

    (void)call;
    o->on->open--;
    switch (status->code) {
    case VITRO_OK:
        world.ok++;
        if (o->got != o->expected || o->got_bytes != o->expected_bytes)
            fail("%zu messages of %zu bytes where %zu of %zu were due, kind %d", o->got,
                 o->got_bytes, o->expected, o->expected_bytes, (int)o->kind);
        break;
    case VITRO_UNAVAILABLE:
        world.unavailable++;
        o->on->unavailable++;
        if (!o->on->was_cut)
            fail("unavailable on a connection that was not cut: %.*s", (int)status->message.len,
                 status->message.ptr);
        break;
    case VITRO_CANCELLED:
        world.cancelled++;
        if (o->cancels == NEVER)
            fail("cancelled, though nobody asked");
        break;
    default:
        fail("%s: %.*s", vitro_code_name((int)status->code), (int)status->message.len,
             status->message.ptr);
    }
}

static const vitro_call_events events = { .size = sizeof events,
                                          .on_headers = on_headers,
                                          .on_message = on_message,
                                          .on_closed = on_closed };

static void expect(struct one *o)
{
    size_t sent = o->to_send, bytes = o->to_send * o->length;

    switch (o->kind) {
    case VITRO_UNARY:
    case VITRO_BIDI_STREAMING:
        o->expected = sent;
        o->expected_bytes = bytes;
        break;
    case VITRO_CLIENT_STREAMING:
        o->expected = 1;
        o->expected_bytes = bytes % ROOM;
        break;
    case VITRO_SERVER_STREAMING:
        o->expected = o->length ? payload[0] % 8 : 0;
        o->expected_bytes = o->expected * o->length;
        break;
    }
}

static void draw(struct one *o, struct connection *on)
{
    bool many;

    memset(o, 0, sizeof *o);
    o->on = on;
    o->kind = (vitro_kind)between(0, 3);
    o->held = on->to_cut && on->started == CALLS - 1;
    if (o->held)
        o->kind = VITRO_BIDI_STREAMING;
    many = o->kind == VITRO_CLIENT_STREAMING || o->kind == VITRO_BIDI_STREAMING;
    o->to_send = many ? between(1, 5) : 1;
    o->length = one_in(40) ? between(0, ROOM - 1) : between(0, 300);
    if (!o->held && on->started && one_in(20))
        o->cancels = (enum cancels)between(AT_ONCE, AT_MESSAGE);
    expect(o);
}

static void start(struct one *o, struct connection *on)
{
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err;

    draw(o, on);
    options.timeout_ns = one_in(4) ? INT64_C(3600000000000) : 0;
    must(vitro_call_start(&o->call, on->channel, &methods[o->kind].method, &options, &events, o,
                          &err),
         &err, "start");
    on->started++;
    on->open++;
    do
        client_send(o);
    while (o->kind == VITRO_CLIENT_STREAMING && o->to_send);
    if (o->cancels == AT_ONCE)
        vitro_call_cancel(o->call);
    vitro_call_unref(o->call);
}

/* ---- one connection, one group -------------------------------------------------------------- */

/* The first call goes alone, so that the link which it makes is known by its number. */
static void connection_open(struct connection *c, bool to_cut, struct one *first)
{
    vitro_error err;

    memset(c, 0, sizeof *c);
    c->window = between(1, 20);
    c->to_cut = to_cut;
    c->cut_after = to_cut ? between(1, CALLS - 10) : CALLS;
    c->link = vitro_sim_links_made(world.sim);
    must(vitro_channel_new(&c->channel, world.client_loop, "sim:soak", NULL, &err), &err,
         "channel");
    start(first, c);
    while (vitro_sim_links_made(world.sim) == c->link)
        vitro_sim_run_for(world.sim, 1000);
}

static void connection_go_on(struct connection *c, struct one *its)
{
    size_t window = c->started >= c->cut_after ? CALLS : c->window;

    while (c->started < CALLS && c->open < window)
        start(&its[c->started], c);
    if (!c->to_cut || c->was_cut || c->started < CALLS || !its[CALLS - 1].got)
        return; /* a call that the peer never saw would only be taken to another connection */
    if (!c->open)
        fail("nothing is open on the connection to cut");
    c->was_cut = true;
    if (!vitro_sim_cut(world.sim, c->link))
        fail("link %zu cannot be cut", c->link);
    world.cut++;
}

static bool group_is_open(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (connections[i].open || connections[i].started < CALLS)
            return true;
    }
    return false;
}

static void group_run(void)
{
    size_t cut = between(0, CONNECTIONS - 1);

    for (size_t i = 0; i < CONNECTIONS; i++)
        connection_open(&connections[i], i == cut, &ones[i * CALLS]);
    while (group_is_open()) {
        for (size_t i = 0; i < CONNECTIONS; i++)
            connection_go_on(&connections[i], &ones[i * CALLS]);
        vitro_sim_run_for(world.sim, (int64_t)between(0, 200000));
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (connections[i].was_cut && !connections[i].unavailable)
            fail("a cut ended no call");
        vitro_channel_free(connections[i].channel);
    }
    vitro_sim_run(world.sim);
    if (vitro_sim_links(world.sim) != 0)
        fail("%zu links are open after the group", vitro_sim_links(world.sim));
    if (served != served_closed)
        fail("the server began %zu calls and ended %zu", served, served_closed);
}

struct rest {
    vitro_memory heap, server, client, sim;
};

static struct rest rest_take(void)
{
    struct rest r;

    memset(&r, 0, sizeof r);
    vitro_loop_trim(world.server_loop);
    vitro_loop_trim(world.client_loop);
    r.heap = heap;
    r.server = vitro_loop_memory(world.server_loop);
    r.client = vitro_loop_memory(world.client_loop);
    r.sim = vitro_sim_memory(world.sim);
    return r;
}

static void rest_compare(const char *what, vitro_memory before, vitro_memory after)
{
    if (before.bytes != after.bytes || before.allocations != after.allocations)
        fail("%s: %zu bytes in %zu allocations after 1000 calls, %zu in %zu at the end", what,
             before.bytes, before.allocations, after.bytes, after.allocations);
}

static void run(size_t groups)
{
    struct rest first, last;

    group_run();
    first = rest_take();
    for (size_t i = 1; i < groups; i++)
        group_run();
    last = rest_take();
    rest_compare("all", first.heap, last.heap);
    rest_compare("server loop", first.server, last.server);
    rest_compare("client loop", first.client, last.client);
    rest_compare("sim", first.sim, last.sim);
}

int main(int argc, char **argv)
{
    size_t calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    const char *text = getenv("VITRO_SEED");

    if (calls < GROUP || calls % GROUP) {
        fprintf(stderr, "usage: soak [CALLS]    CALLS: a multiple of %d\n", GROUP);
        return 2;
    }
    if (text && *text)
        seed = strtoull(text, NULL, 10);
    vitro_chance_seed(&chance, seed);
    for (size_t i = 0; i < ROOM; i++)
        payload[i] = (uint8_t)(i * 7 + 5);
    heap_install();
    world_make();
    run(calls / GROUP);
    world_free();
    printf("calls %zu ok %zu unavailable %zu cancelled %zu cut %zu\n", calls, world.ok,
           world.unavailable, world.cancelled, world.cut);
    if (world.ok + world.unavailable + world.cancelled != calls || world.cut != calls / GROUP)
        fail("the counts do not add up");
    if ((heap.bytes || heap.allocations) && !getenv("VITRO_TRACE")) /* that lives as we do */
        fail("%zu bytes in %zu allocations are left", heap.bytes, heap.allocations);
    return 0;
}
