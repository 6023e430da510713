/*
 * progress - what a learner has done: a plain text file that can be read, edited and copied.
 *
 *      $XDG_STATE_HOME/vitro/progress, else ~/.local/state/vitro/progress
 *
 *      08-unary done 1=c          # all of it was read; question 1 was first answered with c)
 *      12-server-streaming begun at=7
 *
 * A line a lesson, by its name. Lines and words that are not understood are kept as they are: they
 * belong to another version. A file that cannot be written costs nothing but the memory of it.
 */
#ifndef VITRO_TOOLS_PROGRESS_H
#define VITRO_TOOLS_PROGRESS_H

#include "vitro/base.h"

enum progress_state { PROGRESS_NONE, PROGRESS_BEGUN, PROGRESS_DONE };

struct progress {
    char path[4096]; /* "": there is no place for it */
    char **lines;    /* without their ends */
    size_t count;
};

/* What is there; a file that is missing or cannot be read is an empty one. */
void progress_read(struct progress *p);
void progress_done(struct progress *p);

enum progress_state progress_of(const struct progress *p, const char *lesson);
/* The choice that question n, from 1, was first answered with: from 0; -1: not yet. */
int progress_answer(const struct progress *p, const char *lesson, int n);

/* The part that the learner was at, from 1, in a lesson that is begun; 0: none. */
int progress_place(const struct progress *p, const char *lesson);

/*
 * Remember, and write the file. A lesson that is done stays done, a first answer the first.
 * The file is changed as a whole or not at all. VITRO_UNAVAILABLE: it cannot be written.
 */
vitro_code progress_set(struct progress *p, const char *lesson, enum progress_state state,
                        vitro_error *err);
vitro_code progress_set_place(struct progress *p, const char *lesson, int part, vitro_error *err);
vitro_code progress_set_answer(struct progress *p, const char *lesson, int n, int choice,
                               vitro_error *err);

#endif
