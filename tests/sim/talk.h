/*
 * talk - the applications of a world: what clients ask and handlers serve, by chance, and each
 * side's account of it.
 */
#ifndef VITRO_TESTS_SIM_TALK_H
#define VITRO_TESTS_SIM_TALK_H

#include "sim/world.h"

/* A client's account of a call. */
struct asked {
    struct world *world;
    vitro_call *call; /* NULL: it could not begin */
    unsigned number;  /* of the call, from 0 */
    size_t channel;
    vitro_kind kind;
    uint32_t sent, received; /* messages */
    bool blocked, half_closed, has_headers, has_end, closed;
    bool dropped;                  /* its application holds no reference any more */
    bool cancelled, left;          /* by its own application; its channel was freed */
    int64_t began, timeout, ended; /* of the world's time; timeout 0: none */
    vitro_code code;
    bool by_peer;          /* the status came in trailers */
    struct served *served; /* NULL: no handler has seen it */
};

/* A handler's account of a call. */
struct served {
    struct world *world;
    vitro_call *call; /* a reference */
    unsigned number;  /* of the call, as its metadata says */
    vitro_kind kind;
    uint32_t sent, received;
    bool blocked, has_end, finished, told_cancelled, closed;
    bool cancelled;         /* by the handler */
    bool headers, trailers; /* it gave metadata with these */
    vitro_code given;
};

extern const vitro_method talk_methods[4];

static inline bool asks_once(vitro_kind kind)
{
    return kind == VITRO_UNARY || kind == VITRO_SERVER_STREAMING;
}

static inline bool answers_once(vitro_kind kind)
{
    return kind == VITRO_UNARY || kind == VITRO_CLIENT_STREAMING;
}

/* Serve them; false: memory is out. */
bool talk_serve(struct world *w, vitro_server *server);

/* Something by chance: begin a call, send, take, cancel, finish ... */
void talk_act(struct world *w);

/* A call on a channel with all it needs to go well; NULL: it could not begin. */
struct asked *talk_last_call(struct world *w, size_t channel);

/* All calls go on to their end. */
void talk_end(struct world *w);

/* A channel is about to be freed. */
void talk_leave(struct world *w, size_t channel);

/* Both accounts against each other, after the end; then give them back. */
void talk_judge(struct world *w);
void talk_done(struct world *w);

#endif
