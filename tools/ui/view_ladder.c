/*
 * view_ladder - the frames around the selected one between client and server, time going down;
 * each stream that is seen has a lane.
 */
#include "ui/view.h"

#include <inttypes.h>
#include <stdio.h>

enum { ROWS = 128, LANES = 6, LOOK = 4096, TIME = 8, APPLICATION_DATA = 23 };

struct rungs {
    uint32_t numbers[ROWS];
    int count, pick;
    uint32_t lanes[LANES];
    int lane_count;
};

/* A record that was opened and holds frames is told by them. */
static bool is_last_seen(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_TLS &&
           (ev->type != APPLICATION_DATA || !(ev->flags & VITRO_TLS_OPENED));
}

static bool is_rung(const struct model *m, uint32_t number)
{
    vitro_event ev;

    return vitro_decode_event(m->d, number, &ev) && ev.conn == m->moment.conn &&
           (ev.kind == VITRO_EVENT_FRAME || ev.kind == VITRO_EVENT_PREFACE ||
            ev.kind == VITRO_EVENT_TCP || is_last_seen(&ev));
}

/* Half of the rows before the selected event, the rest behind it. */
static void collect(const struct model *m, int rows, struct rungs *r)
{
    uint32_t n = vitro_decode_count(m->d), first = m->pick;
    int before = 0;

    for (uint32_t i = m->pick; i > 0 && m->pick - i < LOOK && before <= rows / 2; i--) {
        if (is_rung(m, i)) {
            first = i;
            before++;
        }
    }
    r->pick = -1;
    for (uint32_t i = first; i && i <= n && i - first < LOOK && r->count < rows; i++) {
        if (!is_rung(m, i))
            continue;
        if (i <= m->pick)
            r->pick = r->count;
        r->numbers[r->count++] = i;
    }
}

static int lane_of(struct rungs *r, uint32_t stream)
{
    if (!stream)
        return -1;
    for (int i = 0; i < r->lane_count; i++) {
        if (r->lanes[i] == stream)
            return i;
    }
    if (r->lane_count == LANES)
        return -1;
    r->lanes[r->lane_count] = stream;
    return r->lane_count++;
}

static void put_arrow(struct area a, int y, int x, const vitro_event *ev, const struct row *row)
{
    enum style st = (enum style)row->style;
    int end = a.w - 2, width;
    vitro_str title;
    bool right = ev->dir == VITRO_C2S;

    area_fence(a, y, x, 1, ST_DIM);
    area_fence(a, y, end, 1, ST_DIM);
    width = end - x - 1;
    if (width < 4)
        return;
    area_rule(a, y, x + 1, width, st);
    area_put(a, y, right ? end - 1 : x + 1, st, right ? ">" : "<");
    title = view_fitting(vitro_str_of(row->title), width - 6);
    area_put(area_part(a, 0, 0, a.h, end - 2), y, x + 3, st, " %.*s ", (int)title.len, title.ptr);
}

static void put_rung(struct area a, const struct model *m, struct rungs *r, int i, int lanes)
{
    vitro_event ev, zero;
    int64_t us;
    int lane;
    struct row row;

    vitro_decode_event(m->d, r->numbers[i], &ev);
    vitro_decode_event(m->d, 1, &zero);
    us = (ev.time - zero.time) / 1000;
    lane = lane_of(r, ev.stream);
    model_row(m, ev.number, &row);
    area_put(a, i + 1, 0, ST_DIM, "%3" PRId64 ".%03" PRId64, us / 1000000, us / 1000 % 1000);
    for (int k = 0; k < lanes; k++)
        area_fence(a, i + 1, TIME + k, 1, ST_DIM);
    if (lane >= 0)
        area_put(a, i + 1, TIME + lane, (enum style)row.style, a.grid->ascii ? "o" : "●");
    put_arrow(a, i + 1, TIME + lanes + 1, &ev, &row);
    if (i == r->pick)
        area_style(a, i + 1, 0, a.w, ST_PICK);
}

void view_ladder(struct area a, const struct model *m)
{
    struct rungs r = { .count = 0 };
    int lanes;

    a = view_head(a, m, PANE_INFO, view_word(m, "ladder", "사다리"));
    if (!m->pick || m->moment.conn == VITRO_NO_CONN || a.h < 2) {
        area_put(a, 0, 1, ST_DIM, "%s", view_word(m, "no connection yet", "아직 연결이 없음"));
        return;
    }
    collect(m, a.h - 1 < ROWS ? a.h - 1 : ROWS, &r);
    for (int i = 0; i < r.count; i++) {
        vitro_event ev;
        vitro_decode_event(m->d, r.numbers[i], &ev);
        lane_of(&r, ev.stream);
    }
    lanes = r.lane_count;
    area_put(a, 0, 0, ST_DIM, "%s", view_word(m, "time", "시간"));
    for (int k = 0; k < lanes && lanes > 0; k++)
        area_put(a, 0, TIME + k, ST_DIM, "%" PRIu32, r.lanes[k] % 10);
    area_put(a, 0, TIME + lanes + 1, ST_C2S, "%s", view_word(m, "client", "클라이언트"));
    area_put(a, 0, a.w - 7, ST_S2C, "%s", view_word(m, "server", "  서버"));
    for (int i = 0; i < r.count; i++)
        put_rung(a, m, &r, i, lanes);
}
