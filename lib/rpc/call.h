/*
 * call - the part of a vitro_call that both sides share: its events, its state, its deadline,
 * and the public functions, which end in a small table of operations.
 *
 * The client's call (client/call.c) owns 0..n attempts and what is sent until an attempt takes
 * it; the server's (server/call.c) owns exactly one stream. Both embed this struct first.
 */
#ifndef VITRO_RPC_CALL_H
#define VITRO_RPC_CALL_H

#include "base/list.h"
#include "io/loop.h"
#include "vitro/call.h"
#include "wire/encoding.h"
#include "wire/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

struct connection;

/* What differs between the sides. Called on the loop. */
struct call_ops {
    struct queue *(*out)(vitro_call *c); /* where messages are queued */
    void (*queued)(vitro_call *c);       /* a message or the end was queued */
    bool (*is_blocked)(vitro_call *c);   /* enough is queued; remember to tell writable */
    void (*credit)(vitro_call *c, uint64_t n);
    void (*hold)(vitro_call *c); /* no credit is left */
    /* End it from this side; why NULL: the application asked for it. */
    void (*cancel)(vitro_call *c, vitro_code code, const char *why);
    struct connection *(*connection)(const vitro_call *c); /* NULL: none yet, or no more */
    void (*expired)(vitro_call *c);                        /* the deadline has passed */
    void (*destroy)(vitro_call *c);                        /* no reference is left */
    /* With interceptors: what this side sends first has passed them; so has the status, which the
     * one below has decided: tell it, or send it. */
    void (*opened)(vitro_call *c);
    void (*conclude)(vitro_call *c);
    void (*stop)(vitro_call *c, const vitro_error *why); /* an interceptor ends the call */
    /* Server only, NULL at a client. */
    vitro_code (*headers)(vitro_call *c, const vitro_md *md, vitro_error *err);
    vitro_code (*compress)(vitro_call *c, enum encoding e, vitro_error *err);
    vitro_code (*finish)(vitro_call *c, vitro_code code, const char *message,
                         const vitro_md *trailers, vitro_error *err);
};

/* How a call ends, once that is decided. */
struct outcome {
    vitro_code code;
    char *message; /* of message_room bytes; NULL: none */
    size_t message_len, message_room;
    vitro_md trailers;
    bool has_error;
    vitro_error error; /* why, when this side decided it */
};

struct chain;

struct vitro_call {
    const struct call_ops *ops;
    struct chain *chain; /* rpc/chain.h; NULL: no interceptors */
    vitro_loop *loop;
    struct account *account;
    const vitro_call_events *events;
    void *user;
    vitro_str path; /* valid as long as the call */
    vitro_kind kind;
    uint32_t id;          /* in notes; from 1 */
    uint32_t refs;        /* atomic */
    struct post dropped;  /* the last reference went on another thread */
    struct list children; /* calls that end with this one, which have a reference to it */
    struct list sibling;  /* in the parent's children */
    int64_t deadline;     /* on the loop's clock; INT64_MAX: none */
    struct timer timer;
    vitro_md headers;            /* the peer's */
    uint32_t max_send;           /* bytes of one message; 0: no limit */
    enum encoding encoding;      /* of what is sent; a message may go plain all the same */
    enum encoding peer_encoding; /* of what comes, likewise */
    bool has_headers;
    bool send_done;     /* no message may follow */
    bool out_done;      /* nor is one on its way to ops->out */
    bool cancelled;     /* by either side, or past the deadline */
    bool closed;        /* closed was told */
    bool single_seen;   /* the one message of its kind came */
    vitro_bytes single; /* held until the end proves that it is the only one */
    size_t single_wire;
    uint32_t single_flags;
    uint8_t *room; /* of vitro_call_reserve, in room_block or the queue */
    size_t room_len;
    void *room_block; /* when the message is too large for a chunk */
    struct outcome outcome;
};

/* Of a call that nobody listens to. */
extern const vitro_call_events vitro_call_no_events;

/* Begin with one reference, the library's own until closed. loop, events and user are kept. */
void vitro_call_init(vitro_call *c, const struct call_ops *ops, vitro_loop *loop,
                     struct account *account, const vitro_call_events *events, void *user);

/* Set c->deadline from the nanoseconds that are left; INT64_MAX: none. */
void vitro_call_set_time_left(vitro_call *c, int64_t left);

/* The encoding of that name, NULL: identity. INVALID_ARGUMENT when there is none. */
vitro_code vitro_call_find_encoding(const char *name, enum encoding *out, vitro_error *err);

/* Start the timer of c->deadline. */
void vitro_call_arm(vitro_call *c);

/* Cancelled, by whichever side: sends fail from now on, and its children are cancelled too. */
void vitro_call_set_cancelled(vitro_call *c);

/* c ends when parent is cancelled, which may be already. c has a reference to it until closed. */
void vitro_call_adopt(vitro_call *parent, vitro_call *c);

/* Release what the common part holds; from ops->destroy. */
void vitro_call_done(vitro_call *c);

/* Decide how it ends, in place of what was decided before. message is copied, and why. */
void vitro_call_decide(vitro_call *c, vitro_code code, vitro_str message, const vitro_error *why);

/* As it is told. Lends until the outcome changes. */
vitro_status vitro_call_status(vitro_call *c);

/* Tell the events, past the interceptors; each does nothing once closed was told. */
void vitro_call_tell_headers(vitro_call *c);
void vitro_call_tell_message(vitro_call *c, const vitro_message *m);
void vitro_call_tell_end(vitro_call *c);
void vitro_call_tell_writable(vitro_call *c);
void vitro_call_tell_cancelled(vitro_call *c);

/* To the application itself. */
void vitro_call_show_headers(vitro_call *c);
void vitro_call_show_message(vitro_call *c, const vitro_message *m);
void vitro_call_show_end(vitro_call *c);
void vitro_call_show_writable(vitro_call *c);

/* Tell closed. The library's own reference is dropped by the caller, as its last step. */
void vitro_call_tell_closed(vitro_call *c, const vitro_status *status);

/*
 * Put a message into q compressed, when the call asks for that and it makes it shorter. False:
 * nothing was queued.
 */
bool vitro_call_compressed(vitro_call *c, struct queue *q, vitro_bytes msg, uint32_t flags);

struct stream;

/* True when only one message may come from the peer. */
bool vitro_call_expects_one(const vitro_call *c, bool server);

/* The one message came: hold it until the end. */
void vitro_call_hold_single(vitro_call *c, struct stream *s, const vitro_message *m);

/* It was the only one: tell it. False when memory for it ran out. */
bool vitro_call_tell_single(vitro_call *c, struct stream *s);

#ifdef __cplusplus
}
#endif
#endif
