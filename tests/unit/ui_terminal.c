/* The life of the screen on a terminal: keys, sizes, signals, the mouse, the configuration. */
#include "support/terminal.h"

#include <sys/stat.h>
#include <termios.h>

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

/* ---- the mouse and the configuration --------------------------------------------------------- */

/*
 * A button, 64 and 65 for the wheel, as xterm reports it (mode 1006), and what is seen then. A
 * button is let go behind that: of two reports that it reads at once ncurses may lose the first.
 */
static void point(struct terminal *t, int button, int row, int column, const char *words)
{
    char bytes[64];

    snprintf(bytes, sizeof bytes, "\x1b[<%d;%d;%dM", button, column + 1, row + 1);
    keys(t, bytes);
    SEEN(t, words);
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
    point(&t, 0, 5, 5, ">   4");
    point(&t, 65, 5, 5, ">   7");
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
    point(&t, 0, 23, 2, "this help"); /* its hint */
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
