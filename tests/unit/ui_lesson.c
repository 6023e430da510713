/* A lesson and the list of lessons as states: parts, pages, masks and keys, without a terminal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "support/lesson_player.h"
#include "support/seed.h"
#include "ui/list.h"
#include "wrap.h"

static struct lesson_player p;

static bool sees(const char *words)
{
    return strstr(p.text, words) != NULL;
}

#define SEES(words) cr_assert(sees(words), "not on the screen: %s\n%s", words, p.text)

static void open_08(void)
{
    cr_assert(player_open(&p, LESSONS "/08-unary", "08-unary", VITRO_ENGLISH));
}

/* To the first part with events: the question is answered. */
static void go_to_wire(void)
{
    for (int i = 0; i < 20 && !study_asks(&p.study); i++)
        cr_assert(player_key(&p, UI_ENTER));
    cr_assert(player_keys(&p, "c\n"));
    for (int i = 0; i < 20 && study_part(&p.study)->kind != PART_WIRE; i++)
        cr_assert(player_key(&p, UI_ENTER));
}

/* ---- text ------------------------------------------------------------------------------------ */

static bool read_parts(struct lesson_text *text, struct lesson_parts *parts, const char *markdown)
{
    return lesson_text_read(text, markdown) && lesson_parts_make(parts, text);
}

Test(ui_lesson, a_text_is_cut_at_headings_questions_and_wire_blocks, .timeout = 300)
{
    static const enum lesson_part_kind want[] = { PART_READ, PART_ASK,  PART_READ, PART_READ,
                                                  PART_WIRE, PART_WIRE, PART_READ };
    struct lesson_text text;
    struct lesson_parts parts;
    size_t blocks = 0;

    cr_assert(read_parts(
        &text, &parts,
        "# T\n\nOne.\n\nBefore it.\n\n```predict\nQ?\n- [x] a\n  > b\n```\n\n## H\n\nTwo.\n\n## I\n\n"
        "Three.\n\n```code main.c:main\n```\n\nFour.\n\n```wire all\n```\n\n```wire PREFACE\n```\n\n- end\n- of it\n"));
    cr_assert(eq(sz, parts.count, 7));
    for (size_t i = 0; i < parts.count; i++) {
        cr_expect(eq(int, parts.items[i].kind, want[i]), "part %zu", i);
        cr_expect(eq(sz, parts.items[i].first, blocks)); /* each block in one part, in order */
        blocks += parts.items[i].count;
    }
    cr_expect(eq(sz, blocks, text.count));
    lesson_parts_done(&parts);
    lesson_text_done(&text);
}

static void assert_page(const struct lesson_text *text, const struct lesson_part *part, int width)
{
    struct lesson_page page = { NULL, 0 };
    struct lesson_page_of of = {
        .text = text, .part = part, .dir = LESSONS "/08-unary", .width = width, .first = -1
    };

    for (of.answer = -1; of.answer < 2; of.answer++) {
        lesson_page_make(&page, &of);
        cr_assert(gt(sz, page.count, 0));
        for (size_t i = 0; i < page.count; i++) {
            vitro_str s = vitro_str_of(page.lines[i].text);
            cr_assert(vitro_utf8_valid(s));
            cr_assert(width < 20 || wrap_columns(s) + page.lines[i].indent <= width, "%d: %s",
                      width, s.ptr);
        }
    }
    lesson_page_done(&page);
}

Test(ui_lesson, a_page_keeps_its_width_whatever_that_is, .timeout = 300)
{
    open_08();
    for (int language = 0; language < 2; language++) {
        for (size_t i = 0; i < p.study.parts[language].count; i++) {
            for (int width = 1; width < 90; width += 3)
                assert_page(&p.texts[language], &p.study.parts[language].items[i], width);
        }
    }
    player_close(&p);
}

Test(ui_lesson, every_lesson_is_read_to_its_end_with_enter_alone_and_back_with_p, .timeout = 300)
{
    static const char *const names[] = { "00-orientation", "01-first-bytes", "08-unary",
                                         "12-server-streaming" };

    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char dir[256];
        int enters = 0;
        snprintf(dir, sizeof dir, LESSONS "/%s", names[k]);
        cr_assert(player_open(&p, dir, names[k], k % 2 ? VITRO_KOREAN : VITRO_ENGLISH));
        for (; enters < 400 && !p.ui.quit; enters++) {
            if (study_asks(&p.study))
                cr_assert(player_key(&p, 'a'));
            cr_assert(player_key(&p, UI_ENTER));
            cr_assert(study_reached(&p.study), "%s part %zu\n%s", names[k], p.study.part, p.text);
        }
        cr_assert(p.ui.quit, "%s: part %zu\n%s", names[k], p.study.part, p.text);
        cr_expect(eq(int, !(p.wishes & STUDY_ENDED), 0));
        lesson_play_tell(&p.play, STUDY_GO); /* a farewell may be held, which no part waits for */
        for (int64_t until = player_now() + PLAYER_PATIENCE_MS;
             !p.study.over && player_now() < until;)
            player_work(&p);
        cr_expect(p.study.over);
        for (int i = 0; i < 400 && (p.study.part || p.study.top); i++)
            cr_assert(player_key(&p, 'p'));
        cr_expect(eq(sz, p.study.part, 0));
        player_close(&p);
    }
}

/* ---- questions and masks --------------------------------------------------------------------- */

Test(ui_lesson, a_choice_is_committed_by_enter_and_only_once, .timeout = 300)
{
    open_08();
    for (int i = 0; i < 20 && !study_asks(&p.study); i++)
        player_key(&p, UI_ENTER);
    player_key(&p, UI_ENTER);
    SEES("first choose");
    cr_expect(study_asks(&p.study));
    player_keys(&p, "k"); /* up from nothing: the last */
    SEES("> d)");
    cr_expect(not(sees("right")));
    player_key(&p, 0x3160); /* the letter on the key b */
    player_key(&p, UI_ENTER);
    SEES("b) is wrong, c) is right");
    cr_expect(eq(int, !(p.wishes & STUDY_ANSWERED), 0));
    cr_expect(eq(int, p.study.answers[1], 1));
    player_keys(&p, "c");
    cr_expect(eq(int, p.study.answers[1], 1));
    player_close(&p);
}

/* The four panes, from the first page: a question comes before all events. */
static void look_before_the_question(void)
{
    open_08();
    player_key(&p, 'O');
    player_key(&p, 'G');
}

Test(ui_lesson, bytes_are_masked_until_the_question_is_answered, .timeout = 300)
{
    look_before_the_question();
    cr_assert(not(p.study.over));
    SEES("????????");
    cr_expect(not(sees("SETTINGS")));
    SEES("masked, until the question is answered");
    player_key(&p, UI_ENTER);
    for (int i = 0; i < 20 && !study_asks(&p.study); i++)
        player_key(&p, UI_ENTER);
    player_keys(&p, "a\n");
    player_key(&p, 'O');
    cr_expect(not(sees("????????")));
    player_close(&p);
}

Test(ui_lesson, who_steps_past_a_question_sees_what_was_sent, .timeout = 300)
{
    look_before_the_question();
    for (int i = 0; i < 30 && !p.study.over; i++) {
        uint32_t sent = p.study.sent;
        player_key(&p, ' ');
        cr_expect(not(model_masked(&p.ui.m, p.ui.m.pick)));
        cr_assert(ne(u32, p.study.sent, sent));
        cr_expect(not(model_masked(&p.ui.m, p.study.sent)));
    }
    cr_assert(p.study.over);
    cr_expect(not(sees("????????")));
    SEES("HEADERS");
    player_close(&p);
}

Test(ui_lesson, a_break_shows_the_frame_that_it_asked_for, .timeout = 300)
{
    look_before_the_question();
    player_keys(&p, "bhttp2.header.name == \"grpc-status\"\nc");
    SEES("next < HEADERS END");
    cr_expect(not(model_masked(&p.ui.m, p.ui.m.pick)));
    player_close(&p);
}

/* Some part shows it; others are only counted. */
static bool is_shown_once(uint32_t event)
{
    for (size_t i = 0; i < p.study.count; i++) {
        if (lesson_selection_has(&p.study.shows[i], event))
            return true;
    }
    return false;
}

Test(ui_lesson, what_is_only_counted_is_not_masked_in_front_of_what_was_shown, .timeout = 300)
{
    static const char *const names[] = { "10-metadata-and-token", "17-tls", "19-compression" };

    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        uint32_t masked = 0;
        char dir[256];
        snprintf(dir, sizeof dir, "%s/%s", LESSONS, names[k]);
        cr_assert(player_open(&p, dir, names[k], VITRO_ENGLISH));
        for (int i = 0; i < 200 && !study_asks(&p.study); i++)
            cr_assert(player_key(&p, UI_ENTER));
        cr_assert(study_asks(&p.study));
        for (size_t i = 0; i < model_count(&p.ui.m); i++) {
            uint32_t event = model_at(&p.ui.m, i);
            if (!model_masked(&p.ui.m, event))
                cr_expect(eq(u32, masked, 0), "%s: %u", names[k], event);
            else if (!is_shown_once(event))
                masked = event;
        }
        player_close(&p);
    }
}

Test(ui_lesson, neither_search_nor_a_copy_nor_a_file_shows_what_is_masked, .timeout = 300)
{
    char path[] = "/tmp/vitro-masked-XXXXXX.txt";
    int fd = mkstemps(path, 4);

    cr_assert(fd >= 0);
    look_before_the_question();
    player_keys(&p, "y");
    cr_expect(not(p.ui.wishes & UI_WISH_COPY));
    player_keys(&p, "/SETTINGS\n");
    SEES("not found");
    player_keys(&p, "w");
    player_keys(&p, path);
    player_keys(&p, "\n");
    SEES("a question masks some of it");
    cr_expect(eq(int, (int)lseek(fd, 0, SEEK_END), 0));
    player_close(&p);
    close(fd);
    unlink(path);
}

/* ---- the wire -------------------------------------------------------------------------------- */

Test(ui_lesson, a_step_sends_one_unit_and_the_cursor_is_on_it, .timeout = 300)
{
    open_08();
    go_to_wire();
    while (!p.study.over) {
        uint32_t released = p.study.released;
        vitro_event ev;
        player_key(&p, ' ');
        if (p.study.released == released)
            break;
        cr_expect(eq(u32, p.study.released, released + 1));
        cr_assert(vitro_decode_event(p.play.decode, p.ui.m.pick, &ev));
        cr_expect(ev.kind == VITRO_EVENT_FRAME || ev.kind == VITRO_EVENT_PREFACE);
    }
    cr_expect(p.study.over);
    cr_expect(eq(sz, p.study.held_count, 0));
    player_close(&p);
}

Test(ui_lesson, what_is_held_is_the_end_of_the_list_with_its_fields, .timeout = 300)
{
    open_08();
    go_to_wire();
    cr_assert(gt(sz, p.study.held_count, 0));
    player_key(&p, 'G');
    cr_expect(model_held(&p.ui.m, p.ui.m.pick));
    SEES("not yet sent");
    SEES("next");
    cr_expect(p.ui.m.count > 0 && model_has_bytes(&p.ui.m));
    player_close(&p);
}

Test(ui_lesson, a_break_stops_before_the_frame_and_without_one_c_goes_to_the_end, .timeout = 300)
{
    open_08();
    go_to_wire();
    player_keys(&p, "bhttp2.header.name ==\n");
    SEES("stop at: http2.header.name ==  bad: a value is missing");
    player_keys(&p, " \"grpc-status\"\nc");
    SEES("the break: this frame is next");
    SEES(">next < HEADERS END");
    cr_expect(not(p.study.over));
    player_keys(&p, "b");
    player_key(&p, UI_CTRL_U);
    player_keys(&p, "\n");
    SEES("no break any more");
    player_keys(&p, "c");
    cr_expect(p.study.over);
    SEES("ended");
    player_close(&p);
}

Test(ui_lesson, numbers_count_what_is_listed, .timeout = 300)
{
    open_08();
    go_to_wire();
    player_keys(&p, "c");
    for (size_t i = 0; i < model_count(&p.ui.m); i++) {
        uint32_t event = model_at(&p.ui.m, i);
        cr_expect(eq(u32, model_number(&p.ui.m, event), (uint32_t)i + 1));
        cr_expect(eq(u32, model_numbered(&p.ui.m, (uint32_t)i + 1), event));
    }
    player_keys(&p, ":14\n");
    SEES(">  14 ");
    player_close(&p);
}

/* Enter until this is on the screen. */
static void read_to(const char *words)
{
    for (int i = 0; i < 300 && !sees(words); i++) {
        if (study_asks(&p.study))
            cr_assert(player_key(&p, 'b'));
        cr_assert(player_key(&p, UI_ENTER));
    }
    SEES(words);
}

Test(ui_lesson, a_part_begins_where_bytes_are_and_the_next_event_is_the_next_of_the_part,
     .timeout = 300)
{
    cr_assert(player_open(&p, LESSONS "/10-metadata-and-token", "10", VITRO_ENGLISH));
    read_to("Here are the four calls");
    cr_assert(player_keys(&p, "]]"));
    SEES("VITRO_TEXT: server: handles /ch");
    cr_assert(player_key(&p, '['));
    SEES("VITRO_TEXT: client: SendMessage");
    read_to("The first call. The token is its last");
    cr_expect(p.ui.m.ev.kind != VITRO_EVENT_NOTE);
    SEES("length: 41");
    player_close(&p);
}

Test(ui_lesson, a_field_that_the_text_names_is_unfolded_for_its_part, .timeout = 300)
{
    cr_assert(player_open(&p, LESSONS "/17-tls", "17", VITRO_ENGLISH));
    read_to("Look at `not_after`");
    SEES("x509.not_after: 2021-01-01");
    cr_assert(player_key(&p, UI_ENTER));
    cr_expect(eq(uint, p.ui.folded, 0));
    player_close(&p);
}

Test(ui_lesson, keys_at_random_leave_a_screen_of_whole_cells, .timeout = 300)
{
    static const int keys[] = { '\n',   '\n', '\n',      ' ', 'p', 'c', 'b', 'q', 't', 'O',
                                UI_TAB, 'j',  'k',       '[', ']', 'L', 'a', '3', '2', '1',
                                '/',    '&',  UI_ESCAPE, '?', 'g', 'G', 'u', 'l', 'h', UI_RIGHT };
    struct chance c = seed_chance();

    open_08();
    for (int i = 0; i < 400; i++) {
        int key = keys[seed_between(&c, 0, sizeof keys / sizeof *keys - 1)];
        if (i % 20 == 0)
            player_size(&p, (int)seed_between(&c, 1, 130), (int)seed_between(&c, 1, 50));
        cr_assert(player_key(&p, key), "key %d\n%s", key, p.text);
        p.ui.quit = p.ui.quit_all = false;
        for (int n = 0; n < p.grid.w * p.grid.h; n++)
            cr_assert(p.grid.cells[n].width == 0 || p.grid.cells[n].text[0] != 0);
    }
    player_close(&p);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void show_list(struct list *l, struct grid *g, char *text, size_t size)
{
    size_t len = 0;

    list_draw(l, g);
    for (int y = 0; y < g->h; y++) {
        grid_row_text(g, y, text + len, size - len - 1);
        len += strlen(text + len);
        text[len++] = '\n';
    }
    text[len] = 0;
}

Test(ui_lesson, the_list_opens_what_is_written_and_says_what_is_not, .timeout = 300)
{
    static char text[65536];
    struct list l = { .count = 3, .w = 80, .h = 24 };
    struct grid g = { .ascii = false };

    l.rows[0] = (struct list_row){ "00-a", { "First", "첫째" }, 5, true, PROGRESS_DONE };
    l.rows[1] = (struct list_row){ "01-b", { "Second", "둘째" }, 10, false, PROGRESS_NONE };
    l.rows[2] = (struct list_row){ "02-c", { "Third", "셋째" }, 15, true, PROGRESS_BEGUN };
    cr_assert(grid_resize(&g, 80, 24));
    list_pick(&l, "00-a");
    cr_expect(eq(sz, l.pick, 2)); /* the next one that is to be done */
    show_list(&l, &g, text, sizeof text);
    cr_assert(strstr(text, "2 written, 1 done") && strstr(text, "not written yet"));
    list_key(&l, 0x314f); /* on the key k */
    list_key(&l, UI_ENTER);
    cr_expect(not(l.open));
    show_list(&l, &g, text, sizeof text);
    cr_assert(strstr(text, "not written yet: choose") != NULL, "%s", text);
    list_key(&l, 'L');
    list_key(&l, 'G');
    show_list(&l, &g, text, sizeof text);
    cr_assert(strstr(text, "셋째") && strstr(text, "하는 중") && strstr(text, "15분"));
    list_key(&l, UI_ENTER);
    cr_expect(l.open);
    for (int w = 1; w < 130; w += 7) {
        l.w = w;
        l.h = w / 3 + 1;
        cr_assert(grid_resize(&g, l.w, l.h));
        show_list(&l, &g, text, sizeof text);
    }
    grid_done(&g);
}
