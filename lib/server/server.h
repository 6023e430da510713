/*
 * server - the parts of a server: one for all, a shard for each loop, their lives.
 */
#ifndef VITRO_SERVER_SERVER_H
#define VITRO_SERVER_SERVER_H

#include "base/arena.h"
#include "io/listen.h"
#include "rpc/connection.h"
#include "server/router.h"
#include "tls/tls.h"
#include "vitro/server.h"
#include "wire/encoding.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SHARD_DRAIN = 1, SHARD_ABORT = 2 };

/* A server's part on one loop: its connections and calls, and the memory they come from. */
struct shard {
    vitro_server *server;
    vitro_loop *loop;
    struct account account;
    struct h2_memory memory;
    struct slabs slabs; /* of connections */
    struct freelist calls;
    struct task trim;
    vitro_trace *trace; /* the server's, as used on this loop; NULL: none, or not yet */
    struct list connections;
    struct post post;     /* from the first loop: what is wanted */
    uint32_t wanted;      /* atomic: SHARD_DRAIN, SHARD_ABORT */
    uint32_t post_sent;   /* atomic: the post is on its way */
    size_t n_connections; /* atomic: the first loop reads it */
    size_t n_calls;       /* atomic; calls that were begun and not freed */
};

/* Somebody who takes part in the server's life, on its first loop. Any member may be NULL. */
struct server_hook {
    struct list link;
    /* Before an address is opened: all methods are there. May come again when that failed. */
    vitro_code (*listening)(struct server_hook *h, vitro_error *err);
    void (*draining)(struct server_hook *h); /* before any connection is told */
    void (*leaving)(struct server_hook *h);  /* no call is left; what was kept goes next */
};

struct vitro_server {
    vitro_server_options options; /* defaults filled in */
    enum encoding encoding;       /* of the option compression */
    vitro_trace *trace;
    struct account account; /* of the first loop */
    struct router router;
    struct arena kept; /* what lives as long as the server */
    struct list listeners;
    struct list hooks;
    struct list secure; /* struct server_tls: they outlive the connections of their listeners */
    struct shard *shards;
    size_t n_shards;
    vitro_loop *own; /* a loop of its own, a reference; NULL: they were given */
    struct timer grace;
    struct post drained; /* to the first loop: a connection has gone while draining */
    void (*on_drained)(vitro_server *server, void *user);
    void *drained_user;
    bool listening;
    uint32_t draining;     /* atomic: read by every shard */
    uint32_t drained_sent; /* atomic: the post is on its way */
    uint32_t busy;         /* atomic: shards that are about to leave it alone */
    bool drained_told;
    size_t n_done; /* shards that gave their memory back */
    bool freed;
    bool driven; /* vitro_server_free runs the turns, and releases at the end */
};

/* n zeroed bytes that live as long as the server; NULL when memory is out. */
void *vitro_server_keep(vitro_server *server, size_t n);

/* Keeps h, which vitro_server_keep gave, for the rest of the server's life. */
void vitro_server_hook(vitro_server *server, struct server_hook *h);

/*
 * A transport that was accepted for this shard, which takes it. On the shard's loop. t->accepted is
 * the struct tls_end of its listener; NULL: plain text.
 */
void vitro_shard_adopt(struct shard *s, struct transport *t);

/* SHARD_DRAIN: GOAWAY on every connection. SHARD_ABORT: close them all. Any thread. */
void vitro_shard_want(struct shard *s, uint32_t what);

/*
 * Around the last that a shard does to the server, on any loop: the server stays until leave,
 * which has it look whether it is drained, or may go. Nothing of it is touched after that.
 */
void vitro_server_enter(vitro_server *server);
void vitro_server_leave(vitro_server *server);

/*
 * A connection or a call of the shard is gone: count it off (n_connections, n_calls); the server
 * may be drained, or freed. Shard and server may be gone when this returns.
 */
void vitro_shard_drop(struct shard *s, size_t *count);

/* The loop that accepts, and to which everything of the whole server is told. */
static inline vitro_loop *server_first_loop(const vitro_server *s)
{
    return s->shards[0].loop;
}

/* listening.c: no new connection from here on; then, when the last one has gone. */
void vitro_server_stop_listening(vitro_server *s);
void vitro_server_forget_credentials(vitro_server *s);

/* ending.c: what a new server needs for its end. */
void vitro_server_init_end(vitro_server *s);

void vitro_shard_init(struct shard *s, vitro_server *server, vitro_loop *loop);

/* Nothing is left on it: give its memory back. On its loop. */
void vitro_shard_done(struct shard *s);

#ifdef __cplusplus
}
#endif
#endif
