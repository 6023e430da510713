/*
 * view_help - every key, as keys.def has it.
 */
#include "ui/ui.h"
#include "ui/view.h"

void view_help(struct area a, const struct model *m, size_t top)
{
    struct key_row row;
    int y = 0;

    area_rule(a, 0, 0, a.w, ST_DIM);
    area_put(a, 0, 0, ST_FOCUS, "[%s]",
             view_word(m, "keys - any other key closes, down scrolls",
                       "키 - 아래로 더, 다른 키는 닫기"));
    a = area_part(a, 1, 1, a.h - 1, a.w - 2);
    for (size_t i = 0; ui_key_row(i, &row) && y < a.h; i++) {
        if (!row.shown[0])
            continue;
        if (top) {
            top--;
            continue;
        }
        area_put(a, y, 0, ST_KEY, "%-12s", row.shown);
        area_put(a, y++, 13, ST_TEXT, "%s", view_word(m, row.english, row.korean));
    }
}
