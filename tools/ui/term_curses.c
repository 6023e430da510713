/*
 * term_curses - the one file that knows curses.
 *
 * Keys come from /dev/tty when stdin carries the capture. The terminal is given back on every
 * way out: a signal's handler may not call curses, so what restores the screen is kept as bytes
 * and written by write(2).
 */
#include "ui/term.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR         1
#define NCURSES_NOMACROS         1
#define NCURSES_ENABLE_STDBOOL_H 1
#include <curses.h>
#include <term.h>

#include "base/text.h"

enum { RESTORE = 256, COPY_MOST = 74994 /* what xterm takes, in base64 100,000 */ };

static struct {
    SCREEN *screen;
    FILE *keys;
    int fd; /* of the keys */
    bool color, mouse;
    enum theme theme;
    char partial[4]; /* of a character that is being typed */
    size_t partial_len;
    struct termios before;
    char restore[RESTORE];
    size_t restore_len;
    attr_t attrs[ST_COUNT];
    short pairs[ST_COUNT];
} term;

/* ---- locale ---------------------------------------------------------------------------------- */

static bool asks_for_ascii(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strcmp(v, "C") == 0 || strcmp(v, "POSIX") == 0;
    }
    return false;
}

bool term_locale(void)
{
    const char *name = getenv("TERM");

    setlocale(LC_CTYPE, "");
    if (asks_for_ascii() || !name || strcmp(name, "linux") == 0 || strcmp(name, "dumb") == 0)
        return true;
    if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return false;
    return !setlocale(LC_CTYPE, "C.UTF-8") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

/* ---- giving the terminal back ---------------------------------------------------------------- */

static void keep(const char *capability)
{
    const char *s = tigetstr(capability);
    size_t n;

    if (!s || s == (const char *)-1)
        return;
    n = strlen(s);
    if (strchr(s, '$') || term.restore_len + n >= RESTORE) /* padding: curses alone can do it */
        return;
    memcpy(term.restore + term.restore_len, s, n);
    term.restore_len += n;
}

static void put_all(const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(STDOUT_FILENO, p, n);
        if (k <= 0 && errno != EINTR)
            return;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
}

/* Every way of reporting that a terminal of the xterm kind may have been asked for. */
static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l";

static void die(int sig)
{
    tcsetattr(term.fd, TCSANOW, &term.before); /* first: who sees the shell's screen may type */
    if (term.mouse)
        put_all(mouse_off, sizeof mouse_off - 1);
    put_all(term.restore, term.restore_len);
    raise(sig); /* its action is the default again: SA_RESETHAND */
}

static void catch_signals(void)
{
    static const int deadly[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT,
                                  SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    struct sigaction sa = { .sa_handler = die, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &sa, NULL);
    sigemptyset(&sa.sa_mask);
    sigaddset(&sa.sa_mask, SIGWINCH); /* it comes while term_key() waits, not before */
    sigprocmask(SIG_BLOCK, &sa.sa_mask, NULL);
    signal(SIGTSTP, SIG_DFL); /* stopping is term_stop()'s */
    signal(SIGPIPE, SIG_IGN);
}

/* ---- colours --------------------------------------------------------------------------------- */

struct look {
    short fg256, bg256, fg8, bg8;
    attr_t attr;
};

/* Blue and orange: told apart by most eyes. -1: the terminal's own. */
static const struct look looks[2][ST_COUNT] = {
    [THEME_DARK] = {
        [ST_TEXT] = { -1, -1, -1, -1, A_NORMAL },
        [ST_DIM] = { 245, -1, -1, -1, A_NORMAL },
        [ST_TITLE] = { 231, 24, COLOR_WHITE, COLOR_BLUE, A_BOLD },
        [ST_HEAD] = { -1, -1, -1, -1, A_BOLD },
        [ST_FOCUS] = { 16, 117, COLOR_BLACK, COLOR_CYAN, A_BOLD },
        [ST_PICK] = { -1, -1, -1, -1, A_REVERSE },
        [ST_MARK] = { 231, 60, -1, -1, A_BOLD | A_UNDERLINE },
        [ST_C2S] = { 75, -1, COLOR_CYAN, -1, A_NORMAL },
        [ST_S2C] = { 215, -1, COLOR_YELLOW, -1, A_NORMAL },
        [ST_NOTE] = { 245, -1, -1, -1, A_NORMAL },
        [ST_BAD] = { 203, -1, COLOR_RED, -1, A_BOLD },
        [ST_OK] = { 114, -1, COLOR_GREEN, -1, A_BOLD },
        [ST_KEY] = { 222, -1, COLOR_YELLOW, -1, A_BOLD },
    },
    [THEME_LIGHT] = {
        [ST_TEXT] = { -1, -1, -1, -1, A_NORMAL },
        [ST_DIM] = { 242, -1, -1, -1, A_NORMAL },
        [ST_TITLE] = { 231, 25, COLOR_WHITE, COLOR_BLUE, A_BOLD },
        [ST_HEAD] = { -1, -1, -1, -1, A_BOLD },
        [ST_FOCUS] = { 231, 31, COLOR_WHITE, COLOR_BLUE, A_BOLD },
        [ST_PICK] = { -1, -1, -1, -1, A_REVERSE },
        [ST_MARK] = { 16, 153, -1, -1, A_BOLD | A_UNDERLINE },
        [ST_C2S] = { 25, -1, COLOR_BLUE, -1, A_NORMAL },
        [ST_S2C] = { 130, -1, COLOR_MAGENTA, -1, A_NORMAL },
        [ST_NOTE] = { 242, -1, -1, -1, A_NORMAL },
        [ST_BAD] = { 160, -1, COLOR_RED, -1, A_BOLD },
        [ST_OK] = { 28, -1, COLOR_GREEN, -1, A_BOLD },
        [ST_KEY] = { 94, -1, COLOR_BLUE, -1, A_BOLD },
    },
};

static const attr_t plain[ST_COUNT] = {
    [ST_TITLE] = A_REVERSE,
    [ST_HEAD] = A_BOLD,
    [ST_FOCUS] = A_REVERSE,
    [ST_PICK] = A_REVERSE,
    [ST_MARK] = A_BOLD | A_UNDERLINE,
    [ST_BAD] = A_BOLD,
    [ST_OK] = A_BOLD,
    [ST_KEY] = A_BOLD,
};

void term_theme(enum theme theme)
{
    bool many = COLORS >= 256, color = term.color && theme != THEME_PLAIN;

    term.theme = theme;
    for (int i = 0; i < ST_COUNT; i++) {
        const struct look *l = &looks[color ? theme : THEME_DARK][i];
        short fg = l->fg8, bg = l->bg8;

        term.attrs[i] = color ? l->attr : plain[i];
        term.pairs[i] = 0;
        if (many) {
            fg = l->fg256;
            bg = l->bg256;
        }
        if (color && init_pair((short)(i + 1), fg, bg) != ERR)
            term.pairs[i] = (short)(i + 1);
    }
}

/* A terminal that lies about its colours is shown without. */
static void set_up_colors(bool wanted)
{
    term.color =
        wanted && has_colors() && start_color() != ERR && COLORS >= 8 && COLOR_PAIRS > ST_COUNT;
    if (term.color && use_default_colors() == ERR)
        term.color = false;
}

/* ---- opening --------------------------------------------------------------------------------- */

bool term_open(const struct term_options *options)
{
    const char *name = getenv("TERM");

    memset(&term, 0, sizeof term);
    if (!name || !*name || strcmp(name, "dumb") == 0 || !isatty(STDOUT_FILENO))
        return false;
    term.keys = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
    if (!term.keys)
        return false;
    term.fd = fileno(term.keys);
    if (tcgetattr(term.fd, &term.before) < 0)
        return false;
    set_escdelay(25);
    term.screen = newterm(NULL, stdout, term.keys);
    if (!term.screen)
        return false;
    keep("sgr0");
    keep("cnorm");
    keep("rmkx");
    keep("rmcup");
    catch_signals();
    raw();
    noecho();
    nonl();
    keypad(stdscr, true);
    nodelay(stdscr, true);
    curs_set(0);
    set_up_colors(options->color);
    term_theme(options->theme);
    if (options->mouse)
        term_mouse(true);
    return true;
}

void term_close(void)
{
    if (!term.screen)
        return;
    endwin();
    delscreen(term.screen);
    if (term.keys != stdin)
        fclose(term.keys);
    memset(&term, 0, sizeof term);
}

/* ---- showing --------------------------------------------------------------------------------- */

void term_size(int *w, int *h)
{
    *w = getmaxx(stdscr);
    *h = getmaxy(stdscr);
}

/* The C library, and with it curses, may know another Unicode than we do. */
static bool is_known(const wchar_t *wide, int width)
{
    if (wcwidth(wide[0]) != width)
        return false;
    for (size_t i = 1; wide[i]; i++) {
        if (wcwidth(wide[i]) != 0)
            return false;
    }
    return true;
}

static void put_cell(int y, int x, const struct cell *c)
{
    wchar_t wide[CELL_TEXT];
    cchar_t out;
    size_t n = mbstowcs(wide, c->text, CELL_TEXT - 1);
    int times = 1;

    wide[n == (size_t)-1 ? 0 : n < CCHARW_MAX ? n : CCHARW_MAX] = 0;
    if (!wide[0] || !is_known(wide, c->width)) {
        wide[0] = L'?';
        wide[1] = 0;
        times = c->width;
    }
    for (int i = 0; i < times; i++) {
        if (setcchar(&out, wide, term.attrs[c->style], term.pairs[c->style], NULL) != ERR)
            mvadd_wch(y, x + i, &out);
    }
}

void term_draw(const struct grid *g)
{
    for (int y = 0; y < g->h && y < getmaxy(stdscr); y++) {
        for (int x = 0; x < g->w && x < getmaxx(stdscr); x++) {
            const struct cell *c = grid_at(g, y, x);
            if (c->width)
                put_cell(y, x, c);
        }
    }
    refresh();
}

void term_redraw(void)
{
    clearok(curscr, true);
}

/* ---- the mouse ------------------------------------------------------------------------------- */

void term_mouse(bool on)
{
    mouseinterval(0); /* a click is told when it happens, not when it is no double click */
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
    term.mouse = on;
}

bool term_mouse_event(enum mouse *what, int *y, int *x)
{
    MEVENT ev;

    if (getmouse(&ev) == ERR)
        return false;
    *y = ev.y;
    *x = ev.x;
    *what = ev.bstate & BUTTON4_PRESSED   ? MOUSE_WHEEL_UP
            : ev.bstate & BUTTON5_PRESSED ? MOUSE_WHEEL_DOWN
                                          : MOUSE_CLICK;
    return (ev.bstate & (BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED)) != 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static const struct {
    int curses, ours;
} special[] = {
    { KEY_UP, UI_UP },         { KEY_DOWN, UI_DOWN },
    { KEY_LEFT, UI_LEFT },     { KEY_RIGHT, UI_RIGHT },
    { KEY_HOME, UI_HOME },     { KEY_END, UI_END },
    { KEY_PPAGE, UI_PAGE_UP }, { KEY_NPAGE, UI_PAGE_DOWN },
    { KEY_BTAB, UI_BACKTAB },  { KEY_BACKSPACE, UI_BACKSPACE },
    { KEY_DC, UI_DELETE },     { KEY_ENTER, UI_ENTER },
    { KEY_RESIZE, UI_RESIZE }, { KEY_MOUSE, UI_MOUSE },
};

static int special_key(int c)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (c == special[i].curses)
            return special[i].ours;
    }
    return c >= KEY_F(1) && c <= KEY_F(12) ? UI_F1 + c - KEY_F(1) : 0;
}

/*
 * A byte of a character behind ASCII: the character once it is whole, else 0. What is no UTF-8 is
 * dropped; curses' own get_wch() would swallow the keys that follow it as well.
 */
static int add_byte(char byte)
{
    vitro_str s = { term.partial, 0 };
    uint32_t c;

    if (((unsigned char)byte & 0xc0u) != 0x80u)
        term.partial_len = 0;
    term.partial[term.partial_len++] = byte;
    s.len = term.partial_len;
    if (vitro_utf8_decode(s, &c)) {
        term.partial_len = 0;
        return (int)c;
    }
    if (term.partial_len == sizeof term.partial)
        term.partial_len = 0;
    return 0;
}

/* 0: there is none now. */
static int read_key(void)
{
    for (;;) {
        int c = wgetch(stdscr), key;

        if (c == ERR)
            return 0;
        if (c >= 0x80 && c < 0x100) {
            key = add_byte((char)c);
        } else {
            term.partial_len = 0;
            key = c >= 0x100           ? special_key(c)
                  : c == '\r'          ? UI_ENTER
                  : c == 127 || c == 8 ? UI_BACKSPACE
                                       : c;
        }
        if (key)
            return key;
    }
}

/* As poll(). A change of size that came since curses last looked ends it at once. */
static int wait_input(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
    sigset_t blocked;

    sigprocmask(SIG_BLOCK, NULL, &blocked);
    sigdelset(&blocked, SIGWINCH);
    return ppoll(fds, n, timeout_ms < 0 ? NULL : &limit, &blocked);
}

int term_key(int timeout_ms, int other_fd)
{
    struct pollfd fds[2] = { { term.fd, POLLIN, 0 }, { other_fd, POLLIN, 0 } };
    int key = read_key(); /* curses may hold some */

    if (key)
        return key;
    if (wait_input(fds, other_fd < 0 ? 1 : 2, timeout_ms) > 0 &&
        (fds[0].revents & (POLLHUP | POLLERR)))
        return UI_CTRL_C; /* the terminal is gone */
    return read_key();
}

void term_stop(void)
{
    struct winsize size;

    def_prog_mode();
    endwin();
    fflush(stdout);
    kill(0, SIGTSTP);
    reset_prog_mode();
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
        resizeterm(size.ws_row, size.ws_col);
    curs_set(0);
    clearok(curscr, true);
    refresh();
}

/* ---- copying --------------------------------------------------------------------------------- */

void term_copy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text);

    if (n > COPY_MOST)
        n = COPY_MOST;
    fputs("\033]52;c;", stdout);
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)(unsigned char)text[i] << 16;
        v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
        v |= i + 2 < n ? (unsigned char)text[i + 2] : 0;
        putchar(digits[v >> 18 & 63]);
        putchar(digits[v >> 12 & 63]);
        putchar(i + 1 < n ? digits[v >> 6 & 63] : '=');
        putchar(i + 2 < n ? digits[v & 63] : '=');
    }
    fputs("\a", stdout);
    fflush(stdout);
}
