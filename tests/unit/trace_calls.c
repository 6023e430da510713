#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/util.h"
#include "decode/capture.h"
#include "decode/packet.h"
#include "frame/frame_reader.h"
#include "support/pair.h"
#include "trace/note.h"
#include "trace/trace.h"

/*
 * Where the notes of calls stand: VITRO_IN and VITRO_OUT are bytes of HTTP/2 that the session had
 * taken in and produced by then. They are compared with what the packets of the same file carry.
 */

#define SECOND 1000000000

enum { C2S, S2C, NOTES_MAX = 200 };

struct note_seen {
    char kind[16], why[24];
    bool client;
    int64_t in, out; /* -1: not there */
    uint32_t call, stream;
    size_t before[2];  /* bytes of packets in front of it in the file */
    size_t earlier[2]; /* of these, what crossed before the note's instant */
};

struct file {
    struct buf stream[2];
    struct {
        int64_t at;
        size_t before;
    } instant[2]; /* of the last packet: its time, and the bytes of earlier ones */
    struct note_seen note[NOTES_MAX];
    size_t notes;
};

/* ---- reading the file back ------------------------------------------------------------------ */

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    const vitro_bytes *all = user;
    size_t have = offset < all->len ? all->len - (size_t)offset : 0;

    return (vitro_bytes){ all->ptr + (have ? offset : 0), MIN(len, have) };
}

static void add_packet(struct file *f, const struct capture_record *r, vitro_bytes all)
{
    struct segment s;
    const char *why;
    int dir;

    cr_assert_eq(vitro_packet_parse(r, &s, &why), PACKET_TCP, "%s", why);
    dir = s.dst.port == 50051 ? C2S : S2C;
    cr_assert_eq(s.have, s.len);
    if (s.len && r->ts != f->instant[dir].at) {
        f->instant[dir].at = r->ts;
        f->instant[dir].before = f->stream[dir].len;
    }
    cr_assert(vitro_buf_append(&f->stream[dir], all.ptr + s.offset, s.len));
}

static bool field(vitro_bytes note, const char *name, char *out, size_t size)
{
    struct note_field found;

    out[0] = '\0';
    if (!vitro_note_find(note, vitro_str_of(name), &found))
        return false;
    snprintf(out, size, "%.*s", (int)found.value.len, found.value.ptr);
    return true;
}

static int64_t number(vitro_bytes note, const char *name)
{
    char text[32];

    return field(note, name, text, sizeof text) ? atoll(text) : -1;
}

static void add_note(struct file *f, vitro_bytes bytes, int64_t at)
{
    struct note_seen *n = &f->note[f->notes++];
    char side[16];

    cr_assert_leq(f->notes, NOTES_MAX);
    cr_assert(field(bytes, "VITRO_KIND", n->kind, sizeof n->kind));
    field(bytes, "VITRO_WHY", n->why, sizeof n->why);
    field(bytes, "VITRO_SIDE", side, sizeof side);
    n->client = strcmp(side, "client") == 0;
    n->in = number(bytes, "VITRO_IN");
    n->out = number(bytes, "VITRO_OUT");
    n->call = (uint32_t)MAX(number(bytes, "VITRO_CALL"), 0);
    n->stream = (uint32_t)MAX(number(bytes, "VITRO_STREAM"), 0);
    for (int dir = C2S; dir <= S2C; dir++) {
        n->before[dir] = f->stream[dir].len;
        n->earlier[dir] = f->instant[dir].at == at ? f->instant[dir].before : n->before[dir];
    }
}

static void read_file(struct file *f, int fd)
{
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    vitro_bytes all = { map, size };
    struct capture c;
    struct capture_record r;

    memset(f, 0, sizeof *f);
    vitro_buf_init(&f->stream[0], NULL, SIZE_MAX);
    vitro_buf_init(&f->stream[1], NULL, SIZE_MAX);
    vitro_capture_init(&c, lend, &all, NULL);
    while (vitro_capture_next(&c, &r, NULL) == CAPTURE_RECORD) {
        if (r.kind == CAPTURE_PACKET)
            add_packet(f, &r, all);
        else if (r.kind == CAPTURE_NOTE)
            add_note(f, r.bytes, r.ts);
    }
    vitro_capture_done(&c);
    munmap(map, size);
}

/* ---- what the bytes say --------------------------------------------------------------------- */

/* Where the first frame of this type on this stream begins and ends; false: there is none. */
static bool find_frame(const struct file *f, int dir, uint8_t type, uint32_t stream, size_t *begin,
                       size_t *end)
{
    vitro_bytes in = vitro_buf_bytes(&f->stream[dir]);
    struct frame_reader reader;
    struct frame_piece piece;

    vitro_frame_reader_init(&reader, 0, dir == C2S);
    while ((piece = vitro_frame_read(&reader, &in)).kind != FRAME_PIECE_NONE) {
        if (piece.kind != FRAME_PIECE_HEAD || piece.head.type != type ||
            piece.head.stream != stream)
            continue;
        *begin = (size_t)piece.at;
        *end = *begin + FRAME_HEAD_BYTES + piece.head.length;
        return true;
    }
    return false;
}

/* Bytes of DATA on a stream in the first n bytes; fails when n is inside a frame. */
static size_t data_until(const struct file *f, int dir, uint32_t stream, size_t n)
{
    vitro_bytes in = { f->stream[dir].ptr, n };
    struct frame_reader reader;
    struct frame_piece piece;
    size_t data = 0;

    vitro_frame_reader_init(&reader, 0, dir == C2S);
    while ((piece = vitro_frame_read(&reader, &in)).kind != FRAME_PIECE_NONE) {
        if (piece.kind == FRAME_PIECE_PAYLOAD && piece.head.type == FRAME_DATA &&
            piece.head.stream == stream)
            data += piece.bytes.len;
    }
    cr_expect(vitro_frame_reader_idle(&reader), "%zu is inside a frame", n);
    return data;
}

static const struct note_seen *find_note(const struct file *f, const char *kind, uint32_t call,
                                         bool client, const char *why)
{
    for (size_t i = 0; i < f->notes; i++) {
        const struct note_seen *n = &f->note[i];
        if (strcmp(n->kind, kind) == 0 && n->call == call && n->client == client &&
            (!why || strcmp(n->why, why) == 0))
            return n;
    }
    cr_assert_fail("no note %s of call %u at the %s", kind, call, client ? "client" : "server");
    return NULL;
}

/* ---- the scenario --------------------------------------------------------------------------- */

static vitro_call *credited;

static void keep_call(vitro_call *call, const vitro_md *md, void *user)
{
    credited = vitro_call_ref(call);
}

static void quiet_end(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_method slow_method = { .path = "/test.Slow/Bidi", .kind = VITRO_BIDI_STREAMING };
static const vitro_call_events slow_events = { .size = sizeof slow_events,
                                               .on_headers = keep_call,
                                               .on_end = quiet_end };

/* Each side holds the call for a turn before it begins. */
static void resume(void *user)
{
    vitro_intercept_resume(user);
}

static vitro_verdict hold(vitro_intercept *i, vitro_md *md, void *state)
{
    cr_assert_eq(vitro_loop_post(vitro_call_loop(vitro_intercept_call(i)), resume, i), VITRO_OK);
    return VITRO_SUSPEND;
}

static const vitro_interceptor holding = { .size = sizeof holding, .on_start = hold };
static const vitro_interceptor *const holds[] = { &holding, NULL };

enum { HELLO = 1, LATE, LARGE, FILLER, LIMITED, CALLS };

static vitro_call *begin(struct pair *p, const vitro_method *m, int64_t timeout, struct record *r)
{
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;

    o.timeout_ns = timeout;
    if (m == &slow_method)
        o.interceptors = holds;
    return pair_call(p, m, &o, r);
}

static void settle(struct pair *p)
{
    vitro_sim_run_for(p->sim, 1000000);
}

static void play(struct pair *p)
{
    struct record r[CALLS];
    vitro_call *call[CALLS] = { NULL };
    static uint8_t large[100000];

    memset(r, 0, sizeof r);
    call[HELLO] = begin(p, &echo_unary, 0, &r[HELLO]);
    cr_assert_eq(vitro_call_send(call[HELLO], bytes_of("hello"), VITRO_SEND_LAST, NULL, NULL),
                 VITRO_OK);
    settle(p);
    call[LATE] = begin(p, &echo_bidi, SECOND, &r[LATE]);
    vitro_sim_run_for(p->sim, 2 * (int64_t)SECOND);
    call[LARGE] = begin(p, &slow_method, 0, &r[LARGE]);
    cr_assert_eq(vitro_call_send(call[LARGE], (vitro_bytes){ large, sizeof large }, VITRO_SEND_LAST,
                                 NULL, NULL),
                 VITRO_OK);
    settle(p);
    call[FILLER] = begin(p, &echo_bidi, 0, &r[FILLER]);
    settle(p);
    call[LIMITED] = begin(p, &echo_unary, 0, &r[LIMITED]);
    cr_assert_eq(vitro_call_send(call[LIMITED], bytes_of("hello"), VITRO_SEND_LAST, NULL, NULL),
                 VITRO_OK);
    settle(p);
    vitro_call_cancel(call[FILLER]);
    settle(p);
    vitro_call_credit(credited, 1);
    settle(p);
    for (int i = HELLO; i < CALLS; i++) {
        cr_expect(r[i].closed, "call %d", i);
        vitro_call_unref(call[i]);
        record_done(&r[i]);
    }
    vitro_call_unref(credited);
}

static void play_traced(struct file *f)
{
    static const vitro_method_options manual = { .size = sizeof manual,
                                                 .manual_credit = true,
                                                 .interceptors = holds };
    char path[] = "/tmp/vitro-trace-XXXXXX", sink[64];
    int fd = mkstemp(path);
    struct pair p;
    vitro_trace *trace;

    cr_assert_geq(fd, 0);
    snprintf(sink, sizeof sink, "file:%s", path);
    cr_assert_eq(vitro_trace_open(&trace, sink, NULL, NULL), VITRO_OK);
    pair_init(&p);
    p.channel_options.trace = p.server_options.trace = trace;
    p.server_options.max_streams = 2;
    p.server_options.max_window_bytes = 65535;
    pair_make_server(&p);
    cr_assert_eq(vitro_server_add(p.server, &slow_method, &manual, &slow_events, NULL, NULL),
                 VITRO_OK);
    pair_start(&p);
    play(&p);
    pair_stop(&p);
    vitro_trace_unref(trace);
    read_file(f, fd);
    close(fd);
    unlink(path);
}

static void file_done(struct file *f)
{
    vitro_buf_done(&f->stream[0]);
    vitro_buf_done(&f->stream[1]);
}

/* ---- claims --------------------------------------------------------------------------------- */

/* A note that is made while output is produced stands before the packets of that output. */
static bool is_made_producing(const struct note_seen *n)
{
    return strncmp(n->kind, "wait", 4) == 0 && strstr(n->why, "window");
}

/*
 * What crossed at an earlier instant was taken in (the link has no latency); what did not cross
 * yet was not. Between the two: what the other side wrote in this very instant.
 */
static void check_in(const struct note_seen *n)
{
    int dir = n->client ? S2C : C2S;

    cr_expect((size_t)n->in >= n->earlier[dir] && (size_t)n->in <= n->before[dir],
              "%s of call %u: VITRO_IN %lld, packets %zu to %zu", n->kind, n->call,
              (long long)n->in, n->earlier[dir], n->before[dir]);
}

/* Output is written in the turn that produced it, and begins and ends with a frame. */
static void check_out(const struct file *f, const struct note_seen *n)
{
    int dir = n->client ? C2S : S2C;
    size_t most = is_made_producing(n) ? f->stream[dir].len : n->before[dir];

    cr_expect((size_t)n->out >= n->before[dir] && (size_t)n->out <= most,
              "%s of call %u: VITRO_OUT %lld, packets %zu", n->kind, n->call, (long long)n->out,
              n->before[dir]);
    if (n->out)
        data_until(f, dir, 1, (size_t)n->out);
}

Test(trace_calls, each_note_says_what_its_session_had_taken_in_and_produced)
{
    struct file f;
    size_t checked = 0, exact = 0;

    play_traced(&f);
    for (size_t i = 0; i < f.notes; i++) {
        const struct note_seen *n = &f.note[i];

        if (n->in < 0 || n->out < 0)
            continue;
        checked++;
        exact += (size_t)n->in == n->before[n->client ? S2C : C2S];
        check_in(n);
        check_out(&f, n);
    }
    cr_expect_gt(checked, 20, "%zu", checked);
    cr_expect_geq(exact + 4, checked, "%zu of %zu", exact, checked);
    file_done(&f);
}

Test(trace_calls, the_headers_of_an_attempt_begin_where_its_note_stands_or_later)
{
    struct file f;

    play_traced(&f);
    for (uint32_t call = HELLO; call < CALLS; call++) {
        const struct note_seen *attempt = find_note(&f, "attempt", call, true, NULL);
        const struct note_seen *stream = find_note(&f, "stream", call, true, NULL);
        const struct note_seen *server = find_note(&f, "call", call, false, NULL);
        size_t begin, end;

        cr_assert(find_frame(&f, C2S, FRAME_HEADERS, stream->stream, &begin, &end));
        cr_expect_geq(begin, (size_t)attempt->out, "call %u", call);
        cr_expect_geq(begin, (size_t)stream->out, "call %u", call);
        cr_expect_geq((size_t)server->in, end, "call %u begins with its headers", call);
        cr_expect_eq(server->stream, stream->stream);
    }
    file_done(&f);
}

Test(trace_calls, a_deadline_stands_before_its_reset)
{
    struct file f;
    const struct note_seen *n;
    size_t begin, end;
    bool client_resets;

    play_traced(&f);
    n = find_note(&f, "deadline", LATE, true, NULL);
    client_resets = find_frame(&f, C2S, FRAME_RST_STREAM, n->stream, &begin, &end);
    cr_expect(!client_resets || begin >= (size_t)n->out);
    n = find_note(&f, "deadline", LATE, false, NULL);
    cr_assert(find_frame(&f, S2C, FRAME_HEADERS, n->stream, &begin, &end));
    cr_expect_geq(begin, (size_t)n->out);
    /* both pass in one instant: who hears of the other's reset first has none to send */
    cr_assert(client_resets || find_frame(&f, S2C, FRAME_RST_STREAM, n->stream, &begin, &end));
    cr_expect_geq(begin, (size_t)n->out);
    file_done(&f);
}

Test(trace_calls, a_call_waits_for_an_interceptor_that_suspends_it)
{
    static const char *const kinds[] = { "waiting", "waited" };
    struct file f;

    play_traced(&f);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(find_note(&f, kinds[i], LARGE, true, NOTE_WAIT_INTERCEPTOR)->in, -1);
        cr_expect_gt(find_note(&f, kinds[i], LARGE, false, NOTE_WAIT_INTERCEPTOR)->in, 0);
    }
    file_done(&f);
}

Test(trace_calls, a_stream_waits_when_its_window_is_spent)
{
    struct file f;
    const struct note_seen *n;
    size_t begin, end;

    play_traced(&f);
    n = find_note(&f, "waiting", LARGE, true, NOTE_WAIT_STREAM_WINDOW);
    cr_expect_eq(data_until(&f, C2S, n->stream, (size_t)n->out), 65535);
    n = find_note(&f, "waited", LARGE, true, NOTE_WAIT_STREAM_WINDOW);
    cr_assert(find_frame(&f, S2C, FRAME_WINDOW_UPDATE, n->stream, &begin, &end));
    cr_expect_geq((size_t)n->in, end, "it goes on once the update was taken in");
    n = find_note(&f, "waiting", LIMITED, true, NOTE_WAIT_STREAM_LIMIT);
    cr_expect_leq(n->before[C2S], f.stream[C2S].len);
    find_note(&f, "waiting", HELLO, true, NOTE_WAIT_CONNECTION);
    find_note(&f, "waited", LIMITED, true, NOTE_WAIT_STREAM_LIMIT);
    file_done(&f);
}
