/*
 * serve - the introduction's services, as `vitro serve` offers them.
 *
 *      serve_init -> serve_register -> listen -> serve_connect -> ... -> serve_done
 *
 * One file a service. They know loops and calls, and no socket: under sim they run on virtual
 * time. What belongs to a call lives on the loop of its connection; only rooms are shared between
 * loops, and they live on one of them (room.c).
 */
#ifndef VITRO_TOOLS_SERVE_H
#define VITRO_TOOLS_SERVE_H

#include "serve/log.h"
#include "vitro/channel.h"
#include "vitro/server.h"

enum { SERVE_LOOPS = 64 };

struct room;

struct serve {
    struct log *log;  /* lent: one line for each message that says something; NULL: quiet */
    vitro_loop *home; /* where the rooms are */
    struct room *rooms;
    vitro_loop *loops[SERVE_LOOPS];
    vitro_channel *users[SERVE_LOOPS]; /* to UserService, one a loop */
    size_t count;
};

/* home: the first loop of the server; lent until serve_done. */
void serve_init(struct serve *s, vitro_loop *home, struct log *log);

/* Add all services to a server that does not listen yet; s must outlive it. */
vitro_code serve_register(struct serve *s, vitro_server *server, vitro_error *err);

/* Add grpc.health.v1, by which each of the services serves, and reflection. */
vitro_code serve_known(vitro_server *server, vitro_error *err);

/*
 * Say where UserService is found, for OrderService: a channel for each loop of the server, none of
 * which runs yet. Until then orders are UNAVAILABLE.
 */
vitro_code serve_connect(struct serve *s, const char *target, vitro_loop *const *loops, size_t n,
                         vitro_error *err);

/* Close the channels: none of the loops runs any more. */
void serve_disconnect(struct serve *s);

/* After the server was freed. */
void serve_done(struct serve *s);

/* ---- one function for each file; those of a whole service are in all.c ---------------------- */

typedef vitro_code serve_fn(struct serve *s, vitro_server *server, vitro_error *err);
serve_fn serve_chat, serve_user, serve_order, serve_room, serve_file, serve_sensor;

/* ---- what they share ------------------------------------------------------------------------- */

enum { SERVE_SECOND = 1000000000 };

/* A line of the log, as log_line(). Any thread. */
void serve_log(struct serve *s, const char *who, const char *what);

/* The call cannot go on: end it with the code and the text of err. */
void serve_fail(vitro_call *call, const vitro_error *err);
void serve_out_of_memory(vitro_call *call);

/* "msg" becomes "msg_1758326400000", the wall clock in milliseconds. */
enum { SERVE_ID = 48 };
void serve_id(const vitro_call *call, const char *kind, char id[SERVE_ID]);

/* Members of protobuf-c's structs are not const, also where they are only read. */
static inline char *serve_text(const char *text)
{
    return (char *)text;
}

#endif
