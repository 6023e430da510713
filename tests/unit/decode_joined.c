/*
 * A sink that comes in mid-connection: from there on the decoder tells of it what it tells of the
 * whole trace, restricted to what came later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/pair.h"
#include "support/seed.h"
#include "trace/note.h"
#include "trace/trace.h"

TestSuite(decode_joined, .timeout = 120);

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

/* ---- a random program ------------------------------------------------------------------------ */

enum { CALLS = 12, STEPS = 60, LARGE = 60000 };

struct program {
    struct pair p;
    struct chance chance;
    vitro_trace *trace;
    int whole, late;
    struct record record[CALLS];
    vitro_call *call[CALLS];
    bool ended[CALLS], bidi[CALLS];
    size_t calls;
};

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

static void step(struct program *g)
{
    size_t what = some(g, 0, 9);

    if ((what < 3 || !g->calls) && g->calls < CALLS)
        begin_call(g);
    else if (what < 8 && g->calls)
        send_text(g, some(g, 0, g->calls - 1));
    if (some(g, 0, 2))
        vitro_sim_run_for(g->p.sim, (int64_t)some(g, 0, 3000000));
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

/* Run it all; true when something was begun before the late sink came. */
static void run_program(struct program *g)
{
    size_t attach = some(g, 1, STEPS - 10);

    g->whole = memfd_create("whole", MFD_CLOEXEC);
    g->late = memfd_create("late", MFD_CLOEXEC);
    add_sink(&g->trace, g->whole);
    write_schema(g->trace);
    pair_init(&g->p);
    g->p.sim_options.latency_ns = (int64_t)some(g, 0, 1) * (int64_t)some(g, 1, 2000000);
    g->p.sim_options.seed = some(g, 1, 1000000);
    if (some(g, 0, 1))
        g->p.server_options.window_bytes = g->p.server_options.max_window_bytes = 65535;
    g->p.server_options.trace = g->p.channel_options.trace = g->trace;
    pair_start(&g->p);
    for (size_t i = 0; i < STEPS; i++) {
        if (i == attach)
            add_sink(&g->trace, g->late);
        step(g);
    }
    for (size_t i = 0; i < g->calls; i++) {
        if (!g->ended[i])
            vitro_call_send_end(g->call[i], NULL);
    }
    pair_run(&g->p);
    for (size_t i = 0; i < g->calls; i++) {
        vitro_call_unref(g->call[i]);
        record_done(&g->record[i]);
    }
    pair_stop(&g->p);
    vitro_trace_unref(g->trace);
}

/* ---- what the decoder tells ------------------------------------------------------------------ */

struct seen {
    struct decoded_bytes bytes;
    vitro_decode *d;
    uint64_t base[2]; /* where the connection goes on, of the late one */
    bool joined;
};

static void see(struct seen *s, int fd)
{
    size_t n = (size_t)lseek(fd, 0, SEEK_END);
    vitro_code rc;

    memset(s, 0, sizeof *s);
    s->bytes.ptr = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    s->bytes.len = n;
    s->d = decoded_of(&s->bytes, true, &rc);
    cr_assert(eq(int, rc, VITRO_OK));
}

static void unsee(struct seen *s)
{
    vitro_decode_free(s->d);
    munmap((void *)(uintptr_t)s->bytes.ptr, s->bytes.len);
}

static uint64_t note_number(struct seen *s, const vitro_event *ev, const char *name)
{
    char text[4096], find[64];
    vitro_span span = vitro_event_span(ev);
    size_t n = vitro_decode_bytes(s->d, &span, 0, (uint8_t *)text, sizeof text - 1, NULL);
    const char *at;

    text[n] = '\0';
    snprintf(find, sizeof find, "\n%s=", name);
    at = strstr(text, find);
    cr_assert(at != NULL, "%s in %s", name, text);
    return strtoull(at + strlen(find), NULL, 10);
}

/* Where the first byte of an event stands in its direction. */
static uint64_t begins(struct seen *s, const vitro_event *ev)
{
    vitro_span span = vitro_event_span(ev), part;

    if (ev->source == VITRO_SOURCE_DIRECTION)
        return ev->offset;
    cr_assert(vitro_decode_parts(s->d, &span, &part, 1) > 0);
    return part.offset;
}

static void put_str(FILE *out, vitro_str s)
{
    fprintf(out, "%.*s", (int)MIN(s.len, 60u), s.ptr);
}

/* One event and what can be told of it, whatever came before. */
static void put_event(FILE *out, struct seen *s, const vitro_event *ev)
{
    vitro_detail dt;

    fprintf(out, "%d @%llu +%llu stream %u type %u flags %u bits %u why %s\n", ev->kind,
            (unsigned long long)begins(s, ev), (unsigned long long)ev->length, ev->stream, ev->type,
            ev->flags, ev->bits, vitro_decode_why(ev->why));
    cr_assert(eq(int, vitro_decode_detail(s->d, ev, &dt, NULL), 0));
    put_str(out, dt.title);
    put_str(out, dt.path);
    for (size_t i = 0; i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (item->header) {
            fprintf(out, "  %s %u ", item->header->repr, item->header->index);
            put_str(out, item->header->name);
            fputs(": ", out);
            put_str(out, item->header->value);
            fputc('\n', out);
        }
        if (item->field) {
            fputs("  ", out);
            put_str(out, item->field->name);
            fputs(" = ", out);
            put_str(out, item->field->value);
            fputc('\n', out);
        }
    }
}

/* Everything of a direction from its base on, in order. */
static char *text_of(struct seen *s, int dir, const uint64_t base[2])
{
    size_t size;
    char *text;
    FILE *out = open_memstream(&text, &size);
    vitro_event ev, parent;

    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++) {
        if (ev.conn != 0 || ev.dir != dir || ev.kind == VITRO_EVENT_TCP ||
            ev.kind == VITRO_EVENT_NOTE || begins(s, &ev) < base[dir])
            continue;
        /* inside of a message that had begun before */
        if (ev.kind == VITRO_EVENT_PROTOBUF && vitro_decode_event(s->d, ev.parent, &parent) &&
            begins(s, &parent) < base[dir])
            continue;
        if (!strcmp(vitro_decode_why(ev.why),
                    "the rest of a message that had begun before the capture"))
            continue;
        put_event(out, s, &ev);
    }
    fclose(out);
    return text;
}

static void find_base(struct seen *s)
{
    vitro_event ev;
    vitro_detail dt;

    for (uint32_t i = 1; !s->joined && vitro_decode_event(s->d, i, &ev); i++) {
        if (ev.kind != VITRO_EVENT_NOTE || vitro_decode_detail(s->d, &ev, &dt, NULL) ||
            !strstr(dt.title.ptr, "goes on"))
            continue;
        s->base[0] = note_number(s, &ev, "VITRO_OUT"); /* the client has written it */
        s->base[1] = note_number(s, &ev, "VITRO_IN");
        s->joined = true;
    }
}

static size_t count_told(struct seen *s)
{
    size_t n = 0;
    vitro_event ev;
    vitro_detail dt;

    for (uint32_t i = 1; vitro_decode_event(s->d, i, &ev); i++)
        n += ev.kind == VITRO_EVENT_NOTE && !vitro_decode_detail(s->d, &ev, &dt, NULL) &&
             strstr(dt.title.ptr, "fields of a header block");
    return n;
}

Test(decode_joined, from_there_on_it_tells_what_the_whole_trace_tells)
{
    size_t joined = 0, told = 0;

    for (size_t run = 0; run < 150; run++) {
        static struct program g;
        struct seen whole, late;

        memset(&g, 0, sizeof g);
        g.chance = seed_chance();
        for (size_t i = 0; i < run; i++)
            vitro_chance_next(&g.chance);
        vitro_chance_seed(&g.chance, vitro_chance_next(&g.chance));
        run_program(&g);
        see(&whole, g.whole);
        see(&late, g.late);
        cr_expect(eq(int, vitro_decode_check_tiling(late.d, NULL), 0), SEED_TEXT, seed_of_run(),
                  run);
        find_base(&late);
        joined += late.joined;
        told += count_told(&late);
        for (int dir = 0; late.joined && dir < 2; dir++) {
            char *a = text_of(&whole, dir, late.base), *b = text_of(&late, dir, late.base);
            if (strcmp(a, b)) {
                size_t at = 0;
                while (a[at] == b[at])
                    at++;
                while (at && a[at - 1] != '\n')
                    at--;
                cr_assert(false,
                          "direction %d from %llu " SEED_TEXT "\nwhole: %.400s\nlate: %.400s", dir,
                          (unsigned long long)late.base[dir], seed_of_run(), run, a + at, b + at);
            }
            free(a);
            free(b);
        }
        unsee(&whole);
        unsee(&late);
        close(g.whole);
        close(g.late);
    }
    cr_assert(joined > 100 && told > 100, "%zu joined, %zu blocks told", joined, told);
}
