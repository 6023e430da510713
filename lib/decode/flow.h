/*
 * flow - one direction of a connection: which bytes have been told, which wait.
 *
 *      0        pos          first                 last
 *      |  told   |   hole    [span]   hole   [span][span]
 *
 * Positions count the bytes of the stream in 64 bits; sequence numbers (32 bits, wrapping) are
 * turned into positions where a segment comes in, and nowhere else.
 */
#ifndef VITRO_DECODE_FLOW_H
#define VITRO_DECODE_FLOW_H

#include "decode/tcp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SPAN_LEVELS = 4 };

/*
 * Bytes of one segment, or of a part of it. Those of a flow that wait do not overlap and are kept
 * by position in a skip list: one in eight of a level stands in the next one as well.
 */
struct span {
    struct span *next[SPAN_LEVELS];
    uint64_t at;
    uint64_t offset; /* in the capture */
    uint64_t number;
    int64_t ts;
    uint32_t len, have; /* as in struct segment */
    uint8_t flags;
    uint8_t levels; /* of next in use */
};

struct flow {
    uint64_t pos;    /* everything before is told */
    uint64_t fin_at; /* with has_fin: where the stream ends */
    struct span *first[SPAN_LEVELS];
    struct span *last;
    uint64_t fin_number; /* the packet that said so, its time and flags */
    int64_t fin_ts;
    uint8_t fin_flags;
    uint32_t spans;     /* waiting */
    uint32_t next_seq;  /* of the byte at pos */
    uint32_t start_seq; /* of the byte at 0 */
    bool started;       /* the two above are known */
    bool seen;          /* any segment */
    bool has_syn, has_fin;
    bool fin_told;
    bool window_zero;
};

struct tcp_conn {
    struct list link; /* in open or closed of its struct tcp */
    struct tcp_conn *chain;
    uint64_t hash;
    uint32_t id;
    bool reset, closed;
    struct flow_peers peers;
    struct flow flows[2]; /* by enum flow_dir */
};

/* Send an event about dir; fills in what every event carries. */
void vitro_flow_emit(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir,
                     struct flow_event *event);

/* A mark for a segment; len bytes at `stream` of its direction when it is about bytes. */
void vitro_flow_mark(struct tcp *t, const struct tcp_conn *c, enum flow_dir dir,
                     const struct span *segment, uint32_t marks, uint64_t stream, uint64_t len);

/* Where seq stands, as a distance from the byte at pos; *back: it lies that far before it. */
uint32_t vitro_flow_distance(const struct flow *f, uint32_t seq, bool *back);

/* The stream begins with the byte of that sequence number. */
void vitro_flow_start(struct flow *f, uint32_t seq);

/* Take the bytes of a segment, whose first has the sequence number seq. */
void vitro_flow_data(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, struct span bytes,
                     uint32_t seq);

/* A FIN with the sequence number seq. */
void vitro_flow_fin(struct tcp *t, struct tcp_conn *c, enum flow_dir dir,
                    const struct span *segment, uint32_t seq);

/* The other side has every byte before ack: holes in front of such bytes are the capture's. */
void vitro_flow_acked(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, uint32_t ack);

/* Nothing waits, and what lies before a position will not come. */
void vitro_flow_skip(struct tcp *t, struct tcp_conn *c, enum flow_dir dir, uint64_t to);

/* Nothing more comes: tell what waits, and the holes before it. */
void vitro_flow_flush(struct tcp *t, struct tcp_conn *c, enum flow_dir dir);

#ifdef __cplusplus
}
#endif
#endif
