/*
 * ui_filter - the filter off and on, and turned round.
 */
#include <stdio.h>
#include <string.h>

#include "ui/ui.h"
#include "ui/view.h"

/* True when the text is one negation of what stands in parentheses: "!(...)". */
static bool is_inverted(const char *text)
{
    int depth = 0;
    bool quoted = false;

    if (text[0] != '!' || text[1] != '(')
        return false;
    for (const char *p = text + 1; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p == '(')
            depth++;
        else if (!quoted && *p == ')' && --depth == 0)
            return !p[1];
    }
    return false;
}

void ui_filter_invert(struct ui *ui, int unused)
{
    struct model *m = &ui->m;
    char text[PROMPT_TEXT + 8];
    size_t n = strlen(m->filter_text);

    (void)unused;
    if (!n) {
        model_say(m, "%s", view_word(m, "no filter yet: & makes one", "거르기가 없음: &로 만들기"));
        return;
    }
    if (is_inverted(m->filter_text))
        snprintf(text, sizeof text, "%.*s", (int)n - 3, m->filter_text + 2);
    else
        snprintf(text, sizeof text, "!(%s)", m->filter_text);
    if (strlen(text) >= PROMPT_TEXT || !model_filter(m, text, NULL))
        model_say(m, "%s", view_word(m, "the filter is too long", "거르기가 너무 김"));
}

void ui_filter_toggle(struct ui *ui, int unused)
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
