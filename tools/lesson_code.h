/*
 * lesson_code - the program's own lines of one function or table, its comment included.
 */
#ifndef VITRO_TOOLS_LESSON_CODE_H
#define VITRO_TOOLS_LESSON_CODE_H

#include "vitro/base.h"

/*
 * Find the definition of a name in C code as this project writes it: it begins at the left edge
 * and ends with the first line that begins with a closing brace.
 * line: set to the number of its first line. An empty span: there is no such definition.
 */
vitro_str lesson_code_find(const char *code, const char *name, int *line);

#endif
