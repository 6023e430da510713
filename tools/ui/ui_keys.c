/*
 * ui_keys - what each key does, by keys.def.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "ui/ui.h"
#include "ui/view.h"

enum action {
    ACT_NONE,
#define KEY(action, key, other, shown, english, korean) ACT_##action,
#include "ui/keys.def"
#undef KEY
};

static const struct binding {
    int key, other;
    struct key_row row;
} bindings[] = {
#define KEY(action, key, other, shown, english, korean) { key, other, { shown, english, korean } },
#include "ui/keys.def"
#undef KEY
};

bool ui_key_row(size_t i, struct key_row *out)
{
    if (i >= ARRAY_LEN(bindings))
        return false;
    *out = bindings[i].row;
    return true;
}

static enum action action_of(int key)
{
    for (size_t i = 0; key && i < ARRAY_LEN(bindings); i++) {
        if (bindings[i].key == key || bindings[i].other == key)
            return (enum action)(i + 1);
    }
    return ACT_NONE;
}

/* ---- moving ---------------------------------------------------------------------------------- */

static int rows_of(const struct ui *ui, enum pane pane)
{
    struct area a = ui_pane(ui, NULL, pane);

    return MAX(a.h - 1, 1);
}

static void move_event(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    long place = (long)m->place + by, n = (long)model_count(m);

    if (by < 0 && m->follow) {
        m->follow = false;
        m->unseen = vitro_decode_count(m->d);
    }
    m->wanted = 0;
    if (n)
        model_select(m, (size_t)MAX(0, MIN(place, n - 1)));
}

/* The open line that is `by` open lines away. */
static void move_line(struct model *m, long by)
{
    size_t i = m->line, at = m->line;

    for (; by > 0 && i + 1 < m->count; i++) {
        if (model_open(m, i + 1)) {
            at = i + 1;
            by--;
        }
    }
    for (; by < 0 && i > 0; i--) {
        if (model_open(m, i - 1)) {
            at = i - 1;
            by++;
        }
    }
    model_line(m, at);
}

static void move_byte(struct model *m, long by)
{
    if (by < 0 && m->byte < (uint64_t)-by)
        return;
    if (m->byte + (uint64_t)by < m->ev.length)
        model_byte(m, m->byte + (uint64_t)by);
}

static void scroll(size_t *top, long by, size_t most)
{
    if (by < 0)
        *top = *top > (size_t)-by ? *top - (size_t)-by : 0;
    else
        *top = MIN(*top + (size_t)by, most);
}

static size_t info_most(const struct model *m)
{
    const struct table *t = m->moment.tables;

    if (m->info == INFO_HPACK)
        return t[0].count + t[1].count + t[0].evicted_count + t[1].evicted_count;
    return m->info == INFO_WINDOWS ? m->moment.count : 0;
}

static void move(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    int wide = view_bytes_in_row(ui_pane(ui, NULL, PANE_BYTES).w);

    switch (m->focus) {
    case PANE_EVENTS:
        move_event(ui, by);
        break;
    case PANE_TREE:
        move_line(m, by);
        break;
    case PANE_BYTES:
        move_byte(m, (long)by * wide);
        break;
    default:
        scroll(&m->top[PANE_INFO], by, info_most(m));
    }
}

static void jump(struct ui *ui, int last)
{
    struct model *m = &ui->m;

    switch (m->focus) {
    case PANE_EVENTS:
        if (last && model_count(m))
            model_select(m, model_count(m) - 1);
        else
            move_event(ui, -INT_MAX);
        break;
    case PANE_TREE:
        model_line(m, last && m->count ? m->count - 1 : 0);
        break;
    case PANE_BYTES:
        model_byte(m, last ? m->ev.length : 0);
        break;
    default:
        m->top[PANE_INFO] = last ? info_most(m) : 0;
    }
}

static void open_tree(struct ui *ui, int by)
{
    struct model *m = &ui->m;
    unsigned deepest = 1;

    for (size_t i = 0; i < m->count; i++)
        deepest = MAX(deepest, m->lines[i].depth + 1U);
    if (m->depth > deepest)
        m->depth = deepest;
    if (by > 0 && m->depth < 9)
        m->depth++;
    else if (by < 0 && m->depth > 1)
        m->depth--;
    model_line(m, m->line);
}

/* To what came of this event, or back to what it came from. */
static void follow_event(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    if (by > 0 ? model_drill(m) : model_rise(m))
        return;
    model_say(m, "%s",
              by > 0
                  ? view_word(m, "nothing came of this event", "이 이벤트에서 나온 것이 없음")
                  : view_word(m, "this came from no other event", "다른 이벤트에서 온 것이 아님"));
}

static void drill(struct ui *ui, int by)
{
    if (ui->m.focus == PANE_INFO)
        ui->m.focus = PANE_EVENTS;
    follow_event(ui, by);
}

static void turn_info(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    m->info = (enum info)(((int)m->info + INFO_COUNT + by) % INFO_COUNT);
    m->top[PANE_INFO] = 0;
}

static void aside(struct ui *ui, int by)
{
    struct model *m = &ui->m;

    switch (m->focus) {
    case PANE_EVENTS:
        follow_event(ui, by);
        break;
    case PANE_TREE:
        open_tree(ui, by);
        break;
    case PANE_BYTES:
        move_byte(m, by);
        break;
    default:
        turn_info(ui, by);
    }
}

static void page(struct ui *ui, int by)
{
    move(ui, by * rows_of(ui, ui->m.focus));
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void toggle_follow(struct ui *ui, int unused)
{
    struct model *m = &ui->m;

    (void)unused;
    m->follow = !m->follow;
    m->unseen = vitro_decode_count(m->d);
    if (m->follow)
        model_grown(m);
    if (m->follow && m->loaded)
        model_say(
            m, "%s",
            view_word(m, "at the end: nothing follows in this capture", "끝: 더 올 것이 없음"));
}

static void toggle_filter(struct ui *ui, int unused)
{
    struct model *m = &ui->m;
    char text[PROMPT_TEXT];

    (void)unused;
    if (!m->filter_text[0]) {
        model_say(m, "%s", view_word(m, "no filter yet: & makes one", "거르기가 없음: &로 만들기"));
        return;
    }
    memcpy(text, m->filter_text, sizeof text);
    (void)model_filter(m, m->filtered ? "" : text, NULL);
    memcpy(m->filter_text, text, sizeof text);
}

static void copy(struct ui *ui, int unused)
{
    char *text = ui_copy_text(ui);

    (void)unused;
    if (!text)
        return;
    ui->copied = text;
    ui->wishes |= UI_WISH_COPY;
}

static void turn_pane(struct ui *ui, int by)
{
    ui->m.focus = (enum pane)(((int)ui->m.focus + PANE_COUNT + by) % PANE_COUNT);
}

static void choose_pane(struct ui *ui, int pane)
{
    ui->m.focus = (enum pane)pane;
}

static void maximise(struct ui *ui, int unused)
{
    (void)unused;
    ui->alone = !ui->alone;
}

static void show_help(struct ui *ui, int unused)
{
    (void)unused;
    ui->help = true;
    ui->help_top = 0;
}

static void back(struct ui *ui, int unused)
{
    (void)unused;
    ui->quit = !ui->alone;
    ui->alone = false;
}

static void quit(struct ui *ui, int unused)
{
    (void)unused;
    ui->quit = true;
}

static void search(struct ui *ui, int by)
{
    model_search(&ui->m, by < 0);
}

static void prompt(struct ui *ui, int kind)
{
    ui_prompt_open(ui, kind, kind == '&' ? ui->m.filter_text : "");
}

static void turn_language(struct ui *ui, int unused)
{
    (void)unused;
    ui->m.language = ui->m.language == VITRO_KOREAN ? VITRO_ENGLISH : VITRO_KOREAN;
}

static void cancel(struct ui *ui, int unused)
{
    (void)unused;
    model_stop(&ui->m);
}

static void wish(struct ui *ui, int wishes)
{
    ui->wishes |= (unsigned)wishes;
}

/* What each action does, and with what. */
static const struct deed {
    void (*run)(struct ui *ui, int with);
    int with;
} deeds[] = {
    [ACT_HELP] = { show_help, 0 },
    [ACT_QUIT] = { back, 0 },
    [ACT_QUIT_ALL] = { quit, 0 },
    [ACT_NEXT_PANE] = { turn_pane, 1 },
    [ACT_LAST_PANE] = { turn_pane, -1 },
    [ACT_TURN] = { turn_info, 1 },
    [ACT_MAXIMISE] = { maximise, 0 },
    [ACT_DOWN] = { move, 1 },
    [ACT_UP] = { move, -1 },
    [ACT_LEFT] = { aside, -1 },
    [ACT_RIGHT] = { aside, 1 },
    [ACT_DRILL] = { drill, 1 },
    [ACT_RISE] = { follow_event, -1 },
    [ACT_PAGE_DOWN] = { page, 1 },
    [ACT_PAGE_UP] = { page, -1 },
    [ACT_FIRST] = { jump, false },
    [ACT_LAST] = { jump, true },
    [ACT_EVENT_BACK] = { move_event, -1 },
    [ACT_EVENT_ON] = { move_event, 1 },
    [ACT_SEARCH] = { prompt, '/' },
    [ACT_SEARCH_ON] = { search, 1 },
    [ACT_SEARCH_BACK] = { search, -1 },
    [ACT_FILTER] = { prompt, '&' },
    [ACT_FILTER_TOGGLE] = { toggle_filter, 0 },
    [ACT_FOLLOW] = { toggle_follow, 0 },
    [ACT_MARK] = { prompt, 'm' },
    [ACT_TO_MARK] = { prompt, '\'' },
    [ACT_COPY] = { copy, 0 },
    [ACT_WRITE] = { prompt, 'w' },
    [ACT_LANGUAGE] = { turn_language, 0 },
    [ACT_COMMAND] = { prompt, ':' },
    [ACT_OPEN] = { open_tree, 1 },
    [ACT_CLOSE] = { open_tree, -1 },
    [ACT_PANE_1] = { choose_pane, 0 },
    [ACT_PANE_2] = { choose_pane, 1 },
    [ACT_PANE_3] = { choose_pane, 2 },
    [ACT_PANE_4] = { choose_pane, 3 },
    [ACT_CANCEL] = { cancel, 0 },
    [ACT_REDRAW] = { wish, UI_WISH_REDRAW },
    [ACT_STOP] = { wish, UI_WISH_STOP },
};

static void act(struct ui *ui, enum action action)
{
    if (action == ACT_NONE)
        return;
    assert(deeds[action].run); /* every row of keys.def does something */
    deeds[action].run(ui, deeds[action].with);
}

static void help_key(struct ui *ui, enum action action)
{
    size_t page = (size_t)MAX(ui->h - 3, 1);

    if (action == ACT_DOWN || action == ACT_PAGE_DOWN)
        ui->help_top = MIN(ui->help_top + (action == ACT_DOWN ? 1 : page), ARRAY_LEN(bindings) - 1);
    else if (action == ACT_UP || action == ACT_PAGE_UP)
        scroll(&ui->help_top, action == ACT_UP ? -1 : -(long)page, ARRAY_LEN(bindings));
    else if (action == ACT_STOP || action == ACT_REDRAW || action == ACT_QUIT_ALL ||
             action == ACT_LANGUAGE)
        act(ui, action);
    else
        ui->help = false;
}

void ui_key(struct ui *ui, int key)
{
    enum action action = action_of(key);
    bool small = ui->w < UI_MIN_WIDTH || ui->h < UI_MIN_HEIGHT;

    /* What cannot be seen cannot be chosen: only leaving works on a screen too small. */
    if (small && action != ACT_QUIT && action != ACT_QUIT_ALL && action != ACT_STOP)
        return;
    ui->m.message[0] = 0;
    if (ui->prompt && action != ACT_STOP)
        ui_prompt_key(ui, key);
    else if (ui->help)
        help_key(ui, action);
    else
        act(ui, action);
    ui_look(ui);
}
