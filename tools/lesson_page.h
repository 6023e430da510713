/*
 * lesson_page - a part of a lesson as lines of a width, for a pane or for the whole screen.
 *
 * Pure but for the program's own lines, which are read from its folder.
 */
#ifndef VITRO_TOOLS_LESSON_PAGE_H
#define VITRO_TOOLS_LESSON_PAGE_H

#include "lesson_parts.h"
#include "lesson_selection.h"

enum page_style {
    PAGE_TEXT,
    PAGE_HEAD,
    PAGE_CODE,
    PAGE_DIM,
    PAGE_RIGHT, /* the choice that is right, and its why */
    PAGE_WRONG
};

struct page_line {
    char *text;
    uint8_t style;  /* enum page_style */
    uint8_t indent; /* columns before it */
    uint8_t choice; /* of a question: the number of the choice that it belongs to, from 1 */
};

struct lesson_page {
    struct page_line *lines;
    size_t count;
};

struct lesson_page_of {
    const struct lesson_text *text;
    const struct lesson_part *part;
    const char *dir;                      /* where the program's lines are */
    const struct lesson_selection *shows; /* of a wire part: what it counts is told; may be NULL */
    uint32_t reach;                       /* of it */
    vitro_language language;
    int width;
    int answer; /* to the question of this part; -1: not yet, its explanations are not shown */
    int first;  /* the answer that was given at the first time ever; -1: none */
};

/* Make the lines; what there is no memory for is left out. */
void lesson_page_make(struct lesson_page *out, const struct lesson_page_of *of);
void lesson_page_done(struct lesson_page *p);

#endif
