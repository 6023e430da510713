/*
 * pump - a connection for tests of the driver: one side sends bytes of a known pattern, the other
 * sends back what comes, the first checks it.
 */
#ifndef SUPPORT_PUMP_H
#define SUPPORT_PUMP_H

#include "io/connect.h"
#include "io/driver.h"
#include "io/listen.h"

/* A layer that changes every byte, after one byte of greeting each way. */
struct xor_layer {
    struct layer layer;
    uint8_t key;
    bool greeted;
    int closes;
};

struct pump {
    struct driver driver;
    struct connect connect;
    struct xor_layer layers[2];
    struct chance chance;
    struct queue echo; /* of the echoing side: on its way back */
    bool echoes;
    size_t to_send, sent; /* of the sending side */
    size_t received;      /* of bytes that were right */
    size_t take_max;      /* bytes of one take; 0: all */
    size_t takes, turns_of_takes;
    int opens, closes, ends;
    bool keep;  /* the sending side does not close when all is back */
    bool stays; /* nor when the peer has ended */
    bool failed;
    vitro_error why; /* code VITRO_OK: clean */
};

/* A loop or two, a listener that echoes, and where it listens. */
struct pump_world {
    vitro_loop *client_loop, *server_loop;
    struct listener listener;
    struct pump servers[8];
    vitro_trace *trace, *client_trace; /* of the listener, and of the clients; NULL: none */
    size_t accepted;
    size_t server_layers; /* 0 to 2 on each connection */
    size_t take_max;
    int64_t linger_ns; /* of accepted connections */
    int send_buffer;   /* SO_SNDBUF of accepted sockets; 0: as it is */
};

/* Listen on a target ("ipv4:127.0.0.1:0"); both loops are kept and may be the same. */
void pump_listen(struct pump_world *w, vitro_loop *client, vitro_loop *server, const char *target);

/* Begin a connection to the world's listener that sends n bytes. */
void pump_connect(struct pump_world *w, struct pump *p, size_t n, size_t layers, uint64_t seed);

/* Run until p is closed; false when that takes ten seconds. */
bool pump_run(struct pump_world *w, struct pump *p);

/* Close the listener and run until every accepted connection is closed. */
void pump_done(struct pump_world *w);

#endif
