/*
 * Raw nghttp2 + epoll gRPC client: the floor for any client built on nghttp2.  One thread.
 * Same arguments as the C++ client: client IP:PORT MODE [key=value ...]; also
 * idlestream n=    opens n Bidi streams on one connection, one echo each, then holds
 * hold=SECONDS     idleconn / idlestream print "held" and keep everything open
 */
#include "conn.h"
#include <ctype.h>
struct st {
    struct conn *c;
    int32_t id;
    double t0;
    char m;
    size_t off;
    long sent, left;
    int defer;
    uint64_t got;
    uint32_t need;
    int hp;
    uint8_t h[5];
    int ok;
};
static nghttp2_session_callbacks *CB;
static nghttp2_option *OPT;
static SSL_CTX *CTX;
static struct sockaddr_in ADDR;
static char HOST[64];
static uint8_t *MSG;
static size_t MLEN;
static uint8_t SREQ[32];
static size_t SREQL;
static float *LAT;
static long NLAT, CAP;
static double T_END;
static long LIVE, DONE, TARGET;
static int STOP;
static const char *MODE;
static const char *arg(int c, char **v, const char *k, const char *d)
{
    size_t n = strlen(k);
    for (int i = 3; i < c; i++)
        if (!strncmp(v[i], k, n) && v[i][n] == '=')
            return v[i] + n + 1;
    return d;
}
static void lat(double s)
{
    if (NLAT < CAP)
        LAT[NLAT++] = s;
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

static ssize_t rd(nghttp2_session *g, int32_t id, uint8_t *o, size_t max, uint32_t *fl,
                  nghttp2_data_source *src, void *u)
{
    (void)g;
    (void)id;
    (void)u;
    struct st *s = src->ptr;
    if (s->m == 'C') { /* bulk upload: payload by reference */
        size_t tot = MLEN - s->off, n = tot < max ? tot : max;
        *fl |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (s->left == 1 && n == tot)
            *fl |= NGHTTP2_DATA_FLAG_EOF;
        return n;
    }
    if (s->m == 'B') {
        if (s->left == 0) {
            *fl |= NGHTTP2_DATA_FLAG_EOF;
            return 0;
        }
        if (s->defer)
            return NGHTTP2_ERR_DEFERRED;
        memcpy(o, MSG, MLEN);
        s->defer = 1;
        return MLEN;
    }
    const uint8_t *b = s->m == 'S' ? SREQ : MSG;
    size_t n = (s->m == 'S' ? SREQL : MLEN) - s->off;
    if (n <= max)
        *fl |= NGHTTP2_DATA_FLAG_EOF;
    else
        n = max;
    memcpy(o, b + s->off, n);
    s->off += n;
    return n;
}
static int send_data(nghttp2_session *g, nghttp2_frame *f, const uint8_t *hd, size_t n,
                     nghttp2_data_source *src, void *u)
{
    (void)g;
    (void)f;
    struct conn *c = u;
    struct st *s = src->ptr;
    if (c->pend && !room(c, n + 4096))
        return NGHTTP2_ERR_WOULDBLOCK;
    put(c, hd, 9);
    put_ref(c, MSG + s->off, n);
    s->off += n;
    if (s->off == MLEN) {
        s->off = 0;
        s->left--;
        s->sent++;
    }
    return 0;
}
static void call(struct conn *c, struct st *s)
{
    static const char *P[] = { "/bench.Bench/Unary", "/bench.Bench/ServerStream",
                               "/bench.Bench/ClientStream", "/bench.Bench/Bidi" };
    const char *p = P[s->m == 'U' ? 0 : s->m == 'S' ? 1 : s->m == 'C' ? 2 : 3];
    uint8_t f = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    nghttp2_nv h[] = { NV(":method", "POST"),
                       NV(":scheme", "http"),
                       { (uint8_t *)":path", (uint8_t *)p, 5, strlen(p), f },
                       { (uint8_t *)":authority", (uint8_t *)HOST, 10, strlen(HOST), f },
                       NV("content-type", "application/grpc"),
                       NV("te", "trailers"),
                       NV("user-agent", "raw/1") };
    if (c->ssl) {
        h[1].value = (uint8_t *)"https";
        h[1].valuelen = 5;
    }
    nghttp2_data_provider dp = { .source.ptr = s, .read_callback = rd };
    s->c = c;
    s->off = 0;
    s->hp = 0;
    s->got = 0;
    s->ok = 0;
    s->defer = 0;
    s->t0 = now();
    s->id = nghttp2_submit_request(c->ng, NULL, h, 7, &dp, s);
}
static int on_header(nghttp2_session *g, const nghttp2_frame *f, const uint8_t *n, size_t nl,
                     const uint8_t *v, size_t vl, uint8_t fl, void *u)
{
    (void)fl;
    (void)u;
    if (nl == 11 && !memcmp(n, "grpc-status", 11)) {
        struct st *s = nghttp2_session_get_stream_user_data(g, f->hd.stream_id);
        s->ok = vl == 1 && *v == '0';
    }
    return 0;
}
static int on_chunk(nghttp2_session *g, uint8_t fl, int32_t id, const uint8_t *d, size_t n, void *u)
{
    (void)fl;
    (void)u;
    struct st *s = nghttp2_session_get_stream_user_data(g, id);
    while (n) { /* message framing */
        if (s->hp < 5) {
            if (s->hp == 0 && n >= 5) {
                memcpy(s->h, d, 5);
                d += 5;
                n -= 5;
                s->hp = 5;
            } else {
                s->h[s->hp++] = *d++;
                n--;
            }
            if (s->hp == 5)
                s->need = s->h[1] << 24 | s->h[2] << 16 | s->h[3] << 8 | s->h[4];
            if (s->hp < 5 || s->need)
                continue;
        }
        size_t k = n < s->need ? n : s->need;
        d += k;
        n -= k;
        s->need -= k;
        if (!s->need) {
            s->hp = 0;
            s->got++;
            if (s->m == 'B') {
                double t = now();
                lat(t - s->t0);
                s->t0 = t;
                if (*MODE == 'i') {
                    if (++DONE >= TARGET)
                        STOP = 1;
                    continue;
                } /* idlestream: keep it open */
                s->left--;
                s->defer = 0;
                nghttp2_session_resume_data(g, id);
            }
        }
    }
    return 0;
}
static int on_close(nghttp2_session *g, int32_t id, uint32_t e, void *u)
{
    struct conn *c = u;
    struct st *s = nghttp2_session_get_stream_user_data(g, id);
    if (e || !s->ok) {
        fprintf(stderr, "rpc failed %u\n", e);
        exit(1);
    }
    if (s->m == 'U') {
        double t = now();
        DONE++;
        lat(t - s->t0);
        if (T_END && t < T_END) {
            call(c, s);
            return 0;
        }
    }
    if (--LIVE == 0)
        STOP = 1;
    return 0;
}
static struct conn *dial(void)
{
    struct conn *c = calloc(1, sizeof *c);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&ADDR, sizeof ADDR)) {
        perror("connect");
        exit(1);
    }
    if (CTX) {
        c->ssl = SSL_new(CTX);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_tlsext_host_name(c->ssl, "localhost");
        SSL_set1_host(c->ssl, "localhost");
        if (SSL_connect(c->ssl) != 1) {
            ERR_print_errors_fp(stderr);
            exit(1);
        }
        tls_batch(c);
    }
    set_sock(c->fd);
    nghttp2_session_client_new2(&c->ng, CB, c, OPT);
    nghttp2_settings_entry s[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
                                   { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 8 << 20 },
                                   { NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 32768 },
                                   { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 } };
    nghttp2_submit_settings(c->ng, 0, s, 4);
    nghttp2_session_set_local_window_size(c->ng, 0, 0, 8 << 20);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    epoll_ctl(EP, EPOLL_CTL_ADD, c->fd, &e);
    return c;
}
static void run(void)
{
    struct epoll_event ev[256];
    STOP = 0;
    while (!STOP) {
        int n = epoll_wait(EP, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            int r = 0;
            if (ev[i].events & EPOLLOUT)
                r = pump_out(c) < 0 ? -1 : 0;
            if (r == 0 && ev[i].events & ~EPOLLOUT)
                r = pump_in(c);
            if (r < 0) {
                fprintf(stderr, "connection lost\n");
                exit(1);
            }
        }
    }
}
static void once(struct conn *c)
{
    struct st s = { .m = 'U' };
    double e = T_END;
    T_END = 0;
    LIVE = 1;
    call(c, &s);
    pump_out(c);
    run();
    T_END = e;
}
static int fcmp(const void *a, const void *b)
{
    float x = *(float *)a, y = *(float *)b;
    return x < y ? -1 : x > y;
}
int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    snprintf(HOST, sizeof HOST, "%s", argv[1]);
    char *col = strrchr(HOST, ':');
    ADDR.sin_family = AF_INET;
    ADDR.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ADDR.sin_port = htons(atoi(col + 1));
    MODE = argv[2];
    long n = atol(arg(argc, argv, "n", "1000")), size = atol(arg(argc, argv, "size", "16"));
    const char *ca = arg(argc, argv, "ca", NULL);
    EP = epoll_create1(0);
    BATCH_TLS = getenv("BATCH_TLS") != NULL;
    if (ca) {
        CTX = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_min_proto_version(CTX, TLS1_3_VERSION);
        SSL_CTX_load_verify_locations(CTX, ca, NULL);
        SSL_CTX_set_verify(CTX, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_alpn_protos(CTX, (const unsigned char *)"\2h2", 3);
        SSL_CTX_set_mode(CTX, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_read_ahead(CTX, 1);
    }
    nghttp2_session_callbacks_new(&CB);
    nghttp2_session_callbacks_set_on_header_callback(CB, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(CB, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(CB, on_close);
    nghttp2_session_callbacks_set_send_data_callback(CB, send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(CB, max_frame);
    nghttp2_option_new(&OPT);
    nghttp2_option_set_no_closed_streams(OPT, 1);
    nghttp2_option_set_peer_max_concurrent_streams(OPT, 100000);
    MSG = malloc(size + 32);
    uint8_t *q = MSG + 5;
    *q++ = 0x0a;
    q = wvar(q, size);
    memset(q, 'x', size);
    q += size;
    MLEN = q - MSG;
    MSG[0] = 0;
    uint32_t l = htonl(MLEN - 5);
    memcpy(MSG + 1, &l, 4);
    q = SREQ + 5;
    *q++ = 8;
    q = wvar(q, n);
    *q++ = 16;
    q = wvar(q, size);
    SREQL = q - SREQ;
    l = htonl(SREQL - 5);
    memcpy(SREQ + 1, &l, 4);
    struct conn *c = dial();
    once(c);
    if (!strcmp(MODE, "first"))
        return 0;
    if (!strcmp(MODE, "idleconn")) {
        long r0 = rss_kb();
        for (long i = 0; i < n; i++) {
            struct conn *k = dial();
            once(k);
        }
        printf("{\"n\":%ld,\"kb_per\":%.2f}\n", n, (double)(rss_kb() - r0) / n);
        fflush(stdout);
        sleep(atoi(arg(argc, argv, "hold", "0")));
        return 0;
    }
    CAP = 1 << 22;
    LAT = malloc(CAP * sizeof *LAT);
    struct st *S;
    double t0 = now(), c0 = cpu();
    long done = n;
    DONE = 0;
    LIVE = 1;
    NLAT = 0;
    if (!strcmp(MODE, "unary")) {
        int conns = atoi(arg(argc, argv, "conns", "1")), out = atoi(arg(argc, argv, "out", "1"));
        struct conn **v = calloc(conns, sizeof *v);
        v[0] = c;
        for (int i = 1; i < conns; i++) {
            v[i] = dial();
            once(v[i]);
        }
        S = calloc(conns * out, sizeof *S);
        LIVE = conns * out;
        DONE = NLAT = 0;
        t0 = now();
        c0 = cpu();
        T_END = t0 + atof(arg(argc, argv, "secs", "1"));
        for (int i = 0; i < conns * out; i++) {
            S[i].m = 'U';
            call(v[i % conns], &S[i]);
        }
        for (int i = 0; i < conns; i++)
            pump_out(v[i]);
        run();
        done = DONE;
    } else if (!strcmp(MODE, "idlestream")) {
        long r0 = rss_kb();
        S = calloc(n, sizeof *S);
        TARGET = n;
        LIVE = n + 1;
        for (long i = 0; i < n; i++) {
            S[i].m = 'B';
            S[i].left = 2;
            call(c, &S[i]);
        }
        pump_out(c);
        run();
        printf("{\"n\":%ld,\"kb_per\":%.2f}\n", n, (double)(rss_kb() - r0) / n);
        fflush(stdout);
        sleep(atoi(arg(argc, argv, "hold", "0")));
        return 0;
    } else {
        struct st s = { .m = *MODE == 's' ? 'S' : *MODE == 'u' ? 'C' : 'B', .left = n };
        call(c, &s);
        pump_out(c);
        run();
        if (s.m == 'S' && (long)s.got != n) {
            fprintf(stderr, "got %lu\n", (unsigned long)s.got);
            return 1;
        }
    }
    double t1 = now(), c1 = cpu();
    qsort(LAT, NLAT, sizeof *LAT, fcmp);
    printf(
        "{\"n\":%ld,\"sec\":%.6f,\"rate\":%.1f,\"cpu_us\":%.3f,\"p50\":%.1f,\"p99\":%.1f,\"rss_kb\":%ld}\n",
        done, t1 - t0, done / (t1 - t0), (c1 - c0) * 1e6 / done, NLAT ? LAT[NLAT / 2] * 1e6 : 0,
        NLAT ? LAT[(long)(NLAT * .99)] * 1e6 : 0, rss_kb());
}
