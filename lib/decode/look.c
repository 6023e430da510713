/*
 * look - are these bytes HTTP/2 or TLS, and where does a frame or a record begin?
 *
 * Either the preface says so, or heads that follow each other (RFC 9113, 3.4, 4.1). A decision
 * depends on the bytes of the direction alone, never on how they were cut: it waits until the
 * bytes that it needs are there or cannot come.
 */
#include "decode/core.h"

#include <string.h>

#include "base/util.h"

enum {
    STRIDE = 32 * 1024,        /* told as unknown at a time while no frame is found */
    MISSES_MAX = 1024 * 1024,  /* and then this is taken for something else */
    STREAM_LIKELY = 0x00ffffff /* a larger stream identifier is no evidence of a frame */
};

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
static enum verdict look_first(const struct direction *d, vitro_bytes b, bool over, bool *preface,
                               uint8_t *why)
{
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

bool vitro_look_begins(const struct direction *d, vitro_bytes b)
{
    bool preface;
    uint8_t why;

    return d->state == DIR_LOOKING && !d->track->segs.end && b.len &&
           look_first(d, b, false, &preface, &why) == YES;
}

/* No HTTP/2 was seen: it may be TLS that was joined late. */
static bool may_be_tls(const struct direction *d)
{
    return d->source == VITRO_SOURCE_DIRECTION && !d->hpack_ready;
}

/* Look for a frame, or a record of TLS, from d->looked on. */
static enum verdict look_further(struct direction *d, bool over, bool *tls)
{
    while (d->looked < d->look.len && d->looked < STRIDE) {
        size_t skip = (size_t)d->looked;
        vitro_bytes rest = { d->look.ptr + skip, d->look.len - skip };
        enum verdict v = chain(d, rest, over);
        if (v == NO && may_be_tls(d)) {
            v = vitro_records_chain(rest, over);
            *tls = v == YES;
        }
        if (v != NO)
            return v;
        d->looked++;
    }
    return over ? NO : WAIT;
}

/* What it looked at is told now, for who watches; the rest at its end. */
void vitro_look_give_up(struct direction *d, uint8_t why)
{
    d->state = DIR_OTHER;
    d->why = why;
    vitro_direction_unknown(d, d->told + d->look.len, why);
    vitro_buf_done(&d->look);
}

/* The index that the first field of a header block refers to; 0: none, or not to be seen. */
static uint32_t first_index(vitro_bytes frame)
{
    struct frame_head h = vitro_frame_head_read(frame.ptr);
    vitro_bytes payload = { frame.ptr + FRAME_HEAD_BYTES, h.length }, block;
    struct frame_view view;

    if (frame.len < (size_t)FRAME_HEAD_BYTES + h.length)
        return 0;
    vitro_frame_view(&view, h, payload, 0);
    block = vitro_frame_bytes(&view, FRAME_FIELD_FRAGMENT, payload);
    if (!block.len || (block.ptr[0] & 0xe0) == 0x20) /* a size update */
        return 0;
    if (block.ptr[0] & 0x80)
        return block.ptr[0] & 0x7f;
    return block.ptr[0] & (block.ptr[0] & 0x40 ? 0x3f : 0x0f);
}

/*
 * Would the other side have sent this frame? A request begins with one of its pseudo-header
 * fields, a response with :status (RFC 9113, 8.3), all of them in the static table. And in gRPC
 * DATA ends a request and never a response, HEADERS that are no request end a response.
 */
static bool says_other_side(const struct direction *d, vitro_bytes frame)
{
    struct frame_head h = vitro_frame_head_read(frame.ptr);
    bool ends = h.flags & FRAME_END_STREAM, request, response;
    uint32_t index;

    if (h.type == FRAME_DATA)
        return ends && d->dir == VITRO_S2C;
    if (h.type != FRAME_HEADERS)
        return false;
    index = first_index(frame);
    request = index >= 1 && index <= 7;
    response = (index >= 8 && index <= 14) || (ends && index >= 62);
    return d->dir == VITRO_C2S ? response : request;
}

/* The other side would have sent this, if who is the client was guessed: it is that direction. */
static struct direction *settle_side(struct direction *d, bool other)
{
    uint8_t dir = !d->dir;

    if (!other || !d->conn->guessed || d->conn->told)
        return d;
    vitro_seen_conn_swap(d->conn);
    return &d->conn->dir[dir];
}

/* Would the other side have sent this record? It may be a hello (RFC 8446, 4). */
static bool is_others_hello(const struct direction *d, vitro_bytes record)
{
    return record.len > RECORD_HEAD_LEN && record.ptr[0] == RECORD_HANDSHAKE &&
           record.ptr[RECORD_HEAD_LEN] == (d->dir == VITRO_C2S ? 2 : 1);
}

/* Records begin at look + skip. */
static struct direction *found_tls(struct direction *d, size_t skip)
{
    vitro_direction_unknown(d, d->told + skip, WHY_TLS_INSIDE);
    vitro_buf_consume(&d->look, skip);
    d = settle_side(d, is_others_hello(d, vitro_buf_bytes(&d->look)));
    vitro_records_begin(d);
    return d;
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
    enum verdict v = look_first(d, vitro_buf_bytes(&d->look), over, &preface, &why);

    if (v == YES) {
        d = *at = settle_side(d, preface && d->dir == VITRO_S2C);
        found(d, 0, 0, preface);
    } else if (v == NO && why == WHY_TLS && may_be_tls(d)) {
        if (d->look.len > RECORD_HEAD_LEN || over)
            *at = found_tls(d, 0);
    } else if (v == NO && (!d->late || why == WHY_TLS || why == WHY_HTTP_1)) {
        vitro_look_give_up(d, why);
    } else {
        return v == WAIT;
    }
    return true;
}

struct direction *vitro_look(struct direction *d, bool over)
{
    uint8_t before = d->why ? d->why : WHY_MID_FRAME;
    bool tls = false;
    enum verdict v;

    if (!d->look.len || (d->told == d->first && d->looked == 0 && settle_first(&d, over)))
        return d;
    v = look_further(d, over, &tls);
    if (tls) {
        d = found_tls(d, (size_t)d->looked);
    } else if (v == YES) {
        vitro_bytes frame = { d->look.ptr + d->looked, d->look.len - (size_t)d->looked };
        d = settle_side(d, frame.len >= FRAME_HEAD_BYTES && says_other_side(d, frame));
        d->suspect = SUSPECT_FRAMES;
        found(d, before, (size_t)d->looked, false);
    } else if (over || d->missed + d->looked >= MISSES_MAX) {
        vitro_look_give_up(d, d->why ? WHY_NO_FRAME : WHY_NOT_H2);
    } else if (d->looked >= STRIDE) {
        stride(d, d->why ? WHY_NO_FRAME : WHY_NOT_H2);
    }
    return d;
}
