/*
 * Raw nghttp2 + epoll gRPC server: the floor for any server built on nghttp2.  One thread.
 * No protobuf library: payload bytes are echoed or counted.  usage: server PORT [cert key]
 */
#include "conn.h"
#define INL 120
struct st { /* one stream; pooled */
    struct st *next;
    struct conn *c;
    char m; /* 'U' 'S' 'C' 'B' */
    int32_t id;
    uint8_t *buf;
    size_t len, off, cap; /* bytes to echo / request bytes */
    uint64_t left, sent;  /* ServerStream: messages left */
    uint32_t msz;
    uint8_t msg[INL]; /* one framed message */
    int eof, started, defer;
    uint64_t n, b;
    uint32_t need;
    int hp;
    uint8_t h[5]; /* ClientStream parser */
    uint8_t in[INL];
};
static struct st *pool;
static nghttp2_session_callbacks *CB;
static nghttp2_option *OPT;
static SSL_CTX *CTX;
static struct conn LISTEN;
static int ONE; /* FRAME_PER_MSG=1: one DATA frame per streamed message, no batching */
static nghttp2_nv RESP[] = { NV(":status", "200"), NV("content-type", "application/grpc") };
static nghttp2_nv TRAIL[] = { NV("grpc-status", "0") };

static void need(struct st *s, size_t n)
{
    if (s->len + n <= s->cap)
        return;
    size_t cap = s->cap * 2 > s->len + n ? s->cap * 2 : s->len + n;
    if (s->buf == s->in) {
        s->buf = malloc(cap);
        memcpy(s->buf, s->in, s->len);
    } else
        s->buf = realloc(s->buf, cap);
    s->cap = cap;
}
static ssize_t finish(nghttp2_session *g, struct st *s, uint32_t *fl)
{
    *fl |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(g, s->id, TRAIL, 1);
    return 0;
}
/* echo: Unary answer, ClientStream summary, Bidi */
static ssize_t rd_buf(nghttp2_session *g, int32_t id, uint8_t *o, size_t max, uint32_t *fl,
                      nghttp2_data_source *src, void *u)
{
    (void)id;
    (void)u;
    struct st *s = src->ptr;
    size_t n = s->len - s->off;
    if (n > max)
        n = max;
    memcpy(o, s->buf + s->off, n);
    s->off += n;
    if (s->off == s->len) {
        s->off = s->len = 0;
        if (s->eof) {
            finish(g, s, fl);
            return n;
        }
        if (!n) {
            s->defer = 1;
            return NGHTTP2_ERR_DEFERRED;
        }
    }
    return n;
}
/* ServerStream: as many whole messages as the frame takes, generated straight into nghttp2's buffer
 */
static ssize_t rd_stream(nghttp2_session *g, int32_t id, uint8_t *o, size_t max, uint32_t *fl,
                         nghttp2_data_source *src, void *u)
{
    (void)id;
    (void)u;
    struct st *s = src->ptr;
    size_t n = 0;
    while (s->left && n < max) { /* a message may straddle two frames */
        size_t k = s->msz - s->off;
        if (k > max - n)
            k = max - n;
        memcpy(o + n, s->msg + s->off, k);
        n += k;
        s->off += k;
        if (s->off == s->msz) {
            s->off = 0;
            s->left--;
            if (ONE)
                break;
        }
    }
    if (!s->left)
        finish(g, s, fl);
    return n;
}
static void respond(struct conn *c, struct st *s, nghttp2_data_source_read_callback r)
{
    nghttp2_data_provider p = { .source.ptr = s, .read_callback = r };
    s->started = 1;
    nghttp2_submit_response(c->ng, s->id, RESP, 2, &p);
}
static uint64_t varint(const uint8_t **p, const uint8_t *e)
{
    uint64_t v = 0;
    int sh = 0;
    while (*p < e) {
        uint8_t b = *(*p)++;
        v |= (uint64_t)(b & 127) << sh;
        if (b < 128)
            break;
        sh += 7;
    }
    return v;
}
static uint8_t *wvar(uint8_t *p, uint64_t v)
{
    while (v > 127) {
        *p++ = v | 128;
        v >>= 7;
    }
    *p++ = v;
    return p;
}

static int on_begin(nghttp2_session *g, const nghttp2_frame *f, void *u)
{
    if (f->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct st *s = pool;
    if (s)
        pool = s->next;
    else
        s = malloc(sizeof *s);
    memset(s, 0, offsetof(struct st, msg));
    memset(&s->eof, 0, offsetof(struct st, in) - offsetof(struct st, eof));
    s->c = u;
    s->id = f->hd.stream_id;
    s->buf = s->in;
    s->cap = INL;
    nghttp2_session_set_stream_user_data(g, s->id, s);
    return 0;
}
static int on_header(nghttp2_session *g, const nghttp2_frame *f, const uint8_t *n, size_t nl,
                     const uint8_t *v, size_t vl, uint8_t fl, void *u)
{
    (void)fl;
    (void)u;
    if (nl == 5 && n[1] == 'p') {
        struct st *s = nghttp2_session_get_stream_user_data(g, f->hd.stream_id);
        s->m = vl > 13 ? v[13] : 'U';
    } /* "/bench.Bench/X" */
    return 0;
}
static int on_chunk(nghttp2_session *g, uint8_t fl, int32_t id, const uint8_t *d, size_t n, void *u)
{
    (void)fl;
    struct st *s = nghttp2_session_get_stream_user_data(g, id);
    if (!s)
        return 0;
    if (s->m == 'C') { /* count messages without storing them */
        while (n) {
            if (s->hp < 5) {
                s->h[s->hp++] = *d++;
                n--;
                if (s->hp == 5) {
                    s->need = s->h[1] << 24 | s->h[2] << 16 | s->h[3] << 8 | s->h[4];
                    s->n++;
                    s->b += s->need;
                    if (!s->need)
                        s->hp = 0;
                }
                continue;
            }
            size_t k = n < s->need ? n : s->need;
            d += k;
            n -= k;
            s->need -= k;
            if (!s->need)
                s->hp = 0;
        }
        return 0;
    }
    need(s, n);
    memcpy(s->buf + s->len, d, n);
    s->len += n;
    if (s->m == 'B' && s->defer) {
        s->defer = 0;
        nghttp2_session_resume_data(g, id);
    }
    (void)u;
    return 0;
}
static int on_frame(nghttp2_session *g, const nghttp2_frame *f, void *u)
{
    if (f->hd.type != NGHTTP2_DATA && f->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct st *s = nghttp2_session_get_stream_user_data(g, f->hd.stream_id);
    if (!s)
        return 0;
    struct conn *c = u;
    if (s->m == 'B' && !s->started)
        respond(c, s, rd_buf);
    if (!(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    s->eof = 1;
    if (s->m == 'B') {
        if (s->defer) {
            s->defer = 0;
            nghttp2_session_resume_data(g, s->id);
        }
    } else if (s->m == 'S') {
        const uint8_t *p = s->buf + 5, *e = s->buf + s->len;
        uint64_t sz = 0;
        while (p < e) {
            uint8_t t = *p++;
            uint64_t v = varint(&p, e);
            if (t == 8)
                s->left = v;
            else if (t == 16)
                sz = v;
        }
        uint8_t *q = s->msg + 5;
        if (sz > INL - 16)
            sz = INL - 16;
        *q++ = 0x0a;
        q = wvar(q, sz);
        memset(q, 'x', sz);
        q += sz;
        s->msz = q - s->msg;
        s->msg[0] = 0;
        uint32_t l = htonl(s->msz - 5);
        memcpy(s->msg + 1, &l, 4);
        s->off = 0;
        respond(c, s, rd_stream);
    } else if (s->m == 'C') {
        uint8_t *q = s->buf + 5;
        *q++ = 8;
        q = wvar(q, s->n);
        *q++ = 16;
        q = wvar(q, s->b);
        s->len = q - s->buf;
        s->buf[0] = 0;
        uint32_t l = htonl(s->len - 5);
        memcpy(s->buf + 1, &l, 4);
        respond(c, s, rd_buf);
    } else
        respond(c, s, rd_buf);
    return 0;
}
static int on_close(nghttp2_session *g, int32_t id, uint32_t e, void *u)
{
    (void)e;
    (void)u;
    struct st *s = nghttp2_session_get_stream_user_data(g, id);
    if (s) {
        if (s->buf != s->in)
            free(s->buf);
        s->next = pool;
        pool = s;
    }
    return 0;
}
static int alpn(SSL *s, const unsigned char **o, unsigned char *ol, const unsigned char *in,
                unsigned il, void *a)
{
    (void)s;
    (void)a;
    return SSL_select_next_proto((unsigned char **)o, ol, (const unsigned char *)"\2h2", 3, in,
                                 il) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}
int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (argc > 3) {
        CTX = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_min_proto_version(CTX, TLS1_3_VERSION);
        if (SSL_CTX_use_certificate_chain_file(CTX, argv[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(CTX, argv[3], SSL_FILETYPE_PEM) != 1)
            return 1;
        SSL_CTX_set_alpn_select_cb(CTX, alpn, NULL);
        SSL_CTX_set_mode(CTX, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_read_ahead(CTX, 1);
        SSL_CTX_set_options(CTX, SSL_OP_NO_TICKET);
    }
    nghttp2_session_callbacks_new(&CB);
    nghttp2_session_callbacks_set_on_begin_headers_callback(CB, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(CB, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(CB, on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(CB, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(CB, on_close);
    nghttp2_session_callbacks_set_data_source_read_length_callback(CB, max_frame);
    nghttp2_option_new(&OPT);
    nghttp2_option_set_no_closed_streams(OPT, 1);
    EP = epoll_create1(0);
    BATCH_TLS = getenv("BATCH_TLS") != NULL;
    ONE = getenv("FRAME_PER_MSG") != NULL;
    int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) {
        perror("bind");
        return 1;
    }
    fcntl(l, F_SETFL, O_NONBLOCK);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = &LISTEN }, ev[256];
    epoll_ctl(EP, EPOLL_CTL_ADD, l, &e);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(EP, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c == &LISTEN) {
                int fd;
                while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    set_sock(fd);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    if (CTX) {
                        c->ssl = SSL_new(CTX);
                        SSL_set_fd(c->ssl, fd);
                        SSL_set_accept_state(c->ssl);
                        c->hs = 1;
                    }
                    nghttp2_session_server_new2(&c->ng, CB, c, OPT);
                    nghttp2_settings_entry s[] = {
                        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100000 },
                        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 8 << 20 },
                        { NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 32768 },
                        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 }
                    };
                    nghttp2_submit_settings(c->ng, 0, s, 4);
                    nghttp2_session_set_local_window_size(c->ng, 0, 0, 8 << 20);
                    e = (struct epoll_event){ .events = EPOLLIN, .data.ptr = c };
                    epoll_ctl(EP, EPOLL_CTL_ADD, fd, &e);
                }
                continue;
            }
            int r = 0;
            if (ev[i].events & EPOLLOUT && !c->hs)
                r = pump_out(c) < 0 ? -1 : 0;
            if (r == 0 && ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                r = pump_in(c);
            if (r < 0) {
                conn_free(c);
                free(c);
            }
        }
    }
}
