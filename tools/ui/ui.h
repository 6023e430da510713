/*
 * ui - the screen of vitro inspect as a state that takes keys and draws itself into a grid.
 *
 * No terminal here: whoever has one hands keys in and copies the grid out, so a test plays keys
 * and compares text. What needs the world (copying, stopping) is left as a wish for the owner.
 */
#ifndef VITRO_UI_UI_H
#define VITRO_UI_UI_H

#include "ui/edit.h"
#include "ui/grid.h"
#include "ui/keymap.h"
#include "ui/model.h"

enum theme { THEME_DARK, THEME_LIGHT, THEME_PLAIN, THEME_COUNT };

enum { UI_MIN_WIDTH = 60, UI_MIN_HEIGHT = 10, UI_HINTS = 16, PATH_TEXT = PROMPT_TEXT };

enum { TREE_MOST = 9 }; /* levels of the tree that can be open */

/* What the owner of the terminal should do; set by ui_key(), cleared by the owner. */
enum {
    UI_WISH_COPY = 1,
    UI_WISH_REDRAW = 2,
    UI_WISH_STOP = 4,
    UI_WISH_THEME = 8,
    UI_WISH_MOUSE = 16
};

/* The lines that are kept of what was typed; each prompt with a history has one. */
enum {
    HISTORY_SEARCH,
    HISTORY_FILTER,
    HISTORY_COMMAND,
    HISTORY_WRITE,
    HISTORY_BREAK,
    HISTORY_COUNT
};

struct ui {
    struct model m;
    struct keymap keys;
    enum theme theme;
    bool mouse, ascii;
    int w, h;
    int wider, taller; /* columns and rows that the fences were moved */
    bool quit, help, alone;
    unsigned
        folded; /* how deep the tree was open before a lesson's text unfolded more; 0: as it is */
    bool quit_all; /* not only this lesson */
    size_t help_top;
    char help_find[32];
    unsigned wishes;
    char *copied; /* for UI_WISH_COPY */
    int prompt;   /* '/', '&', ':', 'w', 'b', 'm', '\'', 'o' (overwrite?), '?' (in the help) or 0 */
    struct edit edit;
    struct history history[HISTORY_COUNT];
    char path[PATH_TEXT]; /* what may be overwritten */
    uint32_t came_from;   /* where '' leads */
    struct {
        int from, to;
        enum action action;
    } hints[UI_HINTS]; /* where they stand on the last line, for the mouse */
    size_t hint_count;
};

void ui_init(struct ui *ui, vitro_decode *d, vitro_language language, const char *name);
void ui_done(struct ui *ui);
void ui_resize(struct ui *ui, int w, int h);
void ui_key(struct ui *ui, int key);
/* Draw everything into a grid of the ui's size. */
void ui_draw(struct ui *ui, struct grid *g);

enum mouse { MOUSE_CLICK, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };
void ui_mouse(struct ui *ui, enum mouse what, int y, int x);

/*
 * A line of the configuration: "theme light", "bind x quit". False, and a text says why, when it
 * is none; nothing has changed then.
 */
bool ui_set(struct ui *ui, const char *line, char *why, size_t size);

/* ---- the parts, each in a file of its own ---- */

/* Whether the moment is shown, so that it is worked out: after each key and size. */
void ui_look(struct ui *ui);

/* Rows that a pane has now, and columns. */
struct area ui_pane(const struct ui *ui, struct grid *g, enum pane pane);

/* Do what a key is bound to. */
void ui_act(struct ui *ui, enum action action);
void ui_help_scroll(struct ui *ui, long by);

/* What moves the cursor, with how far; in the pane that has the keys, where none is named. */
void ui_move(struct ui *ui, int by);
void ui_page(struct ui *ui, int by);
void ui_jump(struct ui *ui, int last);
void ui_aside(struct ui *ui, int by);
void ui_move_event(struct ui *ui, int by);
void ui_follow_event(struct ui *ui, int by);
void ui_drill(struct ui *ui, int by);
void ui_open_tree(struct ui *ui, int by);
void ui_turn_info(struct ui *ui, int by);
void ui_scroll(size_t *top, long by, size_t most);

/* The cursor is about to go far: '' comes back to where it stands. */
void ui_leave(struct ui *ui);

void ui_filter_toggle(struct ui *ui, int unused);
void ui_filter_invert(struct ui *ui, int unused);

/* A key while something is typed. */
void ui_prompt_open(struct ui *ui, int prompt, const char *text);
void ui_prompt_key(struct ui *ui, int key);
void ui_prompt_draw(const struct ui *ui, struct area a);

/* Tab: the word at the end of what is typed, as far as it is certain. */
void ui_complete(struct ui *ui);
/* The i-th word that could stand there; NULL behind the last. */
const char *ui_candidate(const struct ui *ui, size_t i, char name[ACTION_NAME]);

/* What was typed behind `:`. */
void ui_command(struct ui *ui, const char *text);
/* The i-th command or setting, and the words that may follow it; NULL behind the last. */
const char *ui_command_name(size_t i, const char **choices);

/* ---- ui_lesson.c: a lesson, when the model has one ---- */

/* From now on this is a lesson; the study is lent. */
void ui_lesson_begin(struct ui *ui, struct study *study);
/* Events may have come: go on with what was asked for. True when something changed. */
bool ui_lesson_work(struct ui *ui, int64_t now_ms);
/* This part is text alone, and it has the whole screen. */
bool ui_lesson_reads(const struct ui *ui);
/* A key that only a question or a page of text takes; false: it means what it is bound to. */
bool ui_lesson_takes(struct ui *ui, int key);
/* Before an action: one about events shows them, where a page of text hides them. */
void ui_lesson_turns(struct ui *ui, enum action action);
/* What the keys of a lesson do. */
/* To the next event of this part, or the one before; without a lesson, or beyond it, of all. */
void ui_lesson_event(struct ui *ui, int by);
void ui_lesson_on(struct ui *ui, int unused);
void ui_lesson_step(struct ui *ui, int unused);
void ui_lesson_back(struct ui *ui, int unused);
void ui_lesson_go(struct ui *ui, int unused);
void ui_lesson_break(struct ui *ui, const char *filter);
void ui_lesson_scroll(struct ui *ui, long by);
/* The first line and the last. */
void ui_lesson_title(const struct ui *ui, struct area a);
void ui_lesson_hints(struct ui *ui, struct area a);

/* ---- what it shares ---- */

/* A screen so large that all panes are on it at once. */
bool ui_shows_all(const struct ui *ui);

/* True, and said, when a screen has no room for anything else. */
bool ui_too_small(struct area a);

/* What the last line offers; when it is narrow, the first ones. */
struct hint {
    enum action action, other; /* ACT_NONE: one key alone */
    const char *english, *korean;
};
void ui_put_hints(struct ui *ui, struct area a, const struct hint *row, size_t n);

/* What `y` copies: to be freed, NULL when there is nothing. */
char *ui_copy_text(struct ui *ui);
/*
 * Write what is shown as its name's end says; a line about it becomes the message. A file that is
 * there is only written over when that was said; else it is asked.
 */
void ui_write(struct ui *ui, const char *typed, bool over);

#endif
