/*
 * target - gRPC's names of servers (grpc/doc/naming.md) and "sim:NAME".
 *
 *      dns:HOST[:PORT]  dns:///HOST:PORT  HOST[:PORT]  :PORT      to be looked up
 *      ipv4:A:P[,A:P..] ipv6:[A]:P[,[A]:P..]  unix:PATH  unix:///PATH  unix-abstract:NAME  sim:NAME
 *
 * Without a port it is 443, as everywhere in gRPC. %XX is decoded, as in any URI.
 */
#ifndef VITRO_IO_TARGET_H
#define VITRO_IO_TARGET_H

#include "io/address.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TARGET_ADDRESSES = 16, TARGET_HOST = 256 };

struct target {
    char host[TARGET_HOST]; /* to be looked up, with port; empty: the addresses are known */
    uint16_t port;
    size_t count; /* addresses, in the order given */
    struct address addresses[TARGET_ADDRESSES];
    char authority[TARGET_HOST + 8]; /* the default :authority of calls */
};

/* INVALID_ARGUMENT, with the text and what is wrong with it in err. */
vitro_code vitro_target_parse(struct target *t, vitro_str text, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
