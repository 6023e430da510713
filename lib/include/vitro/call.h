/*
 * call - one remote procedure call, on either side of it.
 *
 * A call is a handle over one or more attempts (HTTP/2 streams). Its life, as events:
 *
 *      headers? -> message* -> end? -> closed        closed: exactly once, always last
 *              writable*   cancelled? (server)
 *
 * All four kinds of call are this one object. "Wait, the peer is behind" is not an error: the
 * send succeeds, *more becomes false, and the writable event says when to go on. Back-pressure
 * the other way is credit: without credit no message is delivered and no flow-control window is
 * given back.
 *
 * An attempt that the server has refused before any handler saw it (REFUSED_STREAM, or a GOAWAY
 * that leaves it out) is followed by another one and no event tells of it: as often as it takes
 * while it has not left this side, once when it has, if it had sent no more than 64 KiB.
 *
 * A call belongs to its loop: callbacks run there, one at a time, and never inside a function
 * of this header; so do the release callbacks of attached messages. Whoever starts a call holds
 * one reference until vitro_call_unref(). A server's call is the library's until closed was told:
 * a handler that keeps it longer takes a reference of its own with vitro_call_ref().
 */
#ifndef VITRO_CALL_H
#define VITRO_CALL_H

#include "vitro/base.h"
#include "vitro/credentials.h"
#include "vitro/loop.h"
#include "vitro/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_call vitro_call;

/** The four kinds of gRPC method. The library checks the number of messages that each allows. */
typedef enum vitro_kind {
    VITRO_UNARY = 0,            /* one request, one response */
    VITRO_CLIENT_STREAMING = 1, /* many, one */
    VITRO_SERVER_STREAMING = 2, /* one, many */
    VITRO_BIDI_STREAMING = 3    /* many, many */
} vitro_kind;

struct vitro_pb_file;

/** A method as generated code names it. */
typedef struct vitro_method {
    const char *path; /* "/package.Service/Method"; static text */
    vitro_kind kind;
    const struct vitro_pb_file *file; /* static: its schema, for traces; NULL: not known */
} vitro_method;

enum {
    VITRO_MESSAGE_COMPRESSED = 1u /* it crossed the wire compressed */
};

/** One message that arrived. */
typedef struct vitro_message {
    vitro_bytes bytes; /* ptr is never NULL: an empty message is still a message */
    size_t wire_size;  /* bytes on the wire, without the 5-byte prefix; as compressed */
    uint32_t flags;    /* VITRO_MESSAGE_... */
} vitro_message;

/** How a call ended. */
typedef struct vitro_status {
    vitro_code code;
    vitro_str message;        /* UTF-8, for people; may be empty */
    const vitro_md *trailers; /* trailing metadata; never NULL */
    const vitro_error *error; /* why, when this side decided it; NULL when the peer did */
} vitro_status;

/**
 * Make an error of a status: what a blocking call would have left in its err, and
 * vitro_error_format() writes as a line.
 *
 * @param status  lent: of the closed event.
 * @param err     filled; may be NULL.
 * @return status->code. VITRO_OK leaves an error of no use.
 * Thread: any.
 */
VITRO_API vitro_code vitro_status_error(const vitro_status *status, vitro_error *err);

/**
 * What happens to a call. Any member may be NULL. `user` is what the call was started with, or
 * what vitro_call_set_user() put in its place.
 */
typedef struct vitro_call_events {
    size_t size; /* set by VITRO_CALL_EVENTS_INIT */
    /* Client: response headers. Server: the call begins with the request's. Lends md. */
    void (*on_headers)(vitro_call *call, const vitro_md *md, void *user);
    /* Lends m until return. */
    void (*on_message)(vitro_call *call, const vitro_message *m, void *user);
    /* The peer has half-closed: no message follows. */
    void (*on_end)(vitro_call *call, void *user);
    /* After a send that left *more false: send on. */
    void (*on_writable)(vitro_call *call, void *user);
    /* Server: the client went away or its deadline is over; sends fail from now on. */
    void (*on_cancelled)(vitro_call *call, void *user);
    /* Exactly once, always last. Lends status until return. */
    void (*on_closed)(vitro_call *call, const vitro_status *status, void *user);
} vitro_call_events;
#define VITRO_CALL_EVENTS_INIT                                                                     \
    {                                                                                              \
        sizeof(vitro_call_events), NULL, NULL, NULL, NULL, NULL, NULL                              \
    }

enum {
    VITRO_SEND_LAST = 1u,  /* client: half-close after this message */
    VITRO_SEND_ALONE = 2u, /* a DATA frame of its own: do not share one with its neighbours */
    VITRO_SEND_PLAIN = 4u  /* not compressed, whatever the call's other messages are: for a secret
                              beside what a stranger may choose, whose length would tell (CRIME) */
};

/**
 * Queue one message.
 *
 * @param call   open call.
 * @param msg    serialized message. Copies: may be reused on return.
 * @param flags  0 or VITRO_SEND_...
 * @param more   set to false when the peer is behind: wait for writable. May be NULL.
 * @param err    filled on failure; may be NULL.
 * @return VITRO_OK, also when more is false. VITRO_FAILED_PRECONDITION after VITRO_SEND_LAST,
 *         vitro_call_finish() or closed; VITRO_CANCELLED once the call was cancelled;
 *         VITRO_RESOURCE_EXHAUSTED when the call's memory account is spent: nothing was queued.
 * Thread: loop.  Re-entry: allowed in every callback but closed.
 * Wire: one Length-Prefixed-Message in DATA frames (gRPC PROTOCOL-HTTP2; RFC 9113, 6.1).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_send(vitro_call *call, vitro_bytes msg,
                                                   uint32_t flags, bool *more, vitro_error *err);

/**
 * Room to serialize one message straight into the call's send queue.
 *
 * @param call  open call.
 * @param n     exact size of the message in bytes.
 * @param room  set to n writable bytes, or NULL on failure. Lent until vitro_call_commit(),
 *              which must follow before any other function of this call.
 * @return as vitro_call_send().
 * Thread: loop.  Wire: nothing yet.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_reserve(vitro_call *call, size_t n, uint8_t **room,
                                                      vitro_error *err);

/**
 * Queue the message that was written into the room of vitro_call_reserve().
 *
 * @param flags  0 or VITRO_SEND_...
 * @param more   set as vitro_call_send() sets it; may be NULL.
 * Thread: loop.  Wire: as vitro_call_send().
 */
VITRO_API void vitro_call_commit(vitro_call *call, uint32_t flags, bool *more);

/**
 * Queue one message without copying it.
 *
 * @param call     open call.
 * @param msg      serialized message. Takes: unchanged until release is called, exactly once,
 *                 also when this function fails.
 * @param release  called with msg.ptr, msg.len and user, at the end of the turn in which the bytes
 *                 have left or were given up; before the return when this function fails.
 * @param user     kept until then.
 * @param flags    0 or VITRO_SEND_...
 * @param more     set to false when the peer is behind: wait for writable. May be NULL.
 * @return as vitro_call_send().
 * Thread: loop.  Wire: as vitro_call_send().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_attach(
    vitro_call *call, vitro_bytes msg, void (*release)(const void *ptr, size_t len, void *user),
    void *user, uint32_t flags, bool *more, vitro_error *err);

/**
 * Client: half-close, no message follows. Harmless when it was done before.
 *
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION on a server's call or after closed.
 * Thread: loop.  Wire: END_STREAM on the last DATA frame, or on an empty one.
 */
VITRO_API vitro_code vitro_call_send_end(vitro_call *call, vitro_error *err);

/**
 * Server: send the response headers now, rather than with the first message.
 *
 * @param md  initial metadata; copies; may be NULL.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION on a client's call or once headers were sent.
 * Thread: loop.  Wire: HEADERS with :status 200 (gRPC PROTOCOL-HTTP2, Response-Headers).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_send_headers(vitro_call *call, const vitro_md *md,
                                                           vitro_error *err);

/**
 * Server: compress the messages of this call from here on, but for those sent with
 * VITRO_SEND_PLAIN and those that would not be shorter: they go as they are. Where the client does
 * not list the encoding in grpc-accept-encoding, all go as they are. Like what is read, each
 * message is a stream of its own.
 *
 * @param encoding  lent until return: "gzip", "deflate", or "identity" for none; NULL is that too.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for another name; VITRO_FAILED_PRECONDITION on a
 *         client's call (see vitro_call_options) or once headers were sent.
 * Thread: loop.  Wire: grpc-encoding in the response headers (gRPC compression.md).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_compress(vitro_call *call, const char *encoding,
                                                       vitro_error *err);

/**
 * Server: end the call. Messages queued before go out first; closed follows.
 *
 * @param code      the status; VITRO_OK for success.
 * @param message   text for people, copies; may be NULL. Any UTF-8: it is percent-encoded.
 * @param trailers  trailing metadata; copies; may be NULL.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION on a client's call or when it was called before;
 *         VITRO_RESOURCE_EXHAUSTED without memory for the trailers, and the call is as it was, or
 *         for the response, and the call was reset: vitro_call_cancel() ends it in either case.
 * Thread: loop.  Wire: trailers with grpc-status, or one HEADERS frame when nothing was sent.
 */
VITRO_API vitro_code vitro_call_finish(vitro_call *call, vitro_code code, const char *message,
                                       const vitro_md *trailers, vitro_error *err);

/**
 * Give the call up. closed follows with CANCELLED, unless it already ended otherwise.
 *
 * Thread: loop.  Re-entry: allowed everywhere.
 * Wire: RST_STREAM with CANCEL, 8 (RFC 9113, 6.4).
 */
VITRO_API void vitro_call_cancel(vitro_call *call);

/**
 * Deliver no more messages until vitro_call_credit(): the call has manual credit from here on. In
 * the headers event, or in the handler of a stream, before the first one. The response of a kind
 * with one is delivered anyway.
 *
 * Thread: loop.  Re-entry: allowed everywhere.
 * Wire: no WINDOW_UPDATE for what is not taken: the peer waits (RFC 9113, 5.2).
 */
VITRO_API void vitro_call_hold(vitro_call *call);

/**
 * Allow n more messages to be delivered. Only for calls with manual credit (their options, or
 * vitro_call_hold()): the others always have enough.
 *
 * Thread: loop.  Wire: WINDOW_UPDATE frames as messages are taken (RFC 9113, 6.9).
 */
VITRO_API void vitro_call_credit(vitro_call *call, uint32_t n);

/** Put another `user` in place for the events that follow. Keeps it. Thread: loop. */
VITRO_API void vitro_call_set_user(vitro_call *call, void *user);

/** The `user` of the events: what was given, as it was given. Thread: loop. */
VITRO_API void *vitro_call_user(const vitro_call *call);

/** The method's path, "/package.Service/Method". Lends until the last unref. Thread: loop. */
VITRO_API vitro_str vitro_call_path(const vitro_call *call);

/** The peer's address as a target, "ipv4:127.0.0.1:50051"; empty before there is a connection.
 *  Lends until closed. Thread: loop. */
VITRO_API vitro_str vitro_call_peer(const vitro_call *call);

/**
 * Who the peer has proved to be, by TLS; over plain text the answer says that it did not.
 *
 * @return lends until closed. NULL: there is no connection (yet, or it was lost before this was
 *         asked for the first time), or memory is out: nobody is trusted then.
 * Thread: loop.
 */
VITRO_API const vitro_identity *vitro_call_peer_identity(const vitro_call *call);

/** Client: response headers; server: request headers, without what gRPC itself uses. NULL before
 *  the headers event. Lends until the last unref. Thread: loop. */
VITRO_API const vitro_md *vitro_call_metadata(const vitro_call *call);

/** What the peer's compressed messages are, of its grpc-encoding: "gzip"; "identity" without one,
 *  and before the headers event. Lends: static text. Thread: loop. */
VITRO_API vitro_str vitro_call_encoding(const vitro_call *call);

/** Nanoseconds until the deadline; INT64_MAX without one; 0 when it is over. Thread: loop. */
VITRO_API int64_t vitro_call_time_left(const vitro_call *call);

/** True once the call was cancelled by either side, or its deadline is over. Thread: loop. */
VITRO_API bool vitro_call_is_cancelled(const vitro_call *call);

/** The number of the call in the notes of a trace; from 1, by loop. Thread: loop. */
VITRO_API uint32_t vitro_call_id(const vitro_call *call);

/** The loop that the call belongs to. Lends. Thread: any. */
VITRO_API vitro_loop *vitro_call_loop(const vitro_call *call);

/** One more reference. @return gives call: vitro_call_unref(). Thread: loop. */
VITRO_API vitro_call *vitro_call_ref(vitro_call *call);

/**
 * Drop a reference; the last one frees the call once it is closed. A call that nobody refers to
 * any more goes on to its end. NULL is accepted. Thread: any.
 */
VITRO_API void vitro_call_unref(vitro_call *call);

#ifdef __cplusplus
}
#endif
#endif
