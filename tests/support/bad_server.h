/*
 * bad_server - a listener whose connections play bad_script: under sim or on real sockets, plain or
 * under TLS.
 */
#ifndef VITRO_TESTS_BAD_SERVER_H
#define VITRO_TESTS_BAD_SERVER_H

#include "base/list.h"
#include "io/listen.h"
#include "support/bad_script.h"
#include "vitro/credentials.h"

struct tls_end;

struct bad_server {
    const struct bad_case *of;
    struct bad_seen seen;
    unsigned accepted;

    vitro_loop *loop;
    struct tls_end *tls; /* NULL: plain */
    struct listener listener;
    struct list connections;
    vitro_bytes message;
};

/*
 * Listen. credentials may be NULL: plain text. The address with its port is server->listener.bound.
 * A server that failed to open is closed all the same.
 */
vitro_code bad_server_open(struct bad_server *server, vitro_loop *loop, const char *target,
                           vitro_credentials *credentials, const struct bad_case *of,
                           vitro_error *err);
void bad_server_close(struct bad_server *server);

#endif
