/*
 * oom - memory runs out at the nth allocation, for every n that a scenario has.
 *
 *      oom [SCENARIO [N]]      all; one; one with its nth allocation alone, in this process
 *      oom list                their names
 *      OOM_STEP=K              of OpenSSL's allocations each K-th; of ours all, in any case
 *
 * Under sim, so that the nth is always the same one. It fails alone, and with all that follow it.
 * No run crashes; each call ends once, with a status that says what happened; a call after it goes
 * well; nothing is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    { .name = "tls13", .talk = talk_every_kind, .tls = true },
    { .name = "tls12", .talk = talk_every_kind, .tls = true, .version_max = 0x0303 },
    { .name = "leaving13", .talk = talk_and_leave, .leaves = true, .tls = true },
    { .name = "mutual", .talk = talk_every_kind, .tls = true, .mutual = true },
    { .name = "resumed13", .talk = talk_twice, .tls = true },
    { .name = "resumed12", .talk = talk_twice, .tls = true, .version_max = 0x0303 },
};

enum { FAULTS_SHOWN = 20 }; /* of a scenario */

/* What a child tells its parent, who outlives it. */
static struct {
    size_t nth; /* of this run */
    size_t runs;
    size_t faults;
    bool over;
} * sweep;

static const struct scenario *scenario;
static bool once = true;
static size_t step = 1;

static void fault(const char *what, const char *detail)
{
    if (++sweep->faults > FAULTS_SHOWN)
        return;
    printf("  %s, allocation %zu%s", scenario->name, sweep->nth,
           once ? "" : " and all that follow");
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

/* How many allocations there were. */
static size_t run_once(size_t nth)
{
    struct world w;
    vitro_error err;
    vitro_code rc;
    size_t made;

    failing_begin(nth, once);
    rc = world_begin(&w, scenario, &err);
    if (!rc)
        scenario->talk(&w);
    if (scenario->leaves)
        world_end(&w);
    made = failing_end();
    if (rc && (nth == 0 || !may_not_begin(rc)))
        fault_of("the world is not made", &err);
    if (!rc && !scenario->leaves)
        check_world(&w);
    check_calls(&w);
    if (!scenario->leaves)
        world_end(&w);
    return made;
}

/* What a process makes but once is made, and counted as left by nobody. */
static size_t run_before(void)
{
    size_t made = 0;

    for (int i = 0; i < 3; i++)
        made = run_once(0);
    failing_know();
    return made;
}

static void run_nth(size_t nth)
{
    char line[80];

    sweep->nth = nth;
    run_once(nth);
    if (failing.ours == 0 && failing_left(stdout) == 0)
        return;
    snprintf(line, sizeof line, "%zu blocks of ours, and of OpenSSL those above", failing.ours);
    fault("left", line);
    failing.ours = 0;
    failing_know();
}

/* ---- all of a scenario ---------------------------------------------------------------------- */

/* In a child: a crash is one run's end, and not that of all. */
static void run_from(size_t nth)
{
    size_t made = run_before();

    for (; nth <= made; nth++) {
        if (nth % step && !failing_is_ours(nth))
            continue;
        run_nth(nth);
        sweep->runs++;
    }
    sweep->over = true;
}

static void run_child(void)
{
    char line[32];
    int status;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        run_from(sweep->nth);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (status == 0)
        return;
    snprintf(line, sizeof line, "%d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    fault(WIFSIGNALED(status) ? "killed by signal" : "ended with code", line);
    sweep->nth++;
    sweep->over = sweep->faults > FAULTS_SHOWN;
}

static bool run_scenario(void)
{
    memset(sweep, 0, sizeof *sweep);
    sweep->nth = 1;
    while (!sweep->over)
        run_child();
    printf("  %s, %s: %zu runs, %zu faults\n", scenario->name, once ? "one" : "from one on",
           sweep->runs, sweep->faults);
    return sweep->faults == 0 && sweep->runs > 0;
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : NULL, *told_step = getenv("OOM_STEP");
    bool ok = true;

    sweep = mmap(NULL, sizeof *sweep, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sweep == MAP_FAILED || !failing_install())
        return 2;
    if (told_step)
        step = MAX(strtoul(told_step, NULL, 10), 1ul);
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        scenario = &scenarios[i];
        if (wanted && strcmp(wanted, "list") == 0) {
            puts(scenario->name);
            continue;
        }
        if (wanted && strcmp(wanted, scenario->name) != 0)
            continue;
        if (argc > 2) {
            run_before();
            run_nth(strtoul(argv[2], NULL, 10));
            return sweep->faults != 0;
        }
        for (int mode = 0; mode < 2; mode++) {
            once = mode == 0;
            ok &= run_scenario();
        }
    }
    return !ok;
}
