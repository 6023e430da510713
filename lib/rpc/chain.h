/*
 * chain - the interceptors of a call: between the public functions and events of call.h, and
 * the side that sends and receives.
 *
 *                      request lane                      response lane
 *      client:  application -> wire (sends)         application <- wire (receives)
 *      server:  wire -> handler (receives)          wire <- handler (sends)
 *
 * Each lane carries one thing at a time, in this order: its opening (metadata), messages, its end.
 * A lane that sends has a queue of messages in front of it and works in turns of its own. One that
 * receives gives the stream credit for one message at a time, and so needs no queue: what is
 * suspended is the only one that came, and the flow-control windows hold the rest back.
 *
 * A call without interceptors has no chain, and tests for that are all it does here.
 */
#ifndef VITRO_RPC_CHAIN_H
#define VITRO_RPC_CHAIN_H

#include "base/buf.h"
#include "base/queue.h"
#include "rpc/call.h"
#include "vitro/interceptor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum stage { STAGE_IDLE, STAGE_OPENING, STAGE_MESSAGE, STAGE_END };

struct lane {
    struct chain *chain;
    vitro_md *md; /* of the opening; the side's */
    bool response, sends;
    enum stage stage;     /* what is on its way */
    int at;               /* the interceptor that has it */
    bool suspended;       /* there */
    bool dead;            /* no opening and no message any more */
    bool opening, opened; /* wanted; has passed */
    bool ending;          /* wanted */
    bool has_message;     /* receives: there is one, on its way or not yet */
    vitro_message message;
    struct buf own;     /* its bytes, when they were copied */
    struct queue queue; /* sends: messages; the first byte of a prefix is their VITRO_SEND_... */
    uint32_t flags;     /* likewise of the one that is on its way */
    size_t queued;      /* its bytes in queue */
    bool replaced;      /* they are no longer those of the message */
};

struct vitro_intercept {
    struct part *part;
    bool resumed;
};

/* One interceptor in one call. */
struct part {
    struct chain *chain;
    const vitro_interceptor *with;
    void *state;
    struct vitro_intercept request, response;
};

struct chain {
    vitro_call *call;
    struct lane request, response;
    struct task task;
    uint64_t credit; /* of the application, STREAM_CREDIT_ALL; the stream gets it from here alone */
    bool granted;    /* a message of it, to the stream */
    bool full;       /* enough is queued behind the lane that sends */
    bool blocked;    /* and before it: tell writable */
    bool told;       /* the application knows of the call */
    bool peer_ended; /* the event end is wanted */
    bool concluding; /* the end has begun to pass */
    bool hurry;      /* nothing waits any more */
    bool waits;      /* for an interceptor, as notes say */
    int64_t wait_since; /* nanoseconds */
    vitro_trace *trace; /* the side's; NULL: none */
    int started;        /* interceptors that saw the start */
    int end_at;         /* the next one that sees the end, if it saw the start */
    size_t size;        /* of the block */
    int n;
    struct part parts[];
};

/* Refuse a list with one that was not begun with its _INIT; NULL is a list of none. */
vitro_code vitro_chain_check(const vitro_interceptor *const *list, const char *layer,
                             vitro_error *err);

/*
 * Give c the interceptors of these lists, outermost first; each is NULL or ends with NULL. Without
 * any c stays as it is.
 */
vitro_code vitro_chain_new(vitro_call *c, const vitro_interceptor *const *const *lists,
                           size_t n_lists, vitro_error *err);
void vitro_chain_free(struct chain *ch);

/* The opening of the lane is here (receives) or asked for (sends). */
void vitro_chain_open(struct lane *l);

/* A message came; lent until return. */
void vitro_chain_message(struct chain *ch, const vitro_message *m);

/* The peer has half-closed. */
void vitro_chain_peer_end(struct chain *ch);

/* Something was put into the queue of the lane that sends, or its end was asked for. */
void vitro_chain_queued(struct chain *ch);

/* What lies behind the lane that sends is no longer full. */
void vitro_chain_writable(struct chain *ch);

void vitro_chain_credit(struct chain *ch, uint64_t n);
void vitro_chain_hold(struct chain *ch);

/*
 * The call is over but for its end: drop what is on its way. Whoever gave it up, or its deadline
 * did (why: CANCELLED, DEADLINE_EXCEEDED), does not wait for the end, either.
 */
void vitro_chain_stop(struct chain *ch, vitro_code why);

/* The status is decided: it passes behind what is on its way. Calls ops->conclude, now or later. */
void vitro_chain_end(struct chain *ch);

/* The same in a later turn. */
void vitro_chain_end_later(struct chain *ch);

/* The call is closed: tell each interceptor that saw its start, innermost first. */
void vitro_chain_closed(struct chain *ch, const vitro_status *status);

/* In a later turn: what was resumed or asked for since. */
void vitro_chain_wake(struct chain *ch);

/* ---- chain_message.c ------------------------------------------------------------------------ */

/* The first of the queue becomes the one on its way. False when memory is out: the call ends. */
bool vitro_lane_take(struct lane *l);

/* The one on its way has passed all: to the side, or to the application. */
void vitro_lane_send(struct lane *l);
void vitro_lane_receive(struct lane *l);

/* What is suspended outlives the event that brought it. */
void vitro_lane_keep(struct lane *l);

/* Copied in place of the bytes of the message, which they may be a part of; false: no memory. */
bool vitro_lane_replace(struct lane *l, vitro_bytes bytes);

/* Give the stream credit for the next message, once there is nothing else. */
void vitro_chain_grant(struct chain *ch);

static inline struct lane *chain_sends(struct chain *ch)
{
    return ch->request.sends ? &ch->request : &ch->response;
}

static inline struct lane *chain_receives(struct chain *ch)
{
    return ch->request.sends ? &ch->response : &ch->request;
}

/* The one that has what is on its way. */
static inline struct vitro_intercept *lane_at(struct lane *l)
{
    struct part *p = &l->chain->parts[l->at];

    return l->response ? &p->response : &p->request;
}

#ifdef __cplusplus
}
#endif
#endif
