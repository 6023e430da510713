/*
 * decode - a capture in, a tree of events out, each with the bytes it came from.
 *
 *      capture bytes -> packets -> two byte streams a connection -> frames -> header blocks,
 *                                                          bodies -> messages -> protobuf fields
 *
 * The capture may be a file, a growing pipe or the trace of a live program: the decoder asks for
 * bytes at an offset (vitro_lend) and goes on when there are more; events do not depend on the
 * cuts. An event says what it is and where it stands; its fields are decoded when somebody looks
 * (vitro_decode_detail). No bytes of the capture are kept.
 *
 * With an index (`keep`) memory grows by some 20 bytes an event, by at most 64 on average over a
 * capture, where its events stand and what is needed to decode them again included; besides, by
 * up to 16 MiB of copies of HPACK's state and the like, and by some 4 KiB a connection, 8 KiB one
 * of TLS, until it has ended, for at most 65,536 that are open at once.
 *
 * A span names a run of bytes in a *source*: the capture itself, one direction of a connection,
 * what TLS sealed in it, the header block of a stream over its CONTINUATION frames, the body of a
 * stream over its DATA frames, a message that stands in a note. Above the capture each source is a
 * rope of spans of the source below it, or made of them, so that one cursor leads from a protobuf
 * field down to TCP segments (vitro_decode_parts) and back up (vitro_decode_find).
 *
 * Tiling: the spans of a direction's events cover each delivered byte once, and so do, within
 * an event, its items and the events above it: explained, or unknown and why.
 *
 * No promise: this interface serves vitro's own tools and tests and changes with them.
 */
#ifndef VITRO_LAB_DECODE_H
#define VITRO_LAB_DECODE_H

#include "vitro/lab/capture.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_decode vitro_decode;

typedef enum vitro_event_kind {
    VITRO_EVENT_TCP = 1,  /* what is not plain data: type is a vitro_tcp_event */
    VITRO_EVENT_PREFACE,  /* the 24 bytes a client begins with */
    VITRO_EVENT_FRAME,    /* one HTTP/2 frame, its 9 byte header included */
    VITRO_EVENT_GRPC,     /* a length-prefixed message, its 5 byte prefix included */
    VITRO_EVENT_PROTOBUF, /* the message inside; parent is the GRPC event, or a note that holds it
                           */
    VITRO_EVENT_NOTE,     /* what no byte shows; packet is its place */
    VITRO_EVENT_UNKNOWN,  /* bytes that nothing explains; why says the reason */
    VITRO_EVENT_TLS       /* one record, its 5 byte header included */
} vitro_event_kind;

typedef enum vitro_tcp_event {
    VITRO_TCP_OPEN, /* the first SYN of a direction */
    VITRO_TCP_FIN,
    VITRO_TCP_RST,
    VITRO_TCP_GAP,           /* bytes that the capture lacks: length is how many */
    VITRO_TCP_RETRANSMISSION /* length bytes that had been seen before */
} vitro_tcp_event;

enum { VITRO_C2S = 0, VITRO_S2C = 1 };

#define VITRO_NO_CONN UINT32_MAX

typedef enum vitro_source {
    VITRO_SOURCE_CAPTURE,   /* the file */
    VITRO_SOURCE_DIRECTION, /* the bytes of one direction of a connection, from its first */
    VITRO_SOURCE_BLOCK,     /* one header block: id is its number within the direction, from 0 */
    VITRO_SOURCE_BODY,      /* the DATA of one direction of a stream, padding left out: id is it */
    VITRO_SOURCE_NOTE,      /* the message that a note holds: id is the note's event */
    VITRO_SOURCE_TLS,       /* the application data of a direction that TLS has sealed, opened */
    VITRO_SOURCE_RECORD,    /* what one sealed record holds, opened: id is its number (detail) */
    VITRO_SOURCE_INFLATED,  /* what a compressed message says: id is its PROTOBUF event */
    VITRO_SOURCE_HANDSHAKE  /* a TLS handshake message split over records: id is the last's event */
} vitro_source;

/* Flags of a TLS event. */
enum {
    VITRO_TLS_SEALED = 1,
    VITRO_TLS_OPENED = 2, /* and opened: type is that of what it holds */
    VITRO_TLS_EARLY = 4   /* of 0-RTT: before the handshake was over */
};

/* Of a note: what it tells the decoder of a connection that was begun before the capture. */
typedef enum vitro_note_type {
    VITRO_NOTE_OTHER,
    VITRO_NOTE_GOES_ON, /* there it is */
    VITRO_NOTE_OPEN,    /* one of its streams */
    VITRO_NOTE_FIELDS   /* what a header block means */
} vitro_note_type;

/* Bits of vitro_event.bits. */
enum {
    VITRO_EVENT_SUSPECT = 1, /* found again after a hole or joined late: may be a mistake */
    VITRO_EVENT_HOLE = 2,    /* some of its bytes are not in the capture */
    VITRO_EVENT_CUT = 4,     /* its end is not in the capture, or the stream ended before it */
    VITRO_EVENT_GUESSED = 8, /* a message recognised by its shape alone: no header told */
    /*
     * A NOTE of what a gate holds: it has a connection, and the span, dir, stream, type and flags
     * of the frame, whose bytes stand in the note. It is not on the wire, or not yet.
     */
    VITRO_EVENT_HELD = 16
};

/** One event. What is 0 does not apply. */
typedef struct vitro_event {
    uint64_t offset; /* span in its source */
    uint64_t length;
    int64_t time;      /* nanoseconds since 1970 of the packet with its last byte */
    uint32_t number;   /* from 1, in the order of emission */
    uint32_t parent;   /* number of the event it came from: DATA for GRPC, GRPC for PROTOBUF, the
                          last record for what TLS has sealed */
    uint32_t packet;   /* frame.number of the packet with its last byte, from 1 */
    uint32_t conn;     /* from 0, in the order of first packets; VITRO_NO_CONN of most notes */
    uint32_t stream;   /* HTTP/2 stream */
    uint32_t detail;   /* FRAME with a header block: its number; NOTE, HELD: its number;
                          TLS, opened: its number among those of its direction */
    uint32_t rope;     /* handle of the source, for the decoder; TLS, handshake: 0 when it
                          begins with a message; UINT32_MAX: that is not known */
    uint16_t path;     /* handle of the call's path, for the decoder */
    uint16_t encoding; /* likewise of grpc-encoding */
    uint8_t kind;      /* vitro_event_kind */
    uint8_t source;    /* vitro_source */
    uint8_t dir;       /* VITRO_C2S, VITRO_S2C */
    uint8_t type;      /* FRAME: its type; TCP: vitro_tcp_event; GRPC, PROTOBUF: the compressed
                          flag byte;
                          NOTE: vitro_note_type; TLS: the content type */
    uint8_t flags;     /* FRAME: its flags; TLS: VITRO_TLS_... */
    uint8_t bits;
    uint8_t why; /* vitro_decode_why(): the reason of UNKNOWN, or a fault of this event */
    uint8_t spare;
} vitro_event;

/** A run of bytes in a source. */
typedef struct vitro_span {
    uint64_t offset;
    uint64_t length;
    uint32_t conn;
    uint32_t id;   /* BLOCK, RECORD: its number; BODY: the stream; NOTE: the note's event;
                    INFLATED: the message's; HANDSHAKE: the last record's */
    uint32_t rope; /* handle, as in vitro_event */
    uint8_t source;
    uint8_t dir;
    uint8_t hole; /* not in the capture */
} vitro_span;

typedef enum vitro_item_form {
    VITRO_ITEM_GROUP,  /* only holds the items below it */
    VITRO_ITEM_NUMBER, /* number; text is how people read it */
    VITRO_ITEM_TEXT,   /* text, any bytes: escape it before it reaches a terminal */
    VITRO_ITEM_BYTES,  /* the bytes of its span are all there is to say */
    VITRO_ITEM_HEADER, /* a header field: header is set */
    VITRO_ITEM_FIELD   /* a protobuf field: field is set */
} vitro_item_form;

/* Bits of vitro_item.bits. */
enum {
    VITRO_ITEM_DERIVED = 1, /* has no bytes of its own: a flag's bit, a name behind a number */
    VITRO_ITEM_UNKNOWN = 2  /* what it says could not be found out; text says why */
};

/** How a header field was written (RFC 7541, section 6), and what it did to the table. */
typedef struct vitro_item_header {
    vitro_str name; /* "dyn[66]?" when its table entry was never seen */
    vitro_str value;
    const char *repr; /* Wireshark's text: "Indexed Header Field" */
    uint32_t index;   /* of the table, 62 and up dynamic; 0: a new name */
    uint32_t evicted; /* entries that made room for it */
    bool indexed;     /* name and value both from the table */
    bool inserted;    /* into the table */
    bool never;       /* never to be indexed */
    bool huffman_name;
    bool huffman_value;
    bool unknown_name; /* the table entry was never seen */
    bool unknown_value;
    bool told;            /* a note has told it: the table entry is from before the capture */
    uint32_t table_count; /* entries and size of the table after it */
    uint32_t table_size;
} vitro_item_header;

/** One way to read a protobuf field without a schema. */
typedef struct vitro_reading {
    const char *type; /* "uint64", "string", "message" ... static */
    vitro_str value;  /* as text */
} vitro_reading;

/** A protobuf field. */
typedef struct vitro_item_field {
    uint32_t number;
    uint8_t wiretype;
    bool bare_number; /* value is a number, true or false: JSON without quotes */
    bool bare_text;   /* value is UTF-8 text; else bytes */
    vitro_str name;   /* empty without schema */
    const char *type; /* "int32", "string", "message" ...; NULL without schema */
    vitro_str value; /* text as in JSON, without quotes; the bytes for bytes; empty for a message */
    const vitro_reading *readings; /* without schema */
    size_t reading_count;
    vitro_span value_span; /* without tag and length */
} vitro_item_field;

/** One field of an event, in the order of the bytes; the items below it have a greater depth. */
typedef struct vitro_item {
    const char *name; /* Wireshark's where it has one: "http2.length"; static */
    const char *key;  /* for vitro_explain(); NULL: none */
    vitro_str text;
    uint64_t number;
    vitro_span span;
    const vitro_item_header *header;
    const vitro_item_field *field;
    uint8_t form; /* vitro_item_form */
    uint8_t depth;
    uint8_t bits;
} vitro_item;

/** What vitro_decode_detail() found. */
typedef struct vitro_detail {
    const vitro_item *items;
    size_t count;
    vitro_str title;    /* "HEADERS", also when held; "chat.MessageRequest"; a note's message */
    const char *key;    /* explanation of the event */
    const char *why;    /* NULL, or the fault or the reason of UNKNOWN */
    vitro_str path;     /* GRPC, PROTOBUF: of the call, empty when unknown */
    vitro_str encoding; /* GRPC: grpc-encoding of its direction, empty when unknown */
} vitro_detail;

typedef struct vitro_decode_options {
    size_t size; /* set by VITRO_DECODE_OPTIONS_INIT */
    /*
     * Each event as it is found. Lends ev until return; vitro_decode_detail() and
     * vitro_decode_bytes() may be called from within. NULL: none.
     */
    void (*on_event)(vitro_decode *d, const vitro_event *ev, void *user);
    vitro_lend *lend; /* how to get the bytes of the capture; required */
    void *user;       /* keeps; given to both */
    bool keep;        /* keep an index of all events: vitro_decode_event() and _find() work */
    size_t budget;    /* bytes of memory; 0: 256 MiB, with keep no limit. Over it: lost events */
    /*
     * As lend, but for what lend does not give yet: secrets of TLS are sought in it before a
     * record is told as sealed. Must not wait for a capture that grows. NULL: lend.
     */
    vitro_lend *ahead;
} vitro_decode_options;
#define VITRO_DECODE_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(vitro_decode_options), NULL, NULL, NULL, false, 0, NULL                             \
    }

typedef struct vitro_decode_stats {
    uint64_t events;
    uint64_t packets;
    uint64_t connections;
    uint64_t frames, headers, messages, unknown; /* events of these kinds; headers: fields */
    size_t memory;                               /* bytes in use now */
    size_t memory_peak;
    uint64_t lost;           /* events dropped over the budget */
    uint64_t missed;         /* packets and blocks that are not in the capture, as its notes say */
    uint64_t tls;            /* connections under TLS */
    uint64_t sealed;         /* of those: not opened, or in part; why at first: */
    uint64_t sealed_unseen;  /* the handshake that says how is not in the capture */
    uint64_t sealed_unknown; /* no secret is known */
    uint64_t sealed_wrong;   /* the secrets that are known do not open them */
} vitro_decode_stats;

/**
 * Make a decoder.
 *
 * @param out      gives *out: vitro_decode_free().
 * @param options  copied; lend is required.
 * @param err      filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT without lend; VITRO_RESOURCE_EXHAUSTED without memory.
 * Thread: a decoder belongs to one thread.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_new(vitro_decode **out,
                                                    const vitro_decode_options *options,
                                                    vitro_error *err);

/** Release a decoder. NULL is accepted. Thread: the decoder's, not from on_event. */
VITRO_API void vitro_decode_free(vitro_decode *d);

/**
 * Teach the decoder message types: a serialized FileDescriptorSet, or one FileDescriptorProto.
 * The first description of a type wins, and wins over what the capture itself says: what a server
 * told somebody by reflection, then a schema note.
 *
 * @param set  copies.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT when the bytes are neither.
 * Thread: the decoder's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_schema(vitro_decode *d, vitro_bytes set,
                                                       vitro_error *err);

/**
 * Teach the decoder message types for want of better ones: as vitro_decode_schema(), but what the
 * capture itself says, before or behind, wins over these.
 *
 * @param set  copies.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT when the bytes are neither.
 * Thread: the decoder's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_schema_fallback(vitro_decode *d, vitro_bytes set,
                                                                vitro_error *err);

/**
 * Let the decoder open TLS: whole lines of a key log (SSLKEYLOGFILE), as many as there are by now;
 * more may follow at any time. Those that a capture holds are added by themselves. What was said
 * first of a connection stays; lines that say nothing known are passed over.
 *
 * Give what there is before each vitro_decode_advance(): a record that lacks its secret is told as
 * sealed, and what comes behind the secret opens; the first such record says so. Secrets of the
 * capture itself may stand anywhere in what there is of it.
 *
 * @param lines  copies.
 * @return VITRO_OK; VITRO_RESOURCE_EXHAUSTED without memory: the lines before are kept.
 * Thread: the decoder's.  Re-entry: must not be called from on_event.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_secrets(vitro_decode *d, vitro_bytes lines,
                                                        vitro_error *err);

/**
 * Decode what the capture holds by now and was not decoded yet.
 *
 * @return VITRO_OK: all of it, up to the last whole block; call again when the capture has grown.
 *         VITRO_INVALID_ARGUMENT when this is no capture or it contradicts itself: everything
 *         before was decoded, nothing behind will be.
 * Thread: the decoder's.  Re-entry: calls on_event and lend; must not be called from them.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_advance(vitro_decode *d, vitro_error *err);

/**
 * Say that nothing has come for a while: records that wait for the other side's hello, which a
 * segment may still bring, are told without it. For who shows a capture as it grows; more may
 * follow.
 *
 * Thread: the decoder's.  Re-entry: as vitro_decode_advance().
 */
VITRO_API void vitro_decode_idle(vitro_decode *d);

/**
 * Say that nothing follows: what waited for more is decided, and told as cut.
 *
 * @return VITRO_OK; VITRO_DATA_LOSS when the capture ends inside a block: all before the cut was
 *         decoded; VITRO_INVALID_ARGUMENT as vitro_decode_advance(). Again: VITRO_OK, no effect.
 * Thread: the decoder's.  Re-entry: as vitro_decode_advance().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_finish(vitro_decode *d, vitro_error *err);

/** How many events there were. Thread: the decoder's. */
VITRO_API uint32_t vitro_decode_count(const vitro_decode *d);

/**
 * The event with this number, from 1. They are kept packed: going through them in order is
 * the fastest way.
 *
 * @param out  a copy of the caller's own; all 0 when there is no such event.
 * @return false when there is none, or the decoder was made without `keep`.
 * Thread: the decoder's.  Re-entry: allowed in on_event.
 */
VITRO_API bool vitro_decode_event(const vitro_decode *d, uint32_t number, vitro_event *out);

/**
 * Decode the fields of an event.
 *
 * @param ev   an event of this decoder; without `keep` only the one that on_event lends.
 * @param out  lends, until the next call of this function, of advance or of finish.
 * @return VITRO_OK, also when parts of it are unknown; VITRO_RESOURCE_EXHAUSTED without memory:
 *         the items are those that fitted.
 * Thread: the decoder's.  Re-entry: allowed in on_event.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_detail(vitro_decode *d, const vitro_event *ev,
                                                       vitro_detail *out, vitro_error *err);

/**
 * The same for who looks at many events and asks the dictionary about none: each `key` is NULL.
 * Thread: the decoder's.  Re-entry: allowed in on_event.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_fields(vitro_decode *d, const vitro_event *ev,
                                                       vitro_detail *out, vitro_error *err);

/**
 * What there is to say of an event without decoding it: title, why, path and encoding; no items,
 * no key. A note is decoded for its message.
 * Thread: the decoder's.  Re-entry: allowed in on_event.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_brief(vitro_decode *d, const vitro_event *ev,
                                                      vitro_detail *out, vitro_error *err);

/* Gets one field of a header block, lent until it returns; false ends the walk. */
typedef bool vitro_header_fn(const vitro_item_header *header, void *user);

/**
 * The header fields that end in a frame with a header block, in order, and nothing else of it.
 *
 * @return false when the event has no header block, or it cannot be decoded.
 * Thread: the decoder's.  Re-entry: allowed in on_event; fn must not call the decoder.
 */
VITRO_API bool vitro_decode_headers(vitro_decode *d, const vitro_event *ev, vitro_header_fn *fn,
                                    void *user);

/** The path of the call that a message belongs to; empty when unknown. Lends as long as d lives.
 * Thread: the decoder's. */
VITRO_API vitro_str vitro_decode_path(const vitro_decode *d, const vitro_event *ev);

/** Likewise grpc-encoding of its direction. */
VITRO_API vitro_str vitro_decode_encoding(const vitro_decode *d, const vitro_event *ev);

/** The span of an event. Thread: any. */
VITRO_API vitro_span vitro_event_span(const vitro_event *ev);

/**
 * One step down: the runs of the source below that make up a span.
 *
 * @param span  of any source; CAPTURE has nothing below it.
 * @param out   filled with up to max spans in order; holes are among them.
 * @return how many there are, which may be more than max.
 * Thread: the decoder's.  Re-entry: allowed in on_event.
 */
VITRO_API size_t vitro_decode_parts(const vitro_decode *d, const vitro_span *span, vitro_span *out,
                                    size_t max);

/**
 * The bytes of a span, from its byte `skip` on, through all ropes.
 *
 * @param missing  may be NULL; set to the number of bytes that are holes: they read as zeros.
 * @return how many bytes were written to dst, less than n only at the span's end.
 * Thread: the decoder's.  Re-entry: allowed in on_event; calls lend.
 */
VITRO_API size_t vitro_decode_bytes(const vitro_decode *d, const vitro_span *span, uint64_t skip,
                                    uint8_t *dst, size_t n, size_t *missing);

/**
 * One step up: the event whose span holds an offset of a source, the innermost one.
 *
 * @param at  source, dir, conn and id of the source; offset is what is looked for. A CAPTURE
 *            offset finds the event of the direction that its bytes went to.
 * @return the event's number, 0 when there is none. Works with `keep` only, and looks at
 *         all events: for a cursor, not for a loop.
 * Thread: the decoder's.
 */
VITRO_API uint32_t vitro_decode_find(const vitro_decode *d, const vitro_span *at);

/** The name of a source for people and NDJSON: "capture", "tcp:0:c2s", "body:0:c2s:1".
 * Thread: any. */
VITRO_API size_t vitro_span_name(const vitro_span *span, char *out, size_t size);

/**
 * The text of a reason, as in vitro_event.why. Lends a static text; "" for 0.
 * Thread: any.
 */
VITRO_API const char *vitro_decode_why(uint8_t why);

/** Numbers of this run. Thread: the decoder's. */
VITRO_API void vitro_decode_stats_get(const vitro_decode *d, vitro_decode_stats *out);

/** What the endpoints of a connection are called: "192.0.2.1:49152"; "" when unknown. Lends until
 * the next call with the same dir. Thread: the decoder's. */
VITRO_API const char *vitro_decode_endpoint(const vitro_decode *d, uint32_t conn, int dir);

/**
 * Check the property of tiling on all events of a decoder with `keep`, after the end.
 *
 * @return VITRO_OK; VITRO_INTERNAL with the first byte that is covered twice or not at all.
 * Thread: the decoder's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_decode_check_tiling(vitro_decode *d, vitro_error *err);

typedef enum vitro_language { VITRO_ENGLISH, VITRO_KOREAN } vitro_language;

/** One entry of the dictionary of everything that can appear on a screen. */
typedef struct vitro_explanation {
    const char *key;
    const char *name;    /* the protocol's own word: "WINDOW_UPDATE" */
    const char *text;    /* one or two sentences in the language that was asked for */
    const char *section; /* where it is laid down: "RFC 9113 6.9" */
} vitro_explanation;

/**
 * Look a key up: "h2.frame.8", "grpc.status.14".
 *
 * @param out  filled with static texts.
 * @return false, and *out untouched, when there is no such key.
 * Thread: any.
 */
VITRO_API bool vitro_explain(const char *key, vitro_language language, vitro_explanation *out);

/** The dictionary from its first entry on, sorted by key; false behind the last. Thread: any. */
VITRO_API bool vitro_explain_at(size_t i, vitro_language language, vitro_explanation *out);

#ifdef __cplusplus
}
#endif
#endif
