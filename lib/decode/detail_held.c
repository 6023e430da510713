/*
 * detail_held - the unit that a note of a gate holds, as what it is: the preface, or a frame with
 * all its fields. Nothing of it is on the wire; its items have the bytes that stand in the note.
 */
#include "decode/detail.h"

#include "base/util.h"
#include "wire/lpm.h"

static const struct held_unit *unit_of(const struct detail *t)
{
    return &t->decode->held.units[t->ev->detail - 1];
}

const struct block_list *vitro_detail_held_fields(struct detail *t)
{
    return vitro_held_fields(t->decode, t->ev->detail, &t->decode->replayed) ? &t->decode->replayed
                                                                             : NULL;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The part of the event behind its first `skip` bytes, as if it were an event of its own. */
static vitro_event inner_event(const struct detail *t, uint64_t skip, uint64_t len)
{
    vitro_event ev = *t->ev;

    ev.offset += skip;
    ev.length = len;
    return ev;
}

static void message_items(struct detail *t, const struct held_unit *unit, uint64_t at, uint32_t len,
                          uint8_t flag)
{
    const vitro_event *whole = t->ev;
    vitro_event prefix = inner_event(t, at, LPM_PREFIX), inside;
    size_t group = t->count;
    vitro_detail part = { .title = { "", 0 } };

    inside = inner_event(t, at + LPM_PREFIX, len);
    vitro_detail_add(t, VITRO_ITEM_GROUP, 1, "grpc.message", "grpc.message", whole->offset + at,
                     LPM_PREFIX + (uint64_t)len);
    t->base = 2;
    t->ev = &prefix;
    vitro_detail_grpc(t, &part);
    t->ev = &inside;
    if (flag)
        vitro_detail_deflated(t, vitro_names_get(&t->decode->names, unit->encoding), &part);
    else
        vitro_detail_protobuf(t, &part);
    if (group < t->count)
        t->items[group].text = part.title;
    t->ev = whole;
    t->base = 0;
}

/* Those that lie whole in the frame. */
static void messages(struct detail *t, const struct held_unit *u)
{
    const vitro_item *data = NULL;
    uint64_t at, end;
    uint8_t p[LPM_PREFIX];

    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].form == VITRO_ITEM_BYTES && t->items[i].depth == 0 &&
            vitro_str_eq(vitro_str_of(t->items[i].name), vitro_str_of("http2.data.data")))
            data = &t->items[i];
    if (!data || !u->grpc || u->start >= data->span.length)
        return;
    at = data->span.offset - t->ev->offset + u->start;
    end = data->span.offset - t->ev->offset + data->span.length;
    while (end - at >= LPM_PREFIX && !t->full) {
        vitro_span span = vitro_event_span(t->ev);
        uint32_t len;
        if (vitro_decode_bytes(t->decode, &span, at, p, sizeof p, NULL) < sizeof p)
            return;
        len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
        if (len > end - at - LPM_PREFIX)
            return;
        message_items(t, u, at, len, p[0]);
        at += LPM_PREFIX + (uint64_t)len;
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

void vitro_detail_held(struct detail *t, vitro_detail *out)
{
    const struct held_unit *u = unit_of(t);

    switch (u->form) {
    case HELD_PREFACE:
        vitro_detail_whole(t, out, "preface", "http2.magic", "h2.preface");
        break;
    case HELD_FRAME:
        vitro_detail_frame(t, out);
        if (u->type == FRAME_DATA)
            messages(t, u);
        break;
    default:
        vitro_detail_whole(t, out, "part of a frame", "http2.unknown", "h2.payload");
    }
    vitro_detail_note_fields(
        t, (vitro_span){ u->note, u->note_len, VITRO_NO_CONN, 0, 0, VITRO_SOURCE_CAPTURE, 0, 0 });
}
