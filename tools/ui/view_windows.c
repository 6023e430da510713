/*
 * view_windows - what each side may still send, behind the selected event (RFC 9113, 5.2).
 */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>

#include "wrap.h"

enum { COLUMN = 11 };

static void put_right(struct area a, int y, int x, enum style st, const char *text)
{
    area_put(a, y, x + COLUMN - wrap_columns(vitro_str_of(text)), st, "%s", text);
}

/* closed: NULL, or the word for it. */
static void put_left(struct area a, int y, int x, int64_t left, const char *closed)
{
    if (closed)
        put_right(a, y, x, ST_DIM, closed);
    else
        area_put(a, y, x, left > 0 ? ST_TEXT : ST_BAD, "%*" PRId64 "%s", COLUMN, left,
                 left > 0 ? "" : "!");
}

void view_windows(struct area a, const struct model *m)
{
    const struct moment *w = &m->moment;
    const char *closed = view_word(m, "closed", "닫힘");
    int y = -(int)m->top[PANE_INFO];

    a = view_head(a, m, PANE_INFO, view_word(m, "windows here", "이 순간의 흐름 제어 창"));
    if (w->conn != VITRO_NO_CONN && !m->moment_there) {
        area_put(a, 0, 1, ST_DIM, "%s #%" PRIu32 " / %" PRIu32,
                 view_word(m, "working it out", "알아내는 중"), w->at, w->target);
        return;
    }
    if (w->conn == VITRO_NO_CONN) {
        area_put(a, 0, 1, ST_DIM, "%s", view_word(m, "no connection yet", "아직 연결이 없음"));
        return;
    }
    area_put(a, y, 0, ST_DIM, "%s", view_word(m, "may send", "보낼 수"));
    put_right(a, y, 12, ST_C2S, view_word(m, "> client", "> 클라이언트"));
    put_right(a, y++, 24, ST_S2C, view_word(m, "< server", "< 서버"));
    area_put(a, y, 0, ST_HEAD, "%s", view_word(m, "connection", "연결"));
    put_left(a, y, 12, w->left[0], NULL);
    put_left(a, y++, 24, w->left[1], NULL);
    for (size_t i = w->count; i-- > 0 && y < a.h; y++) {
        const struct stream_window *s = &w->streams[i];
        area_put(a, y, 0, s->stream == m->ev.stream ? ST_KEY : ST_TEXT, "%s %" PRIu32,
                 view_word(m, "stream", "스트림"), s->stream);
        put_left(a, y, 12, s->left[0], s->closed[0] ? closed : NULL);
        put_left(a, y, 24, s->left[1], s->closed[1] ? closed : NULL);
    }
    if (!w->from_start && y < a.h)
        area_put(a, y, 0, ST_BAD, "%s",
                 view_word(m, "begun late: counted from 65535", "중간부터 캡처: 65535에서 셈"));
}
