/*
 * tiling - the property that holds for every input: each delivered byte is told exactly once.
 *
 *      direction:  preface, frames, records, unknown runs, in order, nothing between but holes
 *      opened:     the same without records
 *      body:       messages and unknown runs, in order, as many bytes as its DATA frames have
 *      block:      representations, in order, as many bytes as its frames' fragments
 *      record:     if anything of what was opened is told, all of it
 *      inflated:   all of it
 *      handshake:  likewise
 *      event:      its items, and of a message what is told inside it
 */
#include "decode/core.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"

struct body_row {
    uint32_t conn, stream;
    uint64_t next;    /* where the next event of the body has to begin */
    uint64_t covered; /* by events */
    uint64_t data;    /* bytes of its DATA frames */
    uint8_t dir;
    bool used;
};

struct tiling {
    vitro_decode *d;
    uint64_t (*next)[4]; /* by connection; of both directions, then of their opened data */
    struct body_row *rows;
    size_t row_count, row_cap; /* a power of two */
    uint32_t block;
    uint64_t block_next; /* of the block, record or inflated text that is being checked */
    vitro_error *err;
};

static vitro_code broken(struct tiling *t, const vitro_event *ev, const char *what, uint64_t at)
{
    return vitro_fail(t->err, VITRO_INTERNAL, "tiling", 0, "event %u: %s at %llu", ev->number, what,
                      (unsigned long long)at);
}

/* ---- Bodies -------------------------------------------------------------------------------- */

static struct body_row *row_slot(struct tiling *t, uint32_t conn, uint8_t dir, uint32_t stream)
{
    size_t i = (conn * 31U + stream) * 2654435761U + dir;

    for (;; i++) {
        struct body_row *r = &t->rows[i & (t->row_cap - 1)];
        if (!r->used || (r->conn == conn && r->dir == dir && r->stream == stream))
            return r;
    }
}

static bool rows_grow(struct tiling *t)
{
    struct body_row *old = t->rows;
    size_t cap = t->row_cap;

    t->row_cap = cap ? cap * 2 : 64;
    t->rows = vitro_mem_zalloc(&t->d->account, t->row_cap * sizeof *old);
    if (!t->rows) {
        t->rows = old;
        t->row_cap = cap;
        return false;
    }
    for (size_t i = 0; i < cap; i++) {
        if (old[i].used)
            *row_slot(t, old[i].conn, old[i].dir, old[i].stream) = old[i];
    }
    vitro_mem_free(&t->d->account, old, cap * sizeof *old);
    return true;
}

static struct body_row *row_of(struct tiling *t, const vitro_event *ev)
{
    struct body_row *r;

    if (t->row_count * 2 >= t->row_cap && !rows_grow(t))
        return NULL;
    r = row_slot(t, ev->conn, ev->dir, ev->stream);
    if (!r->used) {
        *r = (struct body_row){ ev->conn, ev->stream, 0, 0, 0, ev->dir, true };
        t->row_count++;
    }
    return r;
}

static vitro_code check_body(struct tiling *t, const vitro_event *ev)
{
    struct body_row *r;
    vitro_event parent;

    if (vitro_decode_event(t->d, ev->parent, &parent) && parent.kind == VITRO_EVENT_GRPC)
        return VITRO_OK; /* inside a message: checked with it */
    r = row_of(t, ev);
    if (!r)
        return broken(t, ev, "no memory", 0);
    if (ev->offset != r->next && ev->offset != 0) /* 0: the stream's number came up again */
        return broken(t, ev, "body not told", r->next);
    r->next = ev->offset + ev->length;
    r->covered += ev->length;
    return VITRO_OK;
}

/* ---- Items --------------------------------------------------------------------------------- */

/* True when what stands below item i in its own source covers it. */
static bool has_parts(const vitro_detail *dt, size_t i)
{
    for (size_t j = i + 1; j < dt->count && dt->items[j].depth > dt->items[i].depth; j++) {
        if (!(dt->items[j].bits & VITRO_ITEM_DERIVED) &&
            dt->items[j].span.source == dt->items[i].span.source)
            return true;
    }
    return false;
}

static vitro_code check_block_item(struct tiling *t, const vitro_event *ev, const vitro_item *item)
{
    if (item->span.offset != t->block_next)
        return broken(t, ev, "block not told", t->block_next);
    t->block_next += item->span.length;
    return VITRO_OK;
}

static vitro_code check_items(struct tiling *t, const vitro_event *ev)
{
    uint64_t next = ev->offset, data = 0, message = 0;
    vitro_event inner;
    vitro_detail dt;
    vitro_code rc = vitro_decode_detail(t->d, ev, &dt, t->err);

    if (!rc && ((ev->kind == VITRO_EVENT_FRAME && ev->rope == 0) || ev->kind == VITRO_EVENT_TLS ||
                event_is_deflated(ev)))
        t->block_next = 0;
    for (size_t i = 0; !rc && i < dt.count; i++) {
        const vitro_item *item = &dt.items[i];
        if (item->bits & VITRO_ITEM_DERIVED || has_parts(&dt, i))
            continue;
        if (item->span.source == VITRO_SOURCE_BLOCK || item->span.source == VITRO_SOURCE_RECORD ||
            item->span.source == VITRO_SOURCE_INFLATED) {
            rc = check_block_item(t, ev, item);
            continue;
        }
        if (item->span.source == VITRO_SOURCE_HANDSHAKE) {
            if (item->span.offset != message)
                return broken(t, ev, "handshake message not told", message);
            message += item->span.length;
            continue;
        }
        if (item->span.offset != next)
            return broken(t, ev, "items do not meet", next);
        next += item->span.length;
        if (item->name && strcmp(item->name, "http2.data.data") == 0)
            data += item->span.length;
    }
    if (rc)
        return rc;
    if (message && message != vitro_reassemble(t->d, ev)->len)
        return broken(t, ev, "end of handshake message not told", message);
    if (ev->kind == VITRO_EVENT_GRPC && vitro_decode_event(t->d, ev->number + 1, &inner) &&
        inner.parent == ev->number) {
        if (inner.offset != next)
            return broken(t, ev, "message does not begin behind its prefix", next);
        next += inner.length;
    }
    if (next != ev->offset + ev->length)
        return broken(t, ev, "items do not reach the end", next);
    if (data && ev->stream) {
        struct body_row *r = row_of(t, ev);
        if (!r)
            return broken(t, ev, "no memory", 0);
        r->data += data;
    }
    return VITRO_OK;
}

/* Of what a record holds, all was told or nothing. */
static vitro_code check_record_end(struct tiling *t, const vitro_event *ev)
{
    vitro_span content;

    if (t->block_next && vitro_decode_content(t->d, ev, &content) &&
        t->block_next != content.length)
        return broken(t, ev, "end of record not told", t->block_next);
    return VITRO_OK;
}

/* Likewise of what a compressed message says. */
static vitro_code check_inflated_end(struct tiling *t, const vitro_event *ev)
{
    const struct inflated *i = vitro_inflate(t->d, ev);

    return t->block_next == i->text.len ? VITRO_OK
                                        : broken(t, ev, "inflated message not told", t->block_next);
}

/* All of the block was told once its last frame was. */
static vitro_code check_block_end(struct tiling *t, const vitro_event *ev)
{
    const struct track *track =
        vitro_decode_track(t->d, (vitro_source)ev->source, ev->conn, ev->dir);
    struct block_step step;

    if (ev->kind != VITRO_EVENT_FRAME || !(ev->flags & FRAME_END_HEADERS) || !track ||
        !vitro_block_log_step(&track->log, ev->detail, &step))
        return VITRO_OK;
    if (t->block_next != step.length)
        return broken(t, ev, "end of block not told", t->block_next);
    return VITRO_OK;
}

/* ---- Directions ---------------------------------------------------------------------------- */

static vitro_code check_holes(struct tiling *t, const vitro_event *ev, const struct track *track,
                              uint64_t *next, uint64_t to)
{
    while (*next < to) {
        uint64_t capture, run = vitro_segs_run(&track->segs, *next, &capture);
        if (!run || capture != ROPE_HOLE)
            return broken(t, ev, "bytes not told", *next);
        *next += run;
    }
    return VITRO_OK;
}

static unsigned row_at(vitro_source source, uint8_t dir)
{
    return (source == VITRO_SOURCE_TLS ? 2U : 0U) + dir;
}

static vitro_code check_direction(struct tiling *t, const vitro_event *ev)
{
    const struct track *track =
        vitro_decode_track(t->d, (vitro_source)ev->source, ev->conn, ev->dir);
    uint64_t *next;
    vitro_code rc;

    if (!track)
        return broken(t, ev, "no such connection", ev->conn);
    next = &t->next[ev->conn][row_at((vitro_source)ev->source, ev->dir)];
    if (ev->offset < *next)
        return broken(t, ev, "bytes told twice", ev->offset);
    rc = check_holes(t, ev, track, next, ev->offset);
    *next = ev->offset + ev->length;
    return rc;
}

static vitro_code check_event(struct tiling *t, const vitro_event *ev)
{
    vitro_code rc = VITRO_OK;

    if (ev->kind == VITRO_EVENT_TCP || ev->kind == VITRO_EVENT_NOTE)
        return VITRO_OK;
    if (ev->source == VITRO_SOURCE_DIRECTION || ev->source == VITRO_SOURCE_TLS)
        rc = check_direction(t, ev);
    else if (ev->source == VITRO_SOURCE_BODY)
        rc = check_body(t, ev);
    if (!rc)
        rc = check_items(t, ev);
    if (!rc && ev->kind == VITRO_EVENT_TLS)
        rc = check_record_end(t, ev);
    if (!rc && event_is_deflated(ev))
        rc = check_inflated_end(t, ev);
    return rc ? rc : check_block_end(t, ev);
}

static vitro_code check_ends(struct tiling *t, const vitro_event *last)
{
    for (uint32_t i = 0; i < 4 * t->d->conn_count; i++) {
        vitro_source source = i % 4 < 2 ? VITRO_SOURCE_DIRECTION : VITRO_SOURCE_TLS;
        const struct track *track = vitro_decode_track(t->d, source, i / 4, i % 2);
        vitro_code rc =
            track ? check_holes(t, last, track, &t->next[i / 4][i % 4], track->segs.end) : VITRO_OK;
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < t->row_cap; i++) {
        if (t->rows[i].used && t->rows[i].data != t->rows[i].covered)
            return broken(t, last, "body of a stream not told to its end", t->rows[i].covered);
    }
    return VITRO_OK;
}

vitro_code vitro_decode_check_tiling(vitro_decode *d, vitro_error *err)
{
    struct tiling t;
    vitro_event ev = { 0 };
    vitro_code rc = VITRO_OK;

    memset(&t, 0, sizeof t);
    t.d = d;
    t.err = err;
    if (!d->options.keep)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "tiling", 0, "needs an index of events");
    t.next = vitro_mem_zalloc(&d->account, (d->conn_count + 1) * sizeof *t.next);
    if (!t.next)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tiling", 0, "out of memory");
    for (uint32_t i = 1; !rc && vitro_decode_event(d, i, &ev); i++)
        rc = check_event(&t, &ev);
    vitro_decode_event(d, d->events, &ev);
    if (!rc)
        rc = check_ends(&t, &ev);
    vitro_mem_free(&d->account, t.next, (d->conn_count + 1) * sizeof *t.next);
    vitro_mem_free(&d->account, t.rows, t.row_cap * sizeof *t.rows);
    return rc;
}
