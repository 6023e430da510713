#include "sim/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/util.h"
#include "frame/frame.h"
#include "wire/compress.h"
#include "wire/encoding.h"
#include "wire/status.h"

/* ---- streams -------------------------------------------------------------------------------- */

static struct tapped *stream_of(struct tap_account *a, const vitro_event *ev)
{
    for (size_t i = a->count; i-- > 0;) {
        struct tapped *t = &a->stream[i];
        if (t->stream == ev->stream && t->conn == ev->conn)
            return t;
    }
    if (a->count == a->room) {
        a->room = a->room ? 2 * a->room : 64;
        a->stream = realloc(a->stream, a->room * sizeof *a->stream);
    }
    a->stream[a->count] = (struct tapped){ .conn = ev->conn, .stream = ev->stream };
    a->stream[a->count].number = TAP_NOBODY;
    return &a->stream[a->count++];
}

/* ---- header blocks -------------------------------------------------------------------------- */

/* One block: what gRPC itself says, and which entry of metadata comes next. */
struct block {
    struct tap_account *account;
    struct tapped *stream;
    enum said_part part;
    size_t entries;
    bool shifted; /* a name is not known: how many entries there were before is not, either */
};

static bool is_name(const vitro_item_header *h, const char *name)
{
    return h->name.len == strlen(name) && memcmp(h->name.ptr, name, h->name.len) == 0;
}

static void keep(char *out, size_t size, vitro_str text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.len ? text.ptr : "");
}

static bool is_binary(const char *key)
{
    size_t n = strlen(key);

    return n > 4 && strcmp(key + n - 4, "-bin") == 0;
}

static bool is_value(const struct said_entry *e, vitro_str value)
{
    uint8_t bytes[128];
    size_t n = value.len;

    if (!is_binary(e->key))
        return n == e->len && memcmp(value.ptr, e->value, n) == 0;
    return base64_max_bytes(n) <= sizeof bytes && vitro_base64_decode(value, bytes, &n) &&
           n == e->len && memcmp(bytes, e->value, n) == 0;
}

static void take_entry(struct block *b, const vitro_item_header *h)
{
    struct world *w = b->account->world;
    struct said_entry e;

    if (is_name(h, SAID_CALL) && !h->unknown_value)
        b->stream->number = (uint32_t)strtoul(h->value.ptr, NULL, 10);
    if (b->stream->number != TAP_NOBODY && !b->shifted && !h->unknown_value)
        world_expect(w,
                     said_metadata(&w->said, b->stream->number, b->part, b->entries, &e) &&
                         is_name(h, e.key) && is_value(&e, h->value),
                     "conn %u stream %u: entry %zu of metadata is another in the trace",
                     b->stream->conn, b->stream->stream, b->entries);
    b->entries++;
}

static bool take_header(const vitro_item_header *h, void *user)
{
    struct block *b = user;
    struct tapped *t = b->stream;

    b->shifted |= h->unknown_name;
    if (is_name(h, ":path")) {
        keep(t->path, sizeof t->path, h->value);
    } else if (is_name(h, "grpc-status")) {
        t->has_status = true;
        vitro_status_parse(h->value, &t->status);
    } else if (is_name(h, "grpc-message")) {
        keep(t->text, sizeof t->text, h->value);
        t->text[vitro_status_message_decode(vitro_str_of(t->text), t->text)] = '\0';
    } else if (h->name.len > 2 && memcmp(h->name.ptr, "x-", 2) == 0) {
        take_entry(b, h);
    }
    return true;
}

static bool find_status(const vitro_item_header *h, void *user)
{
    *(bool *)user |= is_name(h, "grpc-status");
    return true;
}

static void take_block(struct tap_account *a, vitro_decode *d, const vitro_event *ev)
{
    struct block b = { a, stream_of(a, ev), SAID_OF_REQUEST, 0, false };
    bool last = false;

    vitro_decode_headers(d, ev, find_status, &last);
    if (ev->dir == VITRO_S2C) {
        b.part = last ? SAID_OF_TRAILERS : SAID_OF_RESPONSE;
        b.stream->has_headers |= !last;
    }
    vitro_decode_headers(d, ev, take_header, &b);
    b.stream->nameless[ev->dir] |= b.shifted;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void take_frame(struct tap_account *a, vitro_decode *d, const vitro_event *ev)
{
    bool can_end = ev->type == FRAME_DATA || ev->type == FRAME_HEADERS;

    if (!ev->stream || ev->bits & VITRO_EVENT_CUT)
        return;
    if (ev->type == FRAME_HEADERS)
        take_block(a, d, ev);
    if (ev->type == FRAME_RST_STREAM)
        stream_of(a, ev)->reset[ev->dir] = true;
    if (can_end && ev->flags & FRAME_END_STREAM)
        stream_of(a, ev)->ended[ev->dir] |= !stream_of(a, ev)->reset[ev->dir];
}

/* ---- messages ------------------------------------------------------------------------------- */

enum { PREFIX = 5, MESSAGE_MAX = 4 << 20 };

static bool inflate_into(struct buf *out, vitro_str encoding, vitro_bytes in)
{
    enum encoding e;

    return vitro_encoding_find(encoding, &e) && e != ENCODING_IDENTITY &&
           vitro_decompress(e, in, out, NULL) == VITRO_OK;
}

static bool is_message(struct tap_account *a, vitro_decode *d, const vitro_event *ev,
                       const struct tapped *t, vitro_bytes bytes)
{
    struct buf plain;
    vitro_str encoding = vitro_decode_encoding(d, ev);
    bool well = true;

    if (ev->type && !encoding.len && t->nameless[ev->dir])
        return true; /* nobody could say what it inflates to */
    vitro_buf_init(&plain, NULL, MESSAGE_MAX);
    if (ev->type) {
        well = inflate_into(&plain, encoding, bytes);
        bytes = vitro_buf_bytes(&plain);
    }
    well = well &&
           said_is(&a->world->said, t->number, ev->dir == VITRO_C2S ? SAID_REQUEST : SAID_RESPONSE,
                   t->messages[ev->dir], bytes);
    vitro_buf_done(&plain);
    return well;
}

/* Some of it, or of what comes before, lies in a record that could not be opened. */
static bool is_behind_damage(const struct tap_account *a, const vitro_event *ev)
{
    return ev->bits & (VITRO_EVENT_HOLE | VITRO_EVENT_SUSPECT) ||
           (a->world->happened[FAULT_DAMAGE] && ev->bits & VITRO_EVENT_GUESSED);
}

static void take_message(struct tap_account *a, vitro_decode *d, const vitro_event *ev)
{
    struct tapped *t = stream_of(a, ev);
    vitro_span span = vitro_event_span(ev);
    size_t len = (size_t)ev->length - PREFIX, missing = 0;
    uint8_t *bytes;

    if (ev->bits & VITRO_EVENT_CUT || t->reset[ev->dir])
        return; /* behind a reset of its own side: the wire's doing */
    if (t->number == TAP_NOBODY && (a->world->happened[FAULT_MEMORY] || t->nameless[VITRO_C2S]))
        return; /* its request is not in the trace, or the name that tells of which call it is */
    t->shifted[ev->dir] |= is_behind_damage(a, ev);
    if (t->shifted[ev->dir])
        return;
    bytes = malloc(len + 1);
    len = vitro_decode_bytes(d, &span, PREFIX, bytes, len, &missing);
    world_expect(a->world, is_message(a, d, ev, t, (vitro_bytes){ bytes, len }),
                 "conn %u stream %u: message %u to the %s is not what was sent in the trace",
                 ev->conn, ev->stream, t->messages[ev->dir],
                 ev->dir == VITRO_C2S ? "server" : "client");
    t->messages[ev->dir]++;
    free(bytes);
}

/* Not a message that is compressed, nor a frame that the end of its connection has cut. */
static bool is_strange(const vitro_event *ev)
{
    return ev->source != VITRO_SOURCE_BODY && ev->length >= FRAME_HEAD_BYTES &&
           !(ev->bits & VITRO_EVENT_CUT);
}

static void take(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct tap_account *a = user;

    if (ev->kind == VITRO_EVENT_FRAME)
        take_frame(a, d, ev);
    else if (ev->kind == VITRO_EVENT_GRPC)
        take_message(a, d, ev);
    else if (ev->kind == VITRO_EVENT_UNKNOWN && is_strange(ev))
        a->unknown++;
}

/* ---- the capture ---------------------------------------------------------------------------- */

/* Who decodes is given the account, and bytes from behind it. */
struct reading {
    struct tap_account *account;
    vitro_bytes all;
};

static void on_event(vitro_decode *d, const vitro_event *ev, void *user)
{
    take(d, ev, ((struct reading *)user)->account);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    const struct reading *r = user;
    size_t have = offset < r->all.len ? r->all.len - (size_t)offset : 0;

    return (vitro_bytes){ r->all.ptr + (have ? offset : 0), MIN(len, have) };
}

static void decode(struct tap_account *a, vitro_bytes all)
{
    struct reading reading = { a, all };
    vitro_decode_options o = VITRO_DECODE_OPTIONS_INIT;
    vitro_decode_stats stats;
    vitro_error err = { .code = VITRO_OK };
    vitro_decode *d;

    o.on_event = on_event;
    o.lend = lend;
    o.user = &reading;
    o.keep = true; /* a large message may come in more packets than are remembered without */
    if (vitro_decode_new(&d, &o, NULL) != VITRO_OK)
        abort();
    world_expect(a->world, vitro_decode_finish(d, &err) == VITRO_OK, "trace: %s",
                 err.frame[0].text);
    if (a->world->seed % 4 == 0)
        world_expect(a->world, vitro_decode_check_tiling(d, &err) == VITRO_OK, "trace: tiling: %s",
                     err.frame[0].text);
    vitro_decode_stats_get(d, &stats);
    a->missed = stats.missed;
    vitro_decode_free(d);
}

/* FNV-1a, eight bytes at a time. */
static uint64_t sum(vitro_bytes all, uint64_t h)
{
    uint64_t word;

    for (size_t i = 0; i + sizeof word <= all.len; i += sizeof word) {
        memcpy(&word, all.ptr + i, sizeof word);
        h = (h ^ word) * 1099511628211u;
    }
    return h;
}

static void keep_file(const char *path, vitro_bytes all)
{
    FILE *f = fopen(path, "w");

    if (!f || fwrite(all.ptr, 1, all.len, f) != all.len)
        perror(path);
    if (f)
        fclose(f);
}

void tap_read(struct tap_account *a, struct world *w)
{
    size_t size = (size_t)lseek(w->fd, 0, SEEK_END);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, w->fd, 0);
    vitro_bytes all = { map, size };

    *a = (struct tap_account){ .world = w };
    if (map == MAP_FAILED)
        abort();
    w->trace_bytes = size;
    w->trace_sum = sum(all, 14695981039346656037u);
    if (w->keep)
        keep_file(w->keep, all);
    decode(a, all);
    munmap(map, size);
}

void tap_done(struct tap_account *a)
{
    free(a->stream);
}
