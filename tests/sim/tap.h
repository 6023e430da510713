/*
 * tap - what the decoder reads from the taps of a world, against the accounts of its applications.
 */
#ifndef VITRO_TESTS_SIM_TAP_H
#define VITRO_TESTS_SIM_TAP_H

#include "sim/world.h"

/* After the end of the world, its traces closed. */
void tap_judge(struct world *w);

#endif
