/*
 * list - the lessons to choose from, as a state that takes keys and draws itself.
 */
#ifndef VITRO_UI_LIST_H
#define VITRO_UI_LIST_H

#include "progress.h"
#include "ui/ui.h"

enum { LIST_ROWS = 32 };

struct list_row {
    const char *name; /* of the folder */
    const char *titles[2];
    int minutes;
    bool written;
    enum progress_state state;
};

struct list {
    struct list_row rows[LIST_ROWS];
    size_t count, pick, top;
    int w, h;
    vitro_language language;
    bool quit, open; /* what was chosen: rows[pick] */
    unsigned wishes; /* UI_WISH_... */
    char message[256];
};

/* The first lesson that is written and not done, from `after` on; where there is none, `after`. */
void list_pick(struct list *l, const char *after);

void list_key(struct list *l, int key);
/* Draw everything into a grid of the list's size. */
void list_draw(struct list *l, struct grid *g);

#endif
