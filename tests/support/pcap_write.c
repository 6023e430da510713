#include "support/pcap_write.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FRAME = 128 * 1024 };

void pcap_write_bytes(struct pcap_write *w, const void *p, size_t n)
{
    if (w->len + n > w->cap) {
        w->cap = (w->len + n) * 2;
        w->ptr = realloc(w->ptr, w->cap);
        assert(w->ptr);
    }
    if (n)
        memcpy(w->ptr + w->len, p, n);
    w->len += n;
}

static void put(uint8_t *out, bool big, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
}

static void write_number(struct pcap_write *w, uint64_t value, size_t size)
{
    uint8_t out[8];

    put(out, w->flags & PCAP_BIG, value, size);
    pcap_write_bytes(w, out, size);
}

/* ---- files ----------------------------------------------------------------------------------- */

void pcap_write_section(struct pcap_write *w)
{
    static const uint8_t type[] = { 10, 13, 13, 10 };

    pcap_write_bytes(w, type, 4);
    write_number(w, 28, 4);
    write_number(w, 0x1a2b3c4d, 4);
    write_number(w, 1, 2);
    write_number(w, 0, 2);
    write_number(w, UINT64_MAX, 8);
    write_number(w, 28, 4);
}

void pcap_write_interface(struct pcap_write *w, uint16_t link, uint32_t snaplen, uint8_t tsresol)
{
    uint32_t total = tsresol ? 20 + 8 + 4 : 20;

    write_number(w, 1, 4);
    write_number(w, total, 4);
    write_number(w, link, 2);
    write_number(w, 0, 2);
    write_number(w, snaplen, 4);
    if (tsresol) {
        write_number(w, 9, 2);
        write_number(w, 1, 2);
        pcap_write_bytes(w, &tsresol, 1);
        pcap_write_bytes(w, "\0\0", 3);
        write_number(w, 0, 4);
    }
    write_number(w, total, 4);
}

void pcap_write_init(struct pcap_write *w, unsigned flags, uint16_t link)
{
    memset(w, 0, sizeof *w);
    w->flags = flags;
    w->link = link;
    w->now = INT64_C(1758326400) * 1000000000;
    w->step = 1000;
    if (flags & PCAP_NG) {
        pcap_write_section(w);
        pcap_write_interface(w, link, 0, flags & PCAP_NANO ? 9 : 0);
        return;
    }
    write_number(w, flags & PCAP_NANO ? 0xa1b23c4d : 0xa1b2c3d4, 4);
    write_number(w, 2, 2);
    write_number(w, 4, 2);
    write_number(w, 0, 8);
    write_number(w, 262144, 4);
    write_number(w, link, 4);
}

void pcap_write_done(struct pcap_write *w)
{
    free(w->ptr);
    memset(w, 0, sizeof *w);
}

void pcap_write_block(struct pcap_write *w, uint32_t type, const void *body, size_t len)
{
    uint32_t total = (uint32_t)(12 + ((len + 3) & ~(size_t)3));

    write_number(w, type, 4);
    write_number(w, total, 4);
    pcap_write_bytes(w, body, len);
    pcap_write_bytes(w, "\0\0\0", total - 12 - len);
    write_number(w, total, 4);
}

static uint64_t ticks(const struct pcap_write *w)
{
    return (uint64_t)(w->flags & PCAP_NANO ? w->now : w->now / 1000);
}

static void count(struct pcap_write *w)
{
    w->packets++;
    w->now += w->step;
}

static size_t kept(const struct pcap_write *w, size_t len)
{
    return w->snaplen && len > w->snaplen ? w->snaplen : len;
}

/* The two blocks with a header of 20 bytes differ in its first word. */
static void write_block_packet(struct pcap_write *w, uint32_t type, const uint8_t *first,
                               const void *frame, size_t len)
{
    size_t have = kept(w, len);
    uint8_t *body = calloc(1, 20 + have);
    bool big = w->flags & PCAP_BIG;

    memcpy(body, first, 4);
    put(body + 4, big, ticks(w) >> 32, 4);
    put(body + 8, big, ticks(w) & 0xffffffff, 4);
    put(body + 12, big, have, 4);
    put(body + 16, big, len, 4);
    memcpy(body + 20, frame, have);
    pcap_write_block(w, type, body, 20 + have);
    free(body);
    count(w);
}

void pcap_write_packet(struct pcap_write *w, const void *frame, size_t len)
{
    uint8_t first[4];
    uint64_t units = w->flags & PCAP_NANO ? 1000000000 : 1000000;

    if (w->flags & PCAP_NG) {
        put(first, w->flags & PCAP_BIG, w->interface_id, 4);
        write_block_packet(w, 6, first, frame, len);
        return;
    }
    write_number(w, ticks(w) / units, 4);
    write_number(w, ticks(w) % units, 4);
    write_number(w, kept(w, len), 4);
    write_number(w, len, 4);
    pcap_write_bytes(w, frame, kept(w, len));
    count(w);
}

void pcap_write_obsolete(struct pcap_write *w, const void *frame, size_t len)
{
    uint8_t first[4] = { 0 };

    put(first, w->flags & PCAP_BIG, w->interface_id, 2);
    write_block_packet(w, 2, first, frame, len);
}

/* Cut at the snap length of the first interface, which the caller has set in w->snaplen too. */
void pcap_write_simple(struct pcap_write *w, const void *frame, size_t len)
{
    uint8_t *body = calloc(1, 4 + len);

    put(body, w->flags & PCAP_BIG, len, 4);
    memcpy(body + 4, frame, kept(w, len));
    pcap_write_block(w, 3, body, 4 + kept(w, len));
    free(body);
    count(w);
}

void pcap_write_note(struct pcap_write *w, const char *entry, size_t len)
{
    pcap_write_block(w, 9, entry, len);
    count(w);
}

void pcap_write_secrets(struct pcap_write *w, uint32_t type, const void *p, size_t len)
{
    uint8_t *body = calloc(1, 8 + len);

    put(body, w->flags & PCAP_BIG, type, 4);
    put(body + 4, w->flags & PCAP_BIG, len, 4);
    memcpy(body + 8, p, len);
    pcap_write_block(w, 10, body, 8 + len);
    free(body);
}

vitro_bytes pcap_write_lend(uint64_t offset, size_t len, void *user)
{
    const struct pcap_write *w = user;
    vitro_bytes out = { NULL, 0 };

    if (offset >= w->len)
        return out;
    out.ptr = w->ptr + offset;
    out.len = w->len - offset < len ? (size_t)(w->len - offset) : len;
    return out;
}

bool pcap_write_save(const struct pcap_write *w, const char *path)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(w->ptr, 1, w->len, f) == w->len;

    return f && !fclose(f) && ok;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* RFC 1071; the sum is carried on from `sum`. */
static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static size_t put_link(uint16_t link, bool big, const struct pcap_tcp *s, uint8_t *p)
{
    uint16_t type = s->ip6 ? 0x86dd : 0x0800;
    size_t n;

    switch (link) {
    case 1:
        memset(p, 2, 12);
        for (n = 12; n < 12 + 4 * (size_t)s->tags; n += 4) {
            put(p + n, true, n == 12 && s->tags > 1 ? 0x88a8 : 0x8100, 2);
            put(p + n + 2, true, 7, 2);
        }
        put(p + n, true, type, 2);
        return n + 2;
    case 0:
        put(p, big, s->ip6 ? 30 : 2, 4);
        return 4;
    case 108:
        put(p, true, s->ip6 ? 24 : 2, 4);
        return 4;
    case 113:
        memset(p, 0, 16);
        put(p + 14, true, type, 2);
        return 16;
    case 276:
        memset(p, 0, 20);
        put(p, true, type, 2);
        return 20;
    default:
        return 0;
    }
}

static void address(const struct pcap_tcp *s, bool server, uint8_t *out)
{
    static const uint8_t ip4[4] = { 192, 0, 2, 0 };
    static const uint8_t ip6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
    size_t size = s->ip6 ? 16 : 4;

    memcpy(out, s->ip6 ? ip6 : ip4, size);
    out[size - 1] = server ? 2 : 1;
}

static size_t put_ip4(const struct pcap_tcp *s, size_t payload, uint8_t *p)
{
    size_t head = 20 + 4 * s->ip_options;

    memset(p, 0, head);
    memset(p + 20, 1, head - 20); /* no-operation options */
    p[0] = (uint8_t)(0x40 | head / 4);
    put(p + 2, true, head + payload, 2);
    put(p + 6, true, s->fragment ? s->fragment : 0x4000, 2);
    p[8] = 64;
    p[9] = 6;
    address(s, s->reply, p + 12);
    address(s, !s->reply, p + 16);
    put(p + 10, true, ~add_words(0, p, head) & 0xffff, 2);
    return head;
}

static size_t put_ip6(const struct pcap_tcp *s, size_t payload, uint8_t *p)
{
    static const uint8_t kinds[] = { 0, 60, 43 };
    size_t head = 40 + 8 * s->ip_options;

    memset(p, 0, head);
    p[0] = 0x60;
    put(p + 4, true, head - 40 + payload, 2);
    p[6] = s->ip_options ? kinds[0] : 6;
    p[7] = 64;
    address(s, s->reply, p + 8);
    address(s, !s->reply, p + 24);
    for (unsigned i = 0; i < s->ip_options; i++) {
        uint8_t *x = p + 40 + 8 * i;

        x[0] = i + 1 < s->ip_options ? kinds[(i + 1) % 3] : 6;
        if (kinds[i % 3] != 43) { /* an option that pads */
            x[2] = 1;
            x[3] = 4;
        }
    }
    return head;
}

static size_t put_tcp(const struct pcap_tcp *s, uint8_t *p)
{
    uint16_t client = s->client_port ? s->client_port : 49152;
    uint16_t server = s->server_port ? s->server_port : 50051;
    size_t head = 20 + 4 * s->tcp_options, words = s->ip6 ? 16 : 4;
    uint8_t pseudo[40] = { 0 };

    memset(p, 0, head);
    memset(p + 20, 1, head - 20);
    put(p, true, s->reply ? server : client, 2);
    put(p + 2, true, s->reply ? client : server, 2);
    put(p + 4, true, s->seq, 4);
    put(p + 8, true, s->ack, 4);
    p[12] = (uint8_t)(head / 4 << 4);
    p[13] = s->flags;
    put(p + 14, true, s->window == PCAP_WINDOW_ZERO ? 0 : s->window ? s->window : 65535, 2);
    if (s->len)
        memcpy(p + head, s->data, s->len);
    address(s, s->reply, pseudo);
    address(s, !s->reply, pseudo + words);
    put(pseudo + 2 * words, true, head + s->len, 4);
    pseudo[2 * words + 7] = 6;
    put(p + 16, true, ~add_words(add_words(0, pseudo, 2 * words + 8), p, head + s->len) & 0xffff,
        2);
    return head + s->len;
}

size_t pcap_frame(uint16_t link, bool big, const struct pcap_tcp *s, uint8_t *out, size_t size)
{
    size_t payload = 20 + 4 * s->tcp_options + s->len, n;

    assert(size >= 256 + payload + s->trailer);
    n = put_link(link, big, s, out);
    n += (s->ip6 ? put_ip6 : put_ip4)(s, payload, out + n);
    n += put_tcp(s, out + n);
    memset(out + n, 0xee, s->trailer);
    return n + s->trailer;
}

void pcap_write_tcp(struct pcap_write *w, const struct pcap_tcp *s)
{
    static uint8_t frame[MAX_FRAME];

    pcap_write_packet(w, frame, pcap_frame(w->link, w->flags & PCAP_BIG, s, frame, sizeof frame));
}

/* ---- a connection ---------------------------------------------------------------------------- */

static void say(struct pcap_write *w, struct pcap_talk *t, int from_server, uint8_t flags,
                const void *p, size_t n)
{
    struct pcap_tcp s = t->shape;

    s.reply = from_server;
    s.seq = t->next[from_server];
    s.ack = flags & 16 ? t->next[!from_server] : 0;
    s.flags = flags;
    s.data = p;
    s.len = n;
    pcap_write_tcp(w, &s);
    t->next[from_server] += (uint32_t)n + (flags & 3 ? 1 : 0);
}

void pcap_talk_open(struct pcap_write *w, struct pcap_talk *t)
{
    say(w, t, 0, 2, NULL, 0);
    say(w, t, 1, 2 | 16, NULL, 0);
    say(w, t, 0, 16, NULL, 0);
}

void pcap_talk_send(struct pcap_write *w, struct pcap_talk *t, int from_server, const void *p,
                    size_t n)
{
    size_t mss = t->mss ? t->mss : 1448, k;

    for (const uint8_t *at = p; n; at += k, n -= k) {
        k = n < mss ? n : mss;
        say(w, t, from_server, 8 | 16, at, k);
    }
}

void pcap_talk_skip(struct pcap_talk *t, int from_server, size_t n)
{
    t->next[from_server] += (uint32_t)n;
}

void pcap_talk_ack(struct pcap_write *w, struct pcap_talk *t, int from_server)
{
    say(w, t, from_server, 16, NULL, 0);
}

void pcap_talk_close(struct pcap_write *w, struct pcap_talk *t)
{
    say(w, t, 0, 1 | 16, NULL, 0);
    say(w, t, 1, 1 | 16, NULL, 0);
    say(w, t, 0, 16, NULL, 0);
}
