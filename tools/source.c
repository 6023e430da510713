#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "thread.h"

enum { WINDOWS = 4, WINDOW_BYTES = 256 * 1024, PIPE_BYTES = 64 * 1024 };

struct window {
    uint8_t *ptr;
    size_t cap, len; /* len bytes from offset on are here */
    uint64_t offset;
    uint64_t used; /* turn of its last use */
};

struct source {
    int fd; /* bytes are read from here, from `base` on, unless there is a spool */
    uint64_t base;
    struct spool *spool;
    bool owned; /* the spool is, and filled from a pipe */
    int pipe, stop;
    uint8_t *chunk;
    pthread_t thread;
    bool pumping;
    uint64_t turn;
    struct window windows[WINDOWS];
    vitro_error error;
    char name[64];
};

static vitro_code fail(vitro_error *err, vitro_code code, const char *name, const char *what,
                       int number)
{
    if (!err)
        return code;
    memset(err, 0, sizeof *err);
    err->code = code;
    err->depth = 1;
    err->frame[0].layer = "source";
    err->frame[0].native = number;
    snprintf(err->frame[0].text, sizeof err->frame[0].text, "%s: %s%s%s", name, what,
             number ? ": " : "", number ? strerror(number) : "");
    return code;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* ---- pipes ----------------------------------------------------------------------------------- */

/* Read the pipe dry, whatever is done with its bytes meanwhile. */
static void *pump(void *user)
{
    struct source *s = user;
    struct pollfd fds[2] = { { s->pipe, POLLIN, 0 }, { s->stop, POLLIN, 0 } };
    vitro_error err;
    ssize_t k;

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            break;
        k = read(s->pipe, s->chunk, PIPE_BYTES);
        if (k < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (k < 0) {
            fail(&err, VITRO_UNAVAILABLE, s->name, "cannot be read", errno);
            spool_end(s->spool, &err);
        }
        if (k <= 0 || !spool_add(s->spool, s->chunk, (size_t)k))
            break;
    }
    spool_end(s->spool, NULL);
    return NULL;
}

static vitro_code start_pump(struct source *s, vitro_error *err)
{
    struct spool_options options = { s->name, 0, true };
    vitro_code rc = spool_new(&s->spool, &options, err);
    int number;

    if (rc)
        return rc;
    s->owned = true;
    s->chunk = malloc(PIPE_BYTES);
    s->stop = eventfd(0, EFD_CLOEXEC);
    if (!s->chunk || s->stop < 0)
        return fail(err, VITRO_RESOURCE_EXHAUSTED, s->name, "out of memory", 0);
    number = thread_start(&s->thread, pump, s);
    if (number)
        return fail(err, VITRO_RESOURCE_EXHAUSTED, s->name, "no thread to read it", number);
    s->pumping = true;
    return VITRO_OK;
}

static void stop_pump(struct source *s)
{
    uint64_t one = 1;

    if (s->pumping) {
        spool_close(s->spool);
        (void)!write(s->stop, &one, sizeof one);
        pthread_join(s->thread, NULL);
    }
    if (s->stop >= 0)
        close(s->stop);
    if (s->pipe >= 0)
        close(s->pipe);
    free(s->chunk);
    if (s->owned)
        spool_free(s->spool);
}

/* ---- opening --------------------------------------------------------------------------------- */

static struct source *new_source(const char *name)
{
    struct source *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->fd = s->pipe = s->stop = -1;
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static vitro_code set_up(struct source *s, vitro_error *err)
{
    struct stat st;
    off_t at;

    if (fstat(s->fd, &st) < 0)
        return fail(err, VITRO_UNAVAILABLE, s->name, "cannot be looked at", errno);
    if (S_ISDIR(st.st_mode))
        return fail(err, VITRO_UNAVAILABLE, s->name, "is a directory", 0);
    if (S_ISREG(st.st_mode)) {
        at = lseek(s->fd, 0, SEEK_CUR); /* who gave us stdin may have read some of it */
        s->base = at > 0 ? (uint64_t)at : 0;
        return VITRO_OK;
    }
    s->pipe = s->fd;
    s->fd = -1;
    return start_pump(s, err);
}

vitro_code source_open_fd(struct source **out, int fd, const char *name, vitro_error *err)
{
    struct source *s = new_source(name);
    vitro_code rc;

    *out = NULL;
    if (!s) {
        close(fd);
        return fail(err, VITRO_RESOURCE_EXHAUSTED, name, "out of memory", 0);
    }
    s->fd = fd;
    rc = set_up(s, err);
    if (rc)
        source_close(s);
    else
        *out = s;
    return rc;
}

vitro_code source_open_spool(struct source **out, struct spool *spool, vitro_error *err)
{
    *out = new_source("");
    if (!*out)
        return fail(err, VITRO_RESOURCE_EXHAUSTED, "source", "out of memory", 0);
    (*out)->spool = spool;
    return VITRO_OK;
}

vitro_code source_open(struct source **out, const char *path, vitro_error *err)
{
    bool in = !strcmp(path, "-");
    int fd = in ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0)
        return fail(err, errno == ENOENT ? VITRO_NOT_FOUND : VITRO_UNAVAILABLE,
                    in ? "standard input" : path, "cannot be opened", errno);
    return source_open_fd(out, fd, in ? "standard input" : path, err);
}

void source_close(struct source *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < WINDOWS; i++)
        free(s->windows[i].ptr);
    if (s->fd >= 0)
        close(s->fd);
    stop_pump(s);
    free(s);
}

const vitro_error *source_error(const struct source *s)
{
    const vitro_error *err = s->spool ? spool_error(s->spool) : NULL;

    return err ? err : s->error.code ? &s->error : NULL;
}

bool source_grow(struct source *s, uint64_t *size)
{
    struct stat st;

    if (s->spool)
        return spool_size(s->spool, size);
    *size = 0;
    if (fstat(s->fd, &st) == 0 && (uint64_t)st.st_size > s->base)
        *size = (uint64_t)st.st_size - s->base;
    return false;
}

int source_wait_fd(const struct source *s)
{
    return s->spool ? spool_wait_fd(s->spool) : -1;
}

/* ---- windows --------------------------------------------------------------------------------- */

static bool holds(const struct window *w, uint64_t offset, size_t len)
{
    return offset >= w->offset && offset - w->offset <= w->len &&
           len <= w->len - (offset - w->offset);
}

static struct window *find_window(struct source *s, uint64_t offset, size_t len)
{
    struct window *oldest = &s->windows[0];

    for (size_t i = 0; i < WINDOWS; i++) {
        if (holds(&s->windows[i], offset, len))
            return &s->windows[i];
        if (s->windows[i].used < oldest->used)
            oldest = &s->windows[i];
    }
    return oldest;
}

static bool make_room(struct source *s, struct window *w, size_t len)
{
    size_t cap = len > WINDOW_BYTES ? len : WINDOW_BYTES;
    uint8_t *p;

    if (w->cap >= cap)
        return true;
    p = realloc(w->ptr, cap);
    if (!p) {
        fail(&s->error, VITRO_RESOURCE_EXHAUSTED, s->name, "out of memory", 0);
        return false;
    }
    w->ptr = p;
    w->cap = cap;
    return true;
}

static ssize_t read_at(struct source *s, uint64_t offset, uint8_t *p, size_t n)
{
    if (s->spool)
        return spool_read(s->spool, offset, p, n);
    return pread(s->fd, p, n, (off_t)(s->base + offset));
}

/* Fill a window from offset on; it stays short where the file ends. */
static void fill(struct source *s, struct window *w, uint64_t offset)
{
    w->offset = offset;
    w->len = 0;
    if (offset > (uint64_t)INT64_MAX - s->base - w->cap)
        return;
    while (w->len < w->cap) {
        ssize_t k = read_at(s, offset + w->len, w->ptr + w->len, w->cap - w->len);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            fail(&s->error, VITRO_UNAVAILABLE, s->name, "cannot be read", errno);
        if (k <= 0)
            return;
        w->len += (size_t)k;
    }
}

vitro_bytes source_lend(uint64_t offset, size_t len, void *user)
{
    struct source *s = user;
    struct window *w;
    vitro_bytes out = { NULL, 0 };

    if (len > VITRO_LEND_MAX)
        len = VITRO_LEND_MAX;
    if (s->spool && offset <= UINT64_MAX - len)
        spool_wait(s->spool, offset + len);
    w = find_window(s, offset, len);
    w->used = ++s->turn;
    if (!holds(w, offset, len)) {
        if (!make_room(s, w, len))
            return out;
        fill(s, w, offset);
    }
    out.ptr = w->ptr + (offset - w->offset);
    out.len = w->len - (size_t)(offset - w->offset);
    if (out.len > len)
        out.len = len;
    return out;
}
