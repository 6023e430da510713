/*
 * term - the terminal, as something that shows a grid and gives keys. One file knows curses.
 */
#ifndef VITRO_UI_TERM_H
#define VITRO_UI_TERM_H

#include "ui/ui.h"

struct term_options {
    bool color; /* else bold, reverse and underline only */
    bool mouse;
    enum theme theme;
};

/* False when there is no terminal that can move its cursor; nothing has changed then. */
bool term_open(const struct term_options *options);
/* Give the terminal back as it was. Also done by itself when the program dies of a signal. */
void term_close(void);

void term_size(int *w, int *h);
/* Copy the grid; what did not change is not sent. */
void term_draw(const struct grid *g);
void term_redraw(void);
void term_theme(enum theme theme);

/* Off: the terminal selects text with it. */
void term_mouse(bool on);
/* After the key UI_MOUSE: what it did and where. False: nothing of interest. */
bool term_mouse_event(enum mouse *what, int *y, int *x);

/*
 * The next key, waiting for it at most timeout_ms; 0 when none came. other_fd: also return when
 * it can be read; -1: none.
 */
int term_key(int timeout_ms, int other_fd);

/* Give the terminal back, stop the whole process group, and come back with fg. */
void term_stop(void);

/* Into the terminal's clipboard (OSC 52). */
void term_copy(const char *text);

/* Before term_open(): the locale's characters, by the rules of a fresh machine. True: ASCII only.
 */
bool term_locale(void);

#endif
