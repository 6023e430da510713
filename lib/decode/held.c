#include "decode/core.h"

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "wire/content_type.h"
#include "wire/lpm.h"

enum { WALK = 1024 }; /* units of a direction that are looked through for one */

static struct held_unit *unit_at(const vitro_decode *d, uint32_t number)
{
    return &d->held.units[number - 1];
}

static bool has_block(const struct held_unit *u)
{
    return u->form == HELD_FRAME && (u->type == FRAME_HEADERS || u->type == FRAME_PUSH_PROMISE ||
                                     u->type == FRAME_CONTINUATION);
}

/* Where it will be sent; NULL when the connection is not among those that are decoded. */
static struct direction *direction_of(const vitro_decode *d, const struct held_unit *u)
{
    struct direction *dir = vitro_decode_direction(d, u->conn, u->dir);

    return dir && !dir->finished ? dir : NULL;
}

/* ---- the note ------------------------------------------------------------------------------- */

static bool number_of(vitro_bytes entry, const char *name, uint64_t max, uint64_t *out)
{
    struct note_field f;

    return vitro_note_find(entry, vitro_str_of(name), &f) && vitro_text_number(f.value, max, out);
}

static bool says(vitro_bytes entry, const char *name, const char *value)
{
    struct note_field f;

    return vitro_note_find(entry, vitro_str_of(name), &f) &&
           vitro_str_eq(f.value, vitro_str_of(value));
}

static uint8_t form_of(vitro_bytes entry, size_t len)
{
    if (says(entry, "VITRO_FORM", "preface"))
        return HELD_PREFACE;
    return says(entry, "VITRO_FORM", "frame") && len >= FRAME_HEAD_BYTES ? HELD_FRAME : HELD_PART;
}

/* Messages in the data of a frame, from `start` on: what the last one lacks. */
static uint32_t left_after(vitro_bytes data, uint32_t start)
{
    uint64_t at = start;

    while (at < data.len) {
        const uint8_t *p = data.ptr + at;
        if (data.len - at < LPM_PREFIX)
            return HELD_LEFT_UNKNOWN;
        at +=
            LPM_PREFIX + ((uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4]);
    }
    return (uint32_t)MIN(at - data.len, HELD_LEFT_UNKNOWN - 1);
}

bool vitro_held_read(const vitro_decode *d, const struct capture_record *r, struct held_unit *out)
{
    struct note_field bytes;
    struct conn *conn;
    uint64_t offset;
    struct frame_head head;

    memset(out, 0, sizeof *out);
    if (!says(r->bytes, "VITRO_KIND", "held") ||
        !vitro_note_find(r->bytes, vitro_str_of("VITRO_BYTES"), &bytes) ||
        !number_of(r->bytes, "VITRO_OFFSET", UINT64_MAX / 2, &offset) || r->bytes.len > UINT32_MAX)
        return false;
    conn = vitro_joined_conn(d, r->bytes);
    out->note = r->offset;
    out->note_len = (uint32_t)r->bytes.len;
    out->at = (uint32_t)bytes.at;
    out->len = (uint32_t)bytes.value.len;
    out->end = offset + bytes.value.len;
    out->conn = conn ? conn->number : VITRO_NO_CONN;
    out->dir = says(r->bytes, "VITRO_DIR", "s2c") ? VITRO_S2C : VITRO_C2S;
    out->form = form_of(r->bytes, bytes.value.len);
    if (out->form != HELD_FRAME)
        return true;
    head = vitro_frame_head_read((const uint8_t *)bytes.value.ptr);
    out->type = head.type;
    out->flags = head.flags;
    out->stream = head.stream;
    return true;
}

/* ---- what is not on the wire yet ------------------------------------------------------------ */

void vitro_held_pass(struct direction *d)
{
    vitro_decode *all = d->conn->decode;

    while (d->held_first && unit_at(all, d->held_first)->end <= d->told) {
        d->held_first = unit_at(all, d->held_first)->next;
        all->held.pending--;
    }
    if (!d->held_first)
        d->held_last = 0;
}

void vitro_held_forget(struct direction *d)
{
    vitro_decode *all = d->conn->decode;

    for (; d->held_first; d->held_first = unit_at(all, d->held_first)->next)
        all->held.pending--;
    d->held_last = 0;
}

void vitro_held_done(vitro_decode *d)
{
    vitro_mem_free(&d->account, d->held.units, d->held.cap * sizeof *d->held.units);
    memset(&d->held, 0, sizeof d->held);
}

static bool room(vitro_decode *d)
{
    struct held_list *l = &d->held;
    uint32_t cap = l->cap ? l->cap * 2 : 16;
    struct held_unit *units;

    if (!d->options.keep && !l->pending)
        l->count = 0; /* nobody looks at those that have passed */
    if (l->count < l->cap)
        return true;
    if (cap < l->cap)
        return false;
    units = vitro_mem_resize(&d->account, l->units, l->cap * sizeof *units, cap * sizeof *units);
    if (!units)
        return false;
    l->units = units;
    l->cap = cap;
    return true;
}

/* The last unit of a stream that has not been sent, of a type; NULL: none that is near. */
static struct held_unit *pending(const vitro_decode *d, const struct direction *dir,
                                 uint32_t stream, uint8_t type)
{
    struct held_unit *found = NULL;
    uint32_t n = dir->held_first;

    for (unsigned i = 0; n && i < WALK; i++, n = unit_at(d, n)->next) {
        struct held_unit *u = unit_at(d, n);
        if (u->form == HELD_FRAME && u->stream == stream && u->type == type)
            found = u;
    }
    return found;
}

static bool are_many(const vitro_decode *d, uint32_t first)
{
    unsigned i = 0;

    for (; first && i < WALK; i++)
        first = unit_at(d, first)->next;
    return first != 0;
}

/* ---- header blocks -------------------------------------------------------------------------- */

static bool read_unit(const vitro_decode *d, const struct held_unit *u, struct buf *out)
{
    vitro_span span = { u->note + u->at, u->len, u->conn, 0, 0, VITRO_SOURCE_CAPTURE, u->dir, 0 };

    vitro_buf_consume(out, out->len);
    return vitro_decode_gather(d, &span, u->len, out);
}

/* HPACK's state on the wire when the unit came. */
static bool state_then(vitro_decode *d, const struct held_unit *u, struct hpack_reader *r)
{
    struct block_place place = { d, u->conn, u->dir };
    struct direction *dir = vitro_decode_direction(d, u->conn, u->dir);
    const struct track *track =
        vitro_decode_track(d, vitro_decode_http2(d, u->conn, u->dir), u->conn, u->dir);
    struct block_replay *replay;

    if (track && d->options.keep && (!dir || track->log.steps.count != u->steps)) {
        replay = vitro_decode_replay(d, u->conn, u->dir);
        return replay &&
               vitro_block_log_reach(&track->log, u->steps, replay, vitro_decode_read_block, &place,
                                     &d->replayed) &&
               vitro_hpack_reader_copy(r, &replay->reader);
    }
    if (dir && dir->hpack_ready)
        return vitro_hpack_reader_copy(r, &dir->hpack);
    vitro_hpack_reader_done(r);
    vitro_block_reader_init(r, &d->account, !dir || dir->late);
    return true;
}

/* A reader that runs ahead of the wire. */
struct ahead {
    vitro_decode *decode;
    struct hpack_reader r;
    struct buf unit, block;
    bool open; /* block goes on in the next unit */
};

/* One more unit with a piece of a block. */
static bool ahead_add(struct ahead *a, const struct held_unit *u, struct block_list *out)
{
    bool goes_on = u->type == FRAME_CONTINUATION;
    struct frame_view view;
    vitro_bytes payload, piece;

    if (goes_on != a->open) /* its beginning, or the rest of the one before, is not held */
        vitro_hpack_reader_lose(&a->r);
    if (goes_on && !a->open)
        return true;
    if (!goes_on)
        vitro_buf_consume(&a->block, a->block.len);
    if (!read_unit(a->decode, u, &a->unit) || a->unit.len < FRAME_HEAD_BYTES)
        return false;
    payload = (vitro_bytes){ a->unit.ptr + FRAME_HEAD_BYTES, a->unit.len - FRAME_HEAD_BYTES };
    vitro_frame_view(&view, vitro_frame_head_read(a->unit.ptr), payload, 0);
    piece = vitro_frame_bytes(&view, FRAME_FIELD_FRAGMENT, payload);
    if (piece.len && !vitro_buf_append(&a->block, piece.ptr, piece.len))
        return false;
    a->open = !(u->flags & FRAME_END_HEADERS);
    if (!a->open)
        vitro_block_decode(&a->r, vitro_buf_bytes(&a->block), 0, out);
    return true;
}

bool vitro_held_fields(vitro_decode *d, uint32_t number, struct block_list *out)
{
    const struct held_unit *u = unit_at(d, number);
    struct ahead a = { .decode = d };
    bool ok;

    if (!has_block(u) || u->type == FRAME_CONTINUATION || !(u->flags & FRAME_END_HEADERS))
        return false;
    d->replayed_of = NULL;
    vitro_block_reader_init(&a.r, &d->account, false);
    vitro_buf_init(&a.unit, &d->account, BLOCK_MAX);
    vitro_buf_init(&a.block, &d->account, BLOCK_MAX);
    ok = state_then(d, u, &a.r);
    if (u->lost)
        vitro_hpack_reader_lose(&a.r);
    for (uint32_t n = u->lost ? 0 : u->first; ok && n && n != number; n = unit_at(d, n)->next) {
        if (has_block(unit_at(d, n)))
            ok = ahead_add(&a, unit_at(d, n), out);
    }
    ok = ok && ahead_add(&a, u, out);
    vitro_buf_done(&a.block);
    vitro_buf_done(&a.unit);
    vitro_hpack_reader_done(&a.r);
    return ok;
}

/* What the fields of a block say of its call and of what follows. */
static void learn_headers(vitro_decode *d, uint32_t number)
{
    struct held_unit *u = unit_at(d, number);

    if (!vitro_held_fields(d, number, &d->replayed))
        return;
    for (const struct block_field *f = d->replayed.first; f; f = f->next) {
        if (vitro_str_eq(f->wire.name, vitro_str_of(":path")))
            u->path = vitro_names_add(&d->names, f->wire.value);
        else if (vitro_str_eq(f->wire.name, vitro_str_of("content-type")))
            u->grpc = vitro_content_type_is_grpc(f->wire.value, NULL);
        else if (vitro_str_eq(f->wire.name, vitro_str_of("grpc-encoding")))
            u->encoding = vitro_names_add(&d->names, f->wire.value);
    }
}

/* ---- data ----------------------------------------------------------------------------------- */

/* What the message lacks with which the body on the wire ends. */
static uint32_t left_on_wire(const struct body *b)
{
    uint64_t have = b->rope.end - b->from;

    if (!have)
        return 0;
    return b->need > have ? (uint32_t)MIN(b->need - have, HELD_LEFT_UNKNOWN - 1)
                          : HELD_LEFT_UNKNOWN;
}

/* The call that a unit of DATA belongs to, from headers on the wire or held. */
static void learn_call(const vitro_decode *d, struct direction *dir, struct held_unit *u)
{
    struct conn *c = dir->conn;
    struct stream *s = vitro_seen_stream_get(c, u->stream, false);
    const struct held_unit *request =
        pending(d, conn_http2(c, VITRO_C2S), u->stream, FRAME_HEADERS);
    const struct held_unit *own = pending(d, dir, u->stream, FRAME_HEADERS);

    u->path = s && s->path ? s->path : request ? request->path : 0;
    if (s && s->body[u->dir].headers) {
        u->grpc = s->body[u->dir].kind == BODY_GRPC;
        u->encoding = s->body[u->dir].encoding;
    } else if (own) {
        u->grpc = own->grpc;
        u->encoding = own->encoding;
    }
}

static void learn_data(const vitro_decode *d, struct direction *dir, struct held_unit *u,
                       vitro_bytes frame)
{
    struct stream *s = vitro_seen_stream_get(dir->conn, u->stream, false);
    const struct held_unit *before = pending(d, dir, u->stream, FRAME_DATA);
    vitro_bytes payload = { frame.ptr + FRAME_HEAD_BYTES, frame.len - FRAME_HEAD_BYTES }, data;
    struct frame_view view;

    learn_call(d, dir, u);
    u->start = before ? before->left : s ? left_on_wire(&s->body[u->dir]) : 0;
    u->left = HELD_LEFT_UNKNOWN;
    if (u->lost)
        u->start = HELD_LEFT_UNKNOWN; /* the unit before it may not be among those looked at */
    if (u->start == HELD_LEFT_UNKNOWN || !u->grpc)
        return;
    vitro_frame_view(&view, vitro_frame_head_read(frame.ptr), payload, 0);
    data = vitro_frame_bytes(&view, FRAME_FIELD_DATA, payload);
    u->left = u->start > data.len ? u->start - (uint32_t)data.len : left_after(data, u->start);
}

/* ---- arrival -------------------------------------------------------------------------------- */

static void make_event(const struct held_unit *u, uint32_t number, bool known, vitro_event *ev)
{
    ev->bits |= VITRO_EVENT_HELD;
    ev->conn = known ? u->conn : VITRO_NO_CONN;
    ev->offset = u->note + u->at;
    ev->length = u->len;
    ev->dir = u->dir;
    ev->stream = u->stream;
    ev->type = u->type;
    ev->flags = u->flags;
    ev->path = u->path;
    ev->detail = number;
}

static void append(vitro_decode *d, struct direction *dir, uint32_t number)
{
    if (dir->held_last)
        unit_at(d, dir->held_last)->next = number;
    else
        dir->held_first = number;
    dir->held_last = number;
    d->held.pending++;
}

void vitro_held_add(vitro_decode *d, struct held_unit *u, vitro_bytes frame, vitro_event *ev)
{
    struct direction *dir = direction_of(d, u);
    uint32_t number;

    if (!room(d))
        return;
    number = ++d->held.count;
    if (dir)
        u->steps = dir->track->log.steps.count;
    if (dir && !dir->late) {
        u->lost = are_many(d, dir->held_first);
        if (u->form == HELD_FRAME && u->type == FRAME_DATA)
            learn_data(d, dir, u, frame);
        u->first = dir->held_first;
    }
    d->held.units[number - 1] = *u;
    if (dir && !dir->late)
        append(d, dir, number);
    if (has_block(u))
        learn_headers(d, number);
    make_event(unit_at(d, number), number, dir != NULL, ev);
}
