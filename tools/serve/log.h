/*
 * log - the lines of a server, for whoever reads them, from any thread.
 *
 * A file is written at once. A terminal, a pipe or a socket may be held up by its reader: lines
 * wait for that one in a bounded buffer, and a thread writes them. What finds no room there is
 * lost, and how much that was is a line of its own, where it is missing. No call waits for a
 * reader.
 */
#ifndef VITRO_TOOLS_SERVE_LOG_H
#define VITRO_TOOLS_SERVE_LOG_H

#include <stdio.h>

struct log;

/* Lends out, which nobody else writes to until the end. NULL: neither memory nor a thread. */
struct log *log_new(FILE *out);

/* "who: what", nothing of it unescaped. Accepts NULL for the log: it is quiet. */
void log_line(struct log *l, const char *who, const char *what);

/* Write what waits; a reader that takes nothing for half a second gets no more. Accepts NULL. */
void log_end(struct log *l);

#endif
