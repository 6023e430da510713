/*
 * lesson_stage - a server, a channel to it, and what happens between the two.
 */
#ifndef LESSON_STAGE_H
#define LESSON_STAGE_H

#include "lesson.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The two sides of a scenario. Both get the user of lesson_stage(). */
typedef struct lesson_sides {
    /* Register the services, before the server listens. */
    vitro_code (*serve)(vitro_server *server, void *user, vitro_error *err);
    /* The client: returns when all is over. */
    vitro_code (*call)(vitro_channel *channel, void *user, vitro_error *err);
} lesson_sides;

/**
 * Make a server and a channel that leads to it, let the client act, then end both in good order.
 *
 * @param user  lent to both sides.
 * @return what serve or call returned, or why there was no server or channel.
 */
VITRO_CHECKED vitro_code lesson_stage(lesson *l, const lesson_sides *sides, void *user,
                                      vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
