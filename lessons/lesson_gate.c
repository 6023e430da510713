#include "lesson_gate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vitro/lab/gate.h"

enum { LINE_BYTES = 64 };

struct lesson_gate {
    vitro_gate *gate;
    vitro_watch *watch; /* NULL once the other side is gone */
    int fd;
    char line[LINE_BYTES]; /* what has come of a command that is not whole */
    size_t len;            /* LINE_BYTES: it is too long for any */
};

/* ---- commands ------------------------------------------------------------------------------- */

static void run_next(vitro_gate *gate)
{
    vitro_gate_next(gate);
}

static const struct command {
    const char *name;
    void (*run)(vitro_gate *gate);
} commands[] = {
    { "next", run_next },
    { "go", vitro_gate_go },
    { "hold", vitro_gate_hold },
    { "ask", vitro_gate_tell },
};

/* What was meant cannot be known; what stands there may be anything. */
static void refuse(const lesson_gate *g)
{
    char shown[LINE_BYTES];
    size_t n = 0;

    for (; n < g->len && n < sizeof shown - 1; n++)
        shown[n] = (char)(g->line[n] > ' ' && g->line[n] < 0x7f ? g->line[n] : '?');
    shown[n] = '\0';
    fprintf(stderr, "vitro: lesson: VITRO_LEARN: \"%s\" is no command; next, go, hold, ask are\n",
            shown);
}

static void run_line(lesson_gate *g)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strlen(commands[i].name) == g->len && !memcmp(commands[i].name, g->line, g->len)) {
            commands[i].run(g->gate);
            return;
        }
    }
    refuse(g);
}

static void add(lesson_gate *g, const char *bytes, size_t n)
{
    size_t room = LINE_BYTES - g->len, some = n < room ? n : room;

    memcpy(g->line + g->len, bytes, some);
    g->len += some;
}

static void the_other_side_is_gone(lesson_gate *g)
{
    vitro_watch_free(g->watch);
    g->watch = NULL;
    vitro_gate_go(g->gate);
}

/*
 * Take one command out of the socket and leave the others there: between two of them the loop
 * comes to rest.
 */
static void on_readable(void *user)
{
    lesson_gate *g = user;
    char seen[LINE_BYTES];
    const char *end;
    ssize_t n = recv(g->fd, seen, sizeof seen, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        the_other_side_is_gone(g);
        return;
    }
    end = memchr(seen, '\n', (size_t)n);
    if (end)
        n = end - seen + 1;
    n = recv(g->fd, seen, (size_t)n, MSG_DONTWAIT);
    if (n <= 0)
        return;
    add(g, seen, (size_t)n - (end != NULL));
    if (end) {
        run_line(g);
        g->len = 0;
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

/* The descriptor of VITRO_LEARN=fd:N; -1 when it is no socket. */
static int find_socket(void)
{
    const char *learn = secure_getenv("VITRO_LEARN");
    int type;
    socklen_t len = sizeof type;
    char *end;
    long fd;

    if (!learn || strncmp(learn, "fd:", 3) != 0 || learn[3] < '0' || learn[3] > '9')
        return -1;
    fd = strtol(learn + 3, &end, 10);
    if (*end || fd > INT_MAX)
        return -1;
    return getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) ? -1 : (int)fd;
}

static vitro_code fail(vitro_error *err, const char *text)
{
    memset(err, 0, sizeof *err);
    err->code = VITRO_INVALID_ARGUMENT;
    err->depth = 1;
    err->frame[0].layer = "gate";
    snprintf(err->frame[0].text, sizeof err->frame[0].text, "%s", text);
    return err->code;
}

static vitro_code build(lesson_gate *g, vitro_loop *loop, vitro_trace *trace, vitro_error *err)
{
    vitro_gate_options options = VITRO_GATE_OPTIONS_INIT;
    vitro_code rc;

    options.trace = trace;
    options.hold = true;
    rc = vitro_gate_new(&g->gate, &options, err);
    if (!rc)
        rc = vitro_gate_attach(g->gate, loop, err);
    return rc ? rc : vitro_watch_new(&g->watch, loop, g->fd, on_readable, g, err);
}

vitro_code lesson_gate_new(lesson_gate **out, vitro_loop *loop, vitro_trace *trace,
                           vitro_error *err)
{
    const char *wanted = secure_getenv("VITRO_GATE");
    lesson_gate *g;
    vitro_code rc;

    *out = NULL;
    if (!wanted || !*wanted)
        return VITRO_OK;
    if (strcmp(wanted, "hold") != 0)
        return fail(err, "VITRO_GATE is hold, or not set");
    g = calloc(1, sizeof *g);
    if (!g)
        return fail(err, "out of memory");
    g->fd = find_socket();
    rc = g->fd < 0 ? fail(err, "VITRO_GATE=hold needs a socket in VITRO_LEARN=fd:N")
                   : build(g, loop, trace, err);
    if (rc) {
        lesson_gate_free(g);
        return rc;
    }
    *out = g;
    return VITRO_OK;
}

/* Commands that nobody will obey: left unread, the end of the trace would be an error. */
static void take_no_more(int fd)
{
    char rest[LINE_BYTES];

    shutdown(fd, SHUT_RD);
    while (recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0) {
        /* until none is left */
    }
}

void lesson_gate_free(lesson_gate *g)
{
    if (!g)
        return;
    if (g->fd >= 0)
        take_no_more(g->fd);
    vitro_watch_free(g->watch);
    vitro_gate_free(g->gate);
    free(g);
}

size_t lesson_gate_count(const lesson_gate *g)
{
    return g ? vitro_gate_count(g->gate) : 0;
}
