#include "h2/memory.h"

#include <string.h>

#include "base/util.h"

/* In front of each block: its whole size, header included. Keeps 8-byte alignment. */
enum { HEADER = 8 };

/*
 * Sizes of the classes, header included. An entry of a HPACK table needs 88 bytes, its strings 40
 * to 88, a ring of 128 of them 1032: a connection at rest holds two dozen of these. Eight bytes
 * short of a multiple of 16, as the malloc of glibc hands them out.
 */
static const size_t classes[H2_MEMORY_CLASSES] = { 40, 56, 72, 88, 136, 168, 264, 520, 1032 };

void vitro_h2_memory_init(struct h2_memory *m, struct account *account)
{
    m->account = account;
    for (unsigned i = 0; i < H2_MEMORY_CLASSES; i++)
        vitro_freelist_init(&m->classes[i], account, classes[i]);
}

void vitro_h2_memory_trim(struct h2_memory *m)
{
    for (unsigned i = 0; i < H2_MEMORY_CLASSES; i++)
        vitro_freelist_trim(&m->classes[i], 0);
}

void vitro_h2_memory_done(struct h2_memory *m)
{
    vitro_h2_memory_trim(m);
}

/* The free list for a block of size bytes, NULL when it is too large for any. */
static struct freelist *class_of(struct h2_memory *m, size_t size)
{
    for (unsigned i = 0; i < H2_MEMORY_CLASSES; i++) {
        if (size <= m->classes[i].object)
            return &m->classes[i];
    }
    return NULL;
}

static size_t size_of(const char *block)
{
    uint64_t size;
    memcpy(&size, block, sizeof size);
    return (size_t)size;
}

size_t vitro_h2_memory_size(const void *p)
{
    return size_of((const char *)p - HEADER);
}

void *vitro_h2_memory_alloc(struct h2_memory *m, size_t n)
{
    size_t size = n + HEADER;
    struct freelist *list;
    char *block;
    uint64_t mark;

    if (size < n)
        return NULL;
    list = class_of(m, size);
    if (list)
        size = list->object;
    block = list ? vitro_freelist_take(list) : vitro_mem_alloc(m->account, size);
    if (!block)
        return NULL;
    mark = size;
    memcpy(block, &mark, sizeof mark);
    return block + HEADER;
}

void vitro_h2_memory_free(struct h2_memory *m, void *p)
{
    char *block = p ? (char *)p - HEADER : NULL;
    struct freelist *list;
    size_t size;

    if (!block)
        return;
    size = size_of(block);
    list = class_of(m, size);
    if (list)
        vitro_freelist_put(list, block);
    else
        vitro_mem_free(m->account, block, size);
}

/* A block that is held says so in its header; the next one's address is its first word. */
#define HELD (UINT64_C(1) << 63)

void vitro_h2_memory_hold(void **held, void *p)
{
    uint64_t mark;

    if (!p)
        return;
    memcpy(&mark, (char *)p - HEADER, sizeof mark);
    if (mark & HELD)
        return;
    mark |= HELD;
    memcpy((char *)p - HEADER, &mark, sizeof mark);
    memcpy(p, held, sizeof *held);
    *held = p;
}

void vitro_h2_memory_release(struct h2_memory *m, void **held)
{
    while (*held) {
        void *p = *held;
        uint64_t mark;

        memcpy(held, p, sizeof *held);
        memcpy(&mark, (char *)p - HEADER, sizeof mark);
        mark &= ~HELD;
        memcpy((char *)p - HEADER, &mark, sizeof mark);
        vitro_h2_memory_free(m, p);
    }
}

void *vitro_h2_memory_resize(struct h2_memory *m, void *p, size_t n)
{
    size_t old;
    void *q;

    if (!p)
        return vitro_h2_memory_alloc(m, n);
    old = size_of((char *)p - HEADER) - HEADER;
    if (n <= old && old <= 2 * n + classes[0])
        return p;
    q = vitro_h2_memory_alloc(m, n);
    if (!q)
        return NULL;
    memcpy(q, p, MIN(n, old));
    vitro_h2_memory_free(m, p);
    return q;
}
