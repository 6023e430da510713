/*
 * session - one HTTP/2 connection (RFC 9113) as a pure transformer: bytes in, events; calls,
 * bytes out. The only user of nghttp2's session.
 *
 *      driver --take()--> [ nghttp2 ] --events--> owner (struct h2_ops)
 *      driver <-produce()-[ nghttp2 ] <--submit-- owner
 *
 * What nghttp2 would decide by itself is decided here or by the owner:
 *  - output is collected by produce(), once a turn; DATA moves from the stream's queue to the
 *    output without a copy when it is large;
 *  - windows are manual: the owner says what it consumed (RFC 9113, 6.9);
 *  - the header list is counted here, for nghttp2 does not enforce SETTINGS_MAX_HEADER_LIST_SIZE:
 *    16 KB can grow into 49 MB (HPACK, RFC 7541, 7.3);
 *  - resets are counted here by the caller's clock (rapid reset; also those that the peer's
 * mistakes make us send), nghttp2's own limit is out of reach: it reads a clock of its own, and
 * trips over honest cancelling;
 *  - memory is counted, for the owner to judge (h->used).
 *
 * It does not queue streams: the owner asks vitro_h2_can_open() first, for inside nghttp2 a
 * waiting request is visible to nobody.
 */
#ifndef VITRO_H2_SESSION_H
#define VITRO_H2_SESSION_H

#include "base/list.h"
#include "base/queue.h"
#include "h2/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nghttp2_session;
struct h2_session;
struct h2_told;

/* What a stream keeps of what it has sent at most, so that it can be sent again. */
enum { H2_KEEP = 64 * 1024 };

/* How the send side of a stream ends once its queue is empty. */
enum h2_ending {
    H2_OPEN,     /* more may come */
    H2_END,      /* END_STREAM on the last DATA frame */
    H2_TRAILERS, /* ops->trailers() is asked for them */
};

/* Embedded in the owner's stream; all members are private but for id and send. */
struct h2_stream {
    int32_t id;         /* 0 until opened; kept after it is closed */
    struct queue send;  /* DATA that waits for a window or for the turn's end */
    struct queue *kept; /* what leaves of send is kept here, up to H2_KEEP bytes; NULL: it is not */
    struct list unsent; /* while its opening HEADERS waits in nghttp2 */
    size_t header_bytes; /* of the header list that is being received */
    enum h2_ending ending;
    bool deferred;     /* nghttp2 asked for DATA and there was none */
    bool got_headers;  /* a header block of the peer came */
    bool sent_headers; /* one of ours has left */
    bool remote_end;   /* END_STREAM received */
    bool local_end;    /* END_STREAM sent */
    bool trailing;     /* our trailers are submitted */
    bool reset;        /* a reset by us is submitted */
};

/* One header field. Names are lower case. Both are copied unless marked static. */
enum {
    H2_STATIC = 1u,      /* name and value stay valid as long as the session */
    H2_STATIC_NAME = 2u, /* the name does */
    H2_NO_INDEX = 4u,    /* literal never indexed (RFC 7541, 6.2.3) */
};
struct h2_field {
    vitro_str name, value;
    uint32_t flags;
};

/* Why sending stops. */
enum h2_wait { H2_WAIT_NONE, H2_WAIT_STREAM_WINDOW, H2_WAIT_CONNECTION_WINDOW };

/* All events come from within take() or produce(). The owner may submit, never take or produce. */
struct h2_ops {
    /* Server: a stream begins. NULL refuses it (RST_STREAM REFUSED_STREAM). */
    struct h2_stream *(*begin)(struct h2_session *h, int32_t id);
    /* A field of the block under way; lent until return. */
    void (*field)(struct h2_session *h, struct h2_stream *s, vitro_str name, vitro_str value);
    /* The block is complete. */
    void (*fields_end)(struct h2_session *h, struct h2_stream *s, bool end_stream);
    /* In place of fields_end: the header list is over its limit. */
    void (*fields_over)(struct h2_session *h, struct h2_stream *s);
    /* DATA bytes, lent until take() returns. Consume them when they are used. */
    void (*data)(struct h2_session *h, struct h2_stream *s, vitro_bytes bytes);
    /* END_STREAM came with DATA. */
    void (*end)(struct h2_session *h, struct h2_stream *s);
    /* Submit the trailers now, with vitro_h2_trailers(). */
    void (*trailers)(struct h2_session *h, struct h2_stream *s);
    /* Bytes of the stream have left. */
    void (*sent)(struct h2_session *h, struct h2_stream *s, size_t n);
    /* The stream is over, the last event of it. error: RFC 9113, 7; unsent: the peer never saw
       it. */
    void (*closed)(struct h2_session *h, struct h2_stream *s, uint32_t error, bool unsent);
    void (*settings)(struct h2_session *h); /* the peer's came, or it has acknowledged ours */
    /*
     * After vitro_h2_tell: the header block whose first frame stands at `at` of its direction means
     * nothing to who came then, unless he is told its fields, as lines "name: value\n". Lent.
     */
    void (*unseen)(struct h2_session *h, bool sent, uint32_t stream, uint64_t at,
                   vitro_bytes lines);
    /* So many bytes of s->send are about to leave. NULL: that is of no interest. */
    void (*sending)(struct h2_session *h, struct h2_stream *s, size_t n);
    /* The peer will serve no stream above last_id. debug is lent. */
    void (*goaway)(struct h2_session *h, int32_t last_id, uint32_t error, vitro_bytes debug);
    void (*ping)(struct h2_session *h); /* the peer wants an answer, which is on its way */
    /* After vitro_h2_announce_drain: the peer has read it, and what it began before is here. */
    void (*announced)(struct h2_session *h);
};

/*
 * Blocks that nghttp2 has from the beginning of a session to its end, for their owner to put where
 * they cost least: the ring of a HPACK table, and what it puts a frame together in (its head, a pad
 * length and the 16 KiB that every peer takes), of which a session at rest has touched the first
 * hundred bytes.
 */
struct h2_place {
    void *ring[128];
    uint8_t room[9 + 1 + 16 * 1024];
};

struct h2_config {
    bool server;
    uint32_t window;          /* bytes; SETTINGS_INITIAL_WINDOW_SIZE */
    uint32_t max_streams;     /* server: SETTINGS_MAX_CONCURRENT_STREAMS */
    uint32_t max_header_list; /* bytes, as RFC 9113, 6.5.2 counts */
    struct h2_memory *memory; /* kept */
    struct h2_place *place;   /* kept */
};

struct h2_session {
    const struct h2_ops *ops;
    struct nghttp2_session *ng;
    struct h2_config config;
    uint64_t events;         /* frames received so far; a large block counts as several */
    uint64_t in, out;        /* bytes taken in and produced so far */
    uint64_t begun;          /* where the last frame that began to come in ends */
    bool in_block;           /* it leaves a header block open */
    struct h2_told *told[2]; /* of what came in, of what was sent; NULL: nothing to tell */
    struct queue *producing; /* where produce() writes, NULL outside */
    size_t data_limit;       /* of its length, from which no more DATA is added; 0: none */
    struct list unsent;      /* streams whose opening HEADERS is not written yet */
    struct h2_stream *block; /* whose header block is under way; NULL: nobody's any more */
    int64_t now;             /* the caller's clock at the last take(), nanoseconds */
    int64_t resets_at;       /* token bucket of resets that the peer is behind */
    uint32_t resets;         /* tokens used */
    size_t used;             /* bytes of memory */
    bool has_ring, has_room; /* nghttp2 has this of config.place */
    uint32_t goaway_sent;    /* error code of our GOAWAY */
    bool is_goaway_sent;
    bool spoke;                   /* HEADERS or DATA have left; for the owner to reset */
    bool announcing;              /* the PING of vitro_h2_announce_drain is not answered yet */
    bool terminated;              /* by vitro_h2_terminate(): what still comes is ignored */
    bool has_settings;            /* the peer's SETTINGS came */
    bool acknowledged;            /* ours did */
    bool starved;                 /* nghttp2 was refused memory: it is not to be trusted any more */
    void *held;                   /* blocks that it freed since */
    char fault[VITRO_ERROR_TEXT]; /* what nghttp2 said of the peer's mistake */
};

/* Start a session; preface and SETTINGS are ready for produce(). ops is kept. */
vitro_code vitro_h2_init(struct h2_session *h, const struct h2_ops *ops,
                         const struct h2_config *config, vitro_error *err);
/* No event comes any more; streams that are open stay the owner's to end. Zeroed is accepted. */
void vitro_h2_done(struct h2_session *h);

/* Feed bytes. now is monotonic nanoseconds. On failure the connection is dead. */
vitro_code vitro_h2_take(struct h2_session *h, vitro_bytes bytes, int64_t now, vitro_error *err);

/* Append output to out until it holds about limit bytes, with DATA about data_limit, or there is
 * none; limit 0: all frames but DATA, which are answers for the most part. */
vitro_code vitro_h2_produce(struct h2_session *h, struct queue *out, size_t limit,
                            size_t data_limit, vitro_error *err);

/* True when there is something for produce(). */
bool vitro_h2_wants_produce(const struct h2_session *h);

/* True when both directions are finished: close the connection once its output has left. */
bool vitro_h2_is_over(const struct h2_session *h);

/* An embedded stream before its use. pool is kept. */
void vitro_h2_stream_init(struct h2_stream *s, struct pool *pool);

/* Client: how many streams may be opened now; 0 before SETTINGS and after GOAWAY. */
uint32_t vitro_h2_can_open(const struct h2_session *h);

/* Client: no stream id is left for another one (RFC 9113, 5.1.1). */
bool vitro_h2_is_spent(const struct h2_session *h);

/* Client: open a stream with these headers. Sets s->id. The end is always on DATA, on an empty
 * frame where nothing is in s->send: gRPC PROTOCOL-HTTP2, Requests, asks for it, and servers wait
 * for ever without. */
vitro_code vitro_h2_request(struct h2_session *h, struct h2_stream *s,
                            const struct h2_field *fields, size_t n, vitro_error *err);

/* Server: response headers; only: the whole response, END_STREAM (trailers-only). */
vitro_code vitro_h2_response(struct h2_session *h, struct h2_stream *s,
                             const struct h2_field *fields, size_t n, bool only, vitro_error *err);

/* From ops->trailers() only: the last header block of the stream. */
vitro_code vitro_h2_trailers(struct h2_session *h, struct h2_stream *s,
                             const struct h2_field *fields, size_t n, vitro_error *err);

/* s->send or s->ending changed: go on sending. */
void vitro_h2_resume(struct h2_session *h, struct h2_stream *s);

/* RST_STREAM; what is queued is dropped; closed follows. Harmless when done before. */
void vitro_h2_reset(struct h2_session *h, struct h2_stream *s, uint32_t error);

/* The owner has used n bytes: give the window of the stream, of the connection, back. */
void vitro_h2_consume_stream(struct h2_session *h, struct h2_stream *s, size_t n);
void vitro_h2_consume_connection(struct h2_session *h, size_t n);

/* Bytes that the peer may still send on the stream; set a larger window. */
int32_t vitro_h2_window_left(const struct h2_session *h, const struct h2_stream *s);
void vitro_h2_grow_window(struct h2_session *h, const struct h2_stream *s, uint32_t size);
void vitro_h2_grow_connection(struct h2_session *h, uint32_t size);

/* What a stream with bytes to send waits for. */
enum h2_wait vitro_h2_waiting(const struct h2_session *h, const struct h2_stream *s);

/* ---- for those who look on --------------------------------------------------------------------
 */

/* How many bytes of input end what is begun; 0: it stands between two frames. */
size_t vitro_h2_until_frame(const struct h2_session *h);

/* True when nothing waits to be produced but DATA. */
bool vitro_h2_is_quiet(const struct h2_session *h);

/* Of the HPACK table of what came in, of what was sent: bytes of entries now, and at most. */
size_t vitro_h2_table_size(const struct h2_session *h, bool sent);
uint32_t vitro_h2_table_limit(const struct h2_session *h, bool sent);

/* A setting in force: of the peer, which binds us, or ours. id as RFC 9113, 6.5.2. */
uint32_t vitro_h2_setting(const struct h2_session *h, bool peers, uint32_t id);
bool vitro_h2_knows_setting(uint32_t id);

/* Bytes that may be sent on the connection, on the stream; and those that may come. */
int32_t vitro_h2_send_window(const struct h2_session *h, const struct h2_stream *s);
int32_t vitro_h2_receive_window(const struct h2_session *h, const struct h2_stream *s);

/*
 * Somebody looks on from here: ops->unseen is called for each block that he could not read, until
 * he knows the tables as well as the peer. Again: from here on once more. Costs reading each block
 * twice as long as it lasts.
 */
void vitro_h2_tell(struct h2_session *h);
void vitro_h2_tell_done(struct h2_session *h);

/*
 * Server: GOAWAY with NO_ERROR that still serves every stream, then a PING. The peer opens no more;
 * those that are on their way are served. ops->announced follows with the PING's acknowledgement,
 * if it comes at all; then vitro_h2_drain says which stream was the last (RFC 9113, 6.8).
 */
void vitro_h2_announce_drain(struct h2_session *h);

/* GOAWAY with NO_ERROR: streams up to the last one taken are served, no new ones. debug may be
 * NULL. */
void vitro_h2_drain(struct h2_session *h, const char *debug);

/* PING. That anything comes back is seen in h->in. */
void vitro_h2_ping(struct h2_session *h, const uint8_t payload[8]);

/* GOAWAY with an error; nothing is taken in any more. Close once it is written. */
void vitro_h2_terminate(struct h2_session *h, uint32_t error, const char *debug);

#ifdef __cplusplus
}
#endif
#endif
