/*
 * ui_prompt - the line where something is typed: a search, a filter, a command, a letter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "ui/ui.h"
#include "ui/view.h"
#include "wrap.h"

/* ---- what Enter does ------------------------------------------------------------------------- */

static void enter_search(struct ui *ui, const char *text)
{
    if (text[0])
        memcpy(ui->m.search, text, sizeof ui->m.search);
    ui_leave(ui);
    model_search(&ui->m, false);
}

static void enter_filter(struct ui *ui, const char *text)
{
    if (model_filter(&ui->m, text, NULL))
        memcpy(ui->m.filter_text, text, sizeof ui->m.filter_text);
}

static void enter_path(struct ui *ui, const char *text)
{
    if (text[0])
        ui_write(ui, text, false);
}

static void enter_help(struct ui *ui, const char *text)
{
    (void)ui;
    (void)text; /* found while it was typed */
}

static const struct kind {
    int prompt;
    const char *english, *korean;                   /* before what is typed */
    int history;                                    /* -1: none */
    bool filter;                                    /* a filter is typed: a bad one is not taken */
    void (*enter)(struct ui *ui, const char *text); /* NULL: one key answers */
} kinds[] = {
    { '/', "/", "/", HISTORY_SEARCH, false, enter_search },
    { '&', "&", "&", HISTORY_FILTER, true, enter_filter },
    { ':', ":", ":", HISTORY_COMMAND, false, ui_command },
    { 'b', "stop at: ", "멈출 곳: ", HISTORY_BREAK, true, ui_lesson_break },
    { 'w', "write to FILE.pcapng, .txt or .json: ", "쓸 파일 .pcapng .txt .json: ", HISTORY_WRITE,
      false, enter_path },
    { '?', "/", "/", -1, false, enter_help },
    { 'm', "mark: a letter", "표시: 글자 하나", -1, false, NULL },
    { '\'', "to mark: a letter, ' back", "표시로: 글자 하나, ' 되돌아가기", -1, false, NULL },
    { 'o', "is there already; write over it? y n", "이미 있음. 덮어쓸까요? y n", -1, false, NULL },
};

static const struct kind *kind_of(int prompt)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].prompt == prompt)
            return &kinds[i];
    }
    return NULL;
}

void ui_prompt_open(struct ui *ui, int prompt, const char *text)
{
    const struct kind *k = kind_of(prompt);

    ui->prompt = prompt;
    edit_set(&ui->edit, text);
    if (k && k->history >= 0)
        history_open(&ui->history[k->history]);
}

/* ---- one key that answers -------------------------------------------------------------------- */

static void set_mark(struct ui *ui, int key)
{
    if (key >= 'a' && key <= 'z')
        ui->m.marks[key - 'a'] = ui->m.pick;
    else
        model_say(&ui->m, "%s", view_word(&ui->m, "marks are a to z", "표시는 a부터 z까지"));
}

static void go_to_mark(struct ui *ui, int key)
{
    struct model *m = &ui->m;
    uint32_t to = 0;

    if (key == '\'')
        to = ui->came_from;
    else if (key >= 'a' && key <= 'z')
        to = m->marks[key - 'a'];
    if (!to) {
        model_say(m, "%s", view_word(m, "no such mark", "그런 표시가 없음"));
        return;
    }
    ui_leave(ui);
    if (!model_go(m, to))
        model_say(
            m, "%s",
            view_word(m, "hidden by the filter: the next one shown", "거르기에 숨음: 그다음 것"));
}

static void answer(struct ui *ui, int key)
{
    int prompt = ui->prompt;

    ui->prompt = 0;
    if (key == UI_ESCAPE || key == UI_CTRL_C)
        return;
    if (prompt == 'm')
        set_mark(ui, key);
    else if (prompt == '\'')
        go_to_mark(ui, key);
    else if (key == 'y' || key == 'Y')
        ui_write(ui, ui->path, true);
    else
        model_say(&ui->m, "%s", view_word(&ui->m, "nothing written", "쓰지 않음"));
}

/* ---- a line ---------------------------------------------------------------------------------- */

static void enter(struct ui *ui, const struct kind *k)
{
    char text[PROMPT_TEXT];
    struct filter_error err;
    struct filter f;

    if (k->filter && !filter_parse(&f, vitro_str_of(ui->edit.text), &err)) {
        ui->edit.at = err.at; /* what is wrong stands beside */
        return;
    }
    memcpy(text, ui->edit.text, sizeof text);
    ui->prompt = 0;
    if (k->history >= 0)
        history_add(&ui->history[k->history], text);
    k->enter(ui, text);
}

static void type(struct ui *ui, const struct kind *k, int key)
{
    bool recalls = k->history >= 0 && (key == UI_UP || key == UI_DOWN);

    if (recalls)
        history_step(&ui->history[k->history], &ui->edit, key == UI_UP ? -1 : 1);
    else if (key == UI_TAB)
        ui_complete(ui);
    else if (key == UI_BACKSPACE && !ui->edit.text[0])
        ui->prompt = 0;
    else if (!edit_key(&ui->edit, key) && key >= ' ' && key < UI_UP)
        edit_put(&ui->edit, (uint32_t)key);
    if (k->prompt == '?') {
        memcpy(ui->help_find, ui->edit.text, sizeof ui->help_find - 1);
        ui->help_top = 0;
    }
}

void ui_prompt_key(struct ui *ui, int key)
{
    const struct kind *k = kind_of(ui->prompt);

    if (!k || !k->enter)
        answer(ui, key);
    else if (key == UI_ESCAPE || key == UI_CTRL_C)
        ui->prompt = 0;
    else if (key == UI_ENTER)
        enter(ui, k);
    else
        type(ui, k, key);
    if (!ui->prompt && k && k->prompt == '?' && key != UI_ENTER)
        ui->help_find[0] = 0;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void put_verdict(const struct ui *ui, struct area a, int x)
{
    struct filter_error err;
    struct filter f;

    if (!ui->edit.text[0])
        area_put(a, 0, x, ST_DIM, "%s",
                 ui->prompt == 'b' ? view_word(&ui->m, "http2.type == DATA, or empty for none",
                                               "http2.type == DATA, 비우면 없음")
                                   : view_word(&ui->m, "empty shows all", "비우면 모두 보임"));
    else if (filter_parse(&f, vitro_str_of(ui->edit.text), &err))
        area_put(a, 0, x, ST_OK, "%s", view_word(&ui->m, "ok", "맞음"));
    else
        area_put(a, 0, x, ST_BAD, "%s: %s", view_word(&ui->m, "bad", "틀림"),
                 err.text[ui->m.language]);
}

/* The words that Tab could complete to. */
static void put_candidates(const struct ui *ui, struct area a, int x)
{
    char name[ACTION_NAME];
    const char *word;

    for (size_t i = 0; (word = ui_candidate(ui, i, name)) != NULL && x < a.w; i++)
        x = area_put(a, 0, x, ST_DIM, "%s ", word);
}

/* The end of what stands before the cursor, when the line is too short for all of it. */
static vitro_str shown(const struct edit *e, int columns)
{
    vitro_str s = { e->text, e->at };

    while (s.len && wrap_columns(s) > columns) {
        do {
            s.ptr++;
            s.len--;
        } while (s.len && ((unsigned char)*s.ptr & 0xc0u) == 0x80u);
    }
    return s;
}

void ui_prompt_draw(const struct ui *ui, struct area a)
{
    const struct kind *k = kind_of(ui->prompt);
    const struct edit *e = &ui->edit;
    int x = 0, cursor;

    if (ui->prompt == 'o')
        x = area_put(a, 0, 0, ST_TEXT, "%s ", ui->path);
    x = area_put(a, 0, x, ST_KEY, "%s", view_word(&ui->m, k->english, k->korean));
    if (!k->enter)
        return;
    cursor = x = area_text(a, 0, x, ST_TEXT, shown(e, a.w - x - 2));
    x = area_text(a, 0, x, ST_TEXT, vitro_str_of(e->text[e->at] ? e->text + e->at : " "));
    area_style(a, 0, cursor, 1, ST_PICK);
    if (k->filter)
        put_verdict(ui, a, x + 1);
    else if (ui->prompt == ':')
        put_candidates(ui, a, x + 1);
}
