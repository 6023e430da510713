#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOWS = 4, WINDOW_BYTES = 256 * 1024, PIPE_BYTES = 64 * 1024 };

struct window {
    uint8_t *ptr;
    size_t cap, len; /* len bytes from offset on are here */
    uint64_t offset;
    uint64_t used; /* turn of its last use */
};

struct source {
    int fd;     /* bytes are read from here, from `base` on */
    int pipe;   /* and come from here when not -1 */
    bool piped; /* they did, at first */
    uint64_t base;
    uint64_t kept; /* bytes that came through the pipe */
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
    s->piped = true;
    s->fd = open_unnamed();
    if (s->fd < 0)
        return fail(err, VITRO_UNAVAILABLE, s->name, "no room to keep what comes (TMPDIR)", errno);
    return VITRO_OK;
}

vitro_code source_open_fd(struct source **out, int fd, const char *name, vitro_error *err)
{
    struct source *s = calloc(1, sizeof *s);
    vitro_code rc;

    *out = NULL;
    if (!s) {
        close(fd);
        return fail(err, VITRO_RESOURCE_EXHAUSTED, name, "out of memory", 0);
    }
    s->fd = fd;
    s->pipe = -1;
    snprintf(s->name, sizeof s->name, "%s", name);
    rc = set_up(s, err);
    if (rc)
        source_close(s);
    else
        *out = s;
    return rc;
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
    if (s->pipe >= 0)
        close(s->pipe);
    free(s);
}

const vitro_error *source_error(const struct source *s)
{
    return s->error.code ? &s->error : NULL;
}

/* ---- pipes ----------------------------------------------------------------------------------- */

static bool write_all(struct source *s, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t k = pwrite(s->fd, p, n, (off_t)s->kept);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            fail(&s->error, VITRO_UNAVAILABLE, s->name, "what comes cannot be kept (TMPDIR)",
                 errno);
            return false;
        }
        p += k;
        n -= (size_t)k;
        s->kept += (uint64_t)k;
    }
    return true;
}

/* Read on until `end` bytes have come through, or the pipe has ended. */
static void pump(struct source *s, uint64_t end)
{
    uint8_t chunk[PIPE_BYTES];

    while (s->pipe >= 0 && s->kept < end && !s->error.code) {
        ssize_t k = read(s->pipe, chunk, sizeof chunk);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            fail(&s->error, VITRO_UNAVAILABLE, s->name, "cannot be read", errno);
        if (k > 0 && write_all(s, chunk, (size_t)k))
            continue;
        close(s->pipe);
        s->pipe = -1;
    }
}

bool source_grow(struct source *s, uint64_t *size)
{
    struct pollfd fd = { s->pipe, POLLIN, 0 };
    struct stat st;

    if (s->pipe >= 0 && poll(&fd, 1, 0) > 0)
        pump(s, s->kept + 1);
    *size = s->kept;
    if (s->piped)
        return s->pipe >= 0;
    if (fstat(s->fd, &st) == 0 && (uint64_t)st.st_size > s->base)
        *size = (uint64_t)st.st_size - s->base;
    return false;
}

int source_wait_fd(const struct source *s)
{
    return s->pipe;
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

/* Fill a window from offset on; it stays short where the file ends. */
static void fill(struct source *s, struct window *w, uint64_t offset)
{
    w->offset = offset;
    w->len = 0;
    if (offset > (uint64_t)INT64_MAX - s->base - w->cap)
        return;
    while (w->len < w->cap) {
        ssize_t k =
            pread(s->fd, w->ptr + w->len, w->cap - w->len, (off_t)(s->base + offset + w->len));

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
    if (s->pipe >= 0 && offset <= UINT64_MAX - len)
        pump(s, offset + len);
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
