#include "ui/write_pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/*
 * Blocks of a pcapng go over as they are, whatever they hold; a section only loses its length,
 * which is another one now. The packets of a pcap get a section and an interface of their own.
 * Source: draft-ietf-opsawg-pcapng, sections 3 and 4; draft-ietf-opsawg-pcap, sections 4 and 5.
 */
enum {
    SECTION = 0x0a0d0d0a,
    INTERFACE = 1,
    OLD_PACKET = 2,
    SIMPLE_PACKET = 3,
    PACKET = 6,
    JOURNAL = 9,
    BLOCK_HEAD = 8,
    BLOCK_LEAST = 12,
    PCAP_HEAD = 24,
    RECORD_HEAD = 16,
    PARTS = 64,
    CHUNK = 65536
};

enum { MAGIC_SECTION = 0x1a2b3c4d, MAGIC_NG = 0x0a0d0d0a };
#define MAGIC_MICRO 0xa1b2c3d4U
#define MAGIC_NANO  0xa1b23c4dU

struct record {
    uint64_t at, len; /* in the capture, head and all */
    uint32_t type;    /* of the block; PACKET of a pcap's record */
    uint64_t number;  /* tshark's frame.number, of packets and notes */
    bool big;
};

struct walk {
    const struct model *m;
    uint64_t at, number;
    bool pcap, nano, big;
    uint32_t link, snaplen;
};

/* ---- bytes of the capture -------------------------------------------------------------------- */

/* How many of n bytes there are. */
static size_t get(const struct walk *w, uint64_t at, uint8_t *dst, size_t n)
{
    vitro_span span = { .source = VITRO_SOURCE_CAPTURE, .offset = at, .length = n };
    size_t missing = 0, got = vitro_decode_bytes(w->m->d, &span, 0, dst, n, &missing);

    return got - MIN(missing, got);
}

static uint32_t word(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* False when this is no capture. */
static bool begin(struct walk *w, const struct model *m)
{
    uint8_t head[PCAP_HEAD];
    size_t n;

    memset(w, 0, sizeof *w);
    w->m = m;
    n = get(w, 0, head, sizeof head);
    if (n >= 4 && word(head, false) == MAGIC_NG)
        return true;
    for (int big = 0; big < 2 && n == sizeof head; big++) {
        uint32_t magic = word(head, big);
        if (magic != MAGIC_MICRO && magic != MAGIC_NANO)
            continue;
        w->pcap = true;
        w->big = big;
        w->nano = magic == MAGIC_NANO;
        w->snaplen = word(head + 16, big);
        w->link = word(head + 20, big) & 0xffffU;
        w->at = PCAP_HEAD;
        return true;
    }
    return false;
}

/* The next record; false at the end of what is there whole. */
static bool next(struct walk *w, struct record *out)
{
    uint8_t head[RECORD_HEAD], last;
    size_t n = get(w, w->at, head, sizeof head);

    *out = (struct record){ .at = w->at, .type = PACKET };
    if (n < BLOCK_LEAST || (w->pcap && n < sizeof head))
        return false;
    if (!w->pcap && word(head, false) == SECTION)
        w->big = word(head + BLOCK_HEAD, true) == MAGIC_SECTION;
    if (!w->pcap)
        out->type = word(head, w->big);
    out->len = w->pcap ? RECORD_HEAD + (uint64_t)word(head + 8, w->big) : word(head + 4, w->big);
    if (out->len < BLOCK_LEAST || get(w, w->at + out->len - 1, &last, 1) == 0)
        return false;
    w->number += out->type == PACKET || out->type == SIMPLE_PACKET || out->type == OLD_PACKET ||
                 out->type == JOURNAL;
    out->number = w->number;
    out->big = w->big;
    w->at += out->len;
    return true;
}

/* ---- which packets --------------------------------------------------------------------------- */

struct chosen {
    const struct model *m;
    uint64_t *at;  /* where each packet or note begins, by its number from 1 */
    uint8_t *keep; /* by its number */
    size_t count;
};

static void choose(struct chosen *c, uint64_t number)
{
    if (number && number <= c->count)
        c->keep[number] = 1;
}

static void choose_at(struct chosen *c, uint64_t offset)
{
    size_t lo = 1, hi = c->count + 1;

    while (lo < hi) { /* the first packet that begins behind it */
        size_t mid = lo + (hi - lo) / 2;
        if (c->at[mid] <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    choose(c, lo - 1);
}

/* Down through the ropes to the bytes of the file. */
static void choose_span(struct chosen *c, const vitro_span *span, int depth)
{
    vitro_span few[PARTS], *parts = few;
    size_t n;

    if (span->hole || depth > 8)
        return;
    if (span->source == VITRO_SOURCE_CAPTURE) {
        choose_at(c, span->offset);
        return;
    }
    n = vitro_decode_parts(c->m->d, span, few, PARTS);
    if (n > PARTS)
        parts = calloc(n, sizeof *parts);
    if (parts && parts != few)
        n = MIN(n, vitro_decode_parts(c->m->d, span, parts, n));
    for (size_t i = 0; parts && i < n; i++)
        choose_span(c, &parts[i], depth + 1);
    if (parts != few)
        free(parts);
}

/* False, and errno says why. */
static bool find_packets(struct chosen *c)
{
    struct walk w;
    struct record r;
    size_t room = 0;

    if (!begin(&w, c->m))
        return false;
    while (next(&w, &r)) {
        if (r.number == c->count)
            continue;
        if (r.number >= room) {
            uint64_t *p = realloc(c->at, (room = room ? room * 2 : 1024) * sizeof *p);
            if (!p)
                return false;
            c->at = p;
        }
        c->count = (size_t)r.number;
        c->at[c->count] = r.at;
    }
    c->keep = calloc(c->count + 1, 1); /* sets errno, as realloc does */
    return c->keep != NULL;
}

static bool choose_shown(struct chosen *c)
{
    if (!find_packets(c))
        return false;
    for (size_t i = 0; i < model_count(c->m); i++) {
        vitro_event ev;
        vitro_span span;
        if (!vitro_decode_event(c->m->d, model_at(c->m, i), &ev))
            continue;
        choose(c, ev.packet);
        span = vitro_event_span(&ev);
        if (ev.kind != VITRO_EVENT_TCP && span.length)
            choose_span(c, &span, 0);
    }
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put(FILE *out, uint32_t v)
{
    uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    fwrite(b, 1, sizeof b, out);
}

static void copy(const struct walk *w, uint64_t at, uint64_t n, FILE *out)
{
    uint8_t buf[CHUNK];

    while (n) {
        size_t step = (size_t)MIN(n, CHUNK);
        get(w, at, buf, step); /* what a file has lost meanwhile reads as zeros */
        fwrite(buf, 1, step, out);
        at += step;
        n -= step;
    }
}

static void write_section(const struct walk *w, const struct record *r, FILE *out)
{
    enum { LENGTH_AT = 16, LENGTH = 8 };

    if (r->len < LENGTH_AT + LENGTH + 4) {
        copy(w, r->at, r->len, out);
        return;
    }
    copy(w, r->at, LENGTH_AT, out);
    put(out, UINT32_MAX); /* not told */
    put(out, UINT32_MAX);
    copy(w, r->at + LENGTH_AT + LENGTH, r->len - LENGTH_AT - LENGTH, out);
}

/* What a pcap says at its head. */
static void write_head(const struct walk *w, FILE *out)
{
    const uint32_t section[] = { SECTION, 28, MAGIC_SECTION, 1, UINT32_MAX, UINT32_MAX, 28 };
    const uint32_t tsresol = 9 | 1U << 16;
    const uint32_t interface[] = { INTERFACE,       32, w->link, w->snaplen, tsresol,
                                   w->nano ? 9 : 6, 0,  32 };

    for (size_t i = 0; i < ARRAY_LEN(section); i++)
        put(out, section[i]);
    for (size_t i = 0; i < ARRAY_LEN(interface); i++)
        put(out, interface[i]);
}

static void write_packet(const struct walk *w, const struct record *r, FILE *out)
{
    uint8_t head[RECORD_HEAD] = { 0 };
    uint32_t captured = (uint32_t)(r->len - RECORD_HEAD), pad = -captured & 3U;
    uint32_t total = 32 + captured + pad;
    uint64_t ticks;

    get(w, r->at, head, sizeof head);
    ticks =
        (uint64_t)word(head, r->big) * (w->nano ? 1000000000U : 1000000U) + word(head + 4, r->big);
    put(out, PACKET);
    put(out, total);
    put(out, 0); /* the interface */
    put(out, (uint32_t)(ticks >> 32));
    put(out, (uint32_t)ticks);
    put(out, captured);
    put(out, word(head + 12, r->big));
    copy(w, r->at + RECORD_HEAD, captured, out);
    fwrite("\0\0\0", 1, pad, out);
    put(out, total);
}

static void write_record(const struct walk *w, const struct record *r, FILE *out)
{
    if (w->pcap)
        write_packet(w, r, out);
    else if (r->type == SECTION)
        write_section(w, r, out);
    else
        copy(w, r->at, r->len, out);
}

static bool is_packet(const struct record *r)
{
    return r->type == PACKET || r->type == SIMPLE_PACKET || r->type == OLD_PACKET;
}

int64_t write_pcapng(const struct model *m, FILE *out)
{
    struct chosen c = { .m = m };
    struct walk w;
    struct record r;
    int64_t packets = -1;

    errno = ENODATA;
    if (begin(&w, m) && (!m->filtered || choose_shown(&c))) {
        packets = 0;
        if (w.pcap)
            write_head(&w, out);
        while (next(&w, &r)) {
            if (is_packet(&r) && c.keep && (r.number > c.count || !c.keep[r.number]))
                continue;
            write_record(&w, &r, out);
            packets += is_packet(&r);
        }
    }
    free(c.at);
    free(c.keep);
    return packets;
}
