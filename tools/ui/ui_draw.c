/*
 * ui_draw - where each pane stands, by the size of the screen.
 *
 *      80x24                              120x40 and up
 *      title                              title
 *      events  | bytes                    events | bytes
 *      --------+------------              -------+---------------------
 *      fields  | one of four (t)          fields | explanation | HPACK
 *      keys                                      | windows     | ladder
 */
#include "ui/ui.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ui/study.h"
#include "ui/view.h"
#include "wrap.h"

enum { LEFT = 38, TEXT = 38, PAGE = 78, WIDE = 120, TALL = 40, LEAST_WIDTH = 20, LEAST_HEIGHT = 3 };

bool ui_shows_all(const struct ui *ui)
{
    return ui->w >= WIDE && ui->h >= TALL;
}

/* A fence where it belongs by default, moved, and kept so far from both ends. */
static int fence(int at, int moved, int least, int size)
{
    return MAX(least, MIN(at + moved, size - least));
}

struct area ui_pane(const struct ui *ui, struct grid *g, enum pane pane)
{
    struct area a = { g, 1, 0, ui->h - 2, ui->w };
    int left = ui_shows_all(ui) ? ui->w * 3 / 8 : ui->w >= 80 ? LEFT : ui->w / 2 - 1;
    int top = (a.h + 1) / 2, upper = ui_shows_all(ui) ? a.h / 3 : top;

    if (ui->alone)
        return a;
    if (ui->m.study) { /* its text wants more room than its bytes */
        upper = a.h / 3 + 1;
        if (ui_shows_all(ui)) {
            left = LEFT;
            a.w -= TEXT + 1;
        }
    }
    left = fence(left, ui->wider, LEAST_WIDTH, a.w);
    top = fence(top, ui->taller, LEAST_HEIGHT, a.h);
    upper = fence(upper, ui->taller, LEAST_HEIGHT, a.h);
    switch (pane) {
    case PANE_EVENTS:
        return area_part(a, 0, 0, top, left);
    case PANE_TREE:
        return area_part(a, top, 0, a.h - top, left);
    case PANE_BYTES:
        return area_part(a, 0, left + 1, upper, a.w - left - 1);
    default:
        return area_part(a, upper, left + 1, a.h - upper, a.w - left - 1);
    }
}

/* Where the text of a lesson stands: on a large screen beside everything else. */
static struct area text_pane(const struct ui *ui, struct grid *g)
{
    if (!ui->alone && ui_shows_all(ui))
        return (struct area){ g, 1, ui->w - TEXT, ui->h - 2, TEXT };
    return ui_pane(ui, g, PANE_INFO);
}

void ui_look(struct ui *ui)
{
    enum info info = ui->m.info;
    struct area text = text_pane(ui, NULL);
    bool seen = !ui->alone || ui->m.focus == PANE_INFO;

    if (ui->m.study && ui->w >= UI_MIN_WIDTH && ui->h >= UI_MIN_HEIGHT)
        study_lay_out(ui->m.study, ui->m.language, MIN(text.w - 2, PAGE), text.h - 1);
    ui->m.moment_seen = seen && (ui_shows_all(ui) || info == INFO_HPACK || info == INFO_WINDOWS);
}

/* ---- first and last line --------------------------------------------------------------------- */

/* Whether and how fast the capture grows, and what it lacks. */
static void put_state(const struct model *m, char *out, size_t size)
{
    uint32_t n = vitro_decode_count(m->d);
    struct text t;

    vitro_text_init(&t, out, size);
    if (m->live && m->loaded)
        vitro_text_add(&t, "%s  ", view_word(m, "ended", "끝남"));
    else if (m->follow)
        vitro_text_add(&t, "%s  ", view_word(m, "FOLLOW", "따라가는 중"));
    else if (m->unseen && !m->loaded && n > m->unseen)
        vitro_text_add(&t, "%s +%" PRIu32 "  ", view_word(m, "PAUSED", "멈춤"), n - m->unseen);
    else if (!m->loaded && m->read == m->size)
        vitro_text_add(&t, "%s  ", view_word(m, "live", "실시간"));
    else if (!m->loaded)
        vitro_text_add(&t, "%d%%  ", (int)(m->read * 100 / m->size));
    if (m->rate)
        vitro_text_add(&t, "%s%u%s  ", view_word(m, "", "초당 "), m->rate, view_word(m, "/s", ""));
    if (m->missed)
        vitro_text_add(&t, "%" PRIu64 "%s  ", m->missed, view_word(m, " missed", "개 놓침"));
}

/* The filter is always seen; the folders of a file make room for it. */
static const char *short_name(const struct model *m, int room)
{
    const char *slash = strrchr(m->name, '/');
    int all = wrap_columns(vitro_str_of(m->name)) + wrap_columns(vitro_str_of(m->filter_text));

    return m->filtered && slash && slash[1] && all + 13 > room ? slash + 1 : m->name;
}

static void put_title(const struct ui *ui, struct area a)
{
    const struct model *m = &ui->m;
    vitro_event zero;
    bool any = vitro_decode_event(m->d, 1, &zero);
    int64_t us = m->pick && any ? (m->ev.time - zero.time) / 1000 : 0;
    uint32_t n = vitro_decode_count(m->d);
    char right[240], filter[64] = "", state[96];
    int room;

    if (m->filtered && m->language == VITRO_KOREAN)
        snprintf(filter, sizeof filter, "%" PRIu32 "개 중 %zu개  ", n, m->shown_count);
    else if (m->filtered)
        snprintf(filter, sizeof filter, "%zu of %" PRIu32 " shown  ", m->shown_count, n);
    put_state(m, state, sizeof state);
    snprintf(right, sizeof right, "%s%s#%" PRIu32 "/%" PRIu32 "  %" PRId64 ".%06" PRId64 " s ",
             state, filter, m->pick, n, us / 1000000, us % 1000000);
    area_put(a, 0, 0, ST_TITLE, "%*s", a.w, "");
    room = a.w - wrap_columns(vitro_str_of(right));
    area_put(area_part(a, 0, 0, 1, room - 1), 0, 0, ST_TITLE, " vitro  %s%s%s", short_name(m, room),
             m->filtered ? "  & " : "", m->filtered ? m->filter_text : "");
    area_put(a, 0, room, ST_TITLE, "%s", right);
}

static const struct hint hints[] = {
    { ACT_FOLLOW, ACT_NONE, "follow",
      "따라가기" }, /* the first only while there is what to follow */
    { ACT_HELP, ACT_NONE, "help", "도움말" },
    { ACT_QUIT, ACT_NONE, "quit", "끝" },
    { ACT_NEXT_PANE, ACT_NONE, "pane", "창" },
    { ACT_TURN, ACT_NONE, "turn", "바꾸기" },
    { ACT_SEARCH, ACT_NONE, "search", "찾기" },
    { ACT_FILTER, ACT_NONE, "filter", "거르기" },
    { ACT_EVENT_BACK, ACT_EVENT_ON, "event", "이벤트" },
    { ACT_DRILL, ACT_NONE, "into", "안으로" },
    { ACT_RISE, ACT_NONE, "out", "밖으로" },
    { ACT_COPY, ACT_NONE, "copy", "복사" },
    { ACT_WRITE, ACT_NONE, "write", "쓰기" },
    { ACT_LANGUAGE, ACT_NONE, "한국어", "English" },
    { ACT_MAXIMISE, ACT_NONE, "alone", "크게" },
};

/* Put the key of an action; where it stands is kept for the mouse. */
static int put_hint_key(struct ui *ui, struct area a, int x, enum action action)
{
    char key[KEY_NAME];
    int to;

    keymap_name(ui->keys.keys[action][0], key);
    to = area_put(a, 0, x, ST_KEY, " %s", key);
    ui->hints[ui->hint_count].from = x;
    ui->hints[ui->hint_count].to = to;
    ui->hints[ui->hint_count++].action = action;
    return to;
}

static int hint_width(const struct ui *ui, enum action action)
{
    char key[KEY_NAME];

    if (action == ACT_NONE)
        return 0;
    keymap_name(ui->keys.keys[action][0], key);
    return wrap_columns(vitro_str_of(key)) + 1;
}

/* The columns of a hint with its word; 0: its key is bound to nothing. */
static int hint_columns(const struct ui *ui, const struct hint *h)
{
    const char *word = view_word(&ui->m, h->english, h->korean);

    return !ui->keys.keys[h->action][0] ? 0
                                        : hint_width(ui, h->action) + hint_width(ui, h->other) +
                                              wrap_columns(vitro_str_of(word)) + 2;
}

/* Where there is no room for all, the help, which leads to all the others, stays. */
void ui_put_hints(struct ui *ui, struct area a, const struct hint *row, size_t n)
{
    int x = 0, help = n && row[n - 1].action == ACT_HELP ? hint_columns(ui, &row[n - 1]) : 0;
    bool full = false;

    for (size_t i = 0; i < n; i++) {
        const struct hint *h = &row[i];
        const char *word = view_word(&ui->m, h->english, h->korean);
        int columns = hint_columns(ui, h);
        bool last = i + 1 == n && help;
        full |= x + columns + (last ? 0 : help) > a.w;
        if (!columns || (full && !last) || x + columns > a.w)
            continue;
        x = put_hint_key(ui, a, x, h->action);
        if (h->other)
            x = put_hint_key(ui, a, x, h->other);
        x = area_put(a, 0, x, ST_DIM, " %s ", word);
        ui->hints[ui->hint_count - 1].to = x; /* its word, too */
    }
}

static int percent(uint64_t part, uint64_t all)
{
    return (int)(part * 100 / MAX(all, 1U));
}

static void put_last_line(struct ui *ui, struct area a)
{
    const struct model *m = &ui->m;
    uint32_t n = vitro_decode_count(m->d);
    size_t first = m->live && !m->loaded ? 0 : 1;

    ui->hint_count = 0;
    if (ui->prompt)
        ui_prompt_draw(ui, a);
    else if (m->searching)
        area_put(a, 0, 1, ST_KEY, "%s %s: %d%%  Esc %s", view_word(m, "searching", "찾는 중"),
                 m->search, percent(model_count(m) - m->search_left, model_count(m)),
                 view_word(m, "stops", "멈춤"));
    else if (m->filtered && m->scanned < n)
        area_put(a, 0, 1, ST_KEY, "%s: %d%%  Esc %s", view_word(m, "filtering", "거르는 중"),
                 percent(m->scanned, n), view_word(m, "stops", "멈춤"));
    else if (m->message[0])
        area_put(a, 0, 1, ST_KEY, "%s", m->message);
    else if (m->study)
        ui_lesson_hints(ui, a);
    else
        ui_put_hints(ui, a, hints + first, ARRAY_LEN(hints) - first);
}

/* ---- panes ----------------------------------------------------------------------------------- */

static void put_info(struct area a, const struct model *m, enum info info)
{
    static void (*const views[INFO_COUNT])(struct area, const struct model *) = {
        [INFO_TEXT] = view_text,       [INFO_EXPLAIN] = view_explain, [INFO_HPACK] = view_hpack,
        [INFO_WINDOWS] = view_windows, [INFO_LADDER] = view_ladder,
    };

    views[info](a, m);
}

static void put_four(struct area a, const struct model *m)
{
    int h = (a.h + 1) / 2, w = (a.w - 1) / 2;

    for (int i = 0; i < 4; i++)
        put_info(
            area_part(a, i / 2 * h, i % 2 * (w + 1), i / 2 ? a.h - h : h, i % 2 ? a.w - w - 1 : w),
            m, (enum info)(INFO_EXPLAIN + i));
    area_fence(a, 0, w, a.h, ST_DIM);
}

/* The explanation, and below it what `t` turns; the text stands beside. */
static void put_two(const struct ui *ui, struct grid *g)
{
    struct area a = ui_pane(ui, g, PANE_INFO), text = text_pane(ui, g);
    enum info info = ui->m.info > INFO_EXPLAIN ? ui->m.info : INFO_HPACK;
    int h = a.h / 2;

    put_info(area_part(a, 0, 0, h, a.w), &ui->m, INFO_EXPLAIN);
    put_info(area_part(a, h, 0, a.h - h, a.w), &ui->m, info);
    put_info(text, &ui->m, INFO_TEXT);
    area_fence(grid_area(g), 1, text.x - 1, ui->h - 2, ST_DIM);
}

/* Lists scroll no more than needed: where they stood is kept. */
static void fit(struct ui *ui)
{
    struct model *m = &ui->m;
    struct area events = ui_pane(ui, NULL, PANE_EVENTS), tree = ui_pane(ui, NULL, PANE_TREE);
    struct area bytes = ui_pane(ui, NULL, PANE_BYTES);
    int wide = view_bytes_in_row(bytes.w);
    size_t pick, n = view_open_lines(m, &pick);

    m->top[PANE_EVENTS] = view_scroll(m->top[PANE_EVENTS], m->place, model_count(m), events.h - 1);
    m->top[PANE_TREE] = view_scroll(m->top[PANE_TREE], pick, n, tree.h - 1 - (m->why[0] != 0));
    m->top[PANE_BYTES] =
        view_scroll(m->top[PANE_BYTES], (size_t)(m->byte / (uint64_t)wide),
                    (size_t)((m->bytes.length + (uint64_t)wide - 1) / (uint64_t)wide), bytes.h - 1);
}

/* Where a lesson says nothing, the dictionary does. */
static enum info info_of(const struct model *m)
{
    return m->info == INFO_TEXT && !m->study->page.count ? INFO_EXPLAIN : m->info;
}

static void put_panes(struct ui *ui, struct grid *g)
{
    const struct model *m = &ui->m;

    if (!ui->alone || m->focus == PANE_EVENTS)
        view_events(ui_pane(ui, g, PANE_EVENTS), m);
    if (!ui->alone || m->focus == PANE_TREE)
        view_tree(ui_pane(ui, g, PANE_TREE), m);
    if (!ui->alone || m->focus == PANE_BYTES)
        view_bytes(ui_pane(ui, g, PANE_BYTES), m);
    if (ui->alone && m->focus != PANE_INFO)
        return;
    if (ui_shows_all(ui) && m->study && !ui->alone)
        put_two(ui, g);
    else if (ui_shows_all(ui) && !m->study)
        put_four(ui_pane(ui, g, PANE_INFO), m);
    else
        put_info(ui_pane(ui, g, PANE_INFO), m, info_of(m));
    if (!ui->alone)
        area_fence(grid_area(g), 1, ui_pane(ui, g, PANE_BYTES).x - 1, ui->h - 2, ST_DIM);
}

bool ui_too_small(struct area a)
{
    char text[80];

    if (a.w >= UI_MIN_WIDTH && a.h >= UI_MIN_HEIGHT)
        return false;
    snprintf(text, sizeof text, "too small %dx%d, need %dx%d; q quits", a.w, a.h, UI_MIN_WIDTH,
             UI_MIN_HEIGHT);
    area_wrap(a, 0, ST_TEXT, vitro_str_of(text));
    return true;
}

void ui_draw(struct ui *ui, struct grid *g)
{
    struct area a = grid_area(g);

    grid_clear(g);
    g->ascii = ui->ascii;
    if (ui_too_small(a))
        return;
    fit(ui);
    if (ui->m.study)
        ui_lesson_title(ui, a);
    else
        put_title(ui, a);
    if (ui->help)
        view_help(area_part(a, 1, 0, a.h - 2, a.w), ui);
    else
        put_panes(ui, g);
    put_last_line(ui, area_part(a, a.h - 1, 0, 1, a.w));
}

void ui_init(struct ui *ui, vitro_decode *d, vitro_language language, const char *name)
{
    memset(ui, 0, sizeof *ui);
    model_init(&ui->m, d, language, name);
    keymap_init(&ui->keys);
    ui->w = 80;
    ui->h = 24;
}

void ui_done(struct ui *ui)
{
    free(ui->copied);
    for (int i = 0; i < HISTORY_COUNT; i++)
        history_done(&ui->history[i]);
    model_done(&ui->m);
}

void ui_resize(struct ui *ui, int w, int h)
{
    ui->w = w;
    ui->h = h;
    ui_look(ui);
}
