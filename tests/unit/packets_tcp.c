/* tcp: from segments in any order to the bytes of each direction. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "base/util.h"
#include "support/flows.h"
#include "support/pcap_write.h"
#include "support/seed.h"

enum { ACK = 16, SYN = 2, FIN = 1, RST = 4 };

static const struct pcap_talk fresh = { .next = { 1000, 5000 } };

static void segment(struct pcap_write *w, int reply, uint32_t seq, uint32_t ack, uint8_t flags,
                    const char *text)
{
    struct pcap_tcp s = { .reply = reply, .seq = seq, .ack = ack, .flags = flags };

    s.data = text;
    s.len = strlen(text);
    pcap_write_tcp(w, &s);
}

static void run(struct flows *f, struct pcap_write *w)
{
    memset(f, 0, sizeof *f);
    cr_assert(eq(int, flows_run(f, pcap_write_lend, w), CAPTURE_END));
    cr_assert(not(f->wrong));
    cr_assert(eq(sz, f->left, 0));
    pcap_write_done(w);
}

/* ---- properties ------------------------------------------------------------------------------ */

struct piece {
    uint32_t from, len;
};

static uint32_t length(struct chance *c, uint32_t most, uint32_t left)
{
    uint32_t len = 1 + (uint32_t)vitro_chance_below(c, most);

    return MIN(len, left);
}

/* Cut n bytes into pieces; then swap neighbours within reach, repeat some, overlap some. */
static size_t shuffle(struct chance *c, uint32_t n, struct piece *out, size_t max)
{
    size_t count = 0, plain;

    for (uint32_t at = 0; at < n && count < max / 2; count++) {
        out[count].from = at;
        out[count].len = length(c, 120, n - at);
        if (count == max / 2 - 1)
            out[count].len = n - at;
        at += out[count].len;
    }
    plain = count;
    for (size_t i = 0; i < plain / 2 && count < max; i++, count++) {
        uint32_t from = (uint32_t)vitro_chance_below(c, n);

        out[count].from = from;
        out[count].len = length(c, 300, n - from);
    }
    for (size_t i = 0; i < count; i++) {
        size_t j = vitro_chance_below(c, count);
        struct piece p = out[i];

        out[i] = out[j];
        out[j] = p;
    }
    return count;
}

Test(tcp, any_cut_order_and_repetition_gives_the_same_bytes)
{
    enum { N = 4000, MAX = 400 };
    static uint8_t text[N];
    static struct piece pieces[MAX];
    struct chance c = seed_chance();

    for (size_t i = 0; i < N; i++)
        text[i] = (uint8_t)vitro_chance_next(&c);
    for (size_t round = 0; round < 150; round++) {
        uint32_t n = 1 + (uint32_t)vitro_chance_below(&c, N);
        /* near the wrap of sequence numbers as often as not */
        uint32_t isn = round % 2 ? 0u - (uint32_t)vitro_chance_below(&c, n + 2)
                                 : (uint32_t)vitro_chance_next(&c);
        size_t count = shuffle(&c, n, pieces, MAX);
        struct pcap_write w;
        struct flows f;

        pcap_write_init(&w, PCAP_NG, 1);
        segment(&w, 0, isn, 0, SYN, "");
        segment(&w, 1, 77, isn + 1, SYN | ACK, "");
        for (size_t i = 0; i < count; i++) {
            struct pcap_tcp s = { .seq = isn + 1 + pieces[i].from, .ack = 78, .flags = ACK };

            s.data = text + pieces[i].from;
            s.len = pieces[i].len;
            pcap_write_tcp(&w, &s);
        }
        segment(&w, 0, isn + 1 + n, 78, FIN | ACK, "");
        segment(&w, 1, 78, isn + n + 2, FIN | ACK, "");
        run(&f, &w);
        cr_assert(flows_is(&f, 0, FLOW_C2S, text, n), "differs " SEED_TEXT, seed_of_run(), round);
        cr_assert(eq(u64, f.dir[0][0].gaps, 0), "differs " SEED_TEXT, seed_of_run(), round);
        cr_assert(eq(u32, f.conns, 1));
        flows_done(&f);
    }
}

Test(tcp, lost_segments_are_exactly_the_gaps)
{
    enum { SEGMENTS = 40, SIZE = 50 };
    static uint8_t text[SEGMENTS * SIZE], expected[SEGMENTS * SIZE];
    struct chance c = seed_chance();

    for (size_t round = 0; round < 100; round++) {
        struct pcap_write w;
        struct pcap_talk talk = fresh;
        struct flows f;
        uint64_t lost = 0;

        talk.next[0] = (uint32_t)vitro_chance_next(&c);
        pcap_write_init(&w, round % 2 ? PCAP_NG : PCAP_BIG, 101);
        pcap_talk_open(&w, &talk);
        for (size_t i = 0; i < sizeof text; i++)
            expected[i] = text[i] = (uint8_t)('a' + vitro_chance_below(&c, 26));
        for (size_t i = 0; i < SEGMENTS; i++) {
            if (vitro_chance_below(&c, 5)) {
                pcap_talk_send(&w, &talk, 0, text + i * SIZE, SIZE);
            } else {
                memset(expected + i * SIZE, '?', SIZE);
                lost += SIZE;
                pcap_talk_skip(&talk, 0, SIZE);
            }
            if (!vitro_chance_below(&c, 3))
                pcap_talk_ack(&w, &talk, 1);
        }
        pcap_talk_close(&w, &talk);
        run(&f, &w);
        cr_assert(flows_is(&f, 0, FLOW_C2S, expected, sizeof expected), "differs " SEED_TEXT,
                  seed_of_run(), round);
        cr_assert(eq(u64, f.dir[0][0].gap_bytes, lost));
        flows_done(&f);
    }
}

/* ---- examples -------------------------------------------------------------------------------- */

Test(tcp, a_plain_connection_is_opened_told_and_ended)
{
    struct pcap_write w;
    struct pcap_talk talk = fresh;
    struct flows f;

    pcap_write_init(&w, PCAP_NG | PCAP_NANO, 1);
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, "hello", 5);
    pcap_talk_send(&w, &talk, 1, "world!", 6);
    pcap_talk_close(&w, &talk);
    run(&f, &w);
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 > open #1\n0 > mark SYN #1\n0 < mark SYN #2\n"
                 "0 > data 0+5 #4\n0 < data 0+6 #5\n"
                 "0 > mark FIN #6\n0 < mark FIN #7\n0 > end FIN #8\n"));
    flows_done(&f);
}

Test(tcp, the_first_copy_of_a_byte_wins)
{
    struct pcap_write w;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 0, 100, 1, ACK, "abcd");
    segment(&w, 0, 102, 1, ACK, "XXef");   /* half of it again */
    segment(&w, 0, 110, 1, ACK, "kl");     /* early */
    segment(&w, 0, 108, 1, ACK, "ijKLmn"); /* around it */
    segment(&w, 0, 106, 1, ACK, "gh");
    run(&f, &w);
    cr_expect(flows_is(&f, 0, 0, "abcdefghijklmn", 14));
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 > open #1\n0 > mark SYN #1\n0 > data 0+4 #2\n"
                 "0 > data 4+2 #3\n0 > mark 2+2 RETRANSMISSION #3\n"
                 "0 > mark 8+4 OUT_OF_ORDER #5\n0 > mark 10+2 RETRANSMISSION #5\n"
                 "0 > data 6+2 #6\n0 > data 8+2 #5 at #6\n0 > data 10+2 #4 at #6\n"
                 "0 > data 12+2 #5 at #6\n0 > mark 6+2 OUT_OF_ORDER #6\n0 > end #6\n"));
    flows_done(&f);
}

Test(tcp, a_hole_is_given_up_when_bytes_behind_it_are_acknowledged)
{
    struct pcap_write w;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 1, 499, 100, SYN | ACK, "");
    segment(&w, 0, 103, 500, ACK, "def");
    segment(&w, 1, 500, 103, ACK, ""); /* up to the hole's end: not yet */
    segment(&w, 1, 500, 106, ACK, "ok");
    run(&f, &w);
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 > open #1\n0 > mark SYN #1\n0 < mark SYN #2\n"
                 "0 > gap 0+3 #5\n0 > data 3+3 #3 at #5\n0 < data 0+2 #5\n0 > end #5\n"));
    flows_done(&f);
}

Test(tcp, a_capture_begun_late_starts_at_its_first_byte_and_says_so)
{
    struct pcap_write w;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 1, 500, 200, ACK, "answer");
    segment(&w, 0, 200, 506, ACK, "ask");
    segment(&w, 0, 190, 506, ACK, "older");
    run(&f, &w);
    cr_expect(flows_is(&f, 0, FLOW_S2C, "answer", 6));
    cr_expect(flows_is(&f, 0, FLOW_C2S, "ask", 3));
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 < open LATE #1\n0 < data 0+6 #1\n0 > data 0+3 #2\n"
                 "0 > mark 0+5 BEFORE_START #3\n0 > end #3\n"));
    flows_done(&f);
}

Test(tcp, a_pair_of_ports_used_again_is_another_connection)
{
    struct pcap_write w;
    struct pcap_talk talk = fresh;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, "one", 3);
    pcap_talk_close(&w, &talk);
    talk = fresh; /* the same numbers, after FIN */
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, "two", 3);
    talk = fresh; /* the same numbers, the old one broken off */
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, "three", 5);
    segment(&w, 0, 77777, 0, SYN, ""); /* another number */
    segment(&w, 0, 77778, 0, ACK, "four");
    segment(&w, 0, 77777, 0, SYN, ""); /* after its data: a new one again */
    run(&f, &w);
    cr_expect(eq(u32, f.conns, 5));
    cr_expect(flows_is(&f, 0, 0, "one", 3));
    cr_expect(flows_is(&f, 1, 0, "two", 3));
    cr_expect(flows_is(&f, 2, 0, "three", 5));
    cr_expect(flows_is(&f, 3, 0, "four", 4));
    flows_done(&f);
}

Test(tcp, a_syn_sent_twice_is_one_connection)
{
    struct pcap_write w;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 1, 499, 100, SYN | ACK, "");
    segment(&w, 1, 499, 100, SYN | ACK, "");
    segment(&w, 0, 100, 500, ACK, "x");
    run(&f, &w);
    cr_expect(eq(u32, f.conns, 1));
    cr_expect(flows_is(&f, 0, 0, "x", 1));
    flows_done(&f);
}

Test(tcp, marks_tell_resets_probes_and_closed_windows)
{
    struct pcap_write w;
    struct flows f;
    struct pcap_tcp closed = { .reply = true, .seq = 500, .ack = 101, .flags = ACK };

    closed.window = PCAP_WINDOW_ZERO;
    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 1, 499, 100, SYN | ACK, "");
    segment(&w, 0, 100, 500, ACK, "x");
    pcap_write_tcp(&w, &closed);
    pcap_write_tcp(&w, &closed);
    segment(&w, 0, 100, 500, ACK, ""); /* a probe */
    segment(&w, 1, 500, 101, ACK, "");
    segment(&w, 1, 500, 101, RST | ACK, "");
    run(&f, &w);
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 > open #1\n0 > mark SYN #1\n0 < mark SYN #2\n0 > data 0+1 #3\n"
                 "0 < mark WINDOW_ZERO #4\n0 > mark KEEPALIVE #6\n0 < mark WINDOW_OPEN #7\n"
                 "0 < mark RST #8\n0 > end RST #8\n"));
    flows_done(&f);
}

Test(tcp, a_fin_waits_for_the_bytes_before_it)
{
    struct pcap_write w;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    segment(&w, 0, 99, 0, SYN, "");
    segment(&w, 0, 103, 1, FIN | ACK, "de");
    segment(&w, 0, 100, 1, ACK, "abc");
    segment(&w, 0, 105, 1, ACK, "no");
    segment(&w, 1, 500, 200, SYN | ACK, "");
    segment(&w, 1, 504, 200, FIN | ACK, ""); /* what was before it never comes */
    run(&f, &w);
    cr_expect(eq(str, (char *)flows_log(&f),
                 "0 > open #1\n0 > mark SYN #1\n0 > data 0+3 #3\n0 > data 3+2 #2 at #3\n"
                 "0 > mark FIN #2 at #3\n0 > mark 0+3 OUT_OF_ORDER #3\n"
                 "0 > mark 5+2 AFTER_END #4\n0 < mark SYN #5\n"
                 "0 < gap 0+3 #6\n0 < mark FIN #6\n0 > end FIN #6\n"));
    flows_done(&f);
}

Test(tcp, bytes_beyond_the_snap_length_are_a_gap_in_their_place)
{
    struct pcap_write w;
    struct pcap_talk talk = fresh;
    struct flows f;

    pcap_write_init(&w, PCAP_NG, 1);
    w.snaplen = 14 + 20 + 20 + 4;
    pcap_talk_open(&w, &talk);
    pcap_talk_send(&w, &talk, 0, "abcdefgh", 8);
    pcap_talk_send(&w, &talk, 0, "ijk", 3);
    w.snaplen = 14 + 20 + 20;
    pcap_talk_send(&w, &talk, 0, "lm", 2);
    run(&f, &w);
    cr_expect(flows_is(&f, 0, 0, "abcd????ijk??", 13));
    cr_expect(strstr(flows_log(&f), "gap 4+4 SNAPLEN #4") != NULL);
    flows_done(&f);
}

Test(tcp, memory_stays_within_its_bounds_whatever_comes)
{
    struct pcap_write w;
    struct flows f = {
        .options = { .max_conns = 50, .max_spans = 100, .max_conn_spans = 20, .hash_seed = 7 }
    };
    struct chance c = seed_chance();

    pcap_write_init(&w, PCAP_NG, 1);
    for (int i = 0; i < 20000; i++) {
        struct pcap_tcp s = { .client_port = (uint16_t)(1024 + vitro_chance_below(&c, 90)) };

        s.reply = vitro_chance_below(&c, 2);
        s.seq = (uint32_t)vitro_chance_below(&c, 5000);
        s.ack = (uint32_t)vitro_chance_below(&c, 5000);
        s.flags = (uint8_t)vitro_chance_below(&c, 40) ? ACK : (uint8_t)vitro_chance_below(&c, 32);
        s.data = "abcdefghijklmnopqrstuvwxyz";
        s.len = vitro_chance_below(&c, 26);
        pcap_write_tcp(&w, &s);
    }
    cr_assert(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_END));
    cr_expect(not(f.wrong));
    cr_expect(lt(sz, f.peak, 50 * 320 + 100 * 80 + 1024));
    cr_expect(eq(sz, f.left, 0));
    cr_expect(gt(u32, f.conns, 90));
    pcap_write_done(&w);
    flows_done(&f);
}

Test(tcp, connections_that_are_over_are_ended_when_others_followed)
{
    enum { CONNS = 40, KEPT = 3 };
    struct pcap_write w;
    struct flows f = { .options = { .max_closed = KEPT } };

    pcap_write_init(&w, PCAP_NG, 1);
    for (uint16_t i = 0; i < CONNS; i++) {
        struct pcap_talk talk = fresh;
        talk.shape.client_port = (uint16_t)(2000 + i);
        pcap_talk_open(&w, &talk);
        pcap_talk_send(&w, &talk, 0, "bytes", 5);
        pcap_talk_close(&w, &talk);
    }
    cr_assert(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_END));
    cr_expect(eq(u32, f.conns, CONNS));
    cr_expect(eq(sz, f.ends, CONNS));
    cr_expect(lt(sz, f.peak, (KEPT + 1) * 320 + 1024));
    cr_expect(eq(sz, f.left, 0));
    pcap_write_done(&w);
    flows_done(&f);
}

Test(tcp, too_much_behind_a_hole_gives_the_hole_up)
{
    struct pcap_write w;
    struct pcap_talk talk = fresh;
    struct flows f = { .options = { 0, 0, 3, 0 } };

    pcap_write_init(&w, PCAP_NG, 1);
    pcap_talk_open(&w, &talk);
    pcap_talk_skip(&talk, 0, 5);
    for (int i = 0; i < 4; i++)
        pcap_talk_send(&w, &talk, 0, "abcd", 4);
    pcap_talk_ack(&w, &talk, 0);
    cr_assert(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_END));
    cr_expect(flows_is(&f, 0, 0, "?????abcdabcdabcdabcd", 21));
    cr_expect(strstr(flows_log(&f), "0 > gap 0+5 #7\n") != NULL);
    pcap_write_done(&w);
    flows_done(&f);
}

static bool stop_at_once(const struct flow_event *event, void *user)
{
    return false;
}

Test(tcp, a_reader_may_stop)
{
    struct pcap_write w;
    struct tcp t;
    struct segment s = { .src = { 4, 1, { 1 } }, .dst = { 4, 2, { 2 } }, .number = 1 };

    pcap_write_init(&w, 0, 1);
    vitro_tcp_init(&t, NULL, NULL, pcap_write_lend, &w, stop_at_once, NULL);
    cr_expect(eq(int, vitro_tcp_push(&t, &s, NULL), VITRO_CANCELLED));
    cr_expect(eq(int, vitro_tcp_finish(&t, NULL), VITRO_CANCELLED));
    vitro_tcp_done(&t);
    pcap_write_done(&w);
}

static uint64_t told;

static bool count_bytes(const struct flow_event *event, void *user)
{
    cr_assert(event->kind != FLOW_GAP);
    if (event->kind == FLOW_DATA) {
        cr_assert(eq(u64, event->stream, told));
        told += event->len;
    }
    return true;
}

static vitro_bytes lend_zeros(uint64_t offset, size_t len, void *user)
{
    static const uint8_t zeros[65536];
    vitro_bytes out = { zeros, len };

    return out;
}

Test(tcp, a_stream_may_be_longer_than_sequence_numbers_count)
{
    enum { SIZE = 60000 };
    struct tcp t;
    struct segment s = { .src = { 4, 5000, { 1 } }, .dst = { 4, 80, { 2 } }, .flags = ACK };
    struct segment early;

    vitro_tcp_init(&t, NULL, NULL, lend_zeros, NULL, count_bytes, NULL);
    s.seq = 12345;
    s.len = s.have = SIZE;
    for (s.number = 1; s.number <= 200000; s.number++, s.seq += SIZE) {
        if (s.number % 100 == 1) { /* two change places */
            early = s;
            continue;
        }
        cr_assert(eq(int, vitro_tcp_push(&t, &s, NULL), VITRO_OK));
        if (s.number % 100 == 2)
            cr_assert(eq(int, vitro_tcp_push(&t, &early, NULL), VITRO_OK));
    }
    vitro_tcp_finish(&t, NULL);
    vitro_tcp_done(&t);
    cr_expect(gt(u64, told, UINT64_C(2) << 32));
}
