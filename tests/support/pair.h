/*
 * pair - a world with one server and one client of ours, for tests: under sim by default.
 *
 * The server serves four methods of test.Echo, one of each kind, that a test can steer with
 * request metadata; any other method a test adds itself before pair_start.
 */
#ifndef VITRO_TESTS_PAIR_H
#define VITRO_TESTS_PAIR_H

#include "vitro/channel.h"
#include "vitro/lab/sim.h"
#include "vitro/server.h"

struct pair {
    vitro_sim *sim; /* NULL on real sockets */
    vitro_loop *client_loop, *server_loop;
    vitro_server *server;
    vitro_channel *channel;
    char target[160];
    bool sockets; /* both ends on one real loop, over TCP: blocking calls alone */
    vitro_credentials *server_credentials; /* lent; NULL: plain text */
    vitro_server_options server_options;
    vitro_channel_options channel_options;
    vitro_sim_options sim_options;
};

/* Test.Echo: the response of Unary is the request; ClientStream answers with the number of bytes
 * as decimal text; ServerStream sends the request once for each byte of it; Bidi echoes. */
extern const vitro_method echo_unary, echo_client_stream, echo_server_stream, echo_bidi;

/* Options may be changed between init and start. */
void pair_init(struct pair *p);
void pair_make_server(struct pair *p); /* the loops and the server, for adding methods */
void pair_start(struct pair *p);

/* One side alone, the other one being a script (support/peer.h): the loops; the server, which
 * listens; the channel. */
void pair_make_world(struct pair *p);
void pair_listen(struct pair *p);
void pair_make_channel(struct pair *p);

/* One more server of test.Echo on the server's loop, which listens nowhere yet. */
vitro_server *pair_another_server(struct pair *p);

void pair_stop(struct pair *p);

/* Everything that happened to one call, as text: "headers message(abc) end closed OK" */
struct record {
    char text[4096];
    size_t len;
    vitro_code code;
    char message[512];
    vitro_error error;
    bool has_error, closed;
    unsigned messages;
    size_t bytes;
    vitro_md *headers, *trailers; /* copies */
};
extern const vitro_call_events record_events;
void record_done(struct record *r);

/* Start a call that is recorded. */
vitro_call *pair_call(struct pair *p, const vitro_method *method, const vitro_call_options *o,
                      struct record *r);
/* Run the world until nothing happens any more. */
void pair_run(struct pair *p);

static inline vitro_bytes bytes_of(const char *text)
{
    vitro_str s = vitro_str_of(text);
    return (vitro_bytes){ (const uint8_t *)s.ptr, s.len };
}

#endif
