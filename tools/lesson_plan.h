/*
 * lesson_plan - how many events each part of a lesson will have, from a run before the learner's.
 */
#ifndef VITRO_TOOLS_LESSON_PLAN_H
#define VITRO_TOOLS_LESSON_PLAN_H

#include "lesson_play.h"
#include "ui/study.h"

/*
 * Play the program once in memory, unit by unit as the learner will, and note what each part of
 * the study gets. Takes a moment; a program that does not end by then leaves the numbers unknown.
 */
void lesson_plan(struct study *study, const struct lesson_play_options *options);

#endif
