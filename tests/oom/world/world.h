/*
 * world - one server and one client under sim, which come into being while memory may fail.
 *
 * The server has chat.ChatService by stubs, health and reflection.
 */
#ifndef OOM_WORLD_H
#define OOM_WORLD_H

#include "chat.vitro.h"
#include "vitro/health.h"
#include "vitro/lab/sim.h"

struct world;

/* What is tried while memory fails. */
struct scenario {
    const char *name;
    void (*talk)(struct world *w); /* the calls */
    bool tls, mutual;              /* TLS; with certificates on both sides */
    uint16_t version_max;          /* of TLS; 0: the newest */
    const char *compression;
    bool leaves;  /* memory fails to the end of the world, which comes early */
    bool guarded; /* interceptors on both sides, and credentials of calls */
};

enum { TOLD = 8 };

/* How one call went. */
struct told {
    const char *what;
    vitro_call *call; /* NULL: it never began */
    unsigned closed;
    vitro_code code;
    bool has_text;
    bool given_up; /* by who asked: it could not say all */
    const ProtobufCMessageDescriptor *answer;
};

struct world {
    const struct scenario *scenario;
    vitro_credentials *mine[2]; /* the server's first */
    vitro_call_credentials *token;
    vitro_sim *sim;
    vitro_loop *loop[2];
    vitro_server *server;
    vitro_health *health;
    vitro_channel *channel;
    unsigned serving; /* server's calls that have begun and not ended */
    struct told told[TOLD];
    size_t told_count;
};

/* On failure what was made is kept: world_end() in any case. */
vitro_code world_begin(struct world *w, const struct scenario *s, vitro_error *err);
void world_end(struct world *w);

/* Until nothing can happen but what takes very long. */
void world_run(struct world *w);

/* ---- calls: each adds to told --------------------------------------------------------------- */

void talk_unary(struct world *w);
void talk_every_kind(struct world *w); /* one of each kind, at once */
void talk_twice(struct world *w);      /* a call; the connection is cut; a call */
void talk_and_leave(struct world *w);  /* one of each kind, not to their ends */
void talk_services(struct world *w);   /* health and reflection */
void talk_blocking(struct world *w);   /* by the blocking stubs */

/* A unary call that must go well. */
vitro_code talk_afterwards(struct world *w, vitro_error *err);

#endif
