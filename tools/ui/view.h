/*
 * view - the panes of the screen: functions from a model to cells, and nothing else.
 */
#ifndef VITRO_UI_VIEW_H
#define VITRO_UI_VIEW_H

#include "ui/grid.h"
#include "ui/model.h"

/* A word of the screen in the model's language. */
const char *view_word(const struct model *m, const char *english, const char *korean);

/* The head of a pane; returns what is left of it. */
struct area view_head(struct area a, const struct model *m, enum pane pane, const char *text);

/* A title that loses more than a little in so many columns loses its protocol first. */
vitro_str view_fitting(vitro_str title, int columns);

/* The first shown of n lines so that `pick` is seen, moving no more than needed. */
size_t view_scroll(size_t top, size_t pick, size_t n, int rows);

void view_events(struct area a, const struct model *m);
void view_tree(struct area a, const struct model *m);
void view_bytes(struct area a, const struct model *m);
void view_text(struct area a, const struct model *m); /* of a lesson */
void view_explain(struct area a, const struct model *m);
void view_hpack(struct area a, const struct model *m);
void view_windows(struct area a, const struct model *m);
void view_ladder(struct area a, const struct model *m);

struct ui;
void view_help(struct area a, const struct ui *ui);

/* How many bytes a row of the bytes pane holds at this width. */
int view_bytes_in_row(int width);
/* Which byte of its row stands at a column of the pane; -1: none. */
int view_bytes_column(const struct model *m, int width, int x);

/* The place of the selected line among the open ones, and how many are open. */
size_t view_open_lines(const struct model *m, size_t *pick);

#endif
