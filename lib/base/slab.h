/*
 * slab - large objects of one size, of which little is ever touched, apart from all others.
 *
 *      slab: [head] [slot: owner, object] [slot] ... [slot]      one allocation, in fresh pages
 *
 * In the heap such an object comes to lie where something was written and freed, and keeps pages
 * that nobody reads any more: beside the buffers of TLS handshakes that is most of its size. A
 * slab is too large to find place there. An object is charged to the account when it is taken;
 * what was not taken yet is no memory but addresses. Belongs to one loop.
 */
#ifndef VITRO_BASE_SLAB_H
#define VITRO_BASE_SLAB_H

#include "base/list.h"
#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slabs {
    struct account *account;
    size_t object;    /* bytes of one object */
    struct list open; /* slabs with a free slot */
};

/* account is kept. */
void vitro_slabs_init(struct slabs *s, struct account *account, size_t object);

/* Uninitialised memory of one object; NULL when memory is out. */
void *vitro_slabs_take(struct slabs *s);

/* Give an object back. */
void vitro_slabs_put(struct slabs *s, void *object);

/* Release the slabs of which nothing is in use. */
void vitro_slabs_trim(struct slabs *s);

#ifdef __cplusplus
}
#endif
#endif
