#include "attacks/siege/foe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

enum { PATIENCE_MS = 2000 };

static void must(bool ok)
{
    if (!ok)
        abort(); /* memory of the test itself */
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Until then nothing is read or written without waiting for it; then all is. */
static bool shake_hands(struct foe *f)
{
    static const unsigned char h2[] = { 2, 'h', '2' };
    static SSL_CTX *context;

    if (!context)
        context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_protos(context, h2, sizeof h2);
    f->ssl = SSL_new(context);
    SSL_set_fd(f->ssl, f->fd);
    return SSL_connect(f->ssl) == 1;
}

static bool dial(struct foe *f, const struct victim *v, bool tls, bool narrow)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)v->port) };
    const int least = 1, segment = 536; /* RFC 9293, 3.7.1 */

    memset(f, 0, sizeof *f);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    vitro_buf_init(&f->out, NULL, SIZE_MAX);
    vitro_buf_init(&f->in, NULL, SIZE_MAX);
    vitro_hpack_writer_init(&f->encoder, NULL, 4096);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (narrow) {
        setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
        setsockopt(f->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    return f->fd >= 0 && connect(f->fd, (struct sockaddr *)&to, sizeof to) == 0 &&
           (!tls || shake_hands(f)) && fcntl(f->fd, F_SETFL, O_NONBLOCK) == 0;
}

bool foe_dial(struct foe *f, const struct victim *v, bool tls)
{
    return dial(f, v, tls, false);
}

static bool begin(struct foe *f, const struct victim *v, bool narrow)
{
    if (!dial(f, v, v->tls, narrow))
        return false;
    f->window = f->stream_window = FRAME_DEFAULT_WINDOW;
    must(vitro_frame_write_preface(&f->out));
    must(vitro_frame_write_settings(&f->out, 0, NULL, 0));
    return true;
}

void foe_end(struct foe *f)
{
    SSL_free(f->ssl);
    if (f->fd >= 0)
        close(f->fd);
    vitro_hpack_writer_done(&f->encoder);
    vitro_buf_done(&f->in);
    vitro_buf_done(&f->out);
}

/* ---- what comes ----------------------------------------------------------------------------- */

static void count(struct foe *f, struct frame_head head, const uint8_t *payload)
{
    if (head.type < ARRAY_LEN(f->got))
        f->got[head.type]++;
    if (head.type == FRAME_DATA)
        f->data += head.length;
    if (head.type == FRAME_SETTINGS && !(head.flags & FRAME_ACK) && f->polite)
        must(vitro_frame_write_settings(&f->out, FRAME_ACK, NULL, 0));
    if (head.type == FRAME_GOAWAY && head.length >= 8)
        f->error = (uint32_t)payload[4] << 24 | (uint32_t)payload[5] << 16 |
                   (uint32_t)payload[6] << 8 | payload[7];
    if (head.type == FRAME_WINDOW_UPDATE && head.length == 4)
        *(head.stream ? &f->stream_window : &f->window) += (uint32_t)payload[0] << 24 |
                                                           (uint32_t)payload[1] << 16 |
                                                           (uint32_t)payload[2] << 8 | payload[3];
}

static void count_all(struct foe *f)
{
    size_t at = 0;

    while (f->in.len - at >= FRAME_HEAD_BYTES) {
        struct frame_head head = vitro_frame_head_read(f->in.ptr + at);

        if (f->in.len - at < FRAME_HEAD_BYTES + head.length)
            break;
        count(f, head, f->in.ptr + at + FRAME_HEAD_BYTES);
        at += FRAME_HEAD_BYTES + head.length;
    }
    memmove(f->in.ptr, f->in.ptr + at, f->in.len - at);
    f->in.len -= at;
}

/* How much was read; 0: nothing for now, or never more. */
static size_t read_some(struct foe *f)
{
    uint8_t room[65536];
    ssize_t n = -1;
    bool later;

    if (f->ssl) {
        n = SSL_read(f->ssl, room, sizeof room);
        later = n <= 0 && SSL_get_error(f->ssl, (int)n) == SSL_ERROR_WANT_READ;
    } else {
        n = recv(f->fd, room, sizeof room, 0);
        later = n < 0 && errno == EAGAIN;
    }
    if (n <= 0) {
        f->closed |= !later;
        return 0;
    }
    must(vitro_buf_append(&f->in, room, (size_t)n));
    count_all(f);
    return (size_t)n;
}

/* ---- both ways ------------------------------------------------------------------------------ */

static bool wait_for(struct foe *f, short events, int ms)
{
    struct pollfd p = { f->fd, events, 0 };

    return poll(&p, 1, ms) > 0;
}

static ssize_t write_some(struct foe *f, const uint8_t *from, size_t n)
{
    int wrote;

    if (!f->ssl)
        return send(f->fd, from, n, MSG_NOSIGNAL);
    wrote = SSL_write(f->ssl, from, (int)n);
    errno = wrote <= 0 && SSL_get_error(f->ssl, wrote) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return wrote > 0 ? wrote : -1;
}

bool foe_send(struct foe *f)
{
    int64_t last = now_ms();
    size_t at = 0;

    while (at < f->out.len && !f->closed && now_ms() - last < PATIENCE_MS) {
        ssize_t n = write_some(f, f->out.ptr + at, MIN(f->out.len - at, (size_t)65536));

        if (n > 0) {
            at += (size_t)n;
            last = now_ms();
        } else if (errno != EAGAIN) {
            f->closed = true;
        }
        while (!f->deaf && read_some(f) > 0)
            continue;
        if (n <= 0 && !f->closed)
            wait_for(f, f->deaf ? POLLOUT : POLLIN | POLLOUT, 10);
    }
    if (at == f->out.len) {
        f->out.len = 0;
        return !f->closed;
    }
    f->out.len = 0;
    return false;
}

bool foe_begin_rude(struct foe *f, const struct victim *v)
{
    return begin(f, v, false);
}

bool foe_await(struct foe *f, unsigned type, unsigned n)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (f->got[type] < n && !f->closed && now_ms() < until) {
        wait_for(f, POLLIN, 10);
        while (read_some(f) > 0)
            continue;
    }
    return f->got[type] >= n;
}

static bool greet(struct foe *f)
{
    f->polite = true;
    return foe_send(f) && foe_await(f, FRAME_SETTINGS, 1) && foe_send(f);
}

bool foe_begin(struct foe *f, const struct victim *v)
{
    return begin(f, v, false) && greet(f);
}

bool foe_begin_narrow(struct foe *f, const struct victim *v)
{
    return begin(f, v, true) && greet(f);
}

unsigned foe_drip(struct foe *f)
{
    ssize_t n = f->out.len ? write_some(f, f->out.ptr, 1) : 0;

    if (n < 0 && errno != EAGAIN)
        f->closed = true;
    if (n > 0)
        memmove(f->out.ptr, f->out.ptr + 1, --f->out.len);
    return n > 0;
}

void foe_listen(struct foe *f, int ms)
{
    int64_t until = now_ms() + ms, left = ms;

    do { /* once, at the least: what there is lies there already */
        if ((f->ssl && SSL_pending(f->ssl)) || wait_for(f, POLLIN, (int)left))
            while (read_some(f) > 0)
                continue;
        left = until - now_ms();
    } while (!f->closed && left > 0);
}

/* ---- what is said --------------------------------------------------------------------------- */

void foe_block(struct foe *f, struct buf *block, const char *path)
{
    const char *const fields[][2] = {
        { ":method", "POST" },       { ":scheme", f->ssl ? "https" : "http" },
        { ":path", path },           { ":authority", "vitro.test" },
        { "te", "trailers" },        { "content-type", "application/grpc" },
        { "grpc-encoding", "gzip" },
    };

    vitro_buf_init(block, NULL, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        must(vitro_hpack_write(&f->encoder, block, vitro_str_of(fields[i][0]),
                               vitro_str_of(fields[i][1]), NULL));
}

void foe_request(struct foe *f, uint32_t stream, const char *path)
{
    struct buf block;

    foe_block(f, &block, path);
    must(vitro_frame_write_block(&f->out, stream, 0, vitro_buf_bytes(&block), FRAME_DEFAULT_MAX,
                                 NULL));
    vitro_buf_done(&block);
}

uint32_t foe_next(struct foe *f)
{
    return 2 * f->streams++ + 1;
}

uint32_t foe_open(struct foe *f, const char *path)
{
    uint32_t stream = foe_next(f);

    foe_request(f, stream, path);
    return stream;
}

/* How much of what is left may go now: waits for windows. */
static size_t may_send(struct foe *f, size_t left)
{
    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        int64_t most = MIN(f->window, f->stream_window);

        if (most > 0)
            return MIN(MIN(left, (size_t)most), (size_t)FRAME_DEFAULT_MAX);
        foe_listen(f, 10);
    }
    return 0;
}

bool foe_message(struct foe *f, uint32_t stream, bool compressed, vitro_bytes message)
{
    struct buf whole;
    size_t n = 1;

    f->stream_window = FRAME_DEFAULT_WINDOW;
    vitro_buf_init(&whole, NULL, SIZE_MAX);
    must(vitro_buf_append(&whole,
                          (uint8_t[5]){ compressed, (uint8_t)(message.len >> 24),
                                        (uint8_t)(message.len >> 16), (uint8_t)(message.len >> 8),
                                        (uint8_t)message.len },
                          5) &&
         vitro_buf_append(&whole, message.ptr, message.len));
    for (size_t at = 0; at < whole.len && n; at += n) {
        n = may_send(f, whole.len - at);
        must(vitro_frame_write_data(&f->out, stream, at + n == whole.len ? FRAME_END_STREAM : 0,
                                    (vitro_bytes){ whole.ptr + at, n }, NULL));
        f->window -= (int64_t)n;
        f->stream_window -= (int64_t)n;
        if (!foe_send(f))
            break;
    }
    vitro_buf_done(&whole);
    return n && !f->closed;
}

void foe_data(struct foe *f, uint32_t stream, vitro_bytes message)
{
    uint32_t n = (uint32_t)message.len + 5;

    must(vitro_frame_write_head(&f->out, (struct frame_head){ n, stream, FRAME_DATA, 0, false }) &&
         vitro_buf_append(
             &f->out, (uint8_t[5]){ 0, 0, 0, (uint8_t)(message.len >> 8), (uint8_t)message.len },
             5) &&
         vitro_buf_append(&f->out, message.ptr, message.len));
    f->window -= n;
    f->stream_window -= n;
}

void foe_setting(struct foe *f, uint16_t id, uint32_t value)
{
    struct frame_setting_pair s = { id, value };

    must(vitro_frame_write_settings(&f->out, 0, &s, 1));
}
