/*
 * call - the client's side of a call: it owns 0..n attempts, and what is sent until an attempt
 * takes it. An attempt is a stream on a connection; there is at most one at a time.
 *
 * An attempt that the server has refused (REFUSED_STREAM, or a GOAWAY below its stream) is followed
 * by another one, which nobody notices: no handler has seen it. As often as it takes while it has
 * not left this side, once when it has. What an attempt has sent is kept for that, up to H2_KEEP
 * bytes, until anything of a response comes.
 */
#ifndef VITRO_CLIENT_CALL_H
#define VITRO_CLIENT_CALL_H

#include "client/auth.h"
#include "client/channel.h"
#include "rpc/call.h"
#include "rpc/fields.h"
#include "rpc/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct client_call;

struct attempt {
    struct stream stream;
    struct client_call *call; /* NULL: nobody is interested any more */
    vitro_channel *channel;
    uint32_t number;  /* from 1 */
    bool has_headers; /* Response-Headers came */
};

struct client_call {
    vitro_call base;
    vitro_channel *channel;
    vitro_auth *auth;        /* its credentials are asked for; NULL: they are not, or no more */
    struct list waiting;     /* in channel->waiting */
    struct list open;        /* in channel->calls_open */
    struct attempt *attempt; /* NULL: none yet, or over */
    uint32_t attempts;
    struct queue pending;    /* messages until an attempt takes them */
    struct queue kept;       /* messages that the attempt has sent, while it may have a follower */
    bool refused;            /* an attempt that had left was refused: the next one is the last */
    struct vitro_md request; /* metadata that is sent */
    char *authority;         /* NULL: the channel's */
    vitro_peer *peer;        /* who wants to know it; NULL: nobody */
    vitro_call *parent;      /* a reference; NULL: none */
    bool credit_all;
    uint64_t credit;    /* given before there was an attempt */
    int64_t wait_since; /* nanoseconds */
    uint32_t max_recv;
    const char *waits_for; /* NOTE_WAIT_..., NULL: nothing */

    bool wait_for_ready; /* it does not fail because the channel cannot connect */
    bool blocked;        /* a send said "no more" before there was an attempt */
    bool decided;        /* the status is known; closed is told once messages are through */
    struct task close;
};

/* peer.c: fill it with who is at the other end. */
void vitro_client_tell_peer(vitro_peer *peer, struct connection *conn);

/* It has all that it needs: it waits for a connection with room. */
void vitro_client_call_send(struct client_call *c);

/* Begin the attempt on c, which has room. */
void vitro_client_call_begin_attempt(struct client_call *c, struct connection *conn);

/* Something of the response is here: this attempt is the one. */
void vitro_client_call_commit(struct client_call *c);

/* Its attempt, which is over, may be followed by another one: wait for it. unsent: it never left.
 */
bool vitro_client_call_again(struct client_call *c, bool unsent);

/* End it for a reason of this side. closed is told in a later turn. */
void vitro_client_call_fail(struct client_call *c, const vitro_error *why);

/* The status is decided: told by vitro_client_call_close. message is copied. */
void vitro_client_call_decide(struct client_call *c, vitro_code code, vitro_str message,
                              const vitro_error *why);

/* Tell closed: now, or once its interceptors let it. */
void vitro_client_call_close(struct client_call *c);

/* Note that the call waits for why (NOTE_WAIT_...), or with NULL that it no longer does. */
void vitro_client_call_wait(struct client_call *c, const char *why);

/* request.c: the header fields of an attempt. lent until f is done; room is TIMEOUT_ROOM long. */
void vitro_client_request(const struct client_call *c, struct fields *f, char *room);

/* request.c: INVALID_ARGUMENT for a path, or an authority, with which no server takes a request. */
vitro_code vitro_client_check_path(const char *path, vitro_error *err);
vitro_code vitro_client_check_authority(const char *authority, vitro_error *err);

/*
 * request.c: the call may go over conn: an authority of its own is one that the certificate of the
 * server is for. UNAVAILABLE when it is not.
 */
vitro_code vitro_client_request_check(const struct client_call *c, struct connection *conn,
                                      vitro_error *err);

extern const struct stream_ops vitro_attempt_ops; /* attempt.c */

#ifdef __cplusplus
}
#endif
#endif
