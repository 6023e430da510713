/*
 * ui_complete - the word at the end of what is typed, completed as far as all that fit agree.
 */
#include <string.h>

#include "ui/ui.h"

/* Where the word begins that ends at the cursor. */
static size_t word_begin(const struct edit *e, const char *between)
{
    size_t start = e->at;

    while (start && strchr(between, e->text[start - 1]) == NULL)
        start--;
    return start;
}

/* The i-th of words with a blank between them, into name. */
static const char *nth_word(const char *words, size_t i, char name[ACTION_NAME])
{
    size_t n;

    for (; words && *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (i-- == 0 && n < ACTION_NAME) {
            memcpy(name, words, n);
            name[n] = 0;
            return name;
        }
    }
    return NULL;
}

static bool first_word_is(const char *text, const char *name)
{
    size_t n = strlen(name);

    return strncmp(text, name, n) == 0 && text[n] == ' ';
}

/* Behind a command: what it takes; behind `bind KEY`: an action. */
static const char *word_of_command(const struct ui *ui, size_t i, char name[ACTION_NAME])
{
    const char *command, *choices;
    const char *rest = strchr(ui->edit.text, ' ');

    if (!rest)
        return ui_command_name(i, &choices);
    for (size_t k = 0; (command = ui_command_name(k, &choices)) != NULL; k++) {
        if (first_word_is(ui->edit.text, command) && strcmp(command, "bind") != 0)
            return nth_word(choices, i, name);
    }
    if (!first_word_is(ui->edit.text, "bind") || !strchr(rest + 1, ' ') || i + 1 >= ACT_COUNT)
        return NULL;
    keymap_action_name((enum action)(i + 1), name);
    return name;
}

static const char *any_word(const struct ui *ui, size_t i, char name[ACTION_NAME])
{
    if (ui->prompt == '&' || ui->prompt == 'b')
        return filter_field(i);
    return ui->prompt == ':' ? word_of_command(ui, i, name) : NULL;
}

static const char *blanks(const struct ui *ui)
{
    return ui->prompt == '&' || ui->prompt == 'b' ? " &|!()<>=\"" : " ";
}

const char *ui_candidate(const struct ui *ui, size_t i, char name[ACTION_NAME])
{
    size_t start = word_begin(&ui->edit, blanks(ui)), n = ui->edit.at - start;
    const char *word;

    for (size_t k = 0; (word = any_word(ui, k, name)) != NULL; k++) {
        if (strncmp(word, ui->edit.text + start, n) == 0 && i-- == 0)
            return word;
    }
    return NULL;
}

void ui_complete(struct ui *ui)
{
    size_t n = ui->edit.at - word_begin(&ui->edit, blanks(ui)), more;
    char first[ACTION_NAME + 64] = "", name[ACTION_NAME];
    const char *word = ui_candidate(ui, 0, name);

    if (!word || strlen(word) >= sizeof first)
        return;
    memcpy(first, word, strlen(word) + 1);
    more = strlen(first);
    for (size_t i = 1; (word = ui_candidate(ui, i, name)) != NULL; i++) {
        for (size_t k = n; k < more; k++) {
            if (word[k] != first[k])
                more = k;
        }
    }
    edit_put_text(&ui->edit, (vitro_str){ first + n, more - n });
    if (ui->prompt == ':' && !ui_candidate(ui, 1, name))
        edit_put(&ui->edit, ' ');
}
