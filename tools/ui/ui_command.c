/*
 * ui_command - what is typed behind `:`, and the lines of the configuration: the settings are the
 * same in both.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ui/ui.h"
#include "ui/view.h"

/* The place of a word among words with a blank between them; -1: it is none of them. */
static int choice_of(const char *choices, const char *word)
{
    size_t n;

    for (int i = 0; *choices; i++, choices += n + (choices[n] == ' ')) {
        n = strcspn(choices, " ");
        if (strlen(word) == n && memcmp(word, choices, n) == 0)
            return i;
    }
    return -1;
}

/* ---- settings -------------------------------------------------------------------------------- */

static void set_theme(struct ui *ui, int choice)
{
    ui->theme = (enum theme)choice;
    ui->wishes |= UI_WISH_THEME;
}

static void set_language(struct ui *ui, int choice)
{
    ui->m.language = choice ? VITRO_KOREAN : VITRO_ENGLISH;
}

static void set_mouse(struct ui *ui, int choice)
{
    ui->mouse = choice == 0;
    ui->wishes |= UI_WISH_MOUSE;
}

static void set_ascii(struct ui *ui, int choice)
{
    ui->ascii = choice == 0;
}

/* "KEY ACTION"; the action none takes the key away. */
static bool bind(struct ui *ui, const char *text, char *why, size_t size)
{
    size_t n = strcspn(text, " ");
    const char *name = text + n + strspn(text + n, " ");
    int key = keymap_key((vitro_str){ text, n });
    enum action action = keymap_find(vitro_str_of(name));

    if (!key)
        snprintf(why, size, "%.*s: no such key", (int)MIN(n, 40), text);
    else if (action == ACT_NONE && strcmp(name, "none") != 0)
        snprintf(why, size, "%.40s: no such action", name);
    else
        keymap_bind(&ui->keys, key, action);
    return key && (action != ACT_NONE || strcmp(name, "none") == 0);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void write_out(struct ui *ui, const char *path)
{
    ui_write(ui, path, false);
}

static void leave(struct ui *ui, const char *unused)
{
    (void)unused;
    ui->quit = true;
}

/* One of the three does it; what has choices or binds is a setting. */
static const struct command {
    const char *name, *choices;
    void (*set)(struct ui *ui, int choice);
    bool (*bind)(struct ui *ui, const char *text, char *why, size_t size);
    void (*run)(struct ui *ui, const char *text);
} commands[] = {
    { "theme", "dark light plain", set_theme, NULL, NULL },
    { "language", "en ko", set_language, NULL, NULL },
    { "mouse", "on off", set_mouse, NULL, NULL },
    { "ascii", "on off", set_ascii, NULL, NULL },
    { "bind", NULL, NULL, bind, NULL },
    { "w", NULL, NULL, NULL, write_out },
    { "q", NULL, NULL, NULL, leave },
};

const char *ui_command_name(size_t i, const char **choices)
{
    if (i >= ARRAY_LEN(commands))
        return NULL;
    *choices = commands[i].choices;
    return commands[i].name;
}

/* The command that a line begins with, and what follows it without blanks around. */
static const struct command *find(const char *line, char rest[PROMPT_TEXT])
{
    size_t n = strcspn(line, " \t"), end;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strlen(commands[i].name) != n || memcmp(commands[i].name, line, n) != 0)
            continue;
        line += n + strspn(line + n, " \t");
        snprintf(rest, PROMPT_TEXT, "%s", line);
        for (end = strlen(rest); end && strchr(" \t\r", rest[end - 1]); end--)
            rest[end - 1] = 0;
        return &commands[i];
    }
    return NULL;
}

bool ui_set(struct ui *ui, const char *line, char *why, size_t size)
{
    char rest[PROMPT_TEXT];
    const struct command *c = find(line, rest);
    int choice;

    if (!c || c->run) {
        snprintf(why, size, "%.*s: no such setting; theme, language, mouse, ascii or bind",
                 (int)MIN(strcspn(line, " \t"), 40), line);
        return false;
    }
    if (c->bind)
        return c->bind(ui, rest, why, size);
    choice = choice_of(c->choices, rest);
    if (choice < 0)
        snprintf(why, size, "%s: %s", c->name, c->choices);
    else
        c->set(ui, choice);
    return choice >= 0;
}

static void go(struct ui *ui, uint32_t number)
{
    struct model *m = &ui->m;

    ui_leave(ui);
    if (model_go(m, model_numbered(m, number)))
        return;
    if (m->filtered && number && number <= vitro_decode_count(m->d))
        model_say(
            m, "%s",
            view_word(m, "hidden by the filter: the next one shown", "거르기에 숨음: 그다음 것"));
    else
        model_say(m, "%s", view_word(m, "there is no such event", "그런 이벤트가 없음"));
}

void ui_command(struct ui *ui, const char *text)
{
    char rest[PROMPT_TEXT], why[160];
    const struct command *c = find(text, rest);
    uint64_t number;

    if (vitro_text_number(vitro_str_of(text), UINT32_MAX, &number))
        go(ui, (uint32_t)number);
    else if (c && c->run)
        c->run(ui, rest);
    else if (!c && text[0])
        model_say(
            &ui->m, "%s: %s",
            view_word(&ui->m, "no such command; Tab shows which", "그런 명령이 없음. Tab으로 찾기"),
            text);
    else if (text[0] && !ui_set(ui, text, why, sizeof why))
        model_say(&ui->m, "%s", why);
}
