#include "io/connect.h"

#include <assert.h>
#include <errno.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/sim.h"
#include "io/socket.h"
#include "io/system.h"

/* A full backlog of a UNIX socket says "try again": it is tried so often. */
static const int64_t retry_ns = INT64_C(5) * 1000000;

static void try_socket(struct connect *c);

/* The result goes out in a later turn. */
static void finish(struct connect *c)
{
    vitro_timer_stop(c->loop, &c->timeout);
    vitro_timer_stop(c->loop, &c->retry);
    vitro_loop_defer(c->loop, &c->result);
}

static void fail_with(struct connect *c, int number)
{
    char text[ADDRESS_TEXT];

    vitro_transport_drop(c->transport);
    c->transport = NULL;
    vitro_fail_system(&c->error, VITRO_UNAVAILABLE, "socket", number);
    vitro_wrap(&c->error, VITRO_UNAVAILABLE, "connect", "%s",
               vitro_address_text(&c->address, text, sizeof text));
    finish(c);
}

static void run_result(struct task *t)
{
    struct connect *c = CONTAINER_OF(t, struct connect, result);
    struct transport *transport = c->transport;
    vitro_error error = c->error;

    c->transport = NULL;
    vitro_loop_release(c->loop);
    c->loop = NULL;
    c->done(c, transport, transport ? NULL : &error);
}

static void fire_timeout(struct timer *t)
{
    fail_with(CONTAINER_OF(t, struct connect, timeout), ETIMEDOUT);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static void connected(struct connect *c)
{
    struct sock *s = CONTAINER_OF(c->transport, struct sock, base);

    s->base.peer = c->address;
    vitro_sock_connected(s, c->trace, vitro_loop_number(c->loop));
    finish(c);
}

static void writable(struct transport *t, unsigned events)
{
    struct connect *c = t->user;
    int number = 0;
    socklen_t len = sizeof number;

    (void)events;
    t->ops->want(t, 0);
    getsockopt(CONTAINER_OF(t, struct sock, base)->source.fd, SOL_SOCKET, SO_ERROR, &number, &len);
    if (number)
        fail_with(c, number);
    else
        connected(c);
}

static void fire_retry(struct timer *t)
{
    try_socket(CONTAINER_OF(t, struct connect, retry));
}

/* What connect() said, 0 or an errno. */
static void began(struct connect *c, int number)
{
    struct transport *t = c->transport;

    if (number == 0) {
        connected(c);
    } else if (number == EINPROGRESS || number == EINTR) {
        t->user = c;
        t->ready = writable;
        t->ops->want(t, IO_WRITE);
    } else if (number == EAGAIN && c->address.kind == ADDRESS_UNIX) {
        vitro_transport_drop(t);
        c->transport = NULL;
        vitro_timer_start(c->loop, &c->retry, vitro_loop_now(c->loop) + retry_ns);
    } else {
        fail_with(c, number);
    }
}

static void try_socket(struct connect *c)
{
    int fd = vitro_socket_open(&c->address);
    struct sock *s;

    if (fd < 0) {
        fail_with(c, errno);
        return;
    }
    vitro_socket_nodelay(fd, &c->address);
    s = vitro_sock_new(fd, true);
    if (!s || !s->base.ops->attach(&s->base, c->loop)) {
        vitro_transport_drop(s ? &s->base : NULL);
        fail_with(c, ENOMEM);
        return;
    }
    c->transport = &s->base;
    began(c, connect(fd, &c->address.as.any, c->address.len) == 0 ? 0 : errno);
}

/* ---- links ---------------------------------------------------------------------------------- */

static void fire_linked(struct timer *t)
{
    finish(CONTAINER_OF(t, struct connect, retry));
}

static void try_link(struct connect *c)
{
    struct vitro_sim *sim = c->loop->sim;
    struct listener *l = vitro_sim_listener(sim, &c->address);
    int64_t round_trip = 2 * sim->options.latency_ns;
    struct transport *t = l ? vitro_link_new(c->loop, l, c->trace) : NULL;

    if (!t || !t->ops->attach(t, c->loop)) {
        fail_with(c, l ? ENOMEM : ECONNREFUSED);
        return;
    }
    c->transport = t;
    c->retry.fire = fire_linked;
    if (round_trip)
        vitro_timer_start(c->loop, &c->retry, vitro_loop_now(c->loop) + round_trip);
    else
        finish(c);
}

/* ---- begin and cancel ----------------------------------------------------------------------- */

void vitro_connect_start(struct connect *c, vitro_loop *loop, const struct address *address,
                         vitro_trace *trace, int64_t deadline,
                         void (*done)(struct connect *c, struct transport *t,
                                      const vitro_error *err))
{
    LOOP_ASSERT(loop);
    *c = (struct connect){ .done = done, .loop = loop, .trace = trace, .address = *address };
    vitro_task_init(&c->result, run_result);
    vitro_timer_init(&c->timeout, fire_timeout);
    vitro_timer_init(&c->retry, fire_retry);
    vitro_loop_hold(loop);
    if (deadline != INT64_MAX)
        vitro_timer_start(loop, &c->timeout, deadline);
    if (loop->sim)
        try_link(c);
    else if (address->kind == ADDRESS_SIM)
        fail_with(c, EADDRNOTAVAIL);
    else
        try_socket(c);
}

void vitro_connect_cancel(struct connect *c)
{
    if (!c->loop)
        return;
    vitro_timer_stop(c->loop, &c->timeout);
    vitro_timer_stop(c->loop, &c->retry);
    vitro_task_cancel(&c->result);
    vitro_transport_drop(c->transport);
    vitro_loop_release(c->loop);
    c->transport = NULL;
    c->loop = NULL;
}
