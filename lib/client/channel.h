/*
 * channel - the client's side inside: a target, at most one connection, the calls that wait.
 *
 *      IDLE --first call--> RESOLVING -> CONNECTING (each address in turn) -> READY
 *        ^------ connection lost, or GOAWAY -------------------------------------'
 *
 * A call waits in RESOLVING and CONNECTING and, when the peer's stream limit is reached, in READY.
 * When no address is left the calls that wait fail, and the channel is IDLE again. A connection
 * that is lost before any stream counts as a failure: the next one is delayed, longer each time
 * (connection-backoff.md), while calls wait.
 */
#ifndef VITRO_CLIENT_CHANNEL_H
#define VITRO_CLIENT_CHANNEL_H

#include "io/connect.h"
#include "io/resolve.h"
#include "io/target.h"
#include "rpc/connection.h"
#include "tls/tls.h"
#include "vitro/channel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum channel_state { CHANNEL_IDLE, CHANNEL_RESOLVING, CHANNEL_CONNECTING, CHANNEL_READY };

struct vitro_channel {
    vitro_loop *loop;
    bool own_loop;
    vitro_channel_options options; /* defaults filled in; its texts are not used */
    vitro_trace *trace;            /* the process's from the first call on, when none was given */
    struct account account;
    struct h2_memory memory;
    struct freelist calls, attempts;
    struct task trim;
    struct target target;
    char *target_text, *authority, *user_agent; /* terminated, of the account */
    struct tls_end *tls;                        /* NULL: plain text */

    enum channel_state state;
    struct resolve resolve;
    struct connect connect;
    struct timer connecting;  /* until the peer's SETTINGS */
    struct timer backoff;     /* until the next attempt is allowed */
    int64_t began;            /* when the last attempt did, nanoseconds */
    unsigned failures;        /* connections in a row that came to nothing, or no stream */
    struct address *found;    /* n_found addresses, of the account */
    size_t n_found, next;     /* next: the one to try */
    vitro_error last_error;   /* of the address tried last */
    struct connection *ready; /* takes new streams; NULL: none */
    struct list connections;  /* all that are not closed, draining ones too */

    struct list waiting;    /* calls without an attempt */
    struct list calls_open; /* all calls that are not closed */
    struct task pump;
    size_t n_calls; /* not freed */

    struct timer ending; /* freed: what is left then is aborted */
    int64_t freed_at;
    bool freed;
    bool driven; /* vitro_channel_free runs the turns, and releases at the end */
};

/* A call waits: connect, or open its stream, in a later turn. */
void vitro_channel_wake(vitro_channel *channel);

/* A connection or a call is gone: the channel may be freed. */
void vitro_channel_shrunk(vitro_channel *channel);

/* connecting.c: from IDLE to READY, or to failing everything that waits. */
void vitro_channel_connect(vitro_channel *channel);
void vitro_channel_cancel_connect(vitro_channel *channel);

/* The same, but not before the back-off is over. */
void vitro_channel_connect_later(vitro_channel *channel);
void vitro_channel_backed_off(struct timer *t);

/* The ready connection has used up its stream ids: drain it, what waits gets another one. */
void vitro_channel_retire(vitro_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
