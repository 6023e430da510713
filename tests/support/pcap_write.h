/*
 * pcap_write - captures for tests, in memory: pcap and pcapng, both byte orders, every link type
 * that the decoder reads, segments with any sequence number in any order.
 *
 *      struct pcap_write w;
 *      struct pcap_talk talk = { .next = { 1000, 5000 } };
 *      pcap_write_init(&w, PCAP_NG, 1);
 *      pcap_talk_open(&w, &talk);
 *      pcap_talk_send(&w, &talk, 0, bytes, len);
 *      pcap_talk_close(&w, &talk);
 *      decode(pcap_write_lend, &w); pcap_write_save(&w, "x.pcapng");
 *      pcap_write_done(&w);
 */
#ifndef VITRO_TESTS_PCAP_WRITE_H
#define VITRO_TESTS_PCAP_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vitro/lab/capture.h"

enum { PCAP_NG = 1, PCAP_BIG = 2, PCAP_NANO = 4 }; /* flags; without PCAP_NANO: microseconds */

struct pcap_write {
    uint8_t *ptr;
    size_t len, cap;
    unsigned flags;
    uint16_t link;         /* of packets that pcap_write_tcp makes */
    uint32_t interface_id; /* they go to */
    uint32_t snaplen;      /* 0: all; else bytes kept of a packet */
    int64_t now;           /* nanoseconds since 1970 of the next packet */
    int64_t step;          /* added after each */
    uint64_t packets;      /* so far, notes included: tshark's frame.number of the last */
};

/* One segment; zero fields are good defaults: 192.0.2.1:49152 to 192.0.2.2:50051. */
struct pcap_tcp {
    bool reply; /* from the server */
    bool ip6;
    uint16_t client_port, server_port;
    uint32_t seq, ack;
    uint8_t flags;   /* FIN 1 SYN 2 RST 4 PSH 8 ACK 16 */
    uint16_t window; /* 0: 65535; PCAP_WINDOW_ZERO: 0 */
    const void *data;
    size_t len;
    unsigned tags;        /* VLAN tags (Ethernet) */
    unsigned ip_options;  /* IPv4: 4-byte words; IPv6: extension headers of 8 bytes */
    unsigned tcp_options; /* 4-byte words */
    unsigned trailer;     /* bytes behind the IP packet, as Ethernet pads */
    uint16_t fragment;    /* IPv4 flags and offset field */
};
enum { PCAP_WINDOW_ZERO = 1 }; /* the one window that cannot be asked for */

/* Begins with a file header, or a section and one interface. */
void pcap_write_init(struct pcap_write *w, unsigned flags, uint16_t link);
void pcap_write_done(struct pcap_write *w);

void pcap_write_bytes(struct pcap_write *w, const void *p, size_t n);
void pcap_write_packet(struct pcap_write *w, const void *frame, size_t len); /* cut at snaplen */
void pcap_write_tcp(struct pcap_write *w, const struct pcap_tcp *s);

/* pcapng only. tsresol: the option's byte, 0 for none (microseconds). */
void pcap_write_section(struct pcap_write *w);
void pcap_write_interface(struct pcap_write *w, uint16_t link, uint32_t snaplen, uint8_t tsresol);
void pcap_write_block(struct pcap_write *w, uint32_t type, const void *body, size_t len);
void pcap_write_simple(struct pcap_write *w, const void *frame, size_t len);
void pcap_write_obsolete(struct pcap_write *w, const void *frame, size_t len);
void pcap_write_note(struct pcap_write *w, const char *entry, size_t len);
void pcap_write_secrets(struct pcap_write *w, uint32_t type, const void *p, size_t len);

/* A frame of the writer's link type with the segment in it; returns its length, at most size. */
size_t pcap_frame(uint16_t link, bool big, const struct pcap_tcp *s, uint8_t *out, size_t size);

/* A vitro_lend over what was written; user is the struct pcap_write. */
vitro_bytes pcap_write_lend(uint64_t offset, size_t len, void *user);
bool pcap_write_save(const struct pcap_write *w, const char *path);

/* A connection that keeps its own numbers. */
struct pcap_talk {
    struct pcap_tcp shape; /* ports, ip6, tags ... of each segment */
    uint32_t next[2];      /* sequence number of the next byte of client, server */
    size_t mss;            /* 0: 1448 */
};
void pcap_talk_open(struct pcap_write *w, struct pcap_talk *t); /* SYN, SYN ACK, ACK */
void pcap_talk_send(struct pcap_write *w, struct pcap_talk *t, int from_server, const void *p,
                    size_t n);
void pcap_talk_skip(struct pcap_talk *t, int from_server, size_t n); /* sent, not captured */
void pcap_talk_ack(struct pcap_write *w, struct pcap_talk *t, int from_server);
void pcap_talk_close(struct pcap_write *w, struct pcap_talk *t); /* FIN both ways */

#endif
