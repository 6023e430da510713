/*
 * What holds for TLS of any kind: tiling, no crash, bounded memory.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/heap.h"
#include "support/sealed.h"

/* ---- Memory --------------------------------------------------------------------------------- */

/* `conns` connections with the same calls, one after another. */
static void capture_many(struct pcap_write *w, unsigned conns, unsigned calls, bool secrets)
{
    struct conversation_shape shape = { .calls = calls, .method = 1 };
    struct conversation plain;
    struct sealed s;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    pcap_write_init(w, PCAP_NG, 1);
    if (secrets)
        sealed_secrets(&s, w);
    for (unsigned i = 0; i < conns; i++) {
        struct pcap_talk talk = { .shape.client_port = (uint16_t)(20000 + i),
                                  .next = { 1000, 5000 } };
        conversation_capture(&s.wire, w, &talk, NULL);
    }
    sealed_done(&s);
    conversation_done(&plain);
}

static vitro_decode_stats stats_of(const struct pcap_write *w, bool keep)
{
    struct decoded_bytes b = { w->ptr, w->len, 0, NULL };
    vitro_decode *d = decoded_of(&b, keep, NULL);
    vitro_decode_stats s;

    vitro_decode_stats_get(d, &s);
    vitro_decode_free(d);
    return s;
}

enum { OPEN = 8192 }; /* bytes of a connection that has not ended */

Test(decode_tls_any, an_event_costs_at_most_64_bytes_on_average_all_in)
{
    static const struct {
        unsigned conns, calls;
        bool secrets;
    } many[] = { { 1, 3000, true }, { 300, 10, true }, { 1000, 1, true }, { 1000, 1, false } };

    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        struct pcap_write w;
        vitro_decode_stats s;
        capture_many(&w, many[i].conns, many[i].calls, many[i].secrets);
        s = stats_of(&w, true);
        cr_expect(eq(u64, s.lost, 0));
        cr_expect(eq(u64, s.messages, many[i].secrets ? 2U * many[i].conns * many[i].calls : 0));
        cr_expect(le(u64, s.memory, s.events * 64 + (1 << 20)), "%zu: %zu bytes for %llu", i,
                  s.memory, (unsigned long long)s.events);
        cr_expect(le(u64, s.memory_peak, s.memory + OPEN * many[i].conns + (1 << 20)),
                  "%zu: %zu bytes", i, s.memory_peak);
        pcap_write_done(&w);
    }
}

Test(decode_tls_any, without_an_index_memory_does_not_grow_with_the_capture)
{
    size_t peak[2];

    for (int i = 0; i < 2; i++) {
        struct pcap_write w;
        capture_many(&w, 1, i ? 4000 : 500, true);
        peak[i] = stats_of(&w, false).memory_peak;
        pcap_write_done(&w);
    }
    cr_expect(le(sz, peak[1], peak[0] * 5 / 4 + 4096), "%zu then %zu bytes", peak[0], peak[1]);
}

/* ---- Any input ------------------------------------------------------------------------------ */

static void make_one(struct sealed *s, struct pcap_write *w, size_t k)
{
    struct conversation_shape shape = { .calls = 3, .split = true, .styles = true };
    struct conversation plain;

    conversation_make(&plain, &shape, k, k);
    sealed_make(s, &plain, &(struct sealed_shape){ .suite = sealed_suites[k % SEALED_SUITES] });
    sealed_capture(w, &s->wire, &s->log, k);
    conversation_done(&plain);
}

Test(decode_tls_any, any_truncation_tiles_up_to_the_cut)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 6; k++) {
        struct sealed s;
        struct pcap_write w;
        make_one(&s, &w, k);
        for (size_t cut = 0; cut < w.len; cut += 1 + (size_t)vitro_chance_below(&c, 200)) {
            struct decoded_bytes b = { w.ptr, cut, 0, NULL };
            vitro_decode *d = decoded_of(&b, true, NULL);
            decoded_assert_tiled(d, cut);
            vitro_decode_free(d);
        }
        pcap_write_done(&w);
        sealed_done(&s);
    }
}

Test(decode_tls_any, any_byte_may_change_without_a_crash)
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
            decoded_assert_tiled(d, k);
            vitro_decode_free(d);
            free(copy);
        }
        pcap_write_done(&w);
        sealed_done(&s);
    }
}

Test(decode_tls_any, any_bytes_behind_the_head_of_a_record_tile)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 150; k++) {
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct decoded_bytes b;
        struct pcap_write w;
        static uint8_t noise[6000];
        pcap_write_init(&w, PCAP_NG, 1);
        if (k % 2)
            pcap_talk_open(&w, &talk);
        for (int i = 0; i < 8; i++) {
            size_t n = seed_between(&c, 1, sizeof noise);
            seed_fill(&c, noise, n);
            for (size_t at = 0, len; at + 6 < n; at += 5 + len) {
                len = seed_between(&c, 0, 700);
                noise[at] = (uint8_t)seed_between(&c, 20, vitro_chance_below(&c, 20) ? 23 : 25);
                noise[at + 1] = noise[at + 2] = 3;
                noise[at + 3] = (uint8_t)(len >> 8);
                noise[at + 4] = (uint8_t)len;
                noise[at + 5] = (uint8_t)seed_between(&c, 1, 2); /* hellos among them */
            }
            pcap_talk_send(&w, &talk, (int)vitro_chance_below(&c, 2), noise, n);
            if (vitro_chance_below(&c, 4) == 0)
                pcap_talk_skip(&talk, (int)vitro_chance_below(&c, 2), seed_between(&c, 1, 500));
        }
        vitro_decode *d = sealed_decode(&w, &b);
        free(decoded_text(d, DECODED_ALL));
        decoded_assert_tiled(d, k);
        vitro_decode_free(d);
        pcap_write_done(&w);
    }
}

Test(decode_tls_any, memory_may_end_anywhere)
{
    struct pcap_write w;
    struct heap h = { 0 };

    capture_many(&w, 1, 4, true);
    for (size_t fail_at = 1; fail_at < 400; fail_at += 2) {
        struct decoded_bytes b = { w.ptr, w.len, 0, NULL };
        vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
        vitro_decode *d = NULL;
        h = (struct heap){ .fail_at = fail_at };
        heap_install(&h);
        options.lend = decoded_lend;
        options.user = &b;
        options.keep = fail_at % 4 == 1;
        if (!vitro_decode_new(&d, &options, NULL)) {
            vitro_event ev;
            vitro_detail dt;
            (void)!vitro_decode_finish(d, NULL);
            for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++)
                (void)!vitro_decode_detail(d, &ev, &dt, NULL);
        }
        vitro_decode_free(d);
        heap_remove();
        cr_assert(eq(sz, h.live, 0), "call %zu", fail_at);
    }
    pcap_write_done(&w);
}
