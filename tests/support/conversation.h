/*
 * conversation - whole HTTP/2 conversations of gRPC calls, generated: what a client and a server
 * send, in order, with what may stand in a sound connection (CONTINUATION, padding, priority,
 * split prefixes, every HPACK representation, size updates, interleaved streams).
 *
 *      struct conversation c;
 *      conversation_make(&c, &(struct conversation_shape){ .calls = 3, .split = true }, 1, 2);
 *      conversation_capture(&c, &w, &talk, NULL);
 *      conversation_done(&c);
 *
 * Two seeds: of what is said and of how DATA is cut. With the same first and another second one
 * the same headers and messages come in other frames (when calls are not interleaved).
 */
#ifndef VITRO_TESTS_CONVERSATION_H
#define VITRO_TESTS_CONVERSATION_H

#include "frame/hpack_writer.h"
#include "support/pcap_write.h"
#include "support/seed.h"

struct conversation_shape {
    unsigned calls;        /* 0: 1 */
    int method;            /* 0: any of chat.ChatService's; 1 to 4: that one */
    size_t message_max;    /* bytes of text in a message; 0: 40 */
    unsigned message_most; /* messages of a stream; 0: 3 */
    bool interleave;       /* frames of open calls in any order */
    bool split;            /* DATA is cut anywhere, prefixes too */
    bool padding;
    bool priority;
    bool continuation; /* header blocks over several frames, cut anywhere */
    bool styles;       /* any representation, Huffman or not, never indexed */
    bool sizes;        /* table size updates */
    bool controls;     /* PING, WINDOW_UPDATE, PRIORITY, unknown types, RST_STREAM, GOAWAY */
    bool empty;        /* empty messages, empty DATA at the end, trailers-only */
};

/* A run of bytes that was sent in one direction before the other side went on. */
struct conversation_turn {
    int dir;
    size_t len;
};

struct conversation {
    struct buf out[2]; /* what the client and the server sent in all */
    struct conversation_turn *turns;
    size_t turn_count, turn_cap;
    uint64_t frames, headers, messages, fields; /* of protobuf: on all levels */
    uint64_t updates;                           /* table size updates */
    /* while it is made */
    const struct conversation_shape *shape;
    struct chance say, cut;
    struct hpack_writer hpack[2];
    struct conversation_call *all;
};

void conversation_make(struct conversation *c, const struct conversation_shape *shape,
                       unsigned long long say, unsigned long long cut);
void conversation_done(struct conversation *c);

/* One without anything said, and more of what a side says. */
void conversation_init(struct conversation *c);
void conversation_say(struct conversation *c, int dir, const void *p, size_t n);

/*
 * Write it as the packets of one connection: handshake, turns in segments of any size when cut is
 * given (else as large as they may be), FIN.
 */
void conversation_capture(const struct conversation *c, struct pcap_write *w,
                          struct pcap_talk *talk, struct chance *cut);

#endif
