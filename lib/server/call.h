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
    struct vitro_md initial;  /* of vitro_call_send_headers */
    struct vitro_md trailing; /* of vitro_call_finish */
    vitro_code code;          /* the status that is sent */
    char *message;            /* its text, of message_len + 1 bytes; NULL: none */
    size_t message_len;
    vitro_error error; /* why, when the library ends the call */
    bool has_error;
    bool headers_sent;
    bool finished;        /* the status is decided */
    bool bad_encoding;    /* the request's grpc-encoding is not one of ours */
    encoding_set accepts; /* what the client can read */
    bool served;          /* a handler was told of it */
};

/* A stream begins on c: its call, NULL when memory is out. */
struct stream *vitro_server_call_begin(struct shard *shard, struct connection *c);

#ifdef __cplusplus
}
#endif
#endif
