/* inside - what the files of a connection share. Seen by rpc alone. */
#ifndef VITRO_RPC_INSIDE_H
#define VITRO_RPC_INSIDE_H

#include "rpc/connection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* connection.c: it waits for SETTINGS or their acknowledgement, if it does not already. */
void vitro_connection_begin_wait(struct connection *c);

/* events.c: of its session; the header block under way is over. */
extern const struct h2_ops vitro_connection_events;
void vitro_connection_end_block(struct connection *c);

/* leaving.c: after a drain the last stream takes the connection with it. */
void vitro_leaving_init(struct connection *c);
void vitro_connection_close_when_idle(struct connection *c);
void vitro_leaving_goaway(struct h2_session *h, int32_t last_id, uint32_t error, vitro_bytes debug);
void vitro_leaving_announced(struct h2_session *h);

/* Why its streams end: what the peer said when it left, made in room, whatever became of the
 * transport then; or what ended the driver. NULL: for no bad reason. */
const vitro_error *vitro_connection_why(const struct connection *c, vitro_error *room);

/* keepalive.c: it is open; a stream was opened; the peer has sent a PING. */
void vitro_keepalive_init(struct connection *c);
void vitro_keepalive_start(struct connection *c);
void vitro_keepalive_used(struct connection *c);
void vitro_keepalive_asked(struct connection *c);

/* age.c: it is open; no stream is open any more; the last stream was named in a GOAWAY. */
void vitro_age_init(struct connection *c);
void vitro_age_start(struct connection *c);
void vitro_age_unused(struct connection *c);
void vitro_age_drained(struct connection *c);

#ifdef __cplusplus
}
#endif
#endif
