/*
 * gate - a lesson's program under the hand of a learner: commands through a socketpair, the trace
 * back out of it. Under sim nothing but the packets' number tells it from a run of its own.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "support/decoded.h"

TestSuite(gate_lesson, .timeout = 60);

/* ---- the program and what it writes --------------------------------------------------------- */

struct learner {
    int fd, errors; /* our end; what the program says on stderr */
    pid_t pid;
    struct decoded_bytes bytes;
    uint8_t *file;
    size_t cap;
    vitro_decode *decode;
    uint32_t looked; /* events that were counted */
    size_t held, released, rests;
    bool ended;
};

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    return decoded_lend(offset, len, &((struct learner *)user)->bytes);
}

static _Noreturn void be_program(const char *lesson, const char *option, int fd, int errors)
{
    char path[256], learn[32];

    snprintf(path, sizeof path, LESSONS "/%s/main", lesson);
    snprintf(learn, sizeof learn, "fd:%d", fd);
    fcntl(fd, F_SETFD, 0);
    dup2(errors, 2);
    setenv("VITRO_LEARN", learn, 1);
    setenv("VITRO_GATE", "hold", 1);
    unsetenv("VITRO_TRACE");
    execl(path, path, option, (char *)NULL);
    _exit(127);
}

static struct learner *begin(const char *lesson, const char *option)
{
    struct learner *l = calloc(1, sizeof *l);
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    int pair[2], errors[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(pipe2(errors, O_CLOEXEC), 0);
    l->pid = fork();
    if (l->pid == 0)
        be_program(lesson, option, pair[1], errors[1]);
    cr_assert_gt(l->pid, 0);
    close(pair[1]);
    close(errors[1]);
    l->fd = pair[0];
    l->errors = errors[0];
    options.lend = lend;
    options.user = l;
    options.keep = true;
    cr_assert_eq(vitro_decode_new(&l->decode, &options, NULL), VITRO_OK);
    return l;
}

static bool says(struct learner *l, const vitro_event *ev, const char *name, const char *value)
{
    vitro_detail dt;

    cr_assert_eq(vitro_decode_detail(l->decode, ev, &dt, NULL), VITRO_OK);
    for (size_t i = 0; i < dt.count; i++)
        if (strcmp(dt.items[i].name, name) == 0)
            return vitro_str_eq(dt.items[i].text, vitro_str_of(value));
    return false;
}

static void count_new(struct learner *l)
{
    vitro_event ev;

    while (vitro_decode_event(l->decode, l->looked + 1, &ev)) {
        l->looked++;
        l->held += (ev.bits & VITRO_EVENT_HELD) != 0;
        if (ev.kind != VITRO_EVENT_NOTE)
            continue;
        l->released += says(l, &ev, "VITRO_KIND", "released");
        l->rests += says(l, &ev, "VITRO_STATE", "is at rest");
    }
}

/* Wait for more of the trace, or its end. */
static void take(struct learner *l)
{
    ssize_t n;

    if (l->cap - l->bytes.len < 65536) {
        l->cap = l->cap * 2 + 131072;
        l->file = realloc(l->file, l->cap);
        l->bytes.ptr = l->file;
    }
    n = recv(l->fd, l->file + l->bytes.len, l->cap - l->bytes.len, 0);
    cr_assert_geq(n, 0);
    l->ended = n == 0;
    l->bytes.len += (size_t)n;
    cr_assert_eq(vitro_decode_advance(l->decode, NULL), VITRO_OK);
    count_new(l);
}

static void command(struct learner *l, const char *text)
{
    send(l->fd, text, strlen(text), MSG_NOSIGNAL); /* the program may have ended */
}

/* All that comes until something is held that was not stepped over yet, or the end. */
static bool wait_held(struct learner *l, size_t steps)
{
    while (!l->ended && l->held <= steps)
        take(l);
    return l->held > steps;
}

static void take_rest(struct learner *l)
{
    while (!l->ended)
        take(l);
}

/* The status of the program; what it said on stderr goes to said. */
static int end(struct learner *l, char *said, size_t size)
{
    int status;
    ssize_t n;

    cr_assert_eq(waitpid(l->pid, &status, 0), l->pid);
    n = read(l->errors, said, size - 1);
    said[n > 0 ? n : 0] = '\0';
    close(l->errors);
    close(l->fd);
    vitro_decode_free(l->decode);
    free(l->file);
    free(l);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void end_well(struct learner *l)
{
    char said[1024];

    cr_assert_eq(end(l, said, sizeof said), 0, "%s", said);
    cr_assert_str_eq(said, "");
}

/* ---- what a run of its own writes ----------------------------------------------------------- */

static char *own_run(const char *lesson)
{
    char path[] = "/tmp/vitro-gate-XXXXXX", line[512];
    struct decoded_bytes bytes = { 0 };
    int fd = mkstemp(path);
    vitro_decode *d;
    char *text;

    cr_assert_geq(fd, 0);
    snprintf(line, sizeof line, "VITRO_TRACE=file:%s " LESSONS "/%s/main >/dev/null", path, lesson);
    cr_assert_eq(system(line), 0);
    bytes.len = (size_t)lseek(fd, 0, SEEK_END);
    bytes.ptr = malloc(bytes.len);
    cr_assert_eq(pread(fd, (void *)(uintptr_t)bytes.ptr, bytes.len, 0), (ssize_t)bytes.len);
    d = decoded_of(&bytes, true, NULL);
    text = decoded_text(d, DECODED_WIRE);
    vitro_decode_free(d);
    free((void *)(uintptr_t)bytes.ptr);
    close(fd);
    unlink(path);
    return text;
}

static void compare(struct learner *l, const char *lesson)
{
    char *own = own_run(lesson), *ours;

    cr_assert_eq(vitro_decode_finish(l->decode, NULL), VITRO_OK);
    cr_assert_eq(vitro_decode_check_tiling(l->decode, NULL), VITRO_OK);
    ours = decoded_text(l->decode, DECODED_WIRE);
    cr_assert_str_eq(ours, own);
    free(own);
    free(ours);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static const char *const unary = "08-unary", *const streaming = "12-server-streaming";

static void step_to_the_end(const char *lesson, const char *option)
{
    struct learner *l = begin(lesson, option);
    size_t steps = 0;

    while (wait_held(l, steps)) {
        command(l, "next\n");
        steps++;
        while (!l->ended && l->released < steps)
            take(l);
    }
    cr_assert_geq(steps, 10u);
    cr_assert_eq(l->held, steps);
    cr_assert_eq(l->released, steps, "each step lets one go");
    if (!option)
        compare(l, lesson);
    end_well(l);
}

Test(gate_lesson, stepped_to_its_end_it_writes_the_events_of_a_run_of_its_own)
{
    step_to_the_end(unary, NULL);
    step_to_the_end(streaming, NULL);
}

Test(gate_lesson, on_sockets_it_is_stepped_to_its_end)
{
    step_to_the_end(unary, "--real");
}

Test(gate_lesson, steps_asked_for_ahead_are_taken)
{
    struct learner *l = begin(unary, NULL);

    for (int i = 0; i < 30; i++)
        command(l, "next\n");
    take_rest(l);
    compare(l, unary);
    end_well(l);
}

/* What was let go has been sent by the time of the answer. */
Test(gate_lesson, who_asks_is_told_when_all_is_at_rest)
{
    struct learner *l = begin(unary, NULL);
    size_t steps = 0;

    while (wait_held(l, steps)) {
        command(l, "next\nask\n");
        steps++;
        while (!l->ended && l->rests < steps)
            take(l);
        cr_assert(l->released == steps);
    }
    cr_assert_geq(steps, 10u);
    compare(l, unary);
    end_well(l);
}

Test(gate_lesson, nothing_moves_without_a_command)
{
    struct learner *l = begin(unary, NULL);
    struct pollfd p = { l->fd, POLLIN, 0 };

    cr_assert(wait_held(l, 0));
    while (poll(&p, 1, 200) > 0) /* until all has come that comes by itself */
        take(l);
    cr_assert(!l->ended && l->held == 1 && l->released == 0);
    command(l, "go\n");
    take_rest(l);
    end_well(l);
}

Test(gate_lesson, go_runs_to_the_end_and_hold_stops_again)
{
    struct learner *l = begin(unary, NULL);
    size_t held;

    cr_assert(wait_held(l, 0));
    command(l, "hold\nnext\nnext\n");
    cr_assert(wait_held(l, 2));
    command(l, "go\nhold\n");
    held = l->held;
    cr_assert(wait_held(l, held + 1), "it holds again");
    command(l, "go\n");
    take_rest(l);
    compare(l, unary);
    end_well(l);
}

Test(gate_lesson, the_end_of_commands_lets_everything_go)
{
    struct learner *l = begin(unary, NULL);

    cr_assert(wait_held(l, 0));
    command(l, "next\nne");
    cr_assert_eq(shutdown(l->fd, SHUT_WR), 0);
    take_rest(l);
    compare(l, unary);
    end_well(l);
    l = begin(unary, "--real");
    cr_assert(wait_held(l, 0));
    cr_assert_eq(shutdown(l->fd, SHUT_WR), 0);
    take_rest(l);
    end_well(l);
}

/* Nobody reads the trace any more: the program ends all the same. */
Test(gate_lesson, a_learner_who_is_gone_leaves_no_program_behind)
{
    struct learner *l = begin(unary, NULL);
    char said[1024];

    cr_assert(wait_held(l, 0));
    close(l->fd);
    l->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)end(l, said, sizeof said);
}

Test(gate_lesson, what_is_no_command_is_refused_in_a_line_and_forgotten)
{
    struct learner *l = begin(unary, NULL);
    char said[4096], longest[300];

    memset(longest, 'n', sizeof longest);
    longest[sizeof longest - 2] = '\n';
    longest[sizeof longest - 1] = '\0';
    cr_assert(wait_held(l, 0));
    command(l, "\x1b[31mnext\n\nNEXT\nnext \n");
    command(l, longest);
    send(l->fd, "ne\0xt\n", 6, MSG_NOSIGNAL);
    command(l, "ne");
    command(l, "xt\n");
    cr_assert(wait_held(l, 1));
    cr_assert_eq(l->released, 1u);
    command(l, "go\n");
    take_rest(l);
    compare(l, unary);
    cr_assert_eq(end(l, said, sizeof said), 0);
    cr_assert(strstr(said, "vitro: lesson: VITRO_LEARN: \"?[31mnext\" is no command"), "%s", said);
    cr_assert_null(strchr(said, '\x1b'));
    size_t lines = 0;
    for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    cr_assert_eq(lines, 6u, "%s", said);
}

/* ---- what cannot be meant ------------------------------------------------------------------- */

static int run_with(const char *environment)
{
    char line[512];
    int status;

    snprintf(line, sizeof line, "%s " LESSONS "/08-unary/main >/dev/null 2>&1 </dev/null",
             environment);
    status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(gate_lesson, a_gate_that_nobody_could_open_is_refused)
{
    cr_assert_eq(run_with("VITRO_GATE=hold"), 3);
    cr_assert_eq(run_with("VITRO_GATE=hold VITRO_LEARN=fd:1"), 3); /* no socket */
    cr_assert_eq(run_with("VITRO_GATE=open"), 3);
    cr_assert_eq(run_with("VITRO_GATE="), 0);
}
