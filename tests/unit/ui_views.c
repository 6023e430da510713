/* The screen as text: played by keys, without a terminal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support/conversation.h"
#include "support/play.h"
#include "ui/view.h"

/* ---- whole screens --------------------------------------------------------------------------- */

static const char *const screen_80[] = {
#include "ui_screen_80.inc"
};
static const char *const screen_120[] = {
#include "ui_screen_120.inc"
};

static void assert_screen(const struct play *p, const char *const *lines)
{
    const char *at = p->text;

    for (int y = 0; y < p->grid.h; y++) {
        size_t n = strcspn(at, "\n");
        cr_expect(n == strlen(lines[y]) && memcmp(at, lines[y], n) == 0, "line %d: %s\n%s", y,
                  lines[y], p->text);
        at += n + 1;
    }
}

Test(ui, the_screen_of_80x24_is_as_laid_down)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_go(&p, hand_frame(&p.h, 1, 0, 0));
    assert_screen(&p, screen_80);
    play_end(&p);
}

Test(ui, at_120x40_all_panes_are_seen_at_once)
{
    static struct play p;

    play_begin(&p, 120, 40);
    play_go(&p, hand_frame(&p.h, 1, 0, 1));
    assert_screen(&p, screen_120);
    play_end(&p);
}

Test(ui, ascii_screens_hold_nothing_else)
{
    static struct play p;

    play_begin(&p, 80, 24);
    p.ui.ascii = true;
    for (uint32_t i = 1; i <= vitro_decode_count(p.h.decode); i++) {
        cr_assert(model_go(&p.ui.m, i));
        for (int k = 0; k < INFO_COUNT; k++) {
            play_key(&p, 't');
            for (const char *c = p.text; *c; c++) {
                bool ascii = *c == '\n' || (*c >= ' ' && *c <= '~');
                cr_assert(ascii, "%s", p.text);
            }
        }
    }
    play_go(&p, hand_nth(&p.h, VITRO_EVENT_PROTOBUF, 0));
    SEES(&p, "\\u{c548}ok");
    play_end(&p);
}

/* One that lacks the room loses its protocol before what it says. */
Test(ui, where_a_list_is_narrow_an_alert_still_has_its_name)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 44 };
    static struct play p;

    memset(&p, 0, sizeof p);
    hand_init(&p.h);
    pcap_talk_open(&p.h.w, &p.h.talk);
    hand_send(&p.h, 0, alert, sizeof alert);
    hand_send(&p.h, 1, alert, sizeof alert);
    play_hand(&p, 80, 24);
    SEES(&p, "> alert certificate_revoked");
    play_size(&p, 120, 40);
    SEES(&p, "> alert certificate_revoked (fatal");
    SEES(&p, " alert certificate_r");
    play_end(&p);
}

Test(ui, why_something_was_not_read_is_said_in_full)
{
    static const uint8_t cut[] = { 23, 3, 3, 0, 50, 1, 2, 3, 4, 5 };
    static struct play p;

    memset(&p, 0, sizeof p);
    hand_init(&p.h);
    pcap_talk_open(&p.h.w, &p.h.talk);
    hand_send(&p.h, 0, cut, sizeof cut);
    play_hand(&p, 80, 24);
    play_go(&p, hand_nth(&p.h, VITRO_EVENT_TLS, 0));
    SEES(&p, "! the connection ends inside this rec");
    SEES(&p, "│ the connection ends inside this record");
    play_end(&p);
}

/* ---- tied ------------------------------------------------------------------------------------ */

Test(ui, a_byte_moves_the_field_and_a_field_moves_the_byte)
{
    static struct play p;

    play_begin(&p, 80, 24);
    for (uint32_t n = 1; n <= vitro_decode_count(p.h.decode); n++) {
        struct model *m = &p.ui.m;
        if (!model_go(m, n))
            continue;
        m->depth = n % 2 ? 9 : 2;
        for (size_t i = 0; i < m->count; i++) {
            model_line(m, i);
            if (m->lines[m->line].ranges)
                cr_assert(eq(u64, m->byte, m->lines[m->line].at[0].lo));
        }
        if (m->ev.kind == VITRO_EVENT_TCP || m->ev.kind == VITRO_EVENT_NOTE || !m->count)
            continue;
        for (uint64_t b = 0; b < m->ev.length; b++) {
            const struct line *line;
            bool in = false;
            model_byte(m, b);
            line = &m->lines[m->line];
            for (int k = 0; k < line->ranges; k++)
                in |= b >= line->at[k].lo && b < line->at[k].hi;
            cr_assert(in || m->ev.kind == VITRO_EVENT_GRPC, "event %u byte %u", n, (unsigned)b);
        }
    }
    play_end(&p);
}

Test(ui, bytes_walk_through_the_fields_by_keys)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_go(&p, hand_frame(&p.h, 1, 0, 0));
    play_key(&p, '+');
    play_key(&p, '3');
    cr_expect(eq(int, p.ui.m.focus, PANE_BYTES));
    for (int i = 0; i < 9; i++)
        play_key(&p, UI_RIGHT);
    SEES(&p, "   -:method: POST");
    SEES(&p, ">     header.index:");
    play_key(&p, UI_UP);
    SEES(&p, "> length: 38");
    play_end(&p);
}

Test(ui, what_a_compressed_message_says_is_looked_at_where_its_fields_are)
{
    static struct play p;

    hand_open(&p.h);
    hand_headers(&p.h, 0, 1, 0, ":method", "POST", ":path", "/chat.ChatService/SendMessage",
                 "content-type", "application/grpc", "grpc-encoding", "gzip", NULL);
    /* userId "me", message of 30 times "a" */
    hand_data(&p.h, 0, 1, FRAME_END_STREAM,
              "01 0000001c 1f8b0800000000000203e362ca4d15924bc40b0032adce9e24000000");
    play_hand(&p, 80, 24);
    play_go(&p, hand_nth(&p.h, VITRO_EVENT_PROTOBUF, 0));
    SEES(&p, "body:0:c2s:1 0005+28");
    SEES(&p, "inflated 28 -> 36");
    play_keys(&p, "\tjj");
    SEES(&p, "inflated:0:c2s:");
    SEES(&p, "0000  0a 02 6d 65 12 1e 61 61");
    play_keys(&p, "kk");
    SEES(&p, "body:0:c2s:1 0005+28");
    play_end(&p);
}

Test(ui, an_event_leads_into_what_it_carries_and_back)
{
    static struct play p;
    uint32_t data;

    play_begin(&p, 80, 24);
    play_go(&p, hand_frame(&p.h, 0, 0, 0));
    data = p.ui.m.pick;
    play_key(&p, UI_ENTER);
    cr_expect(eq(int, p.ui.m.ev.kind, VITRO_EVENT_GRPC));
    play_key(&p, UI_ENTER);
    cr_expect(eq(int, p.ui.m.ev.kind, VITRO_EVENT_PROTOBUF));
    SEES(&p, "안ok");
    play_key(&p, UI_ENTER);
    SEES(&p, "nothing came of this event");
    play_key(&p, 'u');
    play_key(&p, 'u');
    cr_expect(eq(u32, p.ui.m.pick, data));
    play_end(&p);
}

/* ---- panes ----------------------------------------------------------------------------------- */

Test(ui, where_there_are_several_connections_each_row_says_which)
{
    static struct play p;
    struct pcap_talk other = { .shape = { .client_port = 49153 }, .next = { 1000, 5000 } };

    hand_open(&p.h);
    hand_request(&p.h, 1, "application/grpc");
    pcap_talk_open(&p.h.w, &other);
    pcap_talk_close(&p.h.w, &other);
    play_hand(&p, 80, 24);
    SEES(&p, "HEADERS             c0 s1");
    SEES(&p, "TCP FIN                    c1");
    play_end(&p);
    play_begin(&p, 80, 24);
    cr_expect_null(strstr(p.text, "c0"));
    play_end(&p);
}

Test(ui, tables_show_who_inserted_what_and_what_this_block_added)
{
    static struct play p;
    const struct table *t;

    play_begin(&p, 120, 40);
    play_go(&p, hand_frame(&p.h, 1, 0, 0));
    t = &p.ui.m.moment.tables[0];
    cr_assert(gt(sz, t->count, 0));
    cr_expect(eq(u32, t->added, (uint32_t)t->count));
    cr_expect(eq(u32, t->entries[0].by, p.ui.m.pick));
    SEES(&p, "+  62 #");
    play_go(&p, hand_frame(&p.h, 1, 0, 1));
    cr_expect(eq(u32, p.ui.m.moment.tables[0].added, 0));
    /* Back again: the same as the first time. */
    play_go(&p, hand_frame(&p.h, 1, 0, 0));
    cr_expect(eq(u32, p.ui.m.moment.tables[0].added, (uint32_t)p.ui.m.moment.tables[0].count));
    play_end(&p);
}

Test(ui, windows_count_data_of_both_sides)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_go(&p, hand_frame(&p.h, 0, 1, 0));
    cr_expect(eq(i64, p.ui.m.moment.left[0], 65535 - 12));
    cr_expect(eq(i64, p.ui.m.moment.left[1], 65535 - 7));
    play_key(&p, 't');
    play_key(&p, 't');
    SEES(&p, "connection        65523       65528");
    SEES(&p, "stream 1         closed       65528");
    play_end(&p);
}

Test(ui, help_shows_every_key_and_any_other_key_closes_it)
{
    static struct play p;
    struct key_row row;

    play_begin(&p, 120, 60);
    play_key(&p, '?');
    for (size_t i = 0; keymap_row(&p.ui.keys, i, &row); i++)
        cr_assert(eq(int, play_sees(&p, row.english), !row.lesson), "%s", row.english);
    play_key(&p, 'q');
    cr_expect(not(play_sees(&p, "this help")));
    cr_expect(not(p.ui.quit));
    play_key(&p, 'q');
    cr_expect(p.ui.quit);
    play_end(&p);
}

Test(ui, every_key_does_something_that_is_safe)
{
    enum { CHARS = 127, KEYS = CHARS + UI_F4 - UI_UP + 1 };
    static struct play p;

    play_begin(&p, 80, 24);
    for (int i = 0; i < KEYS; i++) {
        play_key(&p, i < CHARS ? i + 1 : UI_UP + i - CHARS);
        play_key(&p, UI_ESCAPE);
    }
    play_end(&p);
}

Test(ui, both_languages_fit_the_screen)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_key(&p, 'L');
    SEES(&p, "[이벤트]");
    SEES(&p, "설명");
    play_key(&p, '?');
    SEES(&p, "이 도움말");
    play_end(&p);
}

/* ---- looking for ----------------------------------------------------------------------------- */

Test(ui, a_search_goes_round_and_hides_nothing)
{
    static struct play p;
    uint32_t n;

    play_begin(&p, 80, 24);
    n = (uint32_t)model_count(&p.ui.m);
    play_keys(&p, "/GRPC-status");
    play_key(&p, UI_ENTER);
    cr_expect(eq(u32, p.ui.m.pick, hand_frame(&p.h, 1, 1, 1)->number));
    cr_expect(eq(sz, model_count(&p.ui.m), n));
    cr_expect(ne(ptr, strstr(p.ui.m.lines[p.ui.m.line].text, "grpc-status"), NULL));
    play_key(&p, 'n');
    cr_expect(eq(u32, p.ui.m.pick, hand_frame(&p.h, 1, 1, 1)->number));
    play_keys(&p, "/nowhere");
    play_key(&p, UI_ENTER);
    SEES(&p, "not found: nowhere");
    play_end(&p);
}

Test(ui, a_search_where_a_filter_shows_nothing_finds_nothing)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "&http2.type == 99");
    play_key(&p, UI_ENTER);
    cr_expect(eq(sz, model_count(&p.ui.m), 0));
    play_keys(&p, "/grpc");
    play_key(&p, UI_ENTER);
    play_key(&p, 'n');
    SEES(&p, "nothing to search in");
    play_end(&p);
}

Test(ui, a_filter_is_judged_while_typed_and_a_bad_one_is_never_applied)
{
    static struct play p;
    size_t all;

    play_begin(&p, 80, 24);
    all = model_count(&p.ui.m);
    play_keys(&p, "&http2.type == ");
    SEES(&p, "bad: a value is missing");
    play_key(&p, UI_ENTER);
    SEES(&p, "&http2.type ==   bad: a value is missing");
    cr_expect(eq(sz, model_count(&p.ui.m), all));
    play_key(&p, 'L'); /* it is still typed into */
    play_key(&p, UI_BACKSPACE);
    play_keys(&p, "1 && http2.streamid == 3");
    SEES(&p, "  ok");
    play_key(&p, UI_ENTER);
    cr_expect(eq(sz, model_count(&p.ui.m), 1));
    SEES(&p, "1 of ");
    play_key(&p, 'f');
    cr_expect(eq(sz, model_count(&p.ui.m), all));
    play_key(&p, 'f');
    cr_expect(eq(sz, model_count(&p.ui.m), 1));
    play_key(&p, '&');
    SEES(&p, "&http2.type == 1 && http2.streamid == 3");
    play_key(&p, UI_ESCAPE);
    cr_expect(eq(sz, model_count(&p.ui.m), 1));
    play_end(&p);
}

Test(ui, tab_completes_a_field_as_far_as_it_is_certain)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "&grpc && http2.st\t");
    cr_expect(eq(str, p.ui.edit.text, "grpc && http2.stream"));
    play_keys(&p, "i\t");
    cr_expect(eq(str, p.ui.edit.text, "grpc && http2.streamid"));
    play_keys(&p, "\t == z\t");
    cr_expect(eq(str, p.ui.edit.text, "grpc && http2.streamid == z"));
    play_end(&p);
}

Test(ui, a_filter_that_is_stopped_shows_all_again)
{
    static struct play p;
    size_t all;

    play_begin(&p, 80, 24);
    all = model_count(&p.ui.m);
    play_keys(&p, "jjj&http2.type == 1");
    play_key(&p, UI_ENTER);
    p.ui.m.scanned = 1; /* as if there were more to look at */
    p.ui.m.wanted = 4;
    ui_key(&p.ui, UI_ESCAPE);
    play_show(&p);
    SEES(&p, "filter stopped");
    cr_expect(eq(sz, model_count(&p.ui.m), all));
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_end(&p);
}

Test(ui, filters_know_what_events_have)
{
    static const struct {
        const char *filter;
        size_t want;
    } rows[] = {
        { "http2.type == HEADERS", 4 },
        { "http2.type == DATA && dir == c2s", 1 },
        { "http2.header.name == \"grpc-status\"", 1 },
        { "http2.header.value contains ChatService", 2 },
        { "grpc.message_length == 7", 1 },
        { "http2.flags.end_stream", 2 },
        { "protobuf", 2 },
        { "tcp && http2", 0 },
    };
    static struct play p;

    play_begin(&p, 80, 24);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(model_filter(&p.ui.m, rows[i].filter, NULL), "%s", rows[i].filter);
        play_show(&p);
        cr_expect(eq(sz, model_count(&p.ui.m), rows[i].want), "%s", rows[i].filter);
    }
    play_end(&p);
}

Test(ui, marks_lead_back)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_keys(&p, "jjjma");
    play_key(&p, 'G');
    play_keys(&p, "'a");
    cr_expect(eq(u32, p.ui.m.pick, 4));
    play_keys(&p, "''");
    cr_expect(eq(u32, p.ui.m.pick, vitro_decode_count(p.h.decode)));
    play_end(&p);
}

/* ---- any size, any key, any capture ---------------------------------------------------------- */

Test(ui, a_screen_too_small_says_so_and_takes_no_keys)
{
    static struct play p;

    play_begin(&p, 80, 24);
    play_size(&p, 59, 9);
    SEES(&p, "too small 59x9, need 60x10");
    play_size(&p, 1, 1);
    cr_expect(eq(str, p.text, (char *)"t\n"));
    play_keys(&p, "jj?");
    cr_expect(eq(u32, p.ui.m.pick, 1));
    play_size(&p, 80, 24);
    cr_expect(not(p.ui.help));
    play_key(&p, 'q');
    cr_expect(p.ui.quit);
    play_end(&p);
}

static void assert_whole(const struct grid *g)
{
    for (int y = 0; y < g->h; y++) {
        for (int x = 0; x < g->w; x++) {
            const struct cell *c = grid_at(g, y, x);
            vitro_str s = vitro_str_of(c->text);
            cr_assert(c->width || (x && grid_at(g, y, x - 1)->width == 2));
            cr_assert(c->width != 2 || (x + 1 < g->w && !grid_at(g, y, x + 1)->width));
            cr_assert(c->width == 0 || s.len > 0);
            while (s.len) {
                uint32_t code = 0;
                size_t n = vitro_utf8_decode(s, &code);
                cr_assert(n && vitro_utf8_printable(code) && code >= ' ');
                s.ptr += n;
                s.len -= n;
            }
        }
    }
}

Test(ui, hostile_captures_at_any_size_give_whole_printable_cells, .timeout = 60)
{
    static const int keys[] = { 'j', 'k',     'h',      'l',     't', 'O', '3',      '2',
                                '1', '4',     ' ',      UI_TAB,  'u', 'L', 'G',      'g',
                                'y', UI_DOWN, UI_RIGHT, UI_LEFT, '+', '-', UI_ENTER, 'n' };
    static struct play p;
    struct chance c = seed_chance();

    for (size_t k = 0; k < 12; k++) {
        struct conversation_shape shape = { .calls = 2, .styles = true, .controls = true };
        struct pcap_talk talk = { .next = { 1, 1 } };
        struct conversation conv;
        struct decoded_bytes b;
        struct pcap_write w;
        conversation_make(&conv, &shape, k, k);
        pcap_write_init(&w, PCAP_NG, 1);
        conversation_capture(&conv, &w, &talk, NULL);
        for (size_t i = 0; i < 4 * k; i++)
            w.ptr[seed_between(&c, 300, w.len - 1)] = (uint8_t)vitro_chance_next(&c);
        b = (struct decoded_bytes){ w.ptr, w.len, 0, NULL };
        memset(&p, 0, sizeof p);
        vitro_decode *d = decoded_of(&b, true, NULL);
        ui_init(&p.ui, d, VITRO_ENGLISH, "\x1b[2Jhostile\xff");
        p.ui.m.loaded = true;
        model_grown(&p.ui.m);
        for (size_t i = 0; i < 120; i++) {
            play_size(&p, (int)seed_between(&c, 1, 130), (int)seed_between(&c, 1, 50));
            assert_whole(&p.grid);
            play_key(&p, keys[seed_between(&c, 0, sizeof keys / sizeof *keys - 1)]);
            p.ui.wishes = 0;
            free(p.ui.copied);
            p.ui.copied = NULL;
        }
        ui_done(&p.ui);
        grid_done(&p.grid);
        vitro_decode_free(d);
        pcap_write_done(&w);
        conversation_done(&conv);
    }
}

Test(ui, a_header_that_moves_the_cursor_is_shown_as_text)
{
    static struct play p;

    memset(&p, 0, sizeof p);
    hand_open(&p.h);
    hand_headers(&p.h, 0, 1, FRAME_END_STREAM, ":path", "/\x1b[2J\x1b[1;1H\r\n\xff\xc2\x9b", NULL);
    hand_decode(&p.h);
    ui_init(&p.ui, p.h.decode, VITRO_ENGLISH, "a\x1b]0;x\a.pcapng");
    model_grown(&p.ui.m);
    play_size(&p, 120, 40);
    play_go(&p, hand_frame(&p.h, 1, 0, 0));
    assert_whole(&p.grid);
    SEES(&p, "\\u{1b}[2J");
    SEES(&p, "a\\u{1b}]0;x");
    play_end(&p);
}
