#include "rpc/stream.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "rpc/stream_events.h"
#include "rpc/inside.h"

static struct stream *of_h2(struct h2_stream *hs)
{
    return CONTAINER_OF(hs, struct stream, h2);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_drain(struct task *t);

void vitro_stream_init(struct stream *s, vitro_loop *loop, const struct stream_ops *ops,
                       struct account *account, uint32_t max_recv_bytes, uint64_t credit)
{
    struct pool *pool = vitro_loop_pool(loop);

    *s = (struct stream){ .ops = ops, .credit = credit };
    vitro_h2_stream_init(&s->h2, pool);
    vitro_queue_init(&s->held, pool);
    vitro_lpm_init(&s->reader, account, max_recv_bytes);
    vitro_buf_init(&s->own, account, max_recv_bytes);
    vitro_buf_init(&s->inflated, account, max_recv_bytes);
    vitro_task_init(&s->drain, on_drain);
    list_init(&s->link);
    list_init(&s->lending);
}

void vitro_stream_attach(struct stream *s, struct connection *c)
{
    s->conn = c;
    s->window = c->config.window;
    list_append(&c->streams, &s->link);
    c->open++;
    vitro_keepalive_used(c);
}

vitro_code vitro_stream_open(struct stream *s, struct connection *c, const struct h2_field *fields,
                             size_t n, vitro_error *err)
{
    vitro_code rc = vitro_h2_request(&c->h2, &s->h2, fields, n, err);

    if (rc == VITRO_OK)
        vitro_stream_attach(s, c);
    vitro_connection_wake(c); /* also when memory is out, which ends the connection */
    return rc;
}

static void close_now(struct stream *s, uint32_t error, bool unsent, const vitro_error *lost)
{
    vitro_task_cancel(&s->drain);
    list_remove(&s->link);
    list_remove(&s->lending);
    list_remove(&s->h2.unsent);
    if (--s->conn->open == 0)
        vitro_age_unused(s->conn);
    s->lingers = false;
    s->stopped = true;
    if (s->h2.kept)
        vitro_queue_move(s->h2.kept, &s->h2.send); /* with what has left before, it is all */
    vitro_queue_clear(&s->h2.send);
    vitro_queue_clear(&s->held);
    s->ops->closed(s, error, unsent, lost);
}

static void note_no_wait(struct stream *s);

/*
 * What came in full is delivered in full, whatever comes after it: a client's reader without
 * credit is waited for. A server's call has nothing to gain: its client is gone.
 */
bool vitro_stream_closed(struct h2_stream *hs, uint32_t error, bool unsent, const vitro_error *lost)
{
    struct stream *s = of_h2(hs);

    s->over = true;
    note_no_wait(s);
    s->lingers = !s->conn->config.server && s->ended && !s->stopped && s->held.len;
    if (s->lingers)
        return true;
    close_now(s, error, unsent, lost);
    return false;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void fault(struct stream *s, const vitro_error *why)
{
    if (s->stopped)
        return;
    vitro_stream_stop(s);
    s->ops->fault(s, why);
}

/* The bytes are not wanted; their window is. */
static void drop_held(struct stream *s)
{
    if (s->conn && s->held.len && !s->over)
        vitro_h2_consume_stream(&s->conn->h2, &s->h2, s->held.len);
    vitro_queue_clear(&s->held);
}

void vitro_stream_stop(struct stream *s)
{
    s->stopped = true;
    vitro_stream_lend(s, NULL); /* the call that holds the view may go before the stream */
    if (!s->draining)           /* else the message that the application just reads would go */
        drop_held(s);
    if (s->lingers && !task_waiting(&s->drain))
        vitro_loop_defer(s->conn->driver.loop, &s->drain);
}

static void try_end(struct stream *s);

void vitro_stream_block(struct h2_stream *hs, bool end_stream)
{
    struct stream *s = of_h2(hs);

    s->ended = s->ended || end_stream;
    s->ops->block(s, end_stream);
    if (end_stream)
        try_end(s);
}

void vitro_stream_block_over(struct h2_stream *hs)
{
    struct stream *s = of_h2(hs);
    vitro_error why;

    vitro_fail(&why, VITRO_RESOURCE_EXHAUSTED, "stream", 0,
               "the header list is over the limit of %u bytes",
               (unsigned)s->conn->config.max_header_bytes);
    fault(s, &why);
}

/*
 * A burst is what comes within a round trip, or in one turn: what a sender can have sent without
 * having heard of us. A larger window would shorten no wait, and what is on its way would leave
 * the caches.
 */
static void count_burst(struct stream *s, size_t arrived)
{
    const struct connection *c = s->conn;

    if (s->turn != c->driver.received && c->h2.now - s->burst_since >= c->round_trip) {
        s->burst_since = c->h2.now;
        s->burst = 0;
    }
    s->turn = c->driver.received;
    s->burst += arrived;
}

/* Double the window while it is what waits: the message is larger, or a burst is half of it. */
static void grow_windows(struct stream *s, size_t arrived)
{
    struct connection *c = s->conn;
    size_t missing = vitro_lpm_pending(&s->reader) ? vitro_lpm_missing(&s->reader) : 0;

    count_burst(s, arrived);
    if (s->window >= c->config.max_window || s->credit == 0)
        return;
    if (missing <= s->window && s->burst < s->window / 2)
        return;
    s->window = (uint32_t)MIN((uint64_t)s->window * 2, (uint64_t)c->config.max_window);
    s->burst = 0;
    vitro_h2_grow_window(&c->h2, &s->h2, s->window);
    if (c->window < s->window) {
        c->window = s->window;
        vitro_h2_grow_connection(&c->h2, c->window);
    }
}

void vitro_stream_set_encoding(struct stream *s, enum encoding e)
{
    s->encoding = e;
    vitro_lpm_set_encoding(&s->reader, e != ENCODING_IDENTITY);
}

/* What the application is given of m. One that was compressed lies in inflated until it is over. */
static vitro_code open_message(struct stream *s, const struct lpm_message *m, vitro_message *out,
                               vitro_error *err)
{
    *out = (vitro_message){ m->bytes, m->wire_size - LPM_PREFIX, 0 };
    if (m->compressed) {
        vitro_code rc = vitro_decompress(s->encoding, m->bytes, &s->inflated, err);

        if (rc != VITRO_OK)
            return rc;
        out->bytes = vitro_buf_bytes(&s->inflated);
        out->flags = VITRO_MESSAGE_COMPRESSED;
        vitro_lpm_release(&s->reader);
    }
    if (!out->bytes.ptr)
        out->bytes.ptr = s->reader.prefix; /* no bytes, but a message */
    return VITRO_OK;
}

/* Deliver the messages of in that credit allows; returns the bytes used. */
static size_t read_messages(struct stream *s, vitro_bytes in)
{
    const size_t all = in.len;

    while (s->credit && !s->stopped) {
        struct lpm_message m;
        vitro_message out;
        vitro_error err;
        bool ready;
        vitro_code rc = vitro_lpm_next(&s->reader, &in, &m, &ready, &err);

        if (rc == VITRO_OK && !ready)
            break;
        if (rc == VITRO_OK)
            rc = open_message(s, &m, &out, &err);
        if (rc != VITRO_OK) {
            vitro_buf_done(&s->inflated);
            fault(s, &err);
            return all;
        }
        if (s->credit != STREAM_CREDIT_ALL)
            s->credit--;
        s->ops->message(s, &out);
        vitro_buf_done(&s->inflated);
    }
    return s->stopped ? all : all - in.len;
}

/* All messages are out: a cut one is an error, else the end is told. */
static void try_end(struct stream *s)
{
    vitro_error err;

    if (!s->ended || s->end_told || s->stopped || s->held.len)
        return;
    if (vitro_lpm_end(&s->reader, &err) != VITRO_OK) {
        fault(s, &err);
        return;
    }
    s->end_told = true;
    s->ops->end(s);
}

void vitro_stream_data(struct h2_stream *hs, vitro_bytes bytes)
{
    struct stream *s = of_h2(hs);
    struct h2_session *h2 = &s->conn->h2;
    size_t used = bytes.len;

    if (!s->stopped) {
        used = s->held.len ? 0 : read_messages(s, bytes);
        if (used < bytes.len && !vitro_queue_append(&s->held, bytes.ptr + used, bytes.len - used)) {
            vitro_error err;
            vitro_fail(&err, VITRO_RESOURCE_EXHAUSTED, "stream", 0, "out of memory");
            fault(s, &err);
            used = bytes.len;
        }
    }
    vitro_h2_consume_stream(h2, hs, used);
    if (!s->stopped)
        grow_windows(s, used);
}

void vitro_stream_end(struct h2_stream *hs)
{
    struct stream *s = of_h2(hs);

    s->ended = true;
    try_end(s);
}

/* Deliver what is held, as far as credit goes. */
static void read_held(struct stream *s)
{
    while (s->held.len && s->credit && !s->stopped) {
        size_t used;

        s->draining = true;
        used = read_messages(s, vitro_queue_peek(&s->held));
        s->draining = false;
        if (s->stopped)
            break;
        vitro_stream_own(s);
        vitro_queue_consume(&s->held, used);
        if (!s->over)
            vitro_h2_consume_stream(&s->conn->h2, &s->h2, used);
    }
    if (s->stopped)
        drop_held(s);
}

static void on_drain(struct task *t)
{
    struct stream *s = CONTAINER_OF(t, struct stream, drain);
    struct connection *c = s->conn;

    read_held(s);
    try_end(s);
    vitro_connection_wake(c);
    if (s->lingers && !s->held.len) {
        close_now(s, 0, false, NULL);
        vitro_connection_stream_gone(c);
    }
}

void vitro_stream_credit(struct stream *s, uint64_t n)
{
    bool had_none = s->credit == 0;

    s->credit = n > STREAM_CREDIT_ALL - s->credit ? STREAM_CREDIT_ALL : s->credit + n;
    if (had_none && s->conn && s->held.len)
        vitro_loop_defer(s->conn->driver.loop, &s->drain);
}

/* ---- messages that outlive their event ------------------------------------------------------ */

/* A block of its own holds the message that is being delivered: keep it. */
static bool take_block(struct stream *s)
{
    vitro_buf_done(&s->own);
    if (!s->inflated.ptr)
        return vitro_lpm_keep(&s->reader, &s->own);
    s->own = s->inflated;
    vitro_buf_init(&s->inflated, s->own.account, s->own.max);
    return true;
}

void vitro_stream_lend(struct stream *s, vitro_bytes *view)
{
    s->lent = view;
    if (view && take_block(s)) {
        s->lent = NULL; /* no copy: the block that it was put together in is ours now */
        return;
    }
    if (!view)
        list_remove(&s->lending);
    else if (list_empty(&s->lending))
        list_append(&s->conn->lending, &s->lending);
}

void vitro_stream_own(struct stream *s)
{
    vitro_bytes *view = s->lent;

    list_remove(&s->lending);
    s->lent = NULL;
    if (!view || !view->len)
        return;
    vitro_buf_done(&s->own);
    if (vitro_buf_append(&s->own, view->ptr, view->len))
        *view = vitro_buf_bytes(&s->own);
    else
        *view = (vitro_bytes){ NULL, 0 };
}

/* ---- sending -------------------------------------------------------------------------------- */

void vitro_stream_wake(struct stream *s)
{
    if (!s->conn || s->over)
        return;
    vitro_h2_resume(&s->conn->h2, &s->h2);
    vitro_connection_wake(s->conn);
}

void vitro_stream_reset(struct stream *s, uint32_t error)
{
    if (!s->conn || s->over)
        return;
    vitro_h2_reset(&s->conn->h2, &s->h2, error);
    vitro_connection_wake(s->conn);
}

/* ---- notes: what a stream waits for, which no byte shows ------------------------------------ */

static const char *const wait_names[] = {
    [H2_WAIT_STREAM_WINDOW] = NOTE_WAIT_STREAM_WINDOW,
    [H2_WAIT_CONNECTION_WINDOW] = NOTE_WAIT_CONNECTION_WINDOW,
};

static void note_wait(struct stream *s, enum h2_wait wait)
{
    struct connection *c = s->conn;
    int64_t now = vitro_loop_now(c->driver.loop);

    if (s->wait != H2_WAIT_NONE)
        vitro_note(c->config.trace, waited, .at = vitro_connection_at(c), .call = s->call,
                   .stream = (uint32_t)s->h2.id, .why = wait_names[s->wait],
                   .duration = now - s->wait_since);
    if (wait != H2_WAIT_NONE)
        vitro_note(c->config.trace, waiting, .at = vitro_connection_at(c), .call = s->call,
                   .stream = (uint32_t)s->h2.id, .why = wait_names[wait]);
    s->wait = wait;
    s->wait_since = now;
}

/* It is closed in the very turn that let it go on: no look at all streams sees it again. */
static void note_no_wait(struct stream *s)
{
    if (s->wait != H2_WAIT_NONE && !s->conn->waits_unknown)
        note_wait(s, H2_WAIT_NONE);
}

/* Nobody heard for a while: what waited then is forgotten, not told as over. */
static void forget_waits(struct connection *c)
{
    c->waits_unknown = false;
    for (struct list *i = c->streams.next; i != &c->streams; i = i->next)
        CONTAINER_OF(i, struct stream, link)->wait = H2_WAIT_NONE;
}

void vitro_stream_note_waits(struct connection *c)
{
    if (!vitro_trace_on(c->config.trace)) {
        c->waits_unknown = true;
        return;
    }
    if (c->waits_unknown)
        forget_waits(c);
    for (struct list *i = c->streams.next; i != &c->streams; i = i->next) {
        struct stream *s = CONTAINER_OF(i, struct stream, link);
        enum h2_wait wait = vitro_h2_waiting(&c->h2, &s->h2);

        if (wait != s->wait)
            note_wait(s, wait);
    }
}

/* Where messages end on the wire: who comes late is told where the next one begins. */
void vitro_stream_sending(struct h2_stream *hs, size_t n)
{
    struct stream *s = of_h2(hs);

    for (size_t at = 0, k; at < n; at += k) {
        if (!s->sends_left) {
            uint8_t prefix[LPM_PREFIX];
            if (hs->send.len - at < LPM_PREFIX)
                return;
            vitro_queue_copy(&hs->send, at, prefix, sizeof prefix);
            s->sends_left = LPM_PREFIX + lpm_read_length(prefix);
        }
        k = (size_t)MIN(s->sends_left, (uint64_t)(n - at));
        s->sends_left -= k;
    }
}

void vitro_stream_trailers(struct h2_stream *hs)
{
    struct stream *s = of_h2(hs);

    s->ops->trailers(s);
}

void vitro_stream_sent(struct h2_stream *hs)
{
    struct stream *s = of_h2(hs);

    if (!s->blocked || hs->send.len > STREAM_HIGH / 2)
        return;
    s->blocked = false;
    s->ops->writable(s);
}
