/* lane - what one direction of a passage lets through, and what it does to it. */
#include <string.h>

#include "base/util.h"
#include "frame/frame_writer.h"
#include "sim/passage.h"

static bool is_sealed(const struct lane *l)
{
    return l->passage->places & AT_RECORDS;
}

/*
 * Between two frames, outside of a header block, behind the SETTINGS that come first (RFC 9113,
 * 3.4); or between two records.
 */
static bool at_border(const struct lane *l)
{
    if (is_sealed(l))
        return !l->record_left && !l->record_have;
    return l->begun && vitro_frame_reader_idle(&l->reader) && !l->in_block;
}

static void pass(struct lane *l, const void *p, size_t n)
{
    vitro_buf_append(&l->out, p, n);
}

/* Nothing behind bytes that were dropped: the frame before may not be whole. */
static void insert_now(struct lane *l)
{
    if (!l->insert.len || !at_border(l) || l->deaf)
        return;
    pass(l, l->insert.ptr, l->insert.len);
    l->insert.len = 0;
}

/* ---- the faults, once their byte has come --------------------------------------------------- */

static void stall(struct lane *l)
{
    struct world *w = l->passage->world;

    vitro_timer_start(w->wire_loop, &l->stalled,
                      vitro_loop_now(w->wire_loop) + (int64_t)some(w, 0, 30000) * MS);
}

static void half_close(struct lane *l)
{
    l->ended = l->deaf = true; /* settle does it, and reads no more */
}

static void write_ping(struct lane *l)
{
    static const uint8_t opaque[8] = "nobody's";

    vitro_frame_write_ping(&l->insert, 0, opaque);
}

/* Toward the client, whatever lane the fault is of. */
static struct lane *toward_client(struct lane *l)
{
    return &l->passage->lane[1];
}

static void write_notice(struct lane *l)
{
    vitro_frame_write_goaway(&toward_client(l)->insert, 0x7fffffff, H2_NO_ERROR,
                             (vitro_bytes){ NULL, 0 });
}

/* True to its word: what is behind the last stream never reaches the server. */
static void write_goaway(struct lane *l)
{
    static const uint32_t errors[] = { H2_NO_ERROR, H2_INTERNAL_ERROR, H2_ENHANCE_YOUR_CALM };
    struct passage *p = l->passage;

    vitro_frame_write_goaway(&p->lane[1].insert, p->lane[0].last_stream,
                             errors[some(p->world, 0, 2)], (vitro_bytes){ NULL, 0 });
    p->lane[0].deaf = true;
    p->ops->cut_later(p);
}

/* Of one stream that the server has been told of; REFUSED_STREAM alone would be a lie. */
static void write_reset(struct lane *l)
{
    struct passage *p = l->passage;
    uint32_t last = p->lane[0].last_stream, error;

    if (!last)
        return;
    last = 1 + 2 * (uint32_t)some(p->world, 0, last / 2);
    do
        error = (uint32_t)some(p->world, 0, H2_ERROR_COUNT - 1);
    while (error == H2_REFUSED_STREAM);
    for (int i = 0; i < 2; i++)
        vitro_frame_write_rst_stream(&p->lane[i].insert, last, error);
}

static void write_alert(struct lane *l)
{
    static const uint8_t alerts[] = { 0, 10, 20, 40, 42, 46, 48, 80, 90, 120 };
    uint8_t record[] = { 21, 3, 3, 0, 2, 2, alerts[some(l->passage->world, 0, 9)] };

    vitro_buf_append(&l->insert, record, sizeof record);
}

static void strike(struct lane *l)
{
    struct passage *p = l->passage;
    enum fault f = p->fault;

    p->fault = FAULT_COUNT;
    world_fault(p->world, f);
    world_say(p->world, "%s %u: at byte %llu to the %s", p->ops->name, p->number,
              (unsigned long long)l->passed, l == &p->lane[0] ? "server" : "client");
    switch (f) {
    case FAULT_STALL:
        stall(l);
        break;
    case FAULT_PING:
        write_ping(l);
        break;
    case FAULT_NOTICE:
        write_notice(l);
        break;
    case FAULT_CUT:
        l->doomed = true;
        break;
    case FAULT_HALF:
        half_close(l);
        break;
    case FAULT_GOAWAY:
        write_goaway(l);
        break;
    case FAULT_RESET:
        write_reset(l);
        break;
    case FAULT_ALERT:
        write_alert(l);
        break;
    default: /* LOST and DAMAGE are done to bytes */
        break;
    }
    for (int i = 0; i < 2; i++)
        insert_now(&p->lane[i]);
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool is_lost(const struct lane *l, const struct frame_head *head)
{
    const struct passage *p = l->passage;

    return p->fault == FAULT_LOST && l == &p->lane[p->where] && head->type == FRAME_SETTINGS &&
           l->reader.at >= p->at;
}

/* Bytes of a response are lost and nobody is told: for showing that this is seen. */
static bool is_stolen(const struct lane *l, const struct frame_head *head)
{
    struct world *w = l->passage->world;

    return w->sabotage && !w->stolen && l == &l->passage->lane[1] && head->type == FRAME_DATA &&
           head->length > 5 && l->reader.at > 500;
}

static void begin_frame(struct lane *l, const struct frame_head *head)
{
    struct world *w = l->passage->world;

    if (is_lost(l, head)) {
        l->dropping = true;
        strike(l);
    } else if (is_stolen(l, head)) {
        world_say(w, "%s %u: DATA of stream %u is stolen", l->passage->ops->name,
                  l->passage->number, head->stream);
        w->stolen = true;
        l->dropping = true;
    }
    if (head->type == FRAME_HEADERS)
        l->last_stream = MAX(l->last_stream, head->stream);
    if (head->type == FRAME_HEADERS || head->type == FRAME_CONTINUATION)
        l->in_block = !(head->flags & FRAME_END_HEADERS);
}

static void take_frames(struct lane *l, vitro_bytes in)
{
    struct frame_piece piece;

    while ((piece = vitro_frame_read(&l->reader, &in)).kind != FRAME_PIECE_NONE) {
        if (piece.kind == FRAME_PIECE_NOT_PREFACE)
            return;
        if (piece.kind == FRAME_PIECE_HEAD)
            begin_frame(l, &piece.head);
        if (!l->dropping && !l->deaf)
            pass(l, piece.bytes.ptr, piece.bytes.len);
        if (piece.end && piece.kind != FRAME_PIECE_PREFACE) {
            l->dropping = false;
            l->begun = true;
        }
        insert_now(l);
    }
}

/* ---- records -------------------------------------------------------------------------------- */

/* One bit is another in the record's bytes, never in its head: a length would stop all. */
static uint8_t damaged(struct lane *l, uint8_t byte)
{
    struct passage *p = l->passage;

    if (p->fault != FAULT_DAMAGE || l != &p->lane[p->where] || l->passed < p->at)
        return byte;
    strike(l);
    return byte ^ (uint8_t)(1U << some(p->world, 0, 7));
}

static void take_record_byte(struct lane *l, uint8_t byte)
{
    if (l->record_left) {
        byte = damaged(l, byte);
        l->record_left--;
    } else {
        l->record_head[l->record_have++] = byte;
        if (l->record_have == sizeof l->record_head) {
            l->record_left = (size_t)l->record_head[3] << 8 | l->record_head[4];
            l->record_have = 0;
        }
    }
    if (!l->deaf)
        pass(l, &byte, 1);
    insert_now(l);
}

/* ---- both ----------------------------------------------------------------------------------- */

static void take(struct lane *l, vitro_bytes in)
{
    if (!is_sealed(l))
        take_frames(l, in);
    for (size_t i = 0; is_sealed(l) && i < in.len; i++)
        take_record_byte(l, in.ptr[i]);
    l->passed += in.len;
}

/* These wait for their byte; the others for a frame or a record behind it. */
static bool strikes_at_byte(enum fault f)
{
    return f != FAULT_COUNT && f != FAULT_LOST && f != FAULT_DAMAGE;
}

void lane_take(struct lane *l, vitro_bytes bytes)
{
    struct passage *p = l->passage;

    if (strikes_at_byte(p->fault) && l == &p->lane[p->where] && p->at <= l->passed + bytes.len) {
        size_t before = p->at > l->passed ? (size_t)(p->at - l->passed) : 0;

        take(l, (vitro_bytes){ bytes.ptr, before });
        strike(l);
        bytes.ptr += before;
        bytes.len -= before;
    }
    if (!l->doomed)
        take(l, bytes);
}
