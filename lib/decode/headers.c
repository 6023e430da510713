/*
 * headers - header blocks: put together from their frames, decoded, told frame by frame.
 *
 * The events of a block's frames wait until the block is complete: only then can its fields be
 * read. A field belongs to the frame with its last byte.
 */
#include "decode/core.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

/* The point before a step; nobody decodes again without an index. */
static void point(struct direction *d)
{
    vitro_decode *all = d->conn->decode;

    if (all->options.keep)
        vitro_block_log_point(&d->track->log, &d->log_writer, &d->hpack, &all->points);
}

void vitro_headers_point(struct direction *d)
{
    vitro_decode *all = d->conn->decode;

    if (all->options.keep)
        vitro_block_log_must(&d->track->log, &d->log_writer, &d->hpack, &all->points);
}

static void step(struct direction *d, enum block_step_kind kind, uint32_t what)
{
    struct block_step s = { what, 0, 0, (uint8_t)kind };

    point(d);
    if (d->conn->decode->options.keep)
        vitro_block_log_add(&d->track->log, &d->log_writer, &s);
}

void vitro_headers_lose(struct direction *d)
{
    step(d, BLOCK_STEP_LOSE, 0);
    vitro_hpack_reader_lose(&d->hpack);
}

void vitro_headers_limit(struct direction *d, uint32_t table_size)
{
    step(d, BLOCK_STEP_LIMIT, table_size);
    vitro_hpack_reader_limit(&d->hpack, table_size);
}

/* Tell the held events; each learns the block's number. */
static void tell_held(struct direction *d, uint32_t number, uint8_t why, uint8_t bits)
{
    struct assembly *b = &d->block;

    for (uint32_t i = 0; i < b->count; i++) {
        vitro_event *ev = &b->held[i].event;
        ev->detail = number;
        ev->rope = b->held[i].fragment;
        ev->bits |= bits;
        if (!ev->why)
            ev->why = why;
        vitro_decode_emit(d->conn->decode, ev);
    }
    b->count = 0;
}

static void block_reset(struct direction *d)
{
    struct assembly *b = &d->block;
    struct links *links = &d->conn->decode->links;

    if (!d->conn->decode->options.keep)
        vitro_rope_release(links, &b->rope, UINT64_MAX);
    vitro_rope_init(&b->rope);
    if (b->bytes.cap > FRAME_DEFAULT_MAX)
        vitro_buf_done(&b->bytes);
    else
        vitro_buf_consume(&b->bytes, b->bytes.len);
    b->open = b->large = b->hole = b->pushed = false;
}

void vitro_headers_break(struct direction *d, uint8_t why)
{
    if (!d->block.open)
        return;
    tell_held(d, UINT32_MAX, why, VITRO_EVENT_CUT);
    block_reset(d);
    vitro_headers_lose(d);
}

/* Number the block, decode it and remember its fields until the next one. */
static uint32_t block_decode(struct direction *d)
{
    vitro_decode *all = d->conn->decode;
    struct assembly *b = &d->block;
    struct block_step s = { b->rope.first, (uint32_t)b->bytes.len, all->events + 1,
                            BLOCK_STEP_BLOCK };
    struct hpack_reader before;

    if (d->told_first && vitro_joined_teach(d, b->held[0].event.offset, vitro_buf_bytes(&b->bytes)))
        vitro_headers_point(d);
    else
        point(d);
    before = d->hpack;
    vitro_block_decode(&d->hpack, vitro_buf_bytes(&b->bytes), s.origin, &all->fields);
    if (vitro_block_same(&before, &d->hpack))
        s.kind = BLOCK_STEP_STILL;
    all->fields_of = d->track;
    all->fields_step =
        all->options.keep ? vitro_block_log_add(&d->track->log, &d->log_writer, &s) : d->blocks++;
    for (const struct block_field *f = all->fields.first; f; f = f->next)
        all->stats.headers += f->wire.repr != HPACK_SIZE_UPDATE && f->wire.repr != HPACK_REST;
    return all->fields_step;
}

static void block_finish(struct direction *d)
{
    struct assembly *b = &d->block;
    vitro_decode *all = d->conn->decode;
    uint32_t stream = b->stream, number;
    bool end = b->flags & FRAME_END_STREAM && !b->pushed, pushed = b->pushed;

    if (b->large || b->hole) {
        vitro_headers_break(d, b->large ? WHY_BLOCK_LARGE : WHY_FRAME_HOLE);
    } else {
        number = block_decode(d);
        tell_held(d, number, all->fields.wrong ? (uint8_t)(WHY_HPACK + all->fields.wrong) : 0, 0);
        block_reset(d);
        if (!pushed)
            vitro_seen_stream_headers(d, stream, &all->fields);
    }
    all->fields_of = NULL;
    if (end)
        vitro_seen_stream_end(d, stream);
}

static bool hold(struct assembly *b, struct account *account, const vitro_event *ev)
{
    uint32_t cap = b->cap ? b->cap * 4 : 2;
    struct held *held;

    if (b->count == b->cap) {
        held = vitro_mem_resize(account, b->held, b->cap * sizeof *held, cap * sizeof *held);
        if (!held)
            return false;
        b->held = held;
        b->cap = cap;
    }
    b->held[b->count++] = (struct held){ *ev, (uint32_t)b->rope.end };
    return true;
}

/* Add the frame's part to the block. */
static void append(struct direction *d, const vitro_event *ev, const struct frame_view *view)
{
    struct assembly *b = &d->block;
    const struct frame_part *part = vitro_frame_part(view, FRAME_FIELD_FRAGMENT);
    vitro_bytes bytes =
        vitro_frame_bytes(view, FRAME_FIELD_FRAGMENT, vitro_buf_bytes(&d->frame.payload));

    if (!hold(b, &d->conn->decode->account, ev)) {
        vitro_event lone = *ev;
        lone.why = WHY_NO_MEMORY;
        vitro_decode_emit(d->conn->decode, &lone);
        b->large = true;
        return;
    }
    b->hole |= d->frame.hole;
    if (!part || !part->len)
        return;
    if (bytes.len != part->len || !vitro_buf_append(&b->bytes, bytes.ptr, bytes.len) ||
        !vitro_rope_add(&d->conn->decode->links, &b->rope,
                        d->frame.at + FRAME_HEAD_BYTES + part->off, part->len))
        b->large = true;
}

void vitro_headers_frame(struct direction *d, vitro_event *ev, const struct frame_view *view)
{
    struct assembly *b = &d->block;
    bool goes_on = ev->type == FRAME_CONTINUATION;

    if (b->open && (!goes_on || ev->stream != b->stream || b->count == HELD_MAX))
        vitro_headers_break(d, b->count == HELD_MAX ? WHY_BLOCK_LARGE : WHY_BLOCK_BROKEN);
    if (!b->open && goes_on) {
        ev->why = WHY_BLOCK_NONE;
        ev->detail = UINT32_MAX;
        vitro_decode_emit(d->conn->decode, ev);
        vitro_headers_lose(d); /* it may have changed the table */
        return;
    }
    if (!b->open) {
        b->open = true;
        b->stream = ev->stream;
        b->flags = ev->flags;
        b->pushed = ev->type == FRAME_PUSH_PROMISE;
    }
    append(d, ev, view);
    if (ev->flags & FRAME_END_HEADERS)
        block_finish(d);
}
