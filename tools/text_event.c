/*
 * text_event - the first line of an event, and the words about it.
 */
#include "print.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "wrap.h"

/* A character outside ASCII as \u{..}. */
static void put_ascii(FILE *out, const char *text, size_t len)
{
    vitro_str s = { text, len };
    uint32_t c;

    while (s.len) {
        size_t n = vitro_utf8_decode(s, &c);
        if (n <= 1)
            fputc(*s.ptr, out);
        else
            fprintf(out, "\\u{%" PRIx32 "}", c);
        n = n ? n : 1;
        s.ptr += n;
        s.len -= n;
    }
}

static void put(struct printer *p, const char *text, size_t len)
{
    if (p->ascii)
        put_ascii(p->out, text, len);
    else
        fwrite(text, 1, len, p->out);
}

/* The beginning of s that may be shown as it is. */
static size_t harmless(vitro_str s, unsigned *marks)
{
    size_t at = 0, n;
    uint32_t c;

    for (; at < s.len; at += n) {
        n = vitro_utf8_decode((vitro_str){ s.ptr + at, s.len - at }, &c);
        if (n == 0 || !vitro_utf8_printable(c))
            break;
        *marks = wrap_columns_of(c) ? 0 : *marks + 1;
        if (*marks > WRAP_MARKS)
            break;
    }
    return at;
}

void print_escaped(struct printer *p, vitro_str s)
{
    unsigned marks = 0;
    uint32_t c;

    while (s.len) {
        size_t n = harmless(s, &marks);
        put(p, s.ptr, n);
        s.ptr += n;
        s.len -= n;
        if (!s.len)
            break;
        n = vitro_utf8_decode(s, &c);
        if (n)
            fprintf(p->out, "\\u{%" PRIx32 "}", c);
        else
            fprintf(p->out, "\\x{%02x}", (unsigned char)*s.ptr);
        n = n ? n : 1;
        s.ptr += n;
        s.len -= n;
    }
}

static char arrow(const vitro_event *ev)
{
    if (ev->kind == VITRO_EVENT_NOTE || ev->conn == VITRO_NO_CONN) /* or a message in a note */
        return '*';
    return ev->dir == VITRO_C2S ? '>' : '<';
}

/* The names of the flags that are set, as the detail knows them. */
static void put_flags(struct printer *p, const vitro_detail *dt)
{
    bool any = false;

    for (size_t i = 0; i < dt->count; i++) {
        if (strncmp(dt->items[i].name, "http2.flags.", 12) != 0)
            continue;
        fprintf(p->out, "%s%.*s", any ? "," : " flags ", (int)dt->items[i].text.len,
                dt->items[i].text.ptr);
        any = true;
    }
}

static const vitro_item *item_named(const vitro_detail *dt, const char *name)
{
    for (size_t i = 0; i < dt->count; i++) {
        if (strcmp(dt->items[i].name, name) == 0)
            return &dt->items[i];
    }
    return NULL;
}

static void put_frame(struct printer *p, const vitro_event *ev, const vitro_detail *dt)
{
    const vitro_item *length = item_named(dt, "http2.length");

    fprintf(p->out, " stream %" PRIu32, ev->stream);
    put_flags(p, dt);
    if (length)
        fprintf(p->out, " length %" PRIu64, length->number);
}

/* A frame that is not on the wire: which unit of the gate it is, and whither it will go. */
static void put_held(struct printer *p, const vitro_event *ev, const vitro_detail *dt)
{
    const vitro_item *unit = item_named(dt, "VITRO_UNIT");

    fputs("held", p->out);
    if (unit) {
        fputc(' ', p->out);
        print_escaped(p, unit->text);
    }
    fprintf(p->out, " %c ", ev->dir == VITRO_C2S ? '>' : '<');
    print_escaped(p, dt->title);
    if (item_named(dt, "http2.length"))
        put_frame(p, ev, dt);
}

static void put_tcp(struct printer *p, vitro_decode *d, const vitro_event *ev)
{
    fprintf(p->out, " %s to %s", vitro_decode_endpoint(d, ev->conn, ev->dir),
            vitro_decode_endpoint(d, ev->conn, !ev->dir));
    if (ev->length)
        fprintf(p->out, " length %" PRIu64, ev->length);
}

/* Frames do not tell where a message ends: it may lie in many of them. */
static void put_frames(struct printer *p, const vitro_decode *d, const vitro_event *ev)
{
    vitro_span span = vitro_event_span(ev);
    size_t frames = vitro_decode_parts(d, &span, NULL, 0);

    if (frames > 1)
        fprintf(p->out, " in %zu frames", frames);
}

static void put_message(struct printer *p, const vitro_decode *d, const vitro_event *ev,
                        const vitro_detail *dt)
{
    const vitro_item *data = item_named(dt, "grpc.message_data"); /* compressed */

    if (ev->stream)
        fprintf(p->out, " stream %" PRIu32, ev->stream);
    if (ev->kind == VITRO_EVENT_GRPC) {
        fputc(' ', p->out);
        if (dt->path.len)
            print_escaped(p, dt->path);
        else
            fputs("path unknown", p->out);
    }
    fprintf(p->out, " length %" PRIu64,
            ev->kind == VITRO_EVENT_GRPC ? ev->length - (ev->length < 5 ? ev->length : 5)
                                         : ev->length);
    if (ev->kind == VITRO_EVENT_GRPC)
        put_frames(p, d, ev);
    if (ev->kind == VITRO_EVENT_PROTOBUF && data && data->text.len) {
        fputc(' ', p->out);
        print_escaped(p, data->text);
    }
    if (ev->kind == VITRO_EVENT_GRPC && ev->type)
        fprintf(p->out, " compressed %u", ev->type);
}

static void put_kind(struct printer *p, vitro_decode *d, const vitro_event *ev,
                     const vitro_detail *dt)
{
    static const char *const before[16] = {
        [VITRO_EVENT_TCP] = "TCP ",
        [VITRO_EVENT_GRPC] = "gRPC ",
        [VITRO_EVENT_PROTOBUF] = "protobuf ",
    };
    const char *word = before[ev->kind & 15];

    if (ev->bits & VITRO_EVENT_HELD) {
        put_held(p, ev, dt);
        return;
    }
    fputs(word ? word : "", p->out);
    print_escaped(p, dt->title);
    switch (ev->kind) {
    case VITRO_EVENT_TCP:
        put_tcp(p, d, ev);
        break;
    case VITRO_EVENT_FRAME:
        put_frame(p, ev, dt);
        break;
    case VITRO_EVENT_GRPC:
    case VITRO_EVENT_PROTOBUF:
        put_message(p, d, ev, dt);
        break;
    case VITRO_EVENT_UNKNOWN:
        if (ev->stream)
            fprintf(p->out, " stream %" PRIu32, ev->stream);
        fprintf(p->out, " length %" PRIu64, ev->length);
        break;
    default:
        break;
    }
}

static void put_bits(struct printer *p, const vitro_event *ev, const vitro_detail *dt)
{
    static const char *const words[] = { "suspect", "hole", "cut", "guessed", "not yet sent" };

    for (unsigned i = 0; i < 5; i++) {
        if (ev->bits >> i & 1)
            fprintf(p->out, " [%s]", words[i]);
    }
    if (dt->why)
        fprintf(p->out, " (%s)", dt->why);
}

/* What the dictionary says, in lines of a screen's width. */
static void put_explanation(struct printer *p, const char *key)
{
    vitro_explanation e;
    char line[1024];

    if (!p->explain || !key || !vitro_explain(key, p->language, &e))
        return;
    snprintf(line, sizeof line, e.section[0] ? "%s (%s)" : "%s%s", e.text, e.section);
    wrap_print(p, "    ", "    ", line);
}

/* Blue and orange tell apart for most eyes; the arrow says the same without colour. */
static const char *color_of(const vitro_event *ev)
{
    if (ev->kind == VITRO_EVENT_NOTE)
        return "\033[2m";
    if (ev->kind == VITRO_EVENT_UNKNOWN || ev->why)
        return "\033[7m";
    return ev->dir == VITRO_C2S ? "\033[1;34m" : "\033[33m";
}

void print_headline(struct printer *p, vitro_decode *d, const vitro_event *ev,
                    const vitro_detail *detail)
{
    int64_t ns;

    if (!p->timed) {
        p->timed = true;
        p->start = ev->time;
    }
    ns = ev->time - p->start;
    if (p->color)
        fputs(color_of(ev), p->out);
    fprintf(p->out, "#%" PRIu32 " %s%" PRId64 ".%06" PRId64 " %c ", ev->number, ns < 0 ? "-" : "",
            (ns < 0 ? -ns : ns) / 1000000000, (ns < 0 ? -ns : ns) / 1000 % 1000000, arrow(ev));
    put_kind(p, d, ev, detail);
    if (ev->conn != VITRO_NO_CONN && ev->conn > 0)
        fprintf(p->out, " conn %" PRIu32, ev->conn);
    put_bits(p, ev, detail);
    fputs(p->color ? "\033[0m\n" : "\n", p->out);
    put_explanation(p, detail->key);
}
