/*
 * What holds for every input: tiling; same bytes, same events; no crash, bounded memory.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

#include "base/util.h"
#include "frame/frame.h"
#include "support/conversation.h"
#include "support/decoded.h"
#include "support/heap.h"

static struct conversation_shape any_shape(struct chance *c)
{
    uint64_t r = vitro_chance_next(c);
    struct conversation_shape s = {
        .calls = 1 + (unsigned)(r >> 16) % 6,
        .interleave = r & 1,
        .split = r & 2,
        .padding = r & 4,
        .priority = r & 8,
        .continuation = r & 16,
        .styles = r & 32,
        .sizes = r & 64,
        .controls = r & 128,
        .empty = r & 256,
    };
    return s;
}

/* A conversation captured, in segments cut by the second seed. */
static void capture(struct pcap_write *w, const struct conversation_shape *shape,
                    unsigned long long say, unsigned long long data_cut,
                    unsigned long long segment_cut)
{
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation c;
    struct chance cut;

    vitro_chance_seed(&cut, segment_cut);
    conversation_make(&c, shape, say, data_cut);
    pcap_write_init(w, PCAP_NG, 1);
    conversation_capture(&c, w, &talk, segment_cut ? &cut : NULL);
    conversation_done(&c);
}

static vitro_decode *decode_all(const struct pcap_write *w, bool keep, struct decoded_bytes *b,
                                vitro_code *code)
{
    *b = (struct decoded_bytes){ w->ptr, w->len, 0, NULL };
    return decoded_of(b, keep, code);
}

Test(decode, a_conversation_is_told_completely_and_tiles)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 150; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct conversation talk;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats s;
        vitro_code code;
        unsigned long long say = vitro_chance_next(&c);
        conversation_make(&talk, &shape, say, k);
        capture(&w, &shape, say, k, k % 3 ? k : 0);
        vitro_decode *d = decode_all(&w, true, &b, &code);
        cr_assert(eq(int, code, VITRO_OK));
        vitro_decode_stats_get(d, &s);
        cr_assert(eq(u64, s.frames, talk.frames), SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(u64, s.headers, talk.headers), SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(u64, s.messages, talk.messages), SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(u64, s.unknown, 0), SEED_TEXT, seed_of_run(), k);
        decoded_assert_tiled(d, k);
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&talk);
    }
}

Test(decode, segments_may_be_cut_anywhere)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 60; k++) {
        struct conversation_shape shape = any_shape(&c);
        unsigned long long say = vitro_chance_next(&c);
        char *text[2];
        for (int i = 0; i < 2; i++) {
            struct decoded_bytes b;
            struct pcap_write w;
            capture(&w, &shape, say, k, i ? 1 + k : 0);
            vitro_decode *d = decode_all(&w, true, &b, NULL);
            text[i] = decoded_text(d, DECODED_ALL);
            vitro_decode_free(d);
            pcap_write_done(&w);
        }
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
    }
}

Test(decode, r01_data_frames_may_be_cut_anywhere)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 60; k++) {
        struct conversation_shape shape = any_shape(&c);
        unsigned long long say = vitro_chance_next(&c);
        char *text[2];
        shape.interleave = shape.controls = shape.padding = false;
        for (int i = 0; i < 2; i++) {
            struct decoded_bytes b;
            struct pcap_write w;
            shape.split = i;
            capture(&w, &shape, say, 77 + k, 0);
            vitro_decode *d = decode_all(&w, true, &b, NULL);
            text[i] = decoded_text(d, DECODED_ABOVE);
            vitro_decode_free(d);
            pcap_write_done(&w);
        }
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
    }
}

Test(decode, a_capture_may_grow_while_it_is_read)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 20; k++) {
        struct conversation_shape shape = any_shape(&c);
        vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
        struct decoded_bytes whole, b;
        struct pcap_write w;
        vitro_decode *d, *once;
        char *text[2];
        capture(&w, &shape, k, k, k);
        once = decode_all(&w, true, &whole, NULL);
        b = whole;
        options.lend = decoded_lend;
        options.user = &b;
        options.keep = true;
        cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
        for (b.most = 1; b.most < b.len; b.most += 1 + (size_t)vitro_chance_below(&c, 300))
            cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
        b.most = 0;
        cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
        text[0] = decoded_text(once, DECODED_ALL);
        text[1] = decoded_text(d, DECODED_ALL);
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
        vitro_decode_free(d);
        vitro_decode_free(once);
        pcap_write_done(&w);
    }
}

Test(decode, any_truncation_tiles_up_to_the_cut)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 12; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct pcap_write w;
        capture(&w, &shape, vitro_chance_next(&c), k, k % 2);
        for (size_t cut = 0; cut < w.len; cut += 1 + (size_t)vitro_chance_below(&c, 120)) {
            struct decoded_bytes b = { w.ptr, cut, 0, NULL };
            vitro_decode *d = decoded_of(&b, true, NULL);
            decoded_assert_tiled(d, cut);
            vitro_decode_free(d);
        }
        pcap_write_done(&w);
    }
}

/* Read every detail, as a screen would. */
static void look_at_all(vitro_decode *d)
{
    free(decoded_text(d, DECODED_ALL));
}

Test(decode, any_byte_may_change_without_a_crash)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 400; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats s;
        size_t changes = seed_between(&c, 1, 8);
        capture(&w, &shape, k / 4, k, k % 2);
        while (changes--)
            w.ptr[seed_between(&c, 100, w.len - 1)] = (uint8_t)vitro_chance_next(&c);
        vitro_decode *d = decode_all(&w, true, &b, NULL);
        look_at_all(d);
        decoded_assert_tiled(d, k);
        vitro_decode_stats_get(d, &s);
        cr_assert(lt(sz, s.memory_peak, 4 * 1024 * 1024 + w.len * 64), SEED_TEXT, seed_of_run(), k);
        vitro_decode_free(d);
        pcap_write_done(&w);
    }
}

Test(decode, any_bytes_in_a_connection_tile)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 200; k++) {
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct decoded_bytes b;
        struct pcap_write w;
        static uint8_t noise[60000];
        size_t most = k % 8 == 7 ? sizeof noise : 3000;
        pcap_write_init(&w, PCAP_NG, 1);
        if (k % 2)
            pcap_talk_open(&w, &talk);
        if (k % 4 == 1)
            pcap_talk_send(&w, &talk, 0, vitro_frame_preface, 24);
        for (int i = 0; i < 6; i++) {
            size_t n = seed_between(&c, 1, most);
            seed_fill(&c, noise, n);
            for (size_t j = 0; j < n; j++) /* much of a frame's head is zero */
                noise[j] = (uint8_t)(vitro_chance_below(&c, 3) ? 0 : noise[j] & 15);
            pcap_talk_send(&w, &talk, (int)vitro_chance_below(&c, 2), noise, n);
            if (vitro_chance_below(&c, 4) == 0)
                pcap_talk_skip(&talk, (int)vitro_chance_below(&c, 2), seed_between(&c, 1, 500));
        }
        vitro_decode *d = decode_all(&w, true, &b, NULL);
        look_at_all(d);
        decoded_assert_tiled(d, k);
        vitro_decode_free(d);
        pcap_write_done(&w);
    }
}

Test(decode, holes_and_late_starts_tile_and_frames_are_found_again)
{
    struct chance c = seed_chance();
    uint64_t found = 0;

    for (size_t k = 0; k < 120; k++) {
        struct conversation_shape shape = any_shape(&c);
        struct pcap_talk talk = { .next = { 1000, 5000 } };
        struct conversation conv;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats s;
        size_t at[2] = { 0, 0 };
        shape.calls = 12;
        conversation_make(&conv, &shape, k, k);
        pcap_write_init(&w, PCAP_NG, 1);
        if (k % 2)
            pcap_talk_open(&w, &talk);
        for (size_t i = 0; i < conv.turn_count; i++) {
            int dir = conv.turns[i].dir;
            size_t left = conv.turns[i].len;
            while (left) {
                size_t n = seed_between(&c, 1, MIN(left, (size_t)1000));
                if (vitro_chance_below(&c, 20) == 0 || (k % 2 == 0 && i < conv.turn_count / 4))
                    pcap_talk_skip(&talk, dir, n);
                else
                    pcap_talk_send(&w, &talk, dir, conv.out[dir].ptr + at[dir], n);
                at[dir] += n;
                left -= n;
            }
        }
        vitro_decode *d = decode_all(&w, true, &b, NULL);
        look_at_all(d);
        decoded_assert_tiled(d, k);
        vitro_decode_stats_get(d, &s);
        found += s.frames * 100 / conv.frames;
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&conv);
    }
    cr_assert(gt(u64, found / 120, 40), "only %llu %% of the frames",
              (unsigned long long)found / 120);
}

Test(decode, without_an_index_memory_does_not_grow_with_the_capture)
{
    size_t peak[2];

    for (int i = 0; i < 2; i++) {
        struct conversation_shape shape = {
            .calls = i ? 800 : 100, .split = true, .styles = true, .method = 4
        };
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats s;
        capture(&w, &shape, 5, 5, 5);
        vitro_decode *d = decode_all(&w, false, &b, NULL);
        vitro_decode_stats_get(d, &s);
        peak[i] = s.memory_peak;
        vitro_decode_free(d);
        pcap_write_done(&w);
    }
    cr_assert(le(sz, peak[1], peak[0] * 5 / 4 + 4096), "%zu then %zu bytes", peak[0], peak[1]);
}

struct told {
    uint64_t bytes, events;
};

static struct told *told_now;

static void count_unknown(vitro_decode *d, const vitro_event *ev, void *user)
{
    (void)d;
    (void)user;
    if (ev->kind == VITRO_EVENT_UNKNOWN) {
        told_now->bytes += ev->length;
        told_now->events++;
    }
}

Test(decode, a_long_connection_of_something_else_is_told_once_in_bounded_memory)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    struct pcap_talk talk = { .next = { 1, 1 } };
    struct told told = { 0, 0 };
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode_stats s;
    vitro_decode *d;

    told_now = &told;
    pcap_write_init(&w, PCAP_NG, 1);
    pcap_talk_open(&w, &talk);
    for (int i = 0; i < 200000; i++)
        pcap_talk_send(&w, &talk, 0, "SSH-2.0", 7);
    b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
    options.lend = decoded_lend;
    options.user = &b;
    options.on_event = count_unknown;
    cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
    cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
    cr_expect(eq(u64, told.bytes, 1400000));
    vitro_decode_stats_get(d, &s);
    cr_expect(lt(sz, s.memory_peak, 8 * 1024 * 1024));
    vitro_decode_free(d);
    pcap_write_done(&w);
}

Test(decode, memory_may_end_anywhere)
{
    struct conversation_shape shape = {
        .calls = 4, .split = true, .styles = true, .continuation = true, .sizes = true
    };
    struct pcap_write w;
    struct heap h = { 0 };

    capture(&w, &shape, 1, 1, 1);
    for (size_t fail_at = 1; fail_at < 400; fail_at += 3) {
        struct decoded_bytes b = { w.ptr, w.len, 0, NULL };
        vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
        vitro_decode *d = NULL;
        h = (struct heap){ .fail_at = fail_at };
        heap_install(&h);
        options.lend = decoded_lend;
        options.user = &b;
        options.keep = fail_at % 2;
        if (!vitro_decode_new(&d, &options, NULL)) {
            vitro_event ev;
            vitro_detail dt;
            (void)!vitro_decode_finish(d, NULL);
            for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
                cr_assert(ev.parent < ev.number, "call %zu", fail_at);
                (void)!vitro_decode_detail(d, &ev, &dt, NULL);
            }
        }
        vitro_decode_free(d);
        heap_remove();
        cr_assert(eq(sz, h.live, 0), "call %zu", fail_at);
    }
    pcap_write_done(&w);
}
