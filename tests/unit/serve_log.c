/* The lines of vitro serve, and readers that stop. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "serve/log.h"

TestSuite(serve_log, .timeout = 30);

enum { MANY = 100000 };

static void write_many(struct log *l, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        char text[32];

        snprintf(text, sizeof text, "line %u of many", i);
        log_line(l, "user", text);
    }
}

/* All lines from fd to its end: how many came, and how many are told to be lost. */
struct heard {
    FILE *in;
    unsigned came, lost, times, wrong;
};

static void *hear(void *user)
{
    struct heard *h = user;
    char line[256];
    unsigned n;

    while (fgets(line, sizeof line, h->in)) {
        if (sscanf(line, "(%u lines were lost: nobody read on)\n", &n) == 1) {
            h->lost += n;
            h->times++;
        } else if (sscanf(line, "user: line %u of many\n", &n) == 1 && n == h->came + h->lost) {
            h->came++;
        } else {
            h->wrong++;
        }
    }
    fclose(h->in);
    return NULL;
}

static void check_stopped_reader(int in, int out)
{
    struct heard h = { .in = fdopen(in, "r") };
    FILE *to = fdopen(out, "w");
    struct log *l = log_new(to);
    pthread_t reader;

    write_many(l, 0, MANY); /* nobody reads: this does not wait */
    cr_assert(eq(int, pthread_create(&reader, NULL, hear, &h), 0));
    log_end(l);
    fclose(to);
    pthread_join(reader, NULL);
    cr_expect(eq(u32, h.wrong, 0), "each line whole, in order, and the gap told where it is");
    cr_expect(gt(u32, h.came, 1000));
    cr_expect(gt(u32, h.lost, 1000));
    cr_expect(eq(u32, h.came + h.lost, MANY));
}

Test(serve_log, a_reader_that_stops_holds_nobody_up_and_is_told_what_it_has_missed)
{
    int fd[2];

    cr_assert(eq(int, pipe(fd), 0));
    check_stopped_reader(fd[0], fd[1]);
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0));
    check_stopped_reader(fd[0], fd[1]);
}

Test(serve_log, a_reader_that_keeps_up_misses_nothing)
{
    int fd[2];
    struct heard h = { 0 };
    FILE *to;
    struct log *l;
    pthread_t reader;

    cr_assert(eq(int, pipe(fd), 0));
    h.in = fdopen(fd[0], "r");
    to = fdopen(fd[1], "w");
    l = log_new(to);
    cr_assert(eq(int, pthread_create(&reader, NULL, hear, &h), 0));
    write_many(l, 0, 5000); /* they have room, however slow a loaded machine lets the reader be */
    log_end(l);
    fclose(to);
    pthread_join(reader, NULL);
    cr_expect(eq(u32, h.came, 5000));
    cr_expect(eq(u32, h.times + h.wrong, 0));
}

Test(serve_log, a_file_misses_nothing)
{
    struct heard h = { .in = tmpfile() };
    struct log *l = log_new(h.in);

    write_many(l, 0, MANY);
    log_end(l);
    rewind(h.in);
    hear(&h);
    cr_expect(eq(u32, h.came, MANY));
    cr_expect(eq(u32, h.times + h.wrong, 0));
}

Test(serve_log, at_the_end_a_reader_that_takes_nothing_is_not_waited_for)
{
    int fd[2];
    FILE *to;
    struct log *l;

    cr_assert(eq(int, pipe(fd), 0));
    to = fdopen(fd[1], "w");
    l = log_new(to);
    write_many(l, 0, MANY);
    log_end(l);
}

Test(serve_log, a_reader_that_went_away_is_no_trouble)
{
    int fd[2];
    FILE *to;
    struct log *l;

    cr_assert(eq(int, pipe(fd), 0));
    signal(SIGPIPE, SIG_IGN); /* as the program has it */
    close(fd[0]);
    to = fdopen(fd[1], "w");
    l = log_new(to);
    write_many(l, 0, MANY);
    log_end(l);
    fclose(to);
}

Test(serve_log, nothing_of_a_peer_reaches_the_reader_unescaped)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    struct log *l = log_new(to);

    log_line(l, "\033[31m", "two\nlines");
    log_line(NULL, "nobody", "says nothing");
    log_end(l);
    fclose(to);
    cr_expect(eq(str, text, "\\u{1b}[31m: two\\u{a}lines\n"));
    free(text);
}
