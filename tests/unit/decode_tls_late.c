/*
 * Secrets that come late, or never.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

/* ---- Secrets that come late, or never ------------------------------------------------------- */

enum when { NEVER, BEFORE, BETWEEN, BEHIND };

enum { MILLISECOND = 1000000 };

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
        if ((when == BEFORE && i == 0) || (when == BETWEEN && i == s.before + 4))
            sealed_secrets(&s, w);
        sealed_send(w, &talk, &s, i, at, 0);
    }
    pcap_talk_close(w, &talk);
    if (when == BEHIND)
        sealed_secrets(&s, w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* A decoder that has read nothing yet. */
static vitro_decode *decoder_of(struct decoded_bytes *b)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_decode *d;

    options.lend = decoded_lend;
    options.user = b;
    options.keep = true;
    cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
    return d;
}

static vitro_decode *decode_growing(const struct pcap_write *w, struct decoded_bytes *b,
                                    size_t grow)
{
    vitro_decode *d = decoder_of(b);

    *b = (struct decoded_bytes){ w->ptr, w->len, 0, NULL };
    for (size_t at = grow; at && at < w->len; at += grow) {
        b->most = at;
        cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
    }
    b->most = 0;
    cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
    return d;
}

/* What is told stands in the order in which the capture has it. */
static void assert_in_order(const vitro_decode *d, size_t k)
{
    uint32_t packet = 0;
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        if (ev.kind != VITRO_EVENT_TLS)
            continue;
        cr_assert(ge(u32, ev.packet, packet), "event %u of case %zu", i, k);
        packet = ev.packet;
    }
}

/* grow: the capture is read while it is written, so many bytes at a time; 0: it is whole. */
static struct sealed_count count_late(enum when when, int64_t step, size_t grow, uint16_t suite,
                                      uint64_t *calls)
{
    struct decoded_bytes b;
    struct sealed_count n;
    struct pcap_write w;
    vitro_decode_stats s;
    vitro_decode *d;

    capture_late(&w, when, step, suite);
    d = decode_growing(&w, &b, grow);
    decoded_assert_tiled(d, 0);
    assert_in_order(d, suite);
    n = sealed_count(d);
    vitro_decode_stats_get(d, &s);
    *calls = s.messages / 2;
    vitro_decode_free(d);
    pcap_write_done(&w);
    return n;
}

Test(decode_tls_late, in_a_capture_that_is_whole_secrets_may_stand_anywhere)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        for (enum when when = BEFORE; when <= BEHIND; when++) {
            uint64_t calls;
            struct sealed_count n =
                count_late(when, INT64_C(5000) * MILLISECOND, 0, sealed_suites[i], &calls);
            cr_expect(eq(uint, n.opened, n.sealed), "suite %zu, when %d", i, when);
            cr_expect(eq(u64, calls, 3), "suite %zu, when %d", i, when);
        }
    }
}

/* The same capture whole tells what there is to be told by then. */
Test(decode_tls_late, while_a_capture_grows_what_is_sealed_is_told_as_it_comes)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        struct decoded_bytes all, b;
        vitro_decode *whole, *d;
        struct pcap_write w;
        vitro_decode_stats s;
        vitro_event ev;
        capture_late(&w, NEVER, MILLISECOND, sealed_suites[i]);
        whole = sealed_decode(&w, &all);
        b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
        d = decoder_of(&b);
        for (b.most = 50; b.most < w.len; b.most += 50) {
            cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
            vitro_decode_stats_get(d, &s);
            if (vitro_decode_event(whole, vitro_decode_count(d) + 1, &ev))
                cr_assert(gt(u64, ev.packet, s.packets), "suite %zu at %zu", i, b.most);
        }
        cr_expect(gt(uint, sealed_count(d).sealed, 6));
        vitro_decode_free(d);
        vitro_decode_free(whole);
        pcap_write_done(&w);
    }
}

Test(decode_tls_late, while_a_capture_grows_a_secret_opens_what_comes_behind_it)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        uint64_t calls;
        struct sealed_count n = count_late(BETWEEN, MILLISECOND, 50, sealed_suites[i], &calls);
        cr_expect(gt(uint, n.sealed, n.opened), "suite %zu", i);
        cr_expect(ge(uint, n.opened, 3), "suite %zu", i);
        cr_expect(eq(uint, n.from_here, 2), "suite %zu", i);
        cr_expect(gt(u64, calls, 0), "suite %zu", i);
        n = count_late(BEHIND, MILLISECOND, 50, sealed_suites[i], &calls);
        cr_expect(eq(uint, n.opened, 0), "suite %zu", i);
        cr_expect(eq(str, (char *)n.why, "TLS: sealed, and no secret of this connection is known"));
    }
}

/* The client's first sealed records come before the server's hello, which is sent again, or never.
 */
static void capture_hello_late(struct pcap_write *w, bool ever, uint16_t suite)
{
    struct conversation_shape shape = { .calls = 3, .method = 1 };
    struct pcap_talk talk = { .next = { 1000, 5000 } };
    struct conversation plain;
    size_t at[2] = { 0, 0 };
    struct sealed s;
    uint32_t hello;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = suite });
    pcap_write_init(w, PCAP_NG, 1);
    w->step = MILLISECOND;
    sealed_secrets(&s, w);
    pcap_talk_open(w, &talk);
    sealed_send(w, &talk, &s, 0, at, 0);
    hello = talk.next[1];
    sealed_send(w, &talk, &s, 1, at, SIZE_MAX);
    sealed_send(w, &talk, &s, 2, at, 0);
    if (ever) {
        talk.next[1] = hello;
        at[1] = 0;
        sealed_send(w, &talk, &s, 1, at, 0);
        for (size_t i = 3; i < s.wire.turn_count; i++)
            sealed_send(w, &talk, &s, i, at, 0);
        pcap_talk_close(w, &talk);
    }
    sealed_done(&s);
    conversation_done(&plain);
}

Test(decode_tls_late, a_hello_that_a_segment_may_still_bring_is_waited_for)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        struct sealed_count n;
        struct decoded_bytes b;
        struct pcap_write w;
        vitro_decode *d;
        capture_hello_late(&w, true, sealed_suites[i]);
        d = decode_growing(&w, &b, 50);
        n = sealed_count(d);
        cr_expect(eq(uint, n.opened, n.sealed), "suite %zu", i);
        decoded_assert_tiled(d, i);
        vitro_decode_free(d);
        pcap_write_done(&w);
    }
}

Test(decode_tls_late, what_waits_for_a_hello_is_told_when_nothing_has_come_for_a_while)
{
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;

    capture_hello_late(&w, false, 0x1301);
    b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
    d = decoder_of(&b);
    cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
    cr_expect(eq(uint, sealed_count(d).sealed, 0));
    vitro_decode_idle(d);
    cr_expect(gt(uint, sealed_count(d).sealed, 0));
    cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
    decoded_assert_tiled(d, 0);
    vitro_decode_free(d);
    pcap_write_done(&w);
}

Test(decode_tls_late, without_a_secret_each_record_says_so)
{
    for (size_t i = 0; i < SEALED_SUITES; i++) {
        uint64_t calls;
        struct sealed_count n = count_late(NEVER, MILLISECOND, 0, sealed_suites[i], &calls);
        cr_expect(gt(uint, n.sealed, 6));
        cr_expect(eq(uint, n.opened, 0));
        cr_expect(eq(str, (char *)n.why, "TLS: sealed, and no secret of this connection is known"));
    }
}

Test(decode_tls_late, much_that_is_sealed_takes_no_memory)
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
    sealed_capture(&w, &s.wire, NULL, 1);
    d = sealed_decode(&w, &b);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(uint, sealed_count(d).opened, 0));
    cr_expect(lt(sz, stats.memory_peak, 400000));
    cr_expect(eq(u64, stats.tls, 1));
    cr_expect(eq(u64, stats.sealed, 1));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* A key log that is read while the capture grows: all that comes behind it opens. */
Test(decode_tls_late, a_key_log_may_be_given_at_any_time)
{
    struct conversation_shape shape = { .calls = 30, .method = 1 };
    struct conversation plain;
    struct sealed s;
    struct pcap_write w;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1302 });
    sealed_capture(&w, &s.wire, NULL, 7);
    for (size_t at = 0; at <= w.len; at += w.len / 30) {
        struct decoded_bytes b = { w.ptr, w.len, at ? at : 1, NULL };
        vitro_decode *d = decoder_of(&b);
        unsigned before;
        struct sealed_count n;
        cr_assert(eq(int, vitro_decode_advance(d, NULL), VITRO_OK));
        before = sealed_count(d).sealed;
        cr_assert(eq(int, vitro_decode_secrets(d, vitro_buf_bytes(&s.log), NULL), VITRO_OK));
        b.most = 0;
        cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
        n = sealed_count(d);
        cr_expect(eq(uint, n.opened, n.sealed - before), "given at %zu of %zu", at, w.len);
        decoded_assert_tiled(d, at);
        vitro_decode_free(d);
    }
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

/* Without a SYN the lower port is taken for the server's. */
Test(decode_tls_late, a_hello_says_who_the_client_is)
{
    struct conversation_shape shape = { .calls = 1, .method = 1 };
    struct pcap_talk talk = { .shape.client_port = 80,
                              .shape.server_port = 60000,
                              .next = { 1, 1 } };
    size_t at[2] = { 0, 0 };
    struct conversation plain;
    struct sealed s;
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_decode *d;
    vitro_event ev = { 0 };

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    pcap_write_init(&w, PCAP_NG, 1);
    sealed_secrets(&s, &w);
    for (size_t i = 0; i < s.wire.turn_count; i++)
        sealed_send(&w, &talk, &s, i, at, 0);
    d = sealed_decode(&w, &b);
    cr_expect(eq(str, (char *)vitro_decode_endpoint(d, 0, VITRO_C2S), "192.0.2.1:80"));
    for (uint32_t i = 1; vitro_decode_event(d, i, &ev) && ev.kind != VITRO_EVENT_PROTOBUF;)
        i++;
    cr_expect(eq(int, ev.kind, VITRO_EVENT_PROTOBUF));
    cr_expect(eq(u8, ev.dir, VITRO_C2S));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}
