/*
 * text_fields - the bytes of an event and its fields, each with the bytes it came from.
 */
#include "print.h"

#include <inttypes.h>
#include <string.h>

#include "base/util.h"

enum { ROW = 16, SHOWN = 8, MOST = 512 };

static void put_row(FILE *out, uint64_t offset, const uint8_t *b, size_t n)
{
    fprintf(out, "    %04" PRIx64 " ", offset);
    for (size_t i = 0; i < ROW; i++) {
        if (i < n)
            fprintf(out, i == ROW / 2 ? "  %02x" : " %02x", b[i]);
        else
            fputs(i == ROW / 2 ? "    " : "   ", out);
    }
    fputs("  |", out);
    for (size_t i = 0; i < n; i++)
        fputc(b[i] >= 0x20 && b[i] < 0x7f ? b[i] : '.', out);
    fputs("|\n", out);
}

/* Of so many bytes: NDJSON has them all. */
static uint64_t shown_of(const struct printer *p, uint64_t len)
{
    uint64_t most = p->most ? p->most : MOST;

    return len <= most ? len : p->few ? p->few : most;
}

static void put_bytes(struct printer *p, const vitro_decode *d, const vitro_event *ev)
{
    vitro_span span = vitro_event_span(ev);
    uint64_t shown = shown_of(p, ev->length);
    uint8_t row[ROW];

    for (uint64_t at = 0; at < shown; at += ROW) {
        size_t want = shown - at < ROW ? (size_t)(shown - at) : ROW;
        size_t n = vitro_decode_bytes(d, &span, at, row, want, NULL);
        if (!n)
            break;
        put_row(p->out, ev->offset + at, row, n);
    }
    if (shown < ev->length)
        fprintf(p->out, "    %04" PRIx64 "  and %" PRIu64 " bytes more\n", ev->offset + shown,
                ev->length - shown);
}

/* `0018+3  00 00 77   ` in a column of its own. */
static void put_where(struct printer *p, const vitro_decode *d, const vitro_item *item)
{
    uint8_t b[SHOWN];
    size_t n;
    int width;

    if (item->bits & VITRO_ITEM_DERIVED) {
        fprintf(p->out, "    %-12s%*s", "", SHOWN * 3, "");
        return;
    }
    width = fprintf(p->out, "    %04" PRIx64 "+%" PRIu64, item->span.offset, item->span.length);
    fprintf(p->out, "%*s", width < 16 ? 16 - width : 1, "");
    n = vitro_decode_bytes(d, &item->span, 0, b, SHOWN, NULL);
    for (size_t i = 0; i < SHOWN; i++) {
        if (i == SHOWN - 1 && item->span.length > SHOWN)
            fputs(".. ", p->out);
        else if (i < n)
            fprintf(p->out, "%02x ", b[i]);
        else
            fputs("   ", p->out);
    }
}

/* What is left out of Wireshark's names: the protocol, and what it is a field of. */
static const struct {
    const char *begin, *left_out;
} prefixes[] = {
    { "http2.", "http2." },
    { "grpc.", "grpc." },
    { "protobuf.", "protobuf." },
    { "tls.handshake.extensions_length", "tls.handshake." },
    { "tls.handshake.extensions_", "tls.handshake.extensions_" },
    { "tls.handshake.extensions.", "tls.handshake.extensions." },
    { "tls.handshake.extension.", "tls.handshake.extension." },
    { "tls.handshake.", "tls.handshake." },
    { "tls.record.", "tls.record." },
    { "tls.alert_message.", "tls.alert_message." },
    { "tls.extension.", "tls.extension." },
    { "tls.", "tls." },
};

static const char *label(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (strncmp(name, prefixes[i].begin, strlen(prefixes[i].begin)) == 0)
            return name + strlen(prefixes[i].left_out);
    }
    return name;
}

static void put_header(struct printer *p, const vitro_item *item)
{
    const vitro_item_header *h = item->header;

    print_escaped(p, h->name);
    fputs(": ", p->out);
    if (h->unknown_value)
        fputs("(unknown)", p->out);
    else
        print_escaped(p, h->value);
    fprintf(p->out, "  (%s", h->repr);
    if (h->index)
        fprintf(p->out, ", index %" PRIu32, h->index);
    if (h->huffman_name || h->huffman_value)
        fputs(", Huffman", p->out);
    if (h->told)
        fputs(", told by a note", p->out);
    fputc(')', p->out);
    if (p->hpack)
        fprintf(p->out, "  table: %s%" PRIu32 " entries, %" PRIu32 " bytes, %" PRIu32 " evicted",
                h->inserted ? "+1, " : "", h->table_count, h->table_size, h->evicted);
}

static void put_hex(FILE *out, vitro_str s)
{
    for (size_t i = 0; i < s.len && i < 32; i++)
        fprintf(out, "%02x", (unsigned char)s.ptr[i]);
    if (s.len > 32)
        fputs("..", out);
}

/* In whole characters. */
static void put_text(struct printer *p, vitro_str s)
{
    size_t n = (size_t)shown_of(p, s.len);

    while (n < s.len && n && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    fputc('"', p->out);
    print_escaped(p, (vitro_str){ s.ptr, n });
    fputc('"', p->out);
    if (n < s.len)
        fprintf(p->out, " and %zu bytes more", s.len - n);
}

static bool reads_as_text(const char *type)
{
    return strcmp(type, "string") == 0;
}

static void put_readings(struct printer *p, const vitro_item_field *f)
{
    for (size_t i = 0; i < f->reading_count; i++) {
        const vitro_reading *r = &f->readings[i];
        fprintf(p->out, "%s%s ", i ? " | " : "", r->type);
        if (reads_as_text(r->type)) {
            put_text(p, r->value);
        } else if (strcmp(r->type, "bytes") == 0 || strcmp(r->type, "message") == 0) {
            put_hex(p->out, r->value);
        } else {
            print_escaped(p, r->value);
        }
    }
}

static void put_field(struct printer *p, const vitro_item *item)
{
    const vitro_item_field *f = item->field;

    if (f->name.len) {
        print_escaped(p, f->name);
        fprintf(p->out, " = %" PRIu32 " (%s): ", f->number, f->type ? f->type : "?");
    } else {
        fprintf(p->out, "field %" PRIu32 ": ", f->number);
    }
    if (f->reading_count) {
        put_readings(p, f);
    } else if (f->bare_text) {
        put_text(p, f->value);
    } else if (f->bare_number) {
        print_escaped(p, f->value);
        if (item->text.len) {
            fputc(' ', p->out);
            print_escaped(p, item->text);
        }
    } else if (f->value.len) {
        put_hex(p->out, f->value);
    } else {
        print_escaped(p, item->text); /* of a message */
    }
}

void print_item(struct printer *p, const vitro_item *item)
{
    switch (item->form) {
    case VITRO_ITEM_HEADER:
        put_header(p, item);
        break;
    case VITRO_ITEM_FIELD:
        put_field(p, item);
        break;
    default:
        fputs(label(item->name), p->out);
        if (item->text.len) {
            fputs(": ", p->out);
            print_escaped(p, item->text);
        }
    }
}

static void put_item(struct printer *p, const vitro_decode *d, const vitro_item *item)
{
    put_where(p, d, item);
    fprintf(p->out, " %*s", item->depth * 2, "");
    print_item(p, item);
    fputc('\n', p->out);
}

/* Groups are told by what is in them, and the words of a note by its first line. */
static bool is_shown(const vitro_item *item)
{
    bool word = strncmp(item->name, "VITRO_", 6) == 0 || strcmp(item->name, "MESSAGE") == 0 ||
                item->name[0] == '_';

    return !word && (item->form != VITRO_ITEM_GROUP || item->bits & VITRO_ITEM_DERIVED);
}

void print_event(struct printer *p, vitro_decode *d, const vitro_event *ev)
{
    vitro_detail dt;

    if (vitro_decode_detail(d, ev, &dt, NULL))
        fprintf(p->out, "#%" PRIu32 " has more fields than memory allows\n", ev->number);
    print_headline(p, d, ev, &dt);
    if (ev->kind == VITRO_EVENT_TCP ||
        (ev->kind == VITRO_EVENT_NOTE && !(ev->bits & VITRO_EVENT_HELD)))
        return;
    if (!p->no_bytes)
        put_bytes(p, d, ev);
    for (size_t i = 0; i < dt.count; i++) {
        if (is_shown(&dt.items[i]))
            put_item(p, d, &dt.items[i]);
    }
}
