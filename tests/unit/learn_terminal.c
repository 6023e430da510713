/* vitro learn on a pseudo terminal: a lesson played from its first page to its last, and what goes
 * wrong with its program. */
#include "support/terminal.h"

#include <signal.h>
#include <sys/stat.h>
#include <termios.h>

struct learner {
    struct terminal t;
    char dir[64]; /* a folder of the test's own: the learner's home, and a place for programs */
    char state[128];
};

static void open_learner(struct learner *l)
{
    memset(l, 0, sizeof *l);
    snprintf(l->dir, sizeof l->dir, "/tmp/vitro-learn-XXXXXX");
    cr_assert(mkdtemp(l->dir) != NULL);
    snprintf(l->state, sizeof l->state, "XDG_STATE_HOME=%s", l->dir);
}

static void run(struct learner *l, char *program, char *const *env, char *a, char *b)
{
    static char learn[] = "learn";
    char *const argv[] = { program, learn, a, b, NULL };
    char *all[8] = { l->state };

    for (int n = 1; env && *env; env++)
        all[n++] = *env;
    l->t.watch.kind = WATCH_SCREEN;
    begin_program(&l->t, "C.UTF-8", all, argv);
}

static void start(struct learner *l, char *const *env, const char *lesson)
{
    static char program[] = PROGRAM, name[32];

    open_learner(l);
    snprintf(name, sizeof name, "%s", lesson);
    run(l, program, env, name, NULL);
}

static void close_learner(struct learner *l)
{
    char command[128];

    end(&l->t);
    snprintf(command, sizeof command, "rm -rf %s", l->dir);
    cr_assert(eq(int, system(command), 0));
}

/* What stands in a file of the learner's; terminated. */
static void read_file(const struct learner *l, const char *name, char *out, size_t size)
{
    char path[256];
    FILE *f;
    size_t n = 0;

    snprintf(path, sizeof path, "%s/%s", l->dir, name);
    f = fopen(path, "r");
    if (f) {
        n = fread(out, 1, size - 1, f);
        fclose(f);
    }
    out[n] = 0;
}

/* The program of the lesson: the one child of ours. 0: none. */
static pid_t child_of(pid_t parent)
{
    char path[64], text[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    f = fopen(path, "r");
    if (f) {
        if (!fgets(text, sizeof text, f))
            text[0] = 0;
        fclose(f);
    }
    return atoi(text);
}

static bool is_gone(pid_t pid)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        if (kill(pid, 0) < 0)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

/* Enter, until a word is seen; each is given the time that a page needs. */
static void enter_until(struct terminal *t, const char *words)
{
    for (int i = 0; i < 80 && !strstr(t->text, words); i++)
        press(t, "\r");
    SEEN(t, words);
}

Test(lessons, a_whole_lesson_is_played_by_keys, .timeout = 300)
{
    static struct learner l;
    struct terminal *t = &l.t;
    char text[256];

    start(&l, NULL, "08");
    SEEN(t, "A chat client says hello");
    cr_expect(t->altscreen);
    enter_until(t, "Where does the status of the call travel?");
    keys(t, "\r"); /* nothing is chosen yet */
    SEEN(t, "first choose");
    keys(t, "jj");
    SEEN(t, "> b)");
    keys(t, "\r");
    SEEN(t, "b) is wrong, c) is right");
    SEEN(t, "b) wrong, your answer");
    enter_until(t, "part 5 of 17");
    SEEN(t, "5 held");
    keys(t, " "); /* step: it is on the wire, and has a number */
    SEEN(t, ">  14 > preface");
    keys(t, "bhttp2.type == DATA");
    SEEN(t, "ok");
    keys(t, "\r");
    SEEN(t, "the break is set");
    keys(t, "c");
    SEEN(t, ">next > DATA END");
    SEEN(t, "DATA, not yet sent");
    keys(t, "["); /* back over what happened */
    SEEN(t, ">  17 > HEADERS");
    keys(t, "2jjj");
    SEEN(t, "[HEADERS]");
    keys(t, "3\x1b[C\x1b[C");
    SEEN(t, "[bytes");
    keys(t, "t");
    SEEN(t, "explanation");
    keys(t, "t");
    SEEN(t, "HPACK tables here");
    keys(t, "t");
    SEEN(t, "windows here");
    keys(t, "\r"); /* to the text again, and on */
    SEEN(t, "Getting a connection");
    keys(t, "p"); /* a page back, and forth */
    SEEN(t, "How to read the bytes");
    enter_until(t, "to the list of lessons");
    SEEN(t, "What you have seen");
    keys(t, "\r");
    SEEN(t, "vitro  the lessons");
    SEEN(t, "20 min done");
    SEEN(t, "not written yet");
    keys(t, "q");
    finish(t);
    cr_expect(eq(int, t->status, 0));
    cr_expect(not(t->altscreen));
    read_file(&l, "vitro/progress", text, sizeof text);
    cr_expect(eq(str, text, (char *)"08-unary 1=b done\n"));
    close_learner(&l);
}

/* Enter alone, to the last page; a question is answered as it comes. */
static void read_through(struct terminal *t, const char *lesson)
{
    for (int i = 0; i < 300 && !strstr(t->text, "to the list of lessons"); i++) {
        if (strstr(t->text, "Enter answer") || strstr(t->text, "first choose"))
            press(t, "a");
        press(t, "\r");
        cr_assert_null(strstr(t->text, "did not happen in this run"), "%s\n%s", lesson, t->text);
    }
    SEEN(t, "to the list of lessons");
}

Test(lessons, each_is_read_to_its_end_and_all_happens_that_it_speaks_of, .timeout = 300)
{
    static const char *const names[] = { "00", "01", "12", "13", "14" };
    static struct learner l;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        start(&l, NULL, names[i]);
        SEEN(&l.t, "part 1 of");
        read_through(&l.t, names[i]);
        keys(&l.t, "\r");
        SEEN(&l.t, "vitro  the lessons");
        SEEN(&l.t, "min done");
        keys(&l.t, "q");
        finish(&l.t);
        cr_expect(eq(int, l.t.status, 0));
        close_learner(&l);
    }
}

Test(lessons, without_a_name_it_begins_with_orientation_and_q_leads_to_the_list, .timeout = 300)
{
    static struct learner l;

    open_learner(&l);
    static char program[] = PROGRAM, lang[] = "--lang", ko[] = "ko";
    run(&l, program, NULL, lang, ko);
    SEEN(&l.t, "길잡이");
    keys(&l.t, "\r");
    SEEN(&l.t, "[바이트 tcp:0:c2s 0000+24]");
    SEEN(&l.t, "50 52 49 20");
    keys(&l.t, "L");
    SEEN(&l.t, "[bytes tcp:0:c2s 0000+24]");
    SEEN(&l.t, "The first byte");
    keys(&l.t, "q");
    SEEN(&l.t, "vitro  the lessons");
    SEEN(&l.t, "5 min begun");
    keys(&l.t, "jjj\r"); /* 03 is not written */
    SEEN(&l.t, "not written yet: choose");
    keys(&l.t, "kk\r");
    SEEN(&l.t, "First bytes");
    keys(&l.t, "Q");
    finish(&l.t);
    cr_expect(eq(int, l.t.status, 0));
    close_learner(&l);
}

Test(lessons, who_comes_back_is_where_he_was, .timeout = 300)
{
    static struct learner l;

    start(&l, NULL, "08");
    enter_until(&l.t, "Where does the status of the call travel?");
    keys(&l.t, "a\r");
    SEEN(&l.t, "a) wrong, your answer");
    enter_until(&l.t, "part 10 of 17");
    SEEN(&l.t, "next > DATA END");
    keys(&l.t, "q");
    SEEN(&l.t, "vitro  the lessons");
    keys(&l.t, "\r");
    SEEN(&l.t, "here you were");
    SEEN(&l.t, "part 10 of 17");
    SEEN(&l.t, "next > DATA END"); /* the call was made again, to that frame */
    keys(&l.t, "Q");
    finish(&l.t);
    cr_expect(eq(int, l.t.status, 0));
    close_learner(&l);
}

Test(lessons, a_lesson_survives_one_by_one_and_keeps_its_place, .timeout = 300)
{
    static struct learner l;

    start(&l, NULL, "00");
    SEEN(&l.t, "Orientation");
    keys(&l.t, "\r");
    SEEN(&l.t, "part 2 of 11");
    resize(&l.t, 30, 4);
    SEEN(&l.t, "too small 30x4");
    keys(&l.t, "\r\r jc");
    resize(&l.t, 1, 1);
    SEEN(&l.t, "t");
    resize(&l.t, 120, 40);
    SEEN(&l.t, "part 2 of 11");
    SEEN(&l.t, "HPACK tables here");
    SEEN(&l.t, "next > SETTINGS");
    resize(&l.t, 80, 24);
    SEEN(&l.t, "part 2 of 11");
    keys(&l.t, "qq");
    finish(&l.t);
    cr_expect(eq(int, l.t.status, 0));
    close_learner(&l);
}

Test(lessons, killed_it_gives_the_terminal_back_and_its_program_ends, .timeout = 300)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

    for (size_t i = 0; i < 3; i++) {
        static struct learner l;
        struct termios before, after;
        pid_t child;
        start(&l, NULL, "00");
        SEEN(&l.t, "Orientation");
        keys(&l.t, "\r");
        SEEN(&l.t, "next > SETTINGS");
        child = child_of(l.t.pid);
        cr_assert(gt(int, child, 0));
        cr_assert(eq(int, tcgetattr(l.t.fd, &before), 0));
        cr_expect(not(before.c_lflag & ICANON));
        kill(l.t.pid, signals[i]);
        for (int ms = 0; ms < PATIENCE_MS && pump(&l.t, 10); ms += 10) {
            if (tcgetattr(l.t.fd, &after) == 0)
                before = after;
        }
        finish(&l.t);
        cr_expect(eq(int, WTERMSIG(l.t.status), signals[i]));
        cr_expect(not(l.t.altscreen));
        cr_expect(is_gone(child), "its program is left behind");
        close_learner(&l);
    }
}

static bool has_colour(struct terminal *t)
{
    for (int y = 0; y < 24; y++) {
        for (int x = 0; x < 80; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(t->screen, (VTermPos){ y, x }, &cell);
            if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg))
                return true;
        }
    }
    return false;
}

Test(lessons, colours_are_used_unless_somebody_wants_none, .timeout = 300)
{
    static char no_color[] = "NO_COLOR=1", c_locale[] = "LC_ALL=C";
    char *const plain[] = { no_color, c_locale, NULL };
    char *const *envs[] = { NULL, plain };

    for (int i = 0; i < 2; i++) {
        static struct learner l;
        start(&l, envs[i], "00");
        SEEN(&l.t, "Orientation");
        keys(&l.t, "\r");
        SEEN(&l.t, "next > SETTINGS");
        cr_expect(eq(int, has_colour(&l.t), i == 0));
        cr_expect(eq(int, strstr(l.t.text, "│") == NULL, i == 1), "%s", l.t.text);
        keys(&l.t, "Q");
        finish(&l.t);
        close_learner(&l);
    }
}

/* ---- programs that fail ---------------------------------------------------------------------- */

/* A copy of vitro whose lesson 08 has another program: a line of the shell. */
static void start_with(struct learner *l, const char *line)
{
    static char program[128], name[] = "08";
    char command[1024];

    open_learner(l);
    snprintf(command, sizeof command,
             "mkdir %s/bin %s/lessons && cp %s %s/bin/vitro && cp -r %s/08-unary %s/lessons/ &&"
             " printf '#!/bin/sh\\n%s\\n' >%s/lessons/08-unary/main",
             l->dir, l->dir, PROGRAM, l->dir, LESSONS, l->dir, line, l->dir);
    cr_assert(eq(int, system(command), 0));
    snprintf(program, sizeof program, "%s/bin/vitro", l->dir);
    run(l, program, NULL, name, NULL);
}

/* Text and list can be used still, and it ends as ever. */
static void leave(struct learner *l)
{
    keys(&l->t, "\r");
    SEEN(&l->t, "part 2 of 17");
    keys(&l->t, "q");
    SEEN(&l->t, "vitro  the lessons");
    keys(&l->t, "q");
    finish(&l->t);
    cr_expect(eq(int, l->t.status, 0));
    cr_expect(not(l->t.altscreen));
    close_learner(l);
}

Test(lessons, a_program_that_fails_says_why_and_the_screen_goes_on, .timeout = 300)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        { "echo no luck today >&2; exit 9", "no luck today" },
        { "exit 9", "ended with status 9" },
        { "kill -9 $$", "ended by signal" },
        { "head -c 65536 /dev/zero >&3; exit 9", "08-unary" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct learner l;
        start_with(&l, rows[i].line);
        SEEN(&l.t, rows[i].words);
        SEEN(&l.t, "part 1 of 17");
        leave(&l);
    }
}

Test(lessons, a_program_that_hangs_is_left_and_ended, .timeout = 300)
{
    static struct learner l;
    char pid[32];

    start_with(&l, "trap \"\" TERM; echo $$ >${0%%%%/lessons*}/pid; sleep 1000 3>&-; sleep 1000");
    SEEN(&l.t, "part 1 of 17");
    enter_until(&l.t, "Where does the status");
    keys(&l.t, "c\r");
    enter_until(&l.t, "part 5 of 17");
    SEEN(&l.t, "running");
    keys(&l.t, "\x1b");
    SEEN(&l.t, "Enter next");
    read_file(&l, "pid", pid, sizeof pid);
    cr_assert(gt(int, atoi(pid), 0));
    keys(&l.t, "q");
    SEEN(&l.t, "vitro  the lessons");
    cr_expect(is_gone(atoi(pid)), "the program is left behind");
    keys(&l.t, "q");
    finish(&l.t);
    cr_expect(eq(int, l.t.status, 0));
    close_learner(&l);
}

Test(lessons, progress_that_cannot_be_written_is_said_once, .timeout = 300)
{
    static struct learner l;
    static char nowhere[] = "XDG_STATE_HOME=/dev/null/x";
    char *const env[] = { nowhere, NULL };

    start(&l, env, "00");
    SEEN(&l.t, "not remembered");
    keys(&l.t, "\r");
    SEEN(&l.t, "part 2 of 11");
    keys(&l.t, "q");
    SEEN(&l.t, "begun"); /* as long as vitro runs */
    keys(&l.t, "q");
    finish(&l.t);
    cr_expect(eq(int, l.t.status, 0));
    close_learner(&l);
}
