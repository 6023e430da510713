/*
 * ui_prompt - the line where something is typed: a search, a filter, a command, a letter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ui/ui.h"
#include "ui/view.h"

void ui_prompt_open(struct ui *ui, int prompt, const char *text)
{
    ui->prompt = prompt;
    memset(ui->input, 0, sizeof ui->input);
    memcpy(ui->input, text, strnlen(text, sizeof ui->input - 1));
}

static void add(struct ui *ui, uint32_t c)
{
    size_t n = strlen(ui->input);
    char *p = ui->input + n;

    if (n + 4 >= sizeof ui->input || !vitro_utf8_printable(c))
        return;
    if (c < 0x80) {
        *p = (char)c;
    } else if (c < 0x800) {
        *p++ = (char)(0xc0 | c >> 6);
        *p = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
        *p = (char)(0x80 | (c & 0x3f));
    } else {
        *p++ = (char)(0xf0 | c >> 18);
        *p++ = (char)(0x80 | (c >> 12 & 0x3f));
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
        *p = (char)(0x80 | (c & 0x3f));
    }
}

static void take_back(char *text)
{
    size_t n = strlen(text);

    while (n && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
        text[--n] = 0;
    if (n)
        text[n - 1] = 0;
}

/* Complete the field's name that is being typed as far as all that begin so agree. */
static void complete(struct ui *ui)
{
    size_t len = strlen(ui->input), start = len, more = 0;
    const char *first = NULL, *name;

    while (start && strchr(" &|!()<>=\"", ui->input[start - 1]) == NULL)
        start--;
    for (size_t i = 0; (name = filter_field(i)) != NULL; i++) {
        size_t n = len - start;
        if (strncmp(name, ui->input + start, n) != 0)
            continue;
        if (!first)
            more = strlen(name) - n;
        for (size_t k = 0; first && k < more; k++) {
            if (name[n + k] != first[n + k])
                more = k;
        }
        first = first ? first : name;
    }
    if (first && len + more < sizeof ui->input)
        memcpy(ui->input + len, first + (len - start), more);
}

/* ---- commands -------------------------------------------------------------------------------- */

static const char *const themes[THEME_COUNT] = { "dark", "light", "plain" };

static void set_theme(struct ui *ui, const char *name)
{
    for (int i = 0; i < THEME_COUNT; i++) {
        if (strcmp(name, themes[i]) == 0) {
            ui->theme = (enum theme)i;
            ui->wishes |= UI_WISH_THEME;
            return;
        }
    }
    model_say(&ui->m, "theme: dark, light or plain");
}

static void command(struct ui *ui, const char *text)
{
    uint64_t number;

    if (vitro_text_number(vitro_str_of(text), UINT32_MAX, &number)) {
        if (!model_go(&ui->m, (uint32_t)number))
            model_say(&ui->m, "%s",
                      ui->m.filtered ? "hidden by the filter: the next one shown"
                                     : "there is no such event");
    } else if (strncmp(text, "theme ", 6) == 0) {
        set_theme(ui, text + 6);
    } else if (strncmp(text, "w ", 2) == 0) {
        ui_write(ui, text + 2);
    } else if (strcmp(text, "q") == 0) {
        ui->quit = true;
    } else if (text[0]) {
        model_say(&ui->m, "no such command: %s; NUMBER, theme, w or q", text);
    }
}

static void filter(struct ui *ui)
{
    struct filter_error err;

    if (!model_filter(&ui->m, ui->input, &err)) {
        model_say(&ui->m, "bad filter: %s (at %zu)", err.text, err.at + 1);
        return;
    }
    memcpy(ui->m.filter_text, ui->input, sizeof ui->m.filter_text);
}

static void enter(struct ui *ui)
{
    int prompt = ui->prompt;

    ui->prompt = 0;
    if (prompt == '/') {
        if (ui->input[0])
            memcpy(ui->m.search, ui->input, sizeof ui->m.search);
        model_search(&ui->m, false);
    } else if (prompt == '&') {
        filter(ui);
    } else if (prompt == 'w') {
        if (ui->input[0])
            ui_write(ui, ui->input);
    } else if (prompt == ':') {
        command(ui, ui->input);
    }
}

/* ---- marks ----------------------------------------------------------------------------------- */

static void letter(struct ui *ui, int key)
{
    struct model *m = &ui->m;
    uint32_t to, pick = m->pick;
    int prompt = ui->prompt;

    ui->prompt = 0;
    if (prompt == 'm' && key >= 'a' && key <= 'z') {
        m->marks[key - 'a'] = pick;
        return;
    }
    if (prompt != '\'' || (key != '\'' && (key < 'a' || key > 'z')))
        return;
    to = key == '\'' ? ui->came_from : m->marks[key - 'a'];
    if (!to) {
        model_say(m, "%s", view_word(m, "no such mark", "그런 표시가 없음"));
        return;
    }
    model_go(m, to);
    ui->came_from = pick;
}

void ui_prompt_key(struct ui *ui, int key)
{
    if (ui->prompt == 'm' || ui->prompt == '\'') {
        letter(ui, key);
    } else if (key == UI_ESCAPE || key == UI_CTRL_C) {
        ui->prompt = 0;
    } else if (key == UI_ENTER) {
        enter(ui);
    } else if (key == UI_TAB && ui->prompt == '&') {
        complete(ui);
    } else if (key == UI_CTRL_U) {
        ui->input[0] = 0;
    } else if (key == UI_BACKSPACE || key == UI_DELETE || key == 8 || key == 127) {
        if (!ui->input[0])
            ui->prompt = 0;
        take_back(ui->input);
    } else if (key >= ' ' && key < UI_UP) {
        add(ui, (uint32_t)key);
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void put_verdict(const struct ui *ui, struct area a, int x)
{
    struct filter_error err;
    struct filter f;

    if (!ui->input[0])
        area_put(a, 0, x + 2, ST_DIM, "%s",
                 view_word(&ui->m, "empty shows all", "비우면 모두 보임"));
    else if (filter_parse(&f, vitro_str_of(ui->input), &err))
        area_put(a, 0, x + 2, ST_OK, "ok");
    else
        area_put(a, 0, x + 2, ST_BAD, "bad: %s", err.text);
}

void ui_prompt_draw(const struct ui *ui, struct area a)
{
    const char *what =
        ui->prompt == '/'   ? "/"
        : ui->prompt == '&' ? "&"
        : ui->prompt == ':' ? ":"
        : ui->prompt == 'w'
            ? view_word(&ui->m, "write to FILE.txt or .json: ", "쓸 파일 .txt .json: ")
        : ui->prompt == 'm'
            ? view_word(&ui->m, "mark: a letter", "표시: 글자 하나")
            : view_word(&ui->m, "to mark: a letter, ' back", "표시로: 글자 하나, ' 되돌아가기");
    int x = area_put(a, 0, 0, ST_KEY, "%s", what);

    x = area_put(a, 0, x, ST_TEXT, "%s", ui->input);
    area_put(a, 0, x, ST_PICK, " ");
    if (ui->prompt == '&')
        put_verdict(ui, a, x);
}
