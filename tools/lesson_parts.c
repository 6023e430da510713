#include "lesson_parts.h"

#include <stdlib.h>
#include <string.h>

struct cutting {
    struct lesson_parts *out;
    const struct lesson_text *text;
    size_t from; /* the first block that is in no part yet */
    int questions;
    bool bad;
};

static struct lesson_part *cut(struct cutting *c, enum lesson_part_kind kind, size_t end)
{
    struct lesson_part *more = realloc(c->out->items, (c->out->count + 1) * sizeof *c->out->items);

    if (!more) {
        c->bad = true;
        return NULL;
    }
    c->out->items = more;
    more = &more[c->out->count++];
    *more = (struct lesson_part){ .kind = kind, .first = c->from, .count = end - c->from };
    if (kind != PART_READ)
        more->center = &c->text->blocks[end - 1];
    c->from = end;
    return more;
}

static bool only_headings(const struct cutting *c, size_t end)
{
    for (size_t i = c->from; i < end; i++) {
        if (c->text->blocks[i].kind != LESSON_HEADING)
            return false;
    }
    return true;
}

static void cut_prose(struct cutting *c, size_t end)
{
    if (!only_headings(c, end))
        cut(c, PART_READ, end);
}

static void cut_question(struct cutting *c, size_t at)
{
    size_t before = at;
    struct lesson_part *part;

    if (at > c->from && c->text->blocks[at - 1].kind == LESSON_PARAGRAPH)
        before--;
    if (before > c->from)
        cut_prose(c, before);
    part = cut(c, PART_ASK, at + 1);
    if (part)
        part->question = ++c->questions;
}

static void cut_wire(struct cutting *c, size_t at)
{
    size_t code = at;

    while (code > c->from && c->text->blocks[code - 1].kind != LESSON_CODE)
        code--;
    if (code > c->from)
        cut_prose(c, code);
    cut(c, PART_WIRE, at + 1);
}

bool lesson_parts_make(struct lesson_parts *out, const struct lesson_text *text)
{
    struct cutting c = { .out = out, .text = text };

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < text->count; i++) {
        const struct lesson_block *b = &text->blocks[i];
        if (b->kind == LESSON_WIRE)
            cut_wire(&c, i);
        else if (b->kind == LESSON_PREDICT)
            cut_question(&c, i);
        else if (b->kind == LESSON_HEADING && b->level <= 2)
            cut_prose(&c, i);
    }
    cut_prose(&c, text->count);
    return !c.bad;
}

void lesson_parts_done(struct lesson_parts *p)
{
    free(p->items);
    memset(p, 0, sizeof *p);
}
