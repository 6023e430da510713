/*
 * channel - the client's side inside: a target, at most one connection, the calls that wait.
 *
 *      IDLE --first call--> CONNECTING: look the name up, try each address in turn ----> READY
 *        ^                      | none is left                                          ^  |
 *        |                      v                                                       |  |
 *        |               TRANSIENT_FAILURE: wait, try again, wait longer ---------------'  |
 *        '---- no call for the idle timeout (from each), connection lost, GOAWAY ----------'
 *
 * These are the states of connectivity-semantics-and-api.md. A call waits in CONNECTING and, when
 * the peer's stream limit is reached, in READY. In TRANSIENT_FAILURE it fails with the last error,
 * unless it waits for READY; that state goes on while the channel tries again (gRFC A62).
 *
 * An attempt counts as a failure until its peer's SETTINGS, and then until a call has got there or
 * the peer leaves in order: the next one is delayed, longer each time (connection-backoff.md).
 * Calls that were sent away get another connection, at once the first time: another server may be
 * behind the name. When that goes on for longer than to connect may take, it is TRANSIENT_FAILURE,
 * too.
 */
#ifndef VITRO_CLIENT_CHANNEL_H
#define VITRO_CLIENT_CHANNEL_H

#include "io/connect.h"
#include "io/resolve.h"
#include "io/target.h"
#include "rpc/connection.h"
#include "tls/tls.h"
#include "vitro/channel.h"
#include "wire/encoding.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vitro_channel {
    vitro_loop *loop;
    bool own_loop;
    vitro_channel_options options; /* defaults filled in; its texts are not used */
    vitro_trace *trace;            /* the process's from the first call on, when none was given */
    struct account account;
    struct h2_memory memory;
    struct slabs slabs; /* of connections */
    struct freelist calls, attempts;
    struct task trim;
    struct target target;
    char *target_text, *authority, *user_agent; /* terminated, of the account */
    struct tls_end *tls;                        /* NULL: plain text */
    enum encoding encoding;                     /* of the option compression */

    uint32_t state; /* atomic: vitro_channel_state, read by any thread */
    uint32_t told;  /* the one that on_state knows */
    struct task tell;
    struct list waits; /* struct state_wait */
    void (*on_state)(vitro_channel_state state, void *user);
    void *state_user;
    struct timer idle; /* until there was no call for so long */
    int64_t last_call; /* when the last one ended, or the channel left IDLE */

    struct resolve resolve;
    struct connect connect;
    bool wanted;                /* the application has asked for a connection */
    bool trying;                /* a name is being looked up, or a connection opened */
    struct timer connecting;    /* until the peer's SETTINGS */
    struct timer backoff;       /* until the next attempt is allowed */
    struct task first_turn;     /* waits in the turn in which the back-off ended */
    int64_t began;              /* when the last attempt did, nanoseconds */
    unsigned failures;          /* attempts in a row by which no call got to a server */
    unsigned in_vain;           /* connections in a row that left the calls which waited for them */
    int64_t patient_until;      /* until then calls wait that were sent away more than once */
    int64_t keepalive_ns;       /* of connections to come */
    struct address *found;      /* n_found addresses, of the account */
    size_t n_found, next;       /* next: the one to try */
    vitro_error last_error;     /* of the address tried last */
    vitro_error failure;        /* why the state is TRANSIENT_FAILURE */
    struct connection *opening; /* waits for the peer's SETTINGS; NULL: none */
    struct connection *ready;   /* takes new streams; NULL: none */
    struct list connections;    /* all that are not closed, draining ones too */

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

/* A call of it is over: it may become idle after a while. */
void vitro_channel_call_over(vitro_channel *channel);

/* state.c: enter a state; those who watch are told in a later turn. Nothing leaves SHUTDOWN. */
void vitro_channel_init_state(vitro_channel *channel);
void vitro_channel_set_state(vitro_channel *channel, vitro_channel_state state);

static inline bool channel_is(const vitro_channel *ch, vitro_channel_state state)
{
    return ch->state == (uint32_t)state;
}

/* A call has got to a server: what went wrong before counts no more. */
static inline void channel_was_of_use(vitro_channel *ch)
{
    ch->failures = ch->in_vain = 0;
}

/* Somebody waits for what comes next. */
bool vitro_channel_is_awaited(const vitro_channel *channel);

/* connecting.c: look the target up and try its addresses. */
void vitro_channel_try(vitro_channel *channel);
void vitro_channel_cancel_connect(vitro_channel *channel);

/* backoff.c: leave IDLE, but do not try before the back-off is over. */
void vitro_channel_init_backoff(vitro_channel *channel);
void vitro_channel_leave_idle(vitro_channel *channel);

/* Nothing was left to try: what does not wait for READY fails, and the next attempt is set. */
void vitro_channel_give_up(vitro_channel *channel, const vitro_error *why);

/* In TRANSIENT_FAILURE: what waits, but not for READY, fails. */
void vitro_channel_fail_fast(vitro_channel *channel);

/* The ready connection has used up its stream ids: drain it, what waits gets another one. */
void vitro_channel_retire(vitro_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
