/*
 * mixed - one call of Chat, whose messages go each in its own way.
 */
#ifndef MIXED_H
#define MIXED_H

#include "../lesson_stage.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The server: each text goes back as it came, in a call that is compressed. */
void mixed_serve(vitro_call *call, void *user);

/** The client: a longer text, a shorter one, and the longer once more, as it is. */
VITRO_CHECKED vitro_code mixed_call(lesson *l, vitro_channel *channel, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
