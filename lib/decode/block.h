/*
 * block - header blocks: their fields, and the log from which each can be decoded again.
 *
 * HPACK has state, so a block means something only behind all blocks before it. The log of a
 * direction keeps what happened to its table, in order: a block (a rope), a new limit, a loss.
 * Every BLOCK_CHECKPOINT steps it keeps a copy of the reader, so that looking at any
 * block replays fewer steps than that.
 */
#ifndef VITRO_DECODE_BLOCK_H
#define VITRO_DECODE_BLOCK_H

#include "base/arena.h"
#include "decode/rope.h"
#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BLOCK_CHECKPOINT = 64, BLOCK_MAX = 1024 * 1024 };

/* A field of a block, copied: it stays when the reader goes on. */
struct block_field {
    struct hpack_field wire; /* name and value lie in the list's arena */
    uint32_t table_count, table_size;
    struct block_field *next;
};

/* The fields of one block. */
struct block_list {
    struct arena arena;
    struct block_field *first, **last;
    uint32_t count;
    uint32_t unknown; /* of them */
    uint8_t wrong;    /* the first enum hpack_wrong */
    bool partial;     /* memory ended before the block */
};

void vitro_block_list_init(struct block_list *l, struct account *account);
void vitro_block_list_done(struct block_list *l);

/* Decode a whole block; the list is emptied first. */
void vitro_block_decode(struct hpack_reader *r, vitro_bytes block, uint64_t origin,
                        struct block_list *out);

enum block_step_kind { BLOCK_STEP_BLOCK, BLOCK_STEP_LIMIT, BLOCK_STEP_LOSE };

struct block_step {
    uint32_t what;   /* first link of the block; the limit */
    uint32_t length; /* of the block */
    uint32_t origin;
    uint8_t kind;
};

struct block_log {
    struct account *account;
    struct block_step *steps;
    uint32_t count, cap;
    struct hpack_reader **checkpoints; /* before step i * BLOCK_CHECKPOINT; NULL: no memory */
    uint32_t checkpoint_cap;
};

void vitro_block_log_init(struct block_log *log, struct account *account);
void vitro_block_log_done(struct block_log *log);

/* Add a step that r is about to make; returns its number, UINT32_MAX without memory. */
uint32_t vitro_block_log_add(struct block_log *log, struct block_step step,
                             const struct hpack_reader *r);

/* Reads the bytes of a logged block; false when they are not at hand. */
typedef bool block_read_fn(const struct block_step *step, struct buf *out, void *user);

/* A reader of which only the state matters: what it was made with is copied over. */
void vitro_block_reader_init(struct hpack_reader *r, struct account *account);

/*
 * Make r, which vitro_block_reader_init made, as it was before step i <= count. Blocks on the way
 * go to scratch. False when the bytes of one cannot be had.
 */
bool vitro_block_log_reach(const struct block_log *log, uint32_t i, block_read_fn *read, void *user,
                           struct hpack_reader *r, struct block_list *scratch);

/* Decode the block of step i again. False when it is none or its bytes cannot be had. */
bool vitro_block_log_decode(const struct block_log *log, uint32_t i, block_read_fn *read,
                            void *user, struct block_list *out);

#ifdef __cplusplus
}
#endif
#endif
