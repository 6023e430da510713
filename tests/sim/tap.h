/*
 * tap - what the decoder reads from the trace of a world: an account of each stream, on both sides
 * of the wire, to be compared with those of the applications (account.c).
 */
#ifndef VITRO_TESTS_SIM_TAP_H
#define VITRO_TESTS_SIM_TAP_H

#include "sim/world.h"
#include "vitro/lab/decode.h"

enum { TAP_NOBODY = UINT32_MAX };

/* A stream, as its bytes say. Ways are those of the decoder: VITRO_C2S, VITRO_S2C. */
struct tapped {
    uint32_t conn, stream;
    uint32_t number; /* of the call, as its metadata says; TAP_NOBODY */
    char path[32];
    uint32_t messages[2];
    bool ended[2], reset[2];
    bool nameless[2]; /* names in its header block are not known: of its call, or its encoding */
    bool shifted[2];  /* which of its messages comes next is not known any more */
    bool has_headers; /* of the response */
    bool has_status;
    vitro_code status;
    char text[64]; /* beside the status */
};

struct tap_account {
    struct world *world;
    struct tapped *stream; /* in the order of their beginnings */
    size_t count, room;
    uint64_t unknown; /* runs of bytes that nothing explains */
    uint64_t missed;  /* packets that the trace has lost */
};

/* Read it, after the end of the world, its trace closed; messages and metadata are judged. */
void tap_read(struct tap_account *a, struct world *w);
void tap_done(struct tap_account *a);

/* The trace against the accounts of the applications. */
void account_judge(struct world *w);

#endif
