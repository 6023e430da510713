#include "tls/layer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/error.h"
#include "crypto/fault.h"
#include "io/driver.h"
#include "trace/keylog.h"
#include "trace/trace.h"

enum { PENDING_MAX = 1024 * 1024 }; /* a handshake's flight: certificates, mostly */

static const int64_t handshake_ns = INT64_C(20) * 1000000000; /* of a client, as a server waits */

static struct tls_layer *of_layer(struct layer *layer)
{
    return CONTAINER_OF(layer, struct tls_layer, layer);
}

static struct tls_layer *of_ssl(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* ---- what libssl calls ---------------------------------------------------------------------- */

void vitro_tls_no_alpn(SSL *ssl)
{
    of_ssl(ssl)->no_alpn = true;
}

/*
 * A link has one recorder for both ends, which takes what each writes. Of TLS 1.3 the client's own
 * secret of data is then known to the client first, all others to the server.
 */
static bool other_end_tells(const SSL *ssl, const struct transport *t, const char *line)
{
    static const char of_client[] = "CLIENT_TRAFFIC_SECRET_0 ";

    return !t->tap_reads && SSL_version(ssl) == TLS1_3_VERSION &&
           t->client != (strncmp(line, of_client, sizeof of_client - 1) == 0);
}

/* Secrets go before the packets that need them: what is received is recorded behind its layers. */
void vitro_tls_secret(const SSL *ssl, const char *line)
{
    const struct transport *t = of_ssl(ssl)->layer.driver->transport;
    vitro_str text = vitro_str_of(line);

    vitro_keylog_line(text);
    if (t->recorder && !other_end_tells(ssl, t, line))
        vitro_trace_secret(t->trace, text);
}

int vitro_tls_session_came(SSL *ssl, SSL_SESSION *session)
{
    vitro_tls_end_keep_session(of_ssl(ssl)->end, session);
    return 1;
}

/* A ticket holds the time at which it was made: that of the loop's world. */
int vitro_tls_ticket_made(SSL *ssl, void *user)
{
    struct clock clock = vitro_loop_clock(of_ssl(ssl)->loop);

    (void)user;
    SSL_SESSION_set_time(SSL_get_session(ssl), (long)(clock.wall(clock.user) / 1000000000));
    return 1;
}

/* ---- the handshake -------------------------------------------------------------------------- */

/*
 * To bytes that are no record libssl says nothing. The alert that RFC 8446, 5, asks for tells a
 * client that speaks plain text why it is left.
 */
static void answer_plain_text(struct tls_layer *l)
{
    static const uint8_t alert[] = { 0x15, 3, 3, 0, 2, 2, SSL_AD_UNEXPECTED_MESSAGE };
    int reason = ERR_GET_REASON(ERR_peek_error());

    if (SSL_is_server(l->ssl) && SSL_get_state(l->ssl) == TLS_ST_BEFORE && !l->pending.len &&
        (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
        l->no_memory |= !vitro_buf_append(&l->pending, alert, sizeof alert);
}

/* The first fault counts; what libssl has to say about it is sent by the next down. */
static enum vitro_step fail(struct tls_layer *l, vitro_error *err)
{
    answer_plain_text(l);
    vitro_tls_why(l, err);
    l->failed = true;
    if (!l->layer.ready)
        vitro_tls_end_failed(l->end);
    return VITRO_FAILED;
}

/* A client's peer may have ignored the offer (RFC 7301, 3.1): HTTP/2 is nothing to guess. */
static bool speaks_h2(const struct tls_layer *l)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(l->ssl, &name, &len);
    return l->context->material->no_alpn || (len == 2 && name[0] == 'h' && name[1] == '2');
}

/* It is over, and the peer believes that all is well. */
static enum vitro_step leave(struct tls_layer *l)
{
    SSL_shutdown(l->ssl);
    l->failed = true;
    return VITRO_FAILED;
}

static enum vitro_step go_on_shaking(struct tls_layer *l, vitro_error *err)
{
    int rc;

    vitro_fault_clear();
    rc = SSL_do_handshake(l->ssl);
    if (rc != 1 && SSL_get_error(l->ssl, rc) != SSL_ERROR_WANT_READ)
        return fail(l, err);
    if (rc != 1)
        return VITRO_IDLE;
    if (!speaks_h2(l)) {
        vitro_fail(err, VITRO_UNAVAILABLE, "tls", 0,
                   "the peer did not choose the protocol h2 (ALPN)");
        return leave(l);
    }
    if (!vitro_tls_allows(l)) {
        vitro_tls_why(l, err);
        return leave(l);
    }
    l->layer.ready = true;
    vitro_timer_stop(l->loop, &l->slow);
    return VITRO_IDLE;
}

static enum vitro_step shake_hands(struct tls_layer *l, vitro_error *err)
{
    char refusal[VITRO_ERROR_TEXT] = "";
    enum vitro_step step;

    l->refusal = refusal;
    step = go_on_shaking(l, err);
    l->refusal = NULL;
    return step;
}

/* A client has a timer of its own, from its first step to the peer's SETTINGS. */
static void fire_slow(struct timer *t)
{
    struct tls_layer *l = CONTAINER_OF(t, struct tls_layer, slow);
    vitro_error why;

    vitro_fail(&why, VITRO_UNAVAILABLE, "tls", 0, "the client did not end its handshake in time");
    l->failed = true;
    vitro_driver_close(l->layer.driver, false, &why);
}

static enum vitro_step tls_open(struct layer *layer, struct queue *out, vitro_error *err)
{
    struct tls_layer *l = of_layer(layer);
    enum vitro_step step = VITRO_IDLE;

    l->sink = out;
    if (!SSL_is_server(l->ssl))
        step = shake_hands(l, err);
    else
        vitro_timer_start(l->loop, &l->slow, vitro_loop_now(l->loop) + handshake_ns);
    l->sink = NULL;
    return step;
}

/* ---- up ------------------------------------------------------------------------------------- */

/* All that can be read, a record at a time. */
static enum vitro_step read_records(struct tls_layer *l, struct queue *out, vitro_error *err)
{
    int rc = 1;

    while (rc == 1) {
        size_t room, n = 0;
        uint8_t *to = vitro_queue_reserve(out, 1, &room);

        if (!to) {
            l->no_memory = true;
            return fail(l, err);
        }
        vitro_fault_clear();
        rc = SSL_read_ex(l->ssl, to, room, &n);
        if (rc == 1)
            vitro_queue_commit(out, n);
    }
    switch (SSL_get_error(l->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return VITRO_IDLE;
    case SSL_ERROR_ZERO_RETURN:
        l->ended = true;
        return VITRO_CLOSED;
    default:
        return fail(l, err);
    }
}

static enum vitro_step tls_up(struct layer *layer, struct queue *in, struct queue *out,
                              vitro_error *err)
{
    struct tls_layer *l = of_layer(layer);
    enum vitro_step step = VITRO_IDLE;

    if (l->ended)
        return VITRO_CLOSED;
    l->source = in;
    if (!layer->ready)
        step = shake_hands(l, err);
    if (step == VITRO_IDLE && layer->ready)
        step = read_records(l, out, err);
    l->source = NULL;
    if (step == VITRO_IDLE && !layer->ready && layer->driver->peer_ended) {
        vitro_fail(err, VITRO_UNAVAILABLE, "tls", 0,
                   "the peer closed the connection during the handshake");
        l->failed = true;
        return VITRO_FAILED;
    }
    return step;
}

/* ---- down ----------------------------------------------------------------------------------- */

enum { RECORD_MAX = SSL3_RT_MAX_PLAIN_LENGTH };

/* What was made while reading. A connection at rest holds no room for it. */
static bool send_pending(struct tls_layer *l, struct queue *out)
{
    vitro_bytes made = vitro_buf_bytes(&l->pending);
    bool ok = made.len == 0 || vitro_queue_append(out, made.ptr, made.len);

    vitro_buf_done(&l->pending);
    l->no_memory |= !ok;
    return ok;
}

/* Bytes for the next record in one run: those of a piece as they lie, those of many put together
 * where the loop reads into, in which nothing lies at the end of a turn. */
static vitro_bytes next_run(struct tls_layer *l, const struct queue *in)
{
    vitro_bytes run = vitro_queue_peek(in);
    size_t n = MIN(in->len, (size_t)RECORD_MAX);
    uint8_t *whole;

    if (run.len >= n)
        return (vitro_bytes){ run.ptr, n };
    whole = vitro_loop_read_buffer(l->loop);
    if (!whole)
        return run; /* smaller records, then */
    vitro_queue_copy(in, 0, whole, n);
    return (vitro_bytes){ whole, n };
}

static bool refresh_keys(struct tls_layer *l)
{
    if (++l->sealed < l->context->records_max || SSL_version(l->ssl) != TLS1_3_VERSION)
        return true;
    l->sealed = 0;
    return SSL_key_update(l->ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
}

static bool write_records(struct tls_layer *l, struct queue *in)
{
    while (in->len) {
        vitro_bytes run = next_run(l, in);
        size_t n = 0;

        vitro_fault_clear();
        if (run.len && (SSL_write_ex(l->ssl, run.ptr, run.len, &n) != 1 || !refresh_keys(l)))
            return false;
        vitro_queue_consume(in, n);
        if (!run.len)
            break; /* pieces without bytes at its end */
    }
    return true;
}

static enum vitro_step tls_down(struct layer *layer, struct queue *in, struct queue *out,
                                vitro_error *err)
{
    struct tls_layer *l = of_layer(layer);
    bool ok = send_pending(l, out);

    if (l->failed) {
        vitro_queue_clear(in);
        return VITRO_IDLE;
    }
    l->sink = out;
    if (ok && layer->ready)
        ok = write_records(l, in);
    l->sink = NULL;
    return ok ? VITRO_IDLE : fail(l, err);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* close_notify: who reads it knows that nothing was cut off (RFC 8446, 6.1). */
static void tls_end(struct layer *layer, struct queue *out)
{
    struct tls_layer *l = of_layer(layer);

    if (!send_pending(l, out) || l->failed || !layer->ready)
        return;
    l->sink = out;
    vitro_fault_clear();
    SSL_shutdown(l->ssl);
    l->sink = NULL;
}

/* A session that was not shut down is not resumed by libssl; one that failed should not be. */
static void tls_close(struct layer *layer)
{
    struct tls_layer *l = of_layer(layer);

    if (l->ssl && !l->failed)
        SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    vitro_timer_stop(l->loop, &l->slow);
    SSL_free(l->ssl);
    vitro_fault_clear();
    vitro_buf_done(&l->pending);
    vitro_tls_context_unref(l->context);
    vitro_mem_free(vitro_loop_account(l->loop), l, sizeof *l);
}

static const struct layer_ops ops = {
    .name = "tls",
    .opaque = true,
    .open = tls_open,
    .up = tls_up,
    .down = tls_down,
    .end = tls_end,
    .identity = vitro_tls_identity,
    .close = tls_close,
};

/* ---- life ----------------------------------------------------------------------------------- */

/* Whom a client wants to reach: told to the server (RFC 6066, 3: names only), and checked. */
static bool expect_peer(struct tls_layer *l)
{
    const char *name = vitro_tls_end_name(l->end);
    X509_VERIFY_PARAM *param = SSL_get0_param(l->ssl);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name))
        return true;
    vitro_fault_clear();
    return SSL_set_tlsext_host_name(l->ssl, name) && X509_VERIFY_PARAM_set1_host(param, name, 0);
}

static bool begin(struct tls_layer *l)
{
    struct clock clock = vitro_loop_clock(l->loop);
    BIO *bio = BIO_new(l->context->bio);
    SSL_SESSION *session;

    l->ssl = SSL_new(l->context->ssl);
    if (!bio || !l->ssl) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, l);
    SSL_set_bio(l->ssl, bio, bio);
    if (!SSL_set_app_data(l->ssl, l))
        return false;
    X509_VERIFY_PARAM_set_time(SSL_get0_param(l->ssl), clock.wall(clock.user) / 1000000000);
    if (l->context->material->server) {
        SSL_set_accept_state(l->ssl);
        return true;
    }
    SSL_set_connect_state(l->ssl);
    session = vitro_tls_end_session(l->end);
    if (session)
        SSL_set_session(l->ssl, session);
    return expect_peer(l);
}

struct layer *vitro_tls_layer_new(struct tls_end *e, vitro_loop *loop, vitro_error *err)
{
    struct tls_layer *l = vitro_mem_zalloc(vitro_loop_account(loop), sizeof *l);

    if (!l) {
        vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "tls", 0, "out of memory");
        return NULL;
    }
    layer_init(&l->layer, &ops);
    vitro_timer_init(&l->slow, fire_slow);
    l->end = e;
    l->loop = loop;
    vitro_buf_init(&l->pending, vitro_loop_account(loop), PENDING_MAX);
    vitro_fault_clear();
    l->context = vitro_tls_end_context(e, err);
    if (l->context && begin(l))
        return &l->layer;
    if (l->context)
        vitro_fault(err, VITRO_RESOURCE_EXHAUSTED, "tls", "a new connection");
    tls_close(&l->layer);
    return NULL;
}
