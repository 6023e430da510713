/*
 * records - a direction that is TLS: each record an event, what opens goes on inside.
 *
 * Each is told as soon as it is there: sealed, when neither a secret is known by then nor stands
 * further on in the capture (ahead.c); one that comes later opens the records behind it. Only for
 * the hello of the other side, where a segment may still bring it, a record waits: at most until
 * LOOK_MAX bytes wait with it, or a second of the capture's time.
 */
#include "decode/record.h"

#include <string.h>

#include "base/util.h"

enum {
    FRAGMENT_MOST = (1 << 14) + 2048, /* RFC 5246, 6.2.3; RFC 8446 allows less */
    RECORD_LEAST = RECORD_HEAD_LEN + 17,
    WAIT_MOST = 1000000000 /* nanoseconds */
};

/* ---- Heads --------------------------------------------------------------------------------- */

/* Of these five bytes, how long their record is; 0: they begin none. */
static size_t record_len(const uint8_t *p)
{
    size_t len = (size_t)p[3] << 8 | p[4];

    if (p[0] < RECORD_CHANGE_CIPHER_SPEC || p[0] > RECORD_APPLICATION_DATA || p[1] != 3 ||
        p[2] > 4 || !len || len > FRAGMENT_MOST)
        return 0;
    return RECORD_HEAD_LEN + len;
}

enum verdict vitro_records_chain(vitro_bytes b, bool over)
{
    for (int i = 0; i < 2; i++) {
        size_t len;
        if (b.len < RECORD_HEAD_LEN)
            return over ? (i > 0 && b.len == 0 ? YES : NO) : WAIT;
        len = record_len(b.ptr);
        if (!len)
            return NO;
        if (b.len < len)
            return i > 0 ? YES : over ? NO : WAIT;
        b.ptr += len;
        b.len -= len;
    }
    return YES;
}
/* ---- Those that are held ------------------------------------------------------------------- */

/* The record that has a hole is complete. */
static void hole_end(struct direction *d)
{
    struct records *rs = direction_records(d);
    vitro_event ev = vitro_record_sealed(d, rs->type, rs->whole, WHY_TLS_HOLE);
    struct follow *f = &d->conn->tls->follow;

    ev.bits |= VITRO_EVENT_HOLE;
    d->told += rs->whole;
    vitro_decode_emit(d->conn->decode, &ev);
    vitro_follow_hole(f, d->dir, rs->type);
    if (vitro_follow_is_data(f, d->dir, rs->type))
        vitro_record_lost(d, rs->whole, 1);
}

static size_t hole_rest(struct direction *d, size_t len)
{
    struct records *rs = direction_records(d);
    size_t n = MIN(len, rs->hole);

    rs->hole -= (uint32_t)n;
    if (!rs->hole)
        hole_end(d);
    return n;
}

/*
 * Right behind a hole, where a packet begins, the head of a record alone is enough: sealed bytes
 * look like this once in millions.
 */
static bool begins_here(const struct direction *d, vitro_bytes b)
{
    const struct records *rs = &d->conn->tls->records[d->dir];

    return rs->fresh && b.len >= RECORD_HEAD_LEN && b.ptr[2] == 3 && record_len(b.ptr);
}

/* Bytes in which no record begins. */
static size_t seek(struct direction *d, vitro_bytes b, bool over)
{
    bool here = begins_here(d, b);
    enum verdict v = here ? YES : NO;
    size_t n = 0;

    direction_records(d)->fresh = b.len < RECORD_HEAD_LEN;
    for (; n < b.len && !here; n++) {
        v = vitro_records_chain((vitro_bytes){ b.ptr + n, b.len - n }, over);
        if (v != NO)
            break;
    }
    direction_records(d)->seeking = v != YES;
    vitro_direction_unknown(d, d->told + n, WHY_TLS_INSIDE);
    return n;
}

/* The record at the front of what is held is not there as a whole. */
static bool is_part(const struct direction *d, vitro_bytes b)
{
    const struct records *rs = &d->conn->tls->records[d->dir];
    size_t len = b.len < RECORD_HEAD_LEN ? SIZE_MAX : record_len(b.ptr);

    return !rs->hole && !rs->seeking && b.len < len;
}

/* So many bytes are taken from the front of what is held; 0: more have to come, or it waits. */
static size_t step(struct direction *d, vitro_bytes b, bool over)
{
    struct records *rs = direction_records(d);
    size_t len;

    if (rs->hole)
        return hole_rest(d, b.len);
    len = rs->seeking ? seek(d, b, over) : 0;
    if (len || rs->seeking || is_part(d, b))
        return len;
    len = record_len(b.ptr);
    if (!len)
        vitro_look_give_up(d, WHY_TLS_NO_RECORD);
    else if (!vitro_record_take(d, (vitro_bytes){ b.ptr, len }))
        rs->stalled = STALL_WAITS;
    return rs->stalled ? 0 : len;
}

static vitro_bytes held_of(const struct direction *d)
{
    size_t taken = d->conn->tls->records[d->dir].taken;

    return (vitro_bytes){ d->look.ptr + taken, d->look.len - taken };
}

static bool can_go_on(const struct direction *d)
{
    return d->state == DIR_RECORDS && !d->conn->tls->records[d->dir].stalled && held_of(d).len &&
           !is_part(d, held_of(d));
}

/* The packet that has completed the record at the front. */
static uint32_t completed_by(const struct direction *d)
{
    vitro_bytes b = held_of(d);
    size_t len = b.len < RECORD_HEAD_LEN ? 0 : record_len(b.ptr);

    return vitro_direction_event(d, VITRO_EVENT_TLS, d->told, MAX(len, 1)).packet;
}

/* The side whose next record came first; NULL: none can be taken. */
static struct direction *earliest(struct conn *c)
{
    bool can[2] = { can_go_on(&c->dir[0]), can_go_on(&c->dir[1]) };

    if (can[0] && can[1])
        return &c->dir[completed_by(&c->dir[1]) < completed_by(&c->dir[0])];
    return can[0] ? &c->dir[0] : can[1] ? &c->dir[1] : NULL;
}

static bool knows_hellos(const struct conn *c)
{
    return c->tls->follow.client_hello && c->tls->follow.server_hello;
}

/* What was taken goes, and a record that could not be waits from now on. */
static void settle(struct direction *d)
{
    struct records *rs = direction_records(d);

    if (d->state == DIR_RECORDS)
        vitro_buf_consume(&d->look, rs->taken);
    if (!d->look.len && d->state == DIR_RECORDS)
        vitro_buf_done(&d->look); /* a connection at rest holds no bytes */
    rs->taken = 0;
    list_remove(&rs->link);
    if (rs->stalled == STALL_WAITS && !rs->waits)
        rs->since = d->time;
    rs->waits = rs->stalled == STALL_WAITS;
    rs->stalled = STALL_NONE;
    if (rs->waits)
        list_append(&d->conn->decode->waiting, &rs->link);
    if (rs->ended && !rs->waits && !d->finished)
        vitro_direction_finish(d);
}

/*
 * Take what can be taken of both sides, in the order in which it came: what one says depends on
 * what the other has said. over: nothing follows of d.
 */
static void pump(struct direction *d, bool over)
{
    struct conn *c = d->conn;
    struct direction *next;
    bool knew;

    while ((next = earliest(c))) {
        struct records *rs = direction_records(next);
        size_t n;
        knew = knows_hellos(c);
        n = step(next, held_of(next), over && next == d);
        rs->taken += n;
        if (!n && !rs->stalled)
            rs->stalled = STALL_LACKS;
        if (knew != knows_hellos(c))
            c->tls->records[!next->dir].stalled = STALL_NONE;
    }
    settle(&c->dir[0]);
    settle(&c->dir[1]);
}

void vitro_records_data(struct direction *d)
{
    pump(d, false);
}

/* The rest of what is held, whose end is missing. */
static void cut(struct direction *d, uint8_t why, uint8_t why_head, uint8_t bits)
{
    struct records *rs = direction_records(d);
    uint64_t end = d->track->segs.end;

    if (rs->seeking || (!rs->hole && d->look.len < RECORD_HEAD_LEN)) {
        vitro_direction_unknown(d, end, rs->seeking ? WHY_TLS_INSIDE : why_head);
    } else {
        vitro_event ev =
            vitro_record_sealed(d, rs->hole ? rs->type : d->look.ptr[0], end - d->told, why);
        ev.bits |= VITRO_EVENT_CUT | bits | (rs->hole ? VITRO_EVENT_HOLE : 0);
        d->told = end;
        vitro_decode_emit(d->conn->decode, &ev);
    }
    rs->hole = 0;
    vitro_buf_consume(&d->look, d->look.len);
}

void vitro_records_flush(struct direction *d)
{
    bool was = direction_records(d)->hurried;

    direction_records(d)->hurried = true;
    pump(d, false);
    direction_records(d)->hurried = was;
}

/* Bytes that the record that is being read lacks; 0: none is, or its head is not there. */
static uint32_t record_rest(struct direction *d)
{
    struct records *rs = direction_records(d);

    if (rs->hole || rs->seeking || d->look.len < RECORD_HEAD_LEN)
        return rs->hole;
    rs->type = d->look.ptr[0];
    rs->whole = (uint32_t)record_len(d->look.ptr);
    vitro_follow_front(&d->conn->tls->follow, d->dir, vitro_buf_bytes(&d->look));
    return rs->whole - (uint32_t)d->look.len;
}

void vitro_records_gap(struct direction *d, uint64_t len)
{
    struct records *rs = direction_records(d);
    uint32_t rest = record_rest(d);
    uint64_t from = d->told;

    if (len <= rest) {
        rs->hole = rest;
        vitro_buf_consume(&d->look, d->look.len);
        if (vitro_direction_extend(d, ROPE_HOLE, len))
            hole_rest(d, (size_t)len);
        return;
    }
    cut(d, WHY_TLS_HOLE, WHY_TLS_HOLE, VITRO_EVENT_HOLE);
    if (!vitro_direction_extend(d, ROPE_HOLE, len))
        return;
    d->told = d->track->segs.end;
    if (!rs->lost) {
        rs->lost_at = from;
        rs->lost_seq = d->conn->tls->follow.side[d->dir].seq;
        rs->lost_key = direction_sealed(d)->log[d->dir].key_count;
    }
    rs->lost = rs->seeking = rs->fresh = true;
    vitro_follow_lost(&d->conn->tls->follow, d->dir, (d->told - from) / RECORD_LEAST + 1);
}

void vitro_records_hurry(struct direction *d)
{
    struct records *both = d->conn->tls->records;

    both[0].hurried = both[1].hurried = true;
    pump(d, false);
}

void vitro_records_finish(struct direction *d)
{
    direction_records(d)->hurried = true;
    pump(d, true);
    if (d->state == DIR_RECORDS)
        cut(d, WHY_TLS_CUT, WHY_TLS_HEAD_CUT, 0);
}

bool vitro_records_wait(struct direction *d)
{
    direction_records(d)->ended = direction_records(d)->waits;
    return direction_records(d)->waits;
}

void vitro_records_time(vitro_decode *d, int64_t now)
{
    while (!list_empty(&d->waiting)) {
        struct records *rs = CONTAINER_OF(d->waiting.next, struct records, link);
        if (now < rs->since + WAIT_MOST)
            return;
        vitro_records_hurry(rs->of);
    }
}

/* ---- Life ---------------------------------------------------------------------------------- */

static struct tls *tls_new(struct conn *c)
{
    vitro_decode *d = c->decode;
    struct past *past = vitro_decode_past(d, c->number);
    struct tls *t = vitro_mem_zalloc(&d->account, sizeof *t);

    if (!t || !vitro_sealed_new(d, past)) {
        vitro_mem_free(&d->account, t, sizeof *t);
        return NULL;
    }
    vitro_follow_init(&t->follow, &d->secrets);
    for (uint8_t i = 0; i < 2; i++) {
        list_init(&t->records[i].link);
        t->records[i].of = &c->dir[i];
        vitro_direction_init(&t->inner[i], c, &past->sealed->tracks[i], VITRO_SOURCE_TLS, i,
                             c->dir[i].late);
    }
    return t;
}

void vitro_records_begin(struct direction *d)
{
    struct conn *c = d->conn;

    if (!c->tls) {
        c->tls = tls_new(c);
        c->decode->stats.tls += c->tls != NULL;
    }
    if (!c->tls) {
        vitro_look_give_up(d, WHY_NO_MEMORY);
        return;
    }
    d->state = DIR_RECORDS;
    direction_records(d)->begun = direction_sealed(d)->is[d->dir] = true;
    pump(d, false);
}

void vitro_records_done(struct conn *c)
{
    for (int i = 0; c->tls && i < 2; i++) {
        list_remove(&c->tls->records[i].link);
        vitro_direction_done(&c->tls->inner[i]);
    }
    vitro_mem_free(&c->decode->account, c->tls, sizeof *c->tls);
    c->tls = NULL;
}

/* ---- Without an index ---------------------------------------------------------------------- */

uint64_t vitro_records_needed(const struct direction *d)
{
    const struct direction *inner = direction_inner(d);
    const struct record_log *log = &direction_sealed(d)->log[d->dir];
    struct packlog_at row;
    uint64_t at;

    if (!vitro_segs_run(&inner->track->segs, vitro_direction_needed(inner), &at))
        return UINT64_MAX;
    return at != ROPE_HOLE && vitro_packlog_find(&log->rows, at, &row) ? row.last.is[0] : 0;
}

void vitro_records_trim(struct direction *d, uint64_t below)
{
    vitro_sealed_drop(&direction_sealed(d)->log[d->dir], below);
}
