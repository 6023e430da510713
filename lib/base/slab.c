#include "base/slab.h"

#include "base/poison.h"
#include "base/util.h"

/* Eight connections are more than what malloc maps by itself (glibc: 128 KiB). */
enum { SLAB_OBJECTS = 8, PAGE = 4096 };

struct slot {
    void *owner; /* its slab; while it is free, the next free one */
    char object[];
};

struct slab {
    struct list link;
    void *block; /* what was allocated: the slab begins with its first page */
    struct slot *free;
    size_t fresh; /* slots that were never taken begin here, and are not touched */
    size_t used;
    char slots[];
};

void vitro_slabs_init(struct slabs *s, struct account *account, size_t object)
{
    *s = (struct slabs){ .account = account, .object = object };
    list_init(&s->open);
}

static size_t whole_pages(size_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}

static size_t slot_bytes(const struct slabs *s)
{
    return whole_pages(sizeof(struct slot) + s->object);
}

static size_t block_bytes(const struct slabs *s)
{
    return PAGE - 1 + sizeof(struct slab) + SLAB_OBJECTS * slot_bytes(s);
}

static struct slab *slab_open(struct slabs *s)
{
    struct slab *slab;
    char *block;

    if (!list_empty(&s->open))
        return CONTAINER_OF(s->open.next, struct slab, link);
    block = vitro_mem_alloc(NULL, block_bytes(s));
    if (!block)
        return NULL;
    slab = (struct slab *)(void *)(block + (whole_pages((uintptr_t)block) - (uintptr_t)block));
    *slab = (struct slab){ .block = block };
    list_append(&s->open, &slab->link);
    return slab;
}

static struct slot *pop(const struct slabs *s, struct slab *slab)
{
    struct slot *slot = slab->free;

    if (!slot)
        return (struct slot *)(void *)(slab->slots + slab->fresh++ * slot_bytes(s));
    slab->free = slot->owner;
    ASAN_UNPOISON_MEMORY_REGION(slot->object, s->object);
    return slot;
}

void *vitro_slabs_take(struct slabs *s)
{
    struct slab *slab;
    struct slot *slot;

    if (!vitro_account_charge(s->account, s->object))
        return NULL;
    slab = slab_open(s);
    if (!slab) {
        vitro_account_refund(s->account, s->object);
        return NULL;
    }
    slot = pop(s, slab);
    slot->owner = slab;
    if (++slab->used == SLAB_OBJECTS)
        list_remove(&slab->link);
    return slot->object;
}

void vitro_slabs_put(struct slabs *s, void *object)
{
    struct slot *slot = CONTAINER_OF(object, struct slot, object);
    struct slab *slab = slot->owner;

    ASAN_POISON_MEMORY_REGION(slot->object, s->object);
    slot->owner = slab->free;
    slab->free = slot;
    if (slab->used-- == SLAB_OBJECTS)
        list_append(&s->open, &slab->link);
    vitro_account_refund(s->account, s->object);
}

void vitro_slabs_trim(struct slabs *s)
{
    struct list *next;

    for (struct list *i = s->open.next; i != &s->open; i = next) {
        struct slab *slab = CONTAINER_OF(i, struct slab, link);

        next = i->next;
        if (slab->used)
            continue;
        list_remove(i);
        ASAN_UNPOISON_MEMORY_REGION(slab->block, block_bytes(s));
        vitro_mem_free(NULL, slab->block, block_bytes(s));
    }
}
