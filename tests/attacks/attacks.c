/*
 * attacks - each attack of siege/moves.def against a `vitro serve` of its own, over loopback: it
 * stays alive, what it holds and does is bounded, and it answers others all the while.
 *
 *      attacks VITRO [NAME]...      all; those
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attacks/siege/moves.h"
#include "base/util.h"

enum wire { PLAIN = 1, TLS = 2, BOTH = 3 };
enum end { STAYS, CUT };

static const struct attack {
    const char *name, *words;
    void (*run)(struct move *m);
    enum wire wire;
    enum end end;
    int seconds;
    unsigned mib, cpu_ms;
} attacks[] = {
#define ATTACK(name, words, wire, end, seconds, mib, cpu)                                          \
    { #name, words, attack_##name, wire, end, seconds, mib, cpu },
#include "attacks/siege/moves.def"
};

enum { CALL_MS = 3000 }; /* a good call, connection and all, on a machine that does other things */

struct siege {
    const struct attack *attack;
    struct move move;
    bool over; /* atomic */
};

static void *attack_main(void *user)
{
    struct siege *s = user;

    s->attack->run(&s->move);
    __atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Good calls until the attack is over: the slowest, and what the server has grown to. */
static bool call_meanwhile(struct siege *s, int *slowest, unsigned *kib)
{
    const struct victim *v = s->move.victim;

    do {
        int ms = victim_call_ms(v);
        unsigned now = victim_kib(v);

        if (ms < 0)
            return false;
        *slowest = MAX(*slowest, ms);
        *kib = MAX(*kib, now);
        usleep(20000);
    } while (!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE));
    return true;
}

/* What is wrong with how it went; NULL: nothing. */
static const char *judge(const struct siege *s, bool answered, int slowest, unsigned grown,
                         unsigned cpu_ms)
{
    const struct attack *a = s->attack;

    return s->move.foes == 0 || s->move.sent + s->move.foes < 2 ? "the attack did not begin"
           : !answered || slowest > CALL_MS                     ? "others had to wait"
           : grown > a->mib * 1024                              ? "memory"
           : a->cpu_ms && cpu_ms > a->cpu_ms                    ? "CPU"
           : a->end == CUT && s->move.left < s->move.foes       ? "connections were left open"
                                                                : NULL;
}

static bool run(const char *program, const struct attack *a, bool tls)
{
    struct siege s = { .attack = a };
    unsigned before, most = 0, cpu;
    int64_t began = now_ms();
    struct victim v;
    pthread_t thread;
    int slowest = 0;
    bool answered, ended;
    const char *wrong;

    if (!victim_start(&v, program, tls) || victim_call_ms(&v) < 0)
        return false;
    before = victim_kib(&v);
    cpu = victim_cpu_ms(&v);
    s.move.victim = &v;
    s.move.lasts_ms = a->seconds * 1000;
    pthread_create(&thread, NULL, attack_main, &s);
    answered = call_meanwhile(&s, &slowest, &most);
    pthread_join(thread, NULL);
    cpu = victim_cpu_ms(&v) - cpu;
    answered &= victim_call_ms(&v) >= 0;
    ended = victim_stop(&v);
    wrong = judge(&s, answered, slowest, most - MIN(most, before), cpu);
    if (!ended)
        wrong = "the server did not end well";
    printf(
        "%s %-14s %-5s %5.1f s, %u sent, %u of %u cut, +%.1f MiB, %u ms of CPU, calls <= %d ms%s%s\n",
        wrong ? "not ok" : "ok    ", a->name, tls ? "TLS" : "plain",
        (double)(now_ms() - began) / 1000, s.move.sent, s.move.left, s.move.foes,
        (double)(most - MIN(most, before)) / 1024, cpu, slowest, wrong ? ": " : "",
        wrong ? wrong : "");
    fflush(stdout);
    return !wrong;
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
    unsigned passed = 0, failed = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: attacks VITRO [NAME]...\n");
        return 2;
    }
    raise_limit();
    signal(SIGPIPE, SIG_IGN); /* libssl writes to whom the server has left */
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        for (unsigned tls = 0; tls < 2; tls++) {
            if (!(attacks[i].wire & (tls ? TLS : PLAIN)) || !is_wanted(&attacks[i], argc, argv))
                continue;
            if (run(argv[1], &attacks[i], tls))
                passed++;
            else
                failed++;
        }
    }
    printf("attacks: %u passed, %u failed\n", passed, failed);
    return failed || !passed;
}
