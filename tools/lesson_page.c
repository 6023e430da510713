#include "lesson_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "lesson_code.h"
#include "lesson_find.h"
#include "wrap.h"

enum { NARROWEST = 8 };

/* The page that is made, and how its next line looks. */
struct making {
    struct lesson_page *page;
    const struct lesson_page_of *of;
    enum page_style style;
    uint8_t choice;
};

static const char *say(const struct making *mk, const char *english, const char *korean)
{
    return mk->of->language == VITRO_KOREAN ? korean : english;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void add(struct making *mk, int indent, vitro_str text)
{
    struct page_line *more =
        realloc(mk->page->lines, (mk->page->count + 1) * sizeof *mk->page->lines);

    if (!more)
        return;
    mk->page->lines = more;
    more = &more[mk->page->count];
    more->text = strndup(text.len ? text.ptr : "", text.len);
    more->style = (uint8_t)mk->style;
    more->indent = (uint8_t)indent;
    more->choice = mk->choice;
    mk->page->count += more->text != NULL;
}

static void blank(struct making *mk)
{
    if (mk->page->count && mk->page->lines[mk->page->count - 1].text[0])
        add(mk, 0, (vitro_str){ "", 0 });
}

/* How many bytes from the front of a text fill a line: whole words, unless one is wider. */
static size_t line_of(vitro_str s, int columns)
{
    size_t end = 0, word = 0;

    for (size_t i = 1; i <= s.len; i++) {
        if (i < s.len && ((unsigned char)s.ptr[i] & 0xc0) == 0x80)
            continue;
        if (wrap_columns((vitro_str){ s.ptr, i }) > columns)
            return word ? word : MAX(end, (size_t)1);
        end = i;
        if (i == s.len || s.ptr[i] == ' ')
            word = i;
    }
    return s.len;
}

/* A text as lines: the first behind `first`, the others below its beginning. */
static void wrap(struct making *mk, int indent, const char *first, const char *text)
{
    int hang = indent + wrap_columns(vitro_str_of(first));
    int columns = MAX(mk->of->width - hang, NARROWEST);
    vitro_str rest = vitro_str_of(text);
    bool begun = false;

    do {
        size_t n = line_of(rest, columns);
        char line[1024];
        snprintf(line, sizeof line, "%s%.*s", begun ? "" : first, (int)n, rest.ptr);
        add(mk, begun ? hang : indent, vitro_str_of(line));
        begun = true;
        while (n < rest.len && rest.ptr[n] == ' ')
            n++;
        rest.ptr += n;
        rest.len -= n;
    } while (rest.len);
}

/* Lines as they stand; one that is too wide goes on in the next. */
static void verbatim(struct making *mk, vitro_str lines)
{
    int columns = MAX(mk->of->width - 4, NARROWEST);

    mk->style = PAGE_CODE;
    while (lines.len) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        vitro_str line = { lines.ptr, end ? (size_t)(end - lines.ptr) : lines.len };
        size_t step = line.len + (end != NULL);
        do {
            size_t n = line_of(line, columns);
            add(mk, 2, (vitro_str){ line.ptr, n });
            line.ptr += n;
            line.len -= n;
        } while (line.len);
        lines.ptr += step;
        lines.len -= step;
    }
    mk->style = PAGE_TEXT;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void put_code(struct making *mk, const char *where)
{
    size_t n = strcspn(where, ":");
    char file[64], head[128];
    char *code;
    int line = 0;
    vitro_str found = { NULL, 0 };

    snprintf(file, sizeof file, "%.*s", (int)n, where);
    code = strchr(file, '/') ? NULL : lesson_file(mk->of->dir, file, NULL);
    if (code && where[n])
        found = lesson_code_find(code, where + n + 1, &line);
    if (found.len)
        snprintf(head, sizeof head, "%s:%d", file, line);
    else
        snprintf(head, sizeof head, "%s %s", where, say(mk, "(not found)", "(찾을 수 없습니다)"));
    mk->style = PAGE_DIM;
    add(mk, 2, vitro_str_of(head));
    verbatim(mk, found);
    free(code);
}

static void put_item(struct making *mk, const struct lesson_block *b)
{
    char first[16];

    if (b->number)
        snprintf(first, sizeof first, "%d. ", b->number);
    else
        snprintf(first, sizeof first, "- ");
    wrap(mk, b->level > 0 ? (b->level - 1) * 2 : 0, first, b->text);
}

/* The list of events shows what a wire block selects; here stands how many there are. */
static void put_counts(struct making *mk)
{
    char line[256];

    mk->style = PAGE_DIM;
    for (unsigned i = 0; mk->of->shows && i < mk->of->shows->term_count; i++) {
        if (!mk->of->shows->terms[i].counted)
            continue;
        lesson_term_say(&mk->of->shows->terms[i], mk->of->language, line, sizeof line);
        wrap(mk, 0, "", line);
    }
}

static void put_block(struct making *mk, const struct lesson_block *b)
{
    mk->style = b->kind == LESSON_HEADING ? PAGE_HEAD : PAGE_TEXT;
    switch (b->kind) {
    case LESSON_HEADING:
    case LESSON_PARAGRAPH:
        wrap(mk, 0, "", b->text);
        break;
    case LESSON_ITEM:
        put_item(mk, b);
        break;
    case LESSON_QUOTE:
        wrap(mk, 2, "", b->text);
        break;
    case LESSON_VERBATIM:
        verbatim(mk, vitro_str_of(b->text));
        break;
    case LESSON_CODE:
        put_code(mk, b->text);
        break;
    case LESSON_WIRE:
        put_counts(mk);
        break;
    default:
        break;
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static void put_choice(struct making *mk, const struct lesson_choice *c, size_t i)
{
    bool answered = mk->of->answer >= 0, mine = mk->of->answer == (int)i;
    char first[8], text[1024], verdict[96] = "";

    if (answered)
        snprintf(verdict, sizeof verdict,
                 "%s%s: ", c->right ? say(mk, "right", "맞음") : say(mk, "wrong", "틀림"),
                 mine ? say(mk, ", your answer", ", 고른 답") : "");
    snprintf(first, sizeof first, "%c) ", (int)('a' + i % 26));
    snprintf(text, sizeof text, "%s%s", verdict, c->text);
    blank(mk);
    mk->choice = (uint8_t)(i + 1);
    mk->style = !answered ? PAGE_TEXT : c->right ? PAGE_RIGHT : PAGE_WRONG;
    wrap(mk, 2, first, text);
    mk->style = PAGE_TEXT;
    if (answered && c->why)
        wrap(mk, 5, "", c->why);
    mk->choice = 0;
}

static void put_verdict(struct making *mk, const struct lesson_block *b)
{
    bool right = b->choices[mk->of->answer].right;
    char text[256];
    size_t i = 0;

    while (i + 1 < b->choice_count && !b->choices[i].right)
        i++;
    mk->style = right ? PAGE_RIGHT : PAGE_WRONG;
    if (right)
        snprintf(text, sizeof text, "%c) %s", 'a' + mk->of->answer,
                 say(mk, "is right. Why, and why not the others:",
                     "맞습니다. 왜 그런지, 다른 것은 왜 아닌지:"));
    else
        snprintf(text, sizeof text, "%c) %s %c) %s", 'a' + mk->of->answer,
                 say(mk, "is wrong,", "틀렸고,"), (int)('a' + i),
                 say(mk, "is right. Why:", "맞습니다. 왜 그런지:"));
    blank(mk);
    wrap(mk, 0, "", text);
    if (mk->of->first < 0 || mk->of->first == mk->of->answer)
        return;
    snprintf(text, sizeof text, "(%s %c)",
             say(mk, "the first time you answered", "처음에 고른 답은"), 'a' + mk->of->first);
    mk->style = PAGE_DIM;
    wrap(mk, 0, "", text);
}

static void put_question(struct making *mk, const struct lesson_block *b)
{
    mk->style = PAGE_HEAD;
    wrap(mk, 0, "", b->text);
    if (mk->of->answer >= 0 && (size_t)mk->of->answer < b->choice_count)
        put_verdict(mk, b);
    for (size_t i = 0; i < b->choice_count; i++)
        put_choice(mk, &b->choices[i], i);
}

/* ---- pages ----------------------------------------------------------------------------------- */

void lesson_page_make(struct lesson_page *out, const struct lesson_page_of *of)
{
    struct making mk = { .page = out, .of = of };
    const struct lesson_block *b = of->text->blocks + of->part->first;

    lesson_page_done(out);
    for (size_t i = 0; i < of->part->count; i++) {
        bool tight = i && b[i].kind == LESSON_ITEM && b[i - 1].kind == LESSON_ITEM;
        mk.style = PAGE_TEXT;
        if (!tight)
            blank(&mk);
        if (b[i].kind == LESSON_PREDICT)
            put_question(&mk, &b[i]);
        else
            put_block(&mk, &b[i]);
    }
    while (out->count && !out->lines[out->count - 1].text[0])
        free(out->lines[--out->count].text);
}

void lesson_page_done(struct lesson_page *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->lines[i].text);
    free(p->lines);
    memset(p, 0, sizeof *p);
}
