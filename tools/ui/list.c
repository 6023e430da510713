#include "ui/list.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ui/view.h"
#include "wrap.h"

enum { NUMBER = 4, MINUTES = 9, STATE = 17 };

static const char *say(const struct list *l, const char *english, const char *korean)
{
    return l->language == VITRO_KOREAN ? korean : english;
}

void list_pick(struct list *l, const char *after)
{
    size_t from = 0;

    while (from + 1 < l->count && strcmp(l->rows[from].name, after) != 0)
        from++;
    l->pick = from;
    for (size_t i = 0; i < l->count; i++) {
        size_t at = (from + i) % l->count;
        if (l->rows[at].written && l->rows[at].state != PROGRESS_DONE) {
            l->pick = at;
            return;
        }
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void open_pick(struct list *l)
{
    l->open = l->rows[l->pick].written;
    if (!l->open)
        snprintf(l->message, sizeof l->message, "%s",
                 say(l, "this lesson is not written yet: choose a bright one",
                     "이 수업은 아직 없음: 밝은 것을 고르십시오"));
}

static void move(struct list *l, long by)
{
    long to = (long)l->pick + by;

    l->pick = (size_t)MAX(0, MIN(to, (long)l->count - 1));
}

static bool moves(struct list *l, int key)
{
    long page = MAX(l->h - 4, 1);

    if (key == UI_DOWN || key == 'j' || key == UI_TAB)
        move(l, 1);
    else if (key == UI_UP || key == 'k' || key == UI_BACKTAB)
        move(l, -1);
    else if (key == UI_PAGE_DOWN || key == ' ')
        move(l, page);
    else if (key == UI_PAGE_UP || key == 'B')
        move(l, -page);
    else if (key == UI_HOME || key == 'g')
        l->pick = 0;
    else if (key == UI_END || key == 'G')
        l->pick = l->count - 1;
    else
        return false;
    return true;
}

static bool leaves(struct list *l, int key)
{
    if (key == 'q' || key == 'Q' || key == UI_CTRL_C || key == UI_ESCAPE)
        l->quit = true;
    else if (key == UI_CTRL_Z)
        l->wishes |= UI_WISH_STOP;
    else
        return false;
    return true;
}

void list_key(struct list *l, int key)
{
    bool small = l->w < UI_MIN_WIDTH || l->h < UI_MIN_HEIGHT;

    key = keymap_latin(key);
    l->message[0] = '\0';
    if (leaves(l, key) || small || moves(l, key))
        return;
    if (key == UI_ENTER || key == UI_RIGHT || key == 'l')
        open_pick(l);
    else if (key == 'L')
        l->language = l->language == VITRO_KOREAN ? VITRO_ENGLISH : VITRO_KOREAN;
    else if (key == UI_CTRL_L)
        l->wishes |= UI_WISH_REDRAW;
    else if (key == '?' || key == UI_F1)
        snprintf(l->message, sizeof l->message, "%s",
                 say(l, "what is dim is not written yet; a lesson is done when its end was read",
                     "흐린 것은 아직 없는 수업, 끝까지 읽으면 마친 수업"));
}

/* ---- drawing --------------------------------------------------------------------------------- */

static const char *state_of(const struct list *l, const struct list_row *row)
{
    if (!row->written)
        return say(l, "not written yet", "아직 없음");
    if (row->state == PROGRESS_DONE)
        return say(l, "done", "마침");
    return row->state == PROGRESS_BEGUN ? say(l, "begun", "하는 중") : "";
}

static enum style style_of(const struct list_row *row)
{
    if (!row->written)
        return ST_DIM;
    return row->state == PROGRESS_DONE ? ST_OK : ST_TEXT;
}

static void put_row(const struct list *l, struct area a, int y, size_t i)
{
    const struct list_row *row = &l->rows[i];
    enum style st = style_of(row);
    int x = a.w - STATE - MINUTES;

    area_put(a, y, 0, st, "%c%*.*s", i == l->pick ? '>' : ' ', NUMBER, (int)strcspn(row->name, "-"),
             row->name);
    area_put(area_part(a, 0, 0, a.h, x), y, NUMBER + 3, st, "%s", row->titles[l->language]);
    area_put(a, y, x, st, l->language == VITRO_KOREAN ? "%4d분" : "%4d min", row->minutes);
    area_put(a, y, x + MINUTES, st, "%s", state_of(l, row));
    if (i == l->pick)
        area_style(a, y, 0, a.w, ST_PICK);
}

static void put_title(const struct list *l, struct area a)
{
    size_t done = 0, written = 0;
    char right[64];

    for (size_t i = 0; i < l->count; i++) {
        written += l->rows[i].written;
        done += l->rows[i].written && l->rows[i].state == PROGRESS_DONE;
    }
    snprintf(right, sizeof right,
             l->language == VITRO_KOREAN ? "%zu개 가운데 %zu개 마침 " : "%zu written, %zu done ",
             written, done);
    area_put(a, 0, 0, ST_TITLE, "%*s", a.w, "");
    area_put(a, 0, 0, ST_TITLE, " vitro  %s", say(l, "the lessons", "수업"));
    area_put(a, 0, a.w - wrap_columns(vitro_str_of(right)), ST_TITLE, "%s", right);
}

/* One hint of the last line; returns the column behind it, or `at` when it does not fit. */
static int put_hint(struct area a, int at, const char *key, const char *word)
{
    int n = wrap_columns(vitro_str_of(key)) + wrap_columns(vitro_str_of(word)) + 3;

    if (at + n > a.w)
        return at;
    at = area_put(a, 0, at, ST_KEY, " %s", key);
    return area_put(a, 0, at, ST_DIM, " %s ", word);
}

static void put_hints(const struct list *l, struct area a)
{
    static const struct {
        const char *key, *english, *korean;
    } hints[] = { { "Down Up", "choose", "고르기" },
                  { "Enter", "open", "열기" },
                  { "q", "quit", "끝내기" },
                  { "L", "한국어", "English" },
                  { "?", "help", "도움말" } };
    int x = 0;

    if (l->message[0])
        area_put(a, 0, 1, ST_KEY, "%s", l->message);
    for (size_t i = 0; !l->message[0] && i < ARRAY_LEN(hints); i++)
        x = put_hint(a, x, hints[i].key, say(l, hints[i].english, hints[i].korean));
}

void list_draw(struct list *l, struct grid *g)
{
    struct area a = grid_area(g), rows = area_part(a, 2, 0, a.h - 4, a.w);

    grid_clear(g);
    if (ui_too_small(a))
        return;
    put_title(l, a);
    l->top = view_scroll(l->top, l->pick, l->count, rows.h);
    for (int y = 0; y < rows.h && l->top + (size_t)y < l->count; y++)
        put_row(l, rows, y, l->top + (size_t)y);
    if (l->top)
        area_put(a, 1, NUMBER + 3, ST_DIM, "%s", say(l, "... more above", "... 위에 더 있음"));
    if (l->top + (size_t)rows.h < l->count)
        area_put(a, a.h - 2, NUMBER + 3, ST_DIM, "%s",
                 say(l, "... more below", "... 아래에 더 있음"));
    put_hints(l, area_part(a, a.h - 1, 0, 1, a.w));
}
