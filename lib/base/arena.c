#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/util.h"

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes of data */
    alignas(max_align_t) unsigned char data[];
};

enum { ALIGN = alignof(max_align_t), SMALLEST = 256, LARGEST_STEP = 64 * 1024 };

void vitro_arena_init(struct arena *a, struct account *account, size_t first)
{
    *a = (struct arena){ .account = account, .next = MAX(first, SMALLEST) };
}

static bool add_block(struct arena *a, size_t at_least)
{
    size_t size = MAX(at_least, a->next);
    struct arena_block *block = vitro_mem_alloc(a->account, sizeof *block + size);

    if (!block)
        return false;
    block->older = a->blocks;
    block->size = size;
    a->blocks = block;
    a->room = size;
    a->next = MIN(a->next * 2, LARGEST_STEP);
    return true;
}

void *vitro_arena_alloc(struct arena *a, size_t n)
{
    void *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if ((n > a->room || !a->blocks) && !add_block(a, n))
        return NULL;
    p = a->blocks->data + (a->blocks->size - a->room);
    a->room -= n;
    return p;
}

void *vitro_arena_zalloc(struct arena *a, size_t n)
{
    void *p = vitro_arena_alloc(a, n);

    if (p)
        memset(p, 0, n);
    return p;
}

static void release(struct arena *a, struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        vitro_mem_free(a->account, block, sizeof *block + block->size);
        block = older;
    }
}

void vitro_arena_wipe(struct arena *a)
{
    for (struct arena_block *block = a->blocks; block; block = block->older)
        vitro_mem_wipe(block->data, block->size);
}

void vitro_arena_done(struct arena *a)
{
    release(a, a->blocks);
    vitro_arena_init(a, a->account, SMALLEST);
}

void vitro_arena_reset(struct arena *a)
{
    if (!a->blocks)
        return;
    release(a, a->blocks->older);
    a->blocks->older = NULL;
    a->room = a->blocks->size;
}
