/*
 * sealed - what TLS makes of a conversation: another one, of records, and the secrets to open it.
 *
 *      struct sealed s;
 *      sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
 *      sealed_secrets(&s, &w);
 *      conversation_capture(&s.wire, &w, &talk, NULL);
 *      sealed_done(&s);
 */
#ifndef SUPPORT_SEALED_H
#define SUPPORT_SEALED_H

#include "support/tls_ends.h"

struct sealed_shape {
    uint16_t suite;       /* 0: 0x1301 */
    struct chance *cut;   /* what is sealed at a time; NULL: a turn */
    unsigned update_each; /* 1.3: new keys behind so many writes; 0: never */
    unsigned fragment;    /* the most that a record holds, from 512 on; 0: 16384 */
    bool retry;           /* 1.3: the server sends a HelloRetryRequest */
    bool padding;         /* 1.3: records are padded to a multiple of 512 bytes */
};

struct sealed {
    struct conversation wire;
    struct buf log; /* lines of a key log */
    size_t before;  /* turns of the handshake */
};

void sealed_make(struct sealed *s, const struct conversation *plain,
                 const struct sealed_shape *shape);
void sealed_done(struct sealed *s);

/* The key log as a block of the capture. */
void sealed_secrets(const struct sealed *s, struct pcap_write *w);

#endif
