/*
 * program - a random program of calls, traced by a sink that is there from the start and by two
 * that come somewhere in the middle. Its messages have a schema: test.Text.
 */
#ifndef VITRO_TESTS_PROGRAM_H
#define VITRO_TESTS_PROGRAM_H

#include "base/clock.h"
#include "support/pair.h"
#include "vitro/trace.h"

enum { PROGRAM_CALLS = 60 };

struct program {
    struct pair p;
    struct chance chance;
    vitro_trace *trace;
    int whole, late[2];        /* the traces, as files in memory */
    bool real;                 /* over TCP on a loop of the system's, else under sim */
    bool no_client, no_server; /* only one end is traced */
    bool slow;                 /* one sink's reader is behind: what came is in slow_file */
    int slow_end, slow_file;
    struct record record[PROGRAM_CALLS];
    vitro_call *call[PROGRAM_CALLS];
    bool ended[PROGRAM_CALLS], bidi[PROGRAM_CALLS];
    size_t calls;
};

/* Run a zeroed one; chance, and what it is to be, are set before. */
void program_run(struct program *g);
void program_done(struct program *g);

#endif
