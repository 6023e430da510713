/*
 * sim - worlds of calls in which things go wrong, one of each seed (world.h).
 *
 *      sim [--seed N] [--seeds N] [--jobs N] [--sabotage] [--keep FILE] [-v]
 *
 * Seeds from N on (1), so many of them (1), by so many processes (1); every eighth world is lived
 * through twice and has to leave the same bytes. -v tells what happens; --keep leaves the trace in
 * FILE. A world in which something
 * is wrong is one line, with the command that shows it; the status is 1 then. Worlds run in
 * children: one that crashes or stands still is told like the others. With --sabotage nothing goes
 * wrong but that the wire steals bytes of a response, and a world is wrong that does not miss them.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/world.h"

enum { LONGEST_S = 60, TWICE = 8, JOBS_MAX = 16 };

struct options {
    uint64_t first, count;
    unsigned jobs;
    bool loud, sabotage;
    const char *keep;
};

/* What a child and its parent share. */
struct progress {
    uint64_t next;   /* the seed that is being lived through */
    uint64_t wrong;  /* worlds */
    uint64_t worlds; /* lived through, not counting twice */
    uint64_t stolen; /* worlds in which the wire stole something */
    uint64_t calls, bytes;
};

static void tell(uint64_t seed, const char *more, const char *why)
{
    printf("seed %" PRIu64 ": %s; build/debug/tests/sim/sim --seed %" PRIu64 "%s -v\n", seed, why,
           seed, more);
    fflush(stdout);
}

static void live(struct world *w, uint64_t seed, const struct options *o)
{
    *w = (struct world){ .seed = seed, .loud = o->loud, .sabotage = o->sabotage };
    w->keep = o->keep;
    alarm(LONGEST_S);
    world_run(w);
    alarm(0);
}

static void run_seed(uint64_t seed, const struct options *o, struct progress *p)
{
    static struct world once, again;

    live(&once, seed, o);
    if (!once.why[0] && seed % TWICE == 0) {
        live(&again, seed, o);
        if (once.trace_bytes != again.trace_bytes || once.trace_sum != again.trace_sum)
            world_fail(&once, "the second time its traces are others: %" PRIu64 " bytes, %" PRIu64,
                       once.trace_bytes, again.trace_bytes);
    }
    p->worlds++;
    p->calls += once.n_asked;
    p->bytes += once.trace_bytes;
    p->stolen += once.stolen;
    if (once.stolen && once.why[0])
        return;
    if (once.stolen)
        world_fail(&once, "what was stolen was not missed");
    if (!once.why[0])
        return;
    p->wrong++;
    tell(seed, o->sabotage ? " --sabotage" : "", once.why);
}

/* ---- children ------------------------------------------------------------------------------- */

static void run_from(const struct options *o, struct progress *p)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a parent that is killed takes it along */
    while (p->next < o->first + o->count) {
        run_seed(p->next, o, p);
        p->next += o->jobs;
    }
    exit(0);
}

static pid_t start(const struct options *o, struct progress *p)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid < 0) {
        perror("sim: fork");
        exit(3);
    }
    if (pid == 0)
        run_from(o, p);
    return pid;
}

/* A child is gone. True: it has more to do, and another one goes on behind its world. */
static bool ended(const struct options *o, struct progress *p, int status)
{
    char why[64];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(why, sizeof why, "it takes more than %d s", LONGEST_S);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "it dies of %s", strsignal(WTERMSIG(status)));
    else
        snprintf(why, sizeof why, "it exits with %d", WEXITSTATUS(status));
    tell(p->next, "", why);
    p->wrong++;
    p->worlds++;
    p->next += o->jobs;
    return p->next < o->first + o->count;
}

static bool run_all(const struct options *o)
{
    struct progress *p =
        mmap(NULL, JOBS_MAX * sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct progress all = { 0 };
    pid_t pids[JOBS_MAX];
    int status;

    for (unsigned i = 0; i < o->jobs; i++) {
        p[i].next = o->first + i;
        pids[i] = start(o, &p[i]);
    }
    for (unsigned i = 0; i < o->jobs; i++) {
        do {
            while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR) {
            }
        } while (ended(o, &p[i], status) && (pids[i] = start(o, &p[i])));
        all.worlds += p[i].worlds;
        all.wrong += p[i].wrong;
        all.stolen += p[i].stolen;
        all.calls += p[i].calls;
        all.bytes += p[i].bytes;
    }
    printf("sim: %" PRIu64 " worlds, %" PRIu64 " calls, %" PRIu64 " MB of trace, %" PRIu64
           " wrong\n",
           all.worlds, all.calls, all.bytes / 1000000, all.wrong);
    if (!o->sabotage)
        return all.wrong == 0;
    printf("sim: %" PRIu64 " of them were robbed\n", all.stolen);
    return all.wrong == 0 && all.stolen > 0;
}

/* ---- what is asked -------------------------------------------------------------------------- */

static void usage(FILE *out)
{
    fputs("usage: sim [--seed N] [--seeds N] [--jobs N] [--sabotage] [--keep FILE] [-v]\n", out);
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    if (!text || !*text)
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return !*end && !errno;
}

static bool parse(int argc, char **argv, struct options *o)
{
    uint64_t jobs = 1;

    *o = (struct options){ .first = 1, .count = 1 };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "-v") == 0)
            o->loud = true;
        else if (strcmp(argv[i], "--sabotage") == 0)
            o->sabotage = true;
        else if (strcmp(argv[i], "--keep") == 0 && value)
            o->keep = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && number(value, &o->first))
            i++;
        else if (strcmp(argv[i], "--seeds") == 0 && number(value, &o->count))
            i++;
        else if (strcmp(argv[i], "--jobs") == 0 && number(value, &jobs) && jobs > 0)
            i++;
        else
            return false;
    }
    o->jobs = jobs < JOBS_MAX ? (unsigned)jobs : JOBS_MAX;
    return true;
}

int main(int argc, char **argv)
{
    struct options o;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    return run_all(&o) ? 0 : 1;
}
