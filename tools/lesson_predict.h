/*
 * lesson_predict - a question of a lesson, read line by line:
 *
 *      The question, on one line or more.
 *      - [ ] a choice
 *        > why it is wrong
 *      - [x] the right one
 *        > why it is right
 */
#ifndef VITRO_TOOLS_LESSON_PREDICT_H
#define VITRO_TOOLS_LESSON_PREDICT_H

#include "lesson_text.h"

/* Fill text and choices of a block. false: out of memory. */
bool lesson_predict_read(struct lesson_block *b, const char *lines);

/* Release the choices of a block. */
void lesson_predict_done(struct lesson_block *b);

#endif
