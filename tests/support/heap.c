#include "support/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitro/base.h"

/* Programs without Criterion use it, too. */
static void must(bool right, const char *wrong)
{
    if (right)
        return;
    fprintf(stderr, "heap: %s\n", wrong);
    abort();
}

static bool fails(struct heap *h)
{
    h->calls++;
    if (h->odds && vitro_chance_below(&h->chance, h->odds) == 0)
        return true;
    return h->fail_at && (h->once ? h->calls == h->fail_at : h->calls >= h->fail_at);
}

static void look(struct heap *h, const void *p, size_t n)
{
    if (h->secret && memmem(p, n, h->secret, strlen(h->secret)))
        h->spilt++;
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
    void *q;

    look(h, p, old); /* it may be moved */
    q = fails(h) ? NULL : realloc(p, n);
    if (q) {
        must(h->bytes >= old, "resized with a wrong size");
        h->bytes += n - old;
    }
    return q;
}

static void heap_release(void *p, size_t n, void *user)
{
    struct heap *h = user;

    must(h->live > 0 && h->bytes >= n, "released with a wrong size");
    look(h, p, n);
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
    must(vitro_allocator_set(&a), "the allocator was refused");
}

void heap_remove(void)
{
    must(vitro_allocator_set(NULL), "the allocator was refused");
}
