#include "io/inside.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "io/system.h"

/*
 * The event and timer descriptors are watched edge-triggered: they are never read, which saves a
 * system call for each wake-up, and a new write or expiry is a new edge.
 */
static char event_tag, timer_tag;

static bool watch_edge(struct epoll *e, int fd, void *tag)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = tag };

    return epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

vitro_code vitro_epoll_init(struct epoll *e, vitro_error *err)
{
    e->timer_fd = -1;
    e->armed = INT64_MAX;
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    e->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->fd >= 0 && e->event_fd >= 0 && watch_edge(e, e->event_fd, &event_tag))
        return VITRO_OK;
    return vitro_fail_system(err, VITRO_RESOURCE_EXHAUSTED, "loop", errno);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void vitro_epoll_done(struct epoll *e)
{
    close_fd(&e->timer_fd);
    close_fd(&e->event_fd);
    close_fd(&e->fd);
}

/* epoll_wait counts in milliseconds: where the kernel has no finer one, wait too long by one. */
static int wait_coarse(struct epoll *e, int64_t wait_ns)
{
    int64_t ms = wait_ns < 0 ? -1 : wait_ns / 1000000 + (wait_ns % 1000000 != 0);

    return epoll_wait(e->fd, e->events, LOOP_EVENTS, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

static int wait_fine(struct epoll *e, int64_t wait_ns)
{
    struct timespec t = { .tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000 };
    int n = epoll_pwait2(e->fd, e->events, LOOP_EVENTS, &t, NULL);

    return n < 0 && (errno == ENOSYS || errno == EPERM) ? wait_coarse(e, wait_ns) : n;
}

void vitro_epoll_wait(struct epoll *e, int64_t wait_ns)
{
    int n = wait_ns > 0 ? wait_fine(e, wait_ns) : wait_coarse(e, wait_ns);

    e->count = n < 0 ? 0 : n; /* EINTR: a signal is a turn without events */
    e->at = 0;
}

static unsigned translate(uint32_t events)
{
    unsigned ready = 0;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        ready |= IO_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        ready |= IO_WRITE;
    return ready;
}

bool vitro_epoll_dispatch(struct epoll *e)
{
    bool any = false;

    while (e->at < e->count) {
        const struct epoll_event *event = &e->events[e->at++];
        struct source *s = event->data.ptr;
        unsigned ready;

        if (event->data.ptr == &timer_tag)
            e->armed = INT64_MAX;
        if (!s || event->data.ptr == &timer_tag || event->data.ptr == &event_tag)
            continue;
        ready = translate(event->events) & s->events;
        any = true;
        if (ready)
            s->ready(s, ready);
    }
    return any;
}

void vitro_epoll_wake(struct epoll *e)
{
    uint64_t one = 1;
    ssize_t n = write(e->event_fd, &one, sizeof one);

    (void)n; /* full: then it is readable anyway */
}

bool vitro_epoll_embed(struct epoll *e)
{
    e->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (e->timer_fd >= 0 && watch_edge(e, e->timer_fd, &timer_tag))
        return true;
    close_fd(&e->timer_fd);
    return false;
}

void vitro_epoll_arm(struct epoll *e, int64_t due)
{
    struct itimerspec t = { .it_value = { 0, 1 } }; /* 0 would disarm it */

    if (due > 0) {
        t.it_value.tv_sec = due / 1000000000;
        t.it_value.tv_nsec = due % 1000000000;
    }
    if (due == 0)
        t.it_value.tv_nsec = 1;
    e->armed = due;
    timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* ---- sources -------------------------------------------------------------------------------- */

void vitro_source_init(struct source *s, int fd, void (*ready)(struct source *s, unsigned events))
{
    *s = (struct source){ .fd = fd, .ready = ready };
}

/* The kernel has told of it already in this turn: forget that. */
static void forget(struct epoll *e, const struct source *s)
{
    for (int i = e->at; i < e->count; i++) {
        if (e->events[i].data.ptr == s)
            e->events[i].data.ptr = NULL;
    }
}

bool vitro_source_want(vitro_loop *loop, struct source *s, unsigned events)
{
    struct epoll *e = &loop->epoll;
    struct epoll_event event = { .data.ptr = s };
    int what = !s->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    LOOP_ASSERT(loop);
    if (s->events == events)
        return true;
    if (events & IO_READ)
        event.events |= EPOLLIN;
    if (events & IO_WRITE)
        event.events |= EPOLLOUT;
    if (!events)
        forget(e, s);
    s->events = events;
    return epoll_ctl(e->fd, what, s->fd, &event) == 0;
}
