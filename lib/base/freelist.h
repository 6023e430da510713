/*
 * freelist - objects of one size that are made and dropped all the time.
 *
 * What is put back is kept for the next taker; what is kept stays charged to the account until
 * vitro_freelist_trim. Belongs to one loop.
 */
#ifndef VITRO_BASE_FREELIST_H
#define VITRO_BASE_FREELIST_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct freelist {
    struct account *account;
    size_t object; /* bytes of one object */
    void *first;   /* each free object begins with a pointer to the next */
    size_t count;  /* free objects */
};

/* object is at least a pointer's size. account is kept. */
void vitro_freelist_init(struct freelist *f, struct account *account, size_t object);

/* Uninitialised memory of one object; NULL when memory is out. */
void *vitro_freelist_take(struct freelist *f);

/* Give an object back. NULL is accepted. */
void vitro_freelist_put(struct freelist *f, void *object);

/* Release all free objects but keep_count of them. */
void vitro_freelist_trim(struct freelist *f, size_t keep_count);

#ifdef __cplusplus
}
#endif
#endif
