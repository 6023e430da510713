/*
 * direction - are these bytes HTTP/2, and where does a frame begin?
 *
 *      LOOKING -> FRAMES     a preface, or heads that follow each other (RFC 9113, 3.4, 4.1)
 *              -> OTHER      something else: all of it is unknown
 *      FRAMES  -> LOOKING    behind a hole that swallowed the border between two frames
 *
 * A decision depends on the bytes of the direction alone, never on how they were cut: it waits
 * until the bytes that it needs are there or cannot come.
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

enum {
    STRIDE = 32 * 1024,        /* told as unknown at a time while no frame is found */
    MISSES_MAX = 1024 * 1024,  /* and then this is taken for something else */
    STREAM_LIKELY = 0x00ffffff /* a larger stream identifier is no evidence of a frame */
};

void vitro_direction_init(struct direction *d, struct conn *c, uint8_t dir, bool late)
{
    struct account *account = &c->decode->account;

    memset(d, 0, sizeof *d);
    d->conn = c;
    d->dir = dir;
    d->late = late;
    d->max_frame = FRAME_DEFAULT_MAX;
    vitro_segs_init(&d->segs, account);
    vitro_buf_init(&d->look, account, LOOK_MAX);
    vitro_buf_init(&d->frame.payload, account, BLOCK_MAX);
    vitro_buf_init(&d->block.bytes, account, BLOCK_MAX);
    vitro_rope_init(&d->block.rope);
    vitro_block_log_init(&d->log, account);
}

void vitro_direction_done(struct direction *d)
{
    struct account *account = &d->conn->decode->account;

    vitro_segs_done(&d->segs);
    vitro_buf_done(&d->look);
    vitro_buf_done(&d->frame.payload);
    vitro_buf_done(&d->block.bytes);
    vitro_mem_free(account, d->block.held, d->block.cap * sizeof *d->block.held);
    vitro_block_log_done(&d->log);
    if (d->hpack_ready)
        vitro_hpack_reader_done(&d->hpack);
}

vitro_event vitro_direction_event(const struct direction *d, vitro_event_kind kind, uint64_t at,
                                  uint64_t len)
{
    vitro_event ev;

    memset(&ev, 0, sizeof ev);
    ev.kind = (uint8_t)kind;
    ev.source = VITRO_SOURCE_DIRECTION;
    ev.conn = d->conn->number;
    ev.dir = d->dir;
    ev.offset = at;
    ev.length = len;
    ev.packet = d->packet;
    ev.time = d->time;
    if (d->segs.count && at + len && at + len <= d->segs.end &&
        at + len <= d->segs.all[d->segs.first + d->segs.count - 1].at) {
        const struct seg *last = vitro_segs_find(&d->segs, at + len - 1);
        if (last) {
            ev.packet = last->packet;
            ev.time = last->time;
        }
    }
    ev.bits = d->suspect ? VITRO_EVENT_SUSPECT : 0;
    return ev;
}

void vitro_direction_unknown(struct direction *d, uint64_t to, uint8_t why)
{
    while (d->told < to) { /* holes are told by themselves */
        uint64_t capture, run = vitro_segs_run(&d->segs, d->told, &capture);
        uint64_t len = MIN(run, to - d->told);
        vitro_event ev = vitro_direction_event(d, VITRO_EVENT_UNKNOWN, d->told, 0);
        if (!run)
            return;
        if (capture == ROPE_HOLE && d->told >= d->segs.dropped) {
            d->told += len;
            continue;
        }
        while (d->told + len < to && (run = vitro_segs_run(&d->segs, d->told + len, &capture)) &&
               capture != ROPE_HOLE)
            len = MIN(len + run, to - d->told);
        ev.length = len;
        ev.why = why;
        ev.bits &= (uint8_t)~VITRO_EVENT_SUSPECT;
        d->told += len;
        vitro_decode_emit(d->conn->decode, &ev);
    }
}

/* ---- What the first bytes are -------------------------------------------------------------- */

/* A reason when these bytes begin something that is known not to be HTTP/2; more may be needed. */
static uint8_t foreign(vitro_bytes b)
{
    static const char *const http[] = { "GET ", "POST ", "PUT ", "HEAD ", "HTTP/1." };

    if (b.len >= 3 && b.ptr[0] >= 20 && b.ptr[0] <= 24 && b.ptr[1] == 3 && b.ptr[2] <= 4)
        return WHY_TLS;
    for (size_t i = 0; i < ARRAY_LEN(http); i++) {
        size_t n = strlen(http[i]);
        if (b.len >= n && memcmp(b.ptr, http[i], n) == 0)
            return WHY_HTTP_1;
    }
    return 0;
}

/* Both values of a head that a server's or a client's first frame may have: SETTINGS. */
static bool opening(struct frame_head h)
{
    return h.type == FRAME_SETTINGS && !(h.flags & FRAME_ACK) && h.stream == 0 &&
           h.length % 6 == 0 && h.length <= 6 * 64 && !h.reserved;
}

enum verdict { NO, YES, WAIT };

/* Stricter than the rules: an even stream, for example, is legal, but gRPC never opens one. */
static bool likely(struct frame_head h, uint32_t max)
{
    return vitro_frame_head_plausible(h, max) && !h.reserved && h.stream <= STREAM_LIKELY &&
           (h.stream == 0 || h.stream % 2) &&
           (h.length || (h.type == FRAME_DATA && h.flags & FRAME_END_STREAM) ||
            h.type == FRAME_SETTINGS || h.type == FRAME_CONTINUATION);
}

/*
 * Could a frame begin at p, judged by its head and the head behind it? `over`: nothing follows.
 */
static enum verdict chain(const struct direction *d, vitro_bytes p, bool over)
{
    uint32_t max = MAX(d->max_frame, (uint32_t)FRAME_DEFAULT_MAX);
    struct frame_head h;

    for (int i = 0; i < 2; i++) {
        if (p.len < FRAME_HEAD_BYTES)
            return over ? (i > 0 && p.len == 0 ? YES : NO) : WAIT;
        h = vitro_frame_head_read(p.ptr);
        if (!likely(h, max))
            return NO;
        if (p.len < (size_t)FRAME_HEAD_BYTES + h.length) {
            if (i > 0)
                return YES;
            return over || h.length > LOOK_MAX / 2 ? NO : WAIT;
        }
        p.ptr += FRAME_HEAD_BYTES + h.length;
        p.len -= FRAME_HEAD_BYTES + h.length;
    }
    return YES;
}

static void found(struct direction *d, uint8_t why_before, size_t skip, bool preface)
{
    struct buf bytes = d->look;

    vitro_buf_init(&d->look, bytes.account, LOOK_MAX);
    vitro_direction_unknown(d, d->told + skip, why_before);
    vitro_frames_begin(d, preface);
    vitro_frames_data(d, (vitro_bytes){ bytes.ptr + skip, bytes.len - skip }, ROPE_HOLE);
    vitro_buf_done(&bytes);
}

/* The first bytes of a direction that was seen from its start. */
static enum verdict look_first(struct direction *d, bool over, bool *preface, uint8_t *why)
{
    vitro_bytes b = vitro_buf_bytes(&d->look);
    size_t n = MIN(b.len, FRAME_PREFACE_BYTES);

    *preface = memcmp(b.ptr, vitro_frame_preface, n) == 0;
    if (*preface)
        return n == FRAME_PREFACE_BYTES || (over && n > 3) ? YES : over ? NO : WAIT;
    if (foreign(b)) {
        *why = foreign(b);
        return NO;
    }
    if (d->late && !d->conn->from_start)
        return NO;
    if (b.len < FRAME_HEAD_BYTES)
        return over ? NO : WAIT;
    return opening(vitro_frame_head_read(b.ptr)) ? YES : NO;
}

/* Look for a frame from d->looked on. */
static enum verdict look_further(struct direction *d, bool over)
{
    while (d->looked < d->look.len && d->looked < STRIDE) {
        size_t skip = (size_t)d->looked;
        vitro_bytes rest = { d->look.ptr + skip, d->look.len - skip };
        enum verdict v = chain(d, rest, over);
        if (v != NO)
            return v;
        d->looked++;
    }
    return over ? NO : WAIT;
}

static void give_up(struct direction *d, uint8_t why)
{
    d->state = DIR_OTHER;
    d->why = why;
    vitro_buf_done(&d->look);
}

/* No frame begins in the first d->looked bytes: tell them, and go on behind them. */
static void stride(struct direction *d, uint8_t why)
{
    size_t n = (size_t)d->looked;

    d->missed += n;
    vitro_direction_unknown(d, d->told + n, why);
    vitro_buf_consume(&d->look, n);
    d->looked = 0;
}

/* The first bytes say what this is, or it was joined late; true when that is settled. */
static bool settle_first(struct direction **at, bool over)
{
    struct direction *d = *at;
    bool preface = false;
    uint8_t why = WHY_NOT_H2;
    enum verdict v = look_first(d, over, &preface, &why);

    if (v == YES) {
        if (preface && d->dir == VITRO_S2C && d->conn->guessed && !d->conn->told) {
            vitro_seen_conn_swap(d->conn);
            d = *at = &d->conn->dir[VITRO_C2S]; /* the same direction under its right name */
        }
        found(d, 0, 0, preface);
    } else if (v == NO && (!d->late || why == WHY_TLS || why == WHY_HTTP_1)) {
        give_up(d, why);
    } else {
        return v == WAIT;
    }
    return true;
}

/* Decide what can be decided; d may have become the other direction of its connection. */
static struct direction *look(struct direction *d, bool over)
{
    uint8_t before = d->why ? d->why : WHY_MID_FRAME;
    enum verdict v;

    if (!d->look.len || (d->told == 0 && d->looked == 0 && settle_first(&d, over)))
        return d;
    v = look_further(d, over);
    if (v == YES) {
        d->suspect = SUSPECT_FRAMES;
        found(d, before, (size_t)d->looked, false);
    } else if (over || d->missed + d->looked >= MISSES_MAX) {
        give_up(d, d->why ? WHY_NO_FRAME : WHY_NOT_H2);
    } else if (d->looked >= STRIDE) {
        stride(d, d->why ? WHY_NO_FRAME : WHY_NOT_H2);
    }
    return d;
}

/* ---- Bytes come ---------------------------------------------------------------------------- */

/* Without an index, segs that nothing needs are dropped when there are many. */
static void trim(struct direction *d)
{
    uint64_t needed;

    if (d->conn->decode->options.keep || d->segs.count < 64 ||
        d->segs.first + d->segs.count < d->segs.cap)
        return;
    needed = MIN(d->frame.active ? d->frame.at : d->told, d->told);
    if (d->block.rope.first != ROPE_END)
        needed = MIN(needed, d->conn->decode->links.all[d->block.rope.first].at);
    for (uint32_t i = 0; i < d->block.count; i++)
        needed = MIN(needed, d->block.held[i].event.offset);
    needed = MIN(needed, vitro_seen_streams_oldest(d));
    if (d->state == DIR_OTHER)
        needed = 0;
    if (d->segs.count >= SEGS_MAX)
        needed = MAX(needed, d->segs.all[d->segs.first + d->segs.count / 2].at);
    vitro_segs_drop(&d->segs, needed);
}

/* Without memory nothing can be decoded any more: what was told stays. */
static bool extend(struct direction *d, uint64_t capture, uint64_t len)
{
    if (vitro_segs_add(&d->segs, capture, len, d->packet, d->time))
        return true;
    d->conn->decode->stats.lost++;
    vitro_direction_finish(d);
    return false;
}

void vitro_direction_data(struct direction *d, vitro_bytes bytes, uint64_t capture)
{
    vitro_decode *all = d->conn->decode;

    trim(d);
    if (d->finished || !extend(d, capture, bytes.len))
        return;
    while (bytes.len && d->state == DIR_LOOKING) {
        size_t taken = MIN(bytes.len, LOOK_MAX - d->look.len);
        uint64_t lends = all->lends;
        if (!taken || !vitro_buf_append(&d->look, bytes.ptr, taken)) {
            give_up(d, WHY_NO_MEMORY);
            return;
        }
        bytes.ptr += taken;
        bytes.len -= taken;
        capture += taken;
        d = look(d, false);
        if (bytes.len && lends != all->lends)
            bytes = vitro_decode_lend(capture, bytes.len, all);
    }
    if (d->state == DIR_FRAMES && bytes.len)
        vitro_frames_data(d, bytes, capture);
}

/* Behind a hole a frame has to be found again. */
static void look_again(struct direction *d)
{
    d->told = d->segs.end;
    d->state = DIR_LOOKING;
    d->late = true;
    d->looked = d->missed = 0;
    d->why = WHY_MID_FRAME;
    vitro_buf_consume(&d->look, d->look.len);
}

void vitro_direction_gap(struct direction *d, uint64_t len)
{
    if (d->finished)
        return;
    if (d->state == DIR_LOOKING)
        d = look(d, true); /* what was held back gets nothing to follow it */
    if (d->state == DIR_FRAMES && d->frame.active && d->reader.left >= len) {
        if (extend(d, ROPE_HOLE, len))
            vitro_frames_gap(d, len);
        return;
    }
    if (d->state == DIR_FRAMES) {
        vitro_frames_cut(d, true);
        vitro_seen_streams_doubt(d);
        vitro_headers_lose(d);
    } else {
        vitro_direction_unknown(d, d->segs.end, d->state == DIR_OTHER ? d->why : WHY_NO_FRAME);
    }
    if (!extend(d, ROPE_HOLE, len))
        return;
    if (d->state == DIR_OTHER && (d->why == WHY_TLS || d->why == WHY_HTTP_1))
        d->told = d->segs.end;
    else
        look_again(d);
}

void vitro_direction_finish(struct direction *d)
{
    if (d->finished)
        return;
    d->finished = true;
    if (d->state == DIR_LOOKING)
        d = look(d, true);
    if (d->state == DIR_FRAMES)
        vitro_frames_cut(d, false);
    vitro_direction_unknown(d, d->segs.end, d->state == DIR_OTHER ? d->why : WHY_NO_FRAME);
    vitro_seen_streams_finish(d);
    d->finished = true;
}
