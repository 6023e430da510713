#include "decode/detail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

static bool items_room(struct detail *t)
{
    size_t cap = t->cap ? t->cap * 2 : 32;
    vitro_item *items;

    if (t->full || t->count < t->cap)
        return !t->full;
    items = vitro_arena_alloc(&t->decode->detail, cap * sizeof *items);
    if (!items) {
        t->full = true;
        return false;
    }
    if (t->count)
        memcpy(items, t->items, t->count * sizeof *items);
    t->items = items;
    t->cap = cap;
    return true;
}

vitro_item *vitro_detail_add(struct detail *t, vitro_item_form form, unsigned depth,
                             const char *name, const char *key, uint64_t off, uint64_t len)
{
    vitro_item *item = items_room(t) ? &t->items[t->count++] : &t->sink;

    memset(item, 0, sizeof *item);
    item->name = name;
    item->key = t->bare ? NULL : key;
    item->form = (uint8_t)form;
    item->depth = (uint8_t)MIN(depth + t->base, UINT8_MAX);
    item->span = vitro_event_span(t->ev);
    item->span.offset = off;
    item->span.length = len;
    item->text = vitro_str_of("");
    return item;
}

vitro_item *vitro_detail_number(struct detail *t, unsigned depth, const char *name, const char *key,
                                uint64_t off, uint64_t len, uint64_t number, const char *text)
{
    vitro_item *item = vitro_detail_add(t, VITRO_ITEM_NUMBER, depth, name, key, off, len);

    item->number = number;
    item->text = vitro_str_of(text ? text : vitro_detail_decimal(t, number));
    return item;
}

vitro_item *vitro_detail_derived(struct detail *t, unsigned depth, const char *name,
                                 const char *key, uint64_t number, const char *text)
{
    vitro_item *item = vitro_detail_number(t, depth, name, key, t->ev->offset, 0, number, text);

    item->bits |= VITRO_ITEM_DERIVED;
    return item;
}

const char *vitro_detail_text(struct detail *t, const char *format, ...)
{
    char text[256], *copy;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return "";
    n = MIN(n, (int)sizeof text - 1);
    copy = vitro_arena_alloc(&t->decode->detail, (size_t)n + 1);
    if (!copy)
        return "";
    memcpy(copy, text, (size_t)n + 1);
    return copy;
}

/* Most texts are numbers, and there are many of them. */
const char *vitro_detail_decimal(struct detail *t, uint64_t number)
{
    char text[20], *copy;
    size_t n = 0;

    do
        text[n++] = (char)('0' + number % 10);
    while (number /= 10);
    copy = vitro_arena_alloc(&t->decode->detail, n + 1);
    if (!copy)
        return "";
    for (size_t i = 0; i < n; i++)
        copy[i] = text[n - 1 - i];
    copy[n] = '\0';
    return copy;
}

vitro_str vitro_detail_copy(struct detail *t, vitro_str s)
{
    vitro_str none = { "", 0 };
    char *copy = vitro_arena_alloc(&t->decode->detail, s.len + 1);

    if (!copy)
        return none;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (vitro_str){ copy, s.len };
}

const char *vitro_detail_key(struct detail *t, const char *key, uint64_t number,
                             const char *fallback)
{
    const char *full;
    vitro_explanation e;

    if (t->bare)
        return NULL;
    full = vitro_detail_text(t, "%s.%llu", key, (unsigned long long)number);
    return vitro_explain(full, VITRO_ENGLISH, &e) ? e.key : fallback;
}

static void detail_tcp(struct detail *t, vitro_detail *out)
{
    static const char *const titles[] = { "SYN", "FIN", "RST", "gap", "retransmission" };
    static const char *const keys[] = { "tcp.open", "tcp.fin", "tcp.rst", "tcp.gap",
                                        "tcp.retransmission" };

    out->title = vitro_str_of(titles[t->ev->type % ARRAY_LEN(titles)]);
    out->key = keys[t->ev->type % ARRAY_LEN(keys)];
    if (t->ev->flags)
        vitro_detail_derived(t, 0, "tcp.flags", NULL, t->ev->flags, NULL);
    if (t->ev->type == VITRO_TCP_GAP)
        vitro_detail_derived(t, 0, "gap", "tcp.gap", t->ev->length, NULL);
    if (t->ev->type == VITRO_TCP_RETRANSMISSION)
        vitro_detail_derived(t, 0, "retransmission", "tcp.retransmission", t->ev->length, NULL);
}

void vitro_detail_whole(struct detail *t, vitro_detail *out, const char *title, const char *name,
                        const char *key)
{
    out->title = vitro_str_of(title);
    out->key = key;
    vitro_detail_add(t, VITRO_ITEM_BYTES, 0, name, key, t->ev->offset, t->ev->length);
}

static void make(struct detail *t, vitro_detail *out)
{
    switch (t->ev->kind) {
    case VITRO_EVENT_TCP:
        detail_tcp(t, out);
        break;
    case VITRO_EVENT_PREFACE:
        vitro_detail_whole(t, out, "preface", "http2.magic", "h2.preface");
        break;
    case VITRO_EVENT_FRAME:
        vitro_detail_frame(t, out);
        break;
    case VITRO_EVENT_TLS:
        vitro_detail_tls(t, out);
        break;
    case VITRO_EVENT_GRPC:
        vitro_detail_grpc(t, out);
        break;
    case VITRO_EVENT_PROTOBUF:
        vitro_detail_protobuf(t, out);
        break;
    case VITRO_EVENT_NOTE:
        if (detail_is_held(t))
            vitro_detail_held(t, out);
        else
            vitro_detail_note(t, out);
        break;
    default:
        vitro_detail_whole(t, out, "unknown", "unknown", "unknown");
    }
}

static bool of_call(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_GRPC ||
           (ev->kind == VITRO_EVENT_PROTOBUF && ev->source == VITRO_SOURCE_BODY);
}

vitro_str vitro_decode_path(const vitro_decode *d, const vitro_event *ev)
{
    return vitro_names_get(&d->names, of_call(ev) ? ev->path : 0);
}

vitro_str vitro_decode_encoding(const vitro_decode *d, const vitro_event *ev)
{
    return vitro_names_get(&d->names, of_call(ev) ? ev->encoding : 0);
}

/* t says how much is asked for. */
static vitro_code detail(vitro_decode *d, const vitro_event *ev, struct detail t, vitro_detail *out,
                         vitro_error *err)
{
    memset(out, 0, sizeof *out);
    t.decode = d;
    t.ev = ev;
    vitro_arena_reset(&d->detail);
    out->title = vitro_str_of("");
    out->path = vitro_decode_path(d, ev);
    out->encoding = vitro_decode_encoding(d, ev);
    out->why = ev->why ? vitro_decode_why(ev->why) : NULL;
    make(&t, out);
    out->items = t.items;
    out->count = t.count;
    if (t.full)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "decode", 0,
                          "event %u has more fields than memory allows", ev->number);
    return VITRO_OK;
}

vitro_code vitro_decode_detail(vitro_decode *d, const vitro_event *ev, vitro_detail *out,
                               vitro_error *err)
{
    return detail(d, ev, (struct detail){ .bare = false }, out, err);
}

vitro_code vitro_decode_fields(vitro_decode *d, const vitro_event *ev, vitro_detail *out,
                               vitro_error *err)
{
    return detail(d, ev, (struct detail){ .bare = true }, out, err);
}

vitro_code vitro_decode_brief(vitro_decode *d, const vitro_event *ev, vitro_detail *out,
                              vitro_error *err)
{
    vitro_code rc = detail(d, ev, (struct detail){ .bare = true, .brief = true }, out, err);

    out->items = NULL;
    out->count = 0;
    return rc;
}
