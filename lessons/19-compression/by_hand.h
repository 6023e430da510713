/*
 * by_hand - compressed messages that this library would not send: one that has grown, one in an
 * encoding that the server does not know, and one that is damaged.
 */
#ifndef BY_HAND_H
#define BY_HAND_H

#include "../lesson_hand.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A connection by hand, and three calls of SendMessage, each with the same short message. */
VITRO_CHECKED vitro_code send_by_hand(lesson *l, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
