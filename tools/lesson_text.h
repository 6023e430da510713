/*
 * lesson_text - a lesson's text: CommonMark as a list of blocks.
 *
 * Three fenced blocks are more than text:
 *
 *      ```wire SELECTOR        those events of this run (lesson_select.h)
 *      ```predict              a question, `- [ ]` and `- [x]` choices, each with its `> ` why
 *      ```code FILE:NAME       the program's own lines (lesson_code.h)
 *
 * Pure: text in, blocks out.
 */
#ifndef VITRO_TOOLS_LESSON_TEXT_H
#define VITRO_TOOLS_LESSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum lesson_block_kind {
    LESSON_HEADING,   /* level: 1 is the title */
    LESSON_PARAGRAPH, /* text: one line, marks of emphasis taken off */
    LESSON_ITEM,      /* of a list: level is its depth from 1, number its own, 0: a bullet */
    LESSON_QUOTE,
    LESSON_VERBATIM, /* text: lines as they stand */
    LESSON_WIRE,     /* text: the selector */
    LESSON_PREDICT,  /* text: the question */
    LESSON_CODE      /* text: FILE:NAME */
};

struct lesson_choice {
    bool right;
    char *text;
    char *why;
};

struct lesson_block {
    enum lesson_block_kind kind;
    int level;
    int number;
    int line; /* of the file */
    char *text;
    struct lesson_choice *choices; /* of a question */
    size_t choice_count;
};

struct lesson_text {
    struct lesson_block *blocks;
    size_t count;
};

/* Read a text. false: out of memory. */
bool lesson_text_read(struct lesson_text *out, const char *markdown);
void lesson_text_done(struct lesson_text *t);

/* The first heading; "" when there is none. Lends. */
const char *lesson_text_title(const struct lesson_text *t);

#endif
