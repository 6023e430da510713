#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

enum { FORGET_BYTES = 1024 * 1024 }; /* so many at least at once */

struct spool {
    int fd, event;
    uint64_t limit;
    bool keep_all;
    char name[64];
    pthread_mutex_t lock;
    pthread_cond_t changed; /* of passed and closed */
    uint64_t size, low;     /* what lies below low was forgotten */
    uint64_t passed;        /* the reader has come this far */
    bool ended, closed, failed;
    bool told; /* event is readable */
    vitro_error error;
};

/* A file that nobody else can name, on disk rather than in memory where there is a choice. */
static int open_unnamed(void)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    int fd;

    if (!dir || !*dir)
        dir = "/var/tmp";
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    snprintf(path, sizeof path, "%s/vitro-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

vitro_code spool_new(struct spool **out, const struct spool_options *options, vitro_error *err)
{
    struct spool *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "spool", 0, "out of memory");
    snprintf(s->name, sizeof s->name, "%s", options->name);
    s->limit = options->limit ? options->limit : UINT64_MAX;
    s->keep_all = options->keep_all;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->fd = s->event < 0 ? -1 : open_unnamed();
    if (s->fd < 0) {
        vitro_fail(err, VITRO_UNAVAILABLE, "source", errno,
                   "%s: no room to keep what comes (TMPDIR): %s", s->name, strerror(errno));
        spool_free(s);
        return VITRO_UNAVAILABLE;
    }
    *out = s;
    return VITRO_OK;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->event >= 0)
        close(s->event);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- filling --------------------------------------------------------------------------------- */

/* With the lock held. */
static void tell(struct spool *s)
{
    uint64_t one = 1;

    if (s->told)
        return;
    s->told = true;
    (void)!write(s->event, &one, sizeof one);
}

static void end(struct spool *s, const vitro_error *why)
{
    if (why && !s->failed) {
        s->error = *why;
        s->failed = true;
    }
    s->ended = true;
    tell(s);
}

void spool_end(struct spool *s, const vitro_error *why)
{
    pthread_mutex_lock(&s->lock);
    end(s, why);
    pthread_mutex_unlock(&s->lock);
}

/* Let go of what lies far behind the reader; with the lock held. */
static void forget(struct spool *s)
{
    uint64_t behind = s->limit / 2, below;

    if (s->keep_all || s->passed < behind)
        return;
    below = (s->passed - behind) / FORGET_BYTES * FORGET_BYTES;
    if (below <= s->low)
        return;
    if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)s->low,
                  (off_t)(below - s->low)) == 0)
        s->low = below;
    else
        s->keep_all = true; /* a file system without holes */
}

static void full(struct spool *s)
{
    vitro_error err;

    vitro_fail(&err, VITRO_RESOURCE_EXHAUSTED, "source", 0,
               "reading ends here, %" PRIu64 " MiB are kept: --keep SIZE", s->limit >> 20);
    end(s, &err);
}

/* True when n bytes more may be written; with the lock held. */
static bool find_room(struct spool *s, size_t n)
{
    while (!s->closed && !s->ended && s->size - s->low > s->limit - MIN(n, s->limit)) {
        uint64_t low = s->low;
        forget(s);
        if (s->low != low)
            continue;
        if (s->keep_all)
            full(s);
        else
            pthread_cond_wait(&s->changed, &s->lock);
    }
    return !s->closed && !s->ended;
}

/* 0 or an errno. */
static int write_all(const struct spool *s, uint64_t at, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t k = pwrite(s->fd, p, n, (off_t)at);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return errno;
        p += k;
        n -= (size_t)k;
        at += (uint64_t)k;
    }
    return 0;
}

bool spool_add(struct spool *s, const void *p, size_t n)
{
    vitro_error err;
    int number;
    bool room;

    pthread_mutex_lock(&s->lock);
    room = find_room(s, n);
    pthread_mutex_unlock(&s->lock);
    if (!room)
        return false;
    number = write_all(s, s->size, p, n); /* size changes on this thread only */
    if (number) {
        vitro_fail(&err, VITRO_UNAVAILABLE, "source", number,
                   "%.40s: what comes cannot be kept (TMPDIR): %s", s->name, strerror(number));
        spool_end(s, &err);
        return false;
    }
    pthread_mutex_lock(&s->lock);
    s->size += n;
    tell(s);
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool spool_size(struct spool *s, uint64_t *size)
{
    uint64_t count;
    bool more;

    pthread_mutex_lock(&s->lock);
    if (s->told)
        (void)!read(s->event, &count, sizeof count);
    s->told = false;
    *size = s->size;
    more = !s->ended;
    pthread_mutex_unlock(&s->lock);
    return more;
}

int spool_wait_fd(const struct spool *s)
{
    return s->event;
}

uint64_t spool_wait(struct spool *s, uint64_t size)
{
    struct pollfd fd = { s->event, POLLIN, 0 };
    uint64_t there;

    while (spool_size(s, &there) && there < size)
        poll(&fd, 1, -1);
    return there;
}

ssize_t spool_read(struct spool *s, uint64_t offset, void *p, size_t n)
{
    ssize_t got;
    bool forgotten;

    do
        got = offset <= INT64_MAX ? pread(s->fd, p, n, (off_t)offset) : 0;
    while (got < 0 && errno == EINTR);
    pthread_mutex_lock(&s->lock);
    forgotten = offset < s->low;
    if (offset > s->passed && offset <= s->size) {
        s->passed = offset;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return forgotten ? 0 : got;
}

void spool_close(struct spool *s)
{
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

const vitro_error *spool_error(struct spool *s)
{
    const vitro_error *err;

    pthread_mutex_lock(&s->lock);
    err = s->failed ? &s->error : NULL;
    pthread_mutex_unlock(&s->lock);
    return err;
}
