/*
 * What is packed: rows of a log, and where the bytes of a direction stand.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "decode/rope.h"
#include "support/seed.h"

enum { ROWS = 3000, COLUMNS = 3 };

/* Evenly growing, or not, or anything at all; the first number rises. */
static void any_row(struct chance *c, const uint64_t *last, uint64_t *out)
{
    out[0] = last[0] + 1 + vitro_chance_below(c, vitro_chance_below(c, 4) ? 20 : 5000);
    out[1] = vitro_chance_below(c, 10) ? last[1] + 66 : vitro_chance_next(c);
    out[2] = vitro_chance_below(c, 10) ? last[2] : UINT64_MAX;
}

static bool same(const struct packlog_at *at, const uint64_t *row)
{
    return memcmp(at->last.is, row, COLUMNS * sizeof *row) == 0;
}

Test(decode_packed, rows_come_back_in_order_by_number_and_by_what_is_looked_for)
{
    static uint64_t rows[ROWS + 1][COLUMNS];
    struct chance c = seed_chance();
    struct packlog_row writer = { 0 };
    struct account account;
    struct packlog_at at;
    struct packlog log;

    vitro_account_init(&account, NULL, 0);
    vitro_packlog_init(&log, &account, COLUMNS);
    for (uint32_t i = 1; i <= ROWS; i++) {
        any_row(&c, rows[i - 1], rows[i]);
        cr_assert(vitro_packlog_add(&log, &writer, rows[i]));
    }
    cr_assert(vitro_packlog_begin(&log, 0, &at));
    for (uint32_t i = 1; i <= ROWS; i++)
        cr_assert(vitro_packlog_next(&at) && same(&at, rows[i]), "row %u", i);
    cr_assert(not(vitro_packlog_next(&at)));
    for (uint32_t k = 0; k < ROWS; k++) {
        size_t i = seed_between(&c, 1, ROWS);
        uint64_t key = rows[i][0], between;
        cr_assert(vitro_packlog_begin(&log, (uint32_t)i - 1, &at) && vitro_packlog_next(&at));
        cr_assert(same(&at, rows[i]), "row %zu " SEED_TEXT, i, seed_of_run(), (size_t)k);
        between = i < ROWS ? rows[i + 1][0] - 1 : key + 1000;
        cr_assert(vitro_packlog_find(&log, vitro_chance_below(&c, 2) ? key : between, &at));
        cr_assert(same(&at, rows[i]), "key of %zu " SEED_TEXT, i, seed_of_run(), (size_t)k);
    }
    cr_expect(not(vitro_packlog_find(&log, rows[1][0] - 1, &at)));
    cr_expect(not(vitro_packlog_begin(&log, ROWS, &at)));
    vitro_packlog_done(&log);
    cr_expect(eq(sz, account.used, 0));
}

Test(decode_packed, rows_that_were_dropped_are_gone_and_the_others_stay)
{
    struct packlog_row writer = { 0 };
    struct account account;
    struct packlog_at at;
    struct packlog log;
    uint64_t row[COLUMNS] = { 0 };

    vitro_account_init(&account, NULL, 0);
    vitro_packlog_init(&log, &account, COLUMNS);
    for (uint32_t i = 0; i < ROWS; i++) {
        row[0] = i * 10;
        cr_assert(vitro_packlog_add(&log, &writer, row));
        if (i >= 500 && i % 100 == 0)
            vitro_packlog_drop(&log, i - 300);
    }
    cr_expect(le(u32, vitro_packlog_first(&log), ROWS - 400));
    cr_expect(gt(u32, vitro_packlog_first(&log), ROWS - 400 - PACKLOG_PAGE));
    cr_expect(lt(sz, account.used, 8 * 1024));
    cr_expect(not(vitro_packlog_begin(&log, vitro_packlog_first(&log) - 1, &at)));
    cr_assert(vitro_packlog_find(&log, (ROWS - 100) * 10 + 5, &at));
    cr_expect(eq(u64, at.last.is[0], (ROWS - 100) * 10));
    vitro_packlog_done(&log);
    cr_expect(eq(sz, account.used, 0));
}

/* ---- where bytes stand ----------------------------------------------------------------------- */

struct model_seg {
    uint64_t at, len, capture;
};

static void assert_run(const struct segs *s, struct segs_memo *memo, const struct model_seg *g,
                       uint64_t skip)
{
    uint64_t capture, run = vitro_segs_run_near(s, memo, g->at + skip, &capture);

    cr_assert(eq(u64, run, g->len - skip));
    cr_assert(eq(u64, capture, g->capture == ROPE_HOLE ? ROPE_HOLE : g->capture + skip));
    cr_assert(eq(u64, vitro_segs_run(s, g->at + skip, &capture), run));
}

Test(decode_packed, each_byte_of_a_direction_is_found_where_it_stands)
{
    static struct model_seg all[ROWS];
    struct chance c = seed_chance();
    struct packlog_row writer = { 0 };
    struct segs_memo memo = { .of = NULL };
    struct account account;
    struct segs s;
    uint64_t at = 0, capture = 40;

    vitro_account_init(&account, NULL, 0);
    vitro_segs_init(&s, &account);
    for (size_t i = 0; i < ROWS; i++) {
        bool hole = vitro_chance_below(&c, 12) == 0;
        uint64_t len = 1 + vitro_chance_below(&c, vitro_chance_below(&c, 3) ? 1448 : 1 << 20);
        capture += 66 + (vitro_chance_below(&c, 3) ? 0 : vitro_chance_below(&c, 5000));
        all[i] = (struct model_seg){ at, len, hole ? ROPE_HOLE : capture };
        cr_assert(vitro_segs_add(&s, &writer, all[i].capture, len));
        at += len;
        capture += hole ? 0 : len;
        assert_run(&s, &memo, &all[seed_between(&c, 0, i)], 0); /* while it grows, too */
    }
    for (size_t i = 0; i < ROWS; i++)
        assert_run(&s, &memo, &all[i], vitro_chance_below(&c, all[i].len));
    for (size_t k = 0; k < ROWS; k++) {
        const struct model_seg *g = &all[seed_between(&c, 0, ROWS - 1)];
        assert_run(&s, &memo, g, vitro_chance_below(&c, g->len));
    }
    cr_expect(eq(u64, vitro_segs_run(&s, at, &capture), 0));
    vitro_segs_done(&s);
    cr_expect(eq(sz, account.used, 0));
}

Test(decode_packed, a_direction_in_even_segments_costs_two_bytes_a_segment)
{
    struct packlog_row writer = { 0 };
    struct account account;
    struct segs s;

    vitro_account_init(&account, NULL, 0);
    vitro_segs_init(&s, &account);
    for (uint64_t i = 0; i < 100000; i++)
        cr_assert(vitro_segs_add(&s, &writer, 1000 + i * 1548, 1448));
    cr_expect(lt(sz, account.used, 100000 * 5 / 2 + 4096));
    vitro_segs_done(&s);
}
