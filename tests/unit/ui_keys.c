/* Keys, prompts and the configuration, played without a terminal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "support/play.h"
#include "support/seed.h"
#include "ui/config.h"

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

/* The letters of the usual layout, where they stand on a Latin one. */
Test(keymap, a_hangul_letter_is_the_key_it_stands_on)
{
    static const char *const letters[] = { "ㅂ", "ㅈ", "ㄷ", "ㄱ", "ㅅ", "ㅛ", "ㅕ", "ㅑ", "ㅐ",
                                           "ㅔ", "ㅁ", "ㄴ", "ㅇ", "ㄹ", "ㅎ", "ㅗ", "ㅓ", "ㅏ",
                                           "ㅣ", "ㅋ", "ㅌ", "ㅊ", "ㅍ", "ㅠ", "ㅜ", "ㅡ", "ㅃ",
                                           "ㅉ", "ㄸ", "ㄲ", "ㅆ", "ㅒ", "ㅖ" };
    static const char latin[] = "qwertyuiopasdfghjklzxcvbnmQWERTOP";
    struct keymap map;

    keymap_init(&map);
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        int key = keymap_key(vitro_str_of(letters[i]));
        cr_expect(eq(int, keymap_action(&map, key), keymap_action(&map, latin[i])), "%s",
                  letters[i]);
    }
    keymap_bind(&map, keymap_key(vitro_str_of("ㅂ")), ACT_HELP);
    cr_expect(
        eq(int, keymap_action(&map, 0x3142), ACT_HELP)); /* what is bound by name goes first */
    cr_expect(eq(int, keymap_action(&map, 0x3133), ACT_NONE));
    cr_expect(eq(int, keymap_action(&map, 0xac00), ACT_NONE));
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
