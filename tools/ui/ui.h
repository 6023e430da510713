/*
 * ui - the screen of vitro inspect as a state that takes keys and draws itself into a grid.
 *
 * No terminal here: whoever has one hands keys in and copies the grid out, so a test plays keys
 * and compares text. What needs the world (copying, stopping) is left as a wish for the owner.
 */
#ifndef VITRO_UI_UI_H
#define VITRO_UI_UI_H

#include "ui/grid.h"
#include "ui/model.h"

/* Keys that are no characters. */
enum {
    UI_TAB = '\t',
    UI_ENTER = '\n',
    UI_ESCAPE = 27,
    UI_CTRL_C = 3,
    UI_CTRL_L = 12,
    UI_CTRL_U = 21,
    UI_CTRL_Z = 26,
    UI_UP = 0x200000,
    UI_DOWN,
    UI_LEFT,
    UI_RIGHT,
    UI_HOME,
    UI_END,
    UI_PAGE_UP,
    UI_PAGE_DOWN,
    UI_BACKTAB,
    UI_BACKSPACE,
    UI_DELETE,
    UI_F1,
    UI_F4,
    UI_RESIZE
};

enum theme { THEME_DARK, THEME_LIGHT, THEME_PLAIN, THEME_COUNT };

enum { UI_MIN_WIDTH = 60, UI_MIN_HEIGHT = 10 };

/* What the owner of the terminal should do; set by ui_key(), cleared by the owner. */
enum { UI_WISH_COPY = 1, UI_WISH_REDRAW = 2, UI_WISH_STOP = 4, UI_WISH_THEME = 8 };

struct ui {
    struct model m;
    enum theme theme;
    int w, h;
    bool quit, help, alone;
    size_t help_top;
    unsigned wishes;
    char *copied; /* for UI_WISH_COPY */
    int prompt;   /* '/', '&', ':', 'w', 'm', '\'' or 0 */
    char input[PROMPT_TEXT];
    uint32_t came_from; /* where '' leads */
};

void ui_init(struct ui *ui, vitro_decode *d, vitro_language language, const char *name);
void ui_done(struct ui *ui);
void ui_resize(struct ui *ui, int w, int h);
void ui_key(struct ui *ui, int key);
/* Draw everything into a grid of the ui's size. */
void ui_draw(struct ui *ui, struct grid *g);

/* ---- the parts, each in a file of its own ---- */

/* Row i of keys.def: false behind the last. */
struct key_row {
    const char *shown, *english, *korean;
};
bool ui_key_row(size_t i, struct key_row *out);

/* Whether the moment is shown, so that it is worked out: after each key and size. */
void ui_look(struct ui *ui);

/* Rows that a pane has now, and columns. */
struct area ui_pane(const struct ui *ui, struct grid *g, enum pane pane);

/* A key while something is typed. */
void ui_prompt_open(struct ui *ui, int prompt, const char *text);
void ui_prompt_key(struct ui *ui, int key);
void ui_prompt_draw(const struct ui *ui, struct area a);

/* What `y` copies: to be freed, NULL when there is nothing. */
char *ui_copy_text(struct ui *ui);
/* Write what is shown as its name's end says; a line about it becomes the message. */
void ui_write(struct ui *ui, const char *path);

#endif
