#include "trace/sink.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { LINGER_MS = 500 };

/* strerror() has one buffer for all threads; this has none. */
const char *vitro_sink_reason(int number)
{
#ifdef __GLIBC__
    const char *text = strerrordesc_np(number);
#else
    const char *text = strerror(number);
#endif
    return text ? text : "unknown error";
}

/* One line for people, once: the trace ends, the program goes on. */
static void sink_fail(struct sink *s, int why)
{
    char name[512];
    struct text line;

    vitro_text_init(&line, name, sizeof name);
    vitro_text_escape(&line, vitro_str_of(s->name));
    if (why != EPIPE && why != ECONNRESET)
        fprintf(stderr, "vitro: trace: %s: %s; the trace ends here, the program goes on\n", name,
                vitro_sink_reason(why));
    vitro_sink_abandon(s);
}

/* write() to a pipe whose reader may be gone, with the SIGPIPE of this thread kept away. */
static ssize_t pipe_write(int fd, const uint8_t *p, size_t n)
{
    const struct timespec now = { 0, 0 };
    sigset_t pipe_only, before, pending;
    bool was_pending;
    ssize_t did;
    int why;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    did = write(fd, p, n);
    why = errno;
    if (did < 0 && why == EPIPE && !was_pending)
        while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return did;
}

static ssize_t sink_write(const struct sink *s, const uint8_t *p, size_t n)
{
    switch (s->type) {
    case SINK_SOCKET:
        return send(s->fd, p, n, MSG_NOSIGNAL | (s->wait ? 0 : MSG_DONTWAIT));
    case SINK_PIPE:
        return pipe_write(s->fd, p, n);
    default:
        return write(s->fd, p, n);
    }
}

/* Write from p as far as it goes; how much went. A failed sink has taken all. */
static size_t sink_push(struct sink *s, const uint8_t *p, size_t n)
{
    size_t done = 0;

    while (done < n && s->fd >= 0) {
        ssize_t did = sink_write(s, p + done, n - done);
        if (did >= 0) {
            done += (size_t)did;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd ready = { s->fd, POLLOUT, 0 };
            if (!s->wait)
                return done;
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            sink_fail(s, errno);
        }
    }
    return s->fd < 0 ? n : done;
}

void vitro_sink_drain(struct sink *s)
{
    size_t done;

    if (!s->len)
        return;
    done = sink_push(s, s->data + s->start, s->len);
    if (s->fd < 0) /* the buffer went with it */
        return;
    s->start += done;
    s->len -= done;
    if (!s->len)
        s->start = 0;
}

void vitro_sink_linger(struct sink *s)
{
    size_t before = 0;

    while (s->fd >= 0 && s->len && s->len != before) {
        struct pollfd ready = { s->fd, POLLOUT, 0 };
        before = s->len;
        poll(&ready, 1, LINGER_MS);
        vitro_sink_drain(s);
    }
}

size_t vitro_sink_room(struct sink *s, size_t wanted)
{
    if (!sink_hears(s) || s->wait)
        return SIZE_MAX;
    if (wanted > s->cap - s->len)
        vitro_sink_drain(s);
    return s->fd < 0 ? SIZE_MAX : s->cap - s->len;
}

static void sink_append(struct sink *s, const vitro_bytes *piece, size_t n, size_t len)
{
    uint8_t *p;

    if (len > s->cap - s->start - s->len) {
        memmove(s->data, s->data + s->start, s->len);
        s->start = 0;
    }
    p = s->data + s->start + s->len;
    for (size_t i = 0; i < n; i++) {
        if (piece[i].len)
            memcpy(p, piece[i].ptr, piece[i].len);
        p += piece[i].len;
    }
    assert(p == s->data + s->start + s->len + len);
    s->len += len;
}

bool vitro_sink_put(struct sink *s, const vitro_bytes *piece, size_t n, size_t len)
{
    if (!sink_hears(s))
        return true;
    if (len > s->cap - s->len)
        vitro_sink_drain(s);
    if (s->fd < 0)
        return true;
    if (len <= s->cap - s->len) {
        sink_append(s, piece, n, len);
        return true;
    }
    if (!s->wait)
        return false;
    for (size_t i = 0; i < n; i++) /* larger than the buffer: straight through */
        sink_push(s, piece[i].ptr, piece[i].len);
    return true;
}

bool vitro_sink_is_left(const struct sink *s)
{
    struct pollfd at = { s->fd, 0, 0 };

    return s->fd < 0 ||
           (s->type == SINK_SOCKET && poll(&at, 1, 0) > 0 && at.revents & (POLLHUP | POLLERR));
}

void vitro_sink_abandon(struct sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    vitro_mem_free(s->account, s->data, s->cap);
    s->data = NULL;
    s->start = s->len = s->cap = 0;
}

void vitro_sink_done(struct sink *s)
{
    if (!s->account) /* never opened */
        return;
    if (s->fd >= 0)
        vitro_sink_drain(s);
    if (s->type == SINK_LISTENER && s->fd >= 0)
        vitro_local_remove(strchr(s->name, ':') + 1, &s->file);
    vitro_sink_abandon(s);
    if (s->name)
        vitro_mem_free(s->account, s->name, strlen(s->name) + 1);
    s->name = NULL;
    s->account = NULL;
}
