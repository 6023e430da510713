/*
 * detail_frame - the nine bytes of a frame and the parts of its payload, under Wireshark's names.
 */
#include "decode/detail.h"

#include <string.h>

#include "base/util.h"

enum { PAYLOAD_MAX = 64 * 1024 };

struct name {
    uint8_t field;
    int16_t type; /* -1: any */
    const char *name;
    const char *key;
};

static const struct name names[] = {
    { FRAME_FIELD_PAD_LENGTH, -1, "http2.pad_length", "h2.pad_length" },
    { FRAME_FIELD_DEPENDENCY, -1, "http2.stream_dependency", "h2.priority.dependency" },
    { FRAME_FIELD_WEIGHT, -1, "http2.headers.weight", "h2.priority.weight" },
    { FRAME_FIELD_DATA, -1, "http2.data.data", "h2.data" },
    { FRAME_FIELD_FRAGMENT, FRAME_HEADERS, "http2.headers", "h2.block" },
    { FRAME_FIELD_FRAGMENT, FRAME_CONTINUATION, "http2.continuation.header", "h2.block" },
    { FRAME_FIELD_FRAGMENT, FRAME_PUSH_PROMISE, "http2.push_promise.header", "h2.block" },
    { FRAME_FIELD_ERROR_CODE, FRAME_RST_STREAM, "http2.rst_stream.error", "h2.error" },
    { FRAME_FIELD_ERROR_CODE, FRAME_GOAWAY, "http2.goaway.error", "h2.error" },
    { FRAME_FIELD_SETTINGS, -1, "http2.settings", "h2.frame.4" },
    { FRAME_FIELD_PROMISED_STREAM, -1, "http2.push_promise.promised_stream_id",
      "h2.push.promised" },
    { FRAME_FIELD_OPAQUE, -1, "http2.ping", "h2.ping.data" },
    { FRAME_FIELD_LAST_STREAM, -1, "http2.goaway.last_stream_id", "h2.goaway.last_stream" },
    { FRAME_FIELD_DEBUG_DATA, -1, "http2.goaway.addata", "h2.goaway.debug" },
    { FRAME_FIELD_INCREMENT, -1, "http2.window_update.window_size_increment",
      "h2.window.increment" },
    { FRAME_FIELD_ORIGIN_LENGTH, -1, "http2.altsvc.origin.len", "h2.frame.10" },
    { FRAME_FIELD_ORIGIN, -1, "http2.altsvc.origin", "h2.frame.10" },
    { FRAME_FIELD_ALT_SVC, -1, "http2.altsvc.field_value", "h2.frame.10" },
    { FRAME_FIELD_ORIGINS, -1, "http2.origin.origin", "h2.frame.12" },
    { FRAME_FIELD_PRIORITIZED_STREAM, -1, "http2.priority_update_stream_id", "h2.frame.16" },
    { FRAME_FIELD_PRIORITY_VALUE, -1, "http2.priority_update_field_value", "h2.frame.16" },
    { FRAME_FIELD_PADDING, -1, "http2.padding", "h2.padding" },
    { FRAME_FIELD_PAYLOAD, -1, "http2.unknown", "h2.payload" },
    { FRAME_FIELD_EXCESS, -1, "http2.unknown", "unknown" },
};

struct flag_name {
    uint8_t bit;
    uint16_t types; /* a bit for each type that has it */
    const char *name;
    const char *key;
};

#define T(type) (uint16_t)(1U << FRAME_##type)
static const struct flag_name flags[] = {
    { FRAME_END_STREAM, T(DATA) | T(HEADERS), "http2.flags.end_stream", "h2.flag.end_stream" },
    { FRAME_ACK, T(SETTINGS), "http2.flags.ack.settings", "h2.flag.ack" },
    { FRAME_ACK, T(PING), "http2.flags.ack.ping", "h2.flag.ack" },
    { FRAME_END_HEADERS, T(HEADERS) | T(PUSH_PROMISE) | T(CONTINUATION), "http2.flags.eh",
      "h2.flag.end_headers" },
    { FRAME_PADDED, T(DATA) | T(HEADERS) | T(PUSH_PROMISE), "http2.flags.padded",
      "h2.flag.padded" },
    { FRAME_PRIORITY_FLAG, T(HEADERS), "http2.flags.priority", "h2.flag.priority" },
};
#undef T

static const char *const setting_names[] = {
    "http2.settings.unknown",
    "http2.settings.header_table_size",
    "http2.settings.enable_push",
    "http2.settings.max_concurrent_streams",
    "http2.settings.initial_window_size",
    "http2.settings.max_frame_size",
    "http2.settings.max_header_list_size",
    "http2.settings.unknown",
    "http2.settings.extended_connect",
    "http2.settings.no_rfc7540_priorities",
};

static const struct name *name_of(uint8_t field, uint8_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].field == field && (names[i].type < 0 || names[i].type == type))
            return &names[i];
    }
    return &names[ARRAY_LEN(names) - 1];
}

static void head_items(struct detail *t, struct frame_head h)
{
    uint64_t at = t->ev->offset;
    const char *type = vitro_frame_type_name(h.type);

    vitro_detail_number(t, 0, "http2.length", "h2.length", at, 3, h.length, NULL);
    vitro_detail_number(t, 0, "http2.type",
                        vitro_detail_key(t, "h2.frame", h.type, "h2.frame.unknown"), at + 3, 1,
                        h.type, vitro_detail_text(t, "%s (%u)", type ? type : "unknown", h.type));
    vitro_detail_number(t, 0, "http2.flags", "h2.flags", at + 4, 1, h.flags,
                        vitro_detail_text(t, "0x%02x", h.flags));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (h.type < 16 && flags[i].types >> h.type & 1 && h.flags & flags[i].bit)
            vitro_detail_derived(t, 1, flags[i].name, flags[i].key, 1,
                                 vitro_frame_flag_name(h.type, flags[i].bit));
    }
    vitro_detail_number(t, 0, "http2.streamid", "h2.stream", at + 5, 4, h.stream, NULL);
    if (h.reserved)
        vitro_detail_derived(t, 1, "http2.r", "h2.reserved", 1, NULL);
}

static void settings_items(struct detail *t, vitro_bytes payload, uint64_t at, uint64_t end)
{
    struct frame_setting s;

    for (size_t i = 0; vitro_frame_setting_at(payload, i, &s) && at + s.off + 6 <= end; i++) {
        const char *name = vitro_frame_setting_name(s.id);
        const char *key = vitro_detail_key(t, "h2.settings", s.id, "h2.settings.unknown");
        vitro_detail_number(t, 1, "http2.settings.id", key, at + s.off, 2, s.id,
                            vitro_detail_text(t, "%s (%u)", name ? name : "unknown", s.id));
        vitro_detail_number(t, 1, setting_names[s.id < ARRAY_LEN(setting_names) ? s.id : 0], key,
                            at + s.off + 2, 4, s.value, NULL);
    }
}

static void number_part(struct detail *t, const struct name *n, const struct frame_part *p,
                        uint64_t at, uint64_t len)
{
    const char *text = NULL, *key = n->key, *error;

    if (p->field == FRAME_FIELD_ERROR_CODE) {
        error = vitro_frame_error_name(p->value);
        text = vitro_detail_text(t, "%s (%u)", error ? error : "unknown", p->value);
        key = vitro_detail_key(t, "h2.error", p->value, "h2.error.unknown");
    }
    vitro_detail_number(t, 0, n->name, key, at, len, p->value, text);
    if (p->high)
        vitro_detail_derived(
            t, 1, p->field == FRAME_FIELD_DEPENDENCY ? "http2.exclusive" : "http2.r",
            p->field == FRAME_FIELD_DEPENDENCY ? "h2.priority.exclusive" : "h2.reserved", 1, NULL);
}

static bool is_text(uint8_t field)
{
    return field == FRAME_FIELD_DEBUG_DATA || field == FRAME_FIELD_ORIGIN ||
           field == FRAME_FIELD_ALT_SVC || field == FRAME_FIELD_PRIORITY_VALUE;
}

/* A block is told by its fields; one that is not whole, by its bytes. */
static bool has_fields(const struct detail *t)
{
    if (detail_is_held(t))
        return t->ev->type != FRAME_CONTINUATION && t->ev->flags & FRAME_END_HEADERS;
    return t->ev->detail != UINT32_MAX;
}

static void part_item(struct detail *t, struct frame_head h, const struct frame_view *view,
                      const struct frame_part *p, vitro_bytes payload)
{
    const struct name *n = name_of(p->field, h.type);
    uint64_t from = t->ev->offset + FRAME_HEAD_BYTES, end = t->ev->offset + t->ev->length;
    uint64_t at = from + p->off, len = p->len, settled;
    const char *name = n->name;
    vitro_item *item;

    if (at >= end)
        return;
    len = MIN(len, end - at);
    if (!len && p->field != FRAME_FIELD_DATA)
        return;
    if (p->known && p->len == len) {
        number_part(t, n, p, at, len);
        return;
    }
    if (p->field == FRAME_FIELD_OPAQUE && h.flags & FRAME_ACK)
        name = "http2.pong";
    item = vitro_detail_add(t, VITRO_ITEM_BYTES, 0, name, n->key, at, len);
    if (is_text(p->field)) {
        vitro_bytes text = vitro_frame_bytes(view, (enum frame_field)p->field, payload);
        item->form = VITRO_ITEM_TEXT;
        item->text = vitro_detail_copy(t, (vitro_str){ (const char *)text.ptr, text.len });
    } else if (p->field == FRAME_FIELD_SETTINGS) {
        item->form = VITRO_ITEM_GROUP;
        settings_items(t, payload, from, end);
        settled = MIN(payload.len, len) / 6 * 6;
        if (settled < len)
            vitro_detail_add(t, VITRO_ITEM_BYTES, 1, "http2.unknown", "unknown", at + settled,
                             len - settled);
    } else if (p->field == FRAME_FIELD_FRAGMENT && has_fields(t)) {
        item->form = VITRO_ITEM_GROUP;
        t->block_at = at;
        vitro_detail_block(t, t->ev->rope, len, 1);
    } else if (p->field == FRAME_FIELD_EXCESS) {
        item->bits |= VITRO_ITEM_UNKNOWN;
    }
}

/* How many bytes of a span come before its first hole. */
static uint64_t before_hole(struct detail *t, vitro_span span)
{
    vitro_span parts[8];
    uint64_t sum = 0;

    while (span.length) {
        size_t n = vitro_decode_parts(t->decode, &span, parts, ARRAY_LEN(parts));
        for (size_t i = 0; i < MIN(n, ARRAY_LEN(parts)); i++) {
            if (parts[i].hole)
                return sum;
            sum += parts[i].length;
            span.offset += parts[i].length;
            span.length -= parts[i].length;
        }
        if (!n)
            break;
    }
    return sum;
}

/* The entry of the dictionary for a frame: some flags make another thing of it. */
static const char *frame_key(struct detail *t)
{
    const vitro_event *ev = t->ev;

    if (ev->type == FRAME_SETTINGS && ev->flags & FRAME_ACK)
        return "h2.settings.ack";
    if (ev->type == FRAME_PING && ev->flags & FRAME_ACK)
        return "h2.pong";
    if (ev->type == FRAME_HEADERS && ev->flags & FRAME_END_STREAM && ev->dir == VITRO_S2C)
        return "h2.trailers";
    return vitro_detail_key(t, "h2.frame", ev->type, "h2.frame.unknown");
}

void vitro_detail_frame(struct detail *t, vitro_detail *out)
{
    struct frame_view view;
    struct frame_head h;
    vitro_span span = vitro_event_span(t->ev);
    struct buf *b = &t->decode->scratch;
    const char *title = vitro_frame_type_name(t->ev->type);
    size_t max = FRAME_HEAD_BYTES +
                 (t->ev->type == FRAME_DATA ? (size_t)FRAME_FRONT_BYTES : (size_t)PAYLOAD_MAX);

    out->title = vitro_str_of(title ? title : vitro_detail_text(t, "type %u", t->ev->type));
    out->key = frame_key(t);
    if (t->brief)
        return;
    vitro_buf_consume(b, b->len);
    vitro_decode_gather(t->decode, &span, max, b);
    if (t->ev->bits & VITRO_EVENT_HOLE)
        b->len = MIN(b->len, (size_t)before_hole(t, span));
    if (b->len < FRAME_HEAD_BYTES) {
        vitro_detail_add(t, VITRO_ITEM_BYTES, 0, "http2.unknown", "unknown", t->ev->offset,
                         t->ev->length);
        return;
    }
    h = vitro_frame_head_read(b->ptr);
    vitro_bytes payload = { b->ptr + FRAME_HEAD_BYTES, b->len - FRAME_HEAD_BYTES };
    vitro_frame_view(&view, h, payload, 0);
    head_items(t, h);
    for (unsigned i = 0; i < view.count; i++)
        part_item(t, h, &view, &view.part[i], payload);
}
