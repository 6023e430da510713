#include "lesson_plan.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

enum { PATIENCE_MS = 20000, POLL_MS = 5 };

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lesson_plan_start(struct lesson_plan *plan, struct study *study,
                       const struct lesson_play_options *options)
{
    struct lesson_play_options in_memory = *options;

    memset(plan, 0, sizeof *plan);
    in_memory.real = false;
    in_memory.unseen = true;
    plan->until = now_ms() + PATIENCE_MS;
    study->unplanned =
        study_init(&plan->probe, &study->is) && !lesson_play_start(&plan->play, &in_memory, NULL);
}

/*
 * Take what has come, waiting for it so long; false at the end of the trace, or when it is none.
 * Never long: nothing says when a program whose trace has ended is gone itself.
 */
static bool load(struct lesson_play *p, int wait_ms)
{
    struct pollfd fd = { source_wait_fd(p->source), POLLIN, 0 };
    uint64_t size;
    bool more;

    poll(&fd, 1, MIN(wait_ms, POLL_MS));
    more = source_grow(p->source, &size);
    p->limit = size;
    return !vitro_decode_advance(p->decode, NULL) && more;
}

/* A unit more, or what came of the last one. False at the end of the run; *ok: it ended well. */
static bool play(struct lesson_plan *plan, int wait_ms, bool *ok)
{
    struct study *probe = &plan->probe;
    vitro_error err = { 0 };
    bool more = load(&plan->play, wait_ms);

    (void)study_work(probe, plan->play.decode, now_ms());
    if (!probe->goal) { /* at once: nothing comes before it is asked for */
        study_aim(probe, GOAL_STEP);
        (void)study_work(probe, plan->play.decode, now_ms());
    }
    lesson_play_tell(&plan->play, probe->wishes);
    probe->wishes = 0;
    if (more || !lesson_play_ended(&plan->play, &err))
        return true;
    *ok = !err.code;
    return false;
}

void lesson_plan_work(struct lesson_plan *plan, struct study *study, int most_ms)
{
    int64_t now = now_ms(), until = now + most_ms;
    bool ok = false, runs = study->unplanned;

    for (; runs && now < until; now = now_ms())
        runs = now < plan->until && play(plan, (int)(until - now), &ok);
    if (runs || !study->unplanned)
        return;
    for (size_t i = 0; ok && i < study->count; i++)
        study->wanted[i] = lesson_selection_reach(&plan->probe.shows[i]);
    study->unplanned = false;
    lesson_plan_stop(plan);
}

void lesson_plan_stop(struct lesson_plan *plan)
{
    lesson_play_stop(&plan->play);
    study_done(&plan->probe);
}
