#include "support/program.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "support/seed.h"
#include "trace/note.h"

/* ---- a schema for test.Echo: every message is a test.Text ------------------------------------ */

struct bytes {
    uint8_t p[2048];
    size_t n;
};

static void put_raw(struct bytes *b, unsigned field, const void *p, size_t n)
{
    b->p[b->n++] = (uint8_t)(field << 3 | 2);
    b->p[b->n++] = (uint8_t)((n & 0x7f) | 0x80);
    b->p[b->n++] = (uint8_t)(n >> 7);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put(struct bytes *b, unsigned field, const char *text)
{
    put_raw(b, field, text, strlen(text));
}

static void put_number(struct bytes *b, unsigned field, uint8_t value)
{
    b->p[b->n++] = (uint8_t)(field << 3);
    b->p[b->n++] = value;
}

static void write_schema(vitro_trace *t)
{
    static const char *const methods[] = { "Unary", "ClientStream", "ServerStream", "Bidi" };
    struct bytes file = { .n = 0 }, message = { .n = 0 }, field = { .n = 0 }, service = { .n = 0 };

    put(&field, 1, "text");
    put_number(&field, 3, 1);
    put_number(&field, 4, 1);
    put_number(&field, 5, 9); /* a string */
    put(&message, 1, "Text");
    put_raw(&message, 2, field.p, field.n);
    put(&service, 1, "Echo");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct bytes method = { .n = 0 };
        put(&method, 1, methods[i]);
        put(&method, 2, ".test.Text");
        put(&method, 3, ".test.Text");
        put_raw(&service, 2, method.p, method.n);
    }
    put(&file, 1, "echo.proto");
    put(&file, 2, "test");
    put_raw(&file, 4, message.p, message.n);
    put_raw(&file, 6, service.p, service.n);
    put(&file, 12, "proto3");
    vitro_trace_schema(t, vitro_str_of("echo.proto"), (vitro_bytes){ file.p, file.n });
}

enum { STEPS = 60, SLOW_STEPS = 300, FEW_CALLS = 12, LARGE = 60000 };

/* ---- a random program ------------------------------------------------------------------------ */

static size_t some(struct program *g, size_t low, size_t high)
{
    return seed_between(&g->chance, low, high);
}

static void begin_call(struct program *g)
{
    static const char *const names[] = { "x-a", "x-b", "x-c", "x-trace-id" };
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = vitro_md_new();
    size_t i = g->calls++;

    for (size_t n = some(g, 0, 3); n-- > 0;) {
        char value[80];
        snprintf(value, sizeof value, "%0*zu", (int)some(g, 1, some(g, 0, 4) ? 6 : 70),
                 some(g, 0, 3));
        cr_assert_eq(vitro_md_add(md, vitro_str_of(names[some(g, 0, 3)]), bytes_of(value), NULL),
                     VITRO_OK);
    }
    o.metadata = md;
    g->bidi[i] = some(g, 0, 2) > 0;
    g->call[i] = pair_call(&g->p, g->bidi[i] ? &echo_bidi : &echo_unary, &o, &g->record[i]);
    vitro_md_free(md);
}

/* A test.Text of n bytes. */
static void send_text(struct program *g, size_t i)
{
    static uint8_t room[LARGE + 8];
    size_t n = some(g, 0, 9) ? some(g, 0, 50) : some(g, 1000, LARGE), at = 0;
    uint32_t flags = !g->bidi[i] || some(g, 0, 3) == 0 ? VITRO_SEND_LAST : 0;

    if (g->ended[i])
        return;
    room[at++] = 0x0a;
    for (size_t left = n;; left >>= 7) {
        room[at++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        if (left <= 0x7f)
            break;
    }
    memset(room + at, 'a' + (int)i, n);
    if (vitro_call_send(g->call[i], (vitro_bytes){ room, at + n }, flags, NULL, NULL) == VITRO_OK)
        g->ended[i] = flags != 0;
}

/* For a while, which may end with much on its way. */
static void go_on(struct program *g)
{
    if (!g->real) {
        vitro_sim_run_for(g->p.sim, (int64_t)some(g, 0, 3000000));
        return;
    }
    for (size_t n = some(g, 0, 4); n-- > 0;)
        cr_assert(eq(int, vitro_loop_run(g->p.client_loop, 0, NULL), 0));
}

static void step(struct program *g)
{
    size_t what = some(g, 0, 9);

    if ((what < 3 || !g->calls) && g->calls < (g->slow ? PROGRAM_CALLS : FEW_CALLS))
        begin_call(g);
    else if (what < 8 && g->calls)
        send_text(g, some(g, 0, g->calls - 1));
    if (some(g, 0, 2))
        go_on(g);
}

static void add_sink(vitro_trace **t, int fd)
{
    char sink[32];

    snprintf(sink, sizeof sink, "fd:%d", fd);
    if (*t)
        cr_assert(eq(int, vitro_trace_add(*t, sink, NULL, NULL), 0));
    else
        cr_assert(eq(int, vitro_trace_open(t, sink, NULL, NULL), 0));
}

static void make_world(struct program *g)
{
    vitro_sim_options *o = &g->p.sim_options;

    if (g->real) {
        snprintf(g->p.target, sizeof g->p.target, "ipv4:127.0.0.1:0");
        cr_assert(eq(int, vitro_loop_new(&g->p.client_loop, NULL, NULL), 0));
        g->p.server_loop = vitro_loop_ref(g->p.client_loop);
        return;
    }
    o->latency_ns = (int64_t)some(g, 0, 1) * (int64_t)some(g, 1, 2000000);
    o->seed = some(g, 1, 1000000);
    o->read_max = (uint32_t)(some(g, 0, 1) * some(g, 1, 3000));
    o->write_max = (uint32_t)(some(g, 0, 1) * some(g, 1, 3000));
}

static void add_slow(struct program *g)
{
    vitro_trace_options o = VITRO_TRACE_OPTIONS_INIT;
    int ends[2], small = 4096;
    char sink[32];

    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0));
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    o.buffer_bytes = 1; /* the least that there is */
    snprintf(sink, sizeof sink, "fd:%d", ends[1]);
    cr_assert(eq(int, vitro_trace_add(g->trace, sink, &o, NULL), 0));
    close(ends[1]);
    g->slow_end = ends[0];
    g->slow_file = memfd_create("slow", MFD_CLOEXEC);
}

/* All that is there now. */
static void read_slow(struct program *g)
{
    static char room[65536];
    ssize_t n;

    while ((n = recv(g->slow_end, room, sizeof room, MSG_DONTWAIT)) > 0)
        cr_assert(write(g->slow_file, room, (size_t)n) == n);
}

static void begin(struct program *g)
{
    g->whole = memfd_create("whole", MFD_CLOEXEC);
    g->late[0] = memfd_create("late", MFD_CLOEXEC);
    g->late[1] = memfd_create("later", MFD_CLOEXEC);
    add_sink(&g->trace, g->whole);
    write_schema(g->trace);
    pair_init(&g->p);
    make_world(g);
    if (some(g, 0, 1))
        g->p.server_options.window_bytes = g->p.server_options.max_window_bytes = 65535;
    if (!g->no_server)
        g->p.server_options.trace = g->trace;
    if (!g->no_client)
        g->p.channel_options.trace = g->trace;
    if (g->real)
        g->p.server = pair_another_server(&g->p);
    if (g->slow)
        add_slow(g);
    pair_start(&g->p);
}

static bool all_closed(void *user)
{
    const struct program *g = user;

    for (size_t i = 0; i < g->calls; i++)
        if (!g->record[i].closed)
            return false;
    return true;
}

void program_run(struct program *g)
{
    size_t attach[2] = { some(g, 1, STEPS - 10), some(g, 1, STEPS - 10) };

    begin(g);
    for (size_t i = 0; i < (g->slow ? SLOW_STEPS : STEPS); i++) {
        for (int k = 0; k < 2; k++)
            if (i == attach[k])
                add_sink(&g->trace, g->late[k]);
        step(g);
        if (g->slow && some(g, 0, 1) == 0)
            read_slow(g);
    }
    for (size_t i = 0; i < g->calls; i++) {
        if (!g->ended[i])
            vitro_call_send_end(g->call[i], NULL);
    }
    cr_assert(eq(int, vitro_loop_run_until(g->p.client_loop, all_closed, g, INT64_MAX, NULL), 0));
    for (size_t i = 0; i < g->calls; i++) {
        vitro_call_unref(g->call[i]);
        record_done(&g->record[i]);
    }
    pair_stop(&g->p);
    if (g->slow) {
        do
            read_slow(g);
        while (vitro_trace_flush(g->trace));
    }
    vitro_trace_unref(g->trace);
    if (g->slow) {
        read_slow(g);
        close(g->slow_end);
    }
}

void program_done(struct program *g)
{
    close(g->whole);
    close(g->late[0]);
    close(g->late[1]);
    if (g->slow)
        close(g->slow_file);
}
