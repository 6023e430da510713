/*
 * view_tree - the fields of the selected event, in the order of their bytes.
 */
#include "ui/view.h"

#include <stdio.h>

size_t view_open_lines(const struct model *m, size_t *pick)
{
    size_t n = 0;

    *pick = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (!model_open(m, i))
            continue;
        if (i <= m->line)
            *pick = n;
        n++;
    }
    return n;
}

static void put_line(struct area a, const struct model *m, int y, size_t i)
{
    const struct line *line = &m->lines[i];
    bool holds = i + 1 < m->count && m->lines[i + 1].depth > line->depth;
    bool shut = holds && !model_open(m, i + 1);
    int x = 1 + line->depth * 2;
    enum style st = line->unknown ? ST_BAD : line->derived ? ST_DIM : ST_TEXT;

    area_put(a, y, 0, st, "%c", i == m->line ? '>' : ' ');
    x = area_put(a, y, x, st, "%s", shut ? "+" : holds ? "-" : " ");
    area_text(a, y, x, st, vitro_str_of(line->text));
    if (i == m->line)
        area_style(a, y, 0, a.w, m->focus == PANE_TREE ? ST_PICK : ST_MARK);
}

void view_tree(struct area a, const struct model *m)
{
    size_t pick, n = view_open_lines(m, &pick), top, seen = 0;
    char held[128] = "";
    int y = 0;

    if (model_held(m, m->pick))
        snprintf(held, sizeof held, "%.60s, %s", m->title,
                 view_word(m, "not yet sent", "아직 보내지 않음"));
    a = view_head(a, m, PANE_TREE,
                  held[0]       ? held
                  : m->title[0] ? m->title
                                : view_word(m, "fields", "필드"));
    if (m->why[0])
        area_put(a, y++, 1, ST_BAD, "! %s", m->why);
    top = view_scroll(m->top[PANE_TREE], pick, n, a.h - y);
    for (size_t i = 0; i < m->count && y < a.h; i++) {
        if (model_open(m, i) && seen++ >= top)
            put_line(a, m, y++, i);
    }
    if (!n)
        area_wrap(area_part(a, y, 1, a.h - y, a.w - 2), 0, ST_TEXT, vitro_str_of(m->title));
}
