/*
 * bad_script - one connection of a server that misbehaves by one of bad_cases.def: bytes in, bytes
 * out, and a count of what came.
 *
 * It answers every request with the same message, once the request has come whole, one after
 * another. No HTTP/2 library: frames and header blocks are written and read by frame/. What it is
 * told of windows it keeps to, padding included; what it is owed it gives back at once.
 */
#ifndef VITRO_TESTS_BAD_SCRIPT_H
#define VITRO_TESTS_BAD_SCRIPT_H

#include "frame/frame_reader.h"
#include "frame/hpack_writer.h"

struct bad_case {
    const char *name;
    bool leaves;        /* GOAWAY behind the first response of a connection */
    bool resets;        /* RST_STREAM(NO_ERROR) in place of trailers, after ... */
    unsigned percent;   /* ... so much of the message */
    bool pings;         /* PING around all that it sends; trailers wait until all are answered */
    bool one_at_a_time; /* SETTINGS_MAX_CONCURRENT_STREAMS of 1 */
    size_t piece;       /* bytes of the message in a DATA frame; 0: as many as a frame holds */
    bool padded;        /* each with 255 bytes of padding */
};

/* NULL: there is none of this name. */
const struct bad_case *bad_case_find(const char *name);

/* What all connections of a server have seen. */
struct bad_seen {
    unsigned connections; /* that sent a request */
    unsigned requests;    /* that came whole, to UnaryCall */
    unsigned answered;    /* in the manner of the case */
    unsigned pings, acks;
    unsigned most_open; /* requests at once, once the client knew the limit */
};

/* What any client has to do, said of one that did not; NULL when it did. */
const char *bad_seen_wrong(const struct bad_seen *seen, const struct bad_case *of);

enum { BAD_STREAMS = 64 };

struct bad_stream {
    uint32_t id;
    int64_t room; /* what the client lets it send */
    size_t sent;  /* bytes of the message */
    bool counts;  /* it asks for UnaryCall */
    bool whole, begun;
};

struct bad_script {
    const struct bad_case *of;
    struct bad_seen *seen;
    vitro_bytes message; /* lent: length-prefixed */
    struct buf out;      /* to be sent */
    struct frame_reader reader;
    struct frame_head head, block_head;
    struct buf payload, block;
    struct hpack_reader decoder;
    struct hpack_writer encoder;
    int64_t room, first_room; /* of the connection; of a new stream */
    struct bad_stream stream[BAD_STREAMS];
    size_t streams;
    bool asked, limited, left; /* a request came; the limit is acknowledged; GOAWAY is sent */
};

/* Begin with the SETTINGS. of, seen and message are kept. */
void bad_script_init(struct bad_script *s, const struct bad_case *of, vitro_bytes message,
                     struct bad_seen *seen);
void bad_script_done(struct bad_script *s);

/* Bytes have come. False: they are not what a client sends, and the connection is over. */
bool bad_script_take(struct bad_script *s, vitro_bytes in);

#endif
