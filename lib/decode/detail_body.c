/*
 * detail_body - the prefix of a gRPC message, and the protobuf message behind it.
 */
#include "decode/detail.h"

#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "wire/lpm.h"

void vitro_detail_grpc(struct detail *t, vitro_detail *out)
{
    uint8_t p[LPM_PREFIX] = { 0 };
    vitro_span span = vitro_event_span(t->ev);
    uint64_t at = t->ev->offset, len;

    out->title = vitro_str_of("message");
    out->key = "grpc.message";
    vitro_decode_bytes(t->decode, &span, 0, p, sizeof p, NULL);
    len = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
    vitro_detail_number(t, 0, "grpc.compressed_flag", "grpc.prefix.flag", at, 1, p[0], NULL);
    vitro_detail_number(t, 0, "grpc.message_length", "grpc.prefix.length", at + 1, 4, len, NULL);
}

static const struct pb_message_type *type_of(const struct detail *t)
{
    vitro_str path = vitro_names_get(&t->decode->names, t->ev->path);
    const struct pb_method_type *m;

    if (!t->decode->schema || !path.len)
        return NULL;
    if (t->ev->source == VITRO_SOURCE_NOTE) /* of no call: the note names the type */
        return vitro_pb_schema_message(t->decode->schema, path);
    m = vitro_pb_schema_method(t->decode->schema, path);
    return !m ? NULL : t->ev->dir == VITRO_C2S ? m->input : m->output;
}

/* The message in one run, for as long as the detail; false when some of it is not at hand. */
static bool gather(struct detail *t, vitro_bytes *out)
{
    vitro_span span = vitro_event_span(t->ev);
    struct buf *b = &t->decode->scratch;
    uint8_t *copy;

    if (detail_is_held(t)) { /* one of several in its frame */
        copy = vitro_arena_alloc(&t->decode->detail, MAX((size_t)span.length, 1U));
        *out = (vitro_bytes){ copy, (size_t)span.length };
        return copy && vitro_decode_bytes(t->decode, &span, 0, copy, out->len, NULL) == out->len;
    }
    vitro_buf_consume(b, b->len);
    if (!vitro_decode_gather(t->decode, &span, VITRO_LEND_MAX, b))
        return false;
    *out = vitro_buf_bytes(b);
    return true;
}

/* The line of a compressed message: what it inflates to, or why it does not. */
static void put_inflated(struct detail *t, const char *why, size_t len)
{
    vitro_item *item =
        vitro_detail_add(t, why ? VITRO_ITEM_BYTES : VITRO_ITEM_GROUP, 0, "grpc.message_data",
                         "grpc.inflated", t->ev->offset, t->ev->length);

    item->number = why ? 0 : len;
    item->text = vitro_str_of(
        why ? why : vitro_detail_text(t, "inflated %" PRIu64 " -> %zu", t->ev->length, len));
    if (why)
        item->bits |= VITRO_ITEM_UNKNOWN;
}

/* Compressed: its fields stand in what it inflates to. */
static void deflated(struct detail *t, const struct pb_message_type *type)
{
    const struct inflated *i = vitro_inflate(t->decode, t->ev);

    put_inflated(t, i->why, i->text.len);
    if (!i->why)
        vitro_detail_message(t, vitro_buf_bytes(&i->text), type, vitro_inflated_span(i), 1);
}

void vitro_detail_deflated(struct detail *t, vitro_str encoding, vitro_detail *out)
{
    const struct pb_message_type *type = type_of(t);
    vitro_span nowhere = { .source = t->ev->source, .offset = t->ev->offset };
    vitro_span span = vitro_event_span(t->ev);
    struct buf text;
    uint8_t *copy = NULL;
    const char *why;

    out->title = type ? type->name : vitro_str_of("message without schema");
    vitro_buf_init(&text, &t->decode->account, INFLATED_MAX);
    why = vitro_inflate_span(t->decode, &span, encoding, &text);
    if (!why && !(copy = vitro_arena_alloc(&t->decode->detail, MAX(text.len, 1U))))
        why = vitro_decode_why(WHY_NO_MEMORY);
    put_inflated(t, why, text.len);
    if (copy) {
        if (text.len)
            memcpy(copy, text.ptr, text.len);
        vitro_detail_message(t, (vitro_bytes){ copy, text.len }, type, nowhere, 1);
    }
    vitro_buf_done(&text);
}

void vitro_detail_protobuf(struct detail *t, vitro_detail *out)
{
    const struct pb_message_type *type = type_of(t);
    vitro_bytes bytes;
    vitro_item *item;

    out->title = type ? type->name : vitro_str_of("message without schema");
    out->key = "pb.message";
    if (t->brief)
        return;
    if (event_is_deflated(t->ev)) {
        deflated(t, type);
        return;
    }
    if (!gather(t, &bytes)) {
        item = vitro_detail_add(t, VITRO_ITEM_BYTES, 0, "protobuf.unknown", "pb.unknown",
                                t->ev->offset, t->ev->length);
        item->bits |= VITRO_ITEM_UNKNOWN;
        item->text = vitro_str_of(vitro_decode_why(WHY_NOT_HELD));
        return;
    }
    vitro_detail_message(t, bytes, type, vitro_event_span(t->ev), 0);
}
