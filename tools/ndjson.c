#include "ndjson.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "ndjson_message.h"

static const char *const kinds[16] = {
    [VITRO_EVENT_TCP] = "tcp",       [VITRO_EVENT_TLS] = "tls",
    [VITRO_EVENT_PREFACE] = "http2", [VITRO_EVENT_FRAME] = "http2",
    [VITRO_EVENT_GRPC] = "grpc",     [VITRO_EVENT_PROTOBUF] = "protobuf",
    [VITRO_EVENT_NOTE] = "note",     [VITRO_EVENT_UNKNOWN] = "unknown",
};

static void time_of(struct json_out *j, int64_t ns)
{
    char text[48];
    int64_t abs = ns < 0 ? -ns : ns;

    snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, ns < 0 ? "-" : "", abs / 1000000000,
             abs % 1000000000);
    json_text(j, "ts", vitro_str_of(text));
}

static void place(struct json_out *j, const vitro_event *ev)
{
    vitro_span span = vitro_event_span(ev);
    char name[64];

    json_text(j, "event", vitro_str_of(kinds[ev->kind & 15]));
    json_number(j, "n", ev->number);
    time_of(j, ev->time);
    if (ev->conn != VITRO_NO_CONN) {
        json_number(j, "conn", ev->conn);
        json_text(j, "dir", vitro_str_of(ev->dir == VITRO_C2S ? "c2s" : "s2c"));
    }
    vitro_span_name(&span, name, sizeof name);
    json_text(j, "src", vitro_str_of(name));
    json_number(j, "off", ev->offset);
    json_number(j, "len", ev->length);
    json_number(j, "pkt", ev->packet);
    if (ev->parent)
        json_number(j, "parent", ev->parent);
}

static void bits(struct json_out *j, const vitro_event *ev, const vitro_detail *dt)
{
    static const char *const names[] = { "suspect", "hole", "cut", "guessed" };

    for (unsigned i = 0; i < 4; i++) {
        if (ev->bits >> i & 1)
            json_bool(j, names[i], true);
    }
    if (dt->why)
        json_text(j, "why", vitro_str_of(dt->why));
}

/* ---- Header fields ------------------------------------------------------------------------- */

static bool is_unescaped(const vitro_item *item)
{
    return strcmp(item->name, "http2.header.unescaped") == 0;
}

/* What its value says in other letters: the text, or the message that it holds as base64. */
static void header_meaning(struct json_out *j, const vitro_detail *dt, size_t i)
{
    unsigned depth = dt->items[i].depth;

    for (i++; i < dt->count && dt->items[i].depth > depth; i++) {
        if (is_unescaped(&dt->items[i]))
            json_text(j, dt->items[i].name, dt->items[i].text);
        if (strcmp(dt->items[i].name, "protobuf") != 0)
            continue;
        json_text(j, "protobuf.message.name", dt->items[i].text);
        ndjson_fields(j, dt, i + 1, dt->items[i].depth + 1U);
        return;
    }
}

static void header(struct ndjson *n, struct json_out *j, const vitro_detail *dt, size_t at)
{
    const vitro_item *item = &dt->items[at];
    const vitro_item_header *h = item->header;

    json_open(j, NULL, '{');
    json_text(j, "http2.header.name", h->name);
    json_text(j, "http2.header.value", h->value);
    json_text(j, "http2.header.repr", vitro_str_of(h->repr));
    if (h->index)
        json_number(j, "http2.header.index", h->index);
    json_bool(j, "huffman_name", h->huffman_name);
    json_bool(j, "huffman_value", h->huffman_value);
    json_number(j, "off", item->span.offset);
    json_number(j, "len", item->span.length);
    if (h->unknown_name || h->unknown_value)
        json_bool(j, "unknown", true);
    if (h->told)
        json_bool(j, "told", true);
    if (item->text.len)
        json_text(j, "why", item->text);
    if (n->hpack) {
        json_bool(j, "inserted", h->inserted);
        json_number(j, "evicted", h->evicted);
        json_number(j, "table_count", h->table_count);
        json_number(j, "table_size", h->table_size);
    }
    header_meaning(j, dt, at);
    json_close(j, '}');
}

static void headers(struct ndjson *n, struct json_out *j, const vitro_detail *dt)
{
    char name[64];

    json_open(j, "headers", '[');
    for (size_t i = 0; i < dt->count; i++) {
        if (dt->items[i].header)
            header(n, j, dt, i);
    }
    json_close(j, ']');
    for (size_t i = 0; i < dt->count; i++) {
        if (dt->items[i].header && dt->items[i].span.source == VITRO_SOURCE_BLOCK) {
            vitro_span_name(&dt->items[i].span, name, sizeof name);
            json_text(j, "headers.src", vitro_str_of(name));
            break;
        }
    }
}

/* ---- Frames -------------------------------------------------------------------------------- */

static void settings(struct json_out *j, const vitro_detail *dt)
{
    json_open(j, "http2.settings", '[');
    for (size_t i = 0; i + 1 < dt->count; i++) {
        if (strcmp(dt->items[i].name, "http2.settings.id") != 0)
            continue;
        json_open(j, NULL, '{');
        json_number(j, "http2.settings.id", dt->items[i].number);
        json_number(j, dt->items[i + 1].name, dt->items[i + 1].number);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void span_hex(struct json_out *j, const vitro_decode *d, const vitro_item *item)
{
    uint8_t b[64];
    size_t n = vitro_decode_bytes(d, &item->span, 0, b, sizeof b, NULL);

    if (item->span.length <= sizeof b)
        json_hex(j, item->name, (vitro_str){ (const char *)b, n });
}

static void table_updates(struct json_out *j, const vitro_detail *dt)
{
    static const char name[] = "http2.header_table_size_update.header_table_size";
    bool open = false;

    for (size_t i = 0; i < dt->count; i++) {
        if (strcmp(dt->items[i].name, name) != 0)
            continue;
        if (!open)
            json_open(j, name, '[');
        open = true;
        json_number(j, NULL, dt->items[i].number);
    }
    if (open)
        json_close(j, ']');
}

/*
 * A member of the frame by itself; settings and header fields are lists of their own. A held frame
 * has all its bytes in one source, and what is in a field there lies deeper.
 */
static bool is_member(const vitro_item *item)
{
    if (strncmp(item->name, "http2.settings", 14) == 0 || is_unescaped(item))
        return false;
    return item->span.source == VITRO_SOURCE_DIRECTION || item->span.source == VITRO_SOURCE_TLS ||
           (item->span.source == VITRO_SOURCE_CAPTURE && item->depth <= 1 &&
            strncmp(item->name, "http2.", 6) == 0);
}

static void frame_item(struct json_out *j, const vitro_decode *d, const vitro_item *item)
{
    switch (item->form) {
    case VITRO_ITEM_NUMBER:
        if (strncmp(item->name, "http2.flags.", 12) == 0)
            json_bool(j, item->name, true);
        else
            json_number(j, item->name, item->number);
        break;
    case VITRO_ITEM_TEXT:
        json_text(j, item->name, item->text);
        break;
    case VITRO_ITEM_BYTES:
        if (strcmp(item->name, "http2.data.data") == 0)
            json_number(j, "http2.data.length", item->span.length);
        else
            span_hex(j, d, item);
        break;
    default:
        break;
    }
}

/* A member may stand in an object only once: of a name that repeats, the first counts. */
static bool first_of_name(const vitro_detail *dt, size_t i)
{
    if (!is_member(&dt->items[i]))
        return false;
    for (size_t k = 0; k < i; k++) {
        if (is_member(&dt->items[k]) && strcmp(dt->items[k].name, dt->items[i].name) == 0)
            return false;
    }
    return true;
}

static void frame(struct ndjson *n, struct json_out *j, vitro_decode *d, const vitro_event *ev,
                  const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++) {
        if (first_of_name(dt, i))
            frame_item(j, d, &dt->items[i]);
    }
    if (ev->type == 4)
        settings(j, dt);
    if (ev->type == 1 || ev->type == 5 || ev->type == 9) {
        table_updates(j, dt);
        headers(n, j, dt);
    }
}

/* ---- Records ------------------------------------------------------------------------------- */

/* Of a record what has a value; bytes are found by off and len. */
static bool is_said(const vitro_item *item)
{
    return item->form == VITRO_ITEM_NUMBER || item->form == VITRO_ITEM_TEXT;
}

static void record_value(struct json_out *j, const char *key, const vitro_item *item)
{
    if (item->form == VITRO_ITEM_NUMBER)
        json_number(j, key, item->number);
    else
        json_text(j, key, item->text);
}

/* The next item of the same name from i on, or how many there are. */
static size_t same_name(const vitro_detail *dt, size_t i, const char *name)
{
    while (i < dt->count && (!is_said(&dt->items[i]) || strcmp(dt->items[i].name, name) != 0))
        i++;
    return i;
}

/* A field that a record has several times is a list, as Wireshark has it. */
static void record(struct json_out *j, const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++) {
        const char *name = dt->items[i].name;
        if (!is_said(&dt->items[i]) || same_name(dt, 0, name) < i)
            continue;
        if (same_name(dt, i + 1, name) == dt->count) {
            record_value(j, name, &dt->items[i]);
            continue;
        }
        json_open(j, name, '[');
        for (size_t k = i; k < dt->count; k = same_name(dt, k + 1, name))
            record_value(j, NULL, &dt->items[k]);
        json_close(j, ']');
    }
}

/* A held frame: what it would be if it were on the wire. */
static void held(struct ndjson *n, struct json_out *j, vitro_decode *d, const vitro_event *ev,
                 const vitro_detail *dt)
{
    if (!dt->count || strncmp(dt->items[0].name, "http2.length", 12) != 0) {
        if (dt->count && strcmp(dt->items[0].name, "http2.magic") == 0)
            json_bool(j, "http2.magic", true);
        return;
    }
    frame(n, j, d, ev, dt);
    if (ev->type == 0)
        ndjson_held_messages(j, dt);
}

static vitro_str message_of(const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++) {
        if (strcmp(dt->items[i].name, "MESSAGE") == 0)
            return dt->items[i].text;
    }
    return dt->title;
}

static void note(struct json_out *j, const vitro_detail *dt)
{
    char name[64];

    json_text(j, "message", message_of(dt));
    for (size_t i = 0; i < dt->count; i++) {
        size_t n = 0;
        if (strncmp(dt->items[i].name, "VITRO_", 6) != 0)
            continue;
        for (const char *c = dt->items[i].name; *c && n < sizeof name - 1; c++)
            name[n++] = (char)tolower((unsigned char)*c);
        name[n] = '\0';
        json_text(j, strcmp(name, "vitro_kind") == 0 ? "kind" : name, dt->items[i].text);
    }
}

/* ---- Lines --------------------------------------------------------------------------------- */

void ndjson_begin(struct ndjson *n, const char *file, const char *keylog)
{
    struct json_out j = { n->out, false };

    json_open(&j, NULL, '{');
    json_text(&j, "event", vitro_str_of("vitro"));
    json_number(&j, "version", 1);
    json_text(&j, "file", vitro_str_of(file));
    if (keylog)
        json_text(&j, "keylog", vitro_str_of(keylog));
    json_close(&j, '}');
    fputc('\n', n->out);
}

static void tcp(struct json_out *j, const vitro_detail *dt)
{
    for (size_t i = 0; i < dt->count; i++)
        json_number(j, dt->items[i].name, dt->items[i].number);
}

void ndjson_event(struct ndjson *n, vitro_decode *d, const vitro_event *ev)
{
    struct json_out j = { n->out, false };
    vitro_detail dt;

    json_open(&j, NULL, '{');
    place(&j, ev);
    if (vitro_decode_detail(d, ev, &dt, NULL))
        json_bool(&j, "partial", true);
    switch (ev->kind) {
    case VITRO_EVENT_TCP:
        tcp(&j, &dt);
        break;
    case VITRO_EVENT_PREFACE:
        json_bool(&j, "http2.magic", true);
        break;
    case VITRO_EVENT_FRAME:
        frame(n, &j, d, ev, &dt);
        break;
    case VITRO_EVENT_TLS:
        if (ev->flags & VITRO_TLS_EARLY)
            json_bool(&j, "early", true);
        record(&j, &dt);
        break;
    case VITRO_EVENT_GRPC:
    case VITRO_EVENT_PROTOBUF:
        ndjson_message(&j, ev, &dt);
        break;
    case VITRO_EVENT_NOTE:
        note(&j, &dt);
        if (ev->bits & VITRO_EVENT_HELD)
            held(n, &j, d, ev, &dt);
        break;
    default:
        if (ev->stream)
            json_number(&j, "http2.streamid", ev->stream);
    }
    bits(&j, ev, &dt);
    json_close(&j, '}');
    fputc('\n', n->out);
}

void ndjson_end(struct ndjson *n, const vitro_decode *d, const char *error)
{
    struct json_out j = { n->out, false };
    vitro_decode_stats s;

    vitro_decode_stats_get(d, &s);
    json_open(&j, NULL, '{');
    json_text(&j, "event", vitro_str_of("end"));
    json_number(&j, "events", s.events);
    json_number(&j, "packets", s.packets);
    json_number(&j, "connections", s.connections);
    json_number(&j, "frames", s.frames);
    json_number(&j, "headers", s.headers);
    json_number(&j, "messages", s.messages);
    json_number(&j, "unknown", s.unknown);
    json_number(&j, "lost", s.lost);
    if (s.tls) {
        json_number(&j, "tls", s.tls);
        json_number(&j, "sealed", s.sealed);
        json_number(&j, "unseen", s.sealed_unseen);
    }
    if (n->live || s.missed)
        json_number(&j, "missed", n->live ? MAX(live_get(&n->live->missed), s.missed) : s.missed);
    if (error)
        json_text(&j, "error", vitro_str_of(error));
    json_close(&j, '}');
    fputc('\n', n->out);
}
