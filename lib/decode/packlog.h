/*
 * packlog - rows of numbers, packed: written at the end, read anywhere.
 *
 *      [page][page][page] ... [tail]        a page: PACKLOG_PAGE rows
 *
 * Of a row stands what differs from the row before it going on in the same steps, a number a
 * column: rows that grow evenly cost a byte a column. A page can be read without those before it,
 * and a row by reading its page up to it. What only the writer needs lies apart, so that a log
 * that is complete is small.
 */
#ifndef VITRO_DECODE_PACKLOG_H
#define VITRO_DECODE_PACKLOG_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACKLOG_PAGE = 64, PACKLOG_COLUMNS = 3 };

struct packlog {
    struct account *account;
    uint8_t **pages; /* full ones, each with its size before it */
    uint8_t *tail;
    uint32_t page_count, page_cap; /* of those held */
    uint32_t dropped;              /* pages at the front that are not held any more */
    uint32_t count;                /* rows, those of dropped pages included */
    uint16_t tail_len, tail_cap;
    uint8_t columns;
};

/* The row that was read or written last, and how it came from the one before it. */
struct packlog_row {
    uint64_t is[PACKLOG_COLUMNS];
    uint64_t step[PACKLOG_COLUMNS];
};

/* Where reading stands. */
struct packlog_at {
    const struct packlog *log;
    const uint8_t *next; /* NULL: the next page has to be found */
    uint32_t row;        /* the next one */
    struct packlog_row last;
};

void vitro_packlog_init(struct packlog *l, struct account *account, uint8_t columns);
void vitro_packlog_done(struct packlog *l);

/*
 * Add a row of l->columns numbers. last is the writer's, all 0 at first. False without memory,
 * and nothing is changed.
 */
bool vitro_packlog_add(struct packlog *l, struct packlog_row *last, const uint64_t *row);

/* Forget the full pages before the one of this row. */
void vitro_packlog_drop(struct packlog *l, uint32_t row);

/* The first row that is held. */
uint32_t vitro_packlog_first(const struct packlog *l);

/* Begin to read at a row; false when it is not held. */
bool vitro_packlog_begin(const struct packlog *l, uint32_t row, struct packlog_at *at);

/* Begin behind the last row whose first number is at most key, where that number rises from row
 * to row; the row is in at->last. False when all that are held are greater. */
bool vitro_packlog_find(const struct packlog *l, uint64_t key, struct packlog_at *at);

/* Read the next row into at->last; false at the end. */
bool vitro_packlog_next(struct packlog_at *at);

#ifdef __cplusplus
}
#endif
#endif
