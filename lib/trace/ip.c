#include "trace/ip.h"

#include <assert.h>
#include <string.h>

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, TCP_SYN_BYTES = 28 };
enum { PROTOCOL_TCP = 6, HOP_LIMIT = 64, WINDOW_SHIFT = 14 };

static void put_u16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put_u32(uint8_t *p, uint32_t v)
{
    put_u16(p, v >> 16);
    put_u16(p + 2, v & 0xffff);
}

/*
 * A one's complement sum does not mind the order of its 16-bit words, nor the order of the bytes
 * in all of them (RFC 1071, 2), so eight bytes at a time are added as the machine reads them.
 */
struct sum {
    uint64_t words;
    bool odd; /* an odd number of bytes so far: the next run counts with its bytes swapped */
};

static uint16_t fold(uint64_t words)
{
    while (words >> 16)
        words = (words & 0xffff) + (words >> 16);
    return (uint16_t)words;
}

static uint64_t run_sum(const uint8_t *p, size_t n)
{
    uint64_t words = 0;
    uint32_t w[2];

    for (; n >= sizeof w; n -= sizeof w, p += sizeof w) {
        memcpy(w, p, sizeof w);
        words += (uint64_t)w[0] + w[1];
    }
    memset(w, 0, sizeof w);
    if (n)
        memcpy(w, p, n);
    return words + w[0] + w[1];
}

static void sum_add(struct sum *s, const uint8_t *p, size_t n)
{
    uint16_t v = fold(run_sum(p, n));

    if (s->odd)
        v = (uint16_t)(v << 8 | v >> 8);
    s->words += v;
    s->odd ^= n & 1;
}

static void sum_store(const struct sum *s, uint8_t *out)
{
    uint16_t v = (uint16_t)~fold(s->words);

    memcpy(out, &v, sizeof v);
}

static size_t ip_size(const struct ip_packet *p)
{
    return p->from->family == 6 ? IPV6_BYTES : IPV4_BYTES;
}

static size_t tcp_size(const struct ip_packet *p)
{
    return p->flags & TCP_SYN ? TCP_SYN_BYTES : TCP_BYTES;
}

size_t vitro_ip_size(const struct ip_packet *p)
{
    return ip_size(p) + tcp_size(p);
}

static void ipv4_write(const struct ip_packet *p, uint8_t *out)
{
    struct sum sum = { 0, false };

    memset(out, 0, IPV4_BYTES);
    out[0] = 0x45; /* version 4, five words */
    put_u16(out + 2, vitro_ip_size(p) + p->len);
    put_u16(out + 4, p->id);
    out[6] = 0x40; /* do not fragment */
    out[8] = HOP_LIMIT;
    out[9] = PROTOCOL_TCP;
    memcpy(out + 12, p->from->address, 4);
    memcpy(out + 16, p->to->address, 4);
    sum_add(&sum, out, IPV4_BYTES);
    sum_store(&sum, out + 10);
}

static void ipv6_write(const struct ip_packet *p, uint8_t *out)
{
    put_u32(out, 0x60000000);
    put_u16(out + 4, tcp_size(p) + p->len);
    out[6] = PROTOCOL_TCP;
    out[7] = HOP_LIMIT;
    memcpy(out + 8, p->from->address, 16);
    memcpy(out + 24, p->to->address, 16);
}

/* The pseudo header: both addresses, the protocol, the length of header and data. */
static void tcp_sum(const struct ip_packet *p, uint8_t *tcp)
{
    size_t address = p->from->family == 6 ? 16 : 4;
    uint8_t tail[4] = { 0, PROTOCOL_TCP, 0, 0 };
    struct sum sum = { 0, false };

    put_u16(tail + 2, tcp_size(p) + p->len);
    sum_add(&sum, p->from->address, address);
    sum_add(&sum, p->to->address, address);
    sum_add(&sum, tail, sizeof tail);
    sum_add(&sum, tcp, tcp_size(p));
    for (size_t i = 0; i < p->n; i++)
        sum_add(&sum, p->piece[i].ptr, p->piece[i].len);
    sum_store(&sum, tcp + 16);
}

static void tcp_write(const struct ip_packet *p, uint8_t *out)
{
    size_t size = tcp_size(p);

    memset(out, 0, size);
    put_u16(out, p->from->port);
    put_u16(out + 2, p->to->port);
    put_u32(out + 4, p->seq);
    put_u32(out + 8, p->flags & TCP_ACK ? p->ack : 0);
    out[12] = (uint8_t)(size / 4 << 4);
    out[13] = p->flags;
    put_u16(out + 14, 0xffff);
    if (size == TCP_SYN_BYTES) {
        /*
         * The largest segment is what loopback says; the window scale (RFC 7323, 2.2) is wide
         * enough that no reader of the trace sees a full window.
         */
        static const uint8_t options[8] = { 2, 4, PACKET_DATA >> 8, PACKET_DATA & 0xff, 1,
                                            3, 3, WINDOW_SHIFT };
        memcpy(out + TCP_BYTES, options, sizeof options);
    }
    tcp_sum(p, out);
}

void vitro_ip_write(const struct ip_packet *p, uint8_t *out)
{
    assert(p->from->family == p->to->family && p->len <= PACKET_DATA);
    if (p->from->family == 6)
        ipv6_write(p, out);
    else
        ipv4_write(p, out);
    tcp_write(p, out + ip_size(p));
}
