/* spool: what comes only once can be read again, and who sends it does not wait. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <poll.h>
#include <string.h>

#include "support/seed.h"

#include "source.c"
#include "spool.c"

enum { MIB = 1024 * 1024 };

static struct spool *spool_of(uint64_t limit, bool keep_all)
{
    struct spool_options options = { "s", limit, keep_all };
    struct spool *s;

    cr_assert(eq(int, spool_new(&s, &options, NULL), VITRO_OK));
    return s;
}

/* Byte i of a stream that never ends. */
static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 16 ^ i >> 24);
}

static void make(uint8_t *p, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = byte_at(at + i);
}

static bool is(const uint8_t *p, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != byte_at(at + i))
            return false;
    }
    return true;
}

struct filling {
    struct spool *spool;
    uint64_t total, added;
    size_t piece;
};

static void *fill_it(void *user)
{
    struct filling *f = user;
    uint8_t *piece = malloc(f->piece);

    while (f->added < f->total) {
        size_t n = MIN(f->piece, (size_t)(f->total - f->added));
        make(piece, f->added, n);
        if (!spool_add(f->spool, piece, n))
            break;
        f->added += n;
    }
    spool_end(f->spool, NULL);
    free(piece);
    return NULL;
}

Test(spool, what_one_thread_adds_another_reads_in_any_order)
{
    struct chance c = seed_chance();
    struct filling f = { spool_of(0, true), 3 * MIB + 5, 0, 10007 };
    struct source *s;
    pthread_t thread;
    uint64_t size;

    cr_assert(eq(int, source_open_spool(&s, f.spool, NULL), VITRO_OK));
    cr_assert(eq(int, thread_start(&thread, fill_it, &f), 0));
    for (size_t i = 0; i < 500; i++) {
        uint64_t at = seed_between(&c, 0, f.total + 10);
        size_t n = seed_between(&c, 0, 5000), there = at > f.total ? 0 : (size_t)(f.total - at);
        vitro_bytes b = source_lend(at, n, s);
        cr_assert(eq(sz, b.len, MIN(n, there)), SEED_TEXT, seed_of_run(), i);
        cr_assert(is(b.ptr, at, b.len), SEED_TEXT, seed_of_run(), i);
    }
    pthread_join(thread, NULL);
    cr_expect(not(source_grow(s, &size)));
    cr_expect(eq(u64, size, f.total));
    cr_expect(source_error(s) == NULL);
    source_close(s);
    spool_free(f.spool);
}

Test(spool, a_pipe_is_read_dry_while_its_reader_does_something_else)
{
    static uint8_t piece[MIB];
    struct source *s;
    int fds[2];

    cr_assert(eq(int, pipe(fds), 0));
    cr_assert(eq(int, source_open_fd(&s, fds[0], "p", NULL), VITRO_OK));
    for (uint64_t at = 0; at < 8 * MIB; at += MIB) { /* would wait for ever on a full pipe */
        make(piece, at, MIB);
        cr_assert(eq(i64, write(fds[1], piece, MIB), MIB));
    }
    cr_expect(is(source_lend(7 * MIB, MIB, s).ptr, 7 * MIB, MIB));
    close(fds[1]);
    source_close(s);
}

Test(spool, a_pipe_that_is_still_open_is_left_at_once)
{
    struct source *s;
    int fds[2];

    cr_assert(eq(int, pipe(fds), 0));
    cr_assert(eq(int, source_open_fd(&s, fds[0], "p", NULL), VITRO_OK));
    source_close(s);
    close(fds[1]);
}

Test(spool, it_tells_of_what_has_come_since_it_was_looked_at)
{
    struct spool *s = spool_of(0, true);
    struct pollfd fd = { spool_wait_fd(s), POLLIN, 0 };
    uint64_t size;

    cr_expect(eq(int, poll(&fd, 1, 0), 0));
    cr_expect(spool_add(s, "abc", 3));
    cr_expect(eq(int, poll(&fd, 1, 0), 1));
    cr_expect(spool_size(s, &size));
    cr_expect(eq(u64, size, 3));
    cr_expect(eq(int, poll(&fd, 1, 0), 0));
    spool_end(s, NULL);
    cr_expect(eq(int, poll(&fd, 1, 0), 1));
    cr_expect(not(spool_size(s, &size)));
    spool_free(s);
}

Test(spool, one_that_keeps_all_ends_when_it_is_full_and_says_so)
{
    struct filling f = { spool_of(MIB, true), 8 * MIB, 0, 100000 };
    uint64_t size;
    uint8_t last[16];

    fill_it(&f);
    cr_expect(eq(u64, f.added, MIB / 100000 * 100000));
    cr_expect(not(spool_size(f.spool, &size)));
    cr_expect(eq(u64, size, f.added));
    cr_expect(eq(i64, spool_read(f.spool, size - 16, last, 16), 16)); /* what it has, it has */
    cr_expect(is(last, size - 16, 16));
    cr_assert(spool_error(f.spool) != NULL);
    cr_expect(strstr(spool_error(f.spool)->frame[0].text, "reading ends here") != NULL);
    spool_free(f.spool);
}

Test(spool, one_that_forgets_goes_on_for_ever_in_bounded_room)
{
    struct filling f = { spool_of(8 * MIB, false), 100 * MIB, 0, 65536 };
    uint64_t at = 0, there;
    static uint8_t piece[65536];
    pthread_t thread;
    struct stat st;

    cr_assert(eq(int, thread_start(&thread, fill_it, &f), 0));
    while ((there = spool_wait(f.spool, at + sizeof piece)) >= at + sizeof piece) {
        cr_assert(eq(i64, spool_read(f.spool, at, piece, sizeof piece), sizeof piece));
        cr_assert(is(piece, at, sizeof piece));
        at += sizeof piece;
        cr_assert(eq(int, fstat(f.spool->fd, &st), 0));
        cr_assert(le(i64, st.st_blocks * 512, 9 * MIB));
    }
    pthread_join(thread, NULL);
    cr_expect(eq(u64, at, f.total));
    cr_expect(eq(i64, spool_read(f.spool, 0, piece, 1), 0)); /* forgotten, not zeros */
    cr_expect(spool_error(f.spool) == NULL);
    spool_free(f.spool);
}

Test(spool, who_fills_one_is_let_go_when_its_reader_leaves)
{
    struct filling f = { spool_of(MIB, false), 8 * MIB, 0, 65536 };
    pthread_t thread;

    cr_assert(eq(int, thread_start(&thread, fill_it, &f), 0));
    spool_wait(f.spool, MIB); /* it is full, and waits for a reader */
    spool_close(f.spool);
    pthread_join(thread, NULL);
    cr_expect(eq(u64, f.added, MIB));
    spool_free(f.spool);
}
