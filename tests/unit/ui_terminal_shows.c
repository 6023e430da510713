/* What comes out on a terminal: of hostile texts, on any kind of it, in colour and without. */
#include "support/terminal.h"

#include "schemas.h"
#include "ui/ui.h"

/* ---- hostile --------------------------------------------------------------------------------- */

/* A file whose name is as bad as what is in it. */
static void hostile_file(struct terminal *t, char *directory, struct chance *chance)
{
    char name[120];
    struct pcap_write w;

    memset(t, 0, sizeof *t);
    t->watch.kind = WATCH_SCREEN;
    t->watch.may_copy = true;
    hostile_capture(&w, chance);
    hostile_text(chance, name, sizeof name);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '_' : *c;
    cr_assert_not_null(mkdtemp(directory));
    snprintf(t->path, sizeof t->path, "%s/x%s", directory, name);
    cr_assert(pcap_write_save(&w, t->path));
    pcap_write_done(&w);
}

Test(terminal_shows, of_hostile_texts_nothing_reaches_it_but_text, .timeout = 120)
{
    struct chance chance = seed_chance();

    for (int i = 0; i < 12; i++) {
        static struct terminal t;
        char directory[] = "/tmp/vitro-hostile-XXXXXX";
        char cache[64], *env[] = { cache, NULL };

        hostile_file(&t, directory, &chance);
        snprintf(cache, sizeof cache, "XDG_CACHE_HOME=%s", directory);
        begin(&t, i % 3 ? "C.UTF-8" : "C", env);
        SEEN(&t, i % 3 ? "[events]" : "[events]");
        for (int k = 0; k < 30; k++)
            keys(&t, k % 4 ? "]" : "yt");
        keys(&t, "2yjjjl+++y3ylly1");
        keys(&t, "/pwned\r&frame\r"); /* it stays in its prompt, and says why */
        keys(&t, "\x15\x1b");
        resize(&t, 130, 50);
        SEEN(&t, "windows here");
        keys(&t, "w");
        keys(&t, t.path);
        keys(&t, "\r");
        keys(&t, "Q");
        finish(&t);
        cr_expect(eq(int, t.status, 0));
        cr_expect(gt(sz, t.watch.copies, 3));
        end(&t);
        unlink(t.path);
        snprintf(cache, sizeof cache, "%s/vitro/copied", directory);
        cr_expect(eq(int, unlink(cache), 0));
        snprintf(cache, sizeof cache, "%s/vitro", directory);
        rmdir(cache);
        cr_expect(eq(int, rmdir(directory), 0));
    }
}

Test(terminal_shows, a_copy_is_the_same_in_the_clipboard_and_in_the_file, .timeout = 120)
{
    static struct terminal t;
    char directory[] = "/tmp/vitro-copy-XXXXXX", path[64], cache[64], *env[] = { cache, NULL };
    char text[256] = "";
    FILE *in;

    capture(&t);
    t.watch.may_copy = true;
    cr_assert_not_null(mkdtemp(directory));
    snprintf(cache, sizeof cache, "XDG_CACHE_HOME=%s", directory);
    begin(&t, "C.UTF-8", env);
    SEEN(&t, "[events]");
    keys(&t, "/:path\r2y");
    SEEN(&t, "also in");
    keys(&t, "Q");
    finish(&t);
    cr_expect(eq(sz, t.watch.copies, 1));
    snprintf(path, sizeof path, "%s/vitro/copied", directory);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    fread(text, 1, sizeof text - 1, in);
    fclose(in);
    cr_expect(eq(int, strncmp(text, ":path: /chat.ChatService/SendMessage", 30), 0), "%s", text);
    unlink(path);
    snprintf(path, sizeof path, "%s/vitro", directory);
    rmdir(path);
    rmdir(directory);
    end(&t);
}

Test(terminal_shows, bytes_that_are_no_character_cost_no_other_key, .timeout = 120)
{
    static struct terminal t;

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    keys(&t, "\xff\xfe\xec\x95?");
    SEEN(&t, "this help");
    keys(&t, "q/\x80\xec\x95\x88\xed");
    SEEN(&t, "/안 ");
    keys(&t, "\x15\x1b");
    SEEN(&t, "? help");
    keys(&t, "q");
    finish(&t);
    end(&t);
}

/* ---- colours and terminals ------------------------------------------------------------------- */

static unsigned colored(const struct terminal *t)
{
    unsigned n = 0;

    for (int y = 0; y < 24; y++) {
        for (int x = 0; x < 80; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(t->screen, (VTermPos){ y, x }, &cell);
            n += !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg);
        }
    }
    return n;
}

/* Reverse on the line of the selected event, and its mark. */
static bool selection_seen(const struct terminal *t)
{
    for (int y = 0; y < 24; y++) {
        VTermScreenCell cell;
        vterm_screen_get_cell(t->screen, (VTermPos){ y, 0 }, &cell);
        if (cell.chars[0] == '>' && cell.attrs.reverse)
            return true;
    }
    return false;
}

Test(terminal_shows, any_kind_of_terminal_shows_the_selection, .timeout = 120)
{
    static const struct {
        const char *term;
        bool colors;
    } kinds[] = { { "xterm-256color", true }, { "xterm", true },  { "screen", true },
                  { "linux", true },          { "rxvt", true },   { "ansi", true },
                  { "vt100", false },         { "vt220", false }, { "xterm-mono", false } };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        static struct terminal t;
        char term[40], *env[] = { term, NULL };

        snprintf(term, sizeof term, "TERM=%s", kinds[i].term);
        capture(&t);
        begin(&t, "C.UTF-8", env);
        SEEN(&t, "[events]");
        keys(&t, "jjjj");
        SEEN(&t, ">   5");
        cr_expect(selection_seen(&t), "%s", kinds[i].term);
        cr_expect(kinds[i].colors || colored(&t) == 0, "%s", kinds[i].term);
        keys(&t, "q");
        finish(&t);
        cr_expect(eq(int, t.status, 0), "%s", kinds[i].term);
        end(&t);
    }
}

Test(terminal_shows, an_option_says_more_of_colours_than_the_environment, .timeout = 120)
{
    static char *const never[] = { (char *)"--color=never", NULL };
    static char *const always[] = { (char *)"--color=always", NULL };
    static char *const by_itself[] = { (char *)"--color=auto", NULL };
    static const struct {
        const char *env[3];
        char *const *options;
        bool colors;
    } rows[] = {
        { { NULL }, NULL, true },
        { { NULL }, never, false },
        { { "NO_COLOR=1" }, NULL, false },
        { { "NO_COLOR=" }, NULL, true }, /* empty is not set */
        { { "NO_COLOR=1", "CLICOLOR_FORCE=1" }, by_itself, false },
        { { "NO_COLOR=1" }, always, true },
        { { "CLICOLOR_FORCE=1" }, never, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct terminal t;
        capture(&t);
        begin_with(&t, "C.UTF-8", (char *const *)rows[i].env, rows[i].options);
        SEEN(&t, "[events]");
        SEEN(&t, "? help");
        cr_expect(eq(int, colored(&t) > 0, rows[i].colors), "row %zu", i);
        cr_expect(selection_seen(&t));
        keys(&t, "q");
        finish(&t);
        end(&t);
    }
}

/* ---- the same screen ------------------------------------------------------------------------- */

/* What the screen is without any terminal: the same keys, the same file. */
struct expected {
    vitro_decode *d;
    struct ui ui;
    struct grid grid;
    char text[TEXT];
};

static void expect(struct expected *e, const struct terminal *t, vitro_language language,
                   const char *keys_typed, int w, int h, bool ascii)
{
    static uint8_t bytes[1 << 16];
    FILE *in = fopen(t->path, "r");
    static struct decoded_bytes file;
    vitro_code code;
    size_t len = 0;

    file = (struct decoded_bytes){ .ptr = bytes, .len = fread(bytes, 1, sizeof bytes, in) };
    fclose(in);
    memset(e, 0, sizeof *e);
    e->d = decoded_of(&file, true, &code);
    cr_assert(eq(int, schemas_add_shipped(e->d, NULL), VITRO_OK));
    ui_init(&e->ui, e->d, language, t->path);
    e->ui.m.loaded = true;
    e->ui.ascii = ascii;
    model_grown(&e->ui.m);
    ui_resize(&e->ui, w, h);
    grid_resize(&e->grid, w, h);
    for (; *keys_typed; keys_typed++) {
        ui_draw(&e->ui, &e->grid); /* scrolling remembers what was shown */
        ui_key(&e->ui, *keys_typed == '\r' ? UI_ENTER : *keys_typed);
        while (model_busy(&e->ui.m))
            model_work(&e->ui.m);
    }
    ui_draw(&e->ui, &e->grid);
    for (int y = 0; y < h; y++) {
        grid_row_text(&e->grid, y, e->text + len, TEXT - len - 2);
        len += strlen(e->text + len);
        e->text[len++] = '\n';
    }
    e->text[len] = 0;
    ui_done(&e->ui);
    grid_done(&e->grid);
    vitro_decode_free(e->d);
}

/* The terminal's lines without the blanks at their ends. */
static bool same(struct terminal *t, const char *want)
{
    char *from = t->text, line[2048];

    while (*want) {
        size_t n = strcspn(want, "\n"), k = strcspn(from, "\n"), end = k < 2047 ? k : 2047;
        memcpy(line, from, end);
        while (end && line[end - 1] == ' ')
            end--;
        if (end != n || memcmp(line, want, n) != 0)
            return false;
        want += n + 1;
        from += k + 1;
    }
    return true;
}

Test(terminal_shows, it_shows_what_the_screen_is_in_both_languages_and_sizes, .timeout = 120)
{
    static const char typed[] = "/:path\r2++jj]][t";
    static char *const no_options[] = { NULL }, *const ascii[] = { (char *)"--ascii", NULL };
    static char *const mono[] = { (char *)"--color=never", NULL };
    static const struct {
        const char *locale;
        char *const *options;
        bool ascii;
    } rows[] = { { "C.UTF-8", no_options, false },
                 { "C.UTF-8", mono, false },
                 { "C.UTF-8", ascii, true },
                 { "ko_KR.UTF-8", no_options, false },
                 { "ko_KR.UTF-8", mono, false } };

    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        static struct terminal t;
        static struct expected e;
        bool large = i % 2, korean = rows[i / 2].locale[0] == 'k';
        int w = large ? 120 : 80, h = large ? 40 : 24;

        capture(&t);
        begin_with(&t, rows[i / 2].locale, NULL, rows[i / 2].options);
        SEEN(&t, "q ");
        if (large)
            resize(&t, w, h);
        keys(&t, typed);
        expect(&e, &t, korean ? VITRO_KOREAN : VITRO_ENGLISH, typed, w, h, rows[i / 2].ascii);
        for (int ms = 0; ms < PATIENCE_MS && !same(&t, e.text); ms += 10)
            pump(&t, 10);
        cr_expect(same(&t, e.text), "row %zu\n%s\nwanted\n%s", i, t.text, e.text);
        cr_expect(strstr(e.text, korean ? "이벤트" : "events") != NULL);
        keys(&t, "Q");
        finish(&t);
        end(&t);
    }
}
