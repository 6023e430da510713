/*
 * looking - how fast a large capture is looked at: looking FILE.
 *
 * Through the parts of the screen, without a terminal: opened in slices, filtered and searched.
 * Each row says how long the first result took and how long all of it, in time of the processor,
 * and how many events a second that is; the last one what memory it took, as counted and of the
 * whole process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/util.h"
#include "schemas.h"
#include "source.h"
#include "ui/grid.h"
#include "ui/ui.h"

enum { SLICE_BYTES = 256 * 1024 };

struct looking {
    struct source *source;
    vitro_decode *decode;
    uint64_t limit;
    struct ui ui;
    struct grid grid;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* the machine may have other work */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct looking *l = user;

    if (offset >= l->limit)
        return (vitro_bytes){ NULL, 0 };
    return source_lend(offset, (size_t)MIN((uint64_t)len, l->limit - offset), l->source);
}

static void row(const char *what, double first, double all, uint64_t of, const char *rest)
{
    printf("  %-44s %9.1f %9.1f %12.0f  %s\n", what, first, all, (double)of * 1e3 / all, rest);
    fflush(stdout);
}

/* Slice by slice, as the screen does; the first screen is drawn behind the first slice. */
static void load(struct looking *l)
{
    double start = now(), first = 0;
    vitro_decode_stats s;
    uint64_t size;
    char text[64];

    source_grow(l->source, &size);
    while (l->limit < size) {
        l->limit = MIN(l->limit + SLICE_BYTES, size);
        if (vitro_decode_advance(l->decode, NULL))
            break;
        model_grown(&l->ui.m);
        if (first == 0 && vitro_decode_count(l->decode)) {
            ui_draw(&l->ui, &l->grid);
            first = now() - start;
        }
    }
    l->limit = UINT64_MAX;
    (void)!vitro_decode_finish(l->decode, NULL);
    l->ui.m.loaded = true;
    vitro_decode_stats_get(l->decode, &s);
    snprintf(text, sizeof text, "%" PRIu64 " frames, %" PRIu64 " events", s.frames, s.events);
    row("open", first, now() - start, s.events, text);
}

static void filter(struct looking *l, const char *text)
{
    struct model *m = &l->ui.m;
    double start, first = 0;
    struct filter_error err;
    char found[64];

    model_filter(m, "", &err);
    start = now();
    if (!model_filter(m, text, &err)) {
        printf("  %s: %s\n", text, err.text[VITRO_ENGLISH]);
        return;
    }
    while (model_busy(m)) {
        if (first == 0 && m->shown_count)
            first = now() - start;
        model_work(m);
    }
    snprintf(found, sizeof found, "%zu", m->shown_count);
    row(text, first == 0 ? now() - start : first, now() - start, vitro_decode_count(l->decode),
        found);
    model_filter(m, "", &err);
}

/* Text that is not there: all is looked at. */
static void search(struct looking *l, const char *text, size_t from)
{
    struct model *m = &l->ui.m;
    double start;
    char what[80];

    model_select(m, from);
    snprintf(m->search, sizeof m->search, "%s", text);
    start = now();
    model_search(m, false);
    while (model_busy(m))
        model_work(m);
    snprintf(what, sizeof what, "/%s", text);
    row(what, now() - start, now() - start, vitro_decode_count(l->decode), m->message);
    m->message[0] = 0;
}

/* Pages here and there, as who holds a key down or jumps about sees them. */
static void scroll(struct looking *l)
{
    enum { PAGES = 200 };
    size_t n = model_count(&l->ui.m);
    double start = now(), worst = 0;
    char text[64];

    for (size_t i = 0; i < PAGES; i++) {
        double before = now();
        model_select(&l->ui.m, i % 2 ? n * (i * 37 % PAGES) / PAGES : l->ui.m.place + 20);
        ui_draw(&l->ui, &l->grid);
        worst = MAX(worst, now() - before);
    }
    snprintf(text, sizeof text, "%d screens, the slowest %.1f ms", PAGES, worst);
    row("scroll and jump", worst, now() - start, PAGES, text);
}

static void put_memory(struct looking *l)
{
    vitro_decode_stats s;
    struct rusage use;
    uint64_t bound;

    vitro_decode_stats_get(l->decode, &s);
    getrusage(RUSAGE_SELF, &use);
    bound = s.events * 64 + (16U << 20);
    printf("  %zu bytes at most as counted, %.1f an event; %ld KiB resident of %" PRIu64
           " KiB that are allowed\n",
           s.memory_peak, s.events ? (double)s.memory / (double)s.events : 0.0, use.ru_maxrss,
           bound >> 10);
}

static void look(struct looking *l)
{
    printf("  %-44s %9s %9s %12s\n", "", "first ms", "all ms", "events/s");
    load(l);
    filter(l, "http2.type == 1");
    filter(l, "http2.type == HEADERS && http2.streamid == 3001");
    filter(l, "http2.length > 1000");
    filter(l, "http2.header.value == \"application/grpc\"");
    filter(l, "http2.header.name == \"grpc-status\" && http2.header.value == \"5\"");
    filter(l, "grpc.path contains \"Send\"");
    filter(l, "protobuf.field.value contains \"zzzz\"");
    search(l, "no such text", 0);
    search(l, "NOT_FOUND", 0);
    scroll(l);
    put_memory(l);
}

int main(int argc, char **argv)
{
    struct looking l = { .limit = 0 };
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_error err = { 0 };
    char text[512];

    if (argc != 2) {
        fprintf(stderr, "looking FILE\n");
        return 2;
    }
    options.lend = lend;
    options.user = &l;
    options.keep = true;
    if (source_open(&l.source, argv[1], &err) || vitro_decode_new(&l.decode, &options, &err) ||
        schemas_add_shipped(l.decode, &err)) {
        vitro_error_format(&err, text, sizeof text);
        fprintf(stderr, "looking: %s\n", text);
        return 3;
    }
    ui_init(&l.ui, l.decode, VITRO_ENGLISH, argv[1]);
    ui_resize(&l.ui, 120, 40);
    grid_resize(&l.grid, 120, 40);
    look(&l);
    grid_done(&l.grid);
    ui_done(&l.ui);
    vitro_decode_free(l.decode);
    source_close(l.source);
    return 0;
}
