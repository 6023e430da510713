/*
 * host - a server beside `vitro serve` that counts its handlers: it ends well only when no more of
 * them ever ran at once than streams are allowed.
 */
#ifndef ATTACKS_HOST_H
#define ATTACKS_HOST_H

/* The arguments are those of `vitro serve`: a host is started, and stopped, like one. */
int host_main(int argc, char **argv);

#endif
