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
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>

#include "support/hand.h"

enum { PATIENCE_MS = 10000, TEXT = 65536 };

struct terminal {
    int fd, status;
    pid_t pid;
    bool over;
    VTerm *vt;
    VTermScreen *screen;
    bool altscreen, cursor;
    char text[TEXT];
    char path[64];
    size_t raw_escapes; /* of kinds that vitro never sends: strings for the terminal's title */
};

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct terminal *t = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        t->altscreen = value->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        t->cursor = value->boolean;
    if (prop == VTERM_PROP_TITLE)
        t->raw_escapes++;
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

static void begin(struct terminal *t, const char *locale, char *const *env)
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
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", locale, 1);
        unsetenv("NO_COLOR");
        unsetenv("LINES");
        unsetenv("COLUMNS");
        for (; env && *env; env++)
            putenv(*env);
        execl(PROGRAM, PROGRAM, "inspect", t->path, (char *)NULL);
        _exit(127);
    }
}

/* A capture of one call, with a path that would set the terminal's title. */
static void capture(struct terminal *t)
{
    struct hand h;
    FILE *out;
    int fd;

    memset(t, 0, sizeof *t);
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

Test(terminal, a_capture_is_walked_by_keys_and_the_terminal_given_back, .timeout = 60)
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

Test(terminal, it_survives_one_by_one_and_keeps_its_place, .timeout = 60)
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

Test(terminal, what_a_peer_wrote_never_reaches_it_raw, .timeout = 60)
{
    static struct terminal t;

    capture(&t);
    begin(&t, "C.UTF-8", NULL);
    SEEN(&t, "[events]");
    keys(&t, "/pwned\r");
    SEEN(&t, "\\u{1b}]0;pwned");
    cr_expect(eq(sz, t.raw_escapes, 0));
    cr_expect(t.altscreen);
    keys(&t, "Q");
    finish(&t);
    end(&t);
}

Test(terminal, killed_it_gives_the_terminal_back, .timeout = 60)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

    for (size_t i = 0; i < 3; i++) {
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

Test(terminal, a_locale_of_c_and_no_color_are_heeded, .timeout = 60)
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
