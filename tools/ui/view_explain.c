/*
 * view_explain - what the dictionary says of the selected field and of its event.
 */
#include "ui/view.h"

#include <stdio.h>
#include <string.h>

static int put_entry(struct area a, const struct model *m, int y, const char *key)
{
    vitro_explanation e;

    if (!key[0] || !vitro_explain(key, m->language, &e))
        return y;
    area_put(a, y++, 0, ST_HEAD, "%s", e.name);
    y = area_wrap(a, y, ST_TEXT, vitro_str_of(e.text));
    if (e.section[0])
        area_put(a, y++, 0, ST_DIM, "%s", e.section);
    return y + 1;
}

/* The nearest line above that has an entry. */
static const char *key_above(const struct model *m)
{
    size_t i = m->line;

    if (i >= m->count)
        return "";
    while (i > 0 && !m->lines[i].key[0])
        i--;
    return m->lines[i].key;
}

void view_explain(struct area a, const struct model *m)
{
    const char *key = key_above(m);
    int y = 0;

    a = view_head(a, m, PANE_INFO, view_word(m, "explanation", "설명"));
    a = area_part(a, 0, 1, a.h, a.w - 2);
    if (m->why[0]) /* the fields have a line for it, which is often too short */
        y = area_wrap(a, y, ST_BAD, vitro_str_of(m->why)) + 1;
    if (m->ev.bits & VITRO_EVENT_HELD)
        y = put_entry(a, m, y, "note.held") + 1;
    else if (m->ev.kind == VITRO_EVENT_NOTE) /* the list cuts it */
        y = area_wrap(a, y, ST_KEY, vitro_str_of(m->title)) + 1;
    if (m->line < m->count)
        y = area_wrap(a, y, ST_KEY, vitro_str_of(m->lines[m->line].text));
    y = put_entry(a, m, y, key);
    if (strcmp(key, m->key) != 0)
        put_entry(a, m, y, m->key);
}
