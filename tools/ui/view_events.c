/*
 * view_events - the list of events: number, direction, what it is, stream and length.
 */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ui/study.h"
#include "wrap.h"

const char *view_word(const struct model *m, const char *english, const char *korean)
{
    return m->language == VITRO_KOREAN ? korean : english;
}

struct area view_head(struct area a, const struct model *m, enum pane pane, const char *text)
{
    enum style st = m->focus == pane ? ST_FOCUS : ST_HEAD;
    int x;

    area_rule(a, 0, 0, a.w, ST_DIM);
    x = area_put(a, 0, 0, st, m->focus == pane ? "[%s]" : " %s ", text);
    (void)x;
    return area_part(a, 1, 0, a.h - 1, a.w);
}

size_t view_scroll(size_t top, size_t pick, size_t n, int rows)
{
    size_t h = rows > 0 ? (size_t)rows : 1;

    if (pick + h < top || pick >= top + 2 * h) /* a jump: the lines around it are of interest */
        top = pick > h / 2 ? pick - h / 2 : 0;
    else if (pick < top)
        top = pick;
    else if (pick >= top + h)
        top = pick - h + 1;
    if (top + h > n)
        top = n > h ? n - h : 0;
    return top;
}

static bool is_marked(const struct model *m, uint32_t number)
{
    for (int i = 0; i < MARKS; i++) {
        if (m->marks[i] == number)
            return true;
    }
    return false;
}

static char mark_of(const struct model *m, const struct row *row)
{
    if (row->number == m->pick)
        return '>';
    if (m->study && study_marks(m->study, row->number))
        return '|';
    if (is_marked(m, row->number))
        return '\'';
    return row->bad ? '!' : ' ';
}

/* What is held has no number that matters: it is the next to go, or behind that. */
static void put_number(char out[16], const struct model *m, const struct row *row)
{
    if (!row->held)
        snprintf(out, 16, "%4" PRIu32, model_number(m, row->number));
    else if (m->study->held[0].event == row->number)
        snprintf(out, 16, "%s", view_word(m, "next", "다음"));
    else
        snprintf(out, 16, "    ");
}

vitro_str view_fitting(vitro_str title, int columns)
{
    static const char *const protocols[] = { "TLS 1.3 ", "TLS 1.2 ", "TLS " };

    for (size_t i = 0; i < ARRAY_LEN(protocols) && wrap_columns(title) > columns + 3; i++) {
        size_t n = strlen(protocols[i]);
        if (title.len > n && memcmp(title.ptr, protocols[i], n) == 0)
            return (vitro_str){ title.ptr + n, title.len - n };
    }
    return title;
}

static void put_row(struct area a, const struct model *m, int y, uint32_t number)
{
    struct row row;
    char shown[16];
    enum style st;
    int x, tail, end;

    model_row(m, number, &row);
    put_number(shown, m, &row);
    st = (enum style)row.style;
    x = area_put(a, y, 0, st, "%c%s %c ", mark_of(m, &row), shown, row.arrow);
    tail = wrap_columns(vitro_str_of(row.tail));
    end = a.w - tail - 1;
    area_text(area_part(a, 0, 0, a.h, end > x ? end : x), y, x, st,
              view_fitting(vitro_str_of(row.title), end - x));
    if (end > x)
        area_put(a, y, end + 1, st, "%s", row.tail);
    if (number == m->pick)
        area_style(a, y, 0, a.w, ST_PICK);
}

void view_events(struct area a, const struct model *m)
{
    size_t n = model_count(m), top;

    a = view_head(a, m, PANE_EVENTS, view_word(m, "events", "이벤트"));
    top = view_scroll(m->top[PANE_EVENTS], m->place, n, a.h);
    for (int y = 0; y < a.h && top + (size_t)y < n; y++)
        put_row(a, m, y, model_at(m, top + (size_t)y));
    if (!n && m->filtered)
        area_put(a, 0, 1, ST_DIM, "%s", view_word(m, "nothing matches the filter", "맞는 것 없음"));
    else if (!n)
        area_put(a, 0, 1, ST_DIM, "%s",
                 m->loaded ? view_word(m, "the capture is empty", "빈 캡처")
                           : view_word(m, "waiting for bytes", "바이트를 기다림"));
}
