/*
 * frames - a direction that is HTTP/2: each frame an event, and what frames do to each other.
 *
 * DATA is not collected: its body is a rope over the direction. Of other frames the payload is
 * kept until the frame is complete, whole when it holds a header block.
 */
#include "decode/core.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

static bool has_block(uint8_t type)
{
    return type == FRAME_HEADERS || type == FRAME_PUSH_PROMISE || type == FRAME_CONTINUATION;
}

/* What of a broken length is told: only what the frame shows, and nothing that is harmless. */
static uint8_t frame_why(const struct frame_view *v)
{
    uint64_t harmless = 1ULL << FRAME_WRONG_RESERVED_BIT | 1ULL << FRAME_WRONG_FLAGS_UNUSED |
                        1ULL << FRAME_WRONG_TYPE_UNKNOWN;

    return vitro_why_frame(v->wrongs & ~harmless);
}

static void settings(struct direction *d)
{
    struct direction *other = conn_http2(d->conn, !d->dir);
    struct frame_setting s;

    if (d->frame.head.flags & FRAME_ACK) {
        if (d->table_count) { /* what the other side announced holds from here on */
            vitro_headers_limit(d, d->tables[d->table_first]);
            d->table_first = (uint8_t)((d->table_first + 1) % SETTINGS_WAITING);
            d->table_count--;
        }
        return;
    }
    if (other->table_count == SETTINGS_WAITING)
        return;
    unsigned slot = (unsigned)(other->table_first + other->table_count) % SETTINGS_WAITING;
    other->tables[slot] = other->hpack_ready ? other->hpack.limit : HPACK_DEFAULT_SIZE;
    if (other->table_count)
        other->tables[slot] = other->tables[(slot + SETTINGS_WAITING - 1) % SETTINGS_WAITING];
    for (size_t i = 0; vitro_frame_setting_at(vitro_buf_bytes(&d->frame.payload), i, &s); i++) {
        if (s.id == SETTING_HEADER_TABLE_SIZE)
            other->tables[slot] = s.value;
        if (s.id == SETTING_MAX_FRAME_SIZE && s.value <= FRAME_LENGTH_MAX)
            other->max_frame = MAX(other->max_frame, s.value);
    }
    other->table_count++;
}

static void data(struct direction *d, const vitro_event *ev, const struct frame_view *view)
{
    const struct frame_part *part = vitro_frame_part(view, FRAME_FIELD_DATA);
    uint64_t at = d->frame.at + FRAME_HEAD_BYTES;
    struct stream *s;
    uint64_t len;

    if (!part || !ev->stream)
        return;
    s = vitro_seen_stream_get(d->conn, ev->stream, true);
    if (!s)
        return;
    at += part->off;
    len = MIN((uint64_t)part->len, ev->offset + ev->length - MIN(at, ev->offset + ev->length));
    s->body[d->dir].parent = ev->number;
    s->body[d->dir].packet = ev->packet;
    s->body[d->dir].time = ev->time;
    vitro_body_data(d, s, at, (uint32_t)len);
    if (ev->flags & FRAME_END_STREAM && !(ev->bits & VITRO_EVENT_CUT))
        vitro_seen_stream_end(d, ev->stream);
}

/* Make way for the next frame. */
static void frame_done(struct direction *d)
{
    struct current *f = &d->frame;

    if (f->payload.cap > FRAME_DEFAULT_MAX)
        vitro_buf_done(&f->payload);
    else
        vitro_buf_consume(&f->payload, f->payload.len);
    f->active = f->hole = false;
    if (d->held_first)
        vitro_held_pass(d);
}

/* The current frame ends at offset `to`: all of it, or cut. */
static void frame_end(struct direction *d, uint64_t to, uint8_t why, uint8_t bits)
{
    struct current *f = &d->frame;
    vitro_event ev = vitro_direction_event(d, VITRO_EVENT_FRAME, f->at, to - f->at);
    struct frame_view view;

    vitro_frame_view(&view, f->head, vitro_buf_bytes(&f->payload), d->max_frame);
    ev.stream = f->head.stream;
    ev.type = f->head.type;
    ev.flags = f->head.flags;
    ev.detail = UINT32_MAX;
    ev.bits |= bits | (f->hole ? VITRO_EVENT_HOLE : 0);
    ev.why = why ? why : f->hole ? WHY_FRAME_HOLE : frame_why(&view);
    d->told = to;
    if (d->suspect && !ev.why)
        d->suspect--;
    if (has_block(ev.type) && !(bits & VITRO_EVENT_CUT)) {
        vitro_headers_frame(d, &ev, &view);
    } else {
        vitro_headers_break(d, has_block(ev.type) ? WHY_BLOCK_OPEN : WHY_BLOCK_BROKEN);
        vitro_decode_emit(d->conn->decode, &ev);
        if (ev.type == FRAME_DATA)
            data(d, &ev, &view);
        else if (has_block(ev.type))
            vitro_headers_lose(d);
        else if (!(bits & VITRO_EVENT_CUT) && ev.type == FRAME_SETTINGS && !f->hole)
            settings(d);
        else if (!(bits & VITRO_EVENT_CUT) && ev.type == FRAME_RST_STREAM)
            vitro_seen_stream_reset(d, ev.stream);
    }
    frame_done(d);
}

/* Keep of the payload what its event needs. */
static void collect(struct direction *d, vitro_bytes bytes)
{
    struct buf *p = &d->frame.payload;
    size_t max = has_block(d->frame.head.type) ? BLOCK_MAX : FRONT_MAX;
    size_t n = MIN(bytes.len, max - MIN(max, p->len));

    if (d->frame.head.type == FRAME_DATA)
        n = MIN(n, FRAME_FRONT_BYTES - MIN(FRAME_FRONT_BYTES, p->len));
    if (n && !d->frame.hole)
        vitro_buf_append(p, bytes.ptr, n);
}

static void preface_end(struct direction *d, uint64_t to)
{
    vitro_event ev = vitro_direction_event(d, VITRO_EVENT_PREFACE, d->told, to - d->told);

    d->told = to;
    d->in_preface = false;
    d->conn->from_start |= to == FRAME_PREFACE_BYTES;
    vitro_decode_emit(d->conn->decode, &ev);
    if (d->held_first)
        vitro_held_pass(d);
}

void vitro_frames_begin(struct direction *d, bool preface)
{
    d->state = DIR_FRAMES;
    d->track->frames = true;
    d->in_preface = preface;
    d->missed = 0;
    vitro_frame_reader_init(&d->reader, d->told, preface);
    if (d->hpack_ready)
        return;
    d->track->log.late = d->late && !preface;
    vitro_block_reader_init(&d->hpack, &d->conn->decode->account, d->track->log.late);
    d->hpack_ready = true;
}

/* One piece; false when this is no preface after all. */
static void piece(struct direction *d, const struct frame_piece *p)
{
    switch (p->kind) {
    case FRAME_PIECE_PREFACE:
        if (p->end)
            preface_end(d, p->at + p->bytes.len);
        break;
    case FRAME_PIECE_HEAD:
        d->frame.at = p->at;
        d->frame.head = p->head;
        d->frame.active = true;
        if (p->end)
            frame_end(d, p->at + FRAME_HEAD_BYTES, 0, 0);
        break;
    case FRAME_PIECE_PAYLOAD:
        collect(d, p->bytes);
        if (p->end)
            frame_end(d, p->at + p->bytes.len, 0, 0);
        break;
    default:
        break;
    }
}

void vitro_frames_data(struct direction *d, vitro_bytes bytes, uint64_t capture)
{
    vitro_decode *all = d->conn->decode;
    size_t whole = bytes.len;

    while (bytes.len && d->state == DIR_FRAMES) {
        uint64_t lends = all->lends;
        size_t left;
        struct frame_piece p = vitro_frame_read(&d->reader, &bytes);
        if (p.kind == FRAME_PIECE_NONE)
            break;
        left = bytes.len;
        piece(d, &p);
        if (all->lends != lends && capture != ROPE_HOLE && left) { /* what was lent is stale */
            bytes = vitro_decode_lend(capture + (whole - left), left, all);
            if (bytes.len < left)
                break;
        }
    }
}

void vitro_frames_gap(struct direction *d, uint64_t len)
{
    d->frame.hole = true;
    d->reader.at += len;
    d->reader.left -= (uint32_t)len;
    if (!d->reader.left) {
        uint64_t end = d->reader.at;
        vitro_frame_reader_init(&d->reader, end, false);
        frame_end(d, end, 0, 0);
    }
}

void vitro_frames_cut(struct direction *d, bool hole)
{
    uint64_t to = d->track->segs.end;

    if (d->frame.active) {
        frame_end(d, to, hole || d->frame.hole ? WHY_FRAME_HOLE : WHY_FRAME_CUT,
                  VITRO_EVENT_CUT | (hole ? VITRO_EVENT_HOLE : 0));
        return;
    }
    vitro_headers_break(d, WHY_BLOCK_OPEN);
    vitro_direction_unknown(d, to,
                            hole            ? WHY_FRAME_HOLE
                            : d->in_preface ? WHY_PREFACE_CUT
                                            : WHY_HEAD_CUT);
}
