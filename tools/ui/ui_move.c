/*
 * ui_move - the cursor through events, fields and bytes.
 */
#include <limits.h>

#include "base/util.h"
#include "ui/ui.h"
#include "ui/view.h"

void ui_leave(struct ui *ui)
{
    if (ui->m.pick)
        ui->came_from = ui->m.pick;
}

static int rows_of(const struct ui *ui, enum pane pane)
{
    struct area a = ui_pane(ui, NULL, pane);

    return MAX(a.h - 1, 1);
}

void ui_move_event(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    long place = (long)m->place + by, n = (long)model_count(m);

    if (by < 0 && m->follow) {
        m->follow = false;
        m->unseen = vitro_decode_count(m->d);
    }
    m->wanted = 0;
    if (n)
        model_select(m, (size_t)MAX(0, MIN(place, n - 1)));
}

/* The open line that is `by` open lines away. */
static void move_line(struct model *m, long by)
{
    size_t i = m->line, at = m->line;

    for (; by > 0 && i + 1 < m->count; i++) {
        if (model_open(m, i + 1)) {
            at = i + 1;
            by--;
        }
    }
    for (; by < 0 && i > 0; i--) {
        if (model_open(m, i - 1)) {
            at = i - 1;
            by++;
        }
    }
    model_line(m, at);
}

static void move_byte(struct model *m, long by)
{
    if (by < 0 && m->byte < (uint64_t)-by)
        return;
    if (m->byte + (uint64_t)by < m->bytes.length)
        model_byte(m, m->byte + (uint64_t)by);
}

void ui_scroll(size_t *top, long by, size_t most)
{
    if (by < 0)
        *top = *top > (size_t)-by ? *top - (size_t)-by : 0;
    else
        *top = MIN(*top + (size_t)by, most);
}

static size_t info_most(const struct model *m)
{
    const struct table *t = m->moment.tables;

    if (m->info == INFO_HPACK)
        return t[0].count + t[1].count + t[0].evicted_count + t[1].evicted_count;
    return m->info == INFO_WINDOWS ? m->moment.count : 0;
}

void ui_move(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    int wide = view_bytes_in_row(ui_pane(ui, NULL, PANE_BYTES).w);

    switch (m->focus) {
    case PANE_EVENTS:
        ui_move_event(ui, by);
        break;
    case PANE_TREE:
        move_line(m, by);
        break;
    case PANE_BYTES:
        move_byte(m, (long)by * wide);
        break;
    default:
        if (m->info == INFO_TEXT)
            ui_lesson_scroll(ui, by);
        else
            ui_scroll(&m->top[PANE_INFO], by, info_most(m));
    }
}

void ui_jump(struct ui *ui, int last)
{
    struct model *m = &ui->m;

    switch (m->focus) {
    case PANE_EVENTS:
        ui_leave(ui);
        if (last && model_count(m))
            model_select(m, model_count(m) - 1);
        else
            ui_move_event(ui, -INT_MAX);
        break;
    case PANE_TREE:
        model_line(m, last && m->count ? m->count - 1 : 0);
        break;
    case PANE_BYTES:
        model_byte(m, last ? m->bytes.length : 0);
        break;
    default:
        if (m->info == INFO_TEXT)
            ui_lesson_scroll(ui, last ? INT_MAX : -INT_MAX);
        else
            m->top[PANE_INFO] = last ? info_most(m) : 0;
    }
}

void ui_open_tree(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    unsigned deepest = 1;

    for (size_t i = 0; i < m->count; i++)
        deepest = MAX(deepest, m->lines[i].depth + 1U);
    if (m->depth > deepest)
        m->depth = deepest;
    if (by > 0)
        m->depth = MIN(m->depth + (unsigned)by, TREE_MOST);
    else if (by < 0 && m->depth > 1)
        m->depth--;
    model_line(m, m->line);
}

/* To what came of this event, or back to what it came from. */
void ui_follow_event(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    ui_leave(ui);
    if (by > 0 ? model_drill(m) : model_rise(m))
        return;
    model_say(m, "%s",
              by > 0
                  ? view_word(m, "nothing came of this event", "이 이벤트에서 나온 것이 없음")
                  : view_word(m, "this came from no other event", "다른 이벤트에서 온 것이 아님"));
}

void ui_drill(struct ui *ui, int by)
{
    if (ui->m.focus == PANE_INFO)
        ui->m.focus = PANE_EVENTS;
    ui_follow_event(ui, by);
}

void ui_turn_info(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    do
        m->info = (enum info)(((int)m->info + INFO_COUNT + by) % INFO_COUNT);
    while (m->info == INFO_TEXT && !m->study);
    m->top[PANE_INFO] = 0;
}

void ui_aside(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    switch (m->focus) {
    case PANE_EVENTS:
        ui_follow_event(ui, by);
        break;
    case PANE_TREE:
        ui_open_tree(ui, by);
        break;
    case PANE_BYTES:
        move_byte(m, by);
        break;
    default:
        ui_turn_info(ui, by);
    }
}

void ui_page(struct ui *ui, int by)
{
    ui_move(ui, by * rows_of(ui, ui->m.focus));
}
