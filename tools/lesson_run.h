/*
 * lesson_run - a lesson's program as a child, and the trace that it writes.
 *
 *      vitro learn  <-- socketpair: the trace --  main      (VITRO_LEARN=fd:N)
 *
 * The pair has two directions: commands to the program go the other way.
 */
#ifndef VITRO_TOOLS_LESSON_RUN_H
#define VITRO_TOOLS_LESSON_RUN_H

#include <sys/types.h>

#include "vitro/base.h"

struct lesson_run {
    pid_t pid;   /* 0: none */
    int fd;      /* our end of the pair; -1: none */
    bool hold;   /* before the start: it holds what it sends (VITRO_GATE=hold) */
    bool unseen; /* before the start: no other trace is written (VITRO_TRACE) */
    int words;   /* before the start: where its stdout and stderr go; 0: to our stderr */
};

/* Start dir/main with arguments, a list that ends with NULL (argv[0] is filled in). */
vitro_code lesson_run_start(struct lesson_run *r, const char *dir, char **argv, vitro_error *err);

/*
 * Wait for the program's end, after its trace was read.
 * Returns VITRO_OK when it ended with status 0; else err says how it ended.
 */
vitro_code lesson_run_wait(struct lesson_run *r, vitro_error *err);

/* The same without waiting: false when it runs still, else *rc and err are set. */
bool lesson_run_over(struct lesson_run *r, vitro_code *rc, vitro_error *err);

/* Ctrl-C: ends the program, and vitro with status 130. From now until the process ends. */
void lesson_run_interruptible(struct lesson_run *r);

#endif
