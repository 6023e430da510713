/* The real program on a pseudo terminal, read by a terminal emulator. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>

#include "base/util.h"
#include "support/hand.h"
#include "support/hostile.h"

enum { PATIENCE_MS = 10000, TEXT = 65536 };

struct terminal {
    int fd, status;
    pid_t pid;
    bool over;
    VTerm *vt;
    VTermScreen *screen;
    bool altscreen, cursor;
    char text[TEXT];
    char path[256];
    struct watch watch; /* over every byte that came */
    bool mouse;         /* it is reported */
    char tail[16];      /* the last bytes that came */
};

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct terminal *t = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        t->altscreen = value->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        t->cursor = value->boolean;
    return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = on_property };

/* What the screen shows now, as lines. */
static void read_screen(struct terminal *t)
{
    int rows, cols;
    size_t len = 0;

    vterm_get_size(t->vt, &rows, &cols);
    for (int y = 0; y < rows; y++) {
        VTermRect row = { y, y + 1, 0, cols };
        len += vterm_screen_get_text(t->screen, t->text + len, TEXT - len - 2, row);
        t->text[len++] = '\n';
    }
    t->text[len] = 0;
}

/* DEC private mode 1000, which libvterm hears of only when it is asked for alone. */
static void watch_mouse(struct terminal *t, char byte)
{
    memmove(t->tail, t->tail + 1, sizeof t->tail - 1);
    t->tail[sizeof t->tail - 1] = byte;
    if (memcmp(t->tail + sizeof t->tail - 5, "1000h", 5) == 0)
        t->mouse = true;
    if (memcmp(t->tail + sizeof t->tail - 5, "1000l", 5) == 0)
        t->mouse = false;
}

/* Take what the program has written; false when it is gone. */
static bool pump(struct terminal *t, int wait_ms)
{
    struct pollfd fd = { t->fd, POLLIN, 0 };
    char buf[4096];
    ssize_t n;

    if (t->over || poll(&fd, 1, wait_ms) <= 0)
        return !t->over;
    n = read(t->fd, buf, sizeof buf);
    if (n <= 0) {
        t->over = true;
        return false;
    }
    watch_bytes(&t->watch, buf, (size_t)n);
    for (ssize_t i = 0; i < n; i++)
        watch_mouse(t, buf[i]);
    cr_assert_str_empty(t->watch.wrong);
    vterm_input_write(t->vt, buf, (size_t)n);
    read_screen(t);
    return true;
}

static bool seen(struct terminal *t, const char *text)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        if (strstr(t->text, text))
            return true;
        if (!pump(t, 10))
            break;
    }
    return strstr(t->text, text) != NULL;
}

#define SEEN(t, words) cr_assert(seen(t, words), "not on the screen: %s\n%s", words, (t)->text)

/* The child: NAME=VALUE in env stands, and nothing else of ours that would change the screen. */
static void become(struct terminal *t, char *const *env, char *const *options)
{
    static const char *const not_ours[] = { "NO_COLOR", "CLICOLOR_FORCE",  "LINES",
                                            "COLUMNS",  "XDG_CONFIG_HOME", "XDG_CACHE_HOME" };
    char *args[16] = { (char *)PROGRAM, (char *)"inspect", t->path };
    size_t n = 3;

    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        unsetenv(not_ours[i]);
    setenv("TERM", "xterm-256color", 1);
    setenv("HOME", "/nonexistent", 1);
    for (; env && *env; env++)
        putenv(*env);
    for (; options && *options; options++)
        args[n++] = *options;
    execv(PROGRAM, args);
    _exit(127);
}

static void begin_with(struct terminal *t, const char *locale, char *const *env,
                       char *const *options)
{
    struct winsize size = { 24, 80, 0, 0 };

    t->vt = vterm_new(24, 80);
    vterm_set_utf8(t->vt, 1);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_reset(t->screen, 1);
    t->cursor = true;
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    cr_assert(t->pid >= 0);
    if (t->pid == 0) {
        setenv("LC_ALL", locale, 1);
        become(t, env, options);
    }
}

static void begin(struct terminal *t, const char *locale, char *const *env)
{
    begin_with(t, locale, env, NULL);
}

/* A capture of one call, with a path that would set the terminal's title. */
static void capture(struct terminal *t)
{
    struct hand h;
    FILE *out;
    int fd;

    memset(t, 0, sizeof *t);
    t->watch.kind = WATCH_SCREEN;
    hand_open(&h);
    hand_request(&h, 1, "application/grpc");
    hand_data(&h, 0, 1, FRAME_END_STREAM, "00 00000007 0a05 ec9588 6f6b");
    hand_headers(&h, 1, 1, FRAME_END_STREAM, ":status", "200", "x", "\x1b]0;pwned\x07\x1b[?1049l",
                 NULL);
    hand_decode(&h);
    snprintf(t->path, sizeof t->path, "/tmp/vitro-ui-XXXXXX");
    fd = mkstemp(t->path);
    out = fdopen(fd, "w");
    fwrite(h.w.ptr, 1, h.w.len, out);
    fclose(out);
    hand_done(&h);
}

static void keys(struct terminal *t, const char *text)
{
    cr_assert(eq(sz, (size_t)write(t->fd, text, strlen(text)), strlen(text)));
}

static void resize(struct terminal *t, int w, int h)
{
    struct winsize size = { (unsigned short)h, (unsigned short)w, 0, 0 };

    t->text[0] = 0;
    vterm_set_size(t->vt, h, w);
    cr_assert(eq(int, ioctl(t->fd, TIOCSWINSZ, &size), 0));
}

static void finish(struct terminal *t)
{
    for (int ms = 0; ms < PATIENCE_MS && pump(t, 10); ms += 10)
        ;
    cr_assert(t->over, "the program does not end\n%s", t->text);
    waitpid(t->pid, &t->status, 0);
    close(t->fd);
    unlink(t->path);
}

static void end(struct terminal *t)
{
    vterm_free(t->vt);
}

Test(terminal, a_capture_is_walked_by_keys_and_the_terminal_given_back, .timeout = 120)
{
    static struct terminal t;

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    SEEN(&t, "? help  q quit");
    cr_expect(t.altscreen);
    keys(&t, "/:path\r");
    SEEN(&t, ">   6 > HEADERS");
    keys(&t, "\t");
    SEEN(&t, "[HEADERS]");
    keys(&t, "t");
    SEEN(&t, "HPACK tables here");
    keys(&t, "t");
    SEEN(&t, "windows here");
    keys(&t, "t");
    SEEN(&t, "ladder");
    keys(&t, "1]\r\r");
    SEEN(&t, "안ok");
    keys(&t, "?");
    SEEN(&t, "this help");
    keys(&t, "q&http2.type == 1\r");
    SEEN(&t, "2 of ");
    keys(&t, "q");
    finish(&t);
    cr_expect(eq(int, t.status, 0));
    cr_expect(not(t.altscreen));
    cr_expect(t.cursor);
    end(&t);
}

Test(terminal, it_survives_one_by_one_and_keeps_its_place, .timeout = 120)
{
    static struct terminal t;

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    keys(&t, "/:path\r");
    SEEN(&t, ">   6 > HEADERS");
    resize(&t, 30, 4);
    SEEN(&t, "too small 30x4");
    keys(&t, "jjj");
    resize(&t, 1, 1);
    SEEN(&t, "t");
    resize(&t, 120, 40);
    SEEN(&t, "windows here");
    SEEN(&t, ">   6 > HEADERS");
    keys(&t, "Q");
    finish(&t);
    cr_expect(eq(int, t.status, 0));
    end(&t);
}

Test(terminal, what_a_peer_wrote_never_reaches_it_raw, .timeout = 120)
{
    static struct terminal t;

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    keys(&t, "/pwned\r");
    SEEN(&t, "\\u{1b}]0;pwned");
    cr_expect(t.altscreen);
    keys(&t, "Q");
    finish(&t);
    end(&t);
}

Test(terminal, killed_it_gives_the_terminal_back, .timeout = 120)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT };

    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        static struct terminal t;
        struct termios before, after;
        capture(&t);
        begin(&t, "C.UTF-8", NULL);
        SEEN(&t, "[events]");
        cr_assert(eq(int, tcgetattr(t.fd, &before), 0));
        cr_expect(not(before.c_lflag & ICANON));
        kill(t.pid, signals[i]);
        for (int ms = 0; ms < PATIENCE_MS && pump(&t, 10); ms += 10) {
            if (tcgetattr(t.fd, &after) == 0)
                before = after;
        }
        finish(&t);
        cr_expect(eq(int, WTERMSIG(t.status), signals[i]));
        cr_expect(not(t.altscreen));
        cr_expect(t.cursor);
        end(&t);
    }
}

Test(terminal, a_locale_of_c_and_no_color_are_heeded, .timeout = 120)
{
    static struct terminal t;
    static char no_color[] = "NO_COLOR=1";
    char *const env[] = { no_color, NULL };

    capture(&t);
    begin(&t, "C", env);
    SEEN(&t, "[events]-----");
    keys(&t, "/:path\r1]\r\r");
    SEEN(&t, "\\u{c548}ok");
    for (int y = 0; y < 24; y++) {
        for (int x = 0; x < 80; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(t.screen, (VTermPos){ y, x }, &cell);
            cr_assert(eq(int, VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) != 0, 1));
            cr_assert(cell.chars[0] < 0x80);
        }
    }
    keys(&t, "Q");
    finish(&t);
    end(&t);
}

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

Test(terminal, of_hostile_texts_nothing_reaches_it_but_text, .timeout = 120)
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
        keys(&t, "/pwned\r&frame\r");
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

Test(terminal, a_copy_is_the_same_in_the_clipboard_and_in_the_file, .timeout = 120)
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

Test(terminal, bytes_that_are_no_character_cost_no_other_key, .timeout = 120)
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

Test(terminal, any_kind_of_terminal_shows_the_selection, .timeout = 120)
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

Test(terminal, an_option_says_more_of_colours_than_the_environment, .timeout = 120)
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

/* ---- the mouse and the configuration --------------------------------------------------------- */

/* A button, 64 and 65 for the wheel, as xterm reports it (mode 1006). */
static void point(struct terminal *t, int button, int row, int column)
{
    char bytes[64];

    snprintf(bytes, sizeof bytes, "\x1b[<%d;%d;%dM", button, column + 1, row + 1);
    keys(t, bytes);
    bytes[strlen(bytes) - 1] = 'm';
    if (button < 64)
        keys(t, bytes);
}

Test(terminal, the_mouse_is_off_until_it_is_asked_for, .timeout = 120)
{
    static struct terminal t;
    static char *const mouse[] = { (char *)"--mouse", NULL };

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    cr_expect(not(t.mouse));
    keys(&t, "%");
    SEEN(&t, "mouse on");
    cr_expect(t.mouse);
    point(&t, 0, 5, 5);
    SEEN(&t, ">   4");
    point(&t, 65, 5, 5);
    SEEN(&t, ">   7");
    keys(&t, "%");
    SEEN(&t, "mouse off");
    cr_expect(not(t.mouse));
    keys(&t, "q");
    finish(&t);
    end(&t);

    capture(&t);
    begin_with(&t, "C.UTF-8", NULL, mouse);
    SEEN(&t, "[events]");
    cr_expect(t.mouse);
    point(&t, 0, 23, 2); /* the hint of the help */
    SEEN(&t, "this help");
    kill(t.pid, SIGTERM);
    finish(&t);
    cr_expect(not(t.mouse));
    end(&t);
}

Test(terminal, a_mistake_in_the_configuration_is_told_and_the_rest_used, .timeout = 120)
{
    static struct terminal t;
    char directory[] = "/tmp/vitro-config-XXXXXX", path[64], config[64];
    char *env[] = { config, NULL };
    FILE *out;

    cr_assert_not_null(mkdtemp(directory));
    snprintf(config, sizeof config, "XDG_CONFIG_HOME=%s", directory);
    snprintf(path, sizeof path, "%s/vitro", directory);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/vitro/config", directory);
    out = fopen(path, "w");
    fputs("language ko\nmouse yes\nbind x help\n", out);
    fclose(out);
    capture(&t);
    begin(&t, "C.UTF-8", env);
    SEEN(&t, "[이벤트]");
    SEEN(&t, "config:2: mouse: on off");
    keys(&t, "x");
    SEEN(&t, "이 도움말");
    keys(&t, "qq");
    finish(&t);
    SEEN(&t, "config:2: mouse: on off; the rest"); /* where the shell is */
    unlink(path);
    snprintf(path, sizeof path, "%s/vitro", directory);
    rmdir(path);
    rmdir(directory);
    end(&t);
}
