/*
 * oom - memory runs out at the nth allocation, for every n that a scenario has.
 *
 *      oom [SCENARIO [N]]      all; one; its nth allocation alone, in this process
 *      oom list                their names: tls13, of which one allocation fails, and tls13+, of
 *                              which all that follow do, too
 *      OOM_STEP=K              of OpenSSL's allocations each K-th; of ours all, in any case
 *
 * Under sim, so that the nth is always the same one. A scenario is gone through once, and at each
 * allocation a child is forked in which it fails. No run crashes; each call ends once, with a
 * status that says what happened; a call after it goes well; nothing is left.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "oom/world/failing.h"
#include "oom/world/world.h"

static const struct scenario scenarios[] = {
    { .name = "plain", .talk = talk_every_kind },
    { .name = "gzip", .talk = talk_every_kind, .compression = "gzip" },
    { .name = "services", .talk = talk_services },
    { .name = "leaving", .talk = talk_and_leave, .leaves = true },
    { .name = "guarded", .talk = talk_every_kind, .guarded = true },
    { .name = "blocking", .talk = talk_blocking },
    { .name = "unary13", .talk = talk_unary, .tls = true },
    { .name = "tls13", .talk = talk_every_kind, .tls = true },
    { .name = "tls12", .talk = talk_every_kind, .tls = true, .version_max = 0x0303 },
    { .name = "leaving13", .talk = talk_and_leave, .leaves = true, .tls = true },
    { .name = "mutual", .talk = talk_every_kind, .tls = true, .mutual = true },
    { .name = "resumed13", .talk = talk_twice, .tls = true },
    { .name = "resumed12", .talk = talk_twice, .tls = true, .version_max = 0x0303 },
};

enum { FAULTS_SHOWN = 20, LONGEST_S = 300 }; /* of a scenario; of a run */

/* What a child tells its parent, who outlives it. */
static struct {
    size_t nth; /* of this run */
    size_t runs;
    size_t faults;
} * sweep;

static const struct scenario *scenario;
static bool once = true;
static bool in_child;
static size_t step = 1;

static void fault(const char *what, const char *detail)
{
    if (++sweep->faults > FAULTS_SHOWN)
        return;
    printf("  %s%s, allocation %zu", scenario->name, once ? "" : "+", sweep->nth);
    if (failing.file)
        printf(" (%s:%d)", failing.file, failing.line);
    printf(": %s: %s\n", what, detail);
}

static void fault_of(const char *what, const vitro_error *err)
{
    char line[VITRO_ERROR_LINE];

    vitro_error_format(err, line, sizeof line);
    fault(what, line);
}

/* ---- one run -------------------------------------------------------------------------------- */

static bool says_no_memory(vitro_code code)
{
    return code == VITRO_RESOURCE_EXHAUSTED || code == VITRO_UNAVAILABLE;
}

/* OpenSSL does not always say that it was memory which it lacked to read a certificate. */
static bool may_not_begin(vitro_code rc)
{
    return says_no_memory(rc) || (rc == VITRO_INVALID_ARGUMENT && failing.file);
}

static void check_told(const struct told *t)
{
    char line[160];
    bool begun = t->call || t->closed;
    bool good = t->code == VITRO_OK || (says_no_memory(t->code) && t->has_text) ||
                (t->code == VITRO_CANCELLED && t->given_up);

    if (!begun || (t->closed == 1 && good))
        return;
    snprintf(line, sizeof line, "closed %u times, %s, %s a text", t->closed,
             vitro_code_name((int)t->code), t->has_text ? "with" : "without");
    fault(t->what, line);
}

static void check_calls(const struct world *w)
{
    for (size_t i = 0; i < w->told_count; i++)
        check_told(&w->told[i]);
    if (w->serving)
        fault("the server", "calls of it have not ended");
}

static void check_world(struct world *w)
{
    vitro_error err;

    world_run(w);
    if (talk_afterwards(w, &err))
        fault_of("the call after it", &err);
}

static void run_once(size_t nth)
{
    struct world w;
    vitro_error err;
    vitro_code rc;

    failing_begin(nth, once);
    rc = world_begin(&w, scenario, &err);
    if (!rc)
        scenario->talk(&w);
    if (scenario->leaves) {
        failing.freeing = true;
        world_end(&w);
    }
    failing_end();
    if (rc && !(failing.failed && may_not_begin(rc)))
        fault_of("the world is not made", &err);
    if (!rc && !scenario->leaves)
        check_world(&w);
    check_calls(&w);
    if (!scenario->leaves)
        world_end(&w);
}

/* What a process makes but once is made, and counted as left by nobody. */
static void run_before(void)
{
    for (int i = 0; i < 3; i++)
        run_once(0);
    failing_know();
}

static void check_left(void)
{
    char line[80];

    if (failing.ours == 0 && failing_left(stdout) == 0)
        return;
    snprintf(line, sizeof line, "%zu blocks of ours, and of OpenSSL those above", failing.ours);
    fault("left", line);
}

/* ---- all of a scenario ---------------------------------------------------------------------- */

static void check_end(int status)
{
    char line[32];

    if (status == 0)
        return;
    snprintf(line, sizeof line, "%d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    fault(WIFSIGNALED(status) ? "killed by signal" : "ended with code", line);
}

/*
 * A lock of glibc remembers the thread that has it by a number that fork() changes in the child,
 * and OpenSSL allocates while it has some: this one changes nothing.
 */
static pid_t fork_with_locks(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* In a child this allocation fails; here it goes well, once the child has ended. */
static bool choose(size_t call, const char *file, int line)
{
    int status = 1;
    pid_t child;

    if ((file && call % step) || sweep->faults > FAULTS_SHOWN)
        return false;
    sweep->nth = call;
    fflush(stdout);
    child = fork_with_locks();
    if (child == 0) {
        in_child = true;
        alarm(LONGEST_S);
        return true;
    }
    if (child > 0)
        waitpid(child, &status, 0);
    failing.file = file;
    failing.line = line;
    check_end(status);
    failing.file = NULL;
    sweep->runs++;
    return false;
}

static bool run_scenario(const char *name)
{
    memset(sweep, 0, sizeof *sweep);
    run_before();
    failing.choose = choose;
    run_once(0);
    failing.choose = NULL;
    check_left();
    if (in_child) {
        fflush(stdout);
        _exit(0);
    }
    printf("  %s: %zu runs, %zu faults\n", name, sweep->runs, sweep->faults);
    return sweep->faults == 0 && sweep->runs > 0;
}

/* ---- what is asked -------------------------------------------------------------------------- */

static bool run_alone(size_t nth)
{
    run_before();
    sweep->nth = nth;
    run_once(nth);
    check_left();
    return sweep->faults == 0;
}

/* One scenario in one mode. argv: which is wanted, and of it which allocation. */
static bool run(int argc, char **argv)
{
    char name[32];

    snprintf(name, sizeof name, "%s%s", scenario->name, once ? "" : "+");
    if (argc > 1 && strcmp(argv[1], "list") == 0)
        return puts(name) >= 0;
    if (argc > 1 && strcmp(argv[1], name) != 0)
        return true;
    return argc > 2 ? run_alone(strtoul(argv[2], NULL, 10)) : run_scenario(name);
}

int main(int argc, char **argv)
{
    const char *told_step = getenv("OOM_STEP");
    bool ok = true;

    sweep = mmap(NULL, sizeof *sweep, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sweep == MAP_FAILED || !failing_install())
        return 2;
    if (told_step)
        step = MAX(strtoul(told_step, NULL, 10), 1ul);
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        for (int mode = 0; mode < 2; mode++) {
            scenario = &scenarios[i];
            once = mode == 0;
            ok &= run(argc, argv);
        }
    }
    return !ok;
}
