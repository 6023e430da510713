#include "support/heap.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "vitro/base.h"

static int fails(struct heap *h)
{
    h->calls++;
    return h->fail_at && (h->once ? h->calls == h->fail_at : h->calls >= h->fail_at);
}

static void *heap_alloc(size_t n, void *user)
{
    struct heap *h = user;
    void *p = fails(h) ? NULL : malloc(n);

    if (p) {
        h->live++;
        h->bytes += n;
    }
    return p;
}

static void *heap_resize(void *p, size_t old, size_t n, void *user)
{
    struct heap *h = user;
    void *q = fails(h) ? NULL : realloc(p, n);

    if (q) {
        cr_assert(h->bytes >= old, "resized with a wrong size");
        h->bytes += n - old;
    }
    return q;
}

static void heap_release(void *p, size_t n, void *user)
{
    struct heap *h = user;

    cr_assert(h->live > 0 && h->bytes >= n, "released with a wrong size");
    h->live--;
    h->bytes -= n;
    free(p);
}

void heap_install(struct heap *h)
{
    vitro_allocator a = VITRO_ALLOCATOR_INIT;

    a.alloc = heap_alloc;
    a.resize = heap_resize;
    a.release = heap_release;
    a.user = h;
    cr_assert(vitro_allocator_set(&a));
}

void heap_remove(void)
{
    cr_assert(vitro_allocator_set(NULL));
}
