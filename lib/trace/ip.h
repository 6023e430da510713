/*
 * ip - the IP and TCP headers that a recorded connection wears, checksums included.
 * Source: RFC 791 3.1, RFC 8200 3, RFC 9293 3.1, RFC 1071.
 */
#ifndef VITRO_TRACE_IP_H
#define VITRO_TRACE_IP_H

#include "trace/recorder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
enum { PACKET_DATA = 65495 }; /* 65,535 less an IPv4 and a TCP header */

struct ip_packet {
    const struct endpoint *from, *to; /* of one family, 4 or 6 */
    uint32_t seq, ack;
    uint16_t id;
    uint8_t flags;
    const vitro_bytes *piece; /* the data */
    size_t n;
    size_t len; /* bytes of data, at most PACKET_DATA */
};

/* Bytes of headers that the packet has. */
size_t vitro_ip_size(const struct ip_packet *p);

/* Write them; out has vitro_ip_size() bytes. */
void vitro_ip_write(const struct ip_packet *p, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif
