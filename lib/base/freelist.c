#include "base/freelist.h"

#include <assert.h>
#include <string.h>

#include "base/poison.h"

void vitro_freelist_init(struct freelist *f, struct account *account, size_t object)
{
    assert(object >= sizeof(void *));
    *f = (struct freelist){ .account = account, .object = object };
}

static void *behind_link(void *object)
{
    return (char *)object + sizeof(void *);
}

static void *pop(struct freelist *f)
{
    void *object = f->first;

    ASAN_UNPOISON_MEMORY_REGION(behind_link(object), f->object - sizeof f->first);
    memcpy(&f->first, object, sizeof f->first);
    f->count--;
    return object;
}

void *vitro_freelist_take(struct freelist *f)
{
    return f->first ? pop(f) : vitro_mem_alloc(f->account, f->object);
}

void vitro_freelist_put(struct freelist *f, void *object)
{
    if (!object)
        return;
    memcpy(object, &f->first, sizeof f->first);
    ASAN_POISON_MEMORY_REGION(behind_link(object), f->object - sizeof f->first);
    f->first = object;
    f->count++;
}

void vitro_freelist_trim(struct freelist *f, size_t keep_count)
{
    while (f->count > keep_count)
        vitro_mem_free(f->account, pop(f), f->object);
}
