#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/pair.h"
#include "support/walk.h"

/*
 * Notes of calls against the bytes of the same trace: what a note says was taken in and produced
 * by then must agree with the frames that had crossed and with what the session could have done.
 */
TestSuite(trace_calls);

enum { C2S, S2C, DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, WINDOW_UPDATE = 8 };
enum { PREFACE = 24, FRAMES = 4096, FIRST_WINDOW = 65535, INITIAL_WINDOW_SIZE = 4 };

struct frame {
    size_t at, end; /* in its direction */
    int type, flags;
    uint32_t stream, value; /* the increment of a WINDOW_UPDATE */
};

struct direction {
    uint8_t *bytes;
    size_t len;
    struct frame frame[FRAMES];
    size_t n;
};

struct view {
    struct walk w;
    struct direction way[2];
};

/* ---- reading ----------------------------------------------------------------------------------
 */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void read_frames(struct direction *d, size_t at)
{
    while (at < d->len) {
        const uint8_t *p = d->bytes + at;
        struct frame *f = &d->frame[d->n++];
        cr_assert(d->n < FRAMES && d->len - at >= 9);
        f->at = at;
        f->end = at + 9 + (be32(p) >> 8);
        f->type = p[3];
        f->flags = p[4];
        f->stream = be32(p + 5);
        cr_assert(f->end <= d->len, "a trace ends between frames");
        f->value = f->end - at >= 13 ? be32(p + 9) : 0;
        at = f->end;
    }
}

/* One connection, which is a link. */
static void view_open(struct view *v, int fd)
{
    walk_fd(&v->w, fd);
    cr_assert(eq(str, v->w.why, ""));
    v->way[C2S].bytes = walk_payload(&v->w, 49152, 50051, &v->way[C2S].len);
    v->way[S2C].bytes = walk_payload(&v->w, 50051, 49152, &v->way[S2C].len);
    cr_assert(v->way[C2S].bytes && v->way[S2C].bytes);
    read_frames(&v->way[C2S], PREFACE);
    read_frames(&v->way[S2C], 0);
}

static void view_close(struct view *v)
{
    free(v->way[C2S].bytes);
    free(v->way[S2C].bytes);
    walk_done(&v->w);
}

static uint64_t number(const struct walked *note, const char *name)
{
    return strtoull(walk_field(note, name), NULL, 10);
}

static bool is(const struct walked *note, const char *name, const char *value)
{
    return !strcmp(walk_field(note, name), value);
}

/* Bytes of a direction in the packets before a note. */
static size_t crossed(const struct view *v, size_t note, int way)
{
    uint16_t from = way == C2S ? 49152 : 50051;
    size_t n = 0;

    for (size_t i = 0; i < note; i++)
        if (v->w.item[i].type == WALKED_PACKET && v->w.item[i].from_port == from)
            n += v->w.item[i].len;
    return n;
}

static const struct frame *find_frame(const struct direction *d, int type, uint64_t stream)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->frame[i].type == type && d->frame[i].stream == stream)
            return &d->frame[i];
    return NULL;
}

static bool frame_boundary(const struct direction *d, size_t at, size_t start)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->frame[i].end == at)
            return true;
    return at == 0 || at == start;
}

/* ---- what must hold ---------------------------------------------------------------------------
 */

/* The window of a stream, or of the connection with stream 0, after `in` and `out` bytes. */
static int64_t window(const struct direction *mine, const struct direction *peer, uint64_t in,
                      uint64_t out, uint64_t stream)
{
    int64_t left = FIRST_WINDOW;

    for (size_t i = 0; i < peer->n && peer->frame[i].end <= in; i++) {
        const struct frame *f = &peer->frame[i];
        if (f->type == WINDOW_UPDATE && f->stream == stream)
            left += f->value;
        for (size_t at = f->at + 9; stream && f->type == SETTINGS && at < f->end; at += 6)
            if (peer->bytes[at + 1] == INITIAL_WINDOW_SIZE)
                left += (int64_t)be32(peer->bytes + at + 2) - FIRST_WINDOW;
    }
    for (size_t i = 0; i < mine->n && mine->frame[i].end <= out; i++)
        if (mine->frame[i].type == DATA && (!stream || mine->frame[i].stream == stream))
            left -= (int64_t)(mine->frame[i].end - mine->frame[i].at - 9);
    return left;
}

static void expect_counts(const struct view *v, size_t i, int mine, uint64_t in, uint64_t out)
{
    const char *message = walk_field(&v->w.item[i], "MESSAGE");

    cr_expect(out >= crossed(v, i, mine), "produced before it was written: %s", message);
    cr_expect(out <= v->way[mine].len, "%s", message);
    cr_expect(frame_boundary(&v->way[mine], out, mine == C2S ? PREFACE : 0), "%s", message);
    cr_expect(in <= crossed(v, i, !mine), "written before it was taken in: %s", message);
}

static uint64_t stream_of_attempt(const struct view *v, const struct walked *attempt)
{
    uint64_t call = number(attempt, "VITRO_CALL"), count = number(attempt, "VITRO_ATTEMPT");
    const struct walked *n = walk_note(&v->w, 0, "stream");

    while (n && (number(n, "VITRO_CALL") != call || number(n, "VITRO_ATTEMPT") != count))
        n = walk_note(&v->w, (size_t)(n - v->w.item) + 1, "stream");
    return n ? number(n, "VITRO_STREAM") : 0;
}

static void expect_wait(const struct view *v, const struct walked *n, int mine, uint64_t in,
                        uint64_t out)
{
    bool of_stream = is(n, "VITRO_WHY", "stream window");
    bool begins = is(n, "VITRO_KIND", "waiting");
    uint64_t stream = of_stream ? number(n, "VITRO_STREAM") : 0;
    int64_t left;

    if (!of_stream && !is(n, "VITRO_WHY", "connection window"))
        return;
    left = window(&v->way[mine], &v->way[!mine], in, out, stream);
    if (begins)
        cr_expect(left <= 0, "%lld bytes of window left: %s", (long long)left,
                  walk_field(n, "MESSAGE"));
}

static void expect_note(const struct view *v, size_t i)
{
    const struct walked *n = &v->w.item[i];
    int mine = is(n, "VITRO_SIDE", "client") ? C2S : S2C;
    uint64_t in = number(n, "VITRO_IN"), out = number(n, "VITRO_OUT");
    const struct frame *f;

    expect_counts(v, i, mine, in, out);
    expect_wait(v, n, mine, in, out);
    if (is(n, "VITRO_KIND", "attempt")) {
        f = find_frame(&v->way[C2S], HEADERS, stream_of_attempt(v, n));
        cr_expect(f && f->at >= out, "HEADERS begins at or after what was produced before");
    } else if (is(n, "VITRO_KIND", "stream")) {
        f = find_frame(&v->way[C2S], HEADERS, number(n, "VITRO_STREAM"));
        cr_expect(f && (f->at >= out || f->end <= out));
    } else if (is(n, "VITRO_KIND", "call") && mine == S2C) {
        f = find_frame(&v->way[C2S], HEADERS, number(n, "VITRO_STREAM"));
        cr_expect(f && f->end <= in, "a server's call begins once its HEADERS is in");
    } else if (is(n, "VITRO_KIND", "deadline") || is(n, "VITRO_KIND", "cancelled")) {
        f = find_frame(&v->way[mine], RST_STREAM, number(n, "VITRO_STREAM"));
        cr_expect(f == NULL || f->at >= out, "the reset comes after its cause");
    }
}

/* ---- a world in which all of them appear ------------------------------------------------------
 */

static void open_trace(struct pair *p, int *fd)
{
    vitro_trace *t;
    char sink[32];

    *fd = memfd_create("trace", MFD_CLOEXEC);
    snprintf(sink, sizeof sink, "fd:%d", *fd);
    cr_assert(eq(int, vitro_trace_open(&t, sink, NULL, NULL), VITRO_OK));
    p->channel_options.trace = t;
    p->server_options.trace = t;
}

enum { CALLS = 6, LONG = 300000 };

static void send_last(vitro_call *call, const uint8_t *p, size_t n)
{
    vitro_bytes message = { p, n };

    cr_assert(eq(int, vitro_call_send(call, message, VITRO_SEND_LAST, NULL, NULL), VITRO_OK));
}

static void run_calls(struct pair *p, struct record *r)
{
    static const uint8_t big[LONG];
    vitro_call_options soon = VITRO_CALL_OPTIONS_INIT;
    vitro_call *call[CALLS];

    soon.timeout_ns = 50000000;
    call[0] = pair_call(p, &echo_unary, NULL, &r[0]);
    send_last(call[0], big, 5);
    pair_run(p);
    for (size_t i = 1; i < 4; i++) { /* one more than the server allows at once */
        call[i] = pair_call(p, i == 1 ? &echo_client_stream : &echo_unary, NULL, &r[i]);
        send_last(call[i], big, i == 1 ? LONG : 7);
    }
    pair_run(p);
    call[4] = pair_call(p, &echo_bidi, &soon, &r[4]);
    pair_run(p);
    call[5] = pair_call(p, &echo_bidi, NULL, &r[5]);
    vitro_sim_run_for(p->sim, 20000000);
    vitro_call_cancel(call[5]);
    pair_run(p);
    for (size_t i = 0; i < CALLS; i++)
        vitro_call_unref(call[i]);
}

static void expect_world(uint32_t read_max)
{
    static const char *const kinds[] = { "call",   "attempt",  "stream",    "waiting",
                                         "waited", "deadline", "cancelled", "connected" };
    static struct view v;
    struct record r[CALLS];
    struct pair p;
    int fd;

    memset(&v, 0, sizeof v);
    memset(r, 0, sizeof r);
    pair_init(&p);
    open_trace(&p, &fd);
    p.server_options.max_streams = 2;
    p.sim_options.latency_ns = 1000000;
    p.sim_options.read_max = read_max;
    pair_make_server(&p);
    vitro_sim_trace(p.sim, p.server_options.trace);
    pair_start(&p);
    run_calls(&p, r);
    pair_stop(&p);
    vitro_trace_unref(p.server_options.trace);
    view_open(&v, fd);
    for (size_t i = 0; i < v.w.n; i++)
        if (v.w.item[i].type == WALKED_NOTE && !is(&v.w.item[i], "VITRO_OUT", ""))
            expect_note(&v, i);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        cr_expect(walk_note(&v.w, 0, kinds[i]) != NULL, "no note of the kind %s", kinds[i]);
    for (size_t i = 0; i < CALLS; i++)
        record_done(&r[i]);
    view_close(&v);
    close(fd);
}

Test(trace_calls, each_note_says_what_its_session_had_taken_in_and_produced)
{
    expect_world(0);
    expect_world(3000); /* reads that end within frames */
}
