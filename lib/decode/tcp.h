/*
 * tcp - from segments to connections, each two streams of bytes in order.
 *
 *      segments, any order          flow events, per connection and direction
 *      [2][1][1][4]        --->     open  data(1) data(2) gap(3) data(4)  end
 *
 * Each run of data says where in the capture its bytes stand. A byte is delivered once: of copies
 * the one that came first in the capture. What comes early waits as a span (no bytes are
 * copied: they are asked for again when their turn comes). A hole is given up, and told as a gap,
 * once bytes behind it are acknowledged by the other side (it had them, the capture has not), when
 * too much waits behind it, or at the end.
 *
 * Numbers of connections follow the order of their first packets. A SYN with another sequence
 * number, or one after the connection was closed, begins a new connection on the same pair.
 *
 * Memory: at most max_conns connections of about 320 bytes and max_spans spans of 80 bytes, for
 * any input; the connection longest without a packet ends when a new one needs its place, closed
 * ones first; of those that are over max_closed are kept, for segments that come late. Time: linear
 * in segments (a late segment finds its place among those that wait in some thirty steps).
 *
 * Source: RFC 9293.
 */
#ifndef VITRO_DECODE_TCP_H
#define VITRO_DECODE_TCP_H

#include "base/freelist.h"
#include "base/list.h"
#include "decode/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

enum flow_dir { FLOW_C2S, FLOW_S2C };

enum flow_kind {
    FLOW_OPEN, /* first event of a connection; peer is filled */
    FLOW_DATA, /* bytes, offset, len: the next bytes of dir */
    FLOW_GAP,  /* len bytes of dir that the capture lacks; the stream goes on behind them */
    FLOW_MARK, /* a segment that is not plain data; see marks */
    FLOW_END,  /* last event of a connection; marks says how it ended */
};

enum flow_mark {
    FLOW_SYN = 1 << 0,
    FLOW_FIN = 1 << 1, /* dir is complete: its stream ends at `stream`, everything before is told */
    FLOW_RST = 1 << 2,
    FLOW_RETRANSMISSION = 1 << 3, /* len bytes that were there before, `stream` the first of them */
    FLOW_OUT_OF_ORDER = 1 << 4,   /* len bytes that came after ones that stand behind them */
    FLOW_KEEPALIVE = 1 << 5,      /* a probe (RFC 9293, 3.8.4) */
    FLOW_WINDOW_ZERO = 1 << 6,    /* the sender of this segment has no room left */
    FLOW_WINDOW_OPEN = 1 << 7,    /* and has some again */
    FLOW_LATE = 1 << 8,         /* OPEN: no SYN was seen; stream offset 0 is the first byte seen */
    FLOW_BEFORE_START = 1 << 9, /* len bytes before the first byte that was seen: never delivered */
    FLOW_SNAPLEN = 1 << 10,     /* GAP: the packet is there, its end was not captured */
    FLOW_EVICTED = 1 << 11,     /* END: given up for a newer connection */
    FLOW_REUSED = 1 << 12,      /* END: the pair of ports began a new connection */
    FLOW_AFTER_END = 1 << 13,   /* len bytes behind a FIN: never delivered */
};

struct flow_peers {
    struct packet_end client, server;
    bool guessed; /* no SYN: 50051, else the lower port, is taken for the server's; may be wrong */
};

struct flow_event {
    enum flow_kind kind;
    uint32_t conn;     /* from 0 */
    enum flow_dir dir; /* of OPEN: of its first packet; of END: C2S */
    uint32_t marks;    /* enum flow_mark */
    uint8_t flags;     /* of the segment (SEG_*); GAP, END: 0 */
    uint64_t stream;   /* offset in the stream of dir */
    uint64_t len;      /* DATA: bytes.len; GAP: bytes missing; MARK: as flow_mark says */
    vitro_bytes bytes; /* DATA: lent until the next call of the lend function */
    uint64_t offset;   /* DATA, MARK with len: of the bytes in the capture */
    uint64_t number;   /* the packet that carries it; GAP, END: that which told it */
    int64_t ts;        /* of that packet */
    uint64_t now;      /* the packet being read; more than number: it had to wait */
    int64_t now_ts;
    const struct flow_peers *peers; /* lent until FLOW_END has returned */
};

/* Events come in order. Return false to stop: push and finish return VITRO_CANCELLED then. */
typedef bool flow_fn(const struct flow_event *event, void *user);

struct tcp_options {
    size_t max_conns;      /* 0: 65536 */
    size_t max_closed;     /* of these that are over and may still have late segments; 0: 1024 */
    size_t max_spans;      /* 0: 65536 in all */
    size_t max_conn_spans; /* 0: 4096 in one direction */
    uint64_t hash_seed;    /* any; a chosen one keeps a hostile capture from choosing collisions */
};

struct tcp_conn;

struct tcp {
    struct tcp_options options;
    struct account *account;
    vitro_lend *lend;
    void *lend_user;
    flow_fn *emit;
    void *emit_user;
    struct tcp_conn **slots; /* hash table, a power of two */
    size_t slot_count;
    size_t conns, spans; /* alive now */
    size_t closed_count; /* of the connections */
    uint64_t draw;       /* levels of the next span */
    uint32_t next_conn;
    bool stopped; /* emit has returned false */
    uint64_t now; /* packet being read */
    int64_t now_ts;
    struct list open, closed; /* longest without a packet first */
    struct freelist conn_list, span_list;
};

/*
 * options is copied, NULL for all defaults. account, lend, emit and their users are kept.
 * lend is asked for the payload of each segment when its turn comes.
 */
void vitro_tcp_init(struct tcp *t, const struct tcp_options *options, struct account *account,
                    vitro_lend *lend, void *lend_user, flow_fn *emit, void *emit_user);
void vitro_tcp_done(struct tcp *t);

/* Take one segment. VITRO_CANCELLED when emit stopped, VITRO_RESOURCE_EXHAUSTED without memory. */
vitro_code vitro_tcp_push(struct tcp *t, const struct segment *s, vitro_error *err);

/*
 * A connection goes on that the capture has not seen begin: so many bytes of each direction, by
 * enum flow_dir, lie before, and sequence numbers count from its SYN, which had 0. It begins with
 * FLOW_OPEN, FLOW_LATE. One that is there goes on behind them, and what it lacks is a gap; not
 * when it has more. Returns its number; UINT32_MAX without memory, and in that case.
 */
uint32_t vitro_tcp_join(struct tcp *t, const struct packet_end *client,
                        const struct packet_end *server, const uint64_t pos[2]);

/* The number of the connection between these; UINT32_MAX: there is none. */
uint32_t vitro_tcp_find(const struct tcp *t, const struct packet_end *client,
                        const struct packet_end *server);

/* The capture has ended: what waits is delivered, gaps included, and every connection ends. */
vitro_code vitro_tcp_finish(struct tcp *t, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
