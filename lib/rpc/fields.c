#include "rpc/fields.h"

#include <string.h>

#include "base/util.h"

void vitro_fields_init(struct fields *f, struct account *account)
{
    f->at = f->small;
    f->n = 0;
    f->cap = FIELDS_ON_STACK;
    f->failed = false;
    vitro_arena_init(&f->arena, account, 0);
}

void vitro_fields_done(struct fields *f)
{
    vitro_arena_done(&f->arena);
}

static bool grow(struct fields *f, size_t more)
{
    size_t cap = MAX(f->cap * 2, f->n + more);
    struct h2_field *at = vitro_arena_alloc(&f->arena, cap * sizeof *at);

    if (!at)
        return false;
    memcpy(at, f->at, f->n * sizeof *at);
    f->at = at;
    f->cap = cap;
    return true;
}

void vitro_fields_add(struct fields *f, vitro_str name, vitro_str value, uint32_t flags)
{
    if (f->n == f->cap && !grow(f, 1)) {
        f->failed = true;
        return;
    }
    f->at[f->n++] = (struct h2_field){ name, value, flags };
}

void vitro_fields_add_md(struct fields *f, const vitro_md *md)
{
    size_t n = md ? vitro_md_count(md) : 0;
    size_t scratch = n ? vitro_md_scratch(md) : 0;
    struct wire_field *wire;
    char *room;

    if (n == 0)
        return;
    wire = vitro_arena_alloc(&f->arena, n * sizeof *wire);
    room = vitro_arena_alloc(&f->arena, scratch);
    if (!wire || !room) {
        f->failed = true;
        return;
    }
    vitro_md_fields(md, wire, room);
    for (size_t i = 0; i < n; i++)
        vitro_fields_add(f, wire[i].name, wire[i].value, 0);
}

char *vitro_fields_room(struct fields *f, size_t n)
{
    char *room = vitro_arena_alloc(&f->arena, n);

    if (!room)
        f->failed = true;
    return room;
}
