#include "ui/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

/* ---- making ---------------------------------------------------------------------------------- */

static bool same_parts(const struct lesson_parts *a, const struct lesson_parts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].kind != b->items[i].kind)
            return false;
    }
    return true;
}

static bool make_parts(struct study *s)
{
    for (int i = 0; i < 2; i++) {
        if (!s->is.texts[i])
            s->is.texts[i] = s->is.texts[0];
        if (!lesson_parts_make(&s->parts[i], s->is.texts[i]))
            return false;
    }
    if (same_parts(&s->parts[0], &s->parts[1]))
        return true;
    lesson_parts_done(&s->parts[1]);
    s->is.texts[1] = s->is.texts[0];
    return lesson_parts_make(&s->parts[1], s->is.texts[0]);
}

/* Where the learner was: the questions before were answered then. */
static void come_back(struct study *s, size_t place)
{
    s->part = place;
    for (size_t i = 0; i < place; i++) {
        const struct lesson_part *p = &s->parts[0].items[i];
        int n = MIN(p->question, STUDY_QUESTIONS);
        if (p->kind == PART_ASK)
            s->answers[n] = s->is.firsts[n];
    }
}

bool study_init(struct study *s, const struct study_options *options)
{
    memset(s, 0, sizeof *s);
    s->is = *options;
    s->choice = -1;
    for (int i = 0; i <= STUDY_QUESTIONS; i++)
        s->answers[i] = -1;
    if (!s->is.texts[0] || !make_parts(s) || !s->parts[0].count)
        return false;
    s->count = s->parts[0].count;
    if (options->place < s->count)
        come_back(s, options->place);
    s->shows = calloc(s->count, sizeof *s->shows);
    s->wanted = calloc(s->count, sizeof *s->wanted);
    if (!s->shows || !s->wanted)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        const struct lesson_part *p = &s->parts[0].items[i];
        lesson_selection_init(&s->shows[i], p->kind == PART_WIRE ? p->center->text : "");
    }
    return true;
}

void study_done(struct study *s)
{
    for (size_t i = 0; s->shows && i < s->count; i++)
        lesson_selection_done(&s->shows[i]);
    free(s->shows);
    free(s->wanted);
    free(s->hidden);
    lesson_page_done(&s->page);
    lesson_parts_done(&s->parts[0]);
    lesson_parts_done(&s->parts[1]);
    memset(s, 0, sizeof *s);
}

/* ---- the text -------------------------------------------------------------------------------- */

const struct lesson_part *study_part(const struct study *s)
{
    return &s->parts[0].items[s->part];
}

static int *answer_of(struct study *s, const struct lesson_part *p)
{
    return &s->answers[MIN(p->question, STUDY_QUESTIONS)];
}

bool study_asks(const struct study *s)
{
    const struct lesson_part *p = study_part(s);

    return p->kind == PART_ASK && s->answers[MIN(p->question, STUDY_QUESTIONS)] < 0;
}

static bool same_page(const struct lesson_page_of *a, const struct lesson_page_of *b)
{
    return a->part == b->part && a->width == b->width && a->language == b->language &&
           a->answer == b->answer && a->reach == b->reach;
}

void study_lay_out(struct study *s, vitro_language language, int width, int rows)
{
    const struct lesson_part *p = &s->parts[language].items[s->part];
    struct lesson_page_of of = {
        .text = s->is.texts[language],
        .part = p,
        .dir = s->is.dir,
        .language = language,
        .width = width,
        .answer = -1,
        .first = -1,
    };

    if (p->kind == PART_WIRE) {
        of.shows = &s->shows[s->part];
        of.reach = lesson_selection_reach(of.shows);
    }
    if (p->kind == PART_ASK) {
        of.answer = *answer_of(s, p);
        of.first = s->is.firsts[MIN(p->question, STUDY_QUESTIONS)];
    }
    if (!same_page(&of, &s->page_of)) {
        size_t had = s->page.count, top = s->top;
        bool other = s->page_of.part != NULL && s->page_of.answer == of.answer;
        lesson_page_make(&s->page, &of);
        s->page_of = of;
        if (other && had) /* another width or language: about the same place */
            s->top = top * s->page.count / had;
    }
    s->rows = rows;
    study_scroll(s, 0);
    if (s->part + 1 == s->count && !study_more(s) && !study_asks(s) && !s->end_seen) {
        s->end_seen = true;
        s->wishes |= STUDY_ENDED;
    }
}

bool study_more(const struct study *s)
{
    return s->top + (size_t)MAX(s->rows, 1) < s->page.count;
}

void study_scroll(struct study *s, long by)
{
    size_t rows = (size_t)MAX(s->rows, 1), most = s->page.count > rows ? s->page.count - rows : 0;

    if (by < 0)
        s->top = s->top > (size_t)-by ? s->top - (size_t)-by : 0;
    else
        s->top = MIN(s->top + (size_t)by, most);
}

static void turn_to(struct study *s, size_t part)
{
    s->part = part;
    s->top = 0;
    s->choice = -1;
    s->page_of.part = NULL; /* to be made */
}

bool study_on(struct study *s)
{
    if (study_more(s)) {
        study_scroll(s, MAX(s->rows - 1, 1)); /* the last line stays: it shows where one was */
        return true;
    }
    if (s->part + 1 == s->count)
        return false;
    turn_to(s, s->part + 1);
    return true;
}

bool study_back(struct study *s)
{
    if (s->top) {
        study_scroll(s, -MAX(s->rows - 1, 1));
        return true;
    }
    if (!s->part)
        return false;
    turn_to(s, s->part - 1);
    return true;
}

void study_show_choice(struct study *s)
{
    size_t rows = (size_t)MAX(s->rows, 1);

    for (size_t i = 0; i < s->page.count; i++) {
        if (s->page.lines[i].choice != s->choice + 1)
            continue;
        if (i < s->top)
            s->top = i;
        else if (i >= s->top + rows)
            s->top = i - rows + 1;
    }
}

void study_answer(struct study *s)
{
    if (!study_asks(s) || s->choice < 0)
        return;
    *answer_of(s, study_part(s)) = s->choice;
    s->top = 0;
    s->wishes |= STUDY_ANSWERED;
}
