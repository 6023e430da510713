/*
 * grid - a screen as cells of text, between the views and the terminal.
 *
 * A view writes into an area of a grid; a test reads the grid as text; the terminal copies the
 * cells that changed. Whatever is put here is escaped, so that no byte of a peer can reach a
 * terminal in another way than as a character that moves the cursor by its width.
 */
#ifndef VITRO_UI_GRID_H
#define VITRO_UI_GRID_H

#include "vitro/base.h"

enum style {
    ST_TEXT,
    ST_DIM,
    ST_TITLE, /* the first line */
    ST_HEAD,  /* the head of a pane */
    ST_FOCUS, /* the head of the pane that has the keys */
    ST_PICK,  /* the selected line: reverse, also without colour */
    ST_MARK,  /* bytes that belong to the selected line */
    ST_C2S,
    ST_S2C,
    ST_NOTE,
    ST_BAD,
    ST_OK,
    ST_KEY,
    ST_COUNT
};

enum { CELL_TEXT = 16 };

/* One column; a wide character has width 2 and its right half width 0. */
struct cell {
    char text[CELL_TEXT]; /* UTF-8 with its combining characters, terminated */
    uint8_t width;
    uint8_t style;
};

struct grid {
    int w, h;
    bool ascii; /* lines as + - |, other characters as \u{..} */
    struct cell *cells;
};

/* A part of a grid; what does not fit is cut. */
struct area {
    struct grid *grid;
    int y, x, h, w;
};

/* Give the grid this size, all blank; false without memory, the grid is 0x0 then. */
bool grid_resize(struct grid *g, int w, int h);
void grid_done(struct grid *g);
void grid_clear(struct grid *g);

const struct cell *grid_at(const struct grid *g, int y, int x);

/* A row as text without blanks at its end; out is terminated. */
void grid_row_text(const struct grid *g, int y, char *out, size_t size);

struct area grid_area(struct grid *g);
struct area area_part(struct area a, int y, int x, int h, int w);

/* Put text at a place; returns the column behind it, also when it was cut. */
int area_put(struct area a, int y, int x, enum style st, const char *format, ...)
    VITRO_PRINTF(5, 6);
int area_text(struct area a, int y, int x, enum style st, vitro_str s);

/* The style of n columns from x on. */
void area_style(struct area a, int y, int x, int n, enum style st);

/* A line across, or down. */
void area_rule(struct area a, int y, int x, int n, enum style st);
void area_fence(struct area a, int y, int x, int n, enum style st);

/* Text in lines of the area's width, from y on; returns the line behind the last one. */
int area_wrap(struct area a, int y, enum style st, vitro_str s);

#endif
