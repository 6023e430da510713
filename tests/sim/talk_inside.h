/*
 * talk_inside - what clients and handlers share: for talk.c and serve.c only.
 */
#ifndef VITRO_TESTS_SIM_TALK_INSIDE_H
#define VITRO_TESTS_SIM_TALK_INSIDE_H

#include "sim/world.h"

/* Send the message k of a call, by any of the three ways and with any flags. */
vitro_code talk_send(struct world *w, vitro_call *call, unsigned number, enum said_way way,
                     uint32_t k, uint32_t flags, bool *more);

/* A handler does something; all handlers go on to their end. */
void serve_act(struct world *w);
void serve_end(struct world *w);

#endif
