/*
 * source - from a span to the bytes below it, and through all ropes to the capture.
 */
#include "decode/core.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "crypto/record.h"

struct track *vitro_decode_track(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;

    return past && past->tracks ? &past->tracks[dir] : NULL;
}

struct direction *vitro_decode_direction(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;

    return past && past->live ? &past->live->dir[dir] : NULL;
}

struct block_replay *vitro_decode_replay(vitro_decode *d, uint32_t conn, uint8_t dir)
{
    struct block_replay **slot = &d->replays[(conn * 2 + dir) & (REPLAYS - 1)];

    if (!d->options.keep)
        return NULL;
    if (!*slot)
        *slot = vitro_mem_zalloc(&d->account, sizeof **slot);
    return *slot;
}

bool vitro_decode_read_block(const struct block_step *step, struct buf *out, void *user)
{
    const struct block_place *p = user;
    vitro_span span = { 0, step->length, p->conn, 0, step->what, VITRO_SOURCE_BLOCK, p->dir, 0 };

    return vitro_decode_gather(p->decode, &span, BLOCK_MAX, out);
}

vitro_span vitro_event_span(const vitro_event *ev)
{
    vitro_span span = { ev->offset, ev->length, ev->conn, 0, ev->rope, ev->source, ev->dir, 0 };

    if (ev->source == VITRO_SOURCE_BODY)
        span.id = ev->stream;
    else if (ev->source == VITRO_SOURCE_NOTE)
        span.id = ev->parent;
    return span;
}

bool vitro_decode_content(vitro_decode *d, const vitro_event *ev, vitro_span *out)
{
    (void)d;
    *out = vitro_event_span(ev);
    out->rope = 0;
    out->offset += RECORD_HEAD_LEN;
    out->length -= MIN(out->length, RECORD_HEAD_LEN);
    if (!(ev->flags & VITRO_TLS_SEALED))
        return true;
    if (!(ev->flags & VITRO_TLS_OPENED))
        return false;
    out->source = VITRO_SOURCE_RECORD;
    out->id = ev->detail;
    out->offset = 0;
    return true;
}

/* The first run of a span in the source below it; false at the end. */
static bool run_of(const vitro_decode *d, const vitro_span *span, vitro_span *out)
{
    const struct track *track = vitro_decode_track(d, span->conn, span->dir);

    *out = *span;
    out->rope = 0;
    out->id = 0;
    if (!span->length)
        return false;
    if (span->source == VITRO_SOURCE_DIRECTION && track) {
        struct segs_memo *memo = (struct segs_memo *)(uintptr_t)&d
                                     ->segs_memo[(span->conn * 2 + span->dir) & (SEGS_MEMO - 1)];
        uint64_t run = vitro_segs_run_near(&track->segs, memo, span->offset, &out->offset);
        out->source = VITRO_SOURCE_CAPTURE;
        out->hole = out->offset == ROPE_HOLE;
        out->length = MIN(run, span->length);
        if (out->hole)
            out->offset = 0;
        return run > 0;
    }
    if (span->source != VITRO_SOURCE_CAPTURE && span->source != VITRO_SOURCE_DIRECTION) {
        uint32_t i = vitro_links_find(&d->links, span->rope, span->offset);
        if (i == ROPE_END)
            return false;
        const struct link *link = vitro_link_at(&d->links, i);
        out->source =
            span->source == VITRO_SOURCE_NOTE ? VITRO_SOURCE_CAPTURE : VITRO_SOURCE_DIRECTION;
        out->offset = link->at + (span->offset - link->off);
        out->length = MIN(link->off + link->len - span->offset, span->length);
        out->rope = i; /* where to go on; cleared before it is shown */
        return out->length > 0;
    }
    return false;
}

/* Move the front of a span behind a run of it. */
static void skip_run(vitro_span *span, const vitro_span *run)
{
    span->offset += run->length;
    span->length -= run->length;
    if (run->source == VITRO_SOURCE_DIRECTION)
        span->rope = run->rope;
}

size_t vitro_decode_parts(const vitro_decode *d, const vitro_span *span, vitro_span *out,
                          size_t max)
{
    vitro_span rest = *span, run;
    size_t n = 0;

    for (; run_of(d, &rest, &run); n++) {
        skip_run(&rest, &run);
        run.rope = 0;
        if (n < max)
            out[n] = run;
    }
    return n;
}

/* Copy from the capture; what it no longer has stays zero. */
static size_t read_capture(const vitro_decode *d, uint64_t offset, uint8_t *dst, size_t n)
{
    size_t done = 0;

    while (done < n) {
        vitro_decode *counted = (vitro_decode *)(uintptr_t)d;
        vitro_bytes got = vitro_decode_lend(offset + done, MIN(n - done, VITRO_LEND_MAX), counted);
        if (!got.len)
            break;
        memcpy(dst + done, got.ptr, got.len);
        done += got.len;
    }
    return done;
}

static size_t read_span(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    size_t missing = 0;
    vitro_span run;

    span.length = MIN(span.length, n);
    if (span.source == VITRO_SOURCE_CAPTURE)
        return span.hole ? n : n - read_capture(d, span.offset, dst, n);
    while (n && run_of(d, &span, &run)) {
        size_t step = (size_t)run.length;
        skip_run(&span, &run);
        missing += read_span(d, run, dst, step);
        dst += step;
        n -= step;
    }
    return missing + n;
}

size_t vitro_decode_bytes(const vitro_decode *d, const vitro_span *span, uint64_t skip,
                          uint8_t *dst, size_t n, size_t *missing)
{
    vitro_span rest = *span;
    size_t lost;

    if (skip >= span->length)
        n = 0;
    n = (size_t)MIN((uint64_t)n, span->length - MIN(skip, span->length));
    rest.offset += skip;
    rest.length = n;
    if (n)
        memset(dst, 0, n);
    lost = n ? read_span(d, rest, dst, n) : 0;
    if (missing)
        *missing = lost;
    return n;
}

bool vitro_decode_gather(const vitro_decode *d, const vitro_span *span, size_t max, struct buf *out)
{
    size_t n = (size_t)MIN(span->length, (uint64_t)max), missing;
    uint8_t *dst;

    if (!n)
        return span->length == 0;
    dst = vitro_buf_reserve(out, n);
    if (!dst)
        return false;
    vitro_decode_bytes(d, span, 0, dst, n, &missing);
    out->len += n;
    return missing == 0 && n == span->length;
}

size_t vitro_span_name(const vitro_span *span, char *out, size_t size)
{
    static const char *const dirs[] = { "c2s", "s2c" };
    const char *dir = dirs[span->dir & 1];
    struct text t;

    vitro_text_init(&t, out, size);
    switch (span->source) {
    case VITRO_SOURCE_DIRECTION:
        vitro_text_add(&t, "tcp:%u:%s", span->conn, dir);
        break;
    case VITRO_SOURCE_BLOCK:
        vitro_text_add(&t, "headers:%u:%s:%u", span->conn, dir, span->id);
        break;
    case VITRO_SOURCE_BODY:
        vitro_text_add(&t, "body:%u:%s:%u", span->conn, dir, span->id);
        break;
    case VITRO_SOURCE_NOTE:
        vitro_text_add(&t, "note:%u", span->id);
        break;
    default:
        vitro_text_add(&t, "capture");
    }
    return t.len;
}

/* True when ev's span holds offset `at` of its source. */
static bool holds(const vitro_event *ev, const vitro_span *at)
{
    return ev->source == at->source && at->offset >= ev->offset &&
           at->offset - ev->offset < ev->length && ev->kind != VITRO_EVENT_TCP &&
           (at->source == VITRO_SOURCE_CAPTURE ||
            (ev->conn == at->conn && ev->dir == at->dir &&
             (at->source != VITRO_SOURCE_BODY || ev->stream == at->id) &&
             (at->source != VITRO_SOURCE_NOTE || ev->parent == at->id)));
}

/* True when ev is a message in a note, and `at` one of its bytes in the capture. */
static bool holds_below(const vitro_decode *d, const vitro_event *ev, const vitro_span *at)
{
    vitro_span span = vitro_event_span(ev), run;

    return ev->source == VITRO_SOURCE_NOTE && at->source == VITRO_SOURCE_CAPTURE &&
           run_of(d, &span, &run) && at->offset >= run.offset &&
           at->offset - run.offset < run.length;
}

/* Where in a direction a byte of the capture went; false when no direction has it. */
static bool climb(const vitro_decode *d, uint64_t capture, vitro_span *out)
{
    for (uint32_t i = 0; i < 2 * d->conn_count; i++) {
        const struct track *track = vitro_decode_track(d, i / 2, i % 2);
        struct packlog_at at = { .log = NULL };
        struct seg s;
        while (track && vitro_segs_next(&track->segs, &at, &s)) {
            if (s.capture == ROPE_HOLE || capture < s.capture || capture - s.capture >= s.len)
                continue;
            *out = (vitro_span){ s.at + (capture - s.capture), 1,     i / 2, 0, 0,
                                 VITRO_SOURCE_DIRECTION,       i % 2, 0 };
            return true;
        }
    }
    return false;
}

uint32_t vitro_decode_find(const vitro_decode *d, const vitro_span *at)
{
    uint32_t found = 0;
    vitro_event ev;
    vitro_span up;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        if (holds(&ev, at) || holds_below(d, &ev, at))
            found = i; /* inner events follow outer ones */
    }
    if (!found && at->source == VITRO_SOURCE_BLOCK && run_of(d, at, &up)) {
        up.rope = 0;
        return vitro_decode_find(d, &up);
    }
    if (!found && at->source == VITRO_SOURCE_CAPTURE && climb(d, at->offset, &up))
        return vitro_decode_find(d, &up);
    return found;
}
