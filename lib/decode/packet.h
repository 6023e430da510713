/*
 * packet - from the bytes of one packet to the TCP segment in it.
 *
 * Link layers: NULL (0), ETHERNET (1, with any VLAN tags), RAW (101; 12 and 14 as some systems
 * write it), LOOP (108), LINUX_SLL (113), IPV4 (228), IPV6 (229), LINUX_SLL2 (276). Then IPv4 with
 * options or IPv6 with extension headers, then TCP. Checksums are not verified: a capture on the
 * sending host sees packets before the network card has filled them in.
 */
#ifndef VITRO_DECODE_PACKET_H
#define VITRO_DECODE_PACKET_H

#include "decode/capture.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One end of a connection, as a packet names it. */
struct packet_end {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t ip[16]; /* an IPv4 address in the first four, the rest 0 */
};

enum { SEG_FIN = 0x01, SEG_SYN = 0x02, SEG_RST = 0x04, SEG_PSH = 0x08, SEG_ACK = 0x10 };

struct segment {
    struct packet_end src, dst;
    uint32_t seq, ack;
    uint16_t window; /* as sent, without its scale */
    uint8_t flags;   /* the eight bits of RFC 9293, 3.1 */
    uint32_t len;    /* payload bytes on the wire */
    uint32_t have; /* of these, from the front, in the capture; the rest fell to the snap length */
    uint64_t offset; /* of the payload in the capture */
    uint64_t number; /* packet and its time */
    int64_t ts;
};

enum packet_what {
    PACKET_TCP,      /* *out is filled */
    PACKET_OTHER,    /* not TCP over IP: nothing is wrong with it */
    PACKET_FRAGMENT, /* a fragment of an IP packet: not put together again */
    PACKET_CUT,      /* captured too short to hold its headers */
    PACKET_BAD,      /* the headers contradict each other */
};

/* Read a record of kind CAPTURE_PACKET. *why is set to a static text for all but PACKET_TCP. */
enum packet_what vitro_packet_parse(const struct capture_record *packet, struct segment *out,
                                    const char **why);

/* "127.0.0.1:80" or "[::1]:80" (RFC 5952); 54 bytes are enough. */
enum { ENDPOINT_TEXT = 54 };
void vitro_endpoint_format(const struct packet_end *e, char *out, size_t size);

/* And back, also from what stands in a note; false when it is none. */
bool vitro_endpoint_parse(vitro_str text, struct packet_end *out);

#ifdef __cplusplus
}
#endif
#endif
