/* capture: records out of pcapng and pcap, whatever wrote them and wherever they end. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

#include "base/util.h"
#include "decode/capture.h"
#include "support/flows.h"
#include "support/pcap_write.h"
#include "support/seed.h"

static const unsigned formats[] = {
    0,       PCAP_NANO,           PCAP_BIG,           PCAP_BIG | PCAP_NANO,
    PCAP_NG, PCAP_NG | PCAP_NANO, PCAP_NG | PCAP_BIG, PCAP_NG | PCAP_BIG | PCAP_NANO
};
static const uint16_t links[] = { 0, 1, 12, 14, 101, 108, 113, 228, 276 };
static const struct pcap_talk fresh = { .next = { 0xfffffff0, 5000 } };
static const char request[] =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n and more that fills a second segment";
static const char answer[] = "an answer of its own";

/* One connection, with everything that an IP or TCP header may hold. */
static void converse(struct pcap_write *w, unsigned flags, uint16_t link, bool ip6, unsigned extra)
{
    struct pcap_talk talk = fresh;

    talk.shape.ip6 = ip6;
    talk.shape.tags = extra;
    talk.shape.ip_options = extra;
    talk.shape.tcp_options = extra;
    talk.shape.trailer = 3 * extra;
    talk.mss = 30;
    pcap_write_init(w, flags, link);
    pcap_talk_open(w, &talk);
    pcap_talk_send(w, &talk, 0, request, sizeof request);
    pcap_talk_send(w, &talk, 1, answer, sizeof answer);
    pcap_talk_close(w, &talk);
}

Test(capture, every_format_order_and_link_type_gives_the_same_streams)
{
    for (size_t i = 0; i < ARRAY_LEN(formats) * ARRAY_LEN(links) * 2 * 4; i++) {
        unsigned format = formats[i % ARRAY_LEN(formats)];
        uint16_t link = links[i / ARRAY_LEN(formats) % ARRAY_LEN(links)];
        bool ip6 = i / ARRAY_LEN(formats) / ARRAY_LEN(links) % 2;
        unsigned extra = (unsigned)(i / ARRAY_LEN(formats) / ARRAY_LEN(links) / 2);
        struct pcap_write w;
        struct flows f = { 0 };

        converse(&w, format, link == 228 && ip6 ? 229 : link, ip6, extra);
        cr_assert(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_END));
        cr_assert(flows_is(&f, 0, FLOW_C2S, request, sizeof request), "format %u link %u case %zu",
                  format, link, i);
        cr_assert(flows_is(&f, 0, FLOW_S2C, answer, sizeof answer), "format %u link %u case %zu",
                  format, link, i);
        cr_assert(eq(u32, f.conns, 1));
        cr_assert(eq(u64, f.packets, w.packets));
        cr_assert(not(f.wrong));
        pcap_write_done(&w);
        flows_done(&f);
    }
}

/* ---- records --------------------------------------------------------------------------------- */

/* Everything that a pcapng file may hold, in two sections of different byte order. */
static void write_all_kinds(struct pcap_write *w)
{
    static const struct pcap_tcp syn = { .flags = 2 };
    static const char entry[] = "__REALTIME_TIMESTAMP=1758326400000001\nMESSAGE=a line\n"
                                "VITRO_NS=1758326400000001234\nRAW\n\3\0\0\0\0\0\0\0x\ny\nLAST=";
    uint8_t frame[400];
    size_t n = pcap_frame(1, false, &syn, frame, sizeof frame);

    pcap_write_init(w, PCAP_NG, 1);
    pcap_write_interface(w, 101, 0, 9);
    pcap_write_interface(w, 276, 64, 0x80 | 20);
    pcap_write_tcp(w, &syn);
    pcap_write_block(w, 0x0bad, "penXdata", 8);
    w->packets++; /* tshark lists a custom block */
    pcap_write_block(w, 0x777, "unknown", 7);
    pcap_write_secrets(w, CAPTURE_SECRETS_TLS, "CLIENT_RANDOM 00 11\n", 20);
    pcap_write_simple(w, frame, n);
    pcap_write_obsolete(w, frame, n);
    pcap_write_note(w, entry, sizeof entry - 1);
    w->flags |= PCAP_BIG;
    pcap_write_section(w);
    pcap_write_interface(w, 113, 0, 6);
    w->link = 113;
    pcap_write_tcp(w, &syn);
}

Test(capture, all_kinds_of_blocks_of_several_sections_are_read_and_numbered)
{
    static const struct {
        enum capture_kind kind;
        unsigned number, link;
        bool has_ts;
    } expected[] = {
        { CAPTURE_PACKET, 1, 1, true },  { CAPTURE_SECRETS, 2, 0, false },
        { CAPTURE_PACKET, 3, 1, false }, { CAPTURE_PACKET, 4, 1, true },
        { CAPTURE_NOTE, 5, 0, true },    { CAPTURE_PACKET, 6, 113, true },
    };
    struct pcap_write w;
    struct capture c;
    struct capture_record r;

    write_all_kinds(&w);
    vitro_capture_init(&c, pcap_write_lend, &w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        cr_assert(eq(int, vitro_capture_next(&c, &r, NULL), CAPTURE_RECORD));
        cr_expect(eq(int, r.kind, expected[i].kind));
        cr_expect(eq(u64, r.number, expected[i].number));
        cr_expect(eq(u32, r.link, expected[i].link));
        cr_expect(eq(int, r.has_ts, expected[i].has_ts));
        cr_expect(eq(int, memcmp(w.ptr + r.offset, r.bytes.ptr, r.bytes.len), 0));
        if (r.kind == CAPTURE_NOTE)
            cr_expect(eq(i64, r.ts, INT64_C(1758326400000001234)));
    }
    cr_expect(eq(int, vitro_capture_next(&c, &r, NULL), CAPTURE_END));
    cr_expect(eq(u64, c.skipped, 2));
    vitro_capture_done(&c);
    pcap_write_done(&w);
}

Test(capture, clocks_of_any_resolution_are_nanoseconds)
{
    static const struct {
        uint8_t tsresol;
        uint64_t ticks;
        int64_t ns;
    } cases[] = {
        { 0, 1500000, 1500000000 },
        { 3, 1500, 1500000000 },
        { 9, 1500000001, 1500000001 },
        { 12, 1500000001999, 1500000001 },
        { 19, UINT64_C(15000000010000000000), 1500000001 },
        { 0x80 | 1, 3, 1500000000 },
        { 0x80 | 30, UINT64_C(3) << 29, 1500000000 },
        { 0x80 | 63, UINT64_C(3) << 62, 1500000000 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pcap_write w;
        struct capture c;
        struct capture_record r;
        uint8_t body[24] = { 1 }; /* interface 1 */
        uint64_t t = cases[i].ticks;

        for (size_t k = 0; k < 4; k++) {
            body[4 + k] = (uint8_t)(t >> (32 + 8 * k));
            body[8 + k] = (uint8_t)(t >> 8 * k);
        }
        pcap_write_init(&w, PCAP_NG, 1);
        pcap_write_interface(&w, 1, 0, cases[i].tsresol);
        pcap_write_block(&w, 6, body, sizeof body);
        vitro_capture_init(&c, pcap_write_lend, &w, NULL);
        cr_assert(eq(int, vitro_capture_next(&c, &r, NULL), CAPTURE_RECORD));
        cr_expect(eq(i64, r.ts, cases[i].ns), "tsresol %u", cases[i].tsresol);
        vitro_capture_done(&c);
        pcap_write_done(&w);
    }
}

Test(capture, fields_of_a_note_are_text_or_any_bytes)
{
    static const char entry[] = "A=1\n\nB\n\2\0\0\0\0\0\0\0=\n\nC=\nD=x=y";
    static const char *const names[] = { "A", "B", "C", "D" };
    static const char *const values[] = { "1", "=\n", "", "x=y" };
    vitro_bytes all = { (const uint8_t *)entry, sizeof entry - 1 };
    struct note_field field;
    size_t cursor = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cr_assert(vitro_note_next(all, &cursor, &field));
        cr_expect(vitro_str_eq(field.name, vitro_str_of(names[i])));
        cr_expect(vitro_str_eq(field.value, vitro_str_of(values[i])));
        cr_expect(eq(int, memcmp(entry + field.at, values[i], field.value.len), 0));
    }
    cr_expect(not(vitro_note_next(all, &cursor, &field)));
    cr_expect(eq(sz, cursor, all.len));
    cr_expect(vitro_note_find(all, vitro_str_of("C"), &field));
    cr_expect(not(vitro_note_find(all, vitro_str_of("E"), &field)));
    for (size_t n = 0; n < all.len; n++) {
        cursor = 0;
        all.len = n;
        while (vitro_note_next(all, &cursor, &field))
            cr_assert(le(sz, field.at + field.value.len, n));
        all.len = sizeof entry - 1;
    }
}

/* ---- what cannot be read --------------------------------------------------------------------- */

static enum capture_step read_text(const char *text, size_t n, vitro_error *err)
{
    struct pcap_write w = { .ptr = (uint8_t *)(uintptr_t)text, .len = n };
    struct capture c;
    struct capture_record r;
    enum capture_step step;

    vitro_capture_init(&c, pcap_write_lend, &w, NULL);
    step = vitro_capture_next(&c, &r, err);
    vitro_capture_done(&c);
    return step;
}

Test(capture, what_is_no_capture_is_named)
{
    static const struct {
        const char *text;
        size_t len;
        enum capture_step step;
        const char *why;
    } cases[] = {
        { "", 0, CAPTURE_CUT, "empty" },
        { "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", 12, CAPTURE_BAD, "gzip" },
        { "\x28\xb5\x2f\xfd\0\0\0\0", 8, CAPTURE_BAD, "zstd" },
        { "snoop\0\0\0\0\0\0\2", 12, CAPTURE_BAD, "snoop" },
        { "hello, world", 12, CAPTURE_BAD, "(text)" },
        { "\x01\x02\x03\x04\x05\x06\x07\x08", 8, CAPTURE_BAD, "01 02 03 04" },
        { "\xd4\xc3\xb2\xa1\x02\0", 6, CAPTURE_CUT, "file header" },
        { "\xd4\xc3\xb2\xa1\x07\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, CAPTURE_BAD,
          "version 7" },
        { "\n\r\r\n\x1c\0\0\0what", 12, CAPTURE_BAD, "byte order" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        vitro_error err = { 0 };

        cr_expect(eq(int, read_text(cases[i].text, cases[i].len, &err), cases[i].step), "case %zu",
                  i);
        cr_expect(strstr(err.frame[0].text, cases[i].why) != NULL, "%s", err.frame[0].text);
    }
}

Test(capture, a_cut_at_any_byte_gives_all_before_it_and_then_the_reason)
{
    for (size_t i = 0; i < 4; i++) {
        struct pcap_write w;
        struct flows whole = { 0 };
        size_t full;

        converse(&w, (const unsigned[]){ 0, PCAP_NG, PCAP_BIG, PCAP_NG | PCAP_BIG }[i], 1, false,
                 1);
        full = w.len;
        cr_assert(eq(int, flows_run(&whole, pcap_write_lend, &w), CAPTURE_END));
        for (w.len = 0; w.len < full; w.len++) {
            struct flows f = { 0 };
            enum capture_step step = flows_run(&f, pcap_write_lend, &w);

            cr_assert(step == CAPTURE_CUT || step == CAPTURE_END);
            cr_assert(not(f.wrong));
            cr_assert(step == CAPTURE_END || f.error.depth == 1);
            if (f.conns)
                cr_assert(flows_is(&f, 0, 0, request, f.dir[0][0].len));
            cr_assert(eq(sz, f.left, 0));
            flows_done(&f);
        }
        flows_done(&whole);
        pcap_write_done(&w);
    }
}

Test(capture, reading_goes_on_when_a_growing_capture_has_grown)
{
    struct pcap_write w;
    struct capture c;
    struct capture_record r;
    size_t full, records = 0;

    write_all_kinds(&w);
    full = w.len;
    vitro_capture_init(&c, pcap_write_lend, &w, NULL);
    for (w.len = 0; w.len <= full; w.len++)
        while (vitro_capture_next(&c, &r, NULL) == CAPTURE_RECORD)
            records++;
    cr_expect(eq(sz, records, 6));
    vitro_capture_done(&c);
    w.len = full;
    pcap_write_done(&w);
}

Test(capture, any_byte_mutated_never_breaks_it_nor_its_bounds)
{
    struct chance c = seed_chance();

    for (size_t round = 0; round < 3000; round++) {
        struct pcap_write w;
        struct flows f = { .options = { 100, 100, 50, 0 } };

        if (round % 5)
            converse(&w, formats[round % ARRAY_LEN(formats)], links[round % ARRAY_LEN(links)],
                     round % 3 == 0, 1);
        else
            write_all_kinds(&w);
        for (size_t i = 0; i <= round % 4; i++)
            w.ptr[seed_between(&c, round % 7 ? 24 : 0, w.len - 1)] = (uint8_t)vitro_chance_next(&c);
        flows_run(&f, pcap_write_lend, &w);
        cr_assert(not(f.wrong), "wrong " SEED_TEXT, seed_of_run(), round);
        cr_assert(lt(sz, f.peak, 64 * 1024), "memory " SEED_TEXT, seed_of_run(), round);
        cr_assert(eq(sz, f.left, 0));
        flows_done(&f);
        pcap_write_done(&w);
    }
}

Test(capture, lengths_that_contradict_each_other_are_refused_with_their_place)
{
    static const struct {
        uint32_t type;
        const char *body;
        size_t len;
        const char *why;
    } cases[] = {
        { 6, "\0\0\0\0\0\0\0\0\0\0\0\0\x99\0\0\0\x99\0\0\0", 20, "longer than its block" },
        { 6, "\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, "does not describe" },
        { 6, "short", 5, "shorter than its kind" },
        { 1, "\1\0\0\0\0\0\0\0\x09\0\x99\0", 12, "option" },
        { 1, "\1\0\0\0\0\0\0\0\x09\0\1\0\x7f\0\0\0", 16, "64 bits" },
        { 10, "KSLT\x99\0\0\0", 8, "secrets" },
        { 3, "\x99\0\0\0", 4, "longer than its block" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pcap_write w;
        struct flows f = { 0 };

        pcap_write_init(&w, PCAP_NG, 1);
        pcap_write_block(&w, cases[i].type, cases[i].body, cases[i].len);
        cr_expect(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_BAD), "case %zu", i);
        cr_expect(strstr(f.error.frame[0].text, cases[i].why) != NULL, "%s", f.error.frame[0].text);
        cr_expect(strstr(f.error.frame[0].text, "offset 48") != NULL, "%s", f.error.frame[0].text);
        flows_done(&f);
        pcap_write_done(&w);
    }
}

/* ---- packets --------------------------------------------------------------------------------- */

Test(packet, what_is_no_whole_tcp_segment_is_told_apart)
{
    struct pcap_write w;
    struct flows f = { 0 };
    struct pcap_tcp s = { .flags = 16, .fragment = 0x2000 };
    uint8_t frame[400] = { 0 };
    size_t n;

    pcap_write_init(&w, PCAP_NG, 1);
    pcap_write_tcp(&w, &s); /* first fragment */
    s.fragment = 100;
    pcap_write_tcp(&w, &s); /* a later one */
    s.fragment = 0;
    n = pcap_frame(1, false, &s, frame, sizeof frame);
    frame[23] = 17;
    pcap_write_packet(&w, frame, n); /* UDP */
    frame[23] = 6;
    frame[46] = 0xf0;
    pcap_write_packet(&w, frame, n); /* a TCP header longer than its packet */
    frame[14] = 0x41;
    pcap_write_packet(&w, frame, n); /* an IP header of four bytes */
    w.snaplen = 40;
    pcap_write_packet(&w, frame, n);
    pcap_write_tcp(&w, &s); /* cut in its TCP header */
    cr_expect(eq(int, flows_run(&f, pcap_write_lend, &w), CAPTURE_END));
    cr_expect(eq(u64, f.others[PACKET_FRAGMENT], 2));
    cr_expect(eq(u64, f.others[PACKET_OTHER], 1));
    cr_expect(eq(u64, f.others[PACKET_BAD], 3));
    cr_expect(eq(u64, f.others[PACKET_CUT], 1));
    cr_expect(eq(u64, f.others[PACKET_TCP], 0));
    flows_done(&f);
    pcap_write_done(&w);
}

Test(packet, endpoints_are_written_as_people_write_them)
{
    struct packet_end e4 = { 4, 80, { 127, 0, 0, 1 } };
    struct packet_end e6 = { 6, 50051, { 0x20, 1, 0x0d, 0xb8, [15] = 1 } };
    char out[ENDPOINT_TEXT];

    vitro_endpoint_format(&e4, out, sizeof out);
    cr_expect(eq(str, out, "127.0.0.1:80"));
    vitro_endpoint_format(&e6, out, sizeof out);
    cr_expect(eq(str, out, "[2001:db8::1]:50051"));
}
