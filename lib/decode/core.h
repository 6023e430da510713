/*
 * core - what the decoder keeps: connections, their two directions, streams, events.
 *
 *      vitro_decode -> past -> track[2]: where the bytes are, the log of header blocks
 *                           -> sealed: the same of what TLS has sealed in them, and its records
 *                   -> conn -> direction[2]: frame reader, HPACK reader
 *                           -> tls: both sides' records, and the directions inside
 *                           -> streams: what their headers said, a body for each direction
 *
 * A conn lives as long as its connection; what is needed to look at its events later is its past.
 *
 * Private to decode; one file each: conn.c, direction.c (which bytes are HTTP/2, frames),
 * records.c and record.c (TLS), ahead.c (its secrets), sealed.c (what it sealed), headers.c
 * (blocks), body.c (messages), stream.c, detail*.c (fields of an event).
 */
#ifndef VITRO_DECODE_CORE_H
#define VITRO_DECODE_CORE_H

#include "base/list.h"
#include "decode/block.h"
#include "decode/events.h"
#include "decode/held.h"
#include "decode/inflated.h"
#include "decode/reassembled.h"
#include "decode/sealed.h"
#include "decode/tcp.h"
#include "decode/why.h"
#include "frame/frame_reader.h"
#include "pb/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LOOK_MAX = 64 * 1024, /* bytes held while it is not clear what they are */
    FRONT_MAX = 1024,     /* bytes of a payload kept until its frame is complete */
    HELD_MAX = 256,       /* frames of one header block */
    SEGS_MAX = 65536,     /* of a direction, without an index */
    STREAMS_MAX = 65536,  /* of a connection: the oldest is given up */
    RESETS_MAX = 128,     /* of these, those that one side has reset: likewise; a client that leaves
                             resets all of its, 100 as a rule (RFC 9113, 6.5.2) */
    NAMES_MAX = 65535,
    SETTINGS_WAITING = 8,
    PAST_PAGE = 64,
    REPLAYS = 256,     /* a power of two */
    SEGS_MEMO = 32,    /* likewise */
    SUSPECT_FRAMES = 4 /* doubted after a frame was found again */
};

/* What a body is known to be. */
enum body_kind {
    BODY_OPEN,    /* not decided: it takes headers or the first 5 bytes */
    BODY_GRPC,    /* its headers said so */
    BODY_GUESSED, /* its bytes look so */
    BODY_OTHER    /* not gRPC: why says the reason */
};

/* One direction of a stream. */
struct body {
    struct rope rope;
    uint64_t from;   /* offset of the message that is not complete, or of bytes not told yet */
    uint64_t need;   /* its length with prefix; 0: its prefix is not known */
    uint32_t cursor; /* a link at or before `from`; ROPE_END: begin at the first */
    uint32_t parent; /* number of the last DATA event; its packet and time */
    uint32_t packet;
    int64_t time;
    uint16_t encoding;
    uint64_t tail; /* bytes at `from` of a message whose beginning was not seen */
    uint8_t kind;
    uint8_t why;  /* of BODY_OTHER */
    bool headers; /* were seen */
    bool ended;
};

struct stream {
    struct list link;    /* oldest first */
    struct stream *next; /* of its bucket */
    uint32_t id;
    uint16_t path;
    bool reset; /* by one side: what the other has sent by then is still to come */
    struct body body[2];
};

enum direction_state {
    DIR_LOOKING, /* at its first bytes, or behind a hole */
    DIR_FRAMES,
    DIR_RECORDS,
    DIR_OTHER /* whatever comes is unknown */
};

/* The frame that is being read. */
struct current {
    uint64_t at; /* of its first byte in the direction */
    struct frame_head head;
    struct buf payload; /* of frames with a header block: all of it; else the front */
    bool active;        /* its head was read */
    bool hole;
};

/* A frame of a header block, and where its fragment begins in the block. */
struct held {
    vitro_event event;
    uint32_t fragment;
};

/* The header block that is being put together. */
struct assembly {
    bool open, large, hole;
    uint32_t stream;
    uint8_t flags; /* of its first frame */
    bool pushed;
    struct rope rope;
    struct buf bytes;
    struct held *held;
    uint32_t count, cap;
};

/* What stays of a direction. */
struct track {
    struct segs segs;
    struct block_log log;
    bool frames; /* HTTP/2 was found in it */
};

/* What stays of a connection. */
struct past {
    struct conn *live;         /* NULL: it is over */
    struct track *tracks;      /* of both directions; NULL: none had bytes */
    struct sealed *sealed;     /* NULL: none is TLS */
    struct packet_end ends[2]; /* who sends each direction */
};

/* From which offset on the bytes that are held back came with a packet. */
struct arrival {
    uint64_t at;
    int64_t time;
    uint32_t packet;
    uint32_t record; /* of opened data: the record's event */
};

/* Fields of a header block that a note has told, before the block comes. */
struct told_block {
    struct told_block *next;
    uint64_t at; /* of its first frame */
    size_t len;
    uint8_t lines[]; /* "name: value\n" each */
};

struct direction {
    struct conn *conn;
    struct track *track;
    struct packlog_row seg_last;
    struct block_writer log_writer;
    uint8_t source; /* VITRO_SOURCE_DIRECTION, VITRO_SOURCE_TLS */
    uint8_t dir;
    uint8_t state;
    uint8_t why;     /* of DIR_OTHER, or of the bytes before the first frame */
    bool late;       /* its first byte was not seen */
    uint8_t suspect; /* so many sound frames are still doubted */
    bool finished;
    bool hpack_ready;
    bool in_preface;
    uint64_t first;      /* where what is said begins: behind early data that was refused */
    uint64_t told;       /* everything below is covered by events */
    uint64_t looked;     /* so many bytes of look begin no frame */
    uint64_t missed;     /* bytes told as unknown since the last frame */
    struct buf look;     /* bytes from `told` on, while looking */
    struct buf arrivals; /* of them: struct arrival */
    struct frame_reader reader;
    struct current frame;
    struct assembly block;
    struct hpack_reader hpack;
    uint32_t max_frame;                /* what the other side takes */
    uint32_t tables[SETTINGS_WAITING]; /* HEADER_TABLE_SIZE that the other has announced */
    uint8_t table_first, table_count;
    uint32_t held_first, held_last; /* units of a gate that are not on the wire yet; 0: none */
    struct told_block *told_first;  /* by offset */
    uint32_t told_count;
    size_t told_bytes;
    uint32_t blocks; /* numbered, where no log is kept */
    uint32_t packet; /* of the last byte */
    uint32_t record; /* that sealed it: its event; 0: none */
    int64_t time;
};

/* A connection of which at least one direction is TLS. */
struct tls {
    struct follow follow;
    struct records records[2];
    struct direction inner[2]; /* what they have sealed */
    bool shut;                 /* a record of it did not open: that is counted */
};

struct conn {
    vitro_decode *decode;
    uint32_t number;
    bool guessed; /* who is the client */
    bool swapped;
    bool told;       /* an event carries a direction of it */
    bool from_start; /* a preface was the first that came */
    struct direction dir[2];
    struct tls *tls; /* NULL: none of both */
    struct list streams;
    struct stream **buckets;
    uint32_t bucket_count, stream_count, reset_count;
};

/* Texts that many events share; handle 0 is the empty text. */
struct names {
    struct account *account;
    vitro_str *all;
    uint32_t count, cap;
    uint16_t *slots; /* a power of two, by hash */
    uint32_t slot_count;
};

struct vitro_decode {
    struct account account;
    vitro_decode_options options;
    struct capture capture;
    struct tcp tcp;
    struct secrets secrets;
    struct capture ahead; /* the same capture, walked for secrets */
    bool ahead_wanted;    /* there may be more of it than when it was walked */
    struct past **pasts;  /* pages by number of the connection; NULL: all of it is gone */
    uint32_t conn_count, past_cap;
    char ends[2][ENDPOINT_TEXT];
    struct links links;
    struct names names;
    struct held_list held;
    struct freelist stream_list;
    struct pb_schema *schema;
    uint32_t reflected;   /* responses of reflection that were learnt from */
    uint32_t events;      /* so many were told */
    struct events *index; /* of them, with keep; filled even where d is const */
    vitro_decode_stats stats;
    uint64_t lends; /* how often bytes were asked for: what was lent before is stale */
    size_t peak;
    struct block_list fields; /* of the block that is being told */
    uint32_t fields_step;     /* its step of the log, and whose */
    const struct track *fields_of;
    struct block_list replayed; /* of the block that was looked at last, and which */
    uint32_t replayed_step, replayed_rope;
    const struct track *replayed_of;
    struct block_replay *replays[REPLAYS]; /* readers of blocks in order, by direction */
    size_t points;                         /* bytes of the points of all logs */
    struct segs_memo segs_memo[SEGS_MEMO];
    struct opened opened[OPENED_COUNT];
    struct buf record;   /* one that is opened again, as it was sealed */
    struct list waiting; /* struct records */
    struct inflated inflated;
    struct reassembled reassembled;
    struct arena detail;
    struct buf scratch;
    bool failed, finished;
};

/* ---- decode.c ------------------------------------------------------------------------------ */

/* Number an event, keep it and tell it. */
void vitro_decode_emit(vitro_decode *d, vitro_event *ev);

/* The options' lend, counted. */
vitro_lend vitro_decode_lend;

/* Whose description of a type is taken, best first. */
enum schema_rank { RANK_GIVEN, RANK_REFLECTED, RANK_NOTE, RANK_FALLBACK };

vitro_code vitro_schema_learn(vitro_decode *d, vitro_bytes set, enum schema_rank rank,
                              vitro_error *err);

/* ---- reflected.c --------------------------------------------------------------------------- */

/* Learn the types that a message, which is to be told next, may describe. */
void vitro_reflected(vitro_decode *d, const vitro_event *ev);

/* ---- ahead.c ------------------------------------------------------------------------------- */
void vitro_ahead_init(vitro_decode *d);
void vitro_ahead_done(vitro_decode *d);

/* Take the secrets of all of the capture that is there; true when there are new ones. */
bool vitro_ahead_secrets(vitro_decode *d);

/* ---- names.c ------------------------------------------------------------------------------- */
void vitro_names_init(struct names *n, struct account *account);
void vitro_names_done(struct names *n);
uint16_t vitro_names_add(struct names *n, vitro_str text); /* 0: empty, or no room is left */
vitro_str vitro_names_get(const struct names *n, uint16_t handle);

/* ---- note_message.c ------------------------------------------------------------------------- */

/* The message that a note holds; read before the note is told, after which its bytes are stale. */
struct note_message {
    uint64_t at; /* in the note */
    uint32_t len;
    uint16_t type; /* handle of its name */
};

bool vitro_note_message_read(vitro_decode *d, vitro_bytes entry, struct note_message *out);

/* Tell it behind its note. */
void vitro_note_message_tell(vitro_decode *d, const vitro_event *note,
                             const struct note_message *m);

/* ---- held.c -------------------------------------------------------------------------------- */

/* What a note says of a unit that a gate holds; read before others of its bytes are. */
bool vitro_held_read(const vitro_decode *d, const struct capture_record *r, struct held_unit *out);

/* Remember it, and make its event of the note's, which without memory stays as it is. */
void vitro_held_add(vitro_decode *d, struct held_unit *u, vitro_bytes frame, vitro_event *ev);

/* The header fields of a unit, decoded on a copy of the state. False when it has none, whole. */
bool vitro_held_fields(vitro_decode *d, uint32_t number, struct block_list *out);

/* Frames went by: units up to d->told are on the wire now. */
void vitro_held_pass(struct direction *d);

/* Nothing more comes in this direction. */
void vitro_held_forget(struct direction *d);

void vitro_held_done(vitro_decode *d);

/* ---- joined.c ------------------------------------------------------------------------------ */

/* The connection between the ends that a note names; NULL: it names none, or one not there. */
struct conn *vitro_joined_conn(const vitro_decode *d, vitro_bytes entry);

/* A note may say what a connection was before the capture: a vitro_note_type. */
uint8_t vitro_joined_note(vitro_decode *d, const struct capture_record *r);

/*
 * Before the header block is read whose first frame stands at `at`: if it was told, the reader
 * learns what it refers to. True when it has.
 */
bool vitro_joined_teach(struct direction *dir, uint64_t at, vitro_bytes block);

/* What was told and did not come. */
void vitro_joined_forget(struct direction *dir);

/* ---- conn.c -------------------------------------------------------------------------------- */
bool vitro_seen_conn_flow(const struct flow_event *event, void *user); /* user: vitro_decode */
void vitro_seen_conn_free(struct conn *c);

/* NULL when it is not known. */
struct past *vitro_decode_past(const vitro_decode *d, uint32_t conn);
void vitro_decode_pasts_free(vitro_decode *d);

/* Who was taken for the server is the client: the two directions change places. */
void vitro_seen_conn_swap(struct conn *c);

/* Where the HTTP/2 of a direction is: in it, or in what TLS has sealed in it. */
static inline struct direction *conn_http2(struct conn *c, uint8_t dir)
{
    return c->tls && c->tls->records[dir].begun ? &c->tls->inner[dir] : &c->dir[dir];
}

/* Those of the two directions of a source; NULL without memory. */
struct track *vitro_tracks_new(vitro_decode *d);
void vitro_tracks_free(vitro_decode *d, struct track *tracks);

/* ---- direction.c ---------------------------------------------------------------------------- */
void vitro_direction_init(struct direction *d, struct conn *c, struct track *track,
                          vitro_source source, uint8_t dir, bool late);
void vitro_direction_done(struct direction *d);

/*
 * At this offset, which is where it begins or ends so far, stands a frame, and the table has this
 * limit and size.
 */
void vitro_direction_resume(struct direction *d, uint64_t at, uint32_t table_most,
                            uint32_t table_size);

/* What was said so far is said again from its beginning. */
void vitro_direction_again(struct direction *d);

/* More bytes, and where they stand in the source below. */
void vitro_direction_data(struct direction *d, vitro_bytes bytes, uint64_t below);
void vitro_direction_gap(struct direction *d, uint64_t len);

/* Only the segs are told; false without memory. */
bool vitro_direction_extend(struct direction *d, uint64_t below, uint64_t len);

/* The lowest offset that is still asked for, without an index. */
uint64_t vitro_direction_needed(const struct direction *d);

/* Nothing follows; what waits for a secret may go on to do so, until it is finished. */
void vitro_direction_end(struct direction *d);
void vitro_direction_finish(struct direction *d);

/* An event of this direction with its place, packet and time. */
vitro_event vitro_direction_event(const struct direction *d, vitro_event_kind kind, uint64_t at,
                                  uint64_t len);

/* Tell [told, to) as unknown. */
void vitro_direction_unknown(struct direction *d, uint64_t to, uint8_t why);

/* ---- look.c ------------------------------------------------------------------------------- */

/*
 * Decide what d->look is, when that can be said; `over`: nothing follows. Returns the direction,
 * which may have changed places with the other one of its connection.
 */
struct direction *vitro_look(struct direction *d, bool over);

/* These would be its first bytes: they begin HTTP/2. */
bool vitro_look_begins(const struct direction *d, vitro_bytes b);

/* All that comes is unknown from here on. */
void vitro_look_give_up(struct direction *d, uint8_t why);

/* ---- frames.c ----------------------------------------------------------------------------- */

/* Frames begin at d->told; look holds what was read of them. */
void vitro_frames_begin(struct direction *d, bool preface);
void vitro_frames_data(struct direction *d, vitro_bytes bytes, uint64_t capture);

/* The current frame has a hole of len bytes, not more than it lacks. */
void vitro_frames_gap(struct direction *d, uint64_t len);

/* Whatever frame is being read ends here: before a hole, or with the connection. */
void vitro_frames_cut(struct direction *d, bool hole);

/* ---- headers.c ----------------------------------------------------------------------------- */

/* A whole frame of a header block: holds its event until the block is complete. */
void vitro_headers_frame(struct direction *d, vitro_event *ev, const struct frame_view *view);

/* The block cannot be completed. Tells the held events. */
void vitro_headers_break(struct direction *d, uint8_t why);

/* HPACK's table is out of step from here on. */
void vitro_headers_lose(struct direction *d);

void vitro_headers_limit(struct direction *d, uint32_t table_size);

/* The reader has learnt something that no block says: whoever decodes again begins here. */
void vitro_headers_point(struct direction *d);

/* ---- stream.c ------------------------------------------------------------------------------ */
struct stream *vitro_seen_stream_get(struct conn *c, uint32_t id, bool create);
void vitro_seen_stream_headers(struct direction *d, uint32_t id, const struct block_list *fields);
void vitro_seen_stream_end(struct direction *d, uint32_t id); /* END_STREAM */
void vitro_seen_stream_reset(struct direction *d, uint32_t id);

/* DATA frames may be missing in this direction: no message can be trusted to go on. */
void vitro_seen_streams_doubt(struct direction *d);

/* Nothing more comes: what is not told yet is. */
void vitro_seen_streams_finish(struct direction *d);
void vitro_seen_streams_free(struct conn *c);

/* The lowest offset of the direction that a body still needs. */
uint64_t vitro_seen_streams_oldest(const struct direction *d);

/* ---- body.c -------------------------------------------------------------------------------- */
void vitro_body_data(struct direction *d, struct stream *s, uint64_t at, uint32_t len);
void vitro_body_end(struct direction *d, struct stream *s);
void vitro_body_doubt(struct direction *d, struct stream *s);

/* ---- source.c ------------------------------------------------------------------------------ */

/* What is known of the bytes of a DIRECTION or TLS; NULL: nothing. */
struct track *vitro_decode_track(const vitro_decode *d, vitro_source source, uint32_t conn,
                                 uint8_t dir);

/* Which of both holds the HTTP/2 of a direction. */
vitro_source vitro_decode_http2(const vitro_decode *d, uint32_t conn, uint8_t dir);

/* The direction with the HTTP/2 of a connection that lives; else NULL. */
struct direction *vitro_decode_direction(const vitro_decode *d, uint32_t conn, uint8_t dir);

/* The reader that makes the steps of a direction again; NULL without memory or log. */
struct block_replay *vitro_decode_replay(vitro_decode *d, uint32_t conn, uint8_t dir);

/* Bytes of a logged block, from the capture: a block_read_fn. */
struct block_place {
    const vitro_decode *decode;
    uint32_t conn;
    uint8_t dir;
};
bool vitro_decode_read_block(const struct block_step *step, struct buf *out, void *user);

/* What a record holds, in the clear; false when it is sealed and was not opened. */
bool vitro_decode_content(vitro_decode *d, const vitro_event *ev, vitro_span *out);

/* All bytes of a span that are at hand, at most max, appended to out. False: some are missing. */
bool vitro_decode_gather(const vitro_decode *d, const vitro_span *span, size_t max,
                         struct buf *out);

#ifdef __cplusplus
}
#endif
#endif
