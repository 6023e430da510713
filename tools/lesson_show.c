#include "lesson_show.h"

#include <stdlib.h>
#include <string.h>

#include "lesson_code.h"
#include "lesson_find.h"
#include "lesson_selection.h"
#include "wrap.h"

/* The words between the blocks, a column a language. */
enum word { QUESTION, ANSWERS, RIGHT, WRONG, NO_EVENT, NO_CODE, NO_MEMORY };
static const char *const words[][2] = {
    [QUESTION] = { "Question", "질문" },
    [ANSWERS] = { "Answers", "답" },
    [RIGHT] = { "right", "맞음" },
    [WRONG] = { "wrong", "틀림" },
    [NO_EVENT] = { "(no such event in this run)", "(이번 실행에는 그런 사건이 없습니다)" },
    [NO_MEMORY] = { "(out of memory)", "(메모리가 부족합니다)" },
    [NO_CODE] = { "(not found)", "(찾을 수 없습니다)" },
};

static const char *say(const struct lesson_show *s, enum word w)
{
    return words[w][s->printer->language == VITRO_KOREAN];
}

/* ---- one block each ------------------------------------------------------------------------- */

static void show_lines(const struct lesson_show *s, vitro_str lines)
{
    while (lines.len) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        size_t n = end ? (size_t)(end - lines.ptr) : lines.len;
        fputs(n ? "    " : "", s->printer->out);
        print_escaped(s->printer, (vitro_str){ lines.ptr, n });
        fputc('\n', s->printer->out);
        n += end != NULL;
        lines.ptr += n;
        lines.len -= n;
    }
}

/* True: there are some. */
static bool show_count(const struct lesson_show *s, const struct lesson_term *t)
{
    char line[256];

    if (t->counted) {
        lesson_term_say(t, s->printer->language, line, sizeof line);
        fprintf(s->printer->out, "%s\n", line);
    }
    return t->count > 0;
}

static void show_wire(const struct lesson_show *s, const char *selector)
{
    struct lesson_selection selection;
    vitro_event ev;
    bool any = false;

    lesson_selection_init(&selection, selector);
    if (!lesson_selection_advance(&selection, 1, s->decode))
        fprintf(s->printer->out, "%s\n", say(s, NO_MEMORY));
    for (uint32_t i = 1; vitro_decode_event(s->decode, i, &ev); i++) {
        if (lesson_selection_has(&selection, i))
            print_event(s->printer, s->decode, &ev);
    }
    for (unsigned i = 0; i < selection.term_count; i++)
        any |= show_count(s, &selection.terms[i]);
    if (!any)
        fprintf(s->printer->out, "%s %s\n", selector, say(s, NO_EVENT));
    lesson_selection_done(&selection);
}

static void show_code(const struct lesson_show *s, const char *where)
{
    size_t n = strcspn(where, ":");
    char file[64];
    char *code;
    int line = 0;
    vitro_str found = { NULL, 0 };

    snprintf(file, sizeof file, "%.*s", (int)n, where);
    code = strchr(file, '/') ? NULL : lesson_file(s->dir, file, NULL);
    if (code && where[n])
        found = lesson_code_find(code, where + n + 1, &line);
    if (found.len)
        fprintf(s->printer->out, "%s:%d:\n", file, line);
    else
        fprintf(s->printer->out, "%s %s\n", where, say(s, NO_CODE));
    show_lines(s, found);
    free(code);
}

static void show_question(const struct lesson_show *s, const struct lesson_block *b, int number)
{
    char first[64];

    snprintf(first, sizeof first, "%s %d: ", say(s, QUESTION), number);
    wrap_print(s->printer, first, "", b->text);
    for (size_t i = 0; i < b->choice_count; i++) {
        snprintf(first, sizeof first, "  %c) ", (int)('a' + i % 26));
        wrap_print(s->printer, first, "     ", b->choices[i].text);
    }
}

static void show_answer(const struct lesson_show *s, const struct lesson_block *b, int number)
{
    char first[64];

    snprintf(first, sizeof first, "%s %d: ", say(s, QUESTION), number);
    wrap_print(s->printer, first, "", b->text);
    for (size_t i = 0; i < b->choice_count; i++) {
        const struct lesson_choice *c = &b->choices[i];
        snprintf(first, sizeof first, "  %c) %s: ", (int)('a' + i % 26),
                 say(s, c->right ? RIGHT : WRONG));
        wrap_print(s->printer, first, "     ", c->text);
        if (c->why)
            wrap_print(s->printer, "     ", "     ", c->why);
    }
}

static void show_item(const struct lesson_show *s, const struct lesson_block *b)
{
    int indent = b->level > 0 ? (b->level - 1) * 2 : 0;
    char first[64], rest[64];

    if (b->number)
        snprintf(first, sizeof first, "%*s%d. ", indent, "", b->number);
    else
        snprintf(first, sizeof first, "%*s- ", indent, "");
    snprintf(rest, sizeof rest, "%*s", (int)strlen(first), "");
    wrap_print(s->printer, first, rest, b->text);
}

static void show_heading(const struct lesson_show *s, const struct lesson_block *b)
{
    static const char *const marks[] = { "# ", "## ", "### ", "#### " };

    wrap_print(s->printer, marks[b->level > 4 ? 3 : b->level - 1], "", b->text);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void show_block(const struct lesson_show *s, const struct lesson_block *b, int question)
{
    switch (b->kind) {
    case LESSON_HEADING:
        show_heading(s, b);
        break;
    case LESSON_PARAGRAPH:
        wrap_print(s->printer, "", "", b->text);
        break;
    case LESSON_ITEM:
        show_item(s, b);
        break;
    case LESSON_QUOTE:
        wrap_print(s->printer, "> ", "> ", b->text);
        break;
    case LESSON_VERBATIM:
        show_lines(s, vitro_str_of(b->text));
        break;
    case LESSON_WIRE:
        show_wire(s, b->text);
        break;
    case LESSON_PREDICT:
        show_question(s, b, question);
        break;
    case LESSON_CODE:
        show_code(s, b->text);
        break;
    }
}

static void show_answers(const struct lesson_show *s, const struct lesson_text *text)
{
    int question = 0;

    for (size_t i = 0; i < text->count; i++) {
        if (text->blocks[i].kind != LESSON_PREDICT)
            continue;
        if (!question++)
            fprintf(s->printer->out, "\n## %s\n", say(s, ANSWERS));
        fputc('\n', s->printer->out);
        show_answer(s, &text->blocks[i], question);
    }
}

void lesson_show(const struct lesson_show *s, const struct lesson_text *text)
{
    int question = 0;

    for (size_t i = 0; i < text->count; i++) {
        const struct lesson_block *b = &text->blocks[i];
        bool tight = i && b->kind == LESSON_ITEM && b[-1].kind == LESSON_ITEM;
        question += b->kind == LESSON_PREDICT;
        if (i && !tight)
            fputc('\n', s->printer->out);
        show_block(s, b, question);
    }
    show_answers(s, text);
}
