/*
 * wrap - a line of words as lines of eighty columns.
 */
#ifndef VITRO_TOOLS_WRAP_H
#define VITRO_TOOLS_WRAP_H

#include "print.h"

/* Print text; first stands before the first line, rest before those that follow. */
void wrap_print(struct printer *p, const char *first, const char *rest, const char *text);

/* How many columns a text takes on a terminal: Hangul and other East Asian characters take two. */
int wrap_columns(vitro_str s);

#endif
