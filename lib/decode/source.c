/*
 * source - from a span to the bytes below it, and through all ropes to the capture.
 */
#include "decode/core.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "crypto/record.h"

struct track *vitro_decode_track(const vitro_decode *d, vitro_source source, uint32_t conn,
                                 uint8_t dir)
{
    struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;
    struct track *tracks = NULL;

    if (past && source == VITRO_SOURCE_TLS)
        tracks = past->sealed ? past->sealed->tracks : NULL;
    else if (past)
        tracks = past->tracks;
    return tracks ? &tracks[dir] : NULL;
}

vitro_source vitro_decode_http2(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    const struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;

    return past && past->sealed && past->sealed->is[dir] ? VITRO_SOURCE_TLS
                                                         : VITRO_SOURCE_DIRECTION;
}

struct direction *vitro_decode_direction(const vitro_decode *d, uint32_t conn, uint8_t dir)
{
    struct past *past = dir <= VITRO_S2C ? vitro_decode_past(d, conn) : NULL;

    return past && past->live ? conn_http2(past->live, dir) : NULL;
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
    const struct opened *o;

    *out = vitro_event_span(ev);
    out->rope = 0;
    out->offset += RECORD_HEAD_LEN;
    out->length -= MIN(out->length, RECORD_HEAD_LEN);
    if (!(ev->flags & VITRO_TLS_SEALED))
        return true;
    o = ev->flags & VITRO_TLS_OPENED ? vitro_sealed_open(d, ev->conn, ev->dir, ev->detail) : NULL;
    if (!o)
        return false;
    out->source = VITRO_SOURCE_RECORD;
    out->id = ev->detail;
    out->offset = 0;
    out->length = o->plain.len;
    return true;
}

/* ---- The sources --------------------------------------------------------------------------- */

/*
 * A source is made of runs of the one below it. One whose bytes are not those below, but made of
 * them, knows how to read them.
 */
struct source {
    const char *name;
    bool has_dir, has_id; /* they are part of its name */

    /* Take the first run off the front of a span: *out is what is below it. False at the end. */
    bool (*take)(const vitro_decode *d, vitro_span *rest, vitro_span *out);

    /* n bytes of a span; returns how many are missing, which are left as they are. */
    size_t (*read)(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n);
};

static void pass(vitro_span *rest, uint64_t len)
{
    rest->offset += len;
    rest->length -= len;
}

/* The next of the segs of a track, in a source. */
static bool take_seg(const vitro_decode *d, vitro_span *rest, vitro_span *out, vitro_source below)
{
    const struct track *track =
        vitro_decode_track(d, (vitro_source)rest->source, rest->conn, rest->dir);
    uint32_t slot =
        ((rest->conn * 2 + rest->dir) * 2 + (below != VITRO_SOURCE_CAPTURE)) % SEGS_MEMO;
    struct segs_memo *memo = (struct segs_memo *)(uintptr_t)&d->segs_memo[slot];
    uint64_t run;

    if (!track)
        return false;
    run = vitro_segs_run_near(&track->segs, memo, rest->offset, &out->offset);
    out->source = (uint8_t)below;
    out->hole = out->offset == ROPE_HOLE;
    out->length = MIN(run, rest->length);
    if (out->hole)
        out->offset = 0;
    pass(rest, out->length);
    return run > 0;
}

static bool take_captured(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    return take_seg(d, rest, out, VITRO_SOURCE_CAPTURE);
}

static bool take_opened(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    return take_seg(d, rest, out, VITRO_SOURCE_DIRECTION);
}

static bool take_record(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    uint64_t at;

    if (!vitro_sealed_text(d, rest->conn, rest->dir, rest->id, &at))
        return false;
    out->source = VITRO_SOURCE_DIRECTION;
    out->offset = at + rest->offset;
    pass(rest, out->length);
    return true;
}

static bool take_link(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    uint32_t i = vitro_links_find(&d->links, rest->rope, rest->offset);
    const struct link *link;

    if (i == ROPE_END)
        return false;
    link = vitro_link_at(&d->links, i);
    out->source = rest->source == VITRO_SOURCE_NOTE
                      ? VITRO_SOURCE_CAPTURE
                      : (uint8_t)vitro_decode_http2(d, rest->conn, rest->dir);
    out->offset = link->at + (rest->offset - link->off);
    out->length = MIN(link->off + link->len - rest->offset, rest->length);
    rest->rope = i; /* where to go on */
    pass(rest, out->length);
    return out->length > 0;
}

/* All of what is compressed: no byte of it says one alone. */
static bool take_inflated(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    const struct inflated *i = vitro_inflate_number(d, rest->id);

    if (!i)
        return false;
    *out = vitro_event_span(&i->of);
    pass(rest, rest->length);
    return true;
}

static bool take_reassembled(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    const struct reassembled *r = vitro_reassemble_number(d, rest->id);

    if (!r || !vitro_reassembled_take(r, rest, out))
        return false;
    pass(rest, out->length);
    return true;
}

/* Copy from the capture; what it no longer has stays zero. */
static size_t read_capture(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    size_t done = 0;

    while (done < n) {
        vitro_decode *counted = (vitro_decode *)(uintptr_t)d;
        vitro_bytes got =
            vitro_decode_lend(span.offset + done, MIN(n - done, VITRO_LEND_MAX), counted);
        if (!got.len)
            break;
        memcpy(dst + done, got.ptr, got.len);
        done += got.len;
    }
    return n - done;
}

/* From a record's text, of which the bytes from `from` on are meant; 0 copied: not at hand. */
static size_t copy_text(const struct opened *o, uint64_t from, uint8_t *dst, size_t n)
{
    if (!o || from >= o->plain.len)
        return 0;
    n = MIN(n, o->plain.len - (size_t)from);
    memcpy(dst, o->text.ptr + from, n);
    return n;
}

static size_t read_record(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    return n - copy_text(vitro_sealed_open(d, span.conn, span.dir, span.id), span.offset, dst, n);
}

/* A run of opened data lies in one record. */
static size_t read_opened(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    size_t missing = n;
    vitro_span run = span;
    uint32_t number;

    for (; span.length && take_opened(d, &span, &run); run = span) {
        if (!run.hole && vitro_sealed_find(d, run.conn, run.dir, run.offset, &number)) {
            const struct opened *o = vitro_sealed_open(d, run.conn, run.dir, number);
            missing -= copy_text(o, o ? run.offset - o->at - o->front : 0, dst, (size_t)run.length);
        }
        dst += run.length;
    }
    return missing;
}

static size_t read_inflated(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    const struct inflated *i = vitro_inflate_number(d, span.id);
    size_t had;

    if (!i || span.offset >= i->text.len)
        return n;
    had = MIN(n, i->text.len - (size_t)span.offset);
    memcpy(dst, i->text.ptr + span.offset, had);
    return n - had;
}

static const struct source sources[] = {
    [VITRO_SOURCE_CAPTURE] = { "capture", false, false, NULL, read_capture },
    [VITRO_SOURCE_DIRECTION] = { "tcp", true, false, take_captured, NULL },
    [VITRO_SOURCE_BLOCK] = { "headers", true, true, take_link, NULL },
    [VITRO_SOURCE_BODY] = { "body", true, true, take_link, NULL },
    [VITRO_SOURCE_NOTE] = { "note", false, true, take_link, NULL },
    [VITRO_SOURCE_TLS] = { "tls", true, false, take_opened, read_opened },
    [VITRO_SOURCE_RECORD] = { "record", true, true, take_record, read_record },
    [VITRO_SOURCE_INFLATED] = { "inflated", true, true, take_inflated, read_inflated },
    [VITRO_SOURCE_HANDSHAKE] = { "handshake", true, true, take_reassembled, NULL },
};

static const struct source *source_of(const vitro_span *span)
{
    return &sources[span->source < ARRAY_LEN(sources) ? span->source : VITRO_SOURCE_CAPTURE];
}

/* Take the first run off the front of a span; false at its end. */
static bool take(const vitro_decode *d, vitro_span *rest, vitro_span *out)
{
    const struct source *s = source_of(rest);

    *out = *rest;
    out->rope = out->id = 0;
    return rest->length && s->take && s->take(d, rest, out);
}

size_t vitro_decode_parts(const vitro_decode *d, const vitro_span *span, vitro_span *out,
                          size_t max)
{
    vitro_span rest = *span, run;
    size_t n = 0;

    for (; take(d, &rest, &run); n++) {
        if (n < max)
            out[n] = run;
    }
    return n;
}

static size_t read_span(const vitro_decode *d, vitro_span span, uint8_t *dst, size_t n)
{
    const struct source *s = source_of(&span);
    size_t missing = 0;
    vitro_span run;

    span.length = MIN(span.length, n);
    if (span.hole)
        return n;
    if (s->read)
        return s->read(d, span, dst, n);
    while (n && take(d, &span, &run)) {
        size_t step = (size_t)run.length;
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
    const struct source *s = source_of(span);
    struct text t;

    vitro_text_init(&t, out, size);
    vitro_text_add(&t, "%s", s->name);
    if (s->has_dir)
        vitro_text_add(&t, ":%u:%s", span->conn, dirs[span->dir & 1]);
    if (s->has_id)
        vitro_text_add(&t, ":%u", span->id);
    return t.len;
}

/* ---- Up ------------------------------------------------------------------------------------ */

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
           take(d, &span, &run) && at->offset >= run.offset && at->offset - run.offset < run.length;
}

/* Where in a source made of segs a byte of the source below it went; false: nowhere. */
static bool climb_into(const vitro_decode *d, vitro_source source, uint32_t conn, uint8_t dir,
                       uint64_t below, vitro_span *out)
{
    const struct track *track = vitro_decode_track(d, source, conn, dir);
    struct packlog_at at = { .log = NULL };
    struct seg s;

    while (track && vitro_segs_next(&track->segs, &at, &s)) {
        if (s.capture == ROPE_HOLE || below < s.capture || below - s.capture >= s.len)
            continue;
        *out = (vitro_span){ s.at + (below - s.capture), 1, conn, 0, 0, (uint8_t)source, dir, 0 };
        return true;
    }
    return false;
}

/* Where a byte of the capture went. */
static bool climb(const vitro_decode *d, uint64_t capture, vitro_span *out)
{
    for (uint32_t i = 0; i < 2 * d->conn_count; i++) {
        if (climb_into(d, VITRO_SOURCE_DIRECTION, i / 2, i % 2, capture, out))
            return true;
    }
    return false;
}

uint32_t vitro_decode_find(const vitro_decode *d, const vitro_span *at)
{
    uint32_t found = 0;
    vitro_span rest = *at, up;
    vitro_event ev;

    if (at->source == VITRO_SOURCE_INFLATED || at->source == VITRO_SOURCE_HANDSHAKE)
        return vitro_decode_event(d, at->id, &ev) ? at->id : 0;
    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        if (holds(&ev, at) || holds_below(d, &ev, at))
            found = i; /* inner events follow outer ones */
    }
    if (found)
        return found;
    if ((at->source == VITRO_SOURCE_BLOCK || at->source == VITRO_SOURCE_RECORD) &&
        take(d, &rest, &up))
        return vitro_decode_find(d, &up);
    if (at->source == VITRO_SOURCE_CAPTURE && climb(d, at->offset, &up)) {
        vitro_span sealed = up;
        if (climb_into(d, VITRO_SOURCE_TLS, sealed.conn, sealed.dir, sealed.offset, &up))
            found = vitro_decode_find(d, &up);
        return found ? found : vitro_decode_find(d, &sealed);
    }
    return 0;
}
