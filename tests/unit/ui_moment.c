/* What a connection remembers: the same however one came to the moment. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/conversation.h"
#include "support/decoded.h"
#include "support/program.h"
#include "support/seed.h"
#include "ui/moment.h"

static void assert_same_table(const struct table *a, const struct table *b, size_t k)
{
    uint32_t size = 0;

    cr_assert(eq(sz, a->count, b->count), SEED_TEXT, seed_of_run(), k);
    cr_assert(eq(u32, a->size, b->size));
    cr_assert(eq(u32, a->limit, b->limit));
    for (size_t i = 0; i < a->count; i++) {
        cr_assert(eq(str, a->entries[i].name, b->entries[i].name));
        cr_assert(eq(str, a->entries[i].value, b->entries[i].value));
        cr_assert(eq(u32, a->entries[i].by, b->entries[i].by));
        size += a->entries[i].size;
    }
    cr_assert(eq(u32, size, a->size), "the entries make up the table " SEED_TEXT, seed_of_run(), k);
}

static void assert_same(const struct moment *a, const struct moment *b, size_t k)
{
    for (int dir = 0; dir < 2; dir++) {
        assert_same_table(&a->tables[dir], &b->tables[dir], k);
        cr_assert(eq(i64, a->left[dir], b->left[dir]), SEED_TEXT, seed_of_run(), k);
    }
    cr_assert(eq(sz, a->count, b->count));
    for (size_t i = 0; i < a->count; i++) {
        cr_assert(eq(u32, a->streams[i].stream, b->streams[i].stream));
        cr_assert(eq(i64, a->streams[i].left[0], b->streams[i].left[0]));
        cr_assert(eq(i64, a->streams[i].left[1], b->streams[i].left[1]));
    }
}

Test(moment, a_jump_leads_to_what_a_walk_leads_to, .timeout = 60)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 6; k++) {
        struct conversation_shape shape = {
            .calls = 12,
            .styles = true,
            .controls = true,
            .sizes = true,
            .continuation = k % 2,
        };
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct conversation conv;
        struct decoded_bytes b;
        struct pcap_write w;
        struct moment jumping;
        conversation_make(&conv, &shape, k, k);
        pcap_write_init(&w, PCAP_NG, 1);
        conversation_capture(&conv, &w, &talk, NULL);
        b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
        vitro_decode *d = decoded_of(&b, true, NULL);
        moment_init(&jumping, d);
        vitro_event ev;
        cr_assert(vitro_decode_event(d, vitro_decode_count(d), &ev));
        moment_ask(&jumping, &ev);
        jumping.stride = 3; /* checkpoints from the first events on */
        for (size_t i = 0; i < 40; i++) {
            size_t number = seed_between(&c, 1, vitro_decode_count(d));
            struct moment fresh;
            moment_init(&fresh, d);
            cr_assert(vitro_decode_event(d, (uint32_t)number, &ev));
            moment_ask(&fresh, &ev);
            moment_ask(&jumping, &ev);
            cr_assert(moment_walk(&fresh, UINT32_MAX));
            cr_assert(moment_walk(&jumping, UINT32_MAX));
            assert_same(&jumping, &fresh, k);
            moment_done(&fresh);
        }
        cr_assert(jumping.saved > 0);
        moment_done(&jumping);
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&conv);
    }
}

/* The moment behind the last event of a trace's connection. */
static vitro_decode *end_of(struct moment *m, struct decoded_bytes *b, int fd)
{
    size_t n = (size_t)lseek(fd, 0, SEEK_END);
    vitro_decode *d;
    vitro_event ev;

    *b = (struct decoded_bytes){ mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0), n, 0, NULL };
    d = decoded_of(b, true, NULL);
    moment_init(m, d);
    for (uint32_t i = vitro_decode_count(d); vitro_decode_event(d, i, &ev); i--)
        if (ev.kind == VITRO_EVENT_FRAME)
            break;
    moment_ask(m, &ev);
    while (!moment_walk(m, 1000)) {
    }
    return d;
}

static const struct stream_window *window_of(const struct moment *m, uint32_t stream)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->streams[i].stream == stream)
            return &m->streams[i];
    return NULL;
}

/* What a note has told stands where it stands in the table of the whole trace. */
static size_t expect_olds(const struct table *whole, const struct table *late, size_t k)
{
    for (size_t i = 0; i < late->old_count; i++) {
        size_t behind = (size_t)(late->inserted - late->olds[i].number);
        if (behind >= whole->count)
            continue; /* it may have been evicted: of that nobody is told */
        cr_assert(eq(str, late->olds[i].name, whole->entries[whole->count - 1 - behind].name),
                  SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(str, late->olds[i].value, whole->entries[whole->count - 1 - behind].value),
                  SEED_TEXT, seed_of_run(), k);
    }
    return late->old_count;
}

Test(moment, who_comes_late_sees_the_windows_as_they_are, .timeout = 60)
{
    struct chance c = seed_chance();
    size_t compared = 0, olds = 0;

    for (size_t k = 0; k < 60; k++) {
        static struct program g;
        struct decoded_bytes a, b;
        struct moment whole, late;
        vitro_decode *da, *db;

        memset(&g, 0, sizeof g);
        vitro_chance_seed(&g.chance, vitro_chance_next(&c));
        program_run(&g);
        da = end_of(&whole, &a, g.whole);
        db = end_of(&late, &b, g.late[0]);
        for (int dir = 0; late.from_start && dir < 2; dir++)
            cr_assert(eq(i64, late.left[dir], whole.left[dir]), SEED_TEXT, seed_of_run(), k);
        for (int dir = 0; late.from_start && dir < 2; dir++)
            olds += expect_olds(&whole.tables[dir], &late.tables[dir], k);
        for (size_t i = 0; late.from_start && i < late.count; i++) {
            const struct stream_window *s = window_of(&whole, late.streams[i].stream);
            cr_assert(s != NULL);
            for (int dir = 0; dir < 2; dir++)
                cr_assert(eq(i64, late.streams[i].left[dir], s->left[dir]), SEED_TEXT,
                          seed_of_run(), k);
            compared++;
        }
        moment_done(&whole);
        moment_done(&late);
        vitro_decode_free(da);
        vitro_decode_free(db);
        munmap((void *)(uintptr_t)a.ptr, a.len);
        munmap((void *)(uintptr_t)b.ptr, b.len);
        program_done(&g);
    }
    cr_assert(compared > 100 && olds > 100, "%zu, %zu", compared, olds);
}
