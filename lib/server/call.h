/*
 * call - the server's side of a call: one stream, from its request headers to its trailers.
 *
 * A request that no handler may see (wrong content-type, unknown method, over its deadline) is
 * answered here.
 */
#ifndef VITRO_SERVER_CALL_H
#define VITRO_SERVER_CALL_H

#include "rpc/call.h"
#include "rpc/stream.h"
#include "server/server.h"

#ifdef __cplusplus
extern "C" {
#endif

struct server_call {
    vitro_call base;
    struct stream stream;
    struct shard *shard;
    struct vitro_md initial; /* of vitro_call_send_headers */
    bool headers_sent;
    bool decided;         /* the status is; with interceptors it may still change */
    bool cut;             /* by the library, not by the handler */
    bool finished;        /* the status is on its way */
    bool bad_encoding;    /* the request's grpc-encoding is not one of ours */
    encoding_set accepts; /* what the client can read */
    bool served;          /* a handler was told of it */
};

/* A stream begins on c: its call, NULL when memory is out. */
struct stream *vitro_server_call_begin(struct shard *shard, struct connection *c);

/* ---- response.c ----------------------------------------------------------------------------- */

/* Response-Headers; with only they are Trailers-Only. A stream that cannot have them is reset. */
vitro_code vitro_server_respond(struct server_call *c, bool only, vitro_error *err);

/* The trailers, now that all messages are on their way. */
void vitro_server_respond_trailers(struct stream *s);

/*
 * No status can be sent: the client makes one of the code of RST_STREAM, CANCELLED,
 * RESOURCE_EXHAUSTED or INTERNAL (PROTOCOL-HTTP2, Errors).
 */
void vitro_server_reset(struct server_call *c, vitro_code why);

/* An answer that is HTTP and not gRPC. */
void vitro_server_respond_http(struct server_call *c, unsigned status_code);

#ifdef __cplusplus
}
#endif
#endif
