/*
 * arena - memory of one message: many small pieces, released at once, within a budget.
 */
#ifndef VITRO_BASE_ARENA_H
#define VITRO_BASE_ARENA_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t room;                /* free bytes at the end of the newest */
    size_t next;                /* size of the next block */
    struct account *account;
};

/* An empty arena. account is kept: its budget is the arena's. first is a guess of the total. */
void vitro_arena_init(struct arena *a, struct account *account, size_t first);

/* n bytes, aligned for any object, zeroed on request by the second; NULL when refused. */
void *vitro_arena_alloc(struct arena *a, size_t n);
void *vitro_arena_zalloc(struct arena *a, size_t n);

/* Overwrite all that it holds, which was secret. */
void vitro_arena_wipe(struct arena *a);

/* Release everything; the arena is empty and usable again. */
void vitro_arena_done(struct arena *a);

/* The same, but for the newest block, which is kept for what comes next. */
void vitro_arena_reset(struct arena *a);

#ifdef __cplusplus
}
#endif
#endif
