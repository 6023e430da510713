/*
 * block - header blocks: their fields, and the log from which each can be decoded again.
 *
 * HPACK has state, so a block means something only behind all blocks before it. The log of a
 * direction keeps what happened to its table, in order: a block (a rope), a new limit, a loss.
 *
 *      [block][still][still][limit][block][still] ... (point) [block][still] ...
 *
 * Most blocks of a connection change nothing: looking at another one passes over these. Behind
 * every BLOCK_CHANGES steps that changed something stands a point, a copy of the reader, and there
 * are as many as their memory allows, else they stand further apart. And whoever reads blocks in
 * order goes on from where the last one ended.
 */
#ifndef VITRO_DECODE_BLOCK_H
#define VITRO_DECODE_BLOCK_H

#include "base/arena.h"
#include "decode/rope.h"
#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BLOCK_MAX = 1024 * 1024,
    BLOCK_CHANGES = 64,
    BLOCK_WALK = 4096,                 /* steps from one point to the next at most */
    BLOCK_POINTS_MAX = 8 * 1024 * 1024 /* bytes of all points of a decoder */
};

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
void vitro_block_list_reset(struct block_list *l); /* empty, ready for the next */

/* Decode a whole block; the list is emptied first. */
void vitro_block_decode(struct hpack_reader *r, vitro_bytes block, uint64_t origin,
                        struct block_list *out);

/* The reader that a direction begins with. */
void vitro_block_reader_init(struct hpack_reader *r, struct account *account, bool late);

enum block_step_kind {
    BLOCK_STEP_BLOCK,
    BLOCK_STEP_STILL, /* a block that left everything as it was */
    BLOCK_STEP_LIMIT,
    BLOCK_STEP_LOSE
};

struct block_step {
    uint32_t what;   /* first link of the block; the limit */
    uint32_t length; /* of the block */
    uint32_t origin; /* its first event */
    uint8_t kind;
};

/* A copy of the reader before a step. */
struct block_point {
    struct hpack_reader *reader;
    uint32_t step;
    bool must; /* the steps before do not lead here: it stays */
};

struct block_log {
    struct packlog steps;
    struct block_point *points; /* by step */
    uint32_t point_count, point_cap;
    bool late; /* its reader began so */
};

/* What only the writer needs. */
struct block_writer {
    struct packlog_row last;
    uint32_t changes; /* steps behind the last point that changed something */
    uint32_t stride;  /* of these, from one point to the next */
};

void vitro_block_log_init(struct block_log *log, struct account *account, bool late);
void vitro_block_log_done(struct block_log *log);

/* Before a step is made: keep a point if one is due. *held counts the bytes of all points. */
void vitro_block_log_point(struct block_log *log, struct block_writer *w,
                           const struct hpack_reader *r, size_t *held);

/* The same where the reader has learnt what no step tells. */
void vitro_block_log_must(struct block_log *log, struct block_writer *w,
                          const struct hpack_reader *r, size_t *held);

/* Add a step that was made; returns its number, UINT32_MAX without memory. */
uint32_t vitro_block_log_add(struct block_log *log, struct block_writer *w,
                             const struct block_step *step);

/* Step i; false when there is none. */
bool vitro_block_log_step(const struct block_log *log, uint32_t i, struct block_step *out);

/* True when both would read whatever follows alike. */
bool vitro_block_same(const struct hpack_reader *a, const struct hpack_reader *b);

/* Reads the bytes of a logged block; false when they are not at hand. */
typedef bool block_read_fn(const struct block_step *step, struct buf *out, void *user);

/* A reader that makes the steps of a log again. */
struct block_replay {
    const struct block_log *of; /* NULL: none */
    uint32_t made;              /* so many of its steps */
    struct packlog_at at;       /* the next one, as long as the log has so many */
    uint32_t count;
    struct hpack_reader reader;
};

void vitro_block_replay_done(struct block_replay *r);

/*
 * Bring replay's reader to where it was before step i <= count. Blocks on the way go to scratch.
 * False when the bytes of one cannot be had.
 */
bool vitro_block_log_reach(const struct block_log *log, uint32_t i, struct block_replay *replay,
                           block_read_fn *read, void *user, struct block_list *scratch);

/*
 * Decode the block of step i again, and give the step. False when it is none or its bytes cannot
 * be had.
 */
bool vitro_block_log_decode(const struct block_log *log, uint32_t i, struct block_replay *replay,
                            block_read_fn *read, void *user, struct block_list *out,
                            struct block_step *step);

#ifdef __cplusplus
}
#endif
#endif
