#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/queue.h"
#include "base/util.h"
#include "support/heap.h"
#include "support/seed.h"

enum { QUEUES = 3, MODEL_MAX = 1 << 18, LENT_MAX = 1 << 17 };

/* A queue as the plain run of bytes that it must equal; end[i]: a seal stands behind byte i. */
struct model {
    uint8_t byte[MODEL_MAX];
    bool end[MODEL_MAX];
    size_t len;
};

static struct world {
    struct account account;
    struct pool pool;
    struct queue q[QUEUES];
    struct model m[QUEUES];
    uint8_t *lent; /* the lender's memory, given out up to lent_used */
    size_t lent_used;
    size_t attached, released;
    struct chance c;
    size_t step;
} w;

static void world_begin(size_t budget)
{
    memset(&w, 0, sizeof w);
    w.c = seed_chance();
    w.lent = malloc(LENT_MAX);
    vitro_account_init(&w.account, NULL, budget);
    vitro_pool_init(&w.pool, &w.account);
    for (size_t i = 0; i < QUEUES; i++)
        vitro_queue_init(&w.q[i], &w.pool);
}

static void world_end(void)
{
    for (size_t i = 0; i < QUEUES; i++)
        vitro_queue_clear(&w.q[i]);
    cr_assert(w.attached == w.released, "each attachment is released exactly once");
    vitro_pool_done(&w.pool);
    cr_assert(w.account.used == 0 && w.account.live == 0, "nothing leaked");
    free(w.lent);
}

static void model_add(struct model *m, const uint8_t *p, size_t n)
{
    cr_assert(m->len + n <= MODEL_MAX);
    memcpy(m->byte + m->len, p, n);
    memset(m->end + m->len, 0, n);
    m->len += n;
}

static void model_drop(struct model *m, size_t n)
{
    memmove(m->byte, m->byte + n, m->len - n);
    memmove(m->end, m->end + n, (m->len - n) * sizeof m->end[0]);
    m->len -= n;
}

static void model_move(struct model *dst, struct model *src, size_t n)
{
    model_add(dst, src->byte, n);
    memcpy(dst->end + dst->len - n, src->end, n * sizeof src->end[0]);
    model_drop(src, n);
}

static void must_equal(size_t at)
{
    const struct queue *q = &w.q[at];
    const struct model *m = &w.m[at];
    size_t len = 0, sealed = 0, max = seed_between(&w.c, 0, m->len + 1);

    cr_assert(q->len == m->len, "length %zu is not %zu " SEED_TEXT, q->len, m->len, seed_of_run(),
              w.step);
    for (const struct piece *i = q->head; i; len += i->len, i = i->next) {
        cr_assert(i->len == 0 || memcmp(i->ptr, m->byte + len, i->len) == 0,
                  "bytes at %zu differ " SEED_TEXT, len, seed_of_run(), w.step);
        cr_assert(i->next || i == q->tail);
    }
    cr_assert(len == m->len);
    cr_assert((vitro_queue_peek(q).len > 0) == (m->len > 0));
    while (sealed < m->len && !m->end[sealed])
        sealed++;
    sealed = MIN(sealed + 1, m->len);
    cr_assert(vitro_queue_sealed_len(q, max) == MIN(sealed, max), "seal " SEED_TEXT, seed_of_run(),
              w.step);
}

static void view_must_equal(size_t at)
{
    vitro_bytes view[5];
    size_t n = vitro_queue_view(&w.q[at], view, ARRAY_LEN(view)), len = 0;

    for (size_t i = 0; i < n; i++) {
        cr_assert(view[i].len > 0 && !memcmp(view[i].ptr, w.m[at].byte + len, view[i].len));
        len += view[i].len;
    }
    cr_assert(n == ARRAY_LEN(view) || len == w.m[at].len);
}

static void note_release(const void *p, size_t n, void *user)
{
    cr_assert(*(size_t *)user == n, "release is called with what was attached");
    w.released++;
    free((void *)(uintptr_t)p);
    free(user);
}

static void op_append(size_t at)
{
    uint8_t bytes[40000];
    size_t n = seed_between(&w.c, 0, vitro_chance_below(&w.c, 20) ? 300 : sizeof bytes);
    size_t before = w.q[at].len;

    seed_fill(&w.c, bytes, n);
    if (vitro_queue_append(&w.q[at], bytes, n))
        model_add(&w.m[at], bytes, n);
    else /* what came in before memory ended stays */
        model_add(&w.m[at], bytes, w.q[at].len - before);
}

static void op_reserve(size_t at)
{
    size_t room = 0, min = seed_between(&w.c, 0, vitro_chance_below(&w.c, 9) ? 50 : CHUNK_BYTES);
    uint8_t *to = vitro_queue_reserve(&w.q[at], min, &room);
    size_t n = to ? seed_between(&w.c, 0, MIN(room, 500)) : 0;

    if (!to)
        return;
    cr_assert(room >= min);
    seed_fill(&w.c, to, n);
    model_add(&w.m[at], to, n);
    vitro_queue_commit(&w.q[at], n);
}

static void op_attach(size_t at)
{
    size_t n = seed_between(&w.c, 0, 3000), *length = malloc(sizeof *length);
    uint8_t *p = malloc(n + 1), copy[3000];
    size_t before = w.released;

    *length = n;
    seed_fill(&w.c, p, n);
    memcpy(copy, p, n);
    w.attached++;
    if (vitro_queue_attach(&w.q[at], p, n, note_release, length))
        model_add(&w.m[at], copy, n);
    else
        cr_assert(w.released == before + 1, "released on failure too");
}

static void op_lend(size_t at)
{
    size_t n = seed_between(&w.c, 0, 2000);

    if (w.lent_used + n > LENT_MAX)
        return;
    seed_fill(&w.c, w.lent + w.lent_used, n);
    if (vitro_queue_lend(&w.q[at], w.lent + w.lent_used, n))
        model_add(&w.m[at], w.lent + w.lent_used, n);
    w.lent_used += n;
}

static void op_own_all(size_t at)
{
    (void)at;
    for (size_t i = 0; i < QUEUES; i++) {
        if (!vitro_queue_own(&w.q[i])) {
            must_equal(i); /* all bytes are still there, and then they are given up */
            vitro_queue_clear(&w.q[i]);
            w.m[i].len = 0;
        }
    }
    memset(w.lent, 0xee, w.lent_used);
    w.lent_used = 0;
}

static void op_consume(size_t at)
{
    size_t n = seed_between(&w.c, 0, w.m[at].len);

    if (vitro_chance_below(&w.c, 2))
        n = vitro_queue_peek(&w.q[at]).len;
    vitro_queue_consume(&w.q[at], n);
    model_drop(&w.m[at], n);
}

static size_t other(size_t at)
{
    return (at + 1 + vitro_chance_below(&w.c, QUEUES - 1)) % QUEUES;
}

static void op_move(size_t at)
{
    size_t from = other(at);

    if (w.m[at].len + w.m[from].len > MODEL_MAX)
        return;
    vitro_queue_move(&w.q[at], &w.q[from]);
    model_move(&w.m[at], &w.m[from], w.m[from].len);
}

static void op_move_some(size_t at)
{
    size_t from = other(at), n = seed_between(&w.c, 0, w.m[from].len);

    if (vitro_queue_move_some(&w.q[at], &w.q[from], n))
        model_move(&w.m[at], &w.m[from], n);
}

static void op_seal(size_t at)
{
    vitro_queue_seal(&w.q[at]);
    if (w.m[at].len)
        w.m[at].end[w.m[at].len - 1] = true;
}

static void op_truncate(size_t at)
{
    size_t n = seed_between(&w.c, w.m[at].len - w.m[at].len / 4, w.m[at].len);

    vitro_queue_truncate(&w.q[at], n);
    w.m[at].len = n;
}

static void op_clear(size_t at)
{
    if (vitro_chance_below(&w.c, 4))
        return;
    vitro_queue_clear(&w.q[at]);
    w.m[at].len = 0;
}

static void op_trim(size_t at)
{
    (void)at;
    vitro_pool_trim(&w.pool);
}

static void run(size_t steps)
{
    static void (*const ops[])(
        size_t) = { op_append,    op_append,  op_reserve, op_reserve, op_attach, op_attach,
                    op_lend,      op_lend,    op_consume, op_consume, op_move,   op_move_some,
                    op_move_some, op_own_all, op_seal,    op_clear,   op_trim,   op_truncate };

    for (w.step = 0; w.step < steps; w.step++) {
        size_t at = vitro_chance_below(&w.c, QUEUES);

        if (w.m[at].len > MODEL_MAX / 4)
            op_consume(at);
        ops[vitro_chance_below(&w.c, ARRAY_LEN(ops))](at);
        for (size_t i = 0; i < QUEUES; i++)
            must_equal(i);
        view_must_equal(at);
    }
}

Test(queue, any_sequence_of_operations_equals_a_plain_run_of_bytes)
{
    world_begin(0);
    run(6000);
    world_end();
}

Test(queue, operations_that_lack_memory_leave_the_bytes_that_were_there)
{
    world_begin(3 * sizeof(struct chunk) + 20 * sizeof(struct piece));
    run(6000);
    world_end();
}

Test(queue, a_queue_at_rest_owns_no_memory)
{
    struct account account;
    struct pool pool;
    struct queue q;
    size_t room;

    vitro_account_init(&account, NULL, 0);
    vitro_pool_init(&pool, &account);
    vitro_queue_init(&q, &pool);
    cr_assert(account.live == 0);
    cr_assert(vitro_queue_append(&q, "abc", 3) && vitro_queue_reserve(&q, 8, &room));
    vitro_queue_commit(&q, 0);
    vitro_queue_consume(&q, 3);
    cr_assert(!q.head && !q.tail);
    cr_assert(vitro_queue_reserve(&q, 8, &room));
    vitro_queue_commit(&q, 0);
    cr_assert(!q.head && !q.tail);
    vitro_pool_trim(&pool);
    cr_assert(account.live == 0 && account.used == 0);
    vitro_pool_done(&pool);
}

static void count_release(const void *p, size_t n, void *user)
{
    (void)p;
    (void)n;
    ++*(size_t *)user;
}

Test(queue, a_large_message_is_cut_into_frames_without_a_copy)
{
    static uint8_t message[100000];
    size_t released = 0, cuts = 0;
    struct pool pool;
    struct queue from, to;

    vitro_pool_init(&pool, NULL);
    vitro_queue_init(&from, &pool);
    vitro_queue_init(&to, &pool);
    cr_assert(vitro_queue_attach(&from, message, sizeof message, count_release, &released));
    while (from.len) {
        size_t n = MIN(from.len, 16384);

        cr_assert(vitro_queue_move_some(&to, &from, n));
        cr_assert(vitro_queue_peek(&to).ptr == message + cuts * 16384 && to.len == n);
        cr_assert(released == 0);
        vitro_queue_consume(&to, n);
        cuts++;
    }
    cr_assert(cuts == 7 && released == 1);
    cr_assert(pool.chunks.count == 0, "no chunk was needed");
    vitro_pool_done(&pool);
}

Test(queue, what_is_shared_stays_when_the_other_is_consumed_and_keeps_its_seals)
{
    struct pool pool;
    struct queue from, to, lent;
    size_t released = 0;
    char text[9] = "";

    vitro_pool_init(&pool, NULL);
    vitro_queue_init(&from, &pool);
    vitro_queue_init(&to, &pool);
    vitro_queue_init(&lent, &pool);
    cr_assert(vitro_queue_append(&from, "abc", 3));
    vitro_queue_seal(&from);
    cr_assert(vitro_queue_attach(&from, "defgh", 5, count_release, &released));
    cr_assert(vitro_queue_share(&to, &from, 5));
    vitro_queue_consume(&from, 5);
    cr_assert(vitro_queue_share(&to, &from, 3));
    cr_expect(released == 0);
    vitro_queue_clear(&from);
    cr_expect(to.len == 8 && released == 1, "what is somebody else's is copied");
    cr_expect(vitro_queue_sealed_len(&to, 8) == 3);
    vitro_queue_copy(&to, 0, text, 8);
    cr_expect_str_eq(text, "abcdefgh");
    cr_assert(vitro_queue_lend(&lent, "xyz", 3));
    cr_expect(vitro_queue_share(&to, &lent, 3) && to.len == 11);
    vitro_queue_clear(&lent);
    vitro_queue_clear(&to);
    vitro_pool_done(&pool);
}

Test(queue, small_writes_of_many_queues_share_a_chunk)
{
    struct account account;
    struct pool pool;
    struct queue q[100];

    vitro_account_init(&account, NULL, 0);
    vitro_pool_init(&pool, &account);
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        vitro_queue_init(&q[i], &pool);
        cr_assert(vitro_queue_append(&q[i], "twenty bytes of text", 20));
    }
    cr_assert(account.used < 2 * sizeof(struct chunk) + 100 * sizeof(struct piece));
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        cr_assert(memcmp(vitro_queue_peek(&q[i]).ptr, "twenty bytes of text", 20) == 0);
        vitro_queue_clear(&q[i]);
    }
    vitro_pool_done(&pool);
    cr_assert(account.used == 0);
}
