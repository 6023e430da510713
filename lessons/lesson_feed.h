/*
 * lesson_feed - a call that a server answers every second, and waiting for a while.
 */
#ifndef LESSON_FEED_H
#define LESSON_FEED_H

#include "lesson.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What setInterval is elsewhere: it goes on until it is stopped, whatever becomes of the call. */
typedef struct lesson_feed {
    lesson *l;
    vitro_call *call; /* a reference, held until the scenario is over */
    int ticks;        /* before this one */
    char who[32];     /* whom or what it is about */
} lesson_feed;

/**
 * Call on_second every second from now on, the first time in a second. It does not drift.
 *
 * @param call  refs.
 * @param who   copied; cut at 31 bytes.
 * @return lends, until lesson_stage() is over. NULL without memory: the call was ended.
 */
lesson_feed *lesson_feed_start(lesson *l, vitro_call *call, const char *who,
                               void (*on_second)(lesson_feed *f));

/** on_second is not called any more. */
void lesson_feed_stop(lesson_feed *f);

/** Free all feeds. lesson_stage() does this at its end. */
void lesson_feeds_free(void);

/** Let the loop run for so many milliseconds of the lesson's time. */
void lesson_wait(lesson *l, int64_t ms);

#ifdef __cplusplus
}
#endif
#endif
