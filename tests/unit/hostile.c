/*
 * hostile - whatever a peer, a program or a file puts into a text, a terminal gets none of it raw:
 * in every mode that shows a capture, and in what is said when something is wrong.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "base/text.h"
#include "base/util.h"
#include "command.h"
#include "ndjson.h"
#include "print.h"
#include "schemas.h"
#include "support/decoded.h"
#include "support/hostile.h"
#include "ui/ui.h"
#include "wrap.h"

enum { CASES = 60 };

struct hostile_case {
    struct pcap_write w;
    struct decoded_bytes bytes;
    vitro_decode *d;
    char name[200];
};

static void begin(struct hostile_case *h, size_t number)
{
    struct chance chance;
    vitro_code code;

    vitro_chance_seed(&chance, seed_of_run() + number);
    hostile_capture(&h->w, &chance);
    hostile_text(&chance, h->name, sizeof h->name);
    h->bytes = (struct decoded_bytes){ .ptr = h->w.ptr, .len = h->w.len };
    h->d = decoded_of(&h->bytes, true, &code);
    cr_assert(eq(int, code, VITRO_OK));
    cr_assert(eq(int, schemas_add_shipped(h->d, NULL), VITRO_OK));
}

static void end(struct hostile_case *h)
{
    vitro_decode_free(h->d);
    pcap_write_done(&h->w);
}

/* A schema's names are a peer's, too: they are there, so the tests below have seen them. */
Test(hostile, names_out_of_a_schema_are_among_what_is_tested, .timeout = 120)
{
    unsigned found = 0;

    for (size_t i = 0; i < CASES; i++) {
        struct hostile_case h;
        vitro_event ev;
        begin(&h, i);
        for (uint32_t n = 1; vitro_decode_event(h.d, n, &ev); n++) {
            vitro_detail dt;
            if (ev.kind == VITRO_EVENT_PROTOBUF && ev.stream == 5 &&
                !vitro_decode_detail(h.d, &ev, &dt, NULL))
                found += dt.title.len > 2 && memchr(dt.title.ptr, 0x1b, dt.title.len) != NULL;
        }
        end(&h);
    }
    cr_expect(gt(uint, found, 5), "%u", found);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_all(struct hostile_case *h, struct printer *p, struct watch *w)
{
    char *text = NULL;
    size_t size;
    vitro_event ev;

    p->out = open_memstream(&text, &size);
    for (uint32_t n = 1; vitro_decode_event(h->d, n, &ev); n++)
        print_event(p, h->d, &ev);
    fclose(p->out);
    watch_bytes(w, text, size);
    free(text);
}

Test(hostile, plain_text_is_text, .timeout = 120)
{
    for (size_t i = 0; i < CASES; i++) {
        struct hostile_case h;
        begin(&h, i);
        for (unsigned bits = 0; bits < 8; bits++) {
            struct watch w = { .kind = bits & 1 ? WATCH_COLOR : WATCH_TEXT };
            struct printer p = { .color = bits & 1,
                                 .ascii = bits & 2,
                                 .hpack = true,
                                 .explain = bits & 4,
                                 .language = bits & 4 ? VITRO_KOREAN : VITRO_ENGLISH };
            print_all(&h, &p, &w);
            cr_assert(eq(str, w.wrong, ""), SEED_TEXT, seed_of_run(), i);
        }
        end(&h);
    }
}

Test(hostile, ndjson_is_text, .timeout = 120)
{
    for (size_t i = 0; i < CASES; i++) {
        struct hostile_case h;
        struct watch w = { .kind = WATCH_TEXT };
        char *text = NULL;
        size_t size;
        struct ndjson json = { .out = open_memstream(&text, &size), .hpack = true };
        vitro_event ev;

        begin(&h, i);
        ndjson_begin(&json, h.name, h.name);
        for (uint32_t n = 1; vitro_decode_event(h.d, n, &ev); n++)
            ndjson_event(&json, h.d, &ev);
        ndjson_end(&json, h.d, h.name);
        fclose(json.out);
        watch_bytes(&w, text, size);
        cr_assert(eq(str, w.wrong, ""), SEED_TEXT, seed_of_run(), i);
        free(text);
        end(&h);
    }
}

/* ---- the screen ------------------------------------------------------------------------------ */

/* Every cell: one character that takes its columns, and what stands on it. */
static void watch_grid(const struct grid *g, struct watch *w)
{
    for (int y = 0; y < g->h; y++) {
        for (int x = 0; x < g->w; x++) {
            const struct cell *c = grid_at(g, y, x);
            if (!c->width)
                cr_assert(x > 0 && grid_at(g, y, x - 1)->width == 2);
            else
                cr_assert(wrap_columns(vitro_str_of(c->text)) == c->width && x + c->width <= g->w);
            watch_bytes(w, c->text, strlen(c->text));
        }
    }
}

static void look_at_all(struct ui *ui, struct grid *g, struct watch *w)
{
    for (uint32_t n = 1; n <= vitro_decode_count(ui->m.d); n++) {
        model_go(&ui->m, n);
        ui->m.depth = n % 9 + 1;
        ui->m.info = (enum info)(INFO_EXPLAIN + n % (INFO_COUNT - 1));
        ui->m.focus = (enum pane)(n % PANE_COUNT);
        ui_key(ui, n % 2 ? UI_DOWN : 'G');
        ui_look(ui);
        while (model_busy(&ui->m))
            model_work(&ui->m);
        ui_draw(ui, g);
        watch_grid(g, w);
    }
}

static void type(struct ui *ui, const char *text)
{
    for (; *text; text++)
        ui_key(ui, (unsigned char)*text);
}

/* What was typed is shown, too: in the prompt, in what is said of it, in the title. */
static void say_all(struct ui *ui, struct grid *g, struct watch *w, const char *name)
{
    static const char *const prompts[] = { "/", "&", ":", "w", ":bind " };

    for (size_t i = 0; i < ARRAY_LEN(prompts); i++) {
        type(ui, prompts[i]);
        type(ui, name);
        edit_put_text(&ui->edit, vitro_str_of(name)); /* also what no key would give */
        ui_draw(ui, g);
        watch_grid(g, w);
        if (prompts[i][0] != 'w')
            ui_key(ui, UI_ENTER);
        ui_key(ui, UI_ESCAPE);
        ui_key(ui, UI_ESCAPE);
        model_say(&ui->m, "%s", name);
        ui_draw(ui, g);
        watch_grid(g, w);
    }
}

Test(hostile, the_screen_is_cells_of_text, .timeout = 120)
{
    static const int sizes[][2] = { { 80, 24 }, { 60, 10 }, { 131, 41 } };

    for (size_t i = 0; i < CASES; i++) {
        const int *size = sizes[i % ARRAY_LEN(sizes)];
        struct watch w = { .kind = WATCH_TEXT };
        struct hostile_case h;
        struct grid g = { 0 };
        struct ui ui;

        begin(&h, i);
        ui_init(&ui, h.d, i % 2 ? VITRO_KOREAN : VITRO_ENGLISH, h.name);
        ui.ascii = i % 5 == 0;
        ui_resize(&ui, size[0], size[1]);
        grid_resize(&g, size[0], size[1]);
        model_grown(&ui.m);
        look_at_all(&ui, &g, &w);
        say_all(&ui, &g, &w, h.name);
        cr_assert(eq(str, w.wrong, ""), SEED_TEXT, seed_of_run(), i);
        ui_done(&ui);
        grid_done(&g);
        end(&h);
    }
}

Test(hostile, what_is_copied_is_text, .timeout = 120)
{
    for (size_t i = 0; i < CASES; i++) {
        struct hostile_case h;
        struct ui ui;

        begin(&h, i);
        ui_init(&ui, h.d, VITRO_ENGLISH, h.name);
        for (uint32_t n = 1; n <= vitro_decode_count(h.d); n++) {
            struct watch w = { .kind = WATCH_TEXT };
            char *text;
            model_go(&ui.m, n);
            ui.m.focus = (enum pane)(n % 3);
            text = ui_copy_text(&ui);
            if (text)
                watch_bytes(&w, text, strlen(text));
            cr_assert(eq(str, w.wrong, ""), SEED_TEXT, seed_of_run(), i);
            free(text);
        }
        ui_done(&ui);
        end(&h);
    }
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* What a command says on stderr. */
static size_t errors_of(void (*say)(const char *text), const char *text, char *out, size_t size)
{
    FILE *err = tmpfile();
    int keep = dup(STDERR_FILENO);
    size_t n;

    fflush(stderr);
    dup2(fileno(err), STDERR_FILENO);
    say(text);
    fflush(stderr);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(err);
    n = fread(out, 1, size, err);
    fclose(err);
    return n;
}

static void say_fail(const char *text)
{
    command_fail("inspect", text, text, text);
}

static void run(command_fn *command, char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    command(argc, argv);
}

static void say_inspect(const char *text)
{
    char *const t = (char *)text;

    run(inspect_main, (char *[]){ (char *)"inspect", (char *)"--plain", t, NULL });
    run(inspect_main, (char *[]){ (char *)"inspect", t, t, NULL });
    run(inspect_main, (char *[]){ (char *)"inspect", (char *)"--color", t, t, NULL });
    run(inspect_main,
        (char *[]){ (char *)"inspect", (char *)"--descriptor-set", t, (char *)"/dev/null", NULL });
}

static void say_call(const char *text)
{
    char *const t = (char *)text;

    run(call_main, (char *[]){ (char *)"call", t, t, NULL });
    run(call_main, (char *[]){ (char *)"call", (char *)"127.0.0.1:1", t, (char *)"-d", t, NULL });
    run(call_main, (char *[]){ (char *)"call", (char *)"unix:/nowhere",
                               (char *)"chat.ChatService/Chat", (char *)"-d", t, NULL });
    run(call_main, (char *[]){ (char *)"call", (char *)"unix:/nowhere",
                               (char *)"chat.ChatService/Chat", (char *)"-H", t, NULL });
    run(call_main, (char *[]){ (char *)"call", (char *)"unix:/nowhere",
                               (char *)"chat.ChatService/Chat", (char *)"--deadline", t, NULL });
}

static void say_serve(const char *text)
{
    run(serve_main, (char *[]){ (char *)"serve", (char *)"--threads", (char *)text, NULL });
    run(serve_main, (char *[]){ (char *)"serve", (char *)"--listen", (char *)"ipv4:", NULL });
}

static void say_learn(const char *text)
{
    run(learn_main, (char *[]){ (char *)"learn", (char *)text, NULL });
    run(learn_main, (char *[]){ (char *)"learn", (char *)"--lang", (char *)text, NULL });
}

Test(hostile, errors_are_lines_of_text, .timeout = 120)
{
    static void (*const commands[])(const char *text) = { say_fail, say_inspect, say_call,
                                                          say_serve, say_learn };
    static char out[1 << 16];
    struct chance chance = seed_chance();

    for (size_t i = 0; i < 40; i++) {
        char text[300] = "x";
        hostile_text(&chance, text + 1, sizeof text - 1);
        for (size_t k = 0; k < ARRAY_LEN(commands); k++) {
            struct watch w = { .kind = WATCH_TEXT };
            size_t n = errors_of(commands[k], text, out, sizeof out);
            cr_expect(gt(sz, n, 0));
            watch_bytes(&w, out, n);
            cr_assert(eq(str, w.wrong, ""), "command %zu " SEED_TEXT "\n%.*s", k, seed_of_run(), i,
                      (int)n, out);
        }
    }
}

/* ---- columns --------------------------------------------------------------------------------- */

/* Two versions of Unicode differ in some hundred new characters; a table that is wrong in more. */
Test(hostile, columns_are_those_of_the_c_library)
{
    unsigned differ = 0;

    cr_assert(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    for (uint32_t c = 0x20; c < 0x110000; c++) {
        int columns = wcwidth((wchar_t)c);
        if (columns >= 0 && vitro_utf8_printable(c) && wrap_columns_of(c) != columns)
            differ++;
    }
    cr_expect(lt(uint, differ, 500), "%u", differ);
}

Test(hostile, a_flood_of_marks_ends)
{
    char text[400], *out = NULL;
    size_t size;
    struct printer p = { .out = open_memstream(&out, &size) };

    strcpy(text, "e");
    for (int i = 0; i < 100; i++)
        strcat(text, "\xcc\x81");
    print_escaped(&p, vitro_str_of(text));
    fclose(p.out);
    cr_expect(eq(int, strncmp(out, text, 1 + 2 * 8), 0));
    cr_expect(ne(ptr, strstr(out, "\\u{301}\\u{301}"), NULL), "%s", out);
    free(out);
}

/* ---- the watch itself ------------------------------------------------------------------------ */

Test(hostile, the_watch_sees_what_it_is_for)
{
    static const char *const bad[] = { "\x1b]0;x\x07", "\x1b[6n",         "\x9b",  "\xc2\x9b",
                                       "\xe2\x80\xae", "\x1b]52;c;!\x07", "\x1bP", "\x07" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct watch w = { .kind = WATCH_SCREEN, .may_copy = true };
        cr_expect(not(watch_bytes(&w, bad[i], strlen(bad[i]))), "%zu", i);
    }
    for (int kind = WATCH_TEXT; kind <= WATCH_SCREEN; kind++) {
        struct watch w = { .kind = (enum watch_kind)kind, .may_copy = true };
        cr_expect(watch_bytes(&w, "plain 안녕\n", 13));
        cr_expect(eq(int, watch_bytes(&w, "\x1b[31m", 5), kind != WATCH_TEXT));
    }
    static const char sound[] = "\x1b[?1049h\x1b(B\x1b]52;c;YQ==\x07\r\x1b[3;4H";
    struct watch w = { .kind = WATCH_SCREEN, .may_copy = true };
    cr_expect(watch_bytes(&w, sound, sizeof sound - 1), "%s", w.wrong);
    cr_expect(eq(sz, w.copies, 1));
}
