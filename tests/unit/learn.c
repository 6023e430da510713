/*
 * learn - each lesson: its two texts, its program, and the events of a run; then the parts of
 * `vitro learn` one by one.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/lesson_code.h"
#include "../../tools/lesson_find.h"
#include "../../tools/lesson_selection.h"
#include "../../tools/lesson_show.h"
#include "../../tools/schemas.h"
#include "../../tools/source.h"
#include "../../tools/wrap.h"
#include "decode/why.h"
#include "support/seed.h"

/* ---- lessons -------------------------------------------------------------------------------- */

static const char *const languages[] = { "lesson.md", "lesson.ko.md" };

static void each_lesson(void (*test)(const char *dir))
{
    glob_t found;

    cr_assert_eq(glob(LESSONS "/[0-9]*", 0, NULL, &found), 0, "no lesson in " LESSONS);
    for (size_t i = 0; i < found.gl_pathc; i++)
        test(found.gl_pathv[i]);
    globfree(&found);
}

static void read_text(struct lesson_text *out, const char *dir, const char *name)
{
    vitro_error err = { 0 };
    char *markdown = lesson_file(dir, name, &err);

    cr_assert(markdown, "%s/%s: %s", dir, name, err.frame[0].text);
    cr_assert(lesson_text_read(out, markdown));
    free(markdown);
}

/* A run of a lesson's program, decoded. */
struct run {
    char path[64];
    struct source *source;
    vitro_decode *decode;
};

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    return source_lend(offset, len, user);
}

static void run_open(struct run *r, const char *dir)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    char command[512];
    int fd;

    snprintf(r->path, sizeof r->path, "/tmp/vitro-learn-XXXXXX");
    fd = mkstemp(r->path);
    cr_assert_geq(fd, 0);
    close(fd);
    snprintf(command, sizeof command, "VITRO_TRACE=file:%s %s/main >/dev/null", r->path, dir);
    cr_assert_eq(system(command), 0, "%s", command);
    cr_assert_eq(source_open(&r->source, r->path, NULL), VITRO_OK);
    options.lend = lend;
    options.user = r->source;
    options.keep = true;
    cr_assert_eq(vitro_decode_new(&r->decode, &options, NULL), VITRO_OK);
    cr_assert_eq(schemas_add_shipped(r->decode, NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_finish(r->decode, NULL), VITRO_OK);
}

static void run_close(struct run *r)
{
    vitro_decode_free(r->decode);
    source_close(r->source);
    unlink(r->path);
}

static bool is_same_choices(const struct lesson_block *a, const struct lesson_block *b)
{
    if (a->choice_count != b->choice_count)
        return false;
    for (size_t i = 0; i < a->choice_count; i++) {
        if (a->choices[i].right != b->choices[i].right)
            return false;
    }
    return true;
}

static void compare_languages(const char *dir)
{
    struct lesson_text en, ko;

    read_text(&en, dir, languages[0]);
    read_text(&ko, dir, languages[1]);
    for (size_t i = 0; i < en.count && i < ko.count; i++) {
        const struct lesson_block *a = &en.blocks[i], *b = &ko.blocks[i];
        cr_assert(a->kind == b->kind && a->level == b->level && a->number == b->number,
                  "%s: block %zu: line %d is not what line %d is in Korean", dir, i, a->line,
                  b->line);
        if (a->kind == LESSON_WIRE || a->kind == LESSON_CODE || a->kind == LESSON_VERBATIM)
            cr_assert_str_eq(a->text, b->text, "%s: line %d", dir, a->line);
        cr_assert(is_same_choices(a, b), "%s: line %d: other choices", dir, a->line);
    }
    cr_assert_eq(en.count, ko.count);
    lesson_text_done(&en);
    lesson_text_done(&ko);
}

Test(learn, both_languages_have_the_same_blocks_in_the_same_order)
{
    each_lesson(compare_languages);
}

static void check_questions(const char *dir)
{
    struct lesson_text t;
    size_t questions = 0;

    for (size_t l = 0; l < 2; l++) {
        read_text(&t, dir, languages[l]);
        cr_assert_gt(strlen(lesson_text_title(&t)), 0);
        for (size_t i = 0; i < t.count; i++) {
            const struct lesson_block *b = &t.blocks[i];
            size_t right = 0;
            if (b->kind != LESSON_PREDICT)
                continue;
            questions++;
            for (size_t c = 0; c < b->choice_count; c++) {
                right += b->choices[c].right;
                cr_assert(b->choices[c].text && *b->choices[c].text);
                cr_assert(b->choices[c].why && *b->choices[c].why, "%s: a choice without a why",
                          dir);
            }
            cr_assert(right == 1 && b->choice_count >= 2 && *b->text, "%s line %d", dir, b->line);
        }
        lesson_text_done(&t);
    }
    cr_assert_geq(questions, 2, "%s asks nothing", dir);
}

Test(learn, each_choice_of_a_question_is_explained_and_one_is_right)
{
    each_lesson(check_questions);
}

/* Some wire block shows or counts it. */
static bool is_shown(const struct lesson_text *t, const struct lesson_selection *shows,
                     vitro_decode *d, const vitro_event *ev)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->blocks[i].kind == LESSON_WIRE && (lesson_selection_has(&shows[i], ev->number) ||
                                                 lesson_selects(d, ev, t->blocks[i].text)))
            return true;
    }
    return false;
}

static void check_events(const char *dir)
{
    struct lesson_selection *shows;
    struct lesson_text t;
    struct run r;
    vitro_event ev;
    uint32_t count;

    run_open(&r, dir);
    read_text(&t, dir, languages[0]);
    count = vitro_decode_count(r.decode);
    cr_assert_gt(count, 0);
    shows = calloc(t.count, sizeof *shows);
    cr_assert_not_null(shows);
    for (size_t i = 0; i < t.count; i++)
        lesson_selection_init(&shows[i], t.blocks[i].kind == LESSON_WIRE ? t.blocks[i].text : "");
    cr_assert(lesson_selection_advance(shows, t.count, r.decode));
    for (uint32_t n = 1; vitro_decode_event(r.decode, n, &ev); n++)
        cr_assert(is_shown(&t, shows, r.decode, &ev), "%s: no wire block shows event %u", dir, n);
    for (size_t i = 0; i < t.count; i++) {
        uint32_t n = 1;
        if (t.blocks[i].kind != LESSON_WIRE)
            continue;
        while (vitro_decode_event(r.decode, n, &ev) &&
               !lesson_selects(r.decode, &ev, t.blocks[i].text))
            n++;
        cr_assert_leq(n, count, "%s line %d selects nothing", dir, t.blocks[i].line);
    }
    for (size_t i = 0; i < t.count; i++)
        lesson_selection_done(&shows[i]);
    free(shows);
    lesson_text_done(&t);
    run_close(&r);
}

Test(learn, every_event_of_a_run_is_shown_and_every_selector_finds_some)
{
    each_lesson(check_events);
}

/* A message that was cut: its stream was reset, and a block of the lesson shows it as it is. */
static bool is_cut_by_reset(vitro_decode *d, const vitro_event *cut)
{
    const uint8_t rst_stream = 3;
    bool reset = false;
    vitro_event ev;

    for (uint32_t n = 1; vitro_decode_event(d, n, &ev); n++)
        reset |= ev.kind == VITRO_EVENT_FRAME && ev.type == rst_stream && ev.stream == cut->stream;
    return reset && cut->bits == VITRO_EVENT_CUT &&
           (cut->kind == VITRO_EVENT_GRPC || cut->kind == VITRO_EVENT_UNKNOWN);
}

/* A message in an encoding that neither a server of ours nor the decoder knows: what a lesson wants
 * to show, and all of it is named. */
static bool is_foreign(const vitro_event *ev)
{
    return ev->kind == VITRO_EVENT_UNKNOWN && ev->why == WHY_ENCODING && !ev->bits;
}

static void check_tiling(const char *dir)
{
    vitro_error err = { 0 };
    vitro_decode_stats s;
    vitro_event ev;
    struct run r;

    run_open(&r, dir);
    cr_assert_eq(vitro_decode_check_tiling(r.decode, &err), VITRO_OK, "%s", err.frame[0].text);
    vitro_decode_stats_get(r.decode, &s);
    cr_assert_eq(s.lost, 0);
    for (uint32_t n = 1; vitro_decode_event(r.decode, n, &ev); n++)
        cr_assert((!ev.why && !ev.bits) || is_cut_by_reset(r.decode, &ev) || is_foreign(&ev),
                  "%s: event %u: %s", dir, n, vitro_decode_why(ev.why));
    run_close(&r);
}

Test(learn, each_byte_of_a_run_is_explained_once)
{
    each_lesson(check_tiling);
}

static void check_code(const char *dir)
{
    struct lesson_text t;

    read_text(&t, dir, languages[0]);
    for (size_t i = 0; i < t.count; i++) {
        char *colon, *code;
        int line;
        if (t.blocks[i].kind != LESSON_CODE)
            continue;
        colon = strchr(t.blocks[i].text, ':');
        cr_assert(colon, "%s line %d", dir, t.blocks[i].line);
        *colon = '\0';
        code = lesson_file(dir, t.blocks[i].text, NULL);
        cr_assert(code, "%s: no %s", dir, t.blocks[i].text);
        cr_assert_gt(lesson_code_find(code, colon + 1, &line).len, 0, "%s: no %s", dir, colon + 1);
        free(code);
    }
    lesson_text_done(&t);
}

Test(learn, each_code_block_names_a_definition_that_is_there)
{
    each_lesson(check_code);
}

/* All of a lesson as printed; to be freed. */
static char *print_lesson(const char *dir, vitro_decode *d, vitro_language language)
{
    struct lesson_text t;
    char *out = NULL;
    size_t len = 0;
    struct printer p = { .out = open_memstream(&out, &len), .explain = true };
    struct lesson_show show = { &p, d, dir };

    cr_assert(p.out);
    p.language = language;
    read_text(&t, dir, languages[language]);
    lesson_show(&show, &t);
    fclose(p.out);
    lesson_text_done(&t);
    cr_assert_eq(strlen(out), len, "a NUL among the text");
    return out;
}

static void check_print(const char *dir)
{
    struct run r;

    run_open(&r, dir);
    for (int language = 0; language < 2; language++) {
        char *out = print_lesson(dir, r.decode, (vitro_language)language);
        cr_assert_gt(strlen(out), 1000);
        for (const char *c = out; *c; c++)
            cr_assert(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f), "%s: byte %d at %td",
                      dir, *c, c - out);
        cr_assert_null(strstr(out, "(no such event"));
        cr_assert_null(strstr(out, "(not found)"));
        free(out);
    }
    run_close(&r);
}

Test(learn, printed_text_has_no_control_bytes)
{
    each_lesson(check_print);
}

/* ---- Korean in the English text -------------------------------------------------------------- */

/* What the scenarios say in Korean, the longer first, and what the English text has to say of it.
 */
static const struct {
    const char *korean, *english;
} glosses[] = {
    { "님에게 새로운 메시지가 있습니다.", "There is a new message for user 1." },
    { "개 파일, 총", "N files, M bytes in all, upload done" },
    { "바이트 업로드 완료", "N files, M bytes in all, upload done" },
    { "안녕하세요!", "Hello!" },
    { "반갑습니다!", "Nice to meet you!" },
    { "사용자", "user 1" },
    { "에코:", "echo:" },
    { "알림", "notification 1" },
    { "서버", "server" },
    { "인사", "greeting" },
    { "인증 실패", "authentication failed" },
    { "서울", "Seoul" },
    { "인천", "Incheon" },
};

enum { GLOSS_NEAR = 120 }; /* bytes between the Korean and the end of its gloss */

static bool is_hangul(const char *p)
{
    const unsigned char *c = (const unsigned char *)p; /* U+AC00 to U+D7A3, and the jamo */

    return (c[0] >= 0xea && c[0] <= 0xed && (c[1] & 0xc0) == 0x80) ||
           (c[0] == 0xe3 && c[1] >= 0x84);
}

/* The text has the gloss right behind the Korean, somewhere. */
static bool is_glossed(const char *text, const char *korean, const char *english)
{
    for (const char *p = text; (p = strstr(p, korean)); p += strlen(korean)) {
        const char *gloss = strstr(p, english);
        if (gloss && gloss - p <= GLOSS_NEAR)
            return true;
    }
    return false;
}

/* Take every listed payload out of text; what Hangul is left is not on the list. */
static void assert_glossed(const char *dir, const char *english, char *text)
{
    for (size_t i = 0; i < sizeof glosses / sizeof glosses[0]; i++) {
        const char *korean = glosses[i].korean;
        bool said = false;
        for (char *p = text; (p = strstr(p, korean)); said = true)
            memset(p, ' ', strlen(korean));
        if (said)
            cr_assert(is_glossed(english, korean, glosses[i].english), "%s: %s without \"%s\"", dir,
                      korean, glosses[i].english);
    }
    for (const char *p = text; *p; p++)
        cr_assert_not(is_hangul(p), "%s: no gloss is known for: %s", dir, p);
}

/* The prose of the English text, as one line; to be freed. */
static char *prose_of(const char *dir)
{
    struct lesson_text t;
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    read_text(&t, dir, languages[0]);
    for (size_t i = 0; i < t.count; i++) {
        const struct lesson_block *b = &t.blocks[i];
        if (b->kind == LESSON_WIRE || b->kind == LESSON_CODE)
            continue;
        fprintf(f, "%s ", b->text);
        for (size_t c = 0; c < b->choice_count; c++)
            fprintf(f, "%s %s ", b->choices[c].text, b->choices[c].why);
    }
    fclose(f);
    lesson_text_done(&t);
    return out;
}

static void put_texts(FILE *f, const vitro_detail *dt)
{
    fprintf(f, "%.*s\n", (int)dt->title.len, dt->title.ptr);
    for (size_t i = 0; i < dt->count; i++) {
        const vitro_item_field *field = dt->items[i].field;
        if (field && field->bare_text)
            fprintf(f, "%.*s\n", (int)field->value.len, field->value.ptr);
    }
}

/* All that the run of a lesson says and sends as text; to be freed. */
static char *texts_of(struct run *r)
{
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);
    vitro_event ev;
    vitro_detail dt;

    for (uint32_t n = 1; vitro_decode_event(r->decode, n, &ev); n++) {
        cr_assert_eq(vitro_decode_detail(r->decode, &ev, &dt, NULL), VITRO_OK);
        put_texts(f, &dt);
    }
    fclose(f);
    return out;
}

static void check_glosses(const char *dir)
{
    char *english = prose_of(dir), *prose = strdup(english), *texts;
    struct run r;

    run_open(&r, dir);
    texts = texts_of(&r);
    assert_glossed(dir, english, texts);
    assert_glossed(dir, english, prose);
    run_close(&r);
    free(texts);
    free(prose);
    free(english);
}

Test(learn, what_a_run_says_in_korean_has_a_gloss_in_the_english_text)
{
    each_lesson(check_glosses);
}

/* ---- programs -------------------------------------------------------------------------------- */

static void check_code_file(const char *dir, const char *name)
{
    char *code = lesson_file(dir, name, NULL);
    int lines = 0;

    cr_assert(code, "%s/%s", dir, name);
    for (const char *c = code; *c; c++)
        lines += *c == '\n';
    cr_assert_leq(lines, 150, "%s/%s", dir, name);
    cr_assert_null(strstr(code, "vitro/lab/"), "%s/%s uses what has no promise", dir, name);
    free(code);
}

static void check_program(const char *dir)
{
    char pattern[512];
    glob_t found;

    check_code_file(dir, "main.c");
    snprintf(pattern, sizeof pattern, "%s/*.c", dir);
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_code_file(dir, strrchr(found.gl_pathv[i], '/') + 1);
    globfree(&found);
}

Test(learn, a_program_is_a_scenario_of_at_most_150_lines)
{
    each_lesson(check_program);
}

/* ---- selectors ------------------------------------------------------------------------------ */

static uint32_t count_selected(vitro_decode *d, const char *selector)
{
    uint32_t selected = 0;
    vitro_event ev;

    for (uint32_t n = 1; vitro_decode_event(d, n, &ev); n++)
        selected += lesson_selects(d, &ev, selector);
    return selected;
}

Test(learn, a_selector_is_words_that_all_hold_and_alternatives)
{
    static const struct {
        const char *selector;
        uint32_t count;
    } cases[] = {
        { "PREFACE", 1 },
        { "SETTINGS", 4 },
        { "SETTINGS ACK", 2 },
        { "SETTINGS !ACK", 2 },
        { "c2s SETTINGS !ACK", 1 },
        { "s2c HEADERS 1 END_STREAM", 1 },
        { "s2c HEADERS 1 !END_STREAM", 1 },
        { "HEADERS 3", 0 },
        { "c2s DATA 1", 3 }, /* with its message and the message's fields */
        { "c2s GRPC", 2 },
        { "PROTOBUF chat.MessageRequest", 1 },
        { "chat.MessageResponse", 1 },
        { "NOTE say", 2 },
        { "NOTE say server", 1 },
        { "NOTE call=1", 5 },
        { "NOTE attempt call=1", 1 },
        { "NOTE schema file=chat.proto", 1 },
        { "call=", 0 },
        { "PREFACE, GOAWAY", 2 },
        { "  PREFACE ,,  ", 1 },
        { "headers", 0 },
        { "HEADER", 0 },
        { "", 0 },
        { " , ", 0 },
    };
    struct run r;

    run_open(&r, LESSONS "/08-unary");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(count_selected(r.decode, cases[i].selector), cases[i].count, "%s: %u",
                     cases[i].selector, count_selected(r.decode, cases[i].selector));
    cr_expect_eq(count_selected(r.decode, "all"), vitro_decode_count(r.decode));
    run_close(&r);
}

static uint32_t count_chosen(const struct lesson_selection *s, const vitro_decode *d)
{
    uint32_t chosen = 0;

    for (uint32_t n = 0; n <= vitro_decode_count(d) + 1000; n++)
        chosen += lesson_selection_has(s, n);
    return chosen;
}

/* Is an event of this kind, and of this frame's type, chosen? */
static bool is_chosen(const struct lesson_selection *s, vitro_decode *d, vitro_event_kind kind,
                      uint8_t type)
{
    vitro_event ev;

    for (uint32_t n = 1; vitro_decode_event(d, n, &ev); n++) {
        if (ev.kind == kind && ev.type == type && lesson_selection_has(s, n))
            return true;
    }
    return false;
}

Test(learn, a_frame_is_shown_with_its_record_and_what_else_that_holds)
{
    const uint8_t data = 23, headers = 1, settings = 4;
    struct lesson_selection s;
    struct run r;

    run_open(&r, LESSONS "/17-tls");
    lesson_selection_init(&s, "c2s DATA 1 conn=0");
    cr_assert(lesson_selection_advance(&s, 1, r.decode));
    cr_expect(!is_chosen(&s, r.decode, VITRO_EVENT_TLS, data));
    lesson_selection_done(&s);
    lesson_selection_init(&s, "c2s DATA 1 conn=0 ^");
    cr_assert(lesson_selection_advance(&s, 1, r.decode));
    cr_expect_eq(s.chosen, 6); /* the record, SETTINGS, HEADERS, DATA, the message, its fields */
    cr_expect_eq(count_chosen(&s, r.decode), s.chosen);
    cr_expect(is_chosen(&s, r.decode, VITRO_EVENT_TLS, data));
    cr_expect(is_chosen(&s, r.decode, VITRO_EVENT_FRAME, headers));
    cr_expect(is_chosen(&s, r.decode, VITRO_EVENT_FRAME, settings));
    lesson_selection_done(&s);
    run_close(&r);
}

Test(learn, a_range_shows_some_of_what_its_words_describe_and_counts_the_rest)
{
    static const struct {
        const char *selector;
        uint32_t shown; /* with what came out of them */
        unsigned term;
        uint32_t term_shown, count;
        bool counted;
        const char *words;
    } cases[] = {
        { "SETTINGS [1-3]", 3, 0, 3, 4, false, "SETTINGS" },
        { "SETTINGS [2]", 1, 0, 1, 4, false, "SETTINGS" },
        { " SETTINGS  !ACK [2-] ", 1, 0, 1, 2, false, "SETTINGS  !ACK" },
        { "SETTINGS [0]", 0, 0, 0, 4, false, "SETTINGS" },
        { "SETTINGS [+]", 0, 0, 0, 4, true, "SETTINGS" },
        { "SETTINGS [1+]", 1, 0, 1, 4, true, "SETTINGS" },
        { "SETTINGS [2-3+]", 2, 0, 2, 4, true, "SETTINGS" },
        { "SETTINGS [2-+]", 3, 0, 3, 4, true, "SETTINGS" },
        { "SETTINGS [5-9]", 0, 0, 0, 4, false, "SETTINGS" },
        { "SETTINGS [9999999999999-]", 0, 0, 0, 4, false, "SETTINGS" },
        { "SETTINGS [1-", 4, 0, 4, 4, false, "SETTINGS" },
        { "PREFACE, SETTINGS [1-2]", 3, 1, 2, 4, false, "SETTINGS" },
        { "DATA 1 [1]", 3, 0, 1, 2, false, "DATA 1" }, /* its message and fields come with it */
        { "DATA 1 [1], GRPC [2]", 5, 1, 1, 2, false, "GRPC" },
        { "SETTINGS", 4, 0, 4, 4, false, "SETTINGS" },
        { "[1]", 0, 0, 0, 0, false, "" },
    };
    struct run r;

    run_open(&r, LESSONS "/08-unary");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lesson_selection s;
        const struct lesson_term *t = &s.terms[cases[i].term];
        lesson_selection_init(&s, cases[i].selector);
        cr_assert(lesson_selection_advance(&s, 1, r.decode) &&
                  lesson_selection_advance(&s, 1, r.decode));
        cr_expect_eq(count_chosen(&s, r.decode), s.chosen);
        cr_expect_eq(s.chosen, cases[i].shown, "%s: %u", cases[i].selector, s.chosen);
        cr_expect(t->shown == cases[i].term_shown && t->count == cases[i].count, "%s: %u of %u",
                  cases[i].selector, t->shown, t->count);
        cr_expect_eq(lesson_selection_reach(&s), s.chosen + (t->counted ? t->count : 0));
        cr_expect_eq(t->counted, cases[i].counted, "%s", cases[i].selector);
        cr_expect(vitro_str_eq(t->words, vitro_str_of(cases[i].words)), "%s", cases[i].selector);
        lesson_selection_done(&s);
    }
    run_close(&r);
}

Test(learn, a_count_is_said_in_both_languages)
{
    struct lesson_term t = { .words = { "DATA 3 [", 6 }, .count = 607, .shown = 4 };
    char line[64];

    lesson_term_say(&t, VITRO_ENGLISH, line, sizeof line);
    cr_expect_str_eq(line, "DATA 3: 607 in all, 4 shown");
    lesson_term_say(&t, VITRO_KOREAN, line, sizeof line);
    cr_expect_str_eq(line, "DATA 3: 모두 607개, 4개를 보임");
    t.shown = 0;
    lesson_term_say(&t, VITRO_ENGLISH, line, sizeof line);
    cr_expect_str_eq(line, "DATA 3: 607 in all");
    lesson_term_say(&t, VITRO_ENGLISH, line, 12);
    cr_expect_str_eq(line, "DATA 3: 607");
}

/* ---- code, text, lines ---------------------------------------------------------------------- */

static const char code[] = "/* The file. */\n"
                           "#include <x.h>\n"
                           "\n"
                           "static int twice(int);\n"
                           "\n"
                           "/*\n"
                           " * Two of it.\n"
                           " */\n"
                           "static int twice(int n)\n"
                           "{\n"
                           "    return n * 2;\n"
                           "}\n"
                           "\n"
                           "static const int table[] = {\n"
                           "    1,\n"
                           "};\n"
                           "int twice_more(int n)\n"
                           "{\n"
                           "    return twice(twice(n));\n"
                           "}\n";

static void expect_code(const char *name, int line, const char *begin, const char *end)
{
    int at;
    vitro_str s = lesson_code_find(code, name, &at);

    cr_assert_gt(s.len, strlen(begin) + strlen(end), "%s", name);
    cr_expect_eq(at, line, "%s: %d", name, at);
    cr_expect_eq(memcmp(s.ptr, begin, strlen(begin)), 0, "%s", name);
    cr_expect_eq(memcmp(s.ptr + s.len - strlen(end), end, strlen(end)), 0, "%s", name);
}

Test(learn, code_is_found_with_its_comment_and_to_its_brace)
{
    int line;

    expect_code("twice", 6, "/*\n * Two", "* 2;\n}\n");
    expect_code("table", 14, "static const", "1,\n};\n");
    expect_code("twice_more", 17, "int twice_more", "n));\n}\n");
    cr_expect_eq(lesson_code_find(code, "thrice", &line).len, 0);
    cr_expect_eq(lesson_code_find("", "x", &line).len, 0);
    cr_expect_eq(lesson_code_find("int x(void)\n{", "x", &line).len, 13, "no end: all of it");
}

Test(learn, a_text_becomes_blocks)
{
    static const char markdown[] =
        "# A *title*\n\none\ntwo `x` [there](u)\n\n1. a\n2. b\n   - c\n\n"
        "> said\n\n```wire c2s HEADERS 1\n```\n\n```sh\nls\n```\n\n"
        "```predict\nWhy\nnot?\n- [ ] no\n  > wrong\n  > still\n"
        "- [x] yes\n  > right\n```\n\n```code main.c:play\n```\n";
    static const struct {
        enum lesson_block_kind kind;
        int level, number;
        const char *text;
    } want[] = {
        { LESSON_HEADING, 1, 0, "A title" },
        { LESSON_PARAGRAPH, 0, 0, "one two `x` there (u)" },
        { LESSON_ITEM, 1, 1, "a" },
        { LESSON_ITEM, 1, 2, "b" },
        { LESSON_ITEM, 2, 0, "c" },
        { LESSON_QUOTE, 0, 0, "said" },
        { LESSON_WIRE, 0, 0, "c2s HEADERS 1" },
        { LESSON_VERBATIM, 0, 0, "ls\n" },
        { LESSON_PREDICT, 0, 0, "Why not?" },
        { LESSON_CODE, 0, 0, "main.c:play" },
    };
    struct lesson_text t;

    cr_assert(lesson_text_read(&t, markdown));
    cr_assert_eq(t.count, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < t.count; i++) {
        cr_expect_eq(t.blocks[i].kind, want[i].kind, "%zu", i);
        cr_expect_eq(t.blocks[i].level, want[i].level, "%zu", i);
        cr_expect_eq(t.blocks[i].number, want[i].number, "%zu", i);
        cr_expect_str_eq(t.blocks[i].text, want[i].text);
    }
    cr_assert_eq(t.blocks[8].choice_count, 2);
    cr_expect_str_eq(t.blocks[8].choices[0].why, "wrong still");
    cr_expect(t.blocks[8].choices[1].right && !t.blocks[8].choices[0].right);
    lesson_text_done(&t);
}

/* Words of one to ten letters, of one or two columns. */
static void make_words(struct chance *c, char *out, size_t size)
{
    static const char *const letters[] = { "a", "\xea\xb0\x80", "b", "." };
    size_t len = 0;

    out[0] = '\0';
    for (uint64_t w = vitro_chance_below(c, 60); w; w--) {
        for (uint64_t n = vitro_chance_below(c, 10) + 1; n; n--)
            len += (size_t)snprintf(out + len, size - len, "%s", letters[vitro_chance_below(c, 4)]);
        len += (size_t)snprintf(out + len, size - len, "%s", w > 1 ? " " : "");
    }
}

Test(learn, wrapped_lines_have_eighty_columns_at_most_and_all_the_words)
{
    struct chance c = seed_chance();
    char text[4096], *out, *end;
    size_t len;

    for (size_t i = 0; i < 500; i++) {
        struct printer p = { .out = open_memstream(&out, &len) };
        make_words(&c, text, sizeof text);
        wrap_print(&p, "", "", text);
        fclose(p.out);
        cr_assert_eq(out[len - 1], '\n');
        for (char *line = out; *line; line = end + 1) {
            end = strchr(line, '\n');
            cr_assert_leq(wrap_columns((vitro_str){ line, (size_t)(end - line) }), 80,
                          "too long " SEED_TEXT, seed_of_run(), i);
            *end = ' ';
        }
        out[len - 1] = '\0';
        cr_assert_str_eq(out, text, "other words " SEED_TEXT, seed_of_run(), i);
        free(out);
    }
}

Test(learn, a_korean_letter_is_two_columns_wide)
{
    cr_expect_eq(wrap_columns(vitro_str_of("안녕하세요!")), 11);
    cr_expect_eq(wrap_columns(vitro_str_of("abc")), 3);
    cr_expect_eq(wrap_columns(vitro_str_of("")), 0);
}
