/*
 * slab - large objects of one size, of which little is ever touched, apart from all others.
 *
 *      slab: [page: head, slot: owner, object ...] [page: slot ...] [page: slot ...] ...
 *
 * In the heap such an object comes to lie where something was written and freed, and keeps pages
 * that nobody reads any more: beside the buffers of TLS handshakes that is most of its size. A
 * slab is too large to find place there, and its slots begin with a page, so that what is touched
 * at the beginning of an object is one page where it can be. An object is charged to the account
 * when it is taken; what is not touched is no memory but addresses. Belongs to one loop.
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
