/* stream_events - what a connection tells its streams. Seen by rpc alone. */
#ifndef VITRO_RPC_STREAM_EVENTS_H
#define VITRO_RPC_STREAM_EVENTS_H

#include "rpc/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

void vitro_stream_attach(struct stream *s, struct connection *c); /* it is on c now */
void vitro_stream_block(struct h2_stream *hs, bool end_stream);
void vitro_stream_block_over(struct h2_stream *hs); /* the header list is too large */
void vitro_stream_data(struct h2_stream *hs, vitro_bytes bytes);
void vitro_stream_end(struct h2_stream *hs);
void vitro_stream_trailers(struct h2_stream *hs);
void vitro_stream_sending(struct h2_stream *hs, size_t n);
void vitro_stream_sent(struct h2_stream *hs);
/* True when it stays until its reader has read all: vitro_connection_stream_gone follows. */
bool vitro_stream_closed(struct h2_stream *hs, uint32_t error, bool unsent,
                         const vitro_error *lost);
void vitro_stream_own(struct stream *s);            /* copy what lies in the read buffer */
void vitro_stream_note_waits(struct connection *c); /* notes of streams that wait, or no longer */

/* late.c: what sinks are told that come after the connection began. */
bool vitro_connection_join(struct driver *d, struct audience waiting);
size_t vitro_connection_until_frame(const struct driver *d);
void vitro_connection_unseen(struct h2_session *h, bool sent, uint32_t stream, uint64_t at,
                             vitro_bytes lines);

#ifdef __cplusplus
}
#endif
#endif
