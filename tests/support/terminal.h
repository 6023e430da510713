/*
 * terminal - the real program on a pseudo terminal, read by a terminal emulator.
 *
 *      capture(&t);                          or another file at t.path
 *      begin(&t, "C.UTF-8", NULL);
 *      SEEN(&t, "words");                    waits for them, ten seconds at most
 *      keys(&t, "jjq");
 *      finish(&t);                           the program has ended: t.status
 *      end(&t);
 *
 * Every byte that comes is watched (hostile.h). The functions stand here, as few tests link what
 * they need (libvterm); PROGRAM is the program's path.
 */
#ifndef VITRO_TESTS_TERMINAL_H
#define VITRO_TESTS_TERMINAL_H

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
#include <unistd.h>
#include <vterm.h>

#include "base/util.h"
#include "support/hand.h"
#include "support/hostile.h"

enum { PATIENCE_MS = 10000, STILL_MS = 40, TEXT = 65536 };

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

static inline int on_property(VTermProp prop, VTermValue *value, void *user)
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
static inline void read_screen(struct terminal *t)
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
static inline void watch_mouse(struct terminal *t, char byte)
{
    memmove(t->tail, t->tail + 1, sizeof t->tail - 1);
    t->tail[sizeof t->tail - 1] = byte;
    if (memcmp(t->tail + sizeof t->tail - 5, "1000h", 5) == 0)
        t->mouse = true;
    if (memcmp(t->tail + sizeof t->tail - 5, "1000l", 5) == 0)
        t->mouse = false;
}

/* Take what the program has written; false when it is gone. */
static inline bool pump(struct terminal *t, int wait_ms)
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

static inline bool seen(struct terminal *t, const char *text)
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
static inline void become(char *const *env, char *const *argv)
{
    static const char *const not_ours[] = { "NO_COLOR", "CLICOLOR_FORCE",  "LINES",
                                            "COLUMNS",  "XDG_CONFIG_HOME", "XDG_CACHE_HOME" };

    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        unsetenv(not_ours[i]);
    setenv("TERM", "xterm-256color", 1);
    setenv("HOME", "/nonexistent", 1);
    for (; env && *env; env++)
        putenv(*env);
    execv(argv[0], argv);
    _exit(127);
}

/* Any program with its arguments. */
static inline void begin_program(struct terminal *t, const char *locale, char *const *env,
                                 char *const *argv)
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
        become(env, argv);
    }
}

static inline void begin_with(struct terminal *t, const char *locale, char *const *env,
                              char *const *options)
{
    char *argv[16] = { (char *)PROGRAM, (char *)"inspect", t->path };

    for (size_t n = 3; options && *options && n < ARRAY_LEN(argv) - 1; options++)
        argv[n++] = *options;
    begin_program(t, locale, env, argv);
}

static inline void begin(struct terminal *t, const char *locale, char *const *env)
{
    begin_with(t, locale, env, NULL);
}

/* A capture of one call, with a path that would set the terminal's title. */
static inline void capture(struct terminal *t)
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

static inline void keys(struct terminal *t, const char *text)
{
    cr_assert(eq(sz, (size_t)write(t->fd, text, strlen(text)), strlen(text)));
}

/*
 * Keys, and what they do to the screen: until it is another one and stands still. A slow machine
 * has not more keys waiting than a fast one, then.
 */
static inline void press(struct terminal *t, const char *text)
{
    static char was[TEXT];
    int quiet = -1; /* nothing has changed yet */

    memcpy(was, t->text, sizeof was);
    keys(t, text);
    for (int ms = 0; ms < PATIENCE_MS && quiet < STILL_MS && pump(t, 10); ms += 10) {
        if (strcmp(was, t->text) != 0) {
            memcpy(was, t->text, sizeof was);
            quiet = 0;
        } else if (quiet >= 0) {
            quiet += 10;
        }
    }
}

static inline void resize(struct terminal *t, int w, int h)
{
    struct winsize size = { (unsigned short)h, (unsigned short)w, 0, 0 };

    t->text[0] = 0;
    vterm_set_size(t->vt, h, w);
    cr_assert(eq(int, ioctl(t->fd, TIOCSWINSZ, &size), 0));
}

static inline void finish(struct terminal *t)
{
    for (int ms = 0; ms < PATIENCE_MS && pump(t, 10); ms += 10)
        ;
    cr_assert(t->over, "the program does not end\n%s", t->text);
    waitpid(t->pid, &t->status, 0);
    close(t->fd);
    if (t->path[0])
        unlink(t->path);
}

static inline void end(struct terminal *t)
{
    vterm_free(t->vt);
}

#endif
