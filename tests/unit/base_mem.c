#include <criterion/criterion.h>
#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/freelist.h"
#include "base/slab.h"
#include "base/util.h"
#include "support/heap.h"
#include "support/seed.h"

Test(account, a_charge_goes_up_to_the_root_or_nowhere)
{
    struct account root, middle, leaf;

    vitro_account_init(&root, NULL, 100);
    vitro_account_init(&middle, &root, 60);
    vitro_account_init(&leaf, &middle, 0);
    cr_assert(vitro_account_charge(&leaf, 60));
    cr_assert(root.used == 60 && middle.used == 60 && leaf.used == 60 && leaf.live == 1);
    cr_assert(!vitro_account_charge(&leaf, 1), "the middle refuses");
    cr_assert(root.used == 60 && middle.used == 60 && leaf.used == 60 && root.live == 1);
    cr_assert(vitro_account_charge(&root, 40) && !vitro_account_charge(&root, 1));
    cr_assert(!vitro_account_charge(&leaf, SIZE_MAX), "no sum wraps");
    vitro_account_refund(&leaf, 60);
    cr_assert(root.used == 40 && root.live == 1 && middle.used == 0 && leaf.live == 0);
    cr_assert(!vitro_account_charge(&leaf, 61));
    cr_assert(vitro_account_charge(&leaf, 60));
    vitro_account_refund(&leaf, 60);
    vitro_account_refund(&root, 40);
    cr_assert(root.used == 0 && root.live == 0);
}

enum { BLOCKS = 40, ACCOUNTS = 4 };

/* Blocks of a random life, each filled with its number and of one of four accounts. */
struct life {
    uint8_t *p;
    size_t n;
    struct account *a;
};

static void must_be_filled(const struct life *b, size_t i)
{
    for (size_t k = 0; k < b->n; k++)
        cr_assert(b->p[k] == (uint8_t)i, "a block was changed by another");
}

static void sum_up(const struct account *a, const struct life *blocks, size_t *bytes, size_t *live)
{
    *bytes = *live = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        for (const struct account *k = blocks[i].p ? blocks[i].a : NULL; k; k = k->parent) {
            *bytes += k == a ? blocks[i].n : 0;
            *live += k == a;
        }
    }
}

Test(mem, any_life_of_blocks_is_what_the_accounts_say_and_never_over_a_budget)
{
    struct account a[ACCOUNTS];
    struct life blocks[BLOCKS] = { { NULL, 0, NULL } };
    struct chance c = seed_chance();
    struct heap heap = { 0 };

    heap_install(&heap);
    vitro_account_init(&a[0], NULL, 20000);
    vitro_account_init(&a[1], &a[0], 9000);
    vitro_account_init(&a[2], &a[1], 0);
    vitro_account_init(&a[3], &a[1], 3000);
    for (size_t step = 0; step < 20000; step++) {
        size_t i = vitro_chance_below(&c, BLOCKS), n = seed_between(&c, 0, 1500), bytes, live;
        struct life *b = &blocks[i];
        void *p;

        if (!b->p)
            b->a = &a[vitro_chance_below(&c, ACCOUNTS)];
        if (b->p && vitro_chance_below(&c, 2)) {
            must_be_filled(b, i);
            vitro_mem_free(b->a, b->p, b->n);
            b->p = NULL;
            b->n = 0;
        } else {
            p = vitro_mem_resize(b->a, b->p, b->n, n);
            if (p) {
                b->p = p;
                b->n = MIN(b->n, n);
                must_be_filled(b, i);
                b->n = n;
                memset(b->p, (int)i, n);
            } else if (b->p) {
                must_be_filled(b, i);
            }
        }
        for (size_t k = 0; k < ACCOUNTS; k++) {
            sum_up(&a[k], blocks, &bytes, &live);
            cr_assert(a[k].used == bytes && a[k].live == live, SEED_TEXT, seed_of_run(), step);
            cr_assert(!a[k].budget || a[k].used <= a[k].budget);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++)
        vitro_mem_free(blocks[i].a, blocks[i].p, blocks[i].n);
    cr_assert(a[0].used == 0 && a[0].live == 0 && heap.live == 0);
    heap_remove();
}

Test(mem, when_the_allocator_fails_nothing_is_charged)
{
    struct heap heap = { .fail_at = 2 };
    struct account a;
    uint8_t *p;

    heap_install(&heap);
    vitro_account_init(&a, NULL, 0);
    p = vitro_mem_zalloc(&a, 10);
    cr_assert(p && a.used == 10 && p[9] == 0);
    cr_assert(!vitro_mem_alloc(&a, 10) && a.used == 10 && a.live == 1);
    cr_assert(!vitro_mem_resize(&a, p, 10, 20) && a.used == 10 && a.live == 1);
    cr_assert(!vitro_mem_text(&a, (vitro_str){ "x", 1 }) && !vitro_mem_foreign_alloc(&a, 1));
    vitro_mem_free(&a, p, 10);
    vitro_mem_free(&a, NULL, 10);
    cr_assert(a.used == 0 && a.live == 0 && heap.live == 0);
    heap_remove();
}

Test(mem, foreign_blocks_remember_their_size)
{
    struct heap heap = { 0 };
    struct account a;
    char *p;

    heap_install(&heap);
    vitro_account_init(&a, NULL, 1000);
    p = vitro_mem_foreign_resize(&a, NULL, 10);
    memset(p, 'x', 10);
    cr_assert(a.used == 18 && (uintptr_t)p % 8 == 0);
    p = vitro_mem_foreign_resize(&a, p, 500);
    cr_assert(p[9] == 'x' && a.used == 508);
    cr_assert(!vitro_mem_foreign_resize(&a, p, 5000) && a.used == 508);
    cr_assert(!vitro_mem_foreign_resize(&a, p, SIZE_MAX - 2) && p[0] == 'x');
    cr_assert(!vitro_mem_foreign_alloc(&a, SIZE_MAX - 2));
    vitro_mem_foreign_free(&a, p);
    vitro_mem_foreign_free(&a, NULL);
    cr_assert(a.used == 0 && heap.live == 0 && heap.bytes == 0);
    heap_remove();
}

Test(mem, an_allocator_without_all_its_functions_is_refused)
{
    vitro_allocator part = VITRO_ALLOCATOR_INIT;

    cr_assert(!vitro_allocator_set(&part));
    cr_assert(vitro_allocator_set(NULL));
}

Test(freelist, objects_are_reused_newest_first_and_stay_charged_until_trimmed)
{
    struct account a;
    struct freelist f;
    void *one, *two;

    vitro_account_init(&a, NULL, 2 * 48);
    vitro_freelist_init(&f, &a, 48);
    one = vitro_freelist_take(&f);
    two = vitro_freelist_take(&f);
    cr_assert(one && two && one != two && !vitro_freelist_take(&f), "the budget is two objects");
    vitro_freelist_put(&f, one);
    vitro_freelist_put(&f, two);
    vitro_freelist_put(&f, NULL);
    cr_assert(f.count == 2 && a.used == 96);
    cr_assert(vitro_freelist_take(&f) == two && vitro_freelist_take(&f) == one);
    vitro_freelist_put(&f, one);
    vitro_freelist_put(&f, two);
    vitro_freelist_trim(&f, 1);
    cr_assert(f.count == 1 && a.used == 48);
    vitro_freelist_trim(&f, 0);
    cr_assert(f.count == 0 && a.used == 0 && a.live == 0);
}

Test(slab, objects_are_apart_charged_while_taken_and_their_memory_goes_when_none_is)
{
    enum { MANY = 50, BYTES = 16 * 1024 + 1 };
    static uint8_t *taken[MANY];
    struct account a;
    struct slabs s;
    struct heap h = { .live = 0 };

    heap_install(&h);
    vitro_account_init(&a, NULL, (size_t)MANY * BYTES);
    vitro_slabs_init(&s, &a, BYTES);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            taken[i] = vitro_slabs_take(&s);
            cr_assert(taken[i] && (uintptr_t)taken[i] % alignof(void *) == 0);
            memset(taken[i], i, BYTES);
        }
        cr_assert(!vitro_slabs_take(&s), "the budget is so many objects");
        for (int i = 0; i < MANY; i++)
            cr_assert(taken[i][0] == i && taken[i][BYTES - 1] == i);
        for (int i = 0; i < MANY; i++)
            vitro_slabs_put(&s, taken[(i * 7 + round) % MANY]);
        cr_assert(a.used == 0 && a.live == 0);
        if (round == 1)
            vitro_slabs_trim(&s);
        cr_expect_eq(h.live == 0, round == 1);
    }
    vitro_slabs_trim(&s);
    cr_expect_eq(h.live, 0);
    heap_remove();
}

Test(buf, any_sequence_of_operations_equals_a_plain_array_and_stays_under_its_maximum)
{
    static uint8_t model[5000];
    struct chance c = seed_chance();
    struct account a;
    struct buf b;
    size_t len = 0, max = 4321;

    vitro_account_init(&a, NULL, 0);
    vitro_buf_init(&b, &a, max);
    for (size_t step = 0; step < 5000; step++) {
        uint8_t bytes[600];
        size_t n = seed_between(&c, 0, sizeof bytes);

        switch (vitro_chance_below(&c, 8)) {
        case 0:
            n = MIN(n, len);
            vitro_buf_consume(&b, n);
            memmove(model, model + n, len - n);
            len -= n;
            break;
        case 1:
            if (vitro_chance_below(&c, 10) == 0) {
                vitro_buf_done(&b);
                cr_assert(a.used == 0);
                len = 0;
            }
            break;
        case 2:
            cr_assert((vitro_buf_reserve(&b, n) != NULL) == (len + n <= max));
            break;
        default:
            seed_fill(&c, bytes, n);
            cr_assert(vitro_buf_append(&b, bytes, n) == (len + n <= max));
            if (len + n <= max) {
                memcpy(model + len, bytes, n);
                len += n;
            }
        }
        cr_assert(b.len == len && b.cap <= max && (!len || !memcmp(b.ptr, model, len)), SEED_TEXT,
                  seed_of_run(), step);
        cr_assert(a.used == b.cap);
    }
    cr_assert(!vitro_buf_reserve(&b, SIZE_MAX) && !vitro_buf_append(&b, model, SIZE_MAX - 10));
    vitro_buf_done(&b);
    cr_assert(a.used == 0 && a.live == 0);
}

Test(arena, pieces_are_aligned_apart_and_within_the_budget)
{
    struct chance c = seed_chance();
    struct account a;
    struct arena arena;

    vitro_account_init(&a, NULL, 300000);
    vitro_arena_init(&arena, &a, 100);
    cr_assert(a.live == 0, "an empty arena owns nothing");
    for (size_t round = 0; round < 20; round++) {
        uint8_t *piece[400];
        size_t len[ARRAY_LEN(piece)], n = 0;

        while (n < ARRAY_LEN(piece)) {
            len[n] = seed_between(&c, 0, vitro_chance_below(&c, 30) ? 200 : 90000);
            piece[n] = vitro_chance_below(&c, 2) ? vitro_arena_alloc(&arena, len[n])
                                                 : vitro_arena_zalloc(&arena, len[n]);
            if (!piece[n])
                break;
            cr_assert((uintptr_t)piece[n] % alignof(max_align_t) == 0);
            memset(piece[n], (int)n, len[n]);
            n++;
        }
        cr_assert(a.used <= a.budget);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < len[i]; k++)
                cr_assert(piece[i][k] == (uint8_t)i, SEED_TEXT, seed_of_run(), round);
        }
        cr_assert(!vitro_arena_alloc(&arena, SIZE_MAX) && !vitro_arena_alloc(&arena, SIZE_MAX / 2));
        cr_assert(!vitro_arena_zalloc(&arena, 300001));
        vitro_arena_done(&arena);
        cr_assert(a.used == 0 && a.live == 0);
    }
}

Test(arena, zeroed_pieces_are_zero_wherever_they_come_from)
{
    struct arena arena;
    uint8_t *p;

    vitro_arena_init(&arena, NULL, 4096);
    for (size_t round = 0; round < 2; round++) {
        memset(vitro_arena_alloc(&arena, 1000), 0xff, 1000);
        p = vitro_arena_zalloc(&arena, 1000);
        for (size_t i = 0; i < 1000; i++)
            cr_assert(p[i] == 0);
        vitro_arena_done(&arena);
    }
}

Test(arena, what_is_reset_keeps_its_newest_block_and_asks_for_no_other)
{
    struct account account;
    struct arena arena;
    size_t used;

    vitro_account_init(&account, NULL, 0);
    vitro_arena_init(&arena, &account, 1024);
    vitro_arena_reset(&arena); /* of nothing */
    for (int i = 0; i < 100; i++)
        cr_assert(vitro_arena_alloc(&arena, 100) != NULL);
    cr_expect(account.live > 1);
    vitro_arena_reset(&arena);
    cr_expect_eq(account.live, 1);
    used = account.used;
    for (int round = 0; round < 10; round++) {
        char *p = vitro_arena_zalloc(&arena, 1000);
        cr_assert(p && !p[0] && !p[999]);
        memset(p, 0xff, 1000);
        vitro_arena_reset(&arena);
    }
    cr_expect_eq(account.used, used);
    vitro_arena_done(&arena);
    cr_expect_eq(account.used, 0);
}
