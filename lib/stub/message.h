/*
 * message - a message packed for a function that lends its bytes: small ones on the stack.
 */
#ifndef VITRO_STUB_MESSAGE_H
#define VITRO_STUB_MESSAGE_H

#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACKED_SMALL = 512 };

struct packed {
    vitro_bytes bytes;
    uint8_t *large; /* NULL: it fitted */
    uint8_t small[PACKED_SMALL];
};

/* False when memory is out. p is released by vitro_packed_done either way. */
bool vitro_packed_init(struct packed *p, const ProtobufCMessage *message, vitro_error *err);
void vitro_packed_done(struct packed *p);

#ifdef __cplusplus
}
#endif
#endif
