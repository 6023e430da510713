/*
 * watch - vitro watch: what vitro inspect shows of a file, shown of an interface or of programs
 * while it happens.
 */
#include "watch.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command.h"
#include "show.h"

enum { OPTION_KEEP = SHOW_END, FILTER_BYTES = 4096 };

#define DEFAULT_KEEP (UINT64_C(4) << 30)
#define LEAST_KEEP                                                                                 \
    (UINT64_C(64) << 20) /* twice the largest block that the decoder takes, and more */

struct watch {
    struct show show;
    const char *interface; /* NULL: where is a program's */
    const char *where;
    char filter[FILTER_BYTES];
    char name[256];
    uint64_t keep;
    struct feed *feed;
    struct spool *spool;
    struct source *source;
};

/* ---- options --------------------------------------------------------------------------------- */

/* "4G", "512M": a number of bytes. */
static bool size_of(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    vitro_str s = vitro_str_of(text);
    const char *unit = s.len ? strchr(units, s.ptr[s.len - 1]) : NULL;
    unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
    uint64_t n;

    if (shift)
        s.len--;
    if (!vitro_text_number(s, INT64_MAX >> shift, &n))
        return false;
    *out = n << shift;
    return *out >= LEAST_KEEP;
}

static int bad_option(struct watch *w, int option, const char *text)
{
    if (option == OPTION_KEEP)
        return show_usage(&w->show, "--keep", "a size of 64M or more, such as 512M or 4G");
    return show_usage(&w->show, text, "no such option, or its value is missing");
}

/* The words behind the options as one expression. */
static bool join(char *out, size_t size, char **words, int n)
{
    struct text t;

    vitro_text_init(&t, out, size);
    for (int i = 0; i < n; i++)
        vitro_text_add(&t, i ? " %s" : "%s", words[i]);
    return t.len < size;
}

/* What is to be watched: the rest of the command line. */
static int parse_where(struct watch *w, char **rest, int n)
{
    struct text name;

    if (w->interface) {
        if (!join(w->filter, sizeof w->filter, rest, n))
            return show_usage(&w->show, "FILTER", "too long");
        vitro_text_init(&name, w->name, sizeof w->name);
        vitro_text_add(&name, "%s%s%s", w->interface, n ? " " : "", w->filter);
        return EXIT_DONE;
    }
    if (!n)
        return show_usage(&w->show, "what to watch", "missing: -i IFACE, unix:PATH or listen:PATH");
    if (n > 1)
        return show_usage(&w->show, rest[1], "one place at a time");
    if (strncmp(rest[0], "unix:", 5) != 0 && strncmp(rest[0], "listen:", 7) != 0)
        return show_usage(&w->show, rest[0], "none of -i IFACE, unix:PATH, listen:PATH");
    w->where = rest[0];
    snprintf(w->name, sizeof w->name, "%s", rest[0]);
    return EXIT_DONE;
}

static int parse(struct watch *w, int argc, char **argv)
{
    static const struct option longs[] = {
        SHOW_LONG_OPTIONS,
        { "keep", required_argument, NULL, OPTION_KEEP },
        { NULL, 0, NULL, 0 },
    };
    int c, status;

    optind = 1;
    opterr = 0;
    while ((c = getopt_long(argc, argv, SHOW_SHORT_OPTIONS "i:", longs, NULL)) != -1) {
        if (c == 'i')
            w->interface = optarg;
        else if (c == OPTION_KEEP ? !size_of(optarg, &w->keep) : !show_option(&w->show, c, optarg))
            return bad_option(w, c, argv[optind - 1]);
    }
    status = parse_where(w, argv + optind, argc - optind);
    w->show.name = w->name;
    w->show.follows = true;
    return status ? status : show_check(&w->show);
}

/* ---- the end --------------------------------------------------------------------------------- */

static struct feed *volatile watched;
static volatile sig_atomic_t interrupted;

/* The feed ends, what it has taken in is shown, the second time is the last. */
static void on_signal(int number)
{
    interrupted = number == SIGINT;
    feed_stop(watched);
}

static void heed(int number)
{
    struct sigaction action;

    if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_IGN)
        return; /* in the background of a shell */
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(number, &action, NULL);
}

static void say_watching(const char *name)
{
    fputs("watching ", stderr);
    print_escaped(&(struct printer){ .out = stderr }, vitro_str_of(name));
    fputc('\n', stderr);
}

static void put_summary(const struct watch *w)
{
    const struct live *live = &w->feed->live;

    fflush(stdout);
    print_escaped(&(struct printer){ .out = stderr }, vitro_str_of(w->name));
    fprintf(stderr, ": %" PRIu64 " packets, %" PRIu64 " missed", live_get(&live->packets),
            live_get(&live->missed));
    if (!w->interface)
        fprintf(stderr, ", %" PRIu64 " programs", live_get(&live->joined));
    fputc('\n', stderr);
}

/* ---- running --------------------------------------------------------------------------------- */

static int open_spool(struct watch *w)
{
    struct spool_options options = { w->name, w->keep, w->show.screen || w->show.stats };
    vitro_error err = { 0 };

    if (!spool_new(&w->spool, &options, &err) && !source_open_spool(&w->source, w->spool, &err))
        return EXIT_DONE;
    command_fail_error("watch", w->name, &err, NULL);
    return EXIT_SYSTEM;
}

static int open_all(struct watch *w)
{
    int status = w->interface ? watch_capture_open(&w->feed, w->interface, w->filter)
                              : watch_programs_open(&w->feed, w->where);

    if (!status)
        status = open_spool(w);
    if (!status)
        status = show_open(&w->show, w->source);
    if (!status && w->interface)
        status = watch_drop_privileges();
    return status;
}

static int run(struct watch *w)
{
    vitro_error err = { 0 };
    int status;

    watched = w->feed;
    if (!w->show.screen) {
        heed(SIGINT);
        heed(SIGTERM);
    }
    if (feed_start(w->feed, w->spool, &err)) {
        command_fail_error("watch", w->name, &err, NULL);
        return EXIT_SYSTEM;
    }
    if (!w->show.screen)
        say_watching(w->name);
    w->show.live = &w->feed->live;
    status = show_run(&w->show);
    if (!w->show.screen)
        put_summary(w);
    return !status && interrupted ? EXIT_INTERRUPTED : status;
}

int watch_main(int argc, char **argv)
{
    static struct watch w;
    int status;

    w.show.command = "watch";
    w.keep = DEFAULT_KEEP;
    status = parse(&w, argc, argv);
    if (!status)
        status = open_all(&w);
    if (!status)
        status = run(&w);
    feed_free(w.feed);
    show_close(&w.show);
    source_close(w.source);
    spool_free(w.spool);
    return status;
}
