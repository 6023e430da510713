/*
 * inside - under TLS, the passage of a connection between its TLS and its session, at the server:
 * there frames can be seen, put in before they are sealed, and left out once they are opened.
 *
 *      wire -> [TLS] -> [lane 0] -> session of the server
 *           <-       <- [lane 1] <-
 */
#ifndef VITRO_TESTS_SIM_INSIDE_H
#define VITRO_TESTS_SIM_INSIDE_H

#include "sim/world.h"

/* Be in each connection that begins at the server from now on. */
void inside_attach(struct world *w);

#endif
