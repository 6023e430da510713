/*
 * help - what `vitro help COMMAND` prints, in lines of eighty columns.
 */
#ifndef VITRO_TOOLS_HELP_H
#define VITRO_TOOLS_HELP_H

#include <stdio.h>

/*
 * Print a help text. "  NAME   text" is an option, whose text goes on in lines that are indented
 * more, where all of it is when the name is long; behind a line "Examples:" all is printed as it
 * is; other lines are prose.
 */
void help_print(FILE *out, const char *text);

/* Print one line of words; the lines that follow are indented by so many columns. */
void help_line(FILE *out, const char *first, const char *words, int indent);

#endif
