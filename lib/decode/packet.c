#include "decode/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/util.h"
#include "decode/ip.h"
#include "decode/link.h"
#include "decode/order.h"

enum { TCP_MIN = 20 };

static enum packet_what tell(enum packet_what what, const char **why, const char *text)
{
    *why = text;
    return what;
}

static void set_endpoint(struct packet_end *e, uint8_t family, const uint8_t *ip,
                         const uint8_t *port)
{
    e->family = family;
    e->port = read16(port, true);
    memcpy(e->ip, ip, sizeof e->ip);
}

/* The header of RFC 9293, 3.1. tcp is what was captured of it and of its payload. */
static enum packet_what parse_tcp(vitro_bytes tcp, const struct ip_payload *ip, struct segment *out,
                                  const char **why)
{
    const uint8_t *p = tcp.ptr;
    uint32_t head;

    if (ip->len < TCP_MIN)
        return tell(PACKET_BAD, why, "a TCP segment shorter than its header");
    if (tcp.len < TCP_MIN)
        return tell(PACKET_CUT, why, "captured too short for its TCP header");
    head = (p[12] >> 4) * 4u;
    if (head < TCP_MIN || head > ip->len)
        return tell(PACKET_BAD, why, "a TCP header that contradicts itself");
    set_endpoint(&out->src, ip->family, ip->src, p);
    set_endpoint(&out->dst, ip->family, ip->dst, p + 2);
    out->seq = read32(p + 4, true);
    out->ack = read32(p + 8, true);
    out->flags = p[13];
    out->window = read16(p + 14, true);
    out->len = ip->len - head;
    out->have = tcp.len > head ? MIN((uint32_t)(tcp.len - head), out->len) : 0;
    out->offset = head;
    return PACKET_TCP;
}

static enum packet_what parse_ip(uint16_t ethertype, vitro_bytes packet, uint32_t original,
                                 struct ip_payload *ip, const char **why)
{
    if (ethertype == ETHERTYPE_IP4)
        return vitro_ip4_parse(packet, original, ip, why);
    if (ethertype == ETHERTYPE_IP6)
        return vitro_ip6_parse(packet, original, ip, why);
    return tell(PACKET_OTHER, why, "not an IP packet");
}

enum packet_what vitro_packet_parse(const struct capture_record *packet, struct segment *out,
                                    const char **why)
{
    vitro_bytes rest = packet->bytes;
    struct link_payload link;
    struct ip_payload ip;
    enum packet_what what = vitro_link_parse(packet->link, rest, &link, why);

    if (what != PACKET_TCP)
        return what;
    rest.ptr += link.at;
    rest.len -= link.at;
    what = parse_ip(link.ethertype, rest, packet->original - (uint32_t)link.at, &ip, why);
    if (what != PACKET_TCP)
        return what;
    if (ip.protocol != IP_TCP)
        return tell(PACKET_OTHER, why, "not a TCP segment");
    if (rest.len < ip.at)
        return tell(PACKET_CUT, why, "captured too short for its TCP header");
    rest.ptr += ip.at;
    rest.len = MIN(rest.len - ip.at, (size_t)ip.len);
    what = parse_tcp(rest, &ip, out, why);
    out->offset += packet->offset + link.at + ip.at;
    out->number = packet->number;
    out->ts = packet->ts;
    return what;
}

void vitro_endpoint_format(const struct packet_end *e, char *out, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "";

    inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->ip, ip, sizeof ip);
    snprintf(out, size, e->family == 6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)e->port);
}

static bool parse_address(vitro_str text, int family, uint8_t *out)
{
    char room[INET6_ADDRSTRLEN];

    if (!text.len || text.len >= sizeof room || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return inet_pton(family, room, out) == 1;
}

bool vitro_endpoint_parse(vitro_str text, struct packet_end *out)
{
    bool six = text.len && text.ptr[0] == '[';
    uint64_t port;
    size_t n = text.len;

    memset(out, 0, sizeof *out);
    while (n && text.ptr[n - 1] != ':')
        n--;
    if (n < 2 || !vitro_text_number((vitro_str){ text.ptr + n, text.len - n }, UINT16_MAX, &port))
        return false;
    text.len = n - 1;
    if (six && (text.len < 2 || text.ptr[text.len - 1] != ']'))
        return false;
    if (six)
        text = (vitro_str){ text.ptr + 1, text.len - 2 };
    out->family = six ? 6 : 4;
    out->port = (uint16_t)port;
    return parse_address(text, six ? AF_INET6 : AF_INET, out->ip);
}
