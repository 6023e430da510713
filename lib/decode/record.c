/*
 * record - one whole record of TLS: it is opened, told, and what it held goes on inside.
 */
#include "decode/record.h"

#include <string.h>

#include "base/util.h"

static const uint8_t why_of[] = {
    [FOLLOW_NO_HELLO] = WHY_TLS_NO_HELLO,   [FOLLOW_NO_SUITE] = WHY_TLS_NO_SUITE,
    [FOLLOW_NO_SECRET] = WHY_TLS_NO_SECRET, [FOLLOW_EARLY] = WHY_TLS_EARLY,
    [FOLLOW_FAILED] = WHY_TLS_FAILED,       [FOLLOW_NO_MEMORY] = WHY_NO_MEMORY,
};

/* ---- Missing bytes ------------------------------------------------------------------------- */

void vitro_record_lost(struct direction *d, uint64_t len, uint64_t n)
{
    const struct suite *suite = d->conn->tls->follow.suite;
    uint64_t excess = suite ? n * vitro_record_excess(suite) : 0;
    struct direction *inner = direction_inner(d);

    len = len > excess ? len - excess : 1;
    if (!excess && inner->state == DIR_FRAMES)
        len = MAX(len, inner->reader.left + UINT64_C(1));
    if (!inner->track->segs.end)
        inner->late = true;
    else
        vitro_direction_gap(inner, len);
}

/* Records are missing before this one, which was opened or not: r may be NULL. */
static void lost_end(struct direction *d, const struct follow_record *r)
{
    struct records *rs = direction_records(d);
    bool same = direction_sealed(d)->log[d->dir].key_count == rs->lost_key;

    rs->lost = false;
    vitro_record_lost(d, d->told - rs->lost_at,
                      r && same && r->seq > rs->lost_seq ? r->seq - rs->lost_seq : 0);
}

/* ---- One record ---------------------------------------------------------------------------- */

vitro_event vitro_record_sealed(const struct direction *d, uint8_t type, uint64_t len, uint8_t why)
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
    struct sealed *s = direction_sealed(d);
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
        vitro_look_begins(direction_inner(d), (vitro_bytes){ o->text.ptr, o->plain.len }))
        direction_inner(d)->track->frames = true;
}

/* An opened record behind those that lacked their secret: how it goes on from here. */
static void opened_late(struct direction *d, vitro_event *ev, const struct follow_record *r)
{
    struct direction *inner = direction_inner(d);

    ev->why = WHY_TLS_LATE;
    direction_records(d)->shut = false;
    if (!inner->track->segs.end && r->keys.suite->version == 0x0304 && r->seq)
        inner->late = true; /* there may have been data before it */
}

/* The client's handshake goes on, and nothing of the early data before it was taken. */
static void early_refused(struct direction *d, vitro_event *ev)
{
    ev->why = WHY_TLS_REFUSED;
    vitro_direction_again(direction_inner(d));
}

static void inner_data(struct direction *d, const vitro_event *ev)
{
    const struct opened *o = &d->conn->decode->opened[OPENED_LIVE];
    struct direction *inner = direction_inner(d);

    inner->packet = ev->packet;
    inner->time = ev->time;
    inner->record = ev->number;
    vitro_direction_data(inner, (vitro_bytes){ o->text.ptr, o->plain.len }, o->at + o->front);
}

/* How a handshake record begins, and with what it ends: see reassembled.h. */
static uint32_t rope_of(const struct direction *d, size_t content, uint32_t rest)
{
    uint64_t back = d->told - direction_records(d)->message_at;
    bool ends = rest < content || !d->conn->tls->follow.side[d->dir].messages.got;

    if (!rest)
        direction_records(d)->message_at = d->told;
    return !rest || rest == UINT32_MAX || !ends || back > TLS_BACK_MAX
               ? rest
               : (uint32_t)back << TLS_REST_BITS | rest;
}

static void count_shut(struct direction *d, enum follow_result rc)
{
    vitro_decode_stats *s = &d->conn->decode->stats;
    struct tls *tls = d->conn->tls;

    if (tls->shut || rc == FOLLOW_PLAIN || rc == FOLLOW_OPENED || rc == FOLLOW_NO_MEMORY)
        return;
    tls->shut = true;
    s->sealed++;
    s->sealed_unseen += rc == FOLLOW_NO_HELLO;
    s->sealed_unknown += rc == FOLLOW_NO_SECRET || rc == FOLLOW_EARLY;
    s->sealed_wrong += rc == FOLLOW_FAILED;
}

static void tell(struct direction *d, vitro_bytes record, enum follow_result rc,
                 const struct follow_record *r)
{
    vitro_event ev = vitro_record_sealed(d, record.ptr[0], record.len, why_of[rc]);
    bool opened;

    count_shut(d, rc);
    ev.flags = rc == FOLLOW_PLAIN ? 0 : VITRO_TLS_SEALED;
    if (rc == FOLLOW_OPENED)
        set_opened(d, &ev, r);
    opened = ev.flags & VITRO_TLS_OPENED;
    if (r->early)
        ev.flags |= VITRO_TLS_EARLY;
    if (opened && r->refused)
        early_refused(d, &ev);
    if (opened && direction_records(d)->shut)
        opened_late(d, &ev, r);
    else if (rc == FOLLOW_NO_SECRET)
        direction_records(d)->shut = true;
    if (ev.type == RECORD_HANDSHAKE)
        ev.rope = rope_of(d, opened ? r->plain.len : record.len - RECORD_HEAD_LEN, r->rest);
    if (direction_records(d)->lost && ev.flags & VITRO_TLS_SEALED)
        lost_end(d, opened ? r : NULL);
    d->told += record.len;
    vitro_decode_emit(d->conn->decode, &ev);
    if (opened && ev.type == RECORD_APPLICATION_DATA && r->plain.len)
        inner_data(d, &ev);
    else if (rc != FOLLOW_PLAIN && !opened &&
             vitro_follow_is_data(&d->conn->tls->follow, d->dir, record.ptr[0]))
        vitro_record_lost(d, record.len, 1);
}

/*
 * Keys are made of what both hellos say, and a segment may still bring the other side's: that side
 * was seen from its beginning on, and has neither a hole nor sealed anything.
 */
static bool awaits_hello(const struct direction *d, uint8_t type)
{
    const struct follow *f = &d->conn->tls->follow;
    const struct direction *other = &d->conn->dir[!d->dir];
    bool own = d->dir == VITRO_C2S ? f->client_hello : f->server_hello;
    bool others = d->dir == VITRO_C2S ? f->server_hello : f->client_hello;

    return own && !others && !vitro_follow_may_be_early(f, d->dir) &&
           (type == RECORD_CHANGE_CIPHER_SPEC || type == RECORD_APPLICATION_DATA) &&
           other->packet && !other->late && !other->finished && other->state != DIR_OTHER &&
           !f->side[other->dir].sealed && !f->side[other->dir].messages.lost;
}

bool vitro_record_take(struct direction *d, vitro_bytes record)
{
    struct follow *f = &d->conn->tls->follow;
    struct opened *o = &d->conn->decode->opened[OPENED_LIVE];
    struct follow_side before = f->side[d->dir];
    struct follow_record r;
    enum follow_result rc;
    uint8_t *text;

    if (!direction_records(d)->hurried && awaits_hello(d, record.ptr[0]))
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
    tell(d, record, rc, &r);
    return true;
}
