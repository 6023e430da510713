/*
 * hand - a connection written by hand, frame by frame, and decoded with an index.
 */
#ifndef VITRO_TESTS_HAND_H
#define VITRO_TESTS_HAND_H

#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"
#include "support/decoded.h"

struct hand {
    struct pcap_write w;
    struct pcap_talk talk;
    struct hpack_writer hpack[2];
    struct decoded_bytes bytes;
    vitro_decode *decode;
    vitro_event *events; /* all of them, once it is decoded */
    bool skip;           /* what is written now was not captured */
};

void hand_init(struct hand *h); /* nothing captured yet */
void hand_open(struct hand *h); /* init, handshake, preface, SETTINGS */
void hand_done(struct hand *h);

/* Bytes of one direction. */
void hand_send(struct hand *h, int dir, const void *p, size_t n);

/* A HEADERS frame with END_HEADERS; names and values, NULL at the end. */
void hand_headers(struct hand *h, int dir, uint32_t stream, uint8_t flags, ...);
void hand_request(struct hand *h, uint32_t stream, const char *type); /* of SendMessage */
void hand_data(struct hand *h, int dir, uint32_t stream, uint8_t flags, const char *hex);

/* End the connection, decode all and assert that it tiles. */
void hand_decode(struct hand *h);

/* The i-th event of a kind, NULL when there are fewer; how many there are. */
const vitro_event *hand_nth(const struct hand *h, vitro_event_kind kind, unsigned i);
unsigned hand_count(const struct hand *h, vitro_event_kind kind);
const vitro_event *hand_frame(const struct hand *h, uint8_t type, int dir, unsigned i);

/* The header field of that name, all zero when there is none. key may be NULL. */
vitro_item_header hand_header(struct hand *h, const vitro_event *ev, const char *name,
                              const char **key);

#endif
