/*
 * detail_block - the fields of a header block, each with the bytes of its representation.
 */
#include "decode/detail.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "wire/status.h"

static const char *const repr_keys[] = {
    [HPACK_INDEXED] = "hpack.indexed",
    [HPACK_INCREMENTAL_INDEXED] = "hpack.incremental.indexed",
    [HPACK_INCREMENTAL_NEW] = "hpack.incremental.new",
    [HPACK_WITHOUT_INDEXED] = "hpack.without.indexed",
    [HPACK_WITHOUT_NEW] = "hpack.without.new",
    [HPACK_NEVER_INDEXED] = "hpack.never.indexed",
    [HPACK_NEVER_NEW] = "hpack.never.new",
    [HPACK_SIZE_UPDATE] = "hpack.size_update",
    [HPACK_REST] = "hpack.bad",
};

/* The entry of the dictionary for a field: by what it says, grpc-status by its value. */
static const char *field_key(struct detail *t, const struct hpack_field *f)
{
    const char *key;
    vitro_explanation e;
    uint64_t code;

    if (t->bare)
        return NULL;
    key = vitro_detail_text(t, "header.%.*s", (int)MIN(f->name.len, 64), f->name.ptr);
    if (f->flags & HPACK_NAME_UNKNOWN)
        return "hpack.unknown";
    if (vitro_str_eq(f->name, vitro_str_of("grpc-status")) &&
        vitro_text_number(f->value, 16, &code))
        return vitro_detail_key(t, "grpc.status", code, "header.grpc-status");
    if (vitro_explain(key, VITRO_ENGLISH, &e))
        return e.key;
    if (f->name.len > 5 && memcmp(f->name.ptr, "grpc-", 5) == 0)
        return "header.grpc-";
    if (f->name.len > 4 && memcmp(f->name.ptr + f->name.len - 4, "-bin", 4) == 0)
        return "header.-bin";
    return "header.other";
}

static vitro_item *block_item(struct detail *t, vitro_item_form form, unsigned depth,
                              const char *name, const char *key, uint32_t rope, uint32_t off,
                              uint32_t len)
{
    vitro_item *item = vitro_detail_add(t, form, depth, name, key, off, len);

    if (detail_is_held(t)) {
        item->span.offset += t->block_at;
        return item;
    }
    item->span.source = VITRO_SOURCE_BLOCK;
    item->span.id = t->ev->detail;
    item->span.rope = rope;
    return item;
}

static void string_items(struct detail *t, unsigned depth, uint32_t rope,
                         const struct hpack_string *s, vitro_str text, bool huffman, bool name)
{
    vitro_item *item;

    if (!s->at)
        return;
    item = block_item(t, VITRO_ITEM_NUMBER, depth,
                      name ? "http2.header.name.length" : "http2.header.value.length",
                      huffman ? "hpack.huffman"
                      : name  ? "hpack.name"
                              : "hpack.value",
                      rope, s->at, s->off - s->at);
    item->number = s->len;
    item->text = vitro_str_of(vitro_detail_text(t, "%u%s", s->len, huffman ? ", Huffman" : ""));
    if (!s->len)
        return;
    item = block_item(t, VITRO_ITEM_TEXT, depth, name ? "http2.header.name" : "http2.header.value",
                      name ? "hpack.name" : "hpack.value", rope, s->off, s->len);
    item->text = text;
}

enum { UNKNOWN_NAME = 24 };

/* A field's name; the place of its entry, written to text, when nobody knows it. */
static vitro_str shown_name(const struct hpack_field *f, char text[UNKNOWN_NAME])
{
    if (!(f->flags & HPACK_NAME_UNKNOWN))
        return f->name;
    snprintf(text, UNKNOWN_NAME, "dyn[%u]?", f->index);
    return vitro_str_of(text);
}

/* Lends name and value of the field. */
static void header_fill(vitro_item_header *h, const struct block_field *field,
                        char text[UNKNOWN_NAME])
{
    const struct hpack_field *f = &field->wire;

    h->name = shown_name(f, text);
    h->value = f->value;
    h->repr = vitro_hpack_repr_name((enum hpack_repr)f->repr);
    h->index = f->index;
    h->evicted = f->evicted;
    h->indexed = f->repr == HPACK_INDEXED;
    h->inserted = f->flags & HPACK_INSERTED;
    h->never = f->flags & HPACK_NEVER;
    h->huffman_name = f->flags & HPACK_NAME_HUFFMAN;
    h->huffman_value = f->flags & HPACK_VALUE_HUFFMAN;
    h->unknown_name = f->flags & HPACK_NAME_UNKNOWN;
    h->unknown_value = f->flags & HPACK_VALUE_UNKNOWN;
    h->told = f->flags & HPACK_TOLD;
    h->table_count = field->table_count;
    h->table_size = field->table_size;
}

static const vitro_item_header *header_of(struct detail *t, const struct block_field *field)
{
    vitro_item_header *h = vitro_arena_zalloc(&t->decode->detail, sizeof *h);
    char text[UNKNOWN_NAME];

    if (!h)
        return NULL;
    header_fill(h, field, text);
    h->name = vitro_detail_copy(t, h->name);
    h->value = vitro_detail_copy(t, h->value);
    return h;
}

static void head_item(struct detail *t, unsigned depth, uint32_t rope, const struct hpack_field *f)
{
    bool update = f->repr == HPACK_SIZE_UPDATE;
    vitro_item *item;

    if (!f->head)
        return;
    item = block_item(t, VITRO_ITEM_NUMBER, depth,
                      update ? "http2.header_table_size_update.header_table_size"
                             : "http2.header.index",
                      update ? "hpack.size_update" : repr_keys[f->repr], rope, f->off, f->head);
    item->number = update ? f->size : f->index;
    item->text = vitro_str_of(
        update     ? vitro_detail_text(t, "%u", f->size)
        : f->index ? vitro_detail_text(t, "%s, index %u",
                                       vitro_hpack_repr_name((enum hpack_repr)f->repr), f->index)
                   : vitro_hpack_repr_name((enum hpack_repr)f->repr));
}

/* A status' text as people wrote it, where that is not what stands in the field. */
static void unescaped_item(struct detail *t, unsigned depth, vitro_str value)
{
    char *text = vitro_arena_alloc(&t->decode->detail, value.len + 1);
    vitro_item *item;

    if (!value.len || !memchr(value.ptr, '%', value.len) || !text)
        return;
    item = vitro_detail_add(t, VITRO_ITEM_TEXT, depth, "http2.header.unescaped",
                            "header.grpc-message", t->ev->offset, 0);
    item->bits |= VITRO_ITEM_DERIVED;
    item->text = (vitro_str){ text, vitro_status_message_decode(value, text) };
}

/* What a field's value holds that is written in letters that a field may have. */
static void value_items(struct detail *t, unsigned depth, const vitro_item_header *h)
{
    if (h->unknown_value)
        return;
    if (vitro_str_eq(h->name, vitro_str_of("grpc-status-details-bin")))
        vitro_detail_status(t, h->value, depth);
    else if (vitro_str_eq(h->name, vitro_str_of("grpc-message")))
        unescaped_item(t, depth, h->value);
}

static void field_items(struct detail *t, unsigned depth, uint32_t rope,
                        const struct block_field *field)
{
    const struct hpack_field *f = &field->wire;
    vitro_item *item;

    if (f->repr == HPACK_REST) {
        item = block_item(t, VITRO_ITEM_BYTES, depth, "http2.unknown", "hpack.bad", rope, f->off,
                          f->len);
        item->bits |= VITRO_ITEM_UNKNOWN;
        item->text = vitro_str_of(vitro_hpack_wrong_text((enum hpack_wrong)f->wrong));
        return;
    }
    item = block_item(t, VITRO_ITEM_HEADER, depth, "http2.header",
                      f->repr == HPACK_SIZE_UPDATE ? "hpack.size_update" : field_key(t, f), rope,
                      f->off, f->len);
    item->header = header_of(t, field);
    if (f->repr == HPACK_SIZE_UPDATE || !item->header) {
        item->form = VITRO_ITEM_GROUP;
        item->name = "http2.header_table_size_update";
        item->header = NULL;
    }
    if (f->flags & (HPACK_NAME_UNKNOWN | HPACK_VALUE_UNKNOWN))
        item->bits |= VITRO_ITEM_UNKNOWN;
    if (f->wrong)
        item->text = vitro_str_of(vitro_hpack_wrong_text((enum hpack_wrong)f->wrong));
    head_item(t, depth + 1, rope, f);
    string_items(t, depth + 1, rope, &f->name_wire, vitro_detail_copy(t, f->name),
                 f->flags & HPACK_NAME_HUFFMAN, true);
    string_items(t, depth + 1, rope, &f->value_wire, vitro_detail_copy(t, f->value),
                 f->flags & HPACK_VALUE_HUFFMAN, false);
    if (item->header)
        value_items(t, depth + 1, item->header);
}

static bool decode_again(struct detail *t, const struct track *track)
{
    vitro_decode *d = t->decode;
    struct block_place place = { d, t->ev->conn, t->ev->dir };
    struct block_replay *replay;
    struct block_step step;

    if (d->replayed_of == track && d->replayed_step == t->ev->detail)
        return true;
    d->replayed_of = NULL;
    replay = vitro_decode_replay(d, t->ev->conn, t->ev->dir);
    if (!replay || !vitro_block_log_decode(&track->log, t->ev->detail, replay,
                                           vitro_decode_read_block, &place, &d->replayed, &step))
        return false;
    d->replayed_rope = step.what;
    d->replayed_of = track;
    d->replayed_step = t->ev->detail;
    return true;
}

/* The fields of the event's block, just decoded or decoded again; NULL when they cannot be. */
static const struct block_list *fields_of(struct detail *t, uint32_t *rope)
{
    vitro_decode *d = t->decode;
    const struct past *past = vitro_decode_past(d, t->ev->conn);
    const struct track *track =
        vitro_decode_track(d, (vitro_source)t->ev->source, t->ev->conn, t->ev->dir);

    *rope = ROPE_END;
    if (detail_is_held(t))
        return vitro_detail_held_fields(t);
    if (!track)
        return NULL;
    if (d->fields_of == track && d->fields_step == t->ev->detail) {
        *rope = conn_http2(past->live, t->ev->dir)->block.rope.first;
        return &d->fields;
    }
    if (!decode_again(t, track))
        return NULL;
    *rope = d->replayed_rope;
    return &d->replayed;
}

void vitro_detail_block(struct detail *t, uint64_t start, uint64_t len, unsigned depth)
{
    uint32_t rope;
    const struct block_list *fields = fields_of(t, &rope);

    for (const struct block_field *f = fields ? fields->first : NULL; f; f = f->next) {
        uint64_t end = (uint64_t)f->wire.off + f->wire.len;
        if (end > start && end <= start + len)
            field_items(t, depth, rope, f);
    }
}

/* How many bytes of its block a frame has, when it is not all of them. */
static uint64_t fragment_of(struct detail *t)
{
    struct buf *b = &t->decode->scratch;
    vitro_span span = vitro_event_span(t->ev);
    const struct frame_part *part;
    struct frame_view view;

    vitro_buf_consume(b, b->len);
    if (!vitro_decode_gather(t->decode, &span, VITRO_LEND_MAX, b) || b->len < FRAME_HEAD_BYTES)
        return 0;
    vitro_frame_view(&view, vitro_frame_head_read(b->ptr),
                     (vitro_bytes){ b->ptr + FRAME_HEAD_BYTES, b->len - FRAME_HEAD_BYTES }, 0);
    part = vitro_frame_part(&view, FRAME_FIELD_FRAGMENT);
    return part ? part->len : 0;
}

bool vitro_decode_headers(vitro_decode *d, const vitro_event *ev, vitro_header_fn *fn, void *user)
{
    struct detail t = { .decode = d, .ev = ev, .bare = true };
    bool held = detail_is_held(&t), whole;
    const struct block_list *fields;
    uint64_t start, len;
    uint32_t rope;

    if (!held && (ev->kind != VITRO_EVENT_FRAME || ev->detail == UINT32_MAX))
        return false;
    whole = held || (ev->type == FRAME_HEADERS && ev->flags & FRAME_END_HEADERS && ev->rope == 0);
    start = whole ? 0 : ev->rope;
    len = whole ? UINT32_MAX : fragment_of(&t);
    fields = fields_of(&t, &rope);
    for (const struct block_field *f = fields ? fields->first : NULL; f; f = f->next) {
        uint64_t end = (uint64_t)f->wire.off + f->wire.len;
        char text[UNKNOWN_NAME];
        vitro_item_header h;
        if (end <= start || end > start + len || f->wire.repr == HPACK_REST ||
            f->wire.repr == HPACK_SIZE_UPDATE)
            continue;
        memset(&h, 0, sizeof h);
        header_fill(&h, f, text);
        if (!fn(&h, user))
            break;
    }
    return fields != NULL;
}
