/*
 * TLS of which bytes are missing: lost segments, packets cut short, a beginning that was not seen.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

Test(decode_tls_holes, behind_lost_segments_records_and_frames_are_found_again)
{
    struct chance c = seed_chance();
    uint64_t found = 0, of = 0;

    for (size_t k = 0; k < 60; k++) {
        struct conversation_shape shape = sealed_any_talk(&c);
        struct pcap_talk talk = { .next = { 1000, 5000 } };
        struct chance cut = c;
        struct sealed_shape seal = sealed_any(&c, k, &cut);
        struct conversation plain;
        struct sealed s;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode_stats stats;
        size_t at[2] = { 0, 0 };
        shape.calls = 20;
        shape.controls = false;
        conversation_make(&plain, &shape, k, k);
        sealed_make(&s, &plain, &seal);
        pcap_write_init(&w, PCAP_NG, 1);
        sealed_secrets(&s, &w);
        pcap_talk_open(&w, &talk);
        for (size_t i = 0; i < s.wire.turn_count; i++) {
            int dir = s.wire.turns[i].dir;
            for (size_t left = s.wire.turns[i].len, n; left; left -= n, at[dir] += n) {
                n = seed_between(&c, 1, MIN(left, (size_t)1000));
                if (i > 2 && vitro_chance_below(&c, 20) == 0)
                    pcap_talk_skip(&talk, dir, n);
                else
                    pcap_talk_send(&w, &talk, dir, s.wire.out[dir].ptr + at[dir], n);
            }
        }
        vitro_decode *d = sealed_decode(&w, &b);
        free(decoded_text(d, DECODED_ALL));
        decoded_assert_tiled(d, k);
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

/*
 * Of each packet only the front was captured: of the hellos what keys are made of, of a packet
 * with a small record all. How each record begins that begins a packet is seen.
 */
Test(decode_tls_holes, where_packets_are_cut_short_small_records_open_and_others_are_told)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        struct conversation_shape shape = { .calls = 3, .method = 1, .message_max = 4 };
        struct pcap_talk talk = { .next = { 1000, 5000 } };
        size_t at[2] = { 0, 0 };
        struct conversation plain;
        struct decoded_bytes b;
        struct sealed_count n;
        struct pcap_write w;
        struct sealed s;
        vitro_decode *d;
        conversation_make(&plain, &shape, 1, 1);
        conversation_say(&plain, 0, "\0\0\0\6\0\0\0\0\0", 9);
        conversation_say(&plain, 1, "\0\0\0\6\0\0\0\0\0", 9);
        sealed_make(&s, &plain, &(struct sealed_shape){ .suite = sealed_suites[i] });
        pcap_write_init(&w, PCAP_NG, 1);
        sealed_secrets(&s, &w);
        w.snaplen = 220;
        pcap_talk_open(&w, &talk);
        for (size_t k = 0; k < s.wire.turn_count; k++)
            sealed_send(&w, &talk, &s, k, at, 0);
        d = sealed_decode(&w, &b);
        decoded_assert_tiled(d, i);
        n = sealed_count(d);
        cr_expect(ge(uint, n.opened, 1), "suite %zu", i);
        vitro_decode_free(d);
        pcap_write_done(&w);
        sealed_done(&s);
        conversation_done(&plain);
    }
}

Test(decode_tls_holes, a_record_that_begins_a_packet_behind_a_hole_is_told_as_one)
{
    static const uint8_t data[40] = { 23, 3, 3, 4, 0 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_event ev;
    vitro_decode *d;
    unsigned records = 0;

    pcap_write_init(&w, PCAP_NG, 1);
    pcap_talk_open(&w, &talk);
    for (unsigned i = 0; i < 5; i++) {
        pcap_talk_send(&w, &talk, 0, data, sizeof data);
        pcap_talk_skip(&talk, 0, 5 + 1024 - sizeof data + (i % 2 ? 200 : 0));
    }
    d = sealed_decode(&w, &b);
    decoded_assert_tiled(d, 0);
    for (uint32_t n = 1; vitro_decode_event(d, n, &ev); n++) {
        records += ev.kind == VITRO_EVENT_TLS;
        cr_expect(ne(int, ev.kind, VITRO_EVENT_UNKNOWN));
    }
    cr_expect(eq(uint, records, 5));
    vitro_decode_free(d);
    pcap_write_done(&w);
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
    return sealed_decode(w, b);
}

/* A hole costs the opened data what was lost, to the byte: a frame goes on behind it. */
Test(decode_tls_holes, a_frame_goes_on_behind_a_hole_that_swallowed_records)
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
        decoded_assert_tiled(d, i);
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

/* Of 1.3: what changes the keys of the client is among the records that are missing. */
Test(decode_tls_holes, a_finished_that_is_missing_costs_nothing_behind_it)
{
    struct conversation_shape shape = { .calls = 3, .method = 1 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    size_t at[2] = { 0, 0 };
    struct conversation plain;
    struct sealed s;
    struct pcap_write w;
    vitro_decode_stats stats;
    struct decoded_bytes b;
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    pcap_write_init(&w, PCAP_NG, 1);
    sealed_secrets(&s, &w);
    pcap_talk_open(&w, &talk);
    for (size_t i = 0; i < s.wire.turn_count; i++)
        sealed_send(&w, &talk, &s, i, at, i == 2 ? SIZE_MAX : 0);
    d = sealed_decode(&w, &b);
    decoded_assert_tiled(d, 0);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.messages, 6));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

Test(decode_tls_holes, who_joins_late_is_told_that_no_handshake_was_seen)
{
    struct conversation_shape shape = { .calls = 3 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation plain;
    struct sealed s;
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode_stats stats;
    struct sealed_count n;
    size_t at[2] = { 0, 0 };
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    pcap_write_init(&w, PCAP_NG, 1);
    sealed_secrets(&s, &w);
    for (size_t i = 0; i < s.wire.turn_count; i++) {
        bool head = i == s.before || i == s.before + 1;
        sealed_send(&w, &talk, &s, i, at, i < s.before ? SIZE_MAX : head ? 9 : 0);
    }
    d = sealed_decode(&w, &b);
    decoded_assert_tiled(d, 0);
    n = sealed_count(d);
    cr_expect(gt(uint, n.sealed, 1));
    cr_expect(eq(uint, n.opened, 0));
    cr_expect(eq(str, (char *)n.why, "TLS: sealed, and the handshake that says how was not seen"));
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.sealed, 1));
    cr_expect(eq(u64, stats.sealed_unseen, 1));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}
