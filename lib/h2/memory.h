/*
 * memory - nghttp2's allocations, from free lists.
 *
 * nghttp2 makes and drops a handful of small blocks for every stream and frame. Size classes with
 * a free list each take a tenth off its instructions. Belongs to one loop.
 */
#ifndef VITRO_H2_MEMORY_H
#define VITRO_H2_MEMORY_H

#include "base/freelist.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { H2_MEMORY_CLASSES = 9 };

struct h2_memory {
    struct account *account;
    struct freelist classes[H2_MEMORY_CLASSES];
};

void vitro_h2_memory_init(struct h2_memory *m, struct account *account); /* account is kept */
void vitro_h2_memory_trim(struct h2_memory *m);                          /* give free blocks back */
void vitro_h2_memory_done(struct h2_memory *m); /* every session is gone by then */

void *vitro_h2_memory_alloc(struct h2_memory *m, size_t n);
void *vitro_h2_memory_resize(struct h2_memory *m, void *p, size_t n);
void vitro_h2_memory_free(struct h2_memory *m, void *p);

/*
 * Free p later, with all that is held; to hold a block twice does nothing. For a session that was
 * refused memory: nghttp2 may free a block twice then, and use it in between.
 */
void vitro_h2_memory_hold(void **held, void *p);
void vitro_h2_memory_release(struct h2_memory *m, void **held);

/* What the block costs, its header included. */
size_t vitro_h2_memory_size(const void *p);

#ifdef __cplusplus
}
#endif
#endif
