#include "lesson_plan.h"

#include <poll.h>
#include <time.h>

#include "base/util.h"

enum { PATIENCE_MS = 5000, POLL_MS = 20 };

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Take what has come; false at the end of the trace, or when it is none. */
static bool load(struct lesson_play *p)
{
    struct pollfd fd = { source_wait_fd(p->source), POLLIN, 0 };
    uint64_t size;
    bool more;

    poll(&fd, 1, fd.fd < 0 ? 1 : POLL_MS); /* at its end a program needs a moment to be gone */
    more = source_grow(p->source, &size);
    p->limit = size;
    return !vitro_decode_advance(p->decode, NULL) && more;
}

static bool play(struct study *probe, struct lesson_play *p)
{
    int64_t until = now_ms() + PATIENCE_MS;
    vitro_error err = { 0 };

    while (now_ms() < until) {
        bool more = load(p);
        (void)study_work(probe, p->decode, now_ms());
        if (!probe->goal) { /* at once: nothing comes before it is asked for */
            study_aim(probe, GOAL_STEP);
            (void)study_work(probe, p->decode, now_ms());
        }
        lesson_play_tell(p, probe->wishes);
        probe->wishes = 0;
        if (!more && lesson_play_ended(p, &err))
            return !err.code;
    }
    return false;
}

void lesson_plan(struct study *study, const struct lesson_play_options *options)
{
    struct lesson_play_options in_memory = *options;
    struct lesson_play p;
    struct study probe;

    in_memory.real = false;
    in_memory.unseen = true;
    if (study_init(&probe, &study->is)) {
        bool ok = !lesson_play_start(&p, &in_memory, NULL) && play(&probe, &p);
        for (size_t i = 0; ok && i < study->count; i++)
            study->wanted[i] = lesson_selection_reach(&probe.shows[i]);
        lesson_play_stop(&p);
    }
    study_done(&probe);
}
