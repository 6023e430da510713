/* Files of what the screen shows: which packets, which formats, and over which files. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "support/conversation.h"
#include "support/play.h"
#include "ui/write_pcapng.h"

static void write_to(struct play *p, const char *directory, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", directory, name);
    play_keys(p, "w");
    play_keys(p, path);
    play_key(p, UI_ENTER);
}

static struct decoded_bytes read_file(const char *path)
{
    static uint8_t bytes[1 << 16];
    FILE *in = fopen(path, "r");
    struct decoded_bytes out = { .ptr = bytes };

    cr_assert(in != NULL, "%s", path);
    out.len = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    return out;
}

Test(write, all_of_a_capture_is_written_as_it_was)
{
    static struct play p;
    char directory[] = "/tmp/vitro-write-XXXXXX", path[128];
    struct decoded_bytes got;

    play_begin(&p, 80, 24);
    mkdtemp(directory);
    write_to(&p, directory, "a.pcapng", path);
    SEES(&p, "packets written");
    got = read_file(path);
    cr_expect(eq(sz, got.len, p.h.w.len));
    cr_expect(eq(int, memcmp(got.ptr, p.h.w.ptr, got.len), 0));
    unlink(path);
    rmdir(directory);
    play_end(&p);
}

Test(write, with_a_filter_the_packets_of_what_is_shown_are_written)
{
    static struct play p;
    char directory[] = "/tmp/vitro-write-XXXXXX", path[128];
    struct decoded_bytes got;
    vitro_decode *d;
    vitro_event ev;
    vitro_code code;
    unsigned of_three = 0, of_one = 0;

    play_begin(&p, 80, 24);
    mkdtemp(directory);
    play_keys(&p, "&http2.streamid == 3\n");
    cr_assert(eq(sz, model_count(&p.ui.m), 1));
    write_to(&p, directory, "b.pcapng", path);
    SEES(&p, "1 packet written");
    got = read_file(path);
    d = decoded_of(&got, true, &code);
    cr_expect(eq(int, code, VITRO_OK));
    for (uint32_t i = 1; vitro_decode_event(d, i, &ev); i++) {
        of_three += ev.stream == 3;
        of_one += ev.stream == 1;
    }
    cr_expect(eq(uint, of_three, 1));
    cr_expect(eq(uint, of_one, 0));
    vitro_decode_free(d);
    unlink(path);
    rmdir(directory);
    play_end(&p);
}

/* Whatever the format, what was written decodes to the same. */
Test(write, a_capture_of_any_format_comes_out_the_same)
{
    static const unsigned formats[] = { PCAP_NG,  PCAP_NG | PCAP_BIG, 0,
                                        PCAP_BIG, PCAP_NANO,          PCAP_NANO | PCAP_BIG };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct conversation c;
        struct pcap_write w;
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct decoded_bytes from, to;
        struct model m;
        vitro_decode *a, *b;
        vitro_code code;
        char *text, *again, *bytes = NULL;
        size_t size;
        FILE *out = open_memstream(&bytes, &size);

        conversation_make(&c, &(struct conversation_shape){ .calls = 5, .split = true },
                          seed_of_run() + i, 1);
        pcap_write_init(&w, formats[i], 1);
        conversation_capture(&c, &w, &talk, NULL);
        from = (struct decoded_bytes){ .ptr = w.ptr, .len = w.len };
        a = decoded_of(&from, true, &code);
        model_init(&m, a, VITRO_ENGLISH, "a");
        cr_expect(eq(i64, write_pcapng(&m, out), (int64_t)w.packets));
        fclose(out);
        to = (struct decoded_bytes){ .ptr = (uint8_t *)bytes, .len = size };
        b = decoded_of(&to, true, &code);
        cr_expect(eq(int, code, VITRO_OK));
        text = decoded_text(a, DECODED_ALL);
        again = decoded_text(b, DECODED_ALL);
        cr_expect(eq(str, text, again));
        for (uint32_t n = 1; n <= vitro_decode_count(a); n++) {
            vitro_event one, two;
            cr_assert(vitro_decode_event(a, n, &one) && vitro_decode_event(b, n, &two));
            cr_expect(eq(i64, one.time, two.time));
            cr_expect(eq(u32, one.packet, two.packet));
        }
        model_done(&m);
        vitro_decode_free(a);
        vitro_decode_free(b);
        free(text);
        free(again);
        free(bytes);
        pcap_write_done(&w);
        conversation_done(&c);
    }
}

/* For each event alone: the packets that hold its bytes are there, and decode to those bytes. */
Test(write, the_packets_of_an_event_hold_all_its_bytes)
{
    struct conversation c;
    struct pcap_write w;
    struct pcap_talk talk = { .next = { 1, 1 }, .mss = 50 };
    struct decoded_bytes from;
    struct model m;
    vitro_decode *d;
    vitro_code code;

    conversation_make(&c, &(struct conversation_shape){ .calls = 3, .message_max = 400 },
                      seed_of_run(), 2);
    pcap_write_init(&w, PCAP_NG, 1);
    conversation_capture(&c, &w, &talk, NULL);
    from = (struct decoded_bytes){ .ptr = w.ptr, .len = w.len };
    d = decoded_of(&from, true, &code);
    model_init(&m, d, VITRO_ENGLISH, "a");
    cr_assert(model_filter(&m, "http2", NULL));
    for (uint32_t n = 1; n <= vitro_decode_count(d); n++) {
        vitro_event ev;
        char *bytes = NULL;
        uint8_t want[8192];
        size_t size, len, tcp = 0;
        FILE *out = open_memstream(&bytes, &size);
        vitro_span span;

        cr_assert(vitro_decode_event(d, n, &ev));
        span = vitro_event_span(&ev);
        if (ev.kind != VITRO_EVENT_FRAME || span.length > sizeof want) {
            fclose(out);
            free(bytes);
            continue;
        }
        m.shown_count = 1;
        m.shown[0] = n;
        cr_assert(gt(i64, write_pcapng(&m, out), 0));
        fclose(out);
        len = vitro_decode_bytes(d, &span, 0, want, sizeof want, NULL);
        /* The payloads, one behind the other: Ethernet, IPv4 and TCP take 54 bytes. */
        uint8_t *flat = malloc(size + 1);
        for (size_t at = 0; at + 12 <= size;) {
            uint32_t type, block, captured;
            memcpy(&type, bytes + at, 4);
            memcpy(&block, bytes + at + 4, 4);
            memcpy(&captured, bytes + at + 20, 4);
            if (type == 6 && captured > 54) {
                memcpy(flat + tcp, bytes + at + 28 + 54, captured - 54);
                tcp += captured - 54;
            }
            at += block;
        }
        cr_expect(ne(ptr, memmem(flat, tcp, want, len), NULL), SEED_TEXT, seed_of_run(), (size_t)n);
        free(flat);
        free(bytes);
    }
    model_done(&m);
    vitro_decode_free(d);
    pcap_write_done(&w);
    conversation_done(&c);
}

Test(write, before_anything_came_there_is_nothing_to_write)
{
    struct decoded_bytes nothing = { .ptr = (const uint8_t *)"" };
    struct ui ui;
    vitro_code code;
    vitro_decode *d = decoded_of(&nothing, true, &code);
    char path[] = "/tmp/vitro-nothing-XXXXXX", name[64];

    cr_assert(mkdtemp(path) != NULL);
    rmdir(path);
    ui_init(&ui, d, VITRO_ENGLISH, "-");
    snprintf(name, sizeof name, "%s.pcapng", path);
    ui_write(&ui, name, false);
    cr_expect(ne(ptr, strstr(ui.m.message, "No data available"), NULL), "%s", ui.m.message);
    cr_expect(ne(int, access(name, F_OK), 0));
    ui_done(&ui);
    vitro_decode_free(d);
}

Test(write, what_is_there_is_only_written_over_when_that_was_said)
{
    static struct play p;
    char directory[] = "/tmp/vitro-write-XXXXXX", path[128];
    struct decoded_bytes got;

    play_begin(&p, 120, 24);
    mkdtemp(directory);
    write_to(&p, directory, "c.txt", path);
    SEES(&p, "events written");
    truncate(path, 0);
    write_to(&p, directory, "c.txt", path);
    SEES(&p, "write over it?");
    play_key(&p, 'n');
    SEES(&p, "nothing written");
    got = read_file(path);
    cr_expect(eq(sz, got.len, 0));
    play_keys(&p, "w");
    play_key(&p, UI_UP);
    play_keys(&p, "\ny");
    got = read_file(path);
    cr_expect(gt(sz, got.len, 500));
    write_to(&p, directory, "no/d.json", path);
    SEES(&p, "No such file or directory");
    write_to(&p, directory, "e.doc", path);
    SEES(&p, "the name says the form");
    snprintf(path, sizeof path, "%s/c.txt", directory);
    unlink(path);
    cr_expect(eq(int, rmdir(directory), 0)); /* nothing else was left behind */
    play_end(&p);
}
