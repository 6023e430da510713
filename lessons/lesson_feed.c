#include "lesson_feed.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t ms_ns = 1000000, second_ns = 1000000000;

struct feed {
    lesson_feed seen; /* by the scenario */
    vitro_alarm *alarm;
    int64_t due;
    void (*on_second)(lesson_feed *f);
    struct feed *next;
};

static struct feed *feeds; /* of the scenario: a lesson's program plays one */

/* Set again before on_second, which may have another mind. */
static void on_time(void *user)
{
    struct feed *f = user;

    f->due += second_ns;
    vitro_alarm_set(f->alarm, f->due);
    f->on_second(&f->seen);
    f->seen.ticks++;
}

lesson_feed *lesson_feed_start(lesson *l, vitro_call *call, const char *who,
                               void (*on_second)(lesson_feed *f))
{
    struct feed *f = calloc(1, sizeof *f);

    if (!f || vitro_alarm_new(&f->alarm, l->loop, on_time, f, NULL)) {
        free(f);
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
        return NULL;
    }
    f->seen.l = l;
    f->seen.call = vitro_call_ref(call);
    snprintf(f->seen.who, sizeof f->seen.who, "%s", who);
    f->on_second = on_second;
    f->next = feeds;
    feeds = f;
    f->due = vitro_loop_now(l->loop) + second_ns;
    vitro_alarm_set(f->alarm, f->due);
    return &f->seen;
}

void lesson_feed_stop(lesson_feed *f)
{
    vitro_alarm_clear(((struct feed *)f)->alarm); /* seen is its first member */
}

void lesson_feeds_free(void)
{
    while (feeds) {
        struct feed *f = feeds;
        feeds = f->next;
        vitro_alarm_free(f->alarm);
        vitro_call_unref(f->seen.call);
        free(f);
    }
}

static void nothing(void *user)
{
    (void)user;
}

/* An alarm of its own, so that time goes on where nothing else would happen. */
void lesson_wait(lesson *l, int64_t ms)
{
    int64_t until = vitro_loop_now(l->loop) + ms * ms_ns;
    vitro_alarm *alarm;

    if (vitro_alarm_new(&alarm, l->loop, nothing, NULL, NULL))
        return;
    vitro_alarm_set(alarm, until);
    vitro_loop_run_until(l->loop, NULL, NULL, until, NULL);
    vitro_alarm_free(alarm);
}
