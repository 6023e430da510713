#include "io/listen.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/sim.h"
#include "io/socket.h"
#include "io/system.h"
#include "trace/local.h"

enum { BACKLOG = 4096 };

/* Out of descriptors or memory: so long nothing is accepted. */
static const int64_t pause_ns = INT64_C(100) * 1000000;

/* ---- accepting ------------------------------------------------------------------------------ */

static void accept_fd(struct listener *l, int fd, const struct sockaddr *sa, socklen_t len)
{
    struct sock *s = vitro_sock_new(fd, false);

    if (!s)
        return;
    vitro_address_from(&s->base.peer, sa, len);
    vitro_sock_connected(s, l->trace, vitro_loop_number(l->loop));
    l->accepted(l, &s->base);
}

/* True when one more may wait. */
static bool accept_one(struct listener *l)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } sa;
    socklen_t len = sizeof sa;
    int fd = accept4(l->source.fd, &sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        accept_fd(l, fd, &sa.any, len);
        return l->open;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        (void)vitro_source_want(l->loop, &l->source, 0);
        vitro_timer_start(l->loop, &l->pause, vitro_loop_now(l->loop) + pause_ns);
        return false;
    }
    return errno != EAGAIN && errno != EWOULDBLOCK; /* the peer has given up: the next one */
}

static void readable(struct source *s, unsigned events)
{
    struct listener *l = CONTAINER_OF(s, struct listener, source);

    (void)events;
    for (int i = 0; i < LISTEN_BATCH && accept_one(l); i++) {
        /* what is left is told again in the next turn */
    }
}

static void fire_pause(struct timer *t)
{
    struct listener *l = CONTAINER_OF(t, struct listener, pause);

    (void)vitro_source_want(l->loop, &l->source, IO_READ);
}

static void run_sim_ready(struct task *task)
{
    struct listener *l = CONTAINER_OF(task, struct listener, sim_ready);
    struct transport *t;

    while (l->open && (t = vitro_link_accept(l)) != NULL)
        l->accepted(l, t);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int bind_once(int fd, const struct address *a)
{
    return bind(fd, &a->as.any, a->len) == 0 ? 0 : errno;
}

/* The file of a UNIX socket outlives its server: remove it when nobody listens there. */
static bool remove_stale(const struct address *a)
{
    const char *path = a->as.local.sun_path;

    return a->kind == ADDRESS_UNIX && path[0] && vitro_local_stale(path) && unlink(path) == 0;
}

/* 0 or an errno. */
static int bind_and_listen(struct listener *l, int fd)
{
    int on = 1, number;

    if (l->bound.kind != ADDRESS_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    vitro_socket_nodelay(fd, &l->bound); /* accepted sockets inherit it */
    number = bind_once(fd, &l->bound);
    if (number == EADDRINUSE && remove_stale(&l->bound))
        number = bind_once(fd, &l->bound);
    if (number)
        return number;
    l->unlink = l->bound.kind == ADDRESS_UNIX && l->bound.as.local.sun_path[0];
    return listen(fd, BACKLOG) == 0 ? 0 : errno;
}

/* 0 or an errno. */
static int open_socket(struct listener *l)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } sa;
    socklen_t len = sizeof sa;
    int fd = vitro_socket_open(&l->bound), number;

    if (fd < 0)
        return errno;
    number = bind_and_listen(l, fd);
    vitro_source_init(&l->source, fd, readable);
    if (!number && !vitro_source_want(l->loop, &l->source, IO_READ))
        number = errno;
    if (number) {
        close(fd);
        return number;
    }
    if (l->bound.kind != ADDRESS_UNIX && getsockname(fd, &sa.any, &len) == 0)
        vitro_address_from(&l->bound, &sa.any, len);
    return 0;
}

static int open_any(struct listener *l)
{
    struct vitro_sim *sim = l->loop->sim;

    if (sim)
        return vitro_sim_listen(sim, l) ? 0 : EADDRINUSE;
    return l->bound.kind == ADDRESS_SIM ? EADDRNOTAVAIL : open_socket(l);
}

vitro_code vitro_listener_open(struct listener *l, vitro_loop *loop, const struct address *address,
                               vitro_trace *trace,
                               void (*accepted)(struct listener *l, struct transport *t),
                               vitro_error *err)
{
    char text[ADDRESS_TEXT];
    int number;

    LOOP_ASSERT(loop);
    *l = (struct listener){ .accepted = accepted, .loop = loop, .trace = trace };
    l->bound = *address;
    vitro_timer_init(&l->pause, fire_pause);
    vitro_task_init(&l->sim_ready, run_sim_ready);
    list_init(&l->sim_link);
    list_init(&l->waiting);
    number = open_any(l);
    if (number) {
        vitro_fail_system(err, VITRO_UNAVAILABLE, "socket", number);
        return vitro_wrap(err, VITRO_UNAVAILABLE, "listen", "%s",
                          vitro_address_text(address, text, sizeof text));
    }
    l->open = true;
    vitro_loop_hold(loop);
    return VITRO_OK;
}

static void close_socket(struct listener *l)
{
    (void)vitro_source_want(l->loop, &l->source, 0);
    if (l->unlink)
        unlink(l->bound.as.local.sun_path);
    close(l->source.fd);
}

static void close_sim(struct listener *l)
{
    struct transport *t;

    list_remove(&l->sim_link);
    while ((t = vitro_link_accept(l)) != NULL)
        t->ops->close(t, true);
}

void vitro_listener_close(struct listener *l)
{
    if (!l->open)
        return;
    LOOP_ASSERT(l->loop);
    l->open = false;
    vitro_timer_stop(l->loop, &l->pause);
    vitro_task_cancel(&l->sim_ready);
    if (l->loop->sim)
        close_sim(l);
    else
        close_socket(l);
    vitro_loop_release(l->loop);
}
