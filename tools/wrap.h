/*
 * wrap - a line of words as lines of eighty columns.
 */
#ifndef VITRO_TOOLS_WRAP_H
#define VITRO_TOOLS_WRAP_H

#include "print.h"

/*
 * Zero-width characters stand on the one before. More than this on one place is no writing, and
 * would be drawn over the lines around: they are shown as escapes.
 */
enum { WRAP_MARKS = 8 };

/* Print text; first stands before the first line, rest before those that follow. */
void wrap_print(struct printer *p, const char *first, const char *rest, const char *text);

/* How many columns a text takes on a terminal: Hangul and other East Asian characters take two. */
int wrap_columns(vitro_str s);
/* The same of one character: 0, 1 or 2. */
int wrap_columns_of(uint32_t c);

#endif
