/*
 * socket - a transport over a TCP or UNIX socket, for the files of this folder.
 */
#ifndef VITRO_IO_SOCKET_H
#define VITRO_IO_SOCKET_H

#include "io/transport.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sock {
    struct transport base;
    struct source source;
};

/* A non-blocking socket of the address's family, closed on exec; -1 and errno set. */
int vitro_socket_open(const struct address *a);

/* A transport over fd, which it takes: fd is closed when memory is out, and NULL returned. */
struct sock *vitro_sock_new(int fd, bool client);

/* The connection stands: learn its addresses and begin to record it. trace may be NULL. */
void vitro_sock_connected(struct sock *s, vitro_trace *trace, uint32_t loop_number);

/* Answers at once: TCP waits for more data by default (RFC 896). Nothing for UNIX sockets. */
void vitro_socket_nodelay(int fd, const struct address *a);

#ifdef __cplusplus
}
#endif
#endif
