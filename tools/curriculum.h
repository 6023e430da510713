/*
 * curriculum - all lessons, also those that are not written yet (lessons/curriculum.def).
 */
#ifndef VITRO_TOOLS_CURRICULUM_H
#define VITRO_TOOLS_CURRICULUM_H

#include <stddef.h>

struct curriculum_lesson {
    const char *name; /* of its folder: "08-unary" */
    int minutes;
    const char *titles[2]; /* by vitro_language */
};

/* Lesson i in the order of reading; NULL behind the last. */
const struct curriculum_lesson *curriculum_at(size_t i);

/* By number or name: "8", "08", "4b", "unary", "08-unary". NULL when there is no such lesson. */
const struct curriculum_lesson *curriculum_find(const char *wanted);

#endif
