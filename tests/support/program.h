/*
 * program - a random program of calls under sim, traced by a sink that is there from the start and
 * by one that comes somewhere in the middle. Its messages have a schema: test.Text.
 */
#ifndef VITRO_TESTS_PROGRAM_H
#define VITRO_TESTS_PROGRAM_H

#include "base/clock.h"
#include "support/pair.h"
#include "vitro/trace.h"

enum { PROGRAM_CALLS = 12 };

struct program {
    struct pair p;
    struct chance chance;
    vitro_trace *trace;
    int whole, late;
    struct record record[PROGRAM_CALLS];
    vitro_call *call[PROGRAM_CALLS];
    bool ended[PROGRAM_CALLS], bidi[PROGRAM_CALLS];
    size_t calls;
};

/* Run a zeroed one; chance is set before. The traces are in whole and late then. */
void program_run(struct program *g);
void program_done(struct program *g);

#endif
