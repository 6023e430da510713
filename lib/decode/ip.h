/* ip - IPv4 (RFC 791) and IPv6 (RFC 8200) down to what they carry. */
#ifndef VITRO_DECODE_IP_H
#define VITRO_DECODE_IP_H

#include "decode/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IP_TCP = 6 };

struct ip_payload {
    uint8_t src[16], dst[16]; /* IPv4: the first four */
    uint8_t family;           /* 4 or 6 */
    uint8_t protocol;
    size_t at;    /* where the payload begins in the packet */
    uint32_t len; /* its length on the wire */
};

/*
 * packet: the captured bytes from the IP header on; original: their number on the wire.
 * PACKET_TCP: *out is filled, whatever the protocol is.
 */
enum packet_what vitro_ip4_parse(vitro_bytes packet, uint32_t original, struct ip_payload *out,
                                 const char **why);
enum packet_what vitro_ip6_parse(vitro_bytes packet, uint32_t original, struct ip_payload *out,
                                 const char **why);

#ifdef __cplusplus
}
#endif
#endif
