/*
 * attacks - each attack of siege/moves.def against a `vitro serve` of its own, over loopback: it
 * stays alive, what it holds and does is bounded, and it answers others all the while.
 *
 *      attacks [-c] VITRO [NAME]...      all; those. With -c what they cost is told and not judged:
 *                                        VITRO is built for something else
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attacks/siege/host.h"
#include "attacks/siege/moves.h"
#include "base/util.h"

enum server { PLAIN = 1, TLS = 2, BOTH = 3, COUNTED = 4 };
enum end { STAYS, CUT, CALMED };

static const struct attack {
    const char *name, *words;
    void (*run)(struct move *m);
    unsigned servers;
    enum end end;
    int seconds;
    unsigned mib, cpu_ms, each_ns;
} attacks[] = {
#define ATTACK(name, words, servers, end, seconds, mib, cpu_ms, each_ns)                           \
    { #name, words, attack_##name, servers, end, seconds, mib, cpu_ms, each_ns },
#include "attacks/siege/moves.def"
};

/*
 * A good call, connection and all: how much longer it may take than elsewhere, and for how long the
 * server may work on other things meanwhile. A machine that is busy makes the first long only.
 */
enum { CALL_MS = 10000, BEHIND_MS = 1000 };

/*
 * A server that is attacked, and one beside it that is not. Both are called alike, so what the
 * machine does to calls, and what the calls themselves cost, is seen on the other one.
 */
struct siege {
    const struct attack *attack;
    const char *server; /* what kind it is */
    bool costs;         /* are judged */
    struct victim victim, control;
    struct move move;
    bool over; /* atomic */
};

/* What came of it. */
struct toll {
    bool answered, ended;
    int slowest, elsewhere; /* calls, in ms */
    unsigned behind;        /* ms of the server's CPU, at most, in one of them */
    unsigned kib, cpu_ms;   /* beyond what it had and what the calls cost */
};

static void *attack_main(void *user)
{
    struct siege *s = user;

    s->attack->run(&s->move);
    __atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
    return NULL;
}

static bool call(const struct victim *v, int *slowest)
{
    int ms = victim_call_ms(v);

    *slowest = MAX(*slowest, ms);
    return ms >= 0;
}

static bool call_both(const struct siege *s, struct toll *t)
{
    unsigned before = victim_cpu_ms(&s->victim), after;
    bool answered = call(&s->victim, &t->slowest);

    after = victim_cpu_ms(&s->victim);
    t->behind = MAX(t->behind, after - MIN(after, before));
    return answered && call(&s->control, &t->elsewhere);
}

static unsigned cpu_beyond(const struct siege *s)
{
    unsigned attacked = victim_cpu_ms(&s->victim), other = victim_cpu_ms(&s->control);

    return attacked - MIN(attacked, other);
}

/* Good calls until the attack is over, and one more. */
static void hold_out(struct siege *s, struct toll *t)
{
    unsigned kib = victim_kib(&s->victim), cpu = cpu_beyond(s);
    pthread_t thread;

    *t = (struct toll){ 0 };
    pthread_create(&thread, NULL, attack_main, s);
    do {
        t->answered = call_both(s, t);
        usleep(20000);
    } while (t->answered && !__atomic_load_n(&s->over, __ATOMIC_ACQUIRE));
    pthread_join(thread, NULL);
    t->answered &= call_both(s, t);
    t->kib = victim_kib(&s->victim) - MIN(victim_kib(&s->victim), kib);
    t->cpu_ms = cpu_beyond(s) - MIN(cpu_beyond(s), cpu);
}

/* Both are bounded when what they allow does not grow with time. */
static const char *judge_costs(const struct attack *a, const struct toll *t, unsigned sent)
{
    return t->behind > BEHIND_MS                                           ? "others had to wait"
           : t->kib > a->mib * 1024                                        ? "memory"
           : t->cpu_ms > a->cpu_ms + (uint64_t)sent * a->each_ns / 1000000 ? "CPU"
                                                                           : NULL;
}

/* What is wrong with how it went; NULL: nothing. */
static const char *judge(const struct siege *s, const struct toll *t)
{
    const struct move *m = &s->move;

    return m->foes < m->wanted || m->sent + m->foes < 2          ? "the attack did not begin"
           : !t->ended                                           ? "a server did not end well"
           : !t->answered || t->slowest > CALL_MS + t->elsewhere ? "others had to wait"
           : s->attack->end != STAYS && m->left < m->foes        ? "connections were left open"
           : s->attack->end == CALMED && m->calmed < m->foes     ? "it was not told to be calm"
           : s->attack->end == STAYS && m->left                  ? "connections were cut"
           : s->costs ? judge_costs(s->attack, t, m->sent)
                      : NULL;
}

static void tell(const struct siege *s, const struct toll *t, int64_t ms, const char *wrong)
{
    const struct move *m = &s->move;

    printf("%s %-18s %-7s %5.1f s, %u sent, %u of %u cut (%u calmed), +%.1f MiB, %u ms of CPU, "
           "calls <= %d ms (elsewhere %d) behind %u ms of CPU%s%s\n",
           wrong ? "not ok" : "ok    ", s->attack->name, s->server, (double)ms / 1000, m->sent,
           m->left, m->foes, m->calmed, t->kib / 1024.0, t->cpu_ms, t->slowest, t->elsewhere,
           t->behind, wrong ? ": " : "", wrong ? wrong : "");
    fflush(stdout);
}

static bool run(struct siege *s, const char *program, bool tls)
{
    struct toll t = { 0 };
    int64_t began = now_ms();
    const char *wrong;

    if (!victim_start(&s->victim, program, tls) || !victim_start(&s->control, program, tls) ||
        !call_both(s, &t))
        return false;
    s->move.victim = &s->victim;
    s->move.lasts_ms = s->attack->seconds * 1000;
    hold_out(s, &t);
    t.ended = victim_stop(&s->victim) & victim_stop(&s->control);
    wrong = judge(s, &t);
    tell(s, &t, now_ms() - began, wrong);
    return !wrong;
}

/* ---- which ---------------------------------------------------------------------------------- */

struct count {
    unsigned passed, failed;
};

/* The attack on each kind of server that it is meant for. */
static void run_all(const struct attack *a, const char *program, bool costs, struct count *c)
{
    const struct {
        enum server kind;
        const char *name, *program;
    } servers[] = { { PLAIN, "plain", program },
                    { TLS, "TLS", program },
                    { COUNTED, "counted", "/proc/self/exe" } };

    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        struct siege s = { .attack = a, .server = servers[i].name, .costs = costs };

        if (!(a->servers & servers[i].kind))
            continue;
        if (run(&s, servers[i].program, servers[i].kind == TLS))
            c->passed++;
        else
            c->failed++;
    }
}

static bool is_wanted(const struct attack *a, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], a->name) == 0)
            return true;
    }
    return argc == 2;
}

/* Ten thousand connections need as many descriptors, here and in the server. */
static void raise_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = MIN(files.rlim_max, (rlim_t)20000);
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    bool costs = argc < 2 || strcmp(argv[1], "-c") != 0;
    struct count c = { 0, 0 };

    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return host_main(argc, argv);
    argc -= !costs;
    argv += !costs;
    if (argc < 2) {
        fprintf(stderr, "usage: attacks [-c] VITRO [NAME]...\n");
        return 2;
    }
    raise_limit();
    signal(SIGPIPE, SIG_IGN); /* libssl writes to whom the server has left */
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        if (is_wanted(&attacks[i], argc, argv))
            run_all(&attacks[i], argv[1], costs, &c);
    }
    printf("attacks: %u passed, %u failed\n", c.passed, c.failed);
    return c.failed || !c.passed;
}
