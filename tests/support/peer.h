/*
 * peer - the other end of a connection as a script: it writes the frames that a test says, sound
 * or broken, and keeps every frame that comes as one line of text:
 *
 *      SETTINGS 0 | SETTINGS 0 ack | HEADERS 1 end :status=200 content-type=application/grpc ...
 *      DATA 1 12 | DATA 1 0 end | RST_STREAM 1 CANCEL | GOAWAY 0 last 1 NO_ERROR text
 *      WINDOW_UPDATE 1 100 | PING 0 ack | closed
 *
 * It uses no HTTP/2 library: frames and header blocks are written and read by frame/. By itself it
 * does only what every peer must: it acknowledges SETTINGS and PING, and gives windows back.
 * It works under sim and on sockets, as a client or as a server of one connection at a time.
 */
#ifndef VITRO_TESTS_PEER_H
#define VITRO_TESTS_PEER_H

#include "base/buf.h"
#include "frame/frame_reader.h"
#include "frame/frame_writer.h"
#include "frame/hpack_writer.h"
#include "io/connect.h"
#include "io/driver.h"
#include "io/listen.h"
#include "support/pair.h"

struct peer {
    struct pair *pair; /* whose world it lives in */
    vitro_loop *loop;
    struct listener listener;
    struct connect connect;
    struct driver driver;
    struct peer *next; /* takes a connection that comes while this one is open; NULL: none */
    bool connected, closed;
    unsigned accepted; /* connections so far */
    struct buf out;    /* what is to be sent: frames may be written here by hand */
    struct buf raw;    /* every byte that came */
    struct buf data;   /* what DATA frames carried, without padding, of all streams */
    struct frame_reader reader;
    struct hpack_reader decoder;
    struct hpack_writer encoder;
    struct frame_head head;
    struct buf payload, block;
    struct frame_head block_head;
    char *log; /* lines, each ended by \n */
    size_t log_len, log_cap;
    unsigned owed;      /* acknowledgements that wait for the preface */
    bool client, begun; /* begun: it has sent something */
    bool manual_ack;    /* do not acknowledge SETTINGS */
    bool manual_window; /* do not give windows back */
};

/* Before start. */
void peer_init(struct peer *p, struct pair *pair, vitro_loop *loop);
void peer_done(struct peer *p);

/*
 * A server at p->pair->target; or a client of it, and run. Preface and SETTINGS are the script's:
 * what was written before is the first that is sent.
 */
void peer_listen(struct peer *p);
void peer_connect(struct peer *p);

/* A world whose server is the peer, with its empty SETTINGS on the way to our client. */
void peer_serve(struct peer *p, struct pair *pair);

/* Connect with preface and empty SETTINGS. */
void peer_client(struct peer *p);

/* ---- the script: frames are collected until peer_run, which sends them and runs the world ---- */

void peer_settings(struct peer *p, uint16_t id, uint32_t value); /* id 0: an empty frame */
/* fields: "name: value" lines, each ended by \n */
void peer_headers(struct peer *p, uint32_t stream, bool end, const char *fields);
/* The request headers of a good call: path, then more lines or NULL. */
void peer_request(struct peer *p, uint32_t stream, bool end, const char *path, const char *more);
/* :status 200 and content-type, then more lines or NULL. */
void peer_response(struct peer *p, uint32_t stream, const char *more);
void peer_trailers(struct peer *p, uint32_t stream, const char *fields);
void peer_data(struct peer *p, uint32_t stream, bool end, vitro_bytes bytes);
/* One length-prefixed message in one DATA frame. */
void peer_message(struct peer *p, uint32_t stream, bool end, const char *text);
void peer_reset(struct peer *p, uint32_t stream, uint32_t error);
void peer_raw(struct peer *p, const void *bytes, size_t n);

void peer_flush(struct peer *p); /* hand the frames to the connection */
void peer_run(struct peer *p);   /* and run the world until idle, the clock held */
void peer_close(struct peer *p, bool abort);

/* ---- what came ------------------------------------------------------------------------------- */

/* How many lines begin with this text. */
unsigned peer_count(const struct peer *p, const char *begin);
/* The first line that begins with it, terminated, "" when there is none; valid until the next. */
const char *peer_line(const struct peer *p, const char *begin);
/* Forget the lines so far. */
void peer_forget(struct peer *p);

/* Run the world with the clock held: timers do not fire. On sockets: one turn, without waiting. */
void pair_settle(struct pair *p);

#endif
