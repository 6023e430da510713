#include <criterion/criterion.h>
#include <string.h>

#include "base/util.h"
#include "support/heap.h"
#include "support/seed.h"
#include "wire/lpm.h"

/* What a reader gave out, written down as "3:abc|0:|". */
struct log {
    uint8_t bytes[1 << 16];
    size_t len;
    size_t messages;
    size_t wire_size;
    bool lent_from_input;
    vitro_code code;
    vitro_error error;
};

static void note(struct log *log, const struct lpm_message *m)
{
    cr_assert(log->len + m->bytes.len + 5 <= sizeof log->bytes);
    lpm_write_prefix(log->bytes + log->len, m->compressed, (uint32_t)m->bytes.len);
    if (m->bytes.len)
        memcpy(log->bytes + log->len + 5, m->bytes.ptr, m->bytes.len);
    log->len += m->bytes.len + 5;
    log->wire_size += m->wire_size;
    log->messages++;
}

static void feed(struct lpm_reader *r, const uint8_t *p, size_t n, struct log *log)
{
    uint8_t *copy = malloc(n + 1); /* so that a sanitizer sees a read past the piece */
    vitro_bytes in = { copy, n };
    bool ready = true;

    if (n)
        memcpy(copy, p, n);
    while (ready && !log->code) {
        struct lpm_message m;

        log->code = vitro_lpm_next(r, &in, &m, &ready, &log->error);
        if (log->code || !ready)
            break;
        log->lent_from_input = m.bytes.ptr >= copy && m.bytes.ptr <= copy + n;
        note(log, &m);
    }
    cr_assert(log->code || in.len == 0, "input was left over");
    vitro_lpm_release(r);
    free(copy);
}

/* Read a whole stream in pieces that next_cut chooses. */
static void read_stream(const uint8_t *p, size_t n, uint32_t limit, struct chance *c,
                        struct log *log)
{
    struct account account;
    struct lpm_reader r;
    size_t at = 0;

    vitro_account_init(&account, NULL, 0);
    vitro_lpm_init(&r, &account, limit);
    vitro_lpm_set_encoding(&r, true);
    while (at < n && !log->code) {
        size_t most = c ? seed_between(c, 1, 4000) : n;
        size_t piece = c ? seed_between(c, 1, MIN(n - at, most)) : n;

        feed(&r, p + at, piece, log);
        at += piece;
        if (!log->code) {
            cr_assert(account.used <= 2 * vitro_lpm_pending(&r) + 4096,
                      "memory follows what has arrived, not what was promised");
        }
    }
    if (!log->code)
        log->code = vitro_lpm_end(&r, &log->error);
    vitro_lpm_done(&r);
    cr_assert(account.used == 0 && account.live == 0, "everything was given back");
}

static size_t make_stream(struct chance *c, uint8_t *out, size_t room, size_t *messages)
{
    size_t len = 0;

    *messages = seed_between(c, 0, 6);
    for (size_t i = 0; i < *messages; i++) {
        size_t most = vitro_chance_below(c, 3) ? 20 : 9000;
        size_t n = seed_between(c, 0, most);

        cr_assert(len + n + 5 <= room);
        lpm_write_prefix(out + len, vitro_chance_below(c, 2), (uint32_t)n);
        seed_fill(c, out + len + 5, n);
        len += n + 5;
    }
    return len;
}

Test(lpm, r01_splitting_input_never_changes_messages)
{
    static uint8_t stream[1 << 16];
    static struct log got;
    struct chance c = seed_chance();

    for (size_t i = 0; i < 400; i++) {
        size_t messages, n = make_stream(&c, stream, sizeof stream, &messages);

        memset(&got, 0, sizeof got);
        read_stream(stream, n, 9000, i % 8 ? &c : NULL, &got);
        cr_assert(got.code == VITRO_OK && got.messages == messages && got.len == n &&
                      got.wire_size == n && memcmp(got.bytes, stream, n) == 0,
                  "messages differ " SEED_TEXT, seed_of_run(), i);
    }
}

Test(lpm, r01_every_single_cut_of_two_messages_gives_both)
{
    static const uint8_t stream[] = { 0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0 };
    static struct log got;

    for (size_t cut = 0; cut <= sizeof stream; cut++) {
        struct lpm_reader r;

        memset(&got, 0, sizeof got);
        vitro_lpm_init(&r, NULL, 64);
        feed(&r, stream, cut, &got);
        feed(&r, stream + cut, sizeof stream - cut, &got);
        cr_assert(got.messages == 2 && got.len == sizeof stream &&
                  memcmp(got.bytes, stream, sizeof stream) == 0);
        cr_assert(vitro_lpm_end(&r, NULL) == VITRO_OK);
        vitro_lpm_done(&r);
    }
}

Test(lpm, a_whole_message_is_lent_from_the_input_and_costs_no_memory)
{
    static const uint8_t stream[] = { 0, 0, 0, 0, 2, 'h', 'i' };
    static struct log got;
    struct heap heap = { 0 };
    struct lpm_reader r;

    heap_install(&heap);
    vitro_lpm_init(&r, NULL, 64);
    feed(&r, stream, sizeof stream, &got);
    cr_assert(got.lent_from_input && heap.calls == 0);
    feed(&r, stream, 6, &got);
    feed(&r, stream + 6, 1, &got);
    cr_assert(!got.lent_from_input && heap.live == 0 && got.messages == 2);
    vitro_lpm_done(&r);
    heap_remove();
}

static vitro_code code_of(const uint8_t *p, size_t n, bool encoding, uint32_t limit,
                          vitro_error *err)
{
    struct lpm_reader r;
    struct lpm_message m;
    vitro_bytes in = { p, n };
    bool ready;
    vitro_code rc;

    vitro_lpm_init(&r, NULL, limit);
    vitro_lpm_set_encoding(&r, encoding);
    do {
        rc = vitro_lpm_next(&r, &in, &m, &ready, err);
    } while (!rc && ready);
    vitro_lpm_done(&r);
    return rc;
}

Test(lpm, r02_flag_must_be_0_or_1_and_1_needs_an_encoding)
{
    for (unsigned flag = 0; flag < 256; flag++) {
        const uint8_t stream[] = { (uint8_t)flag, 0, 0, 0, 0 };
        vitro_code plain = code_of(stream, sizeof stream, false, 10, NULL);
        vitro_code encoded = code_of(stream, sizeof stream, true, 10, NULL);

        cr_assert(plain == (flag == 0 ? VITRO_OK : VITRO_INTERNAL), "flag %u", flag);
        cr_assert(encoded == (flag <= 1 ? VITRO_OK : VITRO_INTERNAL), "flag %u", flag);
    }
}

Test(lpm, r03_length_over_the_limit_is_refused_from_the_prefix_before_any_allocation)
{
    static const uint8_t exact[] = { 0, 0, 0, 0, 100 }, over[] = { 0, 0, 0, 0, 101 },
                         huge[] = { 0, 0xff, 0xff, 0xff, 0xff };
    struct heap heap = { 0 };
    vitro_error err;

    heap_install(&heap);
    cr_assert(code_of(exact, sizeof exact, false, 100, NULL) == VITRO_OK);
    cr_assert(code_of(over, sizeof over, false, 100, &err) == VITRO_RESOURCE_EXHAUSTED);
    cr_assert(strstr(err.frame[0].text, "101") && strstr(err.frame[0].text, "100"));
    cr_assert(code_of(huge, sizeof huge, false, 4u << 20, NULL) == VITRO_RESOURCE_EXHAUSTED);
    cr_assert(heap.calls == 0);
    heap_remove();
}

Test(lpm, r04_stream_that_ends_inside_a_message_is_internal)
{
    static const uint8_t stream[] = { 0, 0, 0, 0, 4, 'a', 'b', 'c', 'd' };

    for (size_t n = 0; n <= sizeof stream; n++) {
        static struct log got;
        vitro_code want = n == 0 || n == sizeof stream ? VITRO_OK : VITRO_INTERNAL;

        memset(&got, 0, sizeof got);
        read_stream(stream, n, 64, NULL, &got);
        cr_assert(got.code == want, "ends after %zu bytes", n);
        cr_assert(got.messages == (n == sizeof stream), "never a short message");
    }
}

Test(lpm, r06_message_of_no_bytes_is_a_message)
{
    static const uint8_t two_empty[10] = { 0 };
    static struct log got;

    read_stream(two_empty, sizeof two_empty, 64, NULL, &got);
    cr_assert(got.code == VITRO_OK && got.messages == 2);
    memset(&got, 0, sizeof got);
    read_stream(two_empty, 0, 64, NULL, &got);
    cr_assert(got.code == VITRO_OK && got.messages == 0);
}

Test(lpm, r43_pending_counts_what_arrived_of_the_incomplete_message)
{
    static const uint8_t stream[] = { 0, 0, 0, 0, 3, 'a', 'b', 'c' };
    static struct log got;
    struct lpm_reader r;

    vitro_lpm_init(&r, NULL, 64);
    for (size_t round = 0; round < 2; round++) {
        cr_assert(vitro_lpm_pending(&r) == 0 && vitro_lpm_missing(&r) == 0);
        for (size_t i = 0; i < sizeof stream; i++) {
            feed(&r, stream + i, 1, &got);
            cr_assert(vitro_lpm_pending(&r) == (i + 1) % sizeof stream, "after %zu", i + 1);
            if (i < 4)
                cr_assert(vitro_lpm_missing(&r) == 4 - i);
            else
                cr_assert(vitro_lpm_missing(&r) == 7 - i);
        }
    }
    cr_assert(got.messages == 2);
    vitro_lpm_done(&r);
}

Test(lpm, any_mutation_ends_with_messages_or_an_error_of_the_protocol)
{
    static uint8_t stream[1 << 16];
    static struct log got;
    struct chance c = seed_chance();

    for (size_t i = 0; i < 600; i++) {
        size_t messages, n = make_stream(&c, stream, sizeof stream, &messages);

        for (size_t k = seed_between(&c, 1, 4); n && k; k--)
            stream[vitro_chance_below(&c, n)] = (uint8_t)vitro_chance_next(&c);
        n -= n ? vitro_chance_below(&c, n) : 0;
        memset(&got, 0, sizeof got);
        read_stream(stream, n, 9000, &c, &got);
        cr_assert(got.code == VITRO_OK || got.code == VITRO_INTERNAL ||
                      got.code == VITRO_RESOURCE_EXHAUSTED,
                  "code %d " SEED_TEXT, (int)got.code, seed_of_run(), i);
        cr_assert(memcmp(got.bytes, stream, got.len) == 0, "what was read is what was sent");
    }
}

Test(lpm, memory_that_runs_out_anywhere_is_resource_exhausted_and_leaks_nothing)
{
    static uint8_t stream[5 + 60000];
    static struct log got;
    size_t fail_at = 0;

    lpm_write_prefix(stream, false, 60000);
    do {
        struct heap heap = { .fail_at = ++fail_at };
        struct lpm_reader r;

        memset(&got, 0, sizeof got);
        heap_install(&heap);
        vitro_lpm_init(&r, NULL, 1 << 20);
        for (size_t at = 0; at < sizeof stream && !got.code; at += 1000)
            feed(&r, stream + at, MIN(1000, sizeof stream - at), &got);
        vitro_lpm_done(&r);
        cr_assert(heap.live == 0 && heap.bytes == 0);
        heap_remove();
        cr_assert(got.code == (got.messages ? VITRO_OK : VITRO_RESOURCE_EXHAUSTED));
    } while (!got.messages);
    cr_assert(fail_at > 3);
}
