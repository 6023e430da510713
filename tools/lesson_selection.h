/*
 * lesson_selection - the events that one `wire` block shows, and how many it only counts.
 *
 *      lesson_selection_init(&s, "c2s DATA 3 [1-4]");
 *      lesson_selection_advance(&s, 1, decode);       again, when there are more events
 *      lesson_selection_has(&s, number)
 *
 * A range chooses among the events that its words describe, in the order of the run.
 */
#ifndef VITRO_TOOLS_LESSON_SELECTION_H
#define VITRO_TOOLS_LESSON_SELECTION_H

#include "lesson_select.h"

/* One alternative of a selector. */
struct lesson_term {
    vitro_str words;   /* lent, without its range and without blanks around */
    bool counted;      /* the block says how many there are */
    bool above;        /* the record that it came in is shown, too */
    uint32_t from, to; /* from 1, both shown */
    uint32_t count;    /* events that its words describe */
    uint32_t shown;    /* of these */
};

struct lesson_selection {
    const char *selector; /* lent */
    struct lesson_term terms[LESSON_TERMS];
    unsigned term_count;
    uint32_t looked; /* at the events up to this one */
    uint32_t chosen; /* events, with what came out of them */
    uint32_t last;   /* number of the last of them */
    uint8_t *bits;   /* of the event with that number: is it chosen? */
    uint32_t cap;    /* bytes */
};

void lesson_selection_init(struct lesson_selection *s, const char *selector);
void lesson_selection_done(struct lesson_selection *s);

/*
 * Look at the events that are new, for n selections that have looked at the same ones. d keeps its
 * events. false: out of memory, some are left out of some.
 */
bool lesson_selection_advance(struct lesson_selection *s, size_t n, vitro_decode *d);

/*
 * How far the block has come: the events that it shows, and those that it only counts. The same
 * run reaches the same.
 */
uint32_t lesson_selection_reach(const struct lesson_selection *s);

/* What a block says of a term that it counts: "c2s DATA 3: 607 in all, 4 shown". */
void lesson_term_say(const struct lesson_term *t, vitro_language language, char *out, size_t size);

/* Does the block show the event with this number? */
bool lesson_selection_has(const struct lesson_selection *s, uint32_t number);

#endif
