/*
 * lesson_plan - how many events each part of a lesson will have, from a run beside the learner's.
 *
 * The program is played once in memory, unit by unit as the learner will. That takes a moment,
 * which passes while the first page is read: it is done in slices.
 */
#ifndef VITRO_TOOLS_LESSON_PLAN_H
#define VITRO_TOOLS_LESSON_PLAN_H

#include "lesson_play.h"
#include "ui/study.h"

struct lesson_plan {
    struct lesson_play play;
    struct study probe;
    int64_t until; /* ms: its patience */
};

/* Begin: the study is unplanned from now on. *plan stays where it is. */
void lesson_plan_start(struct lesson_plan *plan, struct study *study,
                       const struct lesson_play_options *options);

/*
 * Go on, for so long at most. At its end the study is told, and is not unplanned any more; a
 * program that fails or does not end leaves the numbers unknown.
 */
void lesson_plan_work(struct lesson_plan *plan, struct study *study, int most_ms);

/* Accepts a zeroed one. */
void lesson_plan_stop(struct lesson_plan *plan);

#endif
