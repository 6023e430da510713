/*
 * ui_keys - what each key does, by keys.def.
 */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "ui/study.h"
#include "ui/ui.h"
#include "ui/view.h"

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

static void copy(struct ui *ui, int unused)
{
    char *text = ui_copy_text(ui);

    (void)unused;
    if (!text) {
        model_say(&ui->m, "%s", view_word(&ui->m, "nothing to copy here", "복사할 것이 없음"));
        return;
    }
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

/* Fences move by a step; what does not fit is put right where they are drawn. */
static void widen(struct ui *ui, int by)
{
    ui->wider = MAX(-ui->w, MIN(ui->wider + by * 2, ui->w));
}

static void heighten(struct ui *ui, int by)
{
    ui->taller = MAX(-ui->h, MIN(ui->taller + by, ui->h));
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
    ui->help_find[0] = 0;
}

static void back(struct ui *ui, int unused)
{
    (void)unused;
    ui->quit = !ui->alone || ui_lesson_reads(ui);
    ui->alone = false;
}

static void quit(struct ui *ui, int unused)
{
    (void)unused;
    ui->quit = ui->quit_all = true;
}

static void search(struct ui *ui, int by)
{
    ui_leave(ui);
    model_search(&ui->m, by < 0);
}

static void prompt(struct ui *ui, int kind)
{
    ui_prompt_open(ui, kind,
                   kind == '&'                  ? ui->m.filter_text
                   : kind == 'b' && ui->m.study ? ui->m.study->break_text
                                                : "");
}

static void turn_language(struct ui *ui, int unused)
{
    (void)unused;
    ui->m.language = ui->m.language == VITRO_KOREAN ? VITRO_ENGLISH : VITRO_KOREAN;
}

static void toggle_mouse(struct ui *ui, int unused)
{
    (void)unused;
    ui->mouse = !ui->mouse;
    ui->wishes |= UI_WISH_MOUSE;
    model_say(&ui->m, "%s",
              ui->mouse ? view_word(&ui->m, "mouse on: Shift selects text as before",
                                    "마우스 켜짐: 글자 고르기는 Shift와 함께")
                        : view_word(&ui->m, "mouse off", "마우스 꺼짐"));
}

static void cancel(struct ui *ui, int unused)
{
    (void)unused;
    model_stop(&ui->m);
    if (ui->m.study && ui->m.study->goal)
        study_aim(ui->m.study, GOAL_NONE);
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
    [ACT_ON] = { ui_lesson_on, 0 },
    [ACT_STEP] = { ui_lesson_step, 0 },
    [ACT_BACK] = { ui_lesson_back, 0 },
    [ACT_GO] = { ui_lesson_go, 0 },
    [ACT_BREAK] = { prompt, 'b' },
    [ACT_HELP] = { show_help, 0 },
    [ACT_QUIT] = { back, 0 },
    [ACT_QUIT_ALL] = { quit, 0 },
    [ACT_NEXT_PANE] = { turn_pane, 1 },
    [ACT_LAST_PANE] = { turn_pane, -1 },
    [ACT_TURN] = { ui_turn_info, 1 },
    [ACT_MAXIMISE] = { maximise, 0 },
    [ACT_WIDER] = { widen, 1 },
    [ACT_NARROWER] = { widen, -1 },
    [ACT_TALLER] = { heighten, 1 },
    [ACT_LOWER] = { heighten, -1 },
    [ACT_DOWN] = { ui_move, 1 },
    [ACT_UP] = { ui_move, -1 },
    [ACT_LEFT] = { ui_aside, -1 },
    [ACT_RIGHT] = { ui_aside, 1 },
    [ACT_DRILL] = { ui_drill, 1 },
    [ACT_RISE] = { ui_follow_event, -1 },
    [ACT_PAGE_DOWN] = { ui_page, 1 },
    [ACT_PAGE_UP] = { ui_page, -1 },
    [ACT_FIRST] = { ui_jump, false },
    [ACT_LAST] = { ui_jump, true },
    [ACT_EVENT_BACK] = { ui_lesson_event, -1 },
    [ACT_EVENT_ON] = { ui_lesson_event, 1 },
    [ACT_SEARCH] = { prompt, '/' },
    [ACT_SEARCH_ON] = { search, 1 },
    [ACT_SEARCH_BACK] = { search, -1 },
    [ACT_FILTER] = { prompt, '&' },
    [ACT_FILTER_TOGGLE] = { ui_filter_toggle, 0 },
    [ACT_FILTER_INVERT] = { ui_filter_invert, 0 },
    [ACT_FOLLOW] = { toggle_follow, 0 },
    [ACT_MARK] = { prompt, 'm' },
    [ACT_TO_MARK] = { prompt, '\'' },
    [ACT_COPY] = { copy, 0 },
    [ACT_WRITE] = { prompt, 'w' },
    [ACT_LANGUAGE] = { turn_language, 0 },
    [ACT_COMMAND] = { prompt, ':' },
    [ACT_OPEN] = { ui_open_tree, 1 },
    [ACT_OPEN_ALL] = { ui_open_tree, TREE_MOST },
    [ACT_CLOSE] = { ui_open_tree, -1 },
    [ACT_PANE_1] = { choose_pane, 0 },
    [ACT_PANE_2] = { choose_pane, 1 },
    [ACT_PANE_3] = { choose_pane, 2 },
    [ACT_PANE_4] = { choose_pane, 3 },
    [ACT_MOUSE] = { toggle_mouse, 0 },
    [ACT_CANCEL] = { cancel, 0 },
    [ACT_REDRAW] = { wish, UI_WISH_REDRAW },
    [ACT_STOP] = { wish, UI_WISH_STOP },
};

void ui_act(struct ui *ui, enum action action)
{
    if (action == ACT_NONE || (keymap_of_lesson(action) && !ui->m.study))
        return;
    assert(deeds[action].run); /* every row of keys.def does something */
    ui_lesson_turns(ui, action);
    deeds[action].run(ui, deeds[action].with);
}

/* ---- the help -------------------------------------------------------------------------------- */

void ui_help_scroll(struct ui *ui, long by)
{
    ui_scroll(&ui->help_top, by, ACT_COUNT - 2);
}

static void help_key(struct ui *ui, enum action action)
{
    long page = MAX(ui->h - 3, 1);

    switch (action) {
    case ACT_DOWN:
    case ACT_UP:
        ui_help_scroll(ui, action == ACT_DOWN ? 1 : -1);
        break;
    case ACT_PAGE_DOWN:
    case ACT_PAGE_UP:
        ui_help_scroll(ui, action == ACT_PAGE_DOWN ? page : -page);
        break;
    case ACT_SEARCH:
        ui_prompt_open(ui, '?', ui->help_find);
        break;
    case ACT_STOP:
    case ACT_REDRAW:
    case ACT_QUIT_ALL:
    case ACT_LANGUAGE:
    case ACT_MOUSE:
        ui_act(ui, action);
        break;
    default:
        ui->help = false;
    }
}

void ui_key(struct ui *ui, int key)
{
    enum action action = keymap_action(&ui->keys, key);
    bool small = ui->w < UI_MIN_WIDTH || ui->h < UI_MIN_HEIGHT;

    /* What cannot be seen cannot be chosen: only leaving works on a screen too small. */
    if (small) {
        ui->quit = ui->quit || action == ACT_QUIT || action == ACT_QUIT_ALL;
        ui->quit_all |= action == ACT_QUIT_ALL;
        if (action == ACT_STOP)
            ui_act(ui, action);
        return;
    }
    ui->m.message[0] = 0;
    if (ui->prompt && action != ACT_STOP)
        ui_prompt_key(ui, key);
    else if (ui->help && action != ACT_STOP)
        help_key(ui, action);
    else if (!ui_lesson_takes(ui, key))
        ui_act(ui, action);
    ui_look(ui);
}
