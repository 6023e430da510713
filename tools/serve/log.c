#include "serve/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "print.h"
#include "thread.h"

enum { ROOM = 256 * 1024, LINGER_MS = 500, COUNT_TEXT = 64 };

/* Lines that follow each other, and how many are missing behind them. */
struct lines {
    char *at;
    size_t len;
    unsigned long lost;
};

struct log {
    FILE *out;
    bool waits; /* there is a thread, and what follows */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t change;
    struct lines coming, going; /* going is the thread's alone */
    size_t progress;            /* pieces that the system has taken */
    bool over, left;            /* no more lines come; the thread has ended */
};

/* ---- the thread ----------------------------------------------------------------------------- */

static void note_progress(struct log *l)
{
    pthread_mutex_lock(&l->lock);
    l->progress++;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
}

/* Who has gone away reads nothing: it is as if it had read all. */
static void write_all(struct log *l, const char *p, size_t n)
{
    while (n) {
        ssize_t did = write(fileno(l->out), p, n);

        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return;
        p += did;
        n -= (size_t)did;
        note_progress(l);
    }
}

static void write_lines(struct log *l)
{
    char text[COUNT_TEXT];
    int n;

    write_all(l, l->going.at, l->going.len);
    if (!l->going.lost)
        return;
    n = snprintf(text, sizeof text, "(%lu lines were lost: nobody read on)\n", l->going.lost);
    write_all(l, text, (size_t)n);
}

/* False when none come any more. */
static bool take_lines(struct log *l)
{
    struct lines empty = { l->going.at, 0, 0 };

    pthread_mutex_lock(&l->lock);
    while (!l->coming.len && !l->coming.lost && !l->over)
        pthread_cond_wait(&l->change, &l->lock);
    l->going = l->coming;
    l->coming = empty;
    pthread_mutex_unlock(&l->lock);
    return l->going.len || l->going.lost;
}

static void *write_for_ever(void *user)
{
    struct log *l = user;

    while (take_lines(l))
        write_lines(l);
    pthread_mutex_lock(&l->lock);
    l->left = true;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Memory that looks like a file has no descriptor. */
static bool may_be_held_up(FILE *out)
{
    struct stat st;
    int fd = fileno(out);

    return fd >= 0 &&
           (isatty(fd) || (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))));
}

static void release(struct log *l)
{
    pthread_cond_destroy(&l->change);
    pthread_mutex_destroy(&l->lock);
    free(l->coming.at);
    free(l->going.at);
    free(l);
}

static bool begin_thread(struct log *l)
{
    l->coming.at = malloc(ROOM);
    l->going.at = malloc(ROOM);
    return l->coming.at && l->going.at && thread_start(&l->thread, write_for_ever, l) == 0;
}

struct log *log_new(FILE *out)
{
    struct log *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->out = out;
    l->waits = may_be_held_up(out);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->change, NULL);
    if (l->waits && !begin_thread(l)) {
        release(l);
        return NULL;
    }
    fflush(out);
    return l;
}

static struct timespec soon(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += LINGER_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* True when the thread has ended: not when its reader takes nothing. */
static bool await_thread(struct log *l)
{
    size_t before = SIZE_MAX;
    bool left;

    pthread_mutex_lock(&l->lock);
    l->over = true;
    pthread_cond_broadcast(&l->change);
    while (!l->left && l->progress != before) {
        struct timespec until = soon();
        before = l->progress;
        while (!l->left && l->progress == before &&
               pthread_cond_timedwait(&l->change, &l->lock, &until) != ETIMEDOUT) {
        }
    }
    left = l->left;
    pthread_mutex_unlock(&l->lock);
    return left;
}

void log_end(struct log *l)
{
    if (!l)
        return;
    if (l->waits && !await_thread(l)) {
        pthread_detach(l->thread); /* it stands in a write, and goes with the process */
        return;
    }
    if (l->waits)
        pthread_join(l->thread, NULL);
    release(l);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Behind a line that is missing none follows before that was told. */
static void keep(struct log *l, const char *line, size_t len)
{
    struct lines *c = &l->coming;

    pthread_mutex_lock(&l->lock);
    if (!line || c->lost || len > ROOM - c->len) {
        c->lost++;
    } else {
        memcpy(c->at + c->len, line, len);
        c->len += len;
    }
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
}

static void print_line(FILE *out, const char *who, const char *what)
{
    struct printer p = { .out = out };

    print_escaped(&p, vitro_str_of(who));
    fputs(": ", out);
    print_escaped(&p, vitro_str_of(what));
    putc('\n', out);
}

static void write_at_once(struct log *l, const char *who, const char *what)
{
    flockfile(l->out);
    print_line(l->out, who, what);
    fflush(l->out);
    funlockfile(l->out);
}

void log_line(struct log *l, const char *who, const char *what)
{
    char *line = NULL;
    size_t len = 0;
    FILE *room;

    if (!l)
        return;
    if (!l->waits) {
        write_at_once(l, who, what);
        return;
    }
    room = open_memstream(&line, &len);
    if (room) {
        print_line(room, who, what);
        if (fclose(room) != 0) {
            free(line);
            line = NULL;
        }
    }
    keep(l, line, len);
    free(line);
}
