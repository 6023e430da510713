/*
 * What TLS has sealed is told as if it was plain, once its secrets are known; and why not, else.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

static const uint16_t suites[] = {
#define SUITE(id, version, name, kind, key_len, digest) (id),
#include "crypto/suites.def"
};

static struct conversation_shape any_shape(struct chance *c)
{
    uint64_t r = vitro_chance_next(c);
    struct conversation_shape s = {
        .calls = 1 + (unsigned)(r >> 16) % 4,
        .interleave = r & 1,
        .split = r & 2,
        .padding = r & 4,
        .continuation = r & 16,
        .styles = r & 32,
        .controls = r & 128,
    };
    return s;
}

static struct sealed_shape any_seal(struct chance *c, size_t k, struct chance *cut)
{
    uint64_t r = vitro_chance_next(c);
    struct sealed_shape s = { .suite = suites[k % ARRAY_LEN(suites)] };
    bool old = vitro_suite_find(s.suite)->version != 0x0304;

    s.cut = r & 1 ? cut : NULL;
    s.fragment = r & 2 ? 512 : 0;
    s.update_each = !old && r & 4 ? 1 + (unsigned)(r >> 8) % 5 : 0;
    s.retry = !old && r & 8;
    s.padding = !old && r & 16;
    return s;
}

/* A conversation captured with its secrets before it, in segments cut by a seed. */
static void capture(struct pcap_write *w, const struct conversation *c, const struct buf *log,
                    unsigned long long segment_cut)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct chance cut;

    vitro_chance_seed(&cut, segment_cut);
    pcap_write_init(w, PCAP_NG, 1);
    if (log)
        pcap_write_secrets(w, 0x544c534b, log->ptr, log->len);
    conversation_capture(c, w, &talk, segment_cut ? &cut : NULL);
}

static vitro_decode *decode_all(const struct pcap_write *w, struct decoded_bytes *b)
{
    *b = (struct decoded_bytes){ w->ptr, w->len, 0, NULL };
    return decoded_of(b, true, NULL);
}

static void assert_tiled(vitro_decode *d, size_t k)
{
    vitro_error err = { 0 };
    char text[400] = "";

    if (vitro_decode_check_tiling(d, &err))
        vitro_error_format(&err, text, sizeof text);
    cr_assert(eq(str, text, ""), SEED_TEXT, seed_of_run(), k);
}

static char *text_of(const struct conversation *c, const struct buf *log,
                     unsigned long long segment_cut, enum decoded_what what, size_t k)
{
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;
    char *text;

    capture(&w, c, log, segment_cut);
    d = decode_all(&w, &b);
    assert_tiled(d, k);
    text = decoded_text(d, what);
    vitro_decode_free(d);
    pcap_write_done(&w);
    return text;
}

Test(decode_tls, what_was_sealed_is_told_as_what_was_plain)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 56; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct chance cut = c;
        struct sealed_shape seal = any_seal(&c, k, &cut);
        struct conversation plain;
        struct sealed sealed;
        char *text[2];
        conversation_make(&plain, &shape, vitro_chance_next(&c), k);
        sealed_make(&sealed, &plain, &seal);
        text[0] = text_of(&plain, NULL, k, DECODED_OPENED, k);
        text[1] = text_of(&sealed.wire, &sealed.log, k % 3 ? 100 + k : 0, DECODED_OPENED, k);
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
        sealed_done(&sealed);
        conversation_done(&plain);
    }
}

/* ---- Secrets that come late, or never ------------------------------------------------------- */

enum when { NEVER, BEFORE, BETWEEN, BEHIND };

/* A small conversation, sealed; its secrets in the capture at some time, packets a step apart. */
static void capture_late(struct pcap_write *w, enum when when, int64_t step, uint16_t suite)
{
    struct conversation_shape shape = { .calls = 3, .method = 1 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation plain;
    struct sealed s;
    size_t at[2] = { 0, 0 };

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = suite });
    pcap_write_init(w, PCAP_NG, 1);
    w->step = step;
    pcap_talk_open(w, &talk);
    for (size_t i = 0; i < s.wire.turn_count; i++) {
        const struct conversation_turn *turn = &s.wire.turns[i];
        if ((when == BEFORE && i == 0) || (when == BETWEEN && i == s.before + 4))
            sealed_secrets(&s, w);
        pcap_talk_send(w, &talk, turn->dir, s.wire.out[turn->dir].ptr + at[turn->dir], turn->len);
        at[turn->dir] += turn->len;
    }
    pcap_talk_close(w, &talk);
    if (when == BEHIND)
        sealed_secrets(&s, w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* How many records were sealed, and how many of them opened; `why` of those that were not. */
struct sealed_count {
    unsigned sealed, opened;
    const char *why;
};

static struct sealed_count count_sealed(const vitro_decode *d)
{
    struct sealed_count n = { 0, 0, NULL };
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        if (ev.kind != VITRO_EVENT_TLS || !(ev.flags & VITRO_TLS_SEALED))
            continue;
        n.sealed++;
        n.opened += ev.flags & VITRO_TLS_OPENED ? 1 : 0;
        if (ev.why)
            n.why = vitro_decode_why(ev.why);
    }
    return n;
}

static struct sealed_count count_late(enum when when, int64_t step, uint16_t suite, uint64_t *calls)
{
    struct decoded_bytes b;
    struct sealed_count n;
    struct pcap_write w;
    vitro_decode_stats s;
    vitro_decode *d;

    capture_late(&w, when, step, suite);
    d = decode_all(&w, &b);
    assert_tiled(d, 0);
    n = count_sealed(d);
    vitro_decode_stats_get(d, &s);
    *calls = s.messages / 2;
    vitro_decode_free(d);
    pcap_write_done(&w);
    return n;
}

enum { MILLISECOND = 1000000 };

Test(decode_tls, secrets_may_come_behind_the_records_that_they_open)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        for (enum when when = BEFORE; when <= BEHIND; when++) {
            uint64_t calls;
            struct sealed_count n = count_late(when, MILLISECOND, suites[i], &calls);
            cr_expect(eq(uint, n.opened, n.sealed), "suite %zu, when %d", i, when);
            cr_expect(eq(u64, calls, 3), "suite %zu, when %d", i, when);
        }
    }
}

Test(decode_tls, records_wait_for_a_second_and_no_longer)
{
    uint64_t calls;
    struct sealed_count n = count_late(BEHIND, 200 * MILLISECOND, 0x1301, &calls);

    cr_expect(gt(uint, n.sealed, n.opened + 4));
    cr_expect(eq(u64, calls, 0));
    cr_expect(eq(str, (char *)n.why, "TLS: sealed, and no secret of this connection is known"));
}

Test(decode_tls, a_secret_that_is_too_late_opens_what_comes_behind_it)
{
    uint64_t calls;
    struct sealed_count n = count_late(BETWEEN, 400 * MILLISECOND, 0xc02b, &calls);

    cr_expect(gt(uint, n.sealed, n.opened));
    cr_expect(gt(uint, n.opened, 0));
    cr_expect(gt(u64, calls, 0));
}

Test(decode_tls, without_a_secret_each_record_says_so)
{
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        uint64_t calls;
        struct sealed_count n = count_late(NEVER, MILLISECOND, suites[i], &calls);
        cr_expect(gt(uint, n.sealed, 6));
        cr_expect(eq(uint, n.opened, 0));
        cr_expect(eq(str, (char *)n.why, "TLS: sealed, and no secret of this connection is known"));
    }
}

Test(decode_tls, what_waits_is_held_up_to_a_bound)
{
    struct conversation plain;
    struct decoded_bytes b;
    struct sealed s;
    struct pcap_write w;
    vitro_decode_stats stats;
    vitro_decode *d;
    static uint8_t much[400000];

    conversation_init(&plain);
    conversation_say(&plain, 0, much, sizeof much);
    sealed_make(&s, &plain, &(struct sealed_shape){ .fragment = 4096 });
    capture(&w, &s.wire, NULL, 1);
    d = decode_all(&w, &b);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(uint, count_sealed(d).opened, 0));
    cr_expect(lt(sz, stats.memory_peak, 400000));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* A key log that is read while the capture grows. */
Test(decode_tls, a_key_log_may_be_given_at_any_time)
{
    struct conversation_shape shape = { .calls = 3, .method = 1 };
    struct conversation plain;
    struct sealed s;
    struct pcap_write w;
    char *want;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1302 });
    want = text_of(&plain, NULL, 0, DECODED_OPENED, 0);
    capture(&w, &s.wire, NULL, 7);
    for (size_t at = 0; at <= w.len; at += w.len / 10) {
        vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
        struct decoded_bytes b = { w.ptr, w.len, at ? at : 1, NULL };
        vitro_decode *d;
        char *got;
        options.lend = decoded_lend;
        options.user = &b;
        options.keep = true;
        cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
        cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
        cr_assert(eq(int, vitro_decode_secrets(d, vitro_buf_bytes(&s.log), NULL), VITRO_OK));
        b.most = 0;
        cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
        got = decoded_text(d, DECODED_OPENED);
        cr_assert(eq(str, got, want), "given at %zu of %zu", at, w.len);
        free(got);
        vitro_decode_free(d);
    }
    free(want);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* ---- Missing bytes -------------------------------------------------------------------------- */

Test(decode_tls, behind_lost_segments_records_and_frames_are_found_again)
{
    struct chance c = seed_chance();
    uint64_t found = 0, of = 0;

    for (size_t k = 0; k < 60; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct pcap_talk talk = { .next = { 1000, 5000 } };
        struct chance cut = c;
        struct sealed_shape seal = any_seal(&c, k, &cut);
        struct conversation plain;
        struct sealed s;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats stats;
        size_t at[2] = { 0, 0 };
        shape.calls = 20;
        shape.controls = false;
        seal.update_each = 0;
        conversation_make(&plain, &shape, k, k);
        sealed_make(&s, &plain, &seal);
        pcap_write_init(&w, PCAP_NG, 1);
        sealed_secrets(&s, &w);
        pcap_talk_open(&w, &talk);
        for (size_t i = 0; i < s.wire.turn_count; i++) {
            int dir = s.wire.turns[i].dir;
            for (size_t left = s.wire.turns[i].len, n; left; left -= n, at[dir] += n) {
                n = seed_between(&c, 1, MIN(left, (size_t)1000));
                if (i > s.before && vitro_chance_below(&c, 20) == 0)
                    pcap_talk_skip(&talk, dir, n);
                else
                    pcap_talk_send(&w, &talk, dir, s.wire.out[dir].ptr + at[dir], n);
            }
        }
        vitro_decode *d = decode_all(&w, &b);
        free(decoded_text(d, DECODED_ALL));
        assert_tiled(d, k);
        vitro_decode_stats_get(d, &stats);
        found += stats.frames;
        of += plain.frames;
        vitro_decode_free(d);
        pcap_write_done(&w);
        sealed_done(&s);
        conversation_done(&plain);
    }
    cr_expect(gt(u64, found * 100 / of, 60), "only %llu %% of the frames",
              (unsigned long long)(found * 100 / of));
}

/* The client's data from `skip` of its bytes on, in packets of `step` bytes; some are lost. */
static vitro_decode *decode_holes(struct pcap_write *w, struct decoded_bytes *b,
                                  const struct sealed *s, size_t step, size_t lost_from,
                                  size_t lost_len)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    size_t at[2] = { 0, 0 };

    pcap_write_init(w, PCAP_NG, 1);
    sealed_secrets(s, w);
    pcap_talk_open(w, &talk);
    for (size_t i = 0; i < s->wire.turn_count; i++) {
        int dir = s->wire.turns[i].dir;
        for (size_t left = s->wire.turns[i].len, n; left; left -= n, at[dir] += n) {
            n = MIN(left, step);
            if (dir == 0 && at[0] >= lost_from && at[0] < lost_from + lost_len)
                pcap_talk_skip(&talk, dir, n);
            else
                pcap_talk_send(w, &talk, dir, s->wire.out[dir].ptr + at[dir], n);
        }
    }
    return decode_all(w, b);
}

/* A hole costs the opened data what was lost, to the byte: a frame goes on behind it. */
Test(decode_tls, a_frame_goes_on_behind_a_hole_that_swallowed_records)
{
    static const uint16_t of[] = { 0x1301, 0xc02b, 0xcca9 };

    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        struct conversation_shape shape = { .calls = 1, .method = 1 };
        static const uint8_t head[] = { 0, 100, 0, 0, 0, 0, 0, 0, 1 };
        static uint8_t body[25600];
        struct conversation plain;
        struct sealed s;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_event ev;
        uint64_t holes = 0;
        bool whole = false;
        conversation_make(&plain, &shape, 1, 1);
        conversation_say(&plain, 0, head, sizeof head);
        conversation_say(&plain, 0, body, sizeof body);
        sealed_make(&s, &plain, &(struct sealed_shape){ .suite = of[i], .fragment = 1000 });
        size_t end = s.wire.out[0].len;
        vitro_decode *d = decode_holes(&w, &b, &s, 700, end - 20000, 9000);
        assert_tiled(d, i);
        for (uint32_t n = 1; vitro_decode_event(d, n, &ev); n++) {
            holes += ev.kind == VITRO_EVENT_TCP && ev.type == VITRO_TCP_GAP;
            whole |= ev.kind == VITRO_EVENT_FRAME && ev.length == sizeof body + 9 &&
                     ev.bits == VITRO_EVENT_HOLE;
        }
        cr_expect(eq(u64, holes, 1));
        cr_expect(whole, "suite %zu", i);
        vitro_decode_free(d);
        pcap_write_done(&w);
        sealed_done(&s);
        conversation_done(&plain);
    }
}

Test(decode_tls, who_joins_late_is_told_that_no_handshake_was_seen)
{
    struct conversation_shape shape = { .calls = 3 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation plain;
    struct sealed s;
    struct decoded_bytes b;
    struct pcap_write w;
    struct sealed_count n;
    size_t at[2] = { 0, 0 };
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    pcap_write_init(&w, PCAP_NG, 1);
    sealed_secrets(&s, &w);
    for (size_t i = 0; i < s.wire.turn_count; i++) {
        const struct conversation_turn *t = &s.wire.turns[i];
        size_t lost = i < s.before ? t->len : i < s.before + 2 ? 9 : 0; /* a head, and more */
        pcap_talk_skip(&talk, t->dir, lost);
        if (lost < t->len)
            pcap_talk_send(&w, &talk, t->dir, s.wire.out[t->dir].ptr + at[t->dir] + lost,
                           t->len - lost);
        at[t->dir] += t->len;
    }
    d = decode_all(&w, &b);
    assert_tiled(d, 0);
    n = count_sealed(d);
    cr_expect(gt(uint, n.sealed, 1));
    cr_expect(eq(uint, n.opened, 0));
    cr_expect(eq(str, (char *)n.why, "TLS: sealed, and the handshake that says how was not seen"));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* ---- Any input ------------------------------------------------------------------------------ */

static void make_one(struct sealed *s, struct pcap_write *w, size_t k)
{
    struct conversation_shape shape = { .calls = 3, .split = true, .styles = true };
    struct conversation plain;

    conversation_make(&plain, &shape, k, k);
    sealed_make(s, &plain, &(struct sealed_shape){ .suite = suites[k % ARRAY_LEN(suites)] });
    capture(w, &s->wire, &s->log, k);
    conversation_done(&plain);
}

Test(decode_tls, any_truncation_tiles_up_to_the_cut)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 6; k++) {
        struct sealed s;
        struct pcap_write w;
        make_one(&s, &w, k);
        for (size_t cut = 0; cut < w.len; cut += 1 + (size_t)vitro_chance_below(&c, 200)) {
            struct decoded_bytes b = { w.ptr, cut, 0, NULL };
            vitro_decode *d = decoded_of(&b, true, NULL);
            assert_tiled(d, cut);
            vitro_decode_free(d);
        }
        pcap_write_done(&w);
        sealed_done(&s);
    }
}

Test(decode_tls, any_byte_may_change_without_a_crash)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 14; k++) {
        struct sealed s;
        struct pcap_write w;
        make_one(&s, &w, k);
        for (int round = 0; round < 25; round++) {
            uint8_t *copy = malloc(w.len);
            struct decoded_bytes b = { copy, w.len, 0, NULL };
            vitro_decode *d;
            cr_assert(copy != NULL);
            memcpy(copy, w.ptr, w.len);
            for (size_t n = seed_between(&c, 1, 8); n; n--)
                copy[seed_between(&c, 40, w.len - 1)] = (uint8_t)vitro_chance_next(&c);
            d = decoded_of(&b, true, NULL);
            free(decoded_text(d, DECODED_ALL));
            assert_tiled(d, k);
            vitro_decode_free(d);
            free(copy);
        }
        pcap_write_done(&w);
        sealed_done(&s);
    }
}
