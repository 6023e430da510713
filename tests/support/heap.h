/*
 * heap - the process's allocator for a test: counts what is live, and fails when told to.
 */
#ifndef SUPPORT_HEAP_H
#define SUPPORT_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

struct heap {
    size_t live;        /* blocks */
    size_t bytes;       /* in them */
    size_t calls;       /* allocations and growths so far */
    size_t fail_at;     /* this call and all later ones fail, counted from 1; 0: none */
    bool once;          /* only this call fails */
    size_t odds;        /* one call in so many fails, by chance; 0: none */
    const char *secret; /* no block may hold it when it is released; NULL: none */
    size_t spilt;       /* how many did */
    struct chance chance;
};

/* Install h; call it before any object is made. */
void heap_install(struct heap *h);

/* Back to malloc; every object is gone by then. */
void heap_remove(void);

#endif
