/*
 * delay - an interceptor that holds up any step of any call, and lets it go later, by chance.
 */
#ifndef VITRO_TESTS_SIM_DELAY_H
#define VITRO_TESTS_SIM_DELAY_H

#include "sim/world.h"

/* Both sides have it in their lists from here on. */
void delay_init(struct world *w);

/* Let some steps go; or all. */
void delay_act(struct world *w);
void delay_end(struct world *w);

#endif
