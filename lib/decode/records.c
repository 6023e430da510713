/*
 * records - a direction that is TLS: each record an event, what opens goes on inside.
 *
 * A record waits for the hellos of both sides, and for a secret that is not known yet, nor stands
 * further on in the capture (ahead.c), since a log of secrets may come behind the bytes: at most
 * until LOOK_MAX bytes wait with it, or a second of the capture's time. Then it is told as sealed
 * and why, and the connection waits for nothing any more; a secret that comes later opens the
 * records behind it.
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

enum {
    FRAGMENT_MOST = (1 << 14) + 2048, /* RFC 5246, 6.2.3; RFC 8446 allows less */
    RECORD_LEAST = RECORD_HEAD_LEN + 17,
    WAIT_MOST = 1000000000, /* nanoseconds */
    RETRIES = 256 /* sides that try a new secret at once; others when they go on, or end */
};

static const uint8_t why_of[] = {
    [FOLLOW_NO_HELLO] = WHY_TLS_NO_HELLO,   [FOLLOW_NO_SUITE] = WHY_TLS_NO_SUITE,
    [FOLLOW_NO_SECRET] = WHY_TLS_NO_SECRET, [FOLLOW_EARLY] = WHY_TLS_EARLY,
    [FOLLOW_AGAIN] = WHY_TLS_AGAIN,         [FOLLOW_FAILED] = WHY_TLS_FAILED,
    [FOLLOW_NO_MEMORY] = WHY_NO_MEMORY,
};

static struct records *records_of(const struct direction *d)
{
    return &d->conn->tls->records[d->dir];
}

static struct direction *inner_of(const struct direction *d)
{
    return &d->conn->tls->inner[d->dir];
}

static struct sealed *sealed_of(const struct direction *d)
{
    return vitro_decode_past(d->conn->decode, d->conn->number)->sealed;
}

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

/* ---- Missing bytes ------------------------------------------------------------------------- */

/*
 * Opened data lacks what len bytes of records have sealed, n of them. 0: nobody knows how many,
 * and so no frame goes on behind them.
 */
static void inner_gap(struct direction *d, uint64_t len, uint64_t n)
{
    const struct suite *suite = d->conn->tls->follow.suite;
    uint64_t excess = suite ? n * vitro_record_excess(suite) : 0;
    struct direction *inner = inner_of(d);

    len = len > excess ? len - excess : 1;
    if (!n && inner->state == DIR_FRAMES)
        len = MAX(len, inner->reader.left + UINT64_C(1));
    if (!inner->track->segs.end)
        inner->late = true;
    else
        vitro_direction_gap(inner, len);
}

/* Records are missing before this one, which was opened or not: r may be NULL. */
static void lost_end(struct direction *d, const struct follow_record *r)
{
    struct records *rs = records_of(d);
    bool same = sealed_of(d)->log[d->dir].key_count == rs->lost_key;

    rs->lost = false;
    inner_gap(d, d->told - rs->lost_at,
              r && same && r->seq > rs->lost_seq ? r->seq - rs->lost_seq : 0);
}

/* ---- One record ---------------------------------------------------------------------------- */

/* An event of a record that was not opened. */
static vitro_event sealed_event(const struct direction *d, uint8_t type, uint64_t len, uint8_t why)
{
    vitro_event ev = vitro_direction_event(d, VITRO_EVENT_TLS, d->told, len);

    ev.type = type;
    ev.detail = UINT32_MAX;
    ev.why = why;
    ev.flags = type == RECORD_APPLICATION_DATA ? VITRO_TLS_SEALED : 0;
    return ev;
}

/*
 * What was opened is held ready: of the inner direction as it reads it, and to be looked at. Who
 * is told of a record is told what it opens to.
 */
static void set_opened(struct direction *d, vitro_event *ev, const struct follow_record *r)
{
    struct sealed *s = sealed_of(d);
    struct opened *o = &d->conn->decode->opened[OPENED_LIVE];

    ev->detail = vitro_sealed_add(&s->log[d->dir], d->told, r);
    if (ev->detail == UINT32_MAX) {
        ev->why = WHY_NO_MEMORY;
        return;
    }
    ev->type = r->plain.type;
    ev->flags |= VITRO_TLS_OPENED;
    o->of = s;
    o->dir = d->dir;
    o->at = d->told;
    o->front = vitro_record_front(r->keys.suite);
    o->plain = r->plain;
    if (ev->type == RECORD_APPLICATION_DATA &&
        vitro_look_begins(inner_of(d), (vitro_bytes){ o->text.ptr, o->plain.len }))
        inner_of(d)->track->frames = true;
}

static void inner_data(struct direction *d, const vitro_event *ev)
{
    const struct opened *o = &d->conn->decode->opened[OPENED_LIVE];
    struct direction *inner = inner_of(d);

    inner->packet = ev->packet;
    inner->time = ev->time;
    inner->record = ev->number;
    vitro_direction_data(inner, (vitro_bytes){ o->text.ptr, o->plain.len }, o->at + o->front);
}

/* How a handshake record begins, and with what it ends: see reassembled.h. */
static uint32_t rope_of(const struct direction *d, size_t content, uint32_t rest)
{
    uint64_t back = d->told - records_of(d)->message_at;
    bool ends = rest < content || !d->conn->tls->follow.side[d->dir].messages.got;

    if (!rest)
        records_of(d)->message_at = d->told;
    return !rest || rest == UINT32_MAX || !ends || back > TLS_BACK_MAX
               ? rest
               : (uint32_t)back << TLS_REST_BITS | rest;
}

static void tell(struct direction *d, vitro_bytes record, enum follow_result rc,
                 const struct follow_record *r)
{
    vitro_event ev = sealed_event(d, record.ptr[0], record.len, why_of[rc]);
    bool opened;

    ev.flags = rc == FOLLOW_PLAIN ? 0 : VITRO_TLS_SEALED;
    if (rc == FOLLOW_OPENED)
        set_opened(d, &ev, r);
    opened = ev.flags & VITRO_TLS_OPENED;
    if (ev.type == RECORD_HANDSHAKE)
        ev.rope = rope_of(d, opened ? r->plain.len : record.len - RECORD_HEAD_LEN, r->rest);
    if (records_of(d)->lost && ev.flags & VITRO_TLS_SEALED)
        lost_end(d, opened ? r : NULL);
    d->told += record.len;
    vitro_decode_emit(d->conn->decode, &ev);
    if (opened && ev.type == RECORD_APPLICATION_DATA && r->plain.len)
        inner_data(d, &ev);
    else if (rc != FOLLOW_PLAIN && !opened &&
             vitro_follow_is_data(&d->conn->tls->follow, d->dir, record.ptr[0]))
        inner_gap(d, record.len, 1);
}

/* Keys are made of what both hellos say. */
static bool lacks_hello(const struct follow *f, uint8_t type)
{
    return !(f->client_hello && f->server_hello) &&
           (type == RECORD_CHANGE_CIPHER_SPEC || type == RECORD_APPLICATION_DATA);
}

/* Open and tell a whole record; false: it has to wait. */
static bool take_record(struct direction *d, vitro_bytes record)
{
    struct follow *f = &d->conn->tls->follow;
    struct opened *o = &d->conn->decode->opened[OPENED_LIVE];
    struct follow_side before = f->side[d->dir];
    bool patient = !records_of(d)->hurried;
    struct follow_record r;
    enum follow_result rc;
    uint8_t *text;

    if (patient && lacks_hello(f, record.ptr[0]))
        return false;
    o->of = NULL;
    text = vitro_buf_reserve(&o->text, record.len);
    if (!text) {
        memset(&r, 0, sizeof r);
        tell(d, record, FOLLOW_NO_MEMORY, &r);
        return true;
    }
    rc = vitro_follow_record(f, d->dir, record, text, &r);
    if (rc == FOLLOW_NO_SECRET && vitro_ahead_secrets(d->conn->decode)) {
        f->side[d->dir] = before;
        rc = vitro_follow_record(f, d->dir, record, text, &r);
    }
    if (rc == FOLLOW_NO_SECRET && patient) {
        f->side[d->dir] = before;
        return false;
    }
    tell(d, record, rc, &r);
    return true;
}

/* ---- Those that are held ------------------------------------------------------------------- */

/* The record that has a hole is complete. */
static void hole_end(struct direction *d)
{
    struct records *rs = records_of(d);
    vitro_event ev = sealed_event(d, rs->type, rs->whole, WHY_TLS_HOLE);
    struct follow *f = &d->conn->tls->follow;

    ev.bits |= VITRO_EVENT_HOLE;
    d->told += rs->whole;
    vitro_decode_emit(d->conn->decode, &ev);
    vitro_follow_hole(f, d->dir, rs->type);
    if (vitro_follow_is_data(f, d->dir, rs->type))
        inner_gap(d, rs->whole, 1);
}

static size_t hole_rest(struct direction *d, size_t len)
{
    struct records *rs = records_of(d);
    size_t n = MIN(len, rs->hole);

    rs->hole -= (uint32_t)n;
    if (!rs->hole)
        hole_end(d);
    return n;
}

/* Bytes in which no record begins. */
static size_t seek(struct direction *d, vitro_bytes b, bool over)
{
    enum verdict v = NO;
    size_t n = 0;

    for (; n < b.len; n++) {
        v = vitro_records_chain((vitro_bytes){ b.ptr + n, b.len - n }, over);
        if (v != NO)
            break;
    }
    records_of(d)->seeking = v != YES;
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
    struct records *rs = records_of(d);
    size_t len;

    if (rs->hole)
        return hole_rest(d, b.len);
    len = rs->seeking ? seek(d, b, over) : 0;
    if (len || rs->seeking || is_part(d, b))
        return len;
    len = record_len(b.ptr);
    if (!len)
        vitro_look_give_up(d, WHY_TLS_NO_RECORD);
    else if (!take_record(d, (vitro_bytes){ b.ptr, len }))
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
    struct records *rs = records_of(d);

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
        struct records *rs = records_of(next);
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
    struct records *rs = records_of(d);
    uint64_t end = d->track->segs.end;

    if (rs->seeking || (!rs->hole && d->look.len < RECORD_HEAD_LEN)) {
        vitro_direction_unknown(d, end, rs->seeking ? WHY_TLS_INSIDE : why_head);
    } else {
        vitro_event ev = sealed_event(d, rs->hole ? rs->type : d->look.ptr[0], end - d->told, why);
        ev.bits |= VITRO_EVENT_CUT | bits | (rs->hole ? VITRO_EVENT_HOLE : 0);
        d->told = end;
        vitro_decode_emit(d->conn->decode, &ev);
    }
    rs->hole = 0;
    vitro_buf_consume(&d->look, d->look.len);
}

void vitro_records_flush(struct direction *d)
{
    bool was = records_of(d)->hurried;

    records_of(d)->hurried = true;
    pump(d, false);
    records_of(d)->hurried = was;
}

/* Bytes that the record that is being read lacks; 0: none is, or its head is not there. */
static uint32_t record_rest(struct direction *d)
{
    struct records *rs = records_of(d);

    if (rs->hole || rs->seeking || d->look.len < RECORD_HEAD_LEN)
        return rs->hole;
    rs->type = d->look.ptr[0];
    rs->whole = (uint32_t)record_len(d->look.ptr);
    return rs->whole - (uint32_t)d->look.len;
}

void vitro_records_gap(struct direction *d, uint64_t len)
{
    struct records *rs = records_of(d);
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
        rs->lost_key = sealed_of(d)->log[d->dir].key_count;
    }
    rs->lost = rs->seeking = true;
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
    records_of(d)->hurried = true;
    pump(d, true);
    if (d->state == DIR_RECORDS)
        cut(d, WHY_TLS_CUT, WHY_TLS_HEAD_CUT, 0);
}

bool vitro_records_wait(struct direction *d)
{
    records_of(d)->ended = records_of(d)->waits;
    return records_of(d)->waits;
}

void vitro_records_secrets(vitro_decode *d)
{
    struct list again, *l;

    list_init(&again);
    for (int i = 0; i < RETRIES && !list_empty(&d->waiting); i++) {
        l = d->waiting.prev;
        list_remove(l);
        list_append(again.next, l); /* in front of the others */
    }
    while ((l = list_pop(&again)))
        pump(CONTAINER_OF(l, struct records, link)->of, false);
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

    if (!c->tls)
        c->tls = tls_new(c);
    if (!c->tls) {
        vitro_look_give_up(d, WHY_NO_MEMORY);
        return;
    }
    d->state = DIR_RECORDS;
    records_of(d)->begun = sealed_of(d)->is[d->dir] = true;
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
    const struct direction *inner = inner_of(d);
    const struct record_log *log = &sealed_of(d)->log[d->dir];
    struct packlog_at row;
    uint64_t at;

    if (!vitro_segs_run(&inner->track->segs, vitro_direction_needed(inner), &at))
        return UINT64_MAX;
    return at != ROPE_HOLE && vitro_packlog_find(&log->rows, at, &row) ? row.last.is[0] : 0;
}

void vitro_records_trim(struct direction *d, uint64_t below)
{
    vitro_sealed_drop(&sealed_of(d)->log[d->dir], below);
}
