/*
 * view_help - every key, as it is bound now; `/` shows only those whose words hold a text.
 */
#include "ui/facts.h"
#include "ui/ui.h"
#include "ui/view.h"

enum { KEYS = 13 };

static bool is_wanted(const struct ui *ui, const struct key_row *row)
{
    vitro_str find = vitro_str_of(ui->help_find);

    if (row->lesson ? !ui->m.study : ui->m.study && !row->keys[0])
        return false; /* not here: or its keys do something else in a lesson */
    return !find.len || facts_text_holds(vitro_str_of(row->keys), find) ||
           facts_text_holds(vitro_str_of(row->english), find) ||
           facts_text_holds(vitro_str_of(row->korean), find);
}

void view_help(struct area a, const struct ui *ui)
{
    struct key_row row;
    size_t top = ui->help_top;
    int y = 0;

    area_rule(a, 0, 0, a.w, ST_DIM);
    area_put(a, 0, 0, ST_FOCUS, "[%s]",
             view_word(&ui->m, "keys - down scrolls, / finds, any other key closes",
                       "키 - 아래로 더, /로 찾기, 다른 키는 닫기"));
    if (ui->help_find[0])
        area_put(a, 0, 56, ST_KEY, " /%s ", ui->help_find);
    a = area_part(a, 1, 1, a.h - 1, a.w - 2);
    for (size_t i = 0; keymap_row(&ui->keys, i, &row) && y < a.h; i++) {
        if (!is_wanted(ui, &row))
            continue;
        if (top) {
            top--;
            continue;
        }
        area_put(a, y, 0, ST_KEY, "%-*s", KEYS - 1, row.keys);
        area_put(a, y++, KEYS, ST_TEXT, "%s", view_word(&ui->m, row.english, row.korean));
    }
    if (!y)
        area_put(a, 0, 0, ST_DIM, "%s", view_word(&ui->m, "no key does that", "그런 키가 없음"));
}
