/*
 * What TLS has sealed is told as if it was plain, once its secrets are known, with the way from a
 * field down to the packets.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/decoded.h"
#include "support/sealed.h"

Test(decode_tls, what_was_sealed_is_told_as_what_was_plain)
{
    struct chance c = seed_chance();

    for (size_t k = 0; k < 4 * SEALED_SUITES; k++) {
        struct conversation_shape shape = sealed_any_talk(&c);
        struct chance cut = c;
        struct sealed_shape seal = sealed_any(&c, k, &cut);
        struct conversation plain;
        struct sealed sealed;
        char *text[2];
        conversation_make(&plain, &shape, vitro_chance_next(&c), k);
        sealed_make(&sealed, &plain, &seal);
        text[0] = sealed_text(&plain, NULL, k, DECODED_OPENED, k);
        text[1] = sealed_text(&sealed.wire, &sealed.log, k % 3 ? 100 + k : 0, DECODED_OPENED, k);
        cr_assert(eq(str, text[0], text[1]), SEED_TEXT, seed_of_run(), k);
        free(text[0]);
        free(text[1]);
        sealed_done(&sealed);
        conversation_done(&plain);
    }
}

/* How many events of a kind there are; a kind of no event: those that have a reason by this name.
 */
static unsigned count_of(const vitro_decode *d, vitro_event_kind kind, const char *why)
{
    vitro_event ev;
    unsigned n = 0;

    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++)
        n += why ? ev.why && strcmp(vitro_decode_why(ev.why), why) == 0 : ev.kind == kind;
    return n;
}

Test(decode_tls, early_data_that_the_server_refuses_is_told_and_all_of_it_again_behind)
{
    for (size_t i = 0; i < 3; i++) {
        struct conversation_shape shape = { .calls = 2, .method = 1 };
        struct sealed_shape seal = { .suite = sealed_suites[i], .early = EARLY_REFUSED };
        struct conversation plain;
        struct decoded_bytes b;
        struct sealed sealed;
        struct pcap_write w;
        vitro_decode_stats stats;
        vitro_decode *d;
        conversation_make(&plain, &shape, 1, 1);
        sealed_make(&sealed, &plain, &seal);
        sealed_capture(&w, &sealed.wire, &sealed.log, 0);
        d = sealed_decode(&w, &b);
        decoded_assert_tiled(d, i);
        vitro_decode_stats_get(d, &stats);
        cr_expect(eq(uint, count_of(d, VITRO_EVENT_PREFACE, NULL), 2));
        cr_expect(eq(uint, count_of(d, VITRO_EVENT_UNKNOWN, NULL), 0));
        cr_expect(gt(u64, stats.frames, plain.frames));
        cr_expect(ge(u64, stats.messages, plain.messages));
        cr_expect(eq(uint,
                     count_of(d, 0,
                              "TLS: the server refused the early data (0-RTT): the client says "
                              "all again from here on"),
                     1));
        vitro_decode_free(d);
        pcap_write_done(&w);
        sealed_done(&sealed);
        conversation_done(&plain);
    }
}

/* The titles of the first record of data of each direction, when it is told. */
struct first_data {
    struct decoded_bytes bytes; /* is lent */
    char title[2][64];
};

static void note_title(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct first_data *first = user;
    vitro_detail dt;

    if (ev->kind != VITRO_EVENT_TLS || !(ev->flags & VITRO_TLS_OPENED) || ev->type != 23 ||
        first->title[ev->dir][0])
        return;
    cr_assert(eq(int, vitro_decode_detail(d, ev, &dt, NULL), VITRO_OK));
    snprintf(first->title[ev->dir], sizeof first->title[0], "%.*s", (int)dt.title.len,
             dt.title.ptr);
}

Test(decode_tls, a_record_is_told_with_what_it_opens_to)
{
    struct conversation_shape shape = { .calls = 1, .method = 1 };
    struct first_data first = { .bytes = { NULL, 0, 0, NULL } };
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    struct conversation plain;
    struct sealed sealed;
    struct pcap_write w;
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&sealed, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    sealed_capture(&w, &sealed.wire, &sealed.log, 0);
    options.lend = decoded_lend;
    options.on_event = note_title;
    options.user = &first;
    first.bytes = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
    cr_assert(eq(int, vitro_decode_new(&d, &options, NULL), VITRO_OK));
    cr_assert(eq(int, vitro_decode_finish(d, NULL), VITRO_OK));
    for (int dir = 0; dir < 2; dir++)
        cr_expect(strstr(first.title[dir], " -> HTTP/2") != NULL, "%d: %s", dir, first.title[dir]);
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&sealed);
    conversation_done(&plain);
}

/* ---- The cursor ----------------------------------------------------------------------------- */

/* The first event of a kind, from one on; false when there is none. */
static bool next_event(const vitro_decode *d, uint32_t from, uint8_t kind, vitro_event *ev)
{
    while (vitro_decode_event(d, from++, ev)) {
        if (ev->kind == kind)
            return true;
    }
    return false;
}

/* One step down, to a source that is expected; the span is one run. */
static vitro_span down(const vitro_decode *d, vitro_span span, vitro_source to)
{
    vitro_span below;

    cr_assert(eq(sz, vitro_decode_parts(d, &span, &below, 1), 1));
    cr_assert(eq(int, below.source, to));
    cr_assert(eq(u64, below.length, span.length));
    return below;
}

static vitro_event found(const vitro_decode *d, vitro_span at)
{
    vitro_event ev;

    cr_assert(vitro_decode_event(d, vitro_decode_find(d, &at), &ev));
    return ev;
}

Test(decode_tls, a_cursor_walks_from_a_field_through_records_to_packets_and_back)
{
    struct conversation_shape shape = { .calls = 1, .method = 1 };
    struct conversation plain;
    struct sealed s;
    struct decoded_bytes b;
    struct pcap_write w;
    vitro_event pb, data, record;
    vitro_span span;
    char name[32];
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1301 });
    sealed_capture(&w, &s.wire, &s.log, 0);
    d = sealed_decode(&w, &b);
    cr_assert(next_event(d, 1, VITRO_EVENT_PROTOBUF, &pb));
    span = down(d, vitro_event_span(&pb), VITRO_SOURCE_TLS);
    vitro_span_name(&span, name, sizeof name);
    cr_expect(eq(str, name, "tls:0:c2s"));
    data = found(d, span);
    cr_expect(eq(int, data.kind, VITRO_EVENT_FRAME));
    cr_expect(eq(u8, data.source, VITRO_SOURCE_TLS));
    span = down(d, span, VITRO_SOURCE_DIRECTION);
    record = found(d, span);
    cr_expect(eq(int, record.kind, VITRO_EVENT_TLS));
    cr_expect(eq(u8, record.type, RECORD_APPLICATION_DATA));
    cr_expect(eq(u32, data.parent, record.number));
    span = down(d, span, VITRO_SOURCE_CAPTURE);
    cr_expect(eq(u32, found(d, span).number, data.number));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}

Test(decode_tls, what_a_sealed_handshake_record_holds_is_a_source)
{
    struct conversation_shape shape = { .calls = 1 };
    struct conversation plain;
    struct sealed s;
    struct decoded_bytes b;
    struct pcap_write w;
    unsigned records = 0;
    vitro_event ev;
    vitro_decode *d;

    conversation_make(&plain, &shape, 1, 1);
    sealed_make(&s, &plain, &(struct sealed_shape){ .suite = 0x1303, .fragment = 512 });
    sealed_capture(&w, &s.wire, &s.log, 0);
    d = sealed_decode(&w, &b);
    for (uint32_t n = 1; next_event(d, n, VITRO_EVENT_TLS, &ev); n = ev.number + 1) {
        uint8_t text[4], wire[4];
        vitro_detail dt;
        vitro_span span = { .source = VITRO_SOURCE_RECORD, .length = 4, .conn = 0 };
        if (ev.type != RECORD_HANDSHAKE || !(ev.flags & VITRO_TLS_OPENED))
            continue;
        span.dir = ev.dir;
        span.id = ev.detail;
        cr_assert(eq(sz, vitro_decode_bytes(d, &span, 0, text, 4, NULL), 4));
        if (ev.rope == 0)
            cr_expect(text[0] && text[0] <= 24, "the type of a handshake message");
        span = down(d, span, VITRO_SOURCE_DIRECTION);
        cr_expect(eq(u64, span.offset, ev.offset + RECORD_HEAD_LEN));
        cr_assert(eq(sz, vitro_decode_bytes(d, &span, 0, wire, 4, NULL), 4));
        cr_expect(ne(int, memcmp(text, wire, 4), 0));
        cr_expect(eq(u32, found(d, span).number, ev.number));
        cr_assert(eq(int, vitro_decode_detail(d, &ev, &dt, NULL), VITRO_OK));
        cr_expect(eq(int, dt.items[dt.count - 1].span.source, VITRO_SOURCE_RECORD));
        records++;
    }
    cr_expect(gt(uint, records, 3));
    vitro_decode_free(d);
    pcap_write_done(&w);
    sealed_done(&s);
    conversation_done(&plain);
}
