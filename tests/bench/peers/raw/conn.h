/*
 * Shared by server.c and client.c: one non-blocking socket (optionally TLS) under one nghttp2
 * session. Output: frames are gathered into an arena plus iovecs, so that one writev carries many
 * frames and bulk payloads are never copied (plain TCP).  Under TLS all is copied to the arena, one
 * SSL_write each.
 */
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ARENA (256 * 1024)
#define NIOV  64

struct conn {
    int fd, wait_out, dead, hs; /* hs: TLS handshake under way */
    SSL *ssl;
    size_t enc_len, enc_off;
    nghttp2_session *ng;
    uint8_t *arena;
    size_t used; /* only held while output is pending */
    struct iovec iov[NIOV];
    int niov, iov0;
    size_t pend;
    void *user;
    long live;
};
static int EP = -1, BATCH_TLS; /* BATCH_TLS=1 in the environment: many TLS records per write */
static uint8_t *g_arena;       /* the one spare arena: idle connections hold none */
static uint8_t g_in[ARENA];

static inline uint8_t *arena(struct conn *c)
{
    if (!c->arena) {
        c->arena = g_arena ? g_arena : malloc(ARENA);
        g_arena = NULL;
        c->used = 0;
    }
    return c->arena;
}
static inline void arena_drop(struct conn *c)
{
    if (c->arena) {
        if (g_arena)
            free(c->arena);
        else
            g_arena = c->arena;
        c->arena = NULL;
    }
    c->niov = c->iov0 = 0;
    c->used = c->pend = 0;
}
static inline int room(struct conn *c, size_t n)
{
    return c->niov < NIOV - 2 && c->used + n <= ARENA;
}
static inline void put(struct conn *c, const void *p, size_t n)
{ /* copy n bytes to the output */
    uint8_t *a = arena(c) + c->used;
    memcpy(a, p, n);
    c->used += n;
    c->pend += n;
    if (c->niov && (uint8_t *)c->iov[c->niov - 1].iov_base + c->iov[c->niov - 1].iov_len == a)
        c->iov[c->niov - 1].iov_len += n;
    else
        c->iov[c->niov++] = (struct iovec){ a, n };
}
static inline void put_ref(struct conn *c, const void *p, size_t n)
{ /* reference n bytes that outlive the write */
    if (c->ssl) {
        put(c, p, n);
        return;
    }
    arena(c);
    c->iov[c->niov++] = (struct iovec){ (void *)p, n };
    c->pend += n;
}
static void want(struct conn *c, int out)
{
    if (c->wait_out == out)
        return;
    c->wait_out = out;
    struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };
    epoll_ctl(EP, EPOLL_CTL_MOD, c->fd, &e);
}
/* 0 all written, 1 would block, -1 error */
static int flush(struct conn *c)
{
    while (c->iov0 < c->niov) {
        struct iovec *v = &c->iov[c->iov0];
        ssize_t n;
        if (c->ssl && BATCH_TLS) { /* all records of the batch into memory, then one write */
            if (!c->enc_len) {
                BIO *b = SSL_get_wbio(c->ssl);
                char *d;
                for (size_t o = 0; o < v->iov_len;) {
                    int r = SSL_write(c->ssl, (uint8_t *)v->iov_base + o, v->iov_len - o);
                    if (r <= 0)
                        return -1;
                    o += r;
                }
                c->enc_len = BIO_get_mem_data(b, &d);
                c->enc_off = 0;
            }
            char *d;
            BIO_get_mem_data(SSL_get_wbio(c->ssl), &d);
            n = write(c->fd, d + c->enc_off, c->enc_len - c->enc_off);
            if (n < 0) {
                if (errno == EAGAIN) {
                    want(c, 1);
                    return 1;
                }
                return -1;
            }
            c->enc_off += n;
            if (c->enc_off < c->enc_len)
                continue;
            (void)BIO_reset(SSL_get_wbio(c->ssl));
            c->enc_len = 0;
            n = v->iov_len;
        } else if (c->ssl) {
            int r = SSL_write(c->ssl, v->iov_base, v->iov_len);
            if (r <= 0) {
                int e = SSL_get_error(c->ssl, r);
                if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ) {
                    want(c, 1);
                    return 1;
                }
                return -1;
            }
            n = r;
        } else {
            n = writev(c->fd, v, c->niov - c->iov0);
            if (n < 0) {
                if (errno == EAGAIN) {
                    want(c, 1);
                    return 1;
                }
                return -1;
            }
        }
        while (n > 0) {
            v = &c->iov[c->iov0];
            if ((size_t)n >= v->iov_len) {
                n -= v->iov_len;
                c->iov0++;
            } else {
                v->iov_base = (uint8_t *)v->iov_base + n;
                v->iov_len -= n;
                n = 0;
            }
        }
    }
    arena_drop(c);
    want(c, 0);
    return 0;
}
static int pump_out(struct conn *c)
{
    if (c->iov0 < c->niov) {
        int r = flush(c);
        if (r)
            return r;
    }
    for (;;) {
        const uint8_t *p;
        ssize_t n = 1;
        while (room(c, 40000) && (n = nghttp2_session_mem_send(c->ng, &p)) > 0)
            put(c, p, n);
        if (n < 0)
            return -1;
        if (!c->niov) {
            arena_drop(c);
            return 0;
        }
        int r = flush(c);
        if (r)
            return r;
    }
}
static void tls_batch(struct conn *c)
{ /* after the handshake: keep reading the socket, write to memory */
    if (BATCH_TLS)
        SSL_set0_wbio(c->ssl, BIO_new(BIO_s_mem()));
}
static int handshake(struct conn *c)
{ /* 1 done, 0 pending, -1 error */
    int r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        c->hs = 0;
        tls_batch(c);
        return 1;
    }
    int e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_WANT_READ)
        return 0;
    if (e == SSL_ERROR_WANT_WRITE) {
        want(c, 1);
        return 0;
    }
    return -1;
}
static int pump_in(struct conn *c)
{ /* one readable event: read, feed, answer */
    if (c->hs) {
        int r = handshake(c);
        if (r <= 0)
            return r;
    }
    for (;;) {
        ssize_t n;
        if (c->ssl) {
            n = SSL_read(c->ssl, g_in, sizeof g_in);
            if (n <= 0) {
                int e = SSL_get_error(c->ssl, n);
                if (e == SSL_ERROR_WANT_READ)
                    break;
                return -1;
            }
        } else {
            n = read(c->fd, g_in, sizeof g_in);
            if (n < 0 && errno == EAGAIN)
                break;
            if (n <= 0)
                return -1;
        }
        if (nghttp2_session_mem_recv(c->ng, g_in, n) < 0)
            return -1;
        if (!c->ssl)
            break; /* level triggered: come back for more */
    }
    return pump_out(c) < 0 ? -1 : 0;
}
static void conn_free(struct conn *c)
{
    if (c->ssl)
        SSL_free(c->ssl);
    nghttp2_session_del(c->ng);
    close(c->fd);
    if (c->arena)
        arena_drop(c);
    c->dead = 1;
}
static int set_sock(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fcntl(fd, F_SETFL, O_NONBLOCK);
}
/* NO_COPY data frames: 9-byte header, then whatever the method hands out */
static inline ssize_t max_frame(nghttp2_session *s, uint8_t t, int32_t id, int32_t cw, int32_t sw,
                                uint32_t mf, void *u)
{
    (void)s;
    (void)t;
    (void)id;
    (void)u;
    int32_t m = cw < sw ? cw : sw;
    if ((int32_t)mf < m)
        m = mf;
    return m > 32768 ? 32768 : m;
}
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static inline double cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
static inline long rss_kb(void)
{
    long a, r = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (fscanf(f, "%ld %ld", &a, &r) != 2)
        r = 0;
    fclose(f);
    return r * 4;
}
#define NV(n, v)                                                                                   \
    {                                                                                              \
        (uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, sizeof(v) - 1,                              \
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                           \
    }
