/*
 * knock - who stands before the door: the client's calls, each with its outcome said.
 */
#ifndef KNOCK_H
#define KNOCK_H

#include "door.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Let the calls carry one entry more, or say why they may not. */
void knock_add(struct door *d, const char *key, const char *value);

/**
 * Call a method, and say what came of it: a call that fails is what the lesson is about.
 *
 * @param credentials  NULL: none.
 */
void knock(struct door *d, vitro_channel *channel, const vitro_method *method,
           vitro_call_credentials *credentials);

/**
 * Call each of the four methods with this token, which stays in the metadata, and say how many
 * handlers were run. NULL: without a token.
 */
void knock_four_times(struct door *d, vitro_channel *channel, const char *token);

/** By hand, two values as somebody on the way may join them: ASCII, and base64 of 서울 and 인천. */
VITRO_CHECKED vitro_code knock_joined(struct door *d, vitro_error *err);

/** By hand, with the right token in letters, as they are. */
VITRO_CHECKED vitro_code knock_in_letters(struct door *d, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
