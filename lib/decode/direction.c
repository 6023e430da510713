/*
 * direction - the bytes of one direction of a connection as they come, holes among them.
 *
 *      LOOKING -> FRAMES     what these bytes are was found out (look.c)
 *              -> RECORDS    TLS (records.c): what is opened is a direction of its own, inside
 *              -> OTHER      something else: all of it is unknown
 *      FRAMES  -> LOOKING    behind a hole that swallowed the border between two frames
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

void vitro_direction_init(struct direction *d, struct conn *c, struct track *track,
                          vitro_source source, uint8_t dir, bool late)
{
    struct account *account = &c->decode->account;

    memset(d, 0, sizeof *d);
    d->conn = c;
    d->track = track;
    d->source = (uint8_t)source;
    d->dir = dir;
    d->late = late;
    d->max_frame = FRAME_DEFAULT_MAX;
    vitro_buf_init(&d->look, account, LOOK_MAX);
    vitro_buf_init(&d->arrivals, account, LOOK_MAX * sizeof(struct arrival));
    vitro_buf_init(&d->frame.payload, account, BLOCK_MAX);
    vitro_buf_init(&d->block.bytes, account, BLOCK_MAX);
    vitro_rope_init(&d->block.rope);
}

void vitro_direction_resume(struct direction *d, uint64_t at, uint32_t table_most,
                            uint32_t table_size)
{
    struct segs *segs = &d->track->segs;

    d->late = true;
    if (!segs->end)
        segs->end = segs->last = segs->dropped = at;
    vitro_buf_consume(&d->look, d->look.len);
    d->told = segs->end;
    d->suspect = 0;
    vitro_frames_begin(d, d->told == 0 && d->dir == VITRO_C2S);
    vitro_hpack_table_resume(&d->hpack.table, table_most, table_size);
    vitro_hpack_reader_limit(&d->hpack, table_most);
    vitro_headers_point(d);
}

/* What is only needed while bytes come. */
static void buffers_done(struct direction *d)
{
    struct account *account = &d->conn->decode->account;

    vitro_joined_forget(d);
    vitro_buf_done(&d->look);
    vitro_buf_done(&d->arrivals);
    vitro_buf_done(&d->frame.payload);
    vitro_buf_done(&d->block.bytes);
    vitro_mem_free(account, d->block.held, d->block.cap * sizeof *d->block.held);
    d->block.held = NULL;
    d->block.cap = 0;
}

void vitro_direction_done(struct direction *d)
{
    buffers_done(d);
    if (d->hpack_ready)
        vitro_hpack_reader_done(&d->hpack);
}

/* The packet that brought a byte, when that is not the last one: of what is held back. */
static const struct arrival *arrival_of(const struct direction *d, uint64_t at)
{
    const struct arrival *all = (const struct arrival *)(const void *)d->arrivals.ptr;
    size_t low = 0, high = d->arrivals.len / sizeof *all;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (all[mid].at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? &all[low - 1] : NULL;
}

vitro_event vitro_direction_event(const struct direction *d, vitro_event_kind kind, uint64_t at,
                                  uint64_t len)
{
    const struct arrival *arrival;
    vitro_event ev;

    memset(&ev, 0, sizeof ev);
    ev.kind = (uint8_t)kind;
    ev.source = d->source;
    ev.conn = d->conn->number;
    ev.dir = d->dir;
    ev.offset = at;
    ev.length = len;
    ev.packet = d->packet;
    ev.parent = d->record;
    ev.time = d->time;
    arrival = at + len && at + len <= d->track->segs.last ? arrival_of(d, at + len - 1) : NULL;
    if (arrival) {
        ev.packet = arrival->packet;
        ev.parent = arrival->record;
        ev.time = arrival->time;
    }
    ev.bits = d->suspect ? VITRO_EVENT_SUSPECT : 0;
    return ev;
}

void vitro_direction_unknown(struct direction *d, uint64_t to, uint8_t why)
{
    while (d->told < to) { /* holes are told by themselves */
        uint64_t capture, run = vitro_segs_run(&d->track->segs, d->told, &capture);
        uint64_t len = MIN(run, to - d->told);
        vitro_event ev;
        if (!run)
            return;
        if (capture == ROPE_HOLE && d->told >= d->track->segs.dropped) {
            d->told += len;
            continue;
        }
        while (d->told + len < to &&
               (run = vitro_segs_run(&d->track->segs, d->told + len, &capture)) &&
               capture != ROPE_HOLE)
            len = MIN(len + run, to - d->told);
        ev = vitro_direction_event(d, VITRO_EVENT_UNKNOWN, d->told, len);
        ev.why = why;
        ev.bits &= (uint8_t)~VITRO_EVENT_SUSPECT;
        d->told += len;
        vitro_decode_emit(d->conn->decode, &ev);
    }
}

uint64_t vitro_direction_needed(const struct direction *d)
{
    uint64_t needed = MIN(d->frame.active ? d->frame.at : d->told, d->told);

    if (d->state == DIR_OTHER)
        return 0;
    if (d->state == DIR_RECORDS)
        return MIN(needed, vitro_records_needed(d));
    if (d->block.rope.first != ROPE_END)
        needed = MIN(needed, vitro_link_at(&d->conn->decode->links, d->block.rope.first)->at);
    for (uint32_t i = 0; i < d->block.count; i++)
        needed = MIN(needed, d->block.held[i].event.offset);
    return MIN(needed, vitro_seen_streams_oldest(d));
}

/* Without an index, segs that nothing needs are dropped when there are many. */
static void trim(struct direction *d)
{
    struct segs *segs = &d->track->segs;
    uint64_t needed;

    if (d->conn->decode->options.keep || vitro_segs_held(segs) < 2 * PACKLOG_PAGE ||
        segs->log.count % PACKLOG_PAGE)
        return;
    needed = vitro_direction_needed(d);
    if (vitro_segs_held(segs) >= SEGS_MAX)
        needed = MAX(needed, vitro_segs_middle(segs));
    vitro_segs_drop(segs, needed);
    if (d->state == DIR_RECORDS)
        vitro_records_trim(d, needed);
}

static bool is_held_back(const struct direction *d)
{
    return d->state == DIR_LOOKING || d->state == DIR_RECORDS;
}

/* Of bytes that are told nobody asks any more. */
static void arrivals_trim(struct direction *d)
{
    const struct arrival *all = (const struct arrival *)(const void *)d->arrivals.ptr;
    size_t count = d->arrivals.len / sizeof *all, n = 0;

    while (n < count && (!is_held_back(d) || (n + 1 < count && all[n + 1].at <= d->told)))
        n++;
    vitro_buf_consume(&d->arrivals, n * sizeof *all);
}

/* While bytes are held back it is kept which packets brought them. */
static void arrive(struct direction *d)
{
    struct arrival a = { d->track->segs.end, d->time, d->packet, d->record };

    arrivals_trim(d);
    if (is_held_back(d) &&
        !vitro_buf_append(&d->arrivals, &a, sizeof a)) /* the oldest are told by now */
        vitro_buf_consume(&d->arrivals, d->arrivals.len / 2 / sizeof a * sizeof a);
}

/* Without memory nothing can be decoded any more: what was told stays. */
bool vitro_direction_extend(struct direction *d, uint64_t below, uint64_t len)
{
    arrive(d);
    if (vitro_segs_add(&d->track->segs, &d->seg_last, below, len))
        return true;
    d->conn->decode->stats.lost++;
    vitro_direction_finish(d);
    return false;
}

/* Hold bytes back; false when there is no room, and all is given up. */
static bool hold(struct direction *d, vitro_bytes bytes)
{
    if (bytes.len && vitro_buf_append(&d->look, bytes.ptr, bytes.len))
        return true;
    vitro_look_give_up(d, WHY_NO_MEMORY);
    return false;
}

void vitro_direction_data(struct direction *d, vitro_bytes bytes, uint64_t below)
{
    vitro_decode *all = d->conn->decode;
    bool lent = d->source == VITRO_SOURCE_DIRECTION; /* opened data stays meanwhile */

    trim(d);
    if (d->finished || !vitro_direction_extend(d, below, bytes.len))
        return;
    while (bytes.len && is_held_back(d)) {
        uint64_t lends = all->lends;
        size_t taken;
        if (d->state == DIR_RECORDS && d->look.len == LOOK_MAX)
            vitro_records_hurry(d);
        taken = MIN(bytes.len, LOOK_MAX - d->look.len);
        if (!hold(d, (vitro_bytes){ bytes.ptr, taken }))
            return;
        bytes.ptr += taken;
        bytes.len -= taken;
        below += taken;
        if (d->state == DIR_RECORDS)
            vitro_records_data(d);
        else
            d = vitro_look(d, false);
        if (bytes.len && lent && lends != all->lends)
            bytes = vitro_decode_lend(below, bytes.len, all);
    }
    if (d->state == DIR_FRAMES && bytes.len)
        vitro_frames_data(d, bytes, lent ? below : ROPE_HOLE);
}

/* Behind a hole a frame has to be found again. */
static void look_again(struct direction *d)
{
    d->told = d->track->segs.end;
    d->state = DIR_LOOKING;
    d->late = true;
    d->looked = d->missed = 0;
    d->why = WHY_MID_FRAME;
    vitro_buf_consume(&d->look, d->look.len);
}

void vitro_direction_again(struct direction *d)
{
    if (d->state == DIR_LOOKING)
        d = vitro_look(d, true);
    if (d->state == DIR_FRAMES) {
        vitro_frames_cut(d, false);
        vitro_seen_streams_doubt(d);
        vitro_headers_lose(d);
    }
    vitro_direction_unknown(d, d->track->segs.end, d->state == DIR_OTHER ? d->why : WHY_NO_FRAME);
    look_again(d);
    d->first = d->told;
}

/* No frame is looked for in what is known to be something else. */
static bool is_certain(uint8_t why)
{
    return why == WHY_TLS || why == WHY_TLS_NO_RECORD || why == WHY_HTTP_1;
}

void vitro_direction_gap(struct direction *d, uint64_t len)
{
    if (d->finished)
        return;
    if (d->state == DIR_LOOKING)
        d = vitro_look(d, true); /* what was held back gets nothing to follow it */
    if (d->state == DIR_RECORDS)
        vitro_records_flush(d);
    if (d->state == DIR_RECORDS) {
        vitro_records_gap(d, len);
        return;
    }
    if (d->state == DIR_FRAMES && d->frame.active && d->reader.left >= len) {
        if (vitro_direction_extend(d, ROPE_HOLE, len))
            vitro_frames_gap(d, len);
        return;
    }
    if (d->state == DIR_FRAMES) {
        vitro_frames_cut(d, true);
        vitro_seen_streams_doubt(d);
        vitro_headers_lose(d);
    } else {
        vitro_direction_unknown(d, d->track->segs.end,
                                d->state == DIR_OTHER ? d->why : WHY_NO_FRAME);
    }
    if (!vitro_direction_extend(d, ROPE_HOLE, len))
        return;
    if (d->state == DIR_OTHER && is_certain(d->why))
        d->told = d->track->segs.end;
    else
        look_again(d);
}

void vitro_direction_finish(struct direction *d)
{
    if (d->finished)
        return;
    d->finished = true;
    vitro_held_forget(d);
    if (d->state == DIR_LOOKING)
        d = vitro_look(d, true);
    if (d->state == DIR_FRAMES)
        vitro_frames_cut(d, false);
    if (d->state == DIR_RECORDS)
        vitro_records_finish(d);
    vitro_direction_unknown(d, d->track->segs.end, d->state == DIR_OTHER ? d->why : WHY_NO_FRAME);
    if (conn_http2(d->conn, d->dir) == d)
        vitro_seen_streams_finish(d);
    else
        vitro_direction_finish(conn_http2(d->conn, d->dir));
    d->finished = true;
    buffers_done(d);
}

void vitro_direction_end(struct direction *d)
{
    if (d->state == DIR_RECORDS && !d->finished && vitro_records_wait(d))
        return;
    vitro_direction_finish(d);
}
