/*
 * answers - a call of Chat in which the client answers five times, one at a time: what is said is
 * sealed, how long it is can be seen.
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "../lesson.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The server: hears them. */
void answers_hear(vitro_call *call, void *l);

/** The client: gives its answers. */
VITRO_CHECKED vitro_code answers_give(lesson *l, vitro_channel *channel, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
