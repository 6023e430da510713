#include "decode/ip.h"

#include <string.h>

#include "decode/order.h"

enum { IP4_MIN = 20, IP6_HEAD = 40 };

/* Extension headers of IPv6 (RFC 8200, 4) and those that others added (RFC 7045). */
enum {
    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    DESTINATION = 60,
    MOBILITY = 135,
    HIP = 139,
    SHIM6 = 140,
};

static enum packet_what tell(enum packet_what what, const char **why, const char *text)
{
    *why = text;
    return what;
}

enum packet_what vitro_ip4_parse(vitro_bytes packet, uint32_t original, struct ip_payload *out,
                                 const char **why)
{
    const uint8_t *p = packet.ptr;
    uint32_t head, total;

    if (packet.len < IP4_MIN)
        return tell(PACKET_CUT, why, "captured too short for its IPv4 header");
    head = (p[0] & 15u) * 4;
    total = read16(p + 2, true);
    if (!total) /* more than 64 KiB, cut only by the network card that it was handed to */
        total = original;
    if (p[0] >> 4 != 4 || head < IP4_MIN || total < head)
        return tell(PACKET_BAD, why, "an IPv4 header that contradicts itself");
    if (total > original)
        return tell(PACKET_BAD, why, "an IPv4 length beyond its packet");
    if (read16(p + 6, true) & 0x3fff) /* more fragments, or an offset */
        return tell(PACKET_FRAGMENT, why, "an IPv4 fragment");
    out->family = 4;
    out->protocol = p[9];
    memset(out->src, 0, sizeof out->src);
    memset(out->dst, 0, sizeof out->dst);
    memcpy(out->src, p + 12, 4);
    memcpy(out->dst, p + 16, 4);
    out->at = head;
    out->len = total - head;
    return PACKET_TCP;
}

static bool is_extension(uint8_t header)
{
    return header == HOP_BY_HOP || header == ROUTING || header == FRAGMENT ||
           header == AUTHENTICATION || header == DESTINATION || header == MOBILITY ||
           header == HIP || header == SHIM6;
}

/* Step over one extension header at out->at. */
static enum packet_what skip_extension(vitro_bytes packet, struct ip_payload *out, const char **why)
{
    const uint8_t *p = packet.ptr + out->at;
    uint32_t size;

    if (packet.len < out->at || packet.len - out->at < 8)
        return tell(PACKET_CUT, why, "captured too short for its IPv6 extension headers");
    if (out->protocol == FRAGMENT && read16(p + 2, true) & 0xfff9)
        return tell(PACKET_FRAGMENT, why, "an IPv6 fragment");
    size = out->protocol == FRAGMENT         ? 8
           : out->protocol == AUTHENTICATION ? (p[1] + 2u) * 4
                                             : (p[1] + 1u) * 8;
    if (size > out->len)
        return tell(PACKET_BAD, why, "an IPv6 extension header beyond its packet");
    out->protocol = p[0];
    out->at += size;
    out->len -= size;
    return PACKET_TCP;
}

enum packet_what vitro_ip6_parse(vitro_bytes packet, uint32_t original, struct ip_payload *out,
                                 const char **why)
{
    const uint8_t *p = packet.ptr;
    enum packet_what what = PACKET_TCP;

    if (packet.len < IP6_HEAD)
        return tell(PACKET_CUT, why, "captured too short for its IPv6 header");
    if (p[0] >> 4 != 6 || original < IP6_HEAD)
        return tell(PACKET_BAD, why, "an IPv6 header that contradicts itself");
    out->family = 6;
    out->protocol = p[6];
    memcpy(out->src, p + 8, 16);
    memcpy(out->dst, p + 24, 16);
    out->at = IP6_HEAD;
    out->len = read16(p + 4, true);
    if (!out->len) /* a jumbogram, or one that only the network card will cut */
        out->len = original - IP6_HEAD;
    if (out->len > original - IP6_HEAD)
        return tell(PACKET_BAD, why, "an IPv6 length beyond its packet");
    while (what == PACKET_TCP && is_extension(out->protocol))
        what = skip_extension(packet, out, why);
    return what;
}
