/*
 * lesson_parts - a lesson's text cut into what is shown at a time.
 *
 *      READ   prose and code up to the next heading
 *      ASK    a question, with the paragraph before it
 *      WIRE   the prose before a `wire` block, and the events that the block selects; code is read
 *             before: it wants the width of the screen
 *
 * Pure.
 */
#ifndef VITRO_TOOLS_LESSON_PARTS_H
#define VITRO_TOOLS_LESSON_PARTS_H

#include "lesson_text.h"

enum lesson_part_kind { PART_READ, PART_ASK, PART_WIRE };

struct lesson_part {
    enum lesson_part_kind kind;
    size_t first, count;               /* blocks */
    const struct lesson_block *center; /* the question, or the wire block; READ: NULL */
    int question;                      /* ASK: its number, from 1 */
};

struct lesson_parts {
    struct lesson_part *items;
    size_t count;
};

/* Lends the text: it must outlive the parts. false: out of memory. */
bool lesson_parts_make(struct lesson_parts *out, const struct lesson_text *text);
void lesson_parts_done(struct lesson_parts *p);

#endif
