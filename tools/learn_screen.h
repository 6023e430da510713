/*
 * learn_screen - vitro learn on a terminal: a lesson, then the list of all, until somebody quits.
 */
#ifndef VITRO_TOOLS_LEARN_SCREEN_H
#define VITRO_TOOLS_LEARN_SCREEN_H

#include "lesson_find.h"
#include "vitro/lab/decode.h"

struct learn_screen_options {
    const struct lesson_places *places;
    const char *name; /* of the lesson to begin with */
    bool real;
    const char *seed; /* NULL: the usual world */
    vitro_language language;
    bool language_given; /* by --lang */
};

/* Returns what the program ends with. */
int learn_screen(const struct learn_screen_options *options);

#endif
