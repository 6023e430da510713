/*
 * server - the other side: listeners, a router, handlers.
 *
 * A handler is a vitro_call_events: its headers event is the beginning of a call, and it ends the
 * call with vitro_call_finish(), then or later. A server may spread its connections over several
 * loops; a call and its callbacks stay on the loop of their connection.
 */
#ifndef VITRO_SERVER_H
#define VITRO_SERVER_H

#include "vitro/call.h"
#include "vitro/credentials.h"
#include "vitro/interceptor.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_server vitro_server;

/** Zero always means the default. Append only. */
typedef struct vitro_server_options {
    size_t size;                    /* set by VITRO_SERVER_OPTIONS_INIT, never by hand */
    uint32_t max_recv_bytes;        /* one message; 0: 4 MiB */
    uint32_t max_send_bytes;        /* one message; 0: no limit */
    uint32_t max_header_bytes;      /* a header list; 0: 8 KiB */
    uint32_t max_streams;           /* open calls a connection; 0: 100 */
    uint32_t max_connections;       /* 0: no limit */
    uint32_t window_bytes;          /* first flow-control window; 0: 65535 */
    uint32_t max_window_bytes;      /* it doubles up to this while it is what waits; 0: 4 MiB */
    size_t connection_memory_bytes; /* budget of a connection: its messages, its HTTP/2 session
                                       (which ends with ENHANCE_YOUR_CALM); 0: none, and a client
                                       may have max_streams messages of max_recv_bytes held, 400
                                       MiB by default: a smaller budget ends calls of a client that
                                       sends many large messages at once. All connections together
                                       are bounded by memory_bytes of their loop (loop.h) */
    vitro_trace *trace;             /* keeps; NULL: the process's trace, if any */
    const char *compression;        /* "gzip" or "deflate": each call begins as after
                                       vitro_call_compress() with it; NULL: none */
    const vitro_interceptor *const *interceptors; /* of each call, on each loop, health's and
                                                     reflection's too: who lets some pass looks at
                                                     vitro_call_path(). Keeps: the list, NULL at its
                                                     end, and each of them outlive the server; NULL:
                                                     none */
    uint32_t keepalive_time_ms;    /* a PING when a client says nothing for so long; 0: 7200000 (2
                                      h); UINT32_MAX: never */
    uint32_t keepalive_timeout_ms; /* without a byte for so long after it the client is gone; 0:
                                      20000. Also how long TCP may take to deliver anything
                                      (TCP_USER_TIMEOUT) */
    bool keepalive_permit_without_calls; /* clients may send PINGs without a call, too */
    uint32_t min_recv_ping_interval_without_data_ms; /* between PINGs of a client while nothing is
                                                        sent to it; a closer one is a strike; 0:
                                                        300000 (5 min). Without a call it is 2 h,
                                                        unless permitted */
    uint32_t max_ping_strikes;      /* after more the connection ends with ENHANCE_YOUR_CALM and
                                       too_many_pings; 0: 2; UINT32_MAX: no limit */
    uint32_t max_connection_age_ms; /* then it is drained; +-10 % by chance; 0: no limit */
    uint32_t max_connection_age_grace_ms; /* then calls that are still open are cut; 0: no limit */
    uint32_t max_connection_idle_ms;      /* without a call; then it is drained; 0: no limit */
} vitro_server_options;
#define VITRO_SERVER_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(vitro_server_options), 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, false, 0, 0, \
            0, 0, 0                                                                                \
    }

/**
 * Make a server that listens nowhere yet. A client that has not sent its first SETTINGS, or not
 * acknowledged the server's, 20 s after it connected is left.
 *
 * @param out      gives; vitro_server_free().
 * @param loops    keeps each: they must outlive the server. The first one accepts; connections go
 *                 to the one that has the fewest. NULL: the server makes a loop of its own.
 * @param n_loops  how many; 0 with NULL.
 * @param options  copied; NULL: all defaults.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_server_new(vitro_server **out, vitro_loop *const *loops,
                                                    size_t n_loops,
                                                    const vitro_server_options *options,
                                                    vitro_error *err);

/** Zero always means the default. Append only. */
typedef struct vitro_method_options {
    size_t size;        /* set by VITRO_METHOD_OPTIONS_INIT */
    bool manual_credit; /* deliver messages only as vitro_call_credit() allows */
    const vitro_interceptor *const *interceptors; /* behind the server's; keeps as they do */
} vitro_method_options;
#define VITRO_METHOD_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(vitro_method_options), false, NULL                                                  \
    }

/**
 * Serve a method. A second registration of a path takes the place of the first.
 *
 * @param method   copied, but for its path, which is static.
 * @param options  copied; NULL: all defaults.
 * @param events   keeps: the handler; must outlive the server.
 * @param user     kept; handed to every event until vitro_call_set_user().
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a path that is not /Service/Method, or without
 *         events; VITRO_FAILED_PRECONDITION once the server listens.
 * Thread: the first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_server_add(vitro_server *server,
                                                    const vitro_method *method,
                                                    const vitro_method_options *options,
                                                    const vitro_call_events *events, void *user,
                                                    vitro_error *err);

/**
 * Listen on one more address.
 *
 * @param target      lent until return: "ipv4:127.0.0.1:50051", "unix:/path", "host:port"; port 0
 *                    stands for a free one.
 * @param bound       filled with the address as a target, its port told; cut at bound_size - 1
 *                    bytes and terminated. May be NULL.
 * @param bound_size  of bound, in bytes.
 * @return VITRO_OK; VITRO_UNAVAILABLE when the address is in use or cannot be had;
 *         VITRO_INVALID_ARGUMENT for a target that cannot be meant.
 * Thread: the first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_server_listen(vitro_server *server, const char *target,
                                                       char *bound, size_t bound_size,
                                                       vitro_error *err);

/**
 * Listen on one more address, for clients that speak TLS.
 *
 * @param target       lent until return; as vitro_server_listen().
 * @param credentials  of a server; refs. NULL: plain text, as vitro_server_listen().
 * @param bound        filled; as vitro_server_listen().
 * @param bound_size   of bound, in bytes.
 * @return as vitro_server_listen(); VITRO_INVALID_ARGUMENT also for credentials of a client.
 * Thread: the first loop's.
 * Wire: TLS 1.2 or 1.3 with ALPN "h2"; a client that does not offer it is refused with the alert
 * no_application_protocol (RFC 7301, 3.2).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_server_listen_secure(vitro_server *server,
                                                              const char *target,
                                                              vitro_credentials *credentials,
                                                              char *bound, size_t bound_size,
                                                              vitro_error *err);

/** The first loop of the server: that of its functions. Lends. Thread: any. */
VITRO_API vitro_loop *vitro_server_loop(const vitro_server *server);

/**
 * Serve on the calling thread until SIGINT or SIGTERM, then drain: all that the main function of a
 * server has left to do. It drives the first loop; the others have been started. The two signals
 * are blocked in the calling thread meanwhile: threads that the program has begun itself block
 * them, too, or they end the program there (those of vitro_loop_start() do).
 *
 * @param grace_ns  how long open calls may take after the signal, as in vitro_server_drain().
 * @return VITRO_OK once it is drained, by a signal or by vitro_server_drain(); VITRO_CANCELLED
 *         after a second signal: calls may be open, and vitro_server_free() ends them;
 *         VITRO_FAILED_PRECONDITION when the loop was started, runs already or belongs to a sim.
 * Thread: the first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_server_run(vitro_server *server, int64_t grace_ns,
                                                    vitro_error *err);

/**
 * Stop gently: no new connection, clients are told to go elsewhere, calls that are open or on their
 * way by then go on to their end.
 *
 * @param on_drained  called on the first loop once no connection is left, or grace_ns has
 *                    passed and the rest was cut; may be NULL.
 * @param user        kept until then.
 * @param grace_ns    how long open calls may take; 0: as long as they want.
 * Thread: the first loop's.  A second call is ignored, on_drained too.
 * Wire: on each connection a GOAWAY with NO_ERROR that still serves every stream (2^31-1) and a
 * PING; after its acknowledgement, or 5 s, a GOAWAY with the last stream that is served (RFC
 * 9113, 6.8).
 */
VITRO_API void vitro_server_drain(vitro_server *server, int64_t grace_ns,
                                  void (*on_drained)(vitro_server *server, void *user), void *user);

/**
 * How many connections and calls are open now, over all loops.
 *
 * @param connections  set; may be NULL.
 * @param calls        set; may be NULL.
 * Thread: the first loop's; the counts of other loops are of a moment ago.
 */
VITRO_API void vitro_server_load(const vitro_server *server, size_t *connections, size_t *calls);

/**
 * Close everything at once and free the server: open calls are cancelled. NULL is accepted.
 * Thread: the first loop's, with the other loops stopped or driven by the same thread.
 */
VITRO_API void vitro_server_free(vitro_server *server);

#ifdef __cplusplus
}
#endif
#endif
