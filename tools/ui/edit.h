/*
 * edit - a line being typed, and the lines typed before it.
 */
#ifndef VITRO_UI_EDIT_H
#define VITRO_UI_EDIT_H

#include "vitro/base.h"

enum { PROMPT_TEXT = 256, HISTORY_MOST = 32 };

struct edit {
    char text[PROMPT_TEXT]; /* UTF-8, terminated */
    size_t at;              /* the cursor: bytes before it */
};

/* Begin with a text, the cursor behind it; what does not fit is cut. */
void edit_set(struct edit *e, const char *text);

/* Put a character, or text, at the cursor; left out when it does not fit or is no character. */
void edit_put(struct edit *e, uint32_t c);
void edit_put_text(struct edit *e, vitro_str s);

/*
 * Take a key that moves or takes away: left, right, home, end, ^A, ^E, backspace, delete, ^U to the
 * beginning, ^W a word. False when it is none of these.
 */
bool edit_key(struct edit *e, int key);

struct history {
    char *lines[HISTORY_MOST]; /* the oldest first */
    size_t count;
    size_t at; /* shown; count: what is being typed */
    char typed[PROMPT_TEXT];
};

void history_done(struct history *h);
void history_open(struct history *h); /* a new line begins */
void history_add(struct history *h, const char *text);
/* The line before (by -1) or behind (1), into e; false when there is none. */
bool history_step(struct history *h, struct edit *e, int by);

#endif
