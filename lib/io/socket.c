#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "io/system.h"

enum { WRITE_PIECES = 64 };

int vitro_socket_open(const struct address *a)
{
    return socket(a->as.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void vitro_socket_nodelay(int fd, const struct address *a)
{
    int on = 1;

    if (a->kind != ADDRESS_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- the transport -------------------------------------------------------------------------- */

static struct sock *sock_of(struct transport *t)
{
    return CONTAINER_OF(t, struct sock, base);
}

static void source_ready(struct source *source, unsigned events)
{
    struct sock *s = CONTAINER_OF(source, struct sock, source);

    s->base.ready(&s->base, events);
}

static bool sock_attach(struct transport *t, vitro_loop *loop)
{
    if (!vitro_account_charge(vitro_loop_account(loop), sizeof(struct sock)))
        return false;
    t->loop = loop;
    vitro_loop_hold(loop);
    return true;
}

static void sock_want(struct transport *t, unsigned events)
{
    /* The kernel refuses only for want of memory: then reading fails, or a time runs out. */
    (void)vitro_source_want(t->loop, &sock_of(t)->source, events);
}

static enum io_result failed(int number, vitro_error *err)
{
    if (number == EAGAIN || number == EWOULDBLOCK || number == EINTR)
        return IO_LATER;
    vitro_fail_system(err, VITRO_UNAVAILABLE, "socket", number);
    return IO_FAILED;
}

static enum io_result sock_read(struct transport *t, uint8_t *to, size_t room, size_t *n,
                                vitro_error *err)
{
    ssize_t got = recv(sock_of(t)->source.fd, to, room, 0);

    *n = got > 0 ? (size_t)got : 0;
    if (got < 0)
        return failed(errno, err);
    return got == 0 ? IO_END : IO_DONE;
}

/* An iovec is for reading and for writing: it has no const. */
static struct iovec span(vitro_bytes bytes)
{
    struct iovec v = { .iov_len = bytes.len };

    memcpy(&v.iov_base, &bytes.ptr, sizeof bytes.ptr);
    return v;
}

static enum io_result sock_write(struct transport *t, const vitro_bytes *from, size_t pieces,
                                 size_t *n, vitro_error *err)
{
    struct iovec iov[WRITE_PIECES];
    struct msghdr message = { .msg_iov = iov };
    ssize_t sent;

    message.msg_iovlen = MIN(pieces, (size_t)WRITE_PIECES);
    for (size_t i = 0; i < message.msg_iovlen; i++)
        iov[i] = span(from[i]);
    sent = pieces == 1 ? send(sock_of(t)->source.fd, from[0].ptr, from[0].len, MSG_NOSIGNAL)
                       : sendmsg(sock_of(t)->source.fd, &message, MSG_NOSIGNAL);
    *n = sent > 0 ? (size_t)sent : 0;
    return sent < 0 ? failed(errno, err) : IO_DONE;
}

/* The kernel measures it with every acknowledgement; a UNIX socket has none. */
static int64_t sock_round_trip(const struct transport *t)
{
    const struct sock *s = CONTAINER_OF(t, const struct sock, base);
    struct tcp_info info = { .tcpi_min_rtt = UINT32_MAX };
    socklen_t len = sizeof info;

    if (t->peer.kind == ADDRESS_UNIX ||
        getsockopt(s->source.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        info.tcpi_min_rtt == UINT32_MAX)
        return 0;
    return (int64_t)info.tcpi_min_rtt * 1000;
}

static void sock_shut(struct transport *t)
{
    shutdown(sock_of(t)->source.fd, SHUT_WR);
}

/*
 * Both ends of a UNIX socket may be in this process. It has no address that would tell, so the
 * client's end records whenever there is such a one, and this end would be a copy.
 */
static atomic_size_t recording_clients;

static bool records_unix(const struct sock *s)
{
    return s->base.client && s->base.peer.kind == ADDRESS_UNIX && s->base.recorder;
}

static void sock_close(struct transport *t, bool abort)
{
    struct sock *s = sock_of(t);
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    vitro_loop *loop = t->loop;

    if (loop)
        (void)vitro_source_want(loop, &s->source, 0);
    if (abort)
        setsockopt(s->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(s->source.fd);
    if (records_unix(s))
        atomic_fetch_sub(&recording_clients, 1);
    vitro_recorder_free(t->recorder);
    vitro_mem_free(NULL, s, sizeof *s);
    if (loop) {
        vitro_account_refund(vitro_loop_account(loop), sizeof *s);
        vitro_loop_release(loop);
    }
}

static const struct transport_ops sock_ops = { sock_attach,     sock_want, sock_read, sock_write,
                                               sock_round_trip, sock_shut, sock_close };

void vitro_transport_user_timeout(struct transport *t, int64_t ns)
{
    unsigned ms = (unsigned)MIN(ns / 1000000, (int64_t)INT32_MAX);

    if (t->ops == &sock_ops && t->peer.kind != ADDRESS_UNIX)
        setsockopt(sock_of(t)->source.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

/* Charged to nobody while it is between two loops. */
struct sock *vitro_sock_new(int fd, bool client)
{
    struct sock *s = vitro_mem_zalloc(NULL, sizeof *s);

    if (!s) {
        close(fd);
        return NULL;
    }
    s->base.ops = &sock_ops;
    s->base.client = client;
    s->base.sent_as = RECORD_SENT;
    s->base.tap_reads = true;
    vitro_source_init(&s->source, fd, source_ready);
    return s;
}

typedef int name_fn(int fd, struct sockaddr *sa, socklen_t *len);

static void learn(int fd, name_fn *name, struct address *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } sa;
    socklen_t len = sizeof sa;

    if (name(fd, &sa.any, &len) == 0)
        vitro_address_from(a, &sa.any, len);
}

static bool recorded_by_client(const struct sock *s)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return !s->base.client && s->base.local.kind == ADDRESS_UNIX &&
           atomic_load(&recording_clients) > 0 &&
           getsockopt(s->source.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.pid == getpid();
}

void vitro_sock_connected(struct sock *s, vitro_trace *trace, uint32_t loop_number)
{
    struct endpoint local, remote;

    learn(s->source.fd, getsockname, &s->base.local);
    if (s->base.peer.kind == ADDRESS_NONE)
        learn(s->source.fd, getpeername, &s->base.peer);
    if (!trace || recorded_by_client(s))
        return;
    local = vitro_endpoint_of(&s->base.local.as.any);
    remote = vitro_endpoint_of(&s->base.peer.as.any);
    s->base.trace = trace;
    s->base.recorder = vitro_recorder_new(trace, s->base.client ? RECORD_CLIENT : RECORD_SERVER,
                                          &local, &remote, loop_number);
    vitro_recorder_established(s->base.recorder);
    if (records_unix(s))
        atomic_fetch_add(&recording_clients, 1);
}
