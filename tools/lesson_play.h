/*
 * lesson_play - a lesson's program as a child that is told how far to go, and its trace decoded.
 *
 *      vitro learn  -- commands: next, go, hold, ask -->  main, with VITRO_GATE=hold
 *                   <-- the trace, notes of what is held
 *
 * Nothing here waits for the child but lesson_play_stop(), and that only for a moment.
 */
#ifndef VITRO_TOOLS_LESSON_PLAY_H
#define VITRO_TOOLS_LESSON_PLAY_H

#include "lesson_run.h"
#include "source.h"
#include "vitro/lab/decode.h"

struct lesson_play_options {
    const char *name, *dir;
    bool real;
    const char *seed; /* NULL: the usual world */
    bool unseen;      /* nobody but us gets its trace */
};

struct lesson_play {
    struct lesson_run run;
    int commands; /* to the child; -1: none */
    int words;    /* what it printed; -1: none */
    struct source *source;
    vitro_decode *decode;
    uint64_t limit; /* bytes of the source that the decoder may see */
};

/* *p is filled in, and stays where it is. On failure lesson_play_stop() is right, too. */
vitro_code lesson_play_start(struct lesson_play *p, const struct lesson_play_options *options,
                             vitro_error *err);

/* Tell the program what a study wishes (STUDY_NEXT ...); one that is gone does not mind. */
void lesson_play_tell(struct lesson_play *p, unsigned wishes);

/* Has it ended? err says how, when it was not well: with the last line that it printed. */
bool lesson_play_ended(struct lesson_play *p, vitro_error *err);

/* End the program, by its pid, and free everything. Accepts a zeroed one. */
void lesson_play_stop(struct lesson_play *p);

#endif
