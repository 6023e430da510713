/* merge: the traces of several programs as one capture, whatever any of them sends. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "merge.h"
#include "support/conversation.h"
#include "support/decoded.h"
#include "trace/ip.h"

/* A merge whose feed has no thread: what it writes is read back from the spool. */
struct merging {
    struct feed feed;
    struct merge merge;
    struct spool *spool;
    struct decoded_bytes bytes;
};

static void nothing(struct feed *f)
{
    (void)f;
}

static void begin(struct merging *m, bool many)
{
    struct spool_options options = { "m", 0, true };

    memset(m, 0, sizeof *m);
    cr_assert(eq(int, spool_new(&m->spool, &options, NULL), VITRO_OK));
    cr_assert(feed_init(&m->feed, nothing, nothing));
    m->feed.spool = m->spool;
    cr_assert(merge_init(&m->merge, &m->feed, many));
}

static vitro_decode *decode(struct merging *m)
{
    vitro_decode *d;
    vitro_code code;
    uint64_t size;
    uint8_t *p;

    cr_assert(feed_flush(&m->feed));
    spool_size(m->spool, &size);
    p = malloc(size);
    cr_assert(eq(i64, spool_read(m->spool, 0, p, size), (int64_t)size));
    free((void *)(uintptr_t)m->bytes.ptr);
    m->bytes = (struct decoded_bytes){ p, size, 0, NULL };
    d = decoded_of(&m->bytes, true, &code);
    cr_assert(eq(int, code, VITRO_OK), "what comes out is no capture");
    return d;
}

static void end(struct merging *m)
{
    cr_expect(eq(sz, m->merge.buffers, 0), "a buffer is left");
    cr_expect(eq(sz, m->merge.account.used, 0));
    merge_done(&m->merge);
    feed_done(&m->feed);
    spool_free(m->spool);
    free((void *)(uintptr_t)m->bytes.ptr);
}

/* Send n bytes in one piece, as far as they are taken. */
static vitro_code give(struct merge_stream *s, const uint8_t *p, size_t n, vitro_error *err)
{
    while (n) {
        size_t room, k;
        uint8_t *at = merge_room(s, &room, err);
        vitro_code rc;
        if (!at)
            return VITRO_RESOURCE_EXHAUSTED;
        k = MIN(n, room);
        memcpy(at, p, k);
        rc = merge_take(s, k, err);
        if (rc)
            return rc;
        p += k;
        n -= k;
    }
    return VITRO_OK;
}

static void send_all(struct merge_stream *s, const uint8_t *p, size_t n)
{
    vitro_error err = { 0 };

    cr_assert(eq(int, give(s, p, n, &err), VITRO_OK), "%s", err.frame[0].text);
}

/* A piece of what is left, of any size. */
static size_t some(struct chance *c, size_t least, size_t most, size_t left)
{
    size_t n = seed_between(c, least, most);

    return MIN(n, left);
}

/* ---- captures to send ------------------------------------------------------------------------ */

static void conversation(struct pcap_write *w, struct chance *c, unsigned flags, uint16_t link,
                         uint16_t port)
{
    uint64_t r = vitro_chance_next(c);
    struct conversation_shape shape = {
        .calls = 1 + (unsigned)(r >> 16) % 5,
        .interleave = r & 1,
        .split = r & 2,
        .continuation = r & 4,
        .styles = r & 8,
        .controls = r & 16,
    };
    struct pcap_talk talk = { .shape = { .client_port = port }, .next = { 1000, 5000 } };
    struct conversation talked;

    conversation_make(&talked, &shape, vitro_chance_next(c), vitro_chance_next(c));
    pcap_write_init(w, flags, link);
    conversation_capture(&talked, w, &talk, c);
    conversation_done(&talked);
}

/* What a decoder says of a capture as it is. */
static char *text_of(const struct pcap_write *w)
{
    struct decoded_bytes b = { w->ptr, w->len, 0, NULL };
    vitro_decode *d = decoded_of(&b, true, NULL);
    char *text = decoded_text(d, DECODED_ALL);

    vitro_decode_free(d);
    return text;
}

/* The lines about one connection, as if it were the first. */
static char *text_of_conn(vitro_decode *d, uint32_t conn)
{
    char *all = decoded_text(d, DECODED_ALL), *text = NULL, mark[24];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool ours = false;

    snprintf(mark, sizeof mark, " c%u ", conn);
    for (char *line = all, *next; *line; line = next) {
        char *at;
        next = strchr(line, '\n') + 1;
        if (line[0] != ' ') {
            at = strchr(line, ' ');
            ours = strncmp(at, mark, strlen(mark)) == 0;
            if (ours)
                fprintf(out, "%.*s c0 %.*s", (int)(at - line), line,
                        (int)(next - at - (long)strlen(mark)), at + strlen(mark));
        } else if (ours) {
            fwrite(line, 1, (size_t)(next - line), out);
        }
    }
    fclose(out);
    free(all);
    return text;
}

/* The connection of a program: by the address that its client has. */
static uint32_t conn_of(vitro_decode *d, const char *client)
{
    for (uint32_t i = 0; *vitro_decode_endpoint(d, i, VITRO_C2S); i++) {
        if (strcmp(vitro_decode_endpoint(d, i, VITRO_C2S), client) == 0)
            return i;
    }
    cr_assert(false, "no connection of %s", client);
    return 0;
}

static void assert_told(vitro_decode *d, const char *client, const char *alone, size_t k)
{
    char *text = text_of_conn(d, conn_of(d, client));

    cr_assert(eq(int, strcmp(text, alone), 0), "%s " SEED_TEXT, client, seed_of_run(), k);
    free(text);
}

/* ---- properties ------------------------------------------------------------------------------ */

Test(merge, one_trace_passes_as_it_is_however_it_is_cut)
{
    static const uint16_t links[] = { 1, 101, 113, 276, 0 };
    struct chance c = seed_chance();

    for (size_t k = 0; k < 60; k++) {
        struct merging m;
        struct merge_stream s;
        struct pcap_write w;
        char *direct, *merged;
        vitro_decode *d;

        conversation(&w, &c, (unsigned)seed_between(&c, 0, 7), links[k % 5], 49152);
        direct = text_of(&w);
        begin(&m, false);
        merge_join(&m.merge, &s, "one", 1);
        for (size_t at = 0; at < w.len;) {
            size_t n = some(&c, 1, k % 4 ? 400 : 7, w.len - at);
            send_all(&s, w.ptr + at, n);
            at += n;
        }
        merge_leave(&s, NULL);
        d = decode(&m);
        merged = decoded_text(d, DECODED_ALL);
        cr_assert(eq(int, strcmp(direct, merged), 0), SEED_TEXT, seed_of_run(), k);
        vitro_decode_free(d);
        free(direct);
        free(merged);
        pcap_write_done(&w);
        end(&m);
    }
}

Test(merge, two_programs_that_come_interleaved_are_told_as_each_alone)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 60; k++) {
        struct merging m;
        struct merge_stream s[2];
        struct pcap_write w[2];
        char *alone[2];
        size_t at[2] = { 0, 0 };
        vitro_decode *d;

        begin(&m, true);
        for (int i = 0; i < 2; i++) { /* the same addresses and ports, as traces have them */
            conversation(&w[i], &c, PCAP_NG | (unsigned)seed_between(&c, 0, 1) * PCAP_BIG, 101,
                         49152);
            alone[i] = text_of(&w[i]);
            merge_join(&m.merge, &s[i], "p", 1);
            send_all(&s[i], w[i].ptr, 1); /* they are numbered in the order of their first bytes */
            at[i] = 1;
        }
        while (at[0] < w[0].len || at[1] < w[1].len) {
            int i = (int)seed_between(&c, 0, 1);
            size_t n = some(&c, 0, 900, w[i].len - at[i]);
            send_all(&s[i], w[i].ptr + at[i], n);
            at[i] += n;
        }
        d = decode(&m);
        assert_told(d, "192.0.2.1:49152", alone[0], k);
        assert_told(d, "198.18.0.2:49152", alone[1], k);
        vitro_decode_free(d);
        for (int i = 0; i < 2; i++) {
            merge_leave(&s[i], NULL);
            pcap_write_done(&w[i]);
            free(alone[i]);
        }
        end(&m);
    }
}

/* A sound trace with some of its bytes changed, or none of it sound. */
static void spoil(struct pcap_write *w, struct chance *c)
{
    size_t n = seed_between(c, 1, 12);

    if (seed_between(c, 0, 9) == 0)
        seed_fill(c, w->ptr, w->len);
    while (n-- > 0) {
        size_t at = seed_between(c, 0, w->len - 4);
        if (seed_between(c, 0, 2)) /* where lengths are */
            at &= ~(size_t)3;
        w->ptr[at] = (uint8_t)vitro_chance_next(c);
    }
}

Test(merge, what_is_wrong_with_one_stream_spoils_no_other)
{
    struct chance c = seed_chance();
    size_t refused = 0;

    for (size_t k = 0; k < 200; k++) {
        struct merging m;
        struct merge_stream good, bad;
        struct pcap_write w, x;
        vitro_error err = { 0 };
        bool gone = false;
        char *alone;
        vitro_decode *d;

        conversation(&w, &c, PCAP_NG, 101, 49152);
        conversation(&x, &c, PCAP_NG, 101, 50000);
        spoil(&x, &c);
        alone = text_of(&w);
        begin(&m, true);
        merge_join(&m.merge, &good, "good", 1);
        merge_join(&m.merge, &bad, "bad", 2);
        send_all(&good, w.ptr, 1);
        for (size_t at = 1, to = 0; at < w.len;) {
            size_t n = some(&c, 1, 900, w.len - at), from = to;
            to = MIN(to + n, x.len);
            if (!gone && give(&bad, x.ptr + from, to - from, &err)) {
                merge_leave(&bad, &err);
                gone = true;
                refused++;
            }
            send_all(&good, w.ptr + at, n);
            at += n;
        }
        if (!gone)
            merge_leave(&bad, NULL);
        merge_leave(&good, NULL);
        d = decode(&m);
        assert_told(d, "192.0.2.1:49152", alone, k);
        vitro_decode_free(d);
        free(alone);
        pcap_write_done(&w);
        pcap_write_done(&x);
        end(&m);
    }
    cr_expect(gt(sz, refused, 20)); /* else nothing was tried */
}

/* ---- keeping apart --------------------------------------------------------------------------- */

/* Packets of one connection as both its ends write them down, in other pieces. */
static void account_of(struct pcap_write *w, size_t mss, bool closed)
{
    static uint8_t text[5000];
    struct pcap_talk talk = { .shape = { .ip6 = true }, .mss = mss };

    pcap_write_init(w, PCAP_NG, 101);
    pcap_talk_open(w, &talk);
    pcap_talk_send(w, &talk, 0, text, sizeof text);
    pcap_talk_send(w, &talk, 1, text, sizeof text);
    if (closed)
        pcap_talk_close(w, &talk);
}

static uint64_t count_tcp(vitro_decode *d, int type)
{
    uint64_t n = 0;
    vitro_event ev;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++)
        n += ev.kind == VITRO_EVENT_TCP && ev.type == type;
    return n;
}

Test(merge, a_connection_both_of_whose_ends_are_watched_is_shown_once)
{
    struct merging m;
    struct merge_stream s[2];
    struct pcap_write w[2];
    vitro_decode_stats stats;
    vitro_decode *d;

    begin(&m, true);
    for (int i = 0; i < 2; i++) {
        account_of(&w[i], i ? 700 : 1448, true);
        merge_join(&m.merge, &s[i], "end", 1);
    }
    for (size_t at = 0; at < MAX(w[0].len, w[1].len); at += 100) {
        for (int i = 0; i < 2; i++) {
            if (at < w[i].len)
                send_all(&s[i], w[i].ptr + at, MIN(w[i].len - at, (size_t)100));
        }
    }
    d = decode(&m);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.connections, 1));
    cr_expect(eq(u64, count_tcp(d, VITRO_TCP_RETRANSMISSION), 0));
    cr_expect(eq(u64, count_tcp(d, VITRO_TCP_GAP), 0));
    cr_expect(eq(u64, count_tcp(d, VITRO_TCP_FIN), 2));
    vitro_decode_free(d);
    for (int i = 0; i < 2; i++) {
        merge_leave(&s[i], NULL);
        pcap_write_done(&w[i]);
    }
    end(&m);
}

Test(merge, when_the_end_that_shows_a_connection_leaves_the_other_goes_on)
{
    struct merging m;
    struct merge_stream s[2];
    struct pcap_write w[2];
    vitro_decode_stats stats;
    vitro_decode *d;

    begin(&m, true);
    account_of(&w[0], 1448, false);
    account_of(&w[1], 1448, true);
    merge_join(&m.merge, &s[0], "client", 1);
    merge_join(&m.merge, &s[1], "server", 2);
    send_all(&s[0], w[0].ptr, w[0].len);
    send_all(&s[1], w[1].ptr, w[0].len); /* the same so far */
    merge_leave(&s[0], NULL);
    send_all(&s[1], w[1].ptr + w[0].len, w[1].len - w[0].len);
    d = decode(&m);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.connections, 1));
    cr_expect(eq(u64, count_tcp(d, VITRO_TCP_FIN), 2));
    cr_expect(eq(u64, count_tcp(d, VITRO_TCP_GAP), 0));
    vitro_decode_free(d);
    merge_leave(&s[1], NULL);
    for (int i = 0; i < 2; i++)
        pcap_write_done(&w[i]);
    end(&m);
}

Test(merge, connections_that_have_ended_cost_nothing_for_long)
{
    struct merge_flows f = { 0 };
    struct segment s = { .src = { .family = 4 }, .dst = { .family = 4, .port = 50051 } };

    for (uint32_t i = 0; i < 1000000; i++) {
        memcpy(s.src.ip, &i, sizeof i);
        s.ts = (int64_t)i * 1000000; /* a thousand a second */
        s.flags = SEG_SYN;
        cr_assert(merge_flows_shows(&f, &s, 1));
        cr_assert(not(merge_flows_shows(&f, &s, 2)));
        s.flags = SEG_FIN;
        cr_assert(merge_flows_shows(&f, &s, 1));
        cr_assert(not(merge_flows_shows(&f, &s, 2)));
    }
    cr_expect(le(sz, f.cap, 8192));
    merge_flows_done(&f);
}

/* The sum over a checksum's input with the checksum in it: 0xffff when it is right. */
static uint32_t sum(const uint8_t *p, size_t n, uint32_t v)
{
    for (size_t i = 0; i < n; i++)
        v += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (v >> 16)
        v = (v & 0xffff) + (v >> 16);
    return v;
}

Test(merge, a_packet_with_another_address_has_the_checksums_for_it)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 500; k++) {
        struct endpoint ends[2] = { { 4, { 192, 0, 2, 1 }, 49152 },
                                    { 4, { 192, 0, 2, 2 }, 50051 } };
        uint8_t data[64], wire[256];
        vitro_bytes piece = { data, seed_between(&c, 0, sizeof data) };
        struct ip_packet p = { .from = &ends[k & 1],
                               .to = &ends[!(k & 1)],
                               .piece = &piece,
                               .n = 1,
                               .len = piece.len,
                               .seq = (uint32_t)vitro_chance_next(&c) };
        struct merging m;
        struct merge_stream s;
        struct pcap_write w;
        const uint8_t *out;
        size_t n = vitro_ip_size(&p);

        seed_fill(&c, data, sizeof data);
        vitro_ip_write(&p, wire);
        memcpy(wire + n, data, piece.len);
        n += piece.len;
        pcap_write_init(&w, PCAP_NG, 101);
        pcap_write_packet(&w, wire, n);
        begin(&m, true);
        m.merge.programs = (uint32_t)seed_between(&c, 1, 100000);
        merge_join(&m.merge, &s, "p", 1);
        send_all(&s, w.ptr, w.len);
        out = m.merge.packet;
        cr_assert(eq(int, out[12], 198), SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(u32, sum(out, 20, 0), 0xffff), SEED_TEXT, seed_of_run(), k);
        cr_assert(eq(u32, sum(out + 12, n - 12, 6 + (uint32_t)n - 20), 0xffff), SEED_TEXT,
                  seed_of_run(), k);
        merge_leave(&s, NULL);
        pcap_write_done(&w);
        end(&m);
    }
}

Test(merge, a_note_says_whose_it_is_and_what_was_lost_is_counted)
{
    static const char lost[] =
        "__REALTIME_TIMESTAMP=1\nMESSAGE=m\nVITRO_KIND=lost\nVITRO_COUNT=7\n";
    struct merging m;
    struct merge_stream s;
    struct pcap_write w;
    struct note_field f = { 0 };
    struct capture_record r;
    struct capture in;
    vitro_decode_stats stats;
    vitro_decode *d;
    bool seen = false;

    begin(&m, true);
    pcap_write_init(&w, PCAP_NG, 101);
    pcap_write_note(&w, lost, sizeof lost - 1);
    merge_join(&m.merge, &s, "chat", 42);
    send_all(&s, w.ptr, w.len);
    merge_leave(&s, NULL);
    d = decode(&m);
    vitro_capture_init(&in, decoded_lend, &m.bytes, NULL);
    while (vitro_capture_next(&in, &r, NULL) == CAPTURE_RECORD) {
        cr_assert(eq(int, r.kind, CAPTURE_NOTE));
        cr_assert(vitro_note_find(r.bytes, vitro_str_of("VITRO_PROGRAM"), &f));
        cr_expect(vitro_str_eq(f.value, vitro_str_of("1")));
        cr_assert(vitro_note_find(r.bytes, vitro_str_of("VITRO_KIND"), &f));
        seen |= vitro_str_eq(f.value, vitro_str_of("lost"));
    }
    cr_expect(seen);
    cr_expect(eq(u64, in.number, 3)); /* joined, lost, left */
    cr_expect(eq(u64, m.feed.live.missed, 7));
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.missed, 7));
    cr_expect(eq(u64, m.feed.live.joined, 1));
    cr_expect(eq(u64, m.feed.live.programs, 0));
    vitro_capture_done(&in);
    vitro_decode_free(d);
    pcap_write_done(&w);
    end(&m);
}

Test(merge, a_note_names_the_ends_of_a_connection_as_its_packets_do)
{
    static const char note[] =
        "__REALTIME_TIMESTAMP=1\n"
        "MESSAGE=between 192.0.2.1:49153 and 192.0.2.2:50051, not 192.0.2.3:1\n"
        "VITRO_KIND=goes_on\nVITRO_CLIENT=192.0.2.1:49153\n"
        "VITRO_SERVER=192.0.2.2:50051\nVITRO_REASON=192.0.2.1:1\n";
    static const char *const is[] = {
        "MESSAGE=[3] between 198.18.0.4:49153 and 198.18.0.5:50051, not 192.0.2.3:1\n",
        "VITRO_CLIENT=198.18.0.4:49153\n",
        "VITRO_SERVER=198.18.0.5:50051\n",
        "VITRO_REASON=192.0.2.1:1\n", /* what a peer has said is left */
        "VITRO_PROGRAM=3\n",
    };
    struct merging m;
    struct merge_stream s;
    struct pcap_write w;

    begin(&m, true);
    m.merge.programs = 2;
    pcap_write_init(&w, PCAP_NG, 101);
    pcap_write_note(&w, note, sizeof note - 1);
    merge_join(&m.merge, &s, "chat", 42);
    send_all(&s, w.ptr, w.len);
    merge_leave(&s, NULL);
    vitro_decode_free(decode(&m));
    for (size_t i = 0; i < ARRAY_LEN(is); i++)
        cr_expect(memmem(m.bytes.ptr, m.bytes.len, is[i], strlen(is[i])) != NULL, "%s", is[i]);
    pcap_write_done(&w);
    end(&m);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

Test(merge, a_thousand_programs_one_after_another_leave_nothing_behind)
{
    struct merging m;
    vitro_decode_stats stats;
    vitro_decode *d;

    begin(&m, true);
    for (unsigned k = 0; k < 1000; k++) {
        struct chance c = seed_chance();
        struct merge_stream s;
        struct pcap_write w;
        conversation(&w, &c, PCAP_NG, 101, 49152);
        merge_join(&m.merge, &s, "p", k);
        send_all(&s, w.ptr, k % 3 ? w.len : w.len / 2);
        merge_leave(&s, NULL);
        pcap_write_done(&w);
    }
    cr_expect(eq(u32, m.merge.interfaces, 1));
    d = decode(&m);
    vitro_decode_stats_get(d, &stats);
    cr_expect(eq(u64, stats.connections, 1000));
    vitro_decode_free(d);
    end(&m);
}

/* A block that says it is this long, and as much of it. */
static vitro_code send_block(struct merge_stream *s, uint32_t type, uint32_t len, vitro_error *err)
{
    static uint8_t zeros[65536];
    struct pcap_write w;
    uint8_t head[8];
    vitro_code rc;

    pcap_write_init(&w, PCAP_NG, 101);
    rc = s->capture.at ? VITRO_OK : give(s, w.ptr, w.len, err);
    pcap_write_done(&w);
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(type >> 8 * i);
        head[4 + i] = (uint8_t)(len >> 8 * i);
    }
    if (!rc)
        rc = give(s, head, 8, err);
    for (uint32_t at = 8; !rc && at < len - 4; at += sizeof zeros)
        rc = give(s, zeros, MIN(sizeof zeros, len - 4 - at), err);
    return rc ? rc : give(s, head + 4, 4, err);
}

Test(merge, a_block_that_no_decoder_takes_is_refused)
{
    static const uint32_t types[] = { 6, 9, 10, 12345 };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct merging m;
        struct merge_stream s;
        vitro_error err = { 0 };

        begin(&m, true);
        merge_join(&m.merge, &s, "p", 1);
        cr_expect(ne(int, send_block(&s, types[i], 64 * 1024 * 1024, &err), VITRO_OK));
        cr_expect(strstr(err.frame[0].text, "16 MiB") != NULL, "%s", err.frame[0].text);
        merge_leave(&s, &err);
        vitro_decode_free(decode(&m));
        end(&m);
    }
}

/* A note of so many bytes, with an end that is no padding. */
static vitro_code give_note(struct merging *m, size_t size)
{
    char *entry = malloc(size);
    vitro_error err = { 0 };
    struct merge_stream s;
    struct pcap_write w;
    vitro_code rc;

    memset(entry, 'x', size);
    memcpy(entry, "MESSAGE=", 8);
    pcap_write_init(&w, PCAP_NG, 101);
    pcap_write_note(&w, entry, size);
    merge_join(&m->merge, &s, "p", 1);
    rc = give(&s, w.ptr, w.len, &err);
    cr_expect(rc || m->merge.buffers <= 128 * 1024, "a buffer as large as it was needed once");
    merge_leave(&s, rc ? &err : NULL);
    vitro_decode_free(decode(m));
    pcap_write_done(&w);
    free(entry);
    return rc;
}

Test(merge, a_note_as_large_as_may_be_still_passes_with_what_is_added)
{
    struct merging m;

    begin(&m, true);
    cr_expect(eq(int, give_note(&m, MERGE_BLOCK - 2048), VITRO_OK));
    cr_expect(eq(int, give_note(&m, MERGE_BLOCK - 12), VITRO_INVALID_ARGUMENT));
    end(&m);
}

Test(merge, all_streams_together_are_bounded)
{
    static const uint8_t head[8] = { 9, 0, 0, 0, 0, 0, 0xf0, 0 }; /* a note of 15 MiB */
    static struct merge_stream all[32];
    struct merging m;
    size_t refused = 0;

    begin(&m, true);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        vitro_error err = { 0 };
        static uint8_t zeros[65536];
        merge_join(&m.merge, &all[i], "p", 1);
        cr_assert(eq(int, send_block(&all[i], 12345, 20, &err), VITRO_OK));
        cr_assert(eq(int, give(&all[i], head, sizeof head, &err), VITRO_OK));
        for (size_t at = 8; at < 15 * 1024 * 1024; at += sizeof zeros) {
            if (give(&all[i], zeros, sizeof zeros, &err)) {
                refused++;
                break;
            }
        }
        cr_assert(le(sz, m.merge.buffers, MERGE_BUFFERS + ARRAY_LEN(all) * 65536));
    }
    cr_expect(gt(sz, refused, 20));
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        merge_leave(&all[i], NULL);
    end(&m);
}
