/*
 * body - the DATA of one direction of a stream, cut into length-prefixed messages.
 *
 *      DATA  [........|....]   [..]  [....|...........]
 *      body  [ message     ][ message     ][ message ..   not complete: waits
 *
 * Messages are told behind the DATA frame that completes them; of their bytes only the prefix
 * is read. Where headers said nothing, the first 5 bytes decide whether this is gRPC at all.
 */
#include "decode/core.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "wire/encoding.h"
#include "wire/lpm.h"

enum { SHAPE_MAX = 16 * 1024 * 1024 }; /* a longer first message is not taken for gRPC */

static uint32_t link_of(const struct direction *d, const struct body *b, uint64_t off)
{
    return vitro_links_find(&d->conn->decode->links,
                            b->cursor != ROPE_END ? b->cursor : b->rope.first, off);
}

static vitro_event body_event(struct direction *d, struct stream *s, vitro_event_kind kind,
                              uint64_t from, uint64_t len)
{
    const struct body *b = &s->body[d->dir];
    vitro_event ev = vitro_direction_event(d, kind, from, len);

    ev.packet = b->packet;
    ev.time = b->time;
    ev.source = VITRO_SOURCE_BODY;
    ev.stream = s->id;
    ev.parent = b->parent;
    ev.path = s->path;
    ev.encoding = b->encoding;
    ev.rope = link_of(d, b, from);
    if (b->kind == BODY_GUESSED)
        ev.bits |= VITRO_EVENT_GUESSED;
    return ev;
}

/* Everything below b->from is told: its links are needed no more. */
static void body_told(struct direction *d, struct body *b)
{
    if (b->from < b->rope.end)
        b->cursor = link_of(d, b, b->from);
    else
        b->cursor = b->rope.last;
    if (!d->conn->decode->options.keep)
        vitro_rope_release(&d->conn->decode->links, &b->rope, b->from);
}

/* The next len bytes, of which nothing can be said but why. */
static void tell_run(struct direction *d, struct stream *s, uint64_t len, uint8_t why, uint8_t bits)
{
    struct body *b = &s->body[d->dir];
    vitro_event ev = body_event(d, s, VITRO_EVENT_UNKNOWN, b->from, len);

    ev.why = why;
    ev.bits |= bits;
    vitro_decode_emit(d->conn->decode, &ev);
    b->from += len;
    b->need = b->tail = 0;
    body_told(d, b);
}

static void tell_unknown(struct direction *d, struct stream *s, uint8_t why, uint8_t bits)
{
    const struct body *b = &s->body[d->dir];

    if (b->from != b->rope.end)
        tell_run(d, s, b->rope.end - b->from, why, bits);
}

/* The bytes of [from, from + len) of a body lie in a hole, at least in part. */
static bool body_hole(struct direction *d, const vitro_event *ev)
{
    vitro_span parts[16], span = vitro_event_span(ev);

    if (!d->track->segs.holes)
        return false;
    while (span.length) {
        size_t n = vitro_decode_parts(d->conn->decode, &span, parts, ARRAY_LEN(parts));
        for (size_t i = 0; i < MIN(n, ARRAY_LEN(parts)); i++) {
            if (vitro_segs_hole(&d->track->segs, parts[i].offset, parts[i].length))
                return true;
            span.offset += parts[i].length;
            span.length -= parts[i].length;
        }
        if (!n)
            return false;
    }
    return false;
}

/* What the headers of this direction said that compressed messages are; false: none of ours. */
static bool encoding_of(struct direction *d, const struct body *b, enum encoding *out)
{
    return vitro_encoding_find(vitro_names_get(&d->conn->decode->names, b->encoding), out);
}

/* What the flag of a message does wrong. */
static uint8_t flag_why(struct direction *d, const struct body *b, uint8_t flag)
{
    enum encoding e;
    bool plain = encoding_of(d, b, &e) && e == ENCODING_IDENTITY;

    if (flag > 1)
        return WHY_FLAG_BYTE;
    return flag == 1 && plain && b->headers && d->hpack.unknown == 0 ? WHY_FLAG_IDENTITY
                                                                     : WHY_NOTHING;
}

/* Why a compressed message is not shown as protobuf. */
static uint8_t deflated_why(struct direction *d, const struct body *b)
{
    enum encoding e;

    if (!encoding_of(d, b, &e))
        return WHY_ENCODING;
    return e == ENCODING_IDENTITY ? WHY_COMPRESSED : WHY_NOTHING;
}

/* What stands behind the prefix: a protobuf message, or bytes that cannot be read. */
static void tell_inside(struct direction *d, struct stream *s, const vitro_event *grpc, uint8_t why)
{
    vitro_event ev = *grpc;

    ev.kind = why ? VITRO_EVENT_UNKNOWN : VITRO_EVENT_PROTOBUF;
    ev.why = why;
    ev.parent = grpc->number;
    ev.offset += LPM_PREFIX;
    ev.length -= LPM_PREFIX;
    if (why && !ev.length)
        return;
    if (ev.length)
        ev.rope = link_of(d, &s->body[d->dir], ev.offset);
    if (!why)
        vitro_reflected(d->conn->decode, &ev);
    vitro_decode_emit(d->conn->decode, &ev);
}

static void tell_message(struct direction *d, struct stream *s, uint8_t flag)
{
    struct body *b = &s->body[d->dir];
    vitro_event ev = body_event(d, s, VITRO_EVENT_GRPC, b->from, b->need);
    uint8_t why = 0;

    ev.type = flag;
    ev.why = flag_why(d, b, flag);
    if (flag)
        why = ev.why ? ev.why : deflated_why(d, b);
    if (body_hole(d, &ev)) {
        ev.bits |= VITRO_EVENT_HOLE;
        why = WHY_MESSAGE_HOLE;
    }
    vitro_decode_emit(d->conn->decode, &ev);
    tell_inside(d, s, &ev, why);
    b->from += b->need;
    b->need = 0;
    body_told(d, b);
}

/* Read the prefix at b->from; false when it is not there, or lies in a hole. */
static bool read_prefix(struct direction *d, struct stream *s, uint8_t out[LPM_PREFIX], bool *hole)
{
    struct body *b = &s->body[d->dir];
    vitro_event ev;
    vitro_span span;
    size_t missing;

    *hole = false;
    if (b->rope.end - b->from < LPM_PREFIX)
        return false;
    ev = body_event(d, s, VITRO_EVENT_GRPC, b->from, LPM_PREFIX);
    span = vitro_event_span(&ev);
    vitro_decode_bytes(d->conn->decode, &span, 0, out, LPM_PREFIX, &missing);
    *hole = missing > 0;
    return !missing;
}

static uint64_t prefix_need(const uint8_t p[LPM_PREFIX])
{
    return LPM_PREFIX + ((uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4]);
}

/* No header told: do these 5 bytes look like the beginning of a message? */
static void decide_shape(struct direction *d, struct stream *s, const uint8_t p[LPM_PREFIX])
{
    struct body *b = &s->body[d->dir];

    if (s->body[!d->dir].kind == BODY_GRPC || (p[0] <= 1 && prefix_need(p) <= SHAPE_MAX)) {
        b->kind = BODY_GUESSED;
    } else {
        b->kind = BODY_OTHER;
        b->why = WHY_NO_SHAPE;
    }
}

static void body_scan(struct direction *d, struct stream *s)
{
    struct body *b = &s->body[d->dir];
    uint8_t prefix[LPM_PREFIX];
    bool hole = false;

    if (b->tail && b->kind != BODY_OTHER) {
        if (b->rope.end - b->from < b->tail)
            return;
        tell_run(d, s, b->tail, WHY_MESSAGE_BEFORE, 0);
    }
    while (b->kind != BODY_OTHER && read_prefix(d, s, prefix, &hole)) {
        if (b->kind == BODY_OPEN)
            decide_shape(d, s, prefix);
        if (b->kind == BODY_OTHER)
            break;
        b->need = prefix_need(prefix);
        if (b->rope.end - b->from < b->need)
            return;
        tell_message(d, s, prefix[0]);
        hole = false;
    }
    if (b->kind != BODY_OTHER && hole)
        vitro_body_doubt(d, s);
}

void vitro_body_data(struct direction *d, struct stream *s, uint64_t at, uint32_t len)
{
    struct body *b = &s->body[d->dir];

    b->ended = false; /* DATA behind END_STREAM still is bytes of the stream */
    if (!len)
        return;
    if (!vitro_rope_add(&d->conn->decode->links, &b->rope, at, len)) {
        vitro_body_doubt(d, s);
        return;
    }
    if (b->need && b->rope.end - b->from < b->need)
        return;
    body_scan(d, s);
}

/* The message that is not complete never will be: tell what there is of it. */
static void tell_cut(struct direction *d, struct stream *s, uint8_t why)
{
    struct body *b = &s->body[d->dir];
    uint8_t prefix[LPM_PREFIX];
    vitro_event ev;
    bool hole = false;

    if (b->tail) {
        tell_unknown(d, s, why, VITRO_EVENT_CUT);
        return;
    }
    if (!read_prefix(d, s, prefix, &hole)) {
        tell_unknown(d, s, why == WHY_MESSAGE_CUT && !hole ? WHY_PREFIX_CUT : why, VITRO_EVENT_CUT);
        return;
    }
    ev = body_event(d, s, VITRO_EVENT_GRPC, b->from, b->rope.end - b->from);
    ev.type = prefix[0];
    ev.why = why;
    ev.bits |= VITRO_EVENT_CUT;
    if (body_hole(d, &ev))
        ev.bits |= VITRO_EVENT_HOLE;
    vitro_decode_emit(d->conn->decode, &ev);
    tell_inside(d, s, &ev, why);
    b->from = b->rope.end;
    b->need = 0;
    body_told(d, b);
}

void vitro_body_end(struct direction *d, struct stream *s)
{
    struct body *b = &s->body[d->dir];

    if (b->from == b->rope.end)
        return;
    if (b->kind == BODY_OTHER)
        tell_unknown(d, s, b->why, 0);
    else if (b->kind == BODY_OPEN)
        tell_unknown(d, s, b->headers ? WHY_PREFIX_CUT : WHY_NO_SHAPE, 0);
    else
        tell_cut(d, s, WHY_MESSAGE_CUT);
}

void vitro_body_doubt(struct direction *d, struct stream *s)
{
    struct body *b = &s->body[d->dir];

    if (b->kind == BODY_OTHER)
        return;
    if (b->from != b->rope.end) {
        if (b->kind == BODY_OPEN)
            tell_unknown(d, s, WHY_MESSAGE_LOST, VITRO_EVENT_CUT);
        else
            tell_cut(d, s, WHY_MESSAGE_LOST);
    }
    b->tail = 0;
    b->kind = BODY_OPEN; /* the next DATA frame's first bytes decide again */
}
