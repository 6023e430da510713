/*
 * ui_lesson - a lesson on the screen: what its keys do, and its first and last line.
 */
#include "ui/ui.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ui/study.h"
#include "ui/view.h"
#include "wrap.h"

/* ---- where the learner is -------------------------------------------------------------------- */

bool ui_lesson_reads(const struct ui *ui)
{
    return ui->m.study && ui->alone && ui->m.focus == PANE_INFO && ui->m.info == INFO_TEXT &&
           study_part(ui->m.study)->kind != PART_WIRE;
}

static void go_to(struct ui *ui, uint32_t number)
{
    if (number)
        model_go(&ui->m, number);
}

/* To the first event of this part that has bytes, as the text is mostly of those; else the first.
 */
static void go_to_first(struct ui *ui)
{
    uint32_t first = study_beside(ui->m.study, 0, 1), n = first;

    go_to(ui, n);
    while (n && !model_has_bytes(&ui->m)) {
        n = study_beside(ui->m.study, n, 1);
        go_to(ui, n ? n : first);
    }
}

/* The line of a field: "not_after" is "x509.not_after: 2021-...". None: the count of lines. */
static size_t line_named(const struct model *m, vitro_str name)
{
    size_t i;

    for (i = 0; i < m->count; i++) {
        const char *text = m->lines[i].text;
        size_t n = strcspn(text, ":"), at = n < name.len ? n : n - name.len;

        if (at + name.len == n && memcmp(text + at, name.ptr, n - at) == 0 &&
            (at == 0 || text[at - 1] == '.'))
            break;
    }
    return i;
}

/* The next word in backquotes; what is left of the text, or NULL. */
static const char *quoted(const char *text, vitro_str *word)
{
    const char *from = strchr(text, '`'), *to = from ? strchr(from + 1, '`') : NULL;

    if (!to)
        return NULL;
    *word = (vitro_str){ from + 1, (size_t)(to - from) - 1 };
    return to + 1;
}

/* To the first field that the text names and that is folded away: its tree opens for this part. */
static void unfold_named(struct ui *ui)
{
    const struct study *s = ui->m.study;
    const struct lesson_part *p = &s->parts[ui->m.language].items[s->part];
    const struct lesson_text *all = s->is.texts[ui->m.language];
    vitro_str word;

    for (size_t b = p->first; b < p->first + p->count; b++) {
        const char *text = all->blocks[b].text;

        while (text && (text = quoted(text, &word))) {
            size_t line = line_named(&ui->m, word);
            if (line == ui->m.count || model_open(&ui->m, line))
                continue;
            ui->folded = ui->m.depth;
            ui->m.depth = ui->m.lines[line].depth + 1U;
            model_line(&ui->m, line);
            return;
        }
    }
}

/*
 * To where this part begins. Where that is its only event, to its first byte: there is nothing to
 * choose from, and the bytes are to be walked through.
 */
static void go_to_part(struct ui *ui)
{
    const struct study *s = ui->m.study;
    bool alone = s->shows[s->part].chosen == 1;

    go_to_first(ui);
    unfold_named(ui);
    ui->m.top[PANE_EVENTS] = ui->m.place ? ui->m.place - 1 : 0; /* what belongs to it follows */
    ui->m.focus = alone && model_has_bytes(&ui->m) ? PANE_BYTES : PANE_EVENTS;
}

/* Who stands on an event of this part walks those; who has left them, all. */
void ui_lesson_event(struct ui *ui, int by)
{
    const struct study *s = ui->m.study;
    bool of_part = s && study_part(s)->kind == PART_WIRE && study_marks(s, ui->m.pick);
    uint32_t n = of_part ? study_beside(s, ui->m.pick, by) : 0;

    if (n)
        go_to(ui, n);
    else
        ui_move_event(ui, by);
}

/* Text alone has the whole screen; what comes with events stands beside them. */
static void enter_part(struct ui *ui)
{
    struct study *s = ui->m.study;
    bool wire = study_part(s)->kind == PART_WIRE;

    ui->alone = !wire;
    if (ui->folded)
        ui->m.depth = ui->folded;
    ui->folded = 0;
    ui->m.info = INFO_TEXT;
    ui->m.focus = wire ? PANE_EVENTS : PANE_INFO;
    if (wire)
        go_to_part(ui);
}

void ui_lesson_begin(struct ui *ui, struct study *study)
{
    model_study(&ui->m, study);
    keymap_lesson(&ui->keys);
    enter_part(ui);
    if (!study->part)
        return;
    model_say(&ui->m, "%s",
              view_word(&ui->m, "here you were: Enter goes on, p back",
                        "지난번에 여기까지: Enter 계속, p 뒤로"));
    if (!study_reached(study))
        study_aim(study, GOAL_PART);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void choose(struct study *s, int by)
{
    const struct lesson_part *p = study_part(s);
    int n = (int)p->center->choice_count;

    s->choice = s->choice < 0 ? (by > 0 ? 0 : n - 1) : (s->choice + by + n) % n;
}

/* A question is chosen from with arrows, letters or digits. */
static bool ask_takes(struct ui *ui, int key)
{
    struct study *s = ui->m.study;
    int n = (int)study_part(s)->center->choice_count;

    if (key == UI_DOWN || key == 'j' || key == UI_TAB)
        choose(s, 1);
    else if (key == UI_UP || key == 'k' || key == UI_BACKTAB)
        choose(s, -1);
    else if (key >= 'a' && key < 'a' + n)
        s->choice = key - 'a';
    else if (key >= '1' && key < '1' + n)
        s->choice = key - '1';
    else
        return false;
    study_show_choice(s);
    return true;
}

bool ui_lesson_takes(struct ui *ui, int key)
{
    if (!ui_lesson_reads(ui))
        return false;
    key = keymap_latin(key);
    if (study_asks(ui->m.study) && ask_takes(ui, key))
        return true;
    if (key == UI_RIGHT || key == 'l')
        ui_lesson_step(ui, 0);
    else if (key == UI_LEFT || key == 'h')
        ui_lesson_back(ui, 0);
    else
        return false;
    return true;
}

void ui_lesson_turns(struct ui *ui, enum action action)
{
    static const enum action of_page[] = {
        ACT_ON,   ACT_STEP,      ACT_BACK,    ACT_GO,       ACT_HELP,     ACT_QUIT,  ACT_QUIT_ALL,
        ACT_DOWN, ACT_UP,        ACT_LEFT,    ACT_RIGHT,    ACT_PAGE_UP,  ACT_LAST,  ACT_FIRST,
        ACT_STOP, ACT_PAGE_DOWN, ACT_COMMAND, ACT_LANGUAGE, ACT_MAXIMISE, ACT_MOUSE, ACT_REDRAW,
    };

    if (!ui_lesson_reads(ui))
        return;
    for (size_t i = 0; i < ARRAY_LEN(of_page); i++) {
        if (of_page[i] == action)
            return;
    }
    ui->alone = false;
}

static void answer(struct ui *ui)
{
    struct study *s = ui->m.study;

    if (s->choice >= 0) {
        study_answer(s);
        model_again(&ui->m); /* what was masked is not any more */
    } else if (!study_more(s)) {
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "first choose: down and up, or a letter; then Enter",
                            "먼저 고르십시오: 아래위 화살표나 글자, 그다음 Enter"));
    } else {
        study_on(s);
    }
}

static void turn(struct ui *ui)
{
    struct study *s = ui->m.study;
    size_t part = s->part;

    if (!study_on(s)) {
        ui->quit = true; /* the last page was read: to the list */
        return;
    }
    if (s->part == part)
        return;
    enter_part(ui);
    if (study_part(s)->kind == PART_WIRE && !study_reached(s))
        study_aim(s, GOAL_PART);
}

/* On a large screen it always is. */
static bool text_is_seen(const struct ui *ui)
{
    bool here = ui->m.info == INFO_TEXT;

    return ui->alone ? here && ui->m.focus == PANE_INFO : here || ui_shows_all(ui);
}

void ui_lesson_on(struct ui *ui, int unused)
{
    struct study *s = ui->m.study;

    (void)unused;
    if (!text_is_seen(ui)) {
        ui->m.info = INFO_TEXT; /* turned away from: back to where it was left */
        ui->m.focus = PANE_EVENTS;
        ui->alone = false;
    } else if (study_asks(s))
        answer(ui);
    else if (s->goal && !study_more(s))
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "the program runs on: Esc stops, q leaves",
                            "프로그램이 돌고 있음: Esc 멈춤, q 나가기"));
    else if (study_part(s)->kind == PART_WIRE && !study_reached(s))
        study_aim(s, GOAL_PART);
    else
        turn(ui);
}

/* On a page, a page; on the wire, one unit. */
void ui_lesson_step(struct ui *ui, int unused)
{
    struct study *s = ui->m.study;

    (void)unused;
    if (ui_lesson_reads(ui) && study_asks(s) && s->choice >= 0)
        model_say(&ui->m, "%s", view_word(&ui->m, "Enter answers", "Enter로 답합니다"));
    else if (ui_lesson_reads(ui))
        ui_lesson_on(ui, 0);
    else if (s->over)
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "the program has ended: all of it has happened",
                            "프로그램이 끝남: 모두 일어났음"));
    else
        study_aim(s, GOAL_STEP);
}

void ui_lesson_back(struct ui *ui, int unused)
{
    struct study *s = ui->m.study;
    size_t part = s->part;

    (void)unused;
    if (!study_back(s))
        model_say(&ui->m, "%s", view_word(&ui->m, "this is the beginning", "여기가 처음"));
    else if (s->part != part)
        enter_part(ui);
}

void ui_lesson_go(struct ui *ui, int unused)
{
    struct study *s = ui->m.study;

    (void)unused;
    if (ui_lesson_reads(ui))
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "nothing to send on this page: Enter reads on",
                            "이 쪽에는 보낼 것이 없음: Enter로 계속"));
    else if (s->over)
        ui_lesson_step(ui, 0);
    else
        study_aim(s, s->break_text[0] ? GOAL_BREAK : GOAL_END);
}

void ui_lesson_break(struct ui *ui, const char *filter)
{
    struct study *s = ui->m.study;
    struct filter f;

    if (!filter_parse(&f, vitro_str_of(filter), NULL))
        return; /* the prompt takes none that is bad */
    s->breaker = f;
    snprintf(s->break_text, sizeof s->break_text, "%s", filter);
    model_say(&ui->m, "%s",
              f.count ? view_word(&ui->m, "the break is set: c runs to it",
                                  "멈춤 조건을 정함: c로 거기까지")
                      : view_word(&ui->m, "no break any more", "멈춤 조건을 지움"));
}

void ui_lesson_scroll(struct ui *ui, long by)
{
    study_scroll(ui->m.study, by);
}

/* ---- the run --------------------------------------------------------------------------------- */

/* What was asked for is there: the cursor goes to it. */
static void arrive(struct ui *ui, enum study_goal goal)
{
    struct study *s = ui->m.study;

    if (goal == GOAL_PART)
        go_to_part(ui);
    else if (goal == GOAL_STEP)
        go_to(ui, s->sent);
    else if (goal == GOAL_BREAK && s->held_count && !s->over)
        go_to(ui, s->held[0].event);
    else if (goal == GOAL_BREAK || goal == GOAL_END)
        model_select(&ui->m, model_count(&ui->m) - 1);
    if (goal == GOAL_BREAK && !s->over)
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "the break: this frame is next, and not yet sent",
                            "멈춤: 이 프레임이 다음이고, 아직 보내지 않았음"));
    if (goal == GOAL_BREAK && s->over)
        model_say(&ui->m, "%s",
                  view_word(&ui->m, "the end: no frame matched the break",
                            "끝: 멈춤 조건에 맞는 프레임이 없었음"));
    if (goal == GOAL_PART && !lesson_selection_reach(&s->shows[s->part]))
        model_say(
            &ui->m, "%s",
            view_word(&ui->m, "this did not happen in this run", "이번 실행에서는 일어나지 않음"));
}

bool ui_lesson_work(struct ui *ui, int64_t now_ms)
{
    struct study *s = ui->m.study;
    enum study_goal goal = s->goal;
    bool changed = study_work(s, ui->m.d, now_ms);

    if (changed)
        model_grown(&ui->m);
    if (goal && !s->goal) {
        model_again(&ui->m); /* what was sent is not masked any more */
        arrive(ui, goal);
    }
    if (changed)
        ui_look(ui); /* the text says how much has come */
    return changed;
}

/* ---- first and last line --------------------------------------------------------------------- */

static const char *state_of(const struct ui *ui, char *out, size_t size)
{
    const struct model *m = &ui->m;
    const struct study *s = m->study;

    if (s->over)
        return view_word(m, "ended", "끝남");
    if (s->goal || s->free)
        return view_word(m, "running", "가는 중");
    if (ui_lesson_reads(ui))
        return "";
    if (!s->held_count)
        return s->is.real ? view_word(m, "time runs on", "시간이 흐름") : "";
    snprintf(out, size, m->language == VITRO_KOREAN ? "%zu개 붙듦" : "%zu held", s->held_count);
    return out;
}

void ui_lesson_title(const struct ui *ui, struct area a)
{
    const struct model *m = &ui->m;
    const struct study *s = m->study;
    char right[200], held[32], part[64];
    const char *state = state_of(ui, held, sizeof held);
    int columns;

    snprintf(part, sizeof part, m->language == VITRO_KOREAN ? "%zu/%zu" : "part %zu of %zu",
             s->part + 1, s->count);
    snprintf(right, sizeof right, "%s%s%s%s%s ", s->is.real ? "--real  " : "", state,
             state[0] ? "  " : "", m->filtered ? "& " : "", part);
    columns = wrap_columns(vitro_str_of(right));
    area_put(a, 0, 0, ST_TITLE, "%*s", a.w, "");
    area_put(area_part(a, 0, 0, 1, a.w - columns - 1), 0, 0, ST_TITLE, " vitro  %.2s  %s",
             s->is.name, lesson_text_title(s->is.texts[m->language]));
    area_put(a, 0, a.w - columns, ST_TITLE, "%s", right);
}

/* The moments of a lesson, and the keys that are worth naming in each. */
enum moment_of_lesson { READING, ENDING, ASKING, RUNNING, SCROLLING, WALKING, STEPPING, OVER };

static enum moment_of_lesson moment_of(const struct ui *ui)
{
    const struct study *s = ui->m.study;

    if (study_asks(s))
        return ASKING;
    if (s->part + 1 == s->count && !study_more(s))
        return ENDING;
    if (ui_lesson_reads(ui))
        return READING;
    if (s->goal)
        return RUNNING;
    if (study_more(s))
        return SCROLLING;
    if (ui->m.focus == PANE_BYTES)
        return WALKING;
    return s->over ? OVER : STEPPING;
}

enum { HINTS = 8 };
static const struct hint hints[][HINTS] = {
    [READING] = { { ACT_ON, ACT_NONE, "read on", "계속" },
                  { ACT_BACK, ACT_NONE, "back", "뒤로" },
                  { ACT_QUIT, ACT_NONE, "to the list", "목록으로" },
                  { ACT_LANGUAGE, ACT_NONE, "한국어", "English" },
                  { ACT_HELP, ACT_NONE, "all keys", "모든 키" } },
    [ENDING] = { { ACT_ON, ACT_NONE, "to the list of lessons", "수업 목록으로" },
                 { ACT_BACK, ACT_NONE, "back", "뒤로" },
                 { ACT_LANGUAGE, ACT_NONE, "한국어", "English" },
                 { ACT_HELP, ACT_NONE, "all keys", "모든 키" } },
    [ASKING] = { { ACT_DOWN, ACT_UP, "choose", "고르기" },
                 { ACT_ON, ACT_NONE, "answer", "답하기" },
                 { ACT_BACK, ACT_NONE, "back", "뒤로" },
                 { ACT_QUIT, ACT_NONE, "to the list", "목록으로" },
                 { ACT_HELP, ACT_NONE, "all keys", "모든 키" } },
    [RUNNING] = { { ACT_CANCEL, ACT_NONE, "stop", "멈춤" },
                  { ACT_QUIT, ACT_NONE, "to the list", "목록으로" } },
    [SCROLLING] = { { ACT_ON, ACT_NONE, "read on", "더 읽기" },
                    { ACT_STEP, ACT_NONE, "send one frame", "프레임 하나 보내기" },
                    { ACT_EVENT_BACK, ACT_EVENT_ON, "event", "이벤트" },
                    { ACT_BACK, ACT_NONE, "back", "뒤로" },
                    { ACT_QUIT, ACT_NONE, "list", "목록" },
                    { ACT_HELP, ACT_NONE, "keys", "키" } },
    [WALKING] = { { ACT_ON, ACT_NONE, "next", "다음" },
                  { ACT_LEFT, ACT_RIGHT, "byte", "바이트" },
                  { ACT_EVENT_BACK, ACT_EVENT_ON, "event", "이벤트" },
                  { ACT_STEP, ACT_NONE, "send one", "하나 보내기" },
                  { ACT_BACK, ACT_NONE, "back", "뒤로" },
                  { ACT_QUIT, ACT_NONE, "list", "목록" },
                  { ACT_HELP, ACT_NONE, "keys", "키" } },
    [STEPPING] = { { ACT_ON, ACT_NONE, "next", "다음" },
                   { ACT_STEP, ACT_NONE, "send one frame", "프레임 하나 보내기" },
                   { ACT_EVENT_BACK, ACT_EVENT_ON, "event", "이벤트" },
                   { ACT_TURN, ACT_NONE, "turn", "바꾸기" },
                   { ACT_BACK, ACT_NONE, "back", "뒤로" },
                   { ACT_QUIT, ACT_NONE, "list", "목록" },
                   { ACT_HELP, ACT_NONE, "keys", "키" } },
    [OVER] = { { ACT_ON, ACT_NONE, "next", "다음" },
               { ACT_EVENT_BACK, ACT_EVENT_ON, "event", "이벤트" },
               { ACT_TURN, ACT_NONE, "turn", "바꾸기" },
               { ACT_NEXT_PANE, ACT_NONE, "pane", "창" },
               { ACT_BACK, ACT_NONE, "back", "뒤로" },
               { ACT_QUIT, ACT_NONE, "list", "목록" },
               { ACT_HELP, ACT_NONE, "keys", "키" } },
};

void ui_lesson_hints(struct ui *ui, struct area a)
{
    const struct hint *row = hints[moment_of(ui)];
    size_t n = 0;

    while (n < HINTS && row[n].action)
        n++;
    ui_put_hints(ui, a, row, n);
}
