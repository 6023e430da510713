/*
 * view_text - the text of a lesson: one more pane, or the whole screen.
 */
#include "ui/study.h"
#include "ui/view.h"

#include <string.h>

static const enum style styles[] = {
    [PAGE_TEXT] = ST_TEXT, [PAGE_HEAD] = ST_HEAD, [PAGE_CODE] = ST_TEXT,
    [PAGE_DIM] = ST_DIM,   [PAGE_RIGHT] = ST_OK,  [PAGE_WRONG] = ST_BAD,
};

static void put_line(struct area a, const struct study *s, int y, const struct page_line *line)
{
    bool picked = line->choice && line->choice == s->choice + 1 && study_asks(s);

    area_text(a, y, line->indent, styles[line->style], vitro_str_of(line->text));
    if (line->style == PAGE_CODE)
        area_fence(a, y, 0, 1, ST_DIM);
    if (!picked)
        return;
    area_style(a, y, 0, a.w, ST_PICK);
    if (line == s->page.lines || line[-1].choice != line->choice || !line[-1].text[0])
        area_put(a, y, 0, ST_PICK, ">");
}

void view_text(struct area a, const struct model *m)
{
    const struct study *s = m->study;
    const char *head = view_word(m, "the lesson", "수업");

    if (s->top && study_more(s))
        head = view_word(m, "the lesson: more above and below", "수업: 위아래에 더 있음");
    else if (study_more(s))
        head = view_word(m, "the lesson: more below", "수업: 아래에 더 있음");
    else if (s->top)
        head = view_word(m, "the lesson: more above", "수업: 위에 더 있음");
    a = view_head(a, m, PANE_INFO, head);
    a = area_part(a, 0, 1, a.h, a.w - 2);
    for (int y = 0; y < a.h && s->top + (size_t)y < s->page.count; y++)
        put_line(a, s, y, &s->page.lines[s->top + (size_t)y]);
}
