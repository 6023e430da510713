/*
 * study - a lesson as it is read: where the learner is in its text, what was answered, and how far
 * the program was let on the wire.
 *
 * Pure: events come in, and what the program should be told is a wish for the owner, who has it as
 * a child (lesson_play.h).
 *
 *      text:  part 1 READ | part 2 ASK | part 3 WIRE ...        Enter: on, p: back
 *      wire:  what happened | held, not yet sent                Space: one, c: on, b: to a filter
 */
#ifndef VITRO_UI_STUDY_H
#define VITRO_UI_STUDY_H

#include "filter.h"
#include "lesson_page.h"
#include "lesson_selection.h"

enum { STUDY_QUESTIONS = 8, STUDY_HELD = 256, STUDY_TEXT = 256 };

/* What the program is let on for, until it is reached. */
enum study_goal {
    GOAL_NONE,
    GOAL_STEP,  /* one unit on the wire */
    GOAL_PART,  /* the events of this part */
    GOAL_BREAK, /* a held unit that the break's filter matches */
    GOAL_END
};

/* For the owner: commands to the program, and things to remember. */
enum {
    STUDY_NEXT = 1,
    STUDY_GO = 2,
    STUDY_HOLD = 4,
    STUDY_ASK = 32,     /* say when all came of it */
    STUDY_ANSWERED = 8, /* the question of this part */
    STUDY_ENDED = 16    /* the end of the text was seen */
};

/* A unit that is held: the number of the note that says so, and the unit's own. */
struct study_held {
    uint32_t event, unit;
};

struct study_options {
    const char *name; /* "08-unary" */
    const char *dir;
    const struct lesson_text *texts[2]; /* lent, by vitro_language; Korean may be NULL */
    bool real;                          /* time runs on */
    int firsts[STUDY_QUESTIONS + 1];    /* first answer ever, by the question's number; -1: none */
    size_t place;                       /* the part to begin with: what is before it was done */
};

struct study {
    struct study_options is;
    struct lesson_parts parts[2];
    size_t count; /* of parts */

    size_t part; /* where the learner is */
    size_t top;  /* first line of its page that is shown */
    int choice;  /* the one under the cursor, not yet committed; -1: none */
    int answers[STUDY_QUESTIONS + 1];
    struct lesson_page page;
    struct lesson_page_of page_of; /* what it was made of */
    int rows;                      /* that its page had when it was drawn last */
    bool end_seen;

    struct lesson_selection *shows; /* of each WIRE part, by part */
    uint32_t *wanted;               /* what each reaches in the whole run; 0: not known */
    bool unplanned;                 /* those numbers are still to come: a part waits for them */
    struct study_held held[STUDY_HELD];
    size_t held_count;
    uint32_t looked;  /* at the events up to this one */
    uint32_t *hidden; /* numbers of the notes that say nothing of the call, in order */
    size_t hidden_count, hidden_cap;
    uint32_t released; /* units, so far */
    uint32_t sent;     /* the event that the last of them became; 0: none */
    uint32_t passed;   /* the learner has sent all up to this event, step by step or in a run */
    size_t waived;     /* questions of parts before this one mask nothing any more */
    bool awaited;      /* it is still to come */
    bool over;         /* the program has ended */
    bool free;         /* it holds nothing */
    bool gated;        /* it has held something */

    enum study_goal goal;
    uint32_t aimed_from; /* units released before */
    bool asked;          /* a unit was let go, and the program was asked to say when it rests */
    bool rests;          /* it did; it may have gone on where it holds nothing */
    bool alone;          /* it rested so, with nothing held */
    int64_t heard_at;    /* ms: the last event */
    struct filter breaker;
    char break_text[STUDY_TEXT];
    unsigned wishes;
};

/* false: out of memory, or the two texts have not the same parts (English stands for both). */
bool study_init(struct study *s, const struct study_options *options);
void study_done(struct study *s);

const struct lesson_part *study_part(const struct study *s);
/* The question of this part waits for an answer. */
bool study_asks(const struct study *s);

/* ---- the text ---- */

/* Make the page of this part for a width and as many rows; top stays within it. */
void study_lay_out(struct study *s, vitro_language language, int width, int rows);
bool study_more(const struct study *s); /* below what is shown */
void study_scroll(struct study *s, long by);
/* On: a page, then the next part. False: there is no other. Back likewise. */
bool study_on(struct study *s);
bool study_back(struct study *s);
/* So that the choice under the cursor is seen. */
void study_show_choice(struct study *s);
/* Commit the choice. */
void study_answer(struct study *s);

/* ---- the wire ---- */

/* Look at the events that are new, and wish for what the goal needs. True when something changed.
 */
bool study_work(struct study *s, vitro_decode *d, int64_t now_ms);
void study_aim(struct study *s, enum study_goal goal);
/* All events of this part that are to come are there. */
bool study_reached(const struct study *s);

/* The event of this part next to one of that number, or to 0, on (1) or back (-1); 0: none. */
uint32_t study_beside(const struct study *s, uint32_t number, int by);
/* The event belongs to this part. */
bool study_marks(const struct study *s, uint32_t number);
/* It says that a unit is held, and that one is: it is not yet sent. */
bool study_holds(const struct study *s, uint32_t number);
/* A note of the gate's own, which says nothing of the call. */
bool study_hides(vitro_decode *d, const vitro_event *ev);
/* Events are counted without those: the number that one is shown with, and back. */
uint32_t study_number(const struct study *s, uint32_t event);
uint32_t study_event(const struct study *s, uint32_t number);
/* The event is not to be seen before the question is answered, or the event sent all the same. */
bool study_masks(const struct study *s, uint32_t number);
/* Some are not, of those that were listed or are held by now. */
bool study_masks_some(const struct study *s);

#endif
