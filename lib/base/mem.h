/*
 * mem - all memory of the library, each allocation charged to an account.
 *
 * An account is a node of a tree (message < connection < server or channel): a charge goes up
 * to the root and is refused as a whole when any node is over its budget, so one hostile peer
 * exhausts its own connection and nothing else. Sizes are handed back on release: no headers,
 * except for foreign libraries that do not remember theirs (the _foreign_ functions).
 *
 * An account belongs to one loop; nothing here takes a lock.
 */
#ifndef VITRO_BASE_MEM_H
#define VITRO_BASE_MEM_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct account {
    struct account *parent; /* NULL at the root */
    size_t budget;          /* bytes; 0: no limit of its own */
    size_t used;            /* bytes charged here and below */
    size_t live;            /* allocations charged here and below */
};

/* Begin an account with nothing charged. parent is kept; NULL makes a root. */
void vitro_account_init(struct account *a, struct account *parent, size_t budget);

/* Charge n bytes as one allocation; false, and nothing charged, when a budget is exceeded. */
bool vitro_account_charge(struct account *a, size_t n);

/* Give back a charge of n bytes. */
void vitro_account_refund(struct account *a, size_t n);

/* NULL when memory is out or the budget is spent. a may be NULL: charged to nobody. */
void *vitro_mem_alloc(struct account *a, size_t n);
void *vitro_mem_zalloc(struct account *a, size_t n);

/* Like realloc, p may be NULL (then old is 0). On NULL p is untouched and stays charged. */
void *vitro_mem_resize(struct account *a, void *p, size_t old, size_t n);

/* p may be NULL. n is the size that was asked for. */
void vitro_mem_free(struct account *a, void *p, size_t n);

/* Overwrite a secret before its memory is released; p may be NULL when n is 0. */
void vitro_mem_wipe(void *p, size_t n);

/* A terminated copy of text, of size len + 1. */
char *vitro_mem_text(struct account *a, vitro_str text);

/* For libraries whose free() tells no size: an 8-byte header remembers it. */
void *vitro_mem_foreign_alloc(struct account *a, size_t n);
void *vitro_mem_foreign_resize(struct account *a, void *p, size_t n);
void vitro_mem_foreign_free(struct account *a, void *p);

#ifdef __cplusplus
}
#endif
#endif
