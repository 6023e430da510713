#include "io/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "io/system.h"

vitro_code vitro_signals_open(struct signals *s, vitro_error *err)
{
    sigset_t both;
    int e;

    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &both, &s->before);
    s->fd = signalfd(-1, &both, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd >= 0)
        return VITRO_OK;
    e = errno;
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    return vitro_fail_system(err, VITRO_RESOURCE_EXHAUSTED, "signals", e);
}

vitro_code vitro_signals_run(struct signals *s, vitro_loop *loop, bool *came, vitro_error *err)
{
    struct pollfd fds[] = { { vitro_loop_fd(loop), POLLIN, 0 }, { s->fd, POLLIN, 0 } };
    struct signalfd_siginfo info;

    *came = false;
    if (fds[0].fd < 0)
        return vitro_fail(err, VITRO_FAILED_PRECONDITION, "signals", 0,
                          "the loop has no descriptor to wait for");
    if (poll(fds, 2, -1) < 0 && errno != EINTR)
        return vitro_fail_system(err, VITRO_INTERNAL, "signals", errno);
    *came = read(s->fd, &info, sizeof info) == (ssize_t)sizeof info;
    return vitro_loop_run(loop, 0, err);
}

void vitro_signals_close(struct signals *s)
{
    if (s->fd < 0)
        return;
    close(s->fd);
    s->fd = -1;
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}
