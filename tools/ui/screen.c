#include "ui/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "ui/config.h"
#include "ui/study.h"
#include "ui/term.h"
#include "ui/view.h"

enum {
    SLICE_BYTES = 64 * 1024, /* decoded at once */
    FRAME_MS = 16,           /* at most sixty repaints a second */
    WORK_MS = 5,             /* between two looks at the keys */
    REST_MS = 1000,          /* without a packet: nothing waits for a hello any more */
    IDLE_MS = 500,           /* also what the rate of events is taken over */
};

struct screen {
    struct ui ui;
    struct grid grid;
    vitro_decode *d;
    struct source *source;
    uint64_t *limit;
    struct lag *lag, none;
    bool stale;   /* what is on the screen is not what is known */
    bool follows; /* the capture is being made */
    bool warned;  /* that something in it stays sealed */
    int64_t drawn;
    int64_t grown; /* when more was decoded; 0: what waited for a hello was told since */
    int64_t paced; /* when the rate was taken, and how many events there were */
    uint32_t paced_count;
    const struct screen_options *options;
    vitro_code rc;
    vitro_error *err;
};

bool screen_possible(void)
{
    const char *name = getenv("TERM");
    int fd;

    if (!isatty(STDOUT_FILENO) || !name || !*name || strcmp(name, "dumb") == 0)
        return false;
    if (isatty(STDIN_FILENO))
        return true;
    fd = open("/dev/tty", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the capture ----------------------------------------------------------------------------- */

/* A lesson is its own capture: what is sealed in it is sealed on purpose. */
static bool say_sealed(struct screen *s)
{
    bool asked = s->options->keylog && s->options->keylog->path;
    vitro_decode_stats st;
    const char *what;

    vitro_decode_stats_get(s->d, &st);
    if (!st.sealed || s->ui.m.study)
        return false;
    if (st.sealed == st.sealed_unseen)
        what = view_word(&s->ui.m, "TLS connections whose handshake is not in the capture",
                         "핸드셰이크가 캡처에 없는 TLS 연결");
    else if (st.sealed == st.sealed_unknown)
        what = view_word(&s->ui.m, "TLS connections without secrets", "비밀이 없는 TLS 연결");
    else
        what = view_word(&s->ui.m, "TLS connections that did not open", "열리지 않은 TLS 연결");
    model_say(&s->ui.m, "%s: %u/%u%s", what, (unsigned)st.sealed, (unsigned)st.tls,
              st.sealed_unknown && !asked ? " (--keylog FILE)" : "");
    return true;
}

static void finish(struct screen *s)
{
    const vitro_error *why = source_error(s->source);

    *s->limit = UINT64_MAX;
    if (!s->rc)
        s->rc = vitro_decode_finish(s->d, s->err);
    if (why) {
        *s->err = *why;
        s->rc = why->code;
    }
    s->ui.m.loaded = true;
    if (s->rc)
        vitro_error_format(s->err, s->ui.m.failure, sizeof s->ui.m.failure);
    if (s->rc)
        model_say(&s->ui.m, "%s", s->ui.m.failure);
    else
        say_sealed(s);
}

/* Give the decoder a slice more; true when something came of it. */
static bool load(struct screen *s)
{
    uint32_t had = vitro_decode_count(s->d);
    bool more = source_grow(s->source, &s->ui.m.size);

    lag_take(s->lag, s->ui.m.size, more, now_ms());
    if (s->options->keylog)
        keylog_feed(s->options->keylog, s->d, !more);
    if (*s->limit < s->lag->ready) {
        *s->limit = MIN(*s->limit + SLICE_BYTES, s->lag->ready);
        s->rc = vitro_decode_advance(s->d, s->err);
        s->grown = now_ms();
    } else if (s->grown && now_ms() - s->grown >= REST_MS) {
        vitro_decode_idle(s->d);
        s->grown = 0;
    }
    if (s->follows && !s->warned)
        s->warned = say_sealed(s);
    s->ui.m.read = MIN(*s->limit, s->ui.m.size);
    if (s->rc || (!more && *s->limit >= s->ui.m.size))
        finish(s);
    if (vitro_decode_count(s->d) != had)
        model_grown(&s->ui.m);
    return vitro_decode_count(s->d) != had || s->ui.m.loaded;
}

static bool loading(const struct screen *s)
{
    return !s->ui.m.loaded && (*s->limit < s->lag->ready || source_wait_fd(s->source) < 0);
}

/* How many events a second have come, as long as more may. */
static void take_rate(struct screen *s)
{
    struct model *m = &s->ui.m;
    int64_t now = now_ms(), passed = now - s->paced;
    uint32_t n = vitro_decode_count(s->d);
    vitro_decode_stats stats;
    uint64_t missed;
    unsigned rate;

    if (passed < IDLE_MS)
        return;
    vitro_decode_stats_get(s->d, &stats);
    missed = m->live ? MAX(live_get(&m->live->missed), stats.missed) : stats.missed;
    rate = m->loaded || !s->follows
               ? 0
               : (unsigned)((uint64_t)(n - s->paced_count) * 1000 / (uint64_t)passed);
    s->stale |= rate != m->rate || missed != m->missed;
    m->rate = rate;
    m->missed = missed;
    s->paced = now;
    s->paced_count = n;
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* ~/.cache/vitro/copied, for terminals that take no copy. */
static FILE *open_copied(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int fd;

    if (cache && *cache)
        snprintf(path, size, "%s", cache);
    else if (home && *home)
        snprintf(path, size, "%s/.cache", home);
    else
        return NULL;
    mkdir(path, 0700);
    snprintf(path + strlen(path), size - strlen(path), "/vitro");
    mkdir(path, 0700);
    snprintf(path + strlen(path), size - strlen(path), "/copied");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

static void copy(struct ui *ui)
{
    char path[4096];
    FILE *out = open_copied(path, sizeof path);

    term_copy(ui->copied);
    if (out) {
        fputs(ui->copied, out);
        fclose(out);
        model_say(&ui->m, "%s: %zu %s %s", view_word(&ui->m, "copied", "복사함"),
                  strlen(ui->copied), view_word(&ui->m, "bytes, also in", "바이트, 파일"), path);
    } else {
        model_say(&ui->m, "%s: %zu %s", view_word(&ui->m, "copied", "복사함"), strlen(ui->copied),
                  view_word(&ui->m, "bytes", "바이트"));
    }
    free(ui->copied);
    ui->copied = NULL;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void resize(struct screen *s)
{
    int w, h;

    term_size(&w, &h);
    ui_resize(&s->ui, w, h);
    grid_resize(&s->grid, w, h);
    term_redraw();
}

static void grant(struct screen *s)
{
    unsigned wishes = s->ui.wishes;

    s->ui.wishes = 0;
    if (wishes & UI_WISH_COPY)
        copy(&s->ui);
    if (wishes & UI_WISH_THEME)
        term_theme(s->ui.theme);
    if (wishes & UI_WISH_MOUSE)
        term_mouse(s->ui.mouse);
    if (wishes & UI_WISH_STOP)
        term_stop();
    if (wishes & (UI_WISH_STOP | UI_WISH_REDRAW))
        resize(s);
}

static void draw(struct screen *s)
{
    int64_t now = now_ms();

    if (!s->stale || now - s->drawn < FRAME_MS)
        return;
    ui_draw(&s->ui, &s->grid);
    term_draw(&s->grid);
    s->stale = false;
    s->drawn = now;
}

static void work(struct screen *s)
{
    int64_t until = now_ms() + WORK_MS;

    do {
        if (loading(s) || (!s->ui.m.loaded && source_wait_fd(s->source) >= 0))
            s->stale |= load(s);
        s->stale |= model_work(&s->ui.m);
        if (s->options->work)
            s->stale |= s->options->work(&s->ui, now_ms(), s->options->user);
        if (model_busy(&s->ui.m))
            s->stale = true; /* its progress is shown */
    } while ((loading(s) || model_busy(&s->ui.m)) && now_ms() < until);
}

/*
 * The next key. What is not shown yet waits for its frame: until then only keys are heeded, so
 * that a busy capture does not wake us for each of its pieces. The program of a lesson is no such
 * capture: each piece is what it was asked for, and it is asked for the next.
 */
static int wait_key(const struct screen *s)
{
    int64_t left = FRAME_MS - (now_ms() - s->drawn);
    bool asked = s->ui.m.study && s->ui.m.study->goal;
    int fd = s->ui.m.loaded ? -1 : source_wait_fd(s->source), lag = lag_wait(s->lag, now_ms());

    if (loading(s) || model_busy(&s->ui.m) || (s->ui.m.study && s->ui.m.study->unplanned))
        return term_key(0, -1);
    if (s->stale)
        return term_key(left > 0 ? (int)left : 0, asked ? fd : -1);
    if (lag >= 0 && !s->ui.m.loaded)
        return term_key(lag, -1);
    return term_key(asked ? FRAME_MS : IDLE_MS, fd);
}

static void take_mouse(struct screen *s)
{
    enum mouse what;
    int y, x;

    if (term_mouse_event(&what, &y, &x))
        ui_mouse(&s->ui, what, y, x);
}

static void take_keys(struct screen *s)
{
    int key = wait_key(s);

    /* What is typed ahead of the end is for the screen that comes next. */
    for (; key; key = s->ui.quit ? 0 : term_key(0, -1)) {
        if (key == UI_RESIZE)
            resize(s);
        else if (key == UI_MOUSE)
            take_mouse(s);
        else
            ui_key(&s->ui, key);
        grant(s);
        s->stale = true;
        if (s->ui.m.searching ||
            s->ui.m.study) /* so that what was typed ahead starts from what is found */
            work(s);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* The command line says more than the configuration, and that more than what is usual. */
static void configure(struct screen_session *s, const struct screen_options *options)
{
    struct ui ui;

    ui_init(&ui, NULL, options->language, "");
    config_read(&ui);
    s->keys = ui.keys;
    s->theme = ui.theme;
    s->ascii = term_locale() || options->ascii || ui.ascii;
    s->mouse = options->mouse || ui.mouse;
    s->language = options->language_given ? options->language : ui.m.language;
    s->quit = false;
    memcpy(s->message, ui.m.message, sizeof s->message);
    ui_done(&ui);
}

bool screen_session_open(struct screen_session *s, const struct screen_options *options)
{
    struct term_options term = { .color = options->color };

    configure(s, options);
    term.mouse = s->mouse;
    term.theme = s->theme;
    return term_open(&term);
}

void screen_session_close(void)
{
    term_close();
}

static void enter(struct ui *ui, struct screen_session *s)
{
    ui->keys = s->keys;
    ui->theme = s->theme;
    ui->ascii = s->ascii;
    ui->mouse = s->mouse;
    memcpy(ui->m.message, s->message, sizeof ui->m.message);
    s->message[0] = 0;
}

static void leave(const struct ui *ui, struct screen_session *s)
{
    s->theme = ui->theme;
    s->ascii = ui->ascii;
    s->mouse = ui->mouse;
    s->language = ui->m.language;
    s->quit = ui->quit_all;
}

static void loop(struct screen *s)
{
    resize(s);
    s->stale = true;
    while (!s->ui.quit) {
        work(s);
        take_rate(s);
        draw(s);
        take_keys(s);
        draw(s); /* what a key does is seen before more is worked on */
    }
}

/*
 * Who makes a capture may have a question first, as sudo does: its terminal is not taken before
 * there is something to show. What is watched live is a screen from the beginning.
 */
static void await_first(struct source *source, const struct screen_options *options)
{
    struct pollfd fd = { source_wait_fd(source), POLLIN, 0 };
    uint64_t size = 0;

    if (options->live || fd.fd < 0)
        return;
    while (source_grow(source, &size) && !size)
        poll(&fd, 1, -1);
}

vitro_code screen_run(vitro_decode *d, struct source *source, const struct screen_options *options,
                      vitro_error *err)
{
    struct screen s = {
        .d = d, .source = source, .limit = options->limit, .options = options, .err = err
    };
    struct screen_session own, *session = options->session ? options->session : &own;

    *s.limit = 0;
    s.lag = options->lag ? options->lag : &s.none;
    if (session == &own)
        await_first(source, options);
    if (session == &own && !screen_session_open(&own, options)) {
        *s.limit = UINT64_MAX;
        return VITRO_UNAVAILABLE;
    }
    ui_init(&s.ui, d, session->language, options->name);
    enter(&s.ui, session);
    s.ui.m.live = options->live;
    s.follows = source_wait_fd(source) >= 0;
    if (options->study)
        ui_lesson_begin(&s.ui, options->study);
    loop(&s);
    leave(&s.ui, session);
    if (session == &own)
        screen_session_close();
    grid_done(&s.grid);
    ui_done(&s.ui);
    return s.rc;
}
