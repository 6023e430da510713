/*
 * ui_mouse - a click selects what it points at, the wheel scrolls the pane under the pointer.
 */
#include "base/util.h"
#include "ui/ui.h"
#include "ui/view.h"

enum { WHEEL_ROWS = 3 };

static bool inside(struct area a, int y, int x)
{
    return y >= a.y && y < a.y + a.h && x >= a.x && x < a.x + a.w;
}

/* PANE_COUNT: it points at none. */
static enum pane pane_at(const struct ui *ui, int y, int x)
{
    if (ui->alone)
        return inside(ui_pane(ui, NULL, ui->m.focus), y, x) ? ui->m.focus : PANE_COUNT;
    for (int p = 0; p < PANE_COUNT; p++) {
        if (inside(ui_pane(ui, NULL, (enum pane)p), y, x))
            return (enum pane)p;
    }
    return PANE_COUNT;
}

/* The line of the tree that is the nth open one. */
static void select_open_line(struct model *m, size_t nth)
{
    for (size_t i = 0; i < m->count; i++) {
        if (model_open(m, i) && nth-- == 0) {
            model_line(m, i);
            return;
        }
    }
}

static void select_byte(struct ui *ui, struct area a, int row, int x)
{
    struct model *m = &ui->m;
    int in_row = view_bytes_in_row(a.w), column = view_bytes_column(m, a.w, x - a.x);
    uint64_t byte = (m->top[PANE_BYTES] + (uint64_t)row) * (uint64_t)in_row + (uint64_t)column;

    if (column >= 0 && byte < m->bytes.length)
        model_byte(m, byte);
}

/* Row 0 of a pane is its head. */
static void click_pane(struct ui *ui, enum pane pane, int y, int x)
{
    struct model *m = &ui->m;
    struct area a = ui_pane(ui, NULL, pane);
    int row = y - a.y - 1;

    m->focus = pane;
    if (row < 0)
        return;
    if (pane == PANE_EVENTS && m->top[pane] + (size_t)row < model_count(m)) {
        m->follow = false;
        m->wanted = 0;
        model_select(m, m->top[pane] + (size_t)row);
    } else if (pane == PANE_TREE && row >= (m->why[0] != 0)) {
        select_open_line(m, m->top[pane] + (size_t)row - (m->why[0] != 0));
    } else if (pane == PANE_BYTES) {
        select_byte(ui, a, row, x);
    }
}

static void click_hint(struct ui *ui, int x)
{
    for (size_t i = 0; i < ui->hint_count; i++) {
        if (x >= ui->hints[i].from && x < ui->hints[i].to) {
            ui_act(ui, ui->hints[i].action);
            return;
        }
    }
}

static void click(struct ui *ui, int y, int x)
{
    enum pane pane = pane_at(ui, y, x);

    if (y == ui->h - 1)
        click_hint(ui, x);
    else if (pane != PANE_COUNT)
        click_pane(ui, pane, y, x);
}

static void turn_wheel(struct ui *ui, int by, int y, int x)
{
    enum pane pane = pane_at(ui, y, x), had = ui->m.focus;

    if (pane == PANE_COUNT)
        return;
    ui->m.focus = pane;
    ui_move(ui, by);
    ui->m.focus = had;
}

void ui_mouse(struct ui *ui, enum mouse what, int y, int x)
{
    int by = what == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS;

    if (ui->w < UI_MIN_WIDTH || ui->h < UI_MIN_HEIGHT || ui->prompt)
        return;
    ui->m.message[0] = 0;
    if (ui->help && what == MOUSE_CLICK)
        ui->help = false;
    else if (ui->help)
        ui_help_scroll(ui, by);
    else if (what == MOUSE_CLICK)
        click(ui, y, x);
    else
        turn_wheel(ui, by, y, x);
    ui_look(ui);
}
