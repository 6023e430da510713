/*
 * lesson_show - a lesson as text: prose, questions, code, the events of this run, then answers.
 *
 * Eighty columns wherever it is shown; a Korean letter is two columns wide.
 */
#ifndef VITRO_TOOLS_LESSON_SHOW_H
#define VITRO_TOOLS_LESSON_SHOW_H

#include "lesson_text.h"
#include "print.h"

struct lesson_show {
    struct printer *printer; /* also says the language */
    vitro_decode *decode;    /* of the run, all of it; keeps its events */
    const char *dir;         /* where the program's lines are */
};

void lesson_show(const struct lesson_show *s, const struct lesson_text *text);

#endif
