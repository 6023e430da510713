/*
 * lesson_find - where the lessons are: beside the program, built or installed.
 *
 *      build/bin/vitro   ->  build/lessons/NN-NAME/{main, main.c, lesson.md, lesson.ko.md}
 *      PREFIX/bin/vitro  ->  PREFIX/lib/vitro/lessons/NN-NAME/...
 */
#ifndef VITRO_TOOLS_LESSON_FIND_H
#define VITRO_TOOLS_LESSON_FIND_H

#include "vitro/base.h"

enum { LESSON_PATH = 4096 };

struct lesson_place {
    char name[64];         /* "08-unary" */
    char dir[LESSON_PATH]; /* without a slash at its end */
};

struct lesson_places {
    struct lesson_place *items; /* in the order of their numbers */
    size_t count;
};

/* All lessons that have a program and a text. VITRO_NOT_FOUND when there are none. */
vitro_code lesson_places_read(struct lesson_places *out, vitro_error *err);
void lesson_places_done(struct lesson_places *p);

/* By the name of its folder; curriculum_find() knows short ones. NULL: it is not written yet. */
const struct lesson_place *lesson_places_find(const struct lesson_places *p, const char *name);

/* A file of a lesson, whole and terminated; to be freed. NULL, and err, when it cannot be read. */
char *lesson_file(const char *dir, const char *name, vitro_error *err);

#endif
