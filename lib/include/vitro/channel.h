/*
 * channel - the client's side: a target, a connection to it, calls over that.
 *
 * Two skins over the same call: vitro_call_start() with events for programs that live in a loop,
 * and the blocking functions (vitro_unary, vitro_call_open with vitro_call_read and
 * vitro_call_write) for those that do not. A blocking function drives a loop that was not
 * started, and waits for one that was; inside a callback of its own loop it returns
 * FAILED_PRECONDITION.
 */
#ifndef VITRO_CHANNEL_H
#define VITRO_CHANNEL_H

#include "vitro/call.h"
#include "vitro/credentials.h"
#include "vitro/interceptor.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_channel vitro_channel;

/** Zero always means the default. Append only. */
typedef struct vitro_channel_options {
    size_t size;               /* set by VITRO_CHANNEL_OPTIONS_INIT, never by hand */
    const char *authority;     /* copied; NULL: the host of the target, "localhost" for unix. Under
                                  TLS also the name that is asked for, and that the server's
                                  certificate must be for, if the credentials name no other */
    const char *user_agent;    /* copied; put before the library's own; NULL: none */
    uint32_t connect_ms;       /* for one address; 0: 20000 */
    uint32_t max_recv_bytes;   /* one message; 0: 4 MiB */
    uint32_t max_send_bytes;   /* one message; 0: no limit */
    uint32_t max_header_bytes; /* a header list, as vitro_md_size() counts; 0: 8 KiB */
    uint32_t window_bytes;     /* first flow-control window; 0: 65535 */
    uint32_t max_window_bytes; /* it doubles up to this while it is what waits; 0: 4 MiB */
    size_t memory_bytes;       /* budget of the channel; 0: none */
    vitro_trace *trace;        /* keeps; NULL: the process's trace, if any */
    vitro_credentials *credentials;        /* refs; of a client; NULL: plain text */
    uint32_t initial_reconnect_backoff_ms; /* from one attempt to connect to the next, the first
                                              time; then 1.6 times as long each; 0: 1000 */
    uint32_t max_reconnect_backoff_ms;     /* 0: 120000 */
    uint32_t idle_timeout_ms; /* without a call for so long it gives its connection up; 0: 1800000
                                 (30 min); UINT32_MAX: never */
    const vitro_interceptor *const *interceptors; /* keeps: the list, NULL at its end, and each of
                                                     them outlive the channel; NULL: none */
    vitro_call_credentials *call_credentials;     /* refs; what each call carries; NULL: nothing */
    const char *compression;       /* copied; of calls whose options name none; NULL: none */
    uint32_t keepalive_time_ms;    /* a PING when the server says nothing for so long during a call;
                                      at least 10000; 0: never. A server ends a connection that sends
                                      more PINGs than it allows: ask who runs it */
    uint32_t keepalive_timeout_ms; /* without a byte for so long after it the connection is lost; 0:
                                      20000. Also how long TCP may take to deliver anything
                                      (TCP_USER_TIMEOUT) */
    bool keepalive_permit_without_calls; /* PINGs without a call, too */
} vitro_channel_options;
#define VITRO_CHANNEL_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(vitro_channel_options), NULL, NULL, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, 0, NULL, \
            NULL, NULL, 0, 0, false                                                                \
    }

/**
 * Make a channel. Nothing is connected before the first call.
 *
 * @param out     gives; vitro_channel_free().
 * @param loop    keeps: must outlive the channel. NULL: the channel makes a loop of its own,
 *                driven by whoever calls a blocking function.
 * @param target  "ipv4:127.0.0.1:50051", "dns:host:port", "unix:/path", "host:port"; copies.
 * @param options copied; NULL: all defaults.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a target or option that cannot be meant;
 *         VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.  Source: grpc/doc/naming.md.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_channel_new(vitro_channel **out, vitro_loop *loop,
                                                     const char *target,
                                                     const vitro_channel_options *options,
                                                     vitro_error *err);

/**
 * Close the channel. Open calls end with CANCELLED, the connection with GOAWAY; a peer that does
 * not take it within a second is left without. NULL is accepted.
 * Thread: loop, or any when the loop was started.
 */
VITRO_API void vitro_channel_free(vitro_channel *channel);

/** The loop of the channel. Lends. Thread: any. */
VITRO_API vitro_loop *vitro_channel_loop(const vitro_channel *channel);

/* ---- connectivity --------------------------------------------------------------------------- */

/** Whether a channel can carry calls. Source: gRPC connectivity-semantics-and-api.md. */
typedef enum vitro_channel_state {
    VITRO_CHANNEL_IDLE,              /* it has no connection and needs none; a call begins one */
    VITRO_CHANNEL_CONNECTING,        /* calls wait */
    VITRO_CHANNEL_READY,             /* a connection is there, and the server's SETTINGS came */
    VITRO_CHANNEL_TRANSIENT_FAILURE, /* no address could be reached, or none took a call: it tries
                                        again after a while. Calls fail, but those with
                                        wait_for_ready */
    VITRO_CHANNEL_SHUTDOWN           /* vitro_channel_free(): the last state */
} vitro_channel_state;

/**
 * The name of a state.
 *
 * @param state  of vitro_channel_get_state().
 * @return static text: "IDLE", "READY", ...; "unknown" for what is none of them.
 * Thread: any.
 */
VITRO_API const char *vitro_channel_state_name(vitro_channel_state state);

/** The state now; it may be another one by the time this returns. Thread: any. */
VITRO_API vitro_channel_state vitro_channel_get_state(const vitro_channel *channel);

/**
 * Connect without a call, when the channel is IDLE.
 * Thread: loop, or any when the loop was started.
 */
VITRO_API void vitro_channel_connect(vitro_channel *channel);

/**
 * Have changes of the state told. What it was only within one turn of the loop is not told.
 *
 * @param on_state  called in turns of the loop, for each change from here on, SHUTDOWN the last; it
 *                  may free the channel. NULL: nobody is told any more. There is one at a time.
 * @param user      kept; handed to on_state.
 * Thread: loop.
 */
VITRO_API void vitro_channel_watch(vitro_channel *channel,
                                   void (*on_state)(vitro_channel_state state, void *user),
                                   void *user);

/**
 * Wait until the state is another one. It does not connect: vitro_channel_connect() does.
 *
 * @param last        the state that the caller has seen.
 * @param timeout_ns  from now; 0: none; negative: already over.
 * @param now         set to the state; may be NULL.
 * @return VITRO_OK; VITRO_DEADLINE_EXCEEDED when it is last still; VITRO_FAILED_PRECONDITION inside
 *         a callback of the loop.
 * Thread: loop, or any when the loop was started; several may wait.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_channel_wait(vitro_channel *channel,
                                                      vitro_channel_state last, int64_t timeout_ns,
                                                      vitro_channel_state *now, vitro_error *err);

/**
 * Try again at once in TRANSIENT_FAILURE, and begin with the shortest back-off after that: the
 * application knows that the network is back.
 * Thread: loop, or any when the loop was started.
 */
VITRO_API void vitro_channel_reset_backoff(vitro_channel *channel);

/* ---- calls ---------------------------------------------------------------------------------- */

/** What a blocking call brought back. Begin with VITRO_REPLY_INIT; end with vitro_reply_done(). */
typedef struct vitro_reply {
    vitro_bytes message; /* owned by the reply */
    vitro_md *headers;   /* owned by the reply; NULL when there were none */
    vitro_md *trailers;  /* owned by the reply; NULL when there were none */
    void *memory;        /* private */
    size_t memory_size;  /* private */
} vitro_reply;
#define VITRO_REPLY_INIT                                                                           \
    {                                                                                              \
        { NULL, 0 }, NULL, NULL, NULL, 0                                                           \
    }

/**
 * Who has answered a call. Begin with VITRO_PEER_INIT; end with vitro_peer_done(). It stands in the
 * options of the call.
 */
typedef struct vitro_peer {
    vitro_str address;              /* owned by the peer; as vitro_call_peer(); empty: there was no
                                       connection */
    const vitro_identity *identity; /* owned by the peer; as vitro_call_peer_identity(). NULL: not
                                       known, as the connection is lost or memory is out */
    void *memory;                   /* private */
} vitro_peer;
#define VITRO_PEER_INIT                                                                            \
    {                                                                                              \
        { NULL, 0 }, NULL, NULL                                                                    \
    }

/** Release what a peer holds; it may be used again. Thread: any. */
VITRO_API void vitro_peer_done(vitro_peer *peer);

/** Zero always means the default. Append only. */
typedef struct vitro_call_options {
    size_t size;              /* set by VITRO_CALL_OPTIONS_INIT, never by hand */
    const vitro_md *metadata; /* copied; NULL: none */
    int64_t timeout_ns;       /* from now; 0: none; negative: already over */
    const char *authority;    /* copied; under TLS, one that the server's certificate is for, or
                                 the call fails with UNAVAILABLE; NULL: the channel's */
    vitro_call *parent;       /* a server's call on this loop: its deadline and its cancellation
                                 pass on; refs; NULL: none */
    uint32_t max_recv_bytes;  /* one message; 0: the channel's */
    bool manual_credit;      /* deliver messages only as vitro_call_credit() allows; the response of
                                a kind with one is delivered anyway */
    vitro_reply *reply;      /* blocking calls: begun with VITRO_REPLY_INIT, lent until the call has
                                ended, filled with its metadata, on failure too; NULL: not wanted */
    const char *compression; /* of messages that are sent: "gzip", "deflate", "identity" for none;
                                NULL: the channel's. The server must know it: one that does not
                                ends the call with UNIMPLEMENTED. Any message may go plain:
                                VITRO_SEND_PLAIN, and one that would not be shorter. Replies need
                                no option */
    bool wait_for_ready;     /* when the channel cannot connect: wait until it can, or for the
                                deadline; else the call fails with UNAVAILABLE */
    const vitro_interceptor *const *interceptors; /* behind the channel's. Copied; keeps each, the
                                                     list has NULL at its end; NULL: none */
    vitro_call_credentials *credentials; /* refs; carried beside the channel's; NULL: none */
    vitro_peer *peer; /* begun with VITRO_PEER_INIT, lent until the call has ended, filled with who
                         has answered, when it fails too; NULL: not wanted */
} vitro_call_options;
#define VITRO_CALL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(vitro_call_options), NULL, 0, NULL, NULL, 0, false, NULL, NULL, false, NULL, NULL,  \
            NULL                                                                                   \
    }

/**
 * Start a call. Messages may be sent at once: they wait for the connection.
 *
 * @param out      gives one reference; vitro_call_unref().
 * @param method   copied, but for its path, which is static.
 * @param options  copied; NULL: all defaults.
 * @param events   keeps: must outlive the call.
 * @param user     kept; handed to every event.
 * @return VITRO_OK: everything else, a refused connection too, arrives as the closed event.
 *         VITRO_INVALID_ARGUMENT for a path, metadata or options that cannot be meant;
 *         VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.  Wire: HEADERS when a connection is there (gRPC PROTOCOL-HTTP2, Request-Headers).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_start(vitro_call **out, vitro_channel *channel,
                                                    const vitro_method *method,
                                                    const vitro_call_options *options,
                                                    const vitro_call_events *events, void *user,
                                                    vitro_error *err);

/** Release what a reply holds; it may be used again. Thread: any. */
VITRO_API void vitro_reply_done(vitro_reply *reply);

/**
 * One request, one response, waiting for it.
 *
 * @param channel  any channel.
 * @param method   a unary method.
 * @param request  serialized message; lent until return.
 * @param options  lent until return; NULL: all defaults.
 * @param reply    filled on success, metadata also on failure; the caller ends it with
 *                 vitro_reply_done() in either case.
 * @param err      filled on failure: the status, its text, its causes.
 * @return the call's status; VITRO_FAILED_PRECONDITION inside a callback of the loop.
 * Thread: loop, or any when the loop was started.  Wire: a whole unary call.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_unary(vitro_channel *channel, const vitro_method *method,
                                               vitro_bytes request,
                                               const vitro_call_options *options,
                                               vitro_reply *reply, vitro_error *err);

/**
 * Start a call of any kind for vitro_call_write(), vitro_call_read() and vitro_call_close(), which
 * are its only users. On a started loop one thread may read while another one writes;
 * vitro_call_close() is for the last of them.
 *
 * @param out      gives one reference; vitro_call_close().
 * @param method   copied, but for its path, which is static.
 * @param options  copied; NULL: all defaults. Their reply is lent until vitro_call_close().
 * @return as vitro_call_start().
 * Thread: loop, or any when the loop was started.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_open(vitro_call **out, vitro_channel *channel,
                                                   const vitro_method *method,
                                                   const vitro_call_options *options,
                                                   vitro_error *err);

/**
 * Send one message, waiting while the peer is behind.
 *
 * @param msg    lent until return.
 * @param flags  0 or VITRO_SEND_...
 * @return VITRO_OK; else the call cannot send any more: vitro_call_close() tells why.
 * Thread: as vitro_unary().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_write(vitro_call *call, vitro_bytes msg,
                                                    uint32_t flags, vitro_error *err);

/**
 * Half-close a call of vitro_call_open(): no message follows.
 *
 * @return as vitro_call_send_end().
 * Thread: as vitro_unary().
 */
VITRO_API vitro_code vitro_call_write_end(vitro_call *call, vitro_error *err);

/**
 * Wait for the next message.
 *
 * @param msg  set to the message, lent until the next read or close; ptr NULL at the end of the
 *             stream, whose status vitro_call_close() tells.
 * @return VITRO_OK, at the end of the stream too; VITRO_FAILED_PRECONDITION inside a callback.
 * Thread: as vitro_unary().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_call_read(vitro_call *call, vitro_message *msg,
                                                   vitro_error *err);

/**
 * Wait for the end of a call of vitro_call_open() and drop it. What the peer still sends is read
 * and dropped; a call that should not be waited for is cancelled first (vitro_call_abort()).
 *
 * @param reply  given the metadata of both kinds; may be NULL.
 * @return the call's status, with its text and causes in err.
 * Thread: as vitro_unary().
 */
VITRO_API vitro_code vitro_call_close(vitro_call *call, vitro_reply *reply, vitro_error *err);

/**
 * Cancel a call of vitro_call_open(). Who waits in a read, write or close of it is woken.
 * Thread: as vitro_unary(), also while another thread uses the call.
 */
VITRO_API void vitro_call_abort(vitro_call *call);

#ifdef __cplusplus
}
#endif
#endif
