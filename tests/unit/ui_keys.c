/* Keys, prompts, the mouse, the configuration and what is written, played without a terminal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "support/conversation.h"
#include "support/play.h"
#include "ui/config.h"
#include "ui/view.h"
#include "ui/write_pcapng.h"

/* ---- keys ------------------------------------------------------------------------------------ */

Test(keymap, every_key_and_action_is_found_by_its_name)
{
    struct keymap map;
    char name[ACTION_NAME], key[KEY_NAME];

    keymap_init(&map);
    for (int a = 1; a < ACT_COUNT; a++) {
        keymap_action_name((enum action)a, name);
        cr_expect(eq(int, keymap_find(vitro_str_of(name)), a), "%s", name);
        for (int k = 0; k < KEYS_OF_ONE; k++) {
            int bound = map.keys[a][k];
            if (!bound)
                continue;
            keymap_name(bound, key);
            cr_expect(eq(int, keymap_key(vitro_str_of(key)), bound), "%s", key);
            cr_expect(eq(int, keymap_action(&map, bound), a), "%s is bound twice", key);
        }
    }
    cr_expect(eq(int, keymap_key(vitro_str_of("ㅂ")), 0x3142));
    cr_expect(eq(int, keymap_key(vitro_str_of("xx")), 0));
    cr_expect(eq(int, keymap_key(vitro_str_of("\x1b")), 0));
    cr_expect(eq(int, keymap_find(vitro_str_of("none")), ACT_NONE));
}

Test(keymap, a_key_that_is_bound_anew_does_that_alone)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, ":bind x quit\n");
    play_keys(&p, ":bind q none\n");
    play_key(&p, 'q');
    cr_expect(not(p.ui.quit));
    play_key(&p, '?');
    SEES(&p, "x            back, at last out");
    play_key(&p, '?');
    SEES(&p, " x quit");
    play_key(&p, 'x');
    cr_expect(p.ui.quit);
    play_end(&p);
}

Test(keymap, help_is_searched)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "?/wheel");
    SEES(&p, "the mouse on and off");
    cr_expect(not(play_sees(&p, "next pane")));
    play_key(&p, UI_ESCAPE);
    SEES(&p, "next pane");
    play_keys(&p, "/zzz\n");
    SEES(&p, "no key does that");
    play_key(&p, 'q');
    SEES(&p, "[events]");
    play_end(&p);
}

/* ---- what is typed --------------------------------------------------------------------------- */

Test(prompt, a_line_is_edited_by_characters_whatever_their_bytes)
{
    struct edit e;

    edit_set(&e, "안녕 abc");
    edit_key(&e, UI_CTRL_W);
    cr_expect(eq(str, e.text, "안녕 "));
    edit_key(&e, UI_HOME);
    edit_key(&e, UI_RIGHT);
    edit_put(&e, 0x10348);
    cr_expect(eq(str, e.text, "안𐍈녕 "));
    edit_key(&e, UI_DELETE);
    edit_key(&e, UI_BACKSPACE);
    cr_expect(eq(str, e.text, "안 "));
    edit_key(&e, UI_END);
    edit_key(&e, UI_CTRL_U);
    cr_expect(eq(str, e.text, ""));
    edit_key(&e, UI_BACKSPACE);
    edit_key(&e, UI_LEFT);
    edit_put(&e, 0x1b);
    edit_put(&e, 0x202e);
    cr_expect(eq(str, e.text, ""));
    for (int i = 0; i < 300; i++)
        edit_put(&e, 0xc548);
    cr_expect(eq(sz, strlen(e.text), (PROMPT_TEXT - 1) / 3 * 3));
}

Test(prompt, what_was_typed_comes_back_with_up_and_down)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "/one\n/two\n/one\n/thr");
    play_key(&p, UI_UP);
    cr_expect(eq(str, p.ui.edit.text, "one"));
    play_key(&p, UI_UP);
    cr_expect(eq(str, p.ui.edit.text, "two"));
    play_key(&p, UI_UP);
    cr_expect(eq(str, p.ui.edit.text, "two"));
    play_key(&p, UI_DOWN);
    play_key(&p, UI_DOWN);
    cr_expect(eq(str, p.ui.edit.text, "thr"));
    play_key(&p, UI_ESCAPE);
    play_keys(&p, ":theme light\n:");
    play_key(&p, UI_UP);
    cr_expect(eq(str, p.ui.edit.text, "theme light"));
    play_end(&p);
}

Test(prompt, commands_are_completed_and_their_words_are_shown)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, ":");
    SEES(&p, "theme language mouse ascii bind");
    play_keys(&p, "th\tl\t");
    cr_expect(eq(str, p.ui.edit.text, "theme light "));
    play_key(&p, UI_ENTER);
    cr_expect(eq(int, p.ui.theme, THEME_LIGHT));
    play_keys(&p, ":bind F7 filter-i\t\n");
    cr_expect(eq(int, keymap_action(&p.ui.keys, UI_F1 + 6), ACT_FILTER_INVERT));
    play_keys(&p, ":theme pink\n");
    SEES(&p, "theme: dark light plain");
    play_keys(&p, ":dance\n");
    SEES(&p, "no such command");
    play_end(&p);
}

Test(prompt, a_long_line_shows_where_it_is_edited)
{
    static struct play p;

    play_begin(&p, 60, 10);
    play_keys(&p, "/");
    for (int i = 0; i < 100; i++)
        play_key(&p, i == 99 ? 'Z' : 'a');
    SEES(&p, "aZ");
    play_end(&p);
}

Test(filter_keys, a_filter_is_turned_round_and_back)
{
    static struct play p;
    size_t all, some;

    play_begin(&p, 80, 24);
    all = model_count(&p.ui.m);
    play_key(&p, '!');
    SEES(&p, "no filter yet");
    play_keys(&p, "&http2.type == 1\n");
    some = model_count(&p.ui.m);
    play_key(&p, '!');
    cr_expect(eq(sz, model_count(&p.ui.m), all - some));
    cr_expect(eq(str, p.ui.m.filter_text, "!(http2.type == 1)"));
    play_key(&p, '!');
    cr_expect(eq(sz, model_count(&p.ui.m), some));
    cr_expect(eq(str, p.ui.m.filter_text, "http2.type == 1"));
    /* Not one negation, though it begins and ends like one. */
    play_keys(&p, "&");
    play_key(&p, UI_CTRL_U);
    play_keys(&p, "!(http2.type == 1) || (http2.type == 0)\n!");
    cr_expect(eq(str, p.ui.m.filter_text, "!(!(http2.type == 1) || (http2.type == 0))"));
    play_end(&p);
}

Test(filter_keys, the_filter_is_seen_whatever_the_name_of_the_capture)
{
    static struct play p;

    play_begin(&p, 80, 24);
    p.ui.m.name = "/home/somebody/captures/of/a/long/day/in/a/deep/folder/a.pcapng";
    play_keys(&p, "&http2.type == 1\n");
    SEES(&p, " vitro  a.pcapng  & http2.type == 1");
    play_end(&p);
}

Test(marks, a_mark_is_gone_to_and_two_ticks_come_back_from_any_jump)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "]]]ma");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, "G''");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, "''");
    cr_expect(eq(u32, p.ui.m.pick, vitro_decode_count(p.h.decode)));
    play_keys(&p, "'a");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, ":7\n''");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, "/grpc-status\n''");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, "'z");
    SEES(&p, "no such mark");
    play_keys(&p, "mZ");
    SEES(&p, "marks are a to z");
    play_end(&p);
}

/* ---- panes and the mouse --------------------------------------------------------------------- */

Test(panes, fences_move_and_every_pane_keeps_some_room)
{
    static struct play p;

    for (int w = UI_MIN_WIDTH; w <= 140; w += 40) {
        play_begin(&p, w, w / 3);
        for (const char *k = "><}{"; *k; k++) {
            for (int i = 0; i < 200; i++)
                play_key(&p, *k);
            for (int pane = 0; pane < PANE_COUNT; pane++) {
                struct area a = ui_pane(&p.ui, NULL, (enum pane)pane);
                cr_expect(a.h >= 3 && a.w >= 19, "pane %d: %dx%d", pane, a.w, a.h);
            }
        }
        play_end(&p);
    }
}

static void click(struct play *p, enum pane pane, int row, int column)
{
    struct area a = ui_pane(&p->ui, NULL, pane);

    ui_mouse(&p->ui, MOUSE_CLICK, a.y + row, a.x + column);
    play_show(p);
}

Test(mouse, a_click_selects_in_each_pane)
{
    static struct play p;
    const vitro_event *headers;

    play_begin(&p, 80, 24);
    headers = hand_frame(&p.h, 1, 0, 0);
    click(&p, PANE_EVENTS, (int)headers->number, 5);
    cr_expect(eq(u32, p.ui.m.pick, headers->number));
    click(&p, PANE_TREE, 2, 3);
    cr_expect(eq(int, p.ui.m.focus, PANE_TREE));
    cr_expect(eq(sz, p.ui.m.line, 1));
    click(&p, PANE_BYTES, 1, 6 + 3 * 3);
    cr_expect(eq(int, p.ui.m.focus, PANE_BYTES));
    cr_expect(eq(u64, p.ui.m.byte, 3));
    click(&p, PANE_BYTES, 2, 6 + 8 * 3 + 1 + 2); /* in the text */
    cr_expect(eq(u64, p.ui.m.byte, 10));
    click(&p, PANE_INFO, 0, 0);
    cr_expect(eq(int, p.ui.m.focus, PANE_INFO));
    click(&p, PANE_EVENTS, 0, 0); /* the head */
    cr_expect(eq(u32, p.ui.m.pick, headers->number));
    play_end(&p);
}

Test(mouse, the_wheel_scrolls_what_it_is_over)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "2");
    ui_mouse(&p.ui, MOUSE_WHEEL_DOWN, 3, 3);
    cr_expect(eq(u32, p.ui.m.pick, 4));
    cr_expect(eq(int, p.ui.m.focus, PANE_TREE));
    ui_mouse(&p.ui, MOUSE_WHEEL_UP, 3, 3);
    cr_expect(eq(u32, p.ui.m.pick, 1));
    play_key(&p, '?');
    ui_mouse(&p.ui, MOUSE_WHEEL_DOWN, 3, 3);
    cr_expect(eq(sz, p.ui.help_top, 3));
    ui_mouse(&p.ui, MOUSE_CLICK, 3, 3);
    cr_expect(not(p.ui.help));
    play_end(&p);
}

Test(mouse, every_hint_is_clickable)
{
    static struct play p;

    play_begin(&p, 120, 24);
    ui_mouse(&p.ui, MOUSE_CLICK, 23, 2);
    cr_expect(p.ui.help);
    play_key(&p, UI_ESCAPE);
    for (size_t i = 0; i < p.ui.hint_count; i++) {
        if (p.ui.hints[i].action == ACT_EVENT_ON)
            ui_mouse(&p.ui, MOUSE_CLICK, 23, p.ui.hints[i].from + 1);
    }
    cr_expect(eq(u32, p.ui.m.pick, 2));
    play_end(&p);
}

Test(mouse, any_point_of_any_screen_is_safe)
{
    static struct play p;

    play_begin(&p, 80, 24);
    for (int w = 1; w <= 130; w += 43) {
        play_size(&p, w, w / 2);
        for (int y = -1; y <= p.ui.h; y++) {
            for (int x = -1; x <= p.ui.w; x += 3) {
                ui_mouse(&p.ui, (enum mouse)((x + y + 2) % 3), y, x);
                p.ui.prompt = 0;
                p.ui.quit = false;
            }
        }
        play_show(&p);
    }
    play_end(&p);
}

/* ---- the configuration ----------------------------------------------------------------------- */

static void configure(struct ui *ui, const char *text, char *said, size_t size)
{
    char path[] = "/tmp/vitro-config-XXXXXX";
    int fd = mkstemp(path), keep = dup(STDERR_FILENO), into;
    FILE *err = tmpfile();
    size_t n;

    cr_assert(eq(sz, (size_t)write(fd, text, strlen(text)), strlen(text)));
    close(fd);
    into = fileno(err);
    dup2(into, STDERR_FILENO);
    config_read_file(ui, path);
    fflush(stderr);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(err);
    n = fread(said, 1, size - 1, err);
    said[n] = 0;
    fclose(err);
    unlink(path);
}

Test(config, what_can_be_meant_is_used_and_the_rest_told_with_its_line)
{
    static struct play p;
    char said[2048], line[4096];

    play_begin(&p, 80, 24);
    configure(&p.ui,
              "# mine\n\n  theme light  \nlanguage ko\r\nmouse on\nbind x quit-all\nascii on", said,
              sizeof said);
    cr_expect(eq(str, said, ""));
    cr_expect(eq(int, p.ui.theme, THEME_LIGHT));
    cr_expect(eq(int, p.ui.m.language, VITRO_KOREAN));
    cr_expect(p.ui.mouse && p.ui.ascii);
    cr_expect(eq(int, keymap_action(&p.ui.keys, 'x'), ACT_QUIT_ALL));
    memset(line, 'a', sizeof line);
    snprintf(line + 1000, sizeof line - 1000,
             "\ntheme \x1b[31m\nq\nbind\nbind x\nbind xx q\nmouse off");
    configure(&p.ui, line, said, sizeof said);
    cr_expect(not(p.ui.mouse));
    cr_expect(eq(int, keymap_action(&p.ui.keys, 'x'), ACT_QUIT_ALL));
    cr_expect(ne(ptr, strstr(said, ":1: the line is too long; the rest is used\n"), NULL), "%s",
              said);
    cr_expect(ne(ptr, strstr(said, ":2: theme: dark light plain"), NULL), "%s", said);
    cr_expect(ne(ptr, strstr(said, ":3: q: no such setting"), NULL), "%s", said);
    cr_expect(ne(ptr, strstr(said, ":6: xx: no such key"), NULL), "%s", said);
    cr_expect(eq(ptr, strchr(said, '\x1b'), NULL));
    play_end(&p);
}

Test(config, no_bytes_are_a_danger)
{
    static struct play p;
    char said[65536], text[512];
    struct chance chance;

    play_begin(&p, 80, 24);
    vitro_chance_seed(&chance, seed_of_run());
    for (int i = 0; i < 200; i++) {
        static const char *const words[] = { "theme ", "bind ", "none",  "\n", "x ", "quit",
                                             " ",      "\xff",  "mouse", "on", "\t", "\x1b" };
        text[0] = 0;
        for (unsigned n = (unsigned)vitro_chance_below(&chance, 20); n; n--) {
            const char *word = words[vitro_chance_below(&chance, ARRAY_LEN(words))];
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s", word);
        }
        configure(&p.ui, text, said, sizeof said);
        for (const char *c = said; *c; c++) {
            bool plain = *c == '\n' || (unsigned char)*c >= ' ';
            cr_assert(plain, SEED_TEXT, seed_of_run(), (size_t)i);
        }
    }
    play_end(&p);
}

/* ---- writing --------------------------------------------------------------------------------- */

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
    SEES(&p, "1 packets written");
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
