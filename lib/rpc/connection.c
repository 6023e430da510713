#include "rpc/connection.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "frame/frame.h"
#include "rpc/inside.h"
#include "rpc/stream.h"
#include "rpc/stream_events.h"

enum { TAKE_SLICE = 16 * 1024, MAX_ANSWERED = 256 * 1024 };

static const int64_t flush_ns = 20000000000; /* for the last bytes of a sound connection */
static const int64_t begin_ns = 20000000000; /* for SETTINGS, and for their acknowledgement */
static const int64_t fault_ns = 1000000000;  /* for those of one whose peer broke the protocol */

static struct connection *of_driver(struct driver *d)
{
    return CONTAINER_OF(d, struct connection, driver);
}

struct note_at vitro_connection_at(const struct connection *c)
{
    return (struct note_at){ c->config.server ? NOTE_SERVER : NOTE_CLIENT, c->number, c->h2.in,
                             c->h2.out };
}

/* ---- the driver's events -------------------------------------------------------------------- */

/*
 * Whoever says nothing, or a byte now and then, does not hold a connection for it. And who has not
 * acknowledged our window may count with another one: then each waits for the other, for ever (RFC
 * 9113, 6.5.3).
 */
static void on_begin_timeout(struct timer *t)
{
    struct connection *c = CONTAINER_OF(t, struct connection, beginning);
    bool begun = c->h2.has_settings;
    vitro_error why;

    if (vitro_loop_is_held_up(c->driver.loop)) {
        vitro_connection_begin_wait(c);
        return;
    }
    vitro_fail(&why, VITRO_UNAVAILABLE, "connection", 0, "%s %s SETTINGS in %d s", c->peer,
               begun ? "did not acknowledge" : "sent no", (int)(begin_ns / 1000000000));
    if (begun)
        vitro_h2_terminate(&c->h2, H2_SETTINGS_TIMEOUT, "no acknowledgement");
    vitro_driver_close(&c->driver, begun, &why);
}

void vitro_connection_begin_wait(struct connection *c)
{
    if (!timer_running(&c->beginning))
        vitro_timer_start(c->driver.loop, &c->beginning, vitro_loop_now(c->driver.loop) + begin_ns);
}

static void driver_open(struct driver *d)
{
    struct connection *c = of_driver(d);

    c->number = vitro_recorder_conn(d->transport->recorder);
    vitro_note(c->config.trace, connected, .at = vitro_connection_at(c),
               .address = c->config.server ? NULL : c->peer);
    if (c->config.server) /* a client waits as long as its channel says */
        vitro_connection_begin_wait(c);
    vitro_keepalive_start(c);
    vitro_age_start(c);
    vitro_driver_wake(d);
}

/* Messages that lie in the read buffer are copied before it is used again. */
static void own_lent(struct connection *c)
{
    struct list *i;

    while ((i = list_pop(&c->lending)) != NULL)
        vitro_stream_own(CONTAINER_OF(i, struct stream, lending));
}

/* No new streams on a connection that is about to close. */
static void retire(struct connection *c)
{
    if (c->draining)
        return;
    c->draining = true;
    c->ops->goaway(c, H2_NO_ERROR, (vitro_bytes){ NULL, 0 });
}

/* Our own GOAWAY with an error means that the peer broke the protocol. */
static vitro_code fault_of(const struct connection *c, vitro_error *err)
{
    return vitro_fail(err, VITRO_UNAVAILABLE, "http2", (int32_t)c->h2.goaway_sent, "%s",
                      c->h2.fault[0] ? c->h2.fault : "the peer broke the protocol");
}

/* So many answers that the peer does not read are no accident: nothing more is read of it. */
static bool choke(struct connection *c)
{
    if (c->answered < MAX_ANSWERED)
        return false;
    c->choked = true;
    vitro_driver_pause(&c->driver, true);
    return true;
}

static void unchoke(struct connection *c)
{
    c->answered = 0;
    if (!c->choked)
        return;
    c->choked = false;
    vitro_driver_pause(&c->driver, false);
    vitro_driver_again(&c->driver);
}

static void check_memory(struct connection *c)
{
    size_t budget = c->config.memory_bytes;

    if (budget && c->h2.used > budget + c->at_rest)
        vitro_h2_terminate(&c->h2, H2_ENHANCE_YOUR_CALM, "the connection is over its memory");
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static enum vitro_step take_slices(struct connection *c, struct queue *in, vitro_error *err)
{
    /* while blocks are told, the bytes are shown behind them: all of them in one go */
    uint64_t until = c->driver.telling ? UINT64_MAX : c->h2.events + DRIVER_EVENTS;
    enum vitro_step step = VITRO_IDLE;

    while (in->len && step == VITRO_IDLE && !choke(c)) {
        vitro_bytes run = vitro_queue_peek(in);

        run.len = MIN(run.len, (size_t)TAKE_SLICE);
        if (vitro_h2_take(&c->h2, run, vitro_loop_now(c->driver.loop), err) != VITRO_OK)
            step = VITRO_FAILED;
        else if (c->h2.events >= until)
            step = VITRO_MORE;
        own_lent(c);
        c->driver.telling = c->h2.told[0] != NULL;
        vitro_queue_consume(in, run.len);
        check_memory(c);
    }
    return step == VITRO_MORE && in->len == 0 ? VITRO_IDLE : step;
}

/* Who speaks TLS to plain text sends a ClientHello or an alert: nothing of HTTP/2 begins so. */
static bool is_tls(const struct connection *c, const struct queue *in, vitro_error *err)
{
    vitro_bytes first = vitro_queue_peek(in);

    if (c->driver.taken_in || !first.len || (first.ptr[0] != 0x15 && first.ptr[0] != 0x16))
        return false;
    vitro_fail(err, VITRO_UNAVAILABLE, "http2", 0, "the peer speaks TLS, this side plain text");
    return true;
}

static enum vitro_step driver_take(struct driver *d, struct queue *in, vitro_error *err)
{
    struct connection *c = of_driver(d);
    enum vitro_step step = is_tls(c, in, err) ? VITRO_FAILED : take_slices(c, in, err);

    if (vitro_h2_wants_produce(&c->h2))
        vitro_driver_wake(d);
    else if (step != VITRO_FAILED && vitro_h2_is_over(&c->h2))
        step = VITRO_CLOSED;
    if (step == VITRO_FAILED)
        d->flush_ns = fault_ns;
    if (step == VITRO_FAILED || step == VITRO_CLOSED)
        retire(c);
    return step;
}

static bool is_faulty(const struct connection *c)
{
    return c->h2.is_goaway_sent && c->h2.goaway_sent != H2_NO_ERROR;
}

/* Output was collected: is it the last? */
static enum vitro_step after_output(struct connection *c)
{
    if (is_faulty(c)) {
        vitro_error why;
        fault_of(c, &why);
        c->driver.flush_ns = fault_ns;
        vitro_driver_close(&c->driver, true, &why);
        retire(c);
    } else if (vitro_h2_is_over(&c->h2)) {
        retire(c);
        return VITRO_CLOSED;
    }
    return VITRO_IDLE;
}

/*
 * DATA moves without a copy, so it may go beyond what the driver asks for: a message of a megabyte
 * leaves in one write (a fifth faster back and forth than in four). Where a layer works on it that
 * takes time, in which the peer would have nothing to do and other connections nothing of us.
 */
static size_t data_beyond(const struct driver *d)
{
    return d->layers ? 0 : 1024 * 1024;
}

static enum vitro_step driver_produce(struct driver *d, struct queue *out, size_t budget,
                                      vitro_error *err)
{
    struct connection *c = of_driver(d);
    const size_t limit = out->len + budget; /* out may hold what the transport did not take */
    enum vitro_step step;

    if (vitro_h2_produce(&c->h2, out, limit, limit + data_beyond(d), err) != VITRO_OK) {
        retire(c);
        return VITRO_FAILED;
    }
    step = after_output(c);
    if (step != VITRO_IDLE || is_faulty(c))
        return step;
    unchoke(c);
    vitro_stream_note_waits(c);
    return out->len >= limit && vitro_h2_wants_produce(&c->h2) ? VITRO_MORE : VITRO_IDLE;
}

static enum vitro_step driver_answer(struct driver *d, struct queue *out, vitro_error *err)
{
    struct connection *c = of_driver(d);
    const size_t before = out->len;

    if (vitro_h2_produce(&c->h2, out, 0, 0, err) != VITRO_OK) {
        retire(c);
        return VITRO_FAILED;
    }
    c->answered += out->len - before;
    return after_output(c);
}

static void end_streams(struct connection *c, const vitro_error *why)
{
    vitro_error clean;

    if (!why) {
        vitro_fail(&clean, VITRO_UNAVAILABLE, "connection", 0, "the peer closed %s", c->peer);
        why = &clean;
    }
    while (!list_empty(&c->streams)) {
        struct stream *s = CONTAINER_OF(c->streams.next, struct stream, link);

        /* one that came in full and waits for its reader needs no transport any more */
        if (s->lingers || vitro_stream_closed(&s->h2, 0, !list_empty(&s->h2.unsent), why)) {
            list_remove(&s->link);
            list_append(&c->lingering, &s->link);
        }
    }
}

static void connection_free(struct connection *c)
{
    assert(list_empty(&c->streams) && c->open == 0);
    vitro_h2_done(&c->h2);
    vitro_connection_end_block(c);
    vitro_md_done(&c->block_md);
    vitro_arena_done(&c->identified);
    assert(c->account.used == 0);
    vitro_slabs_put(c->config.slabs, c);
}

static void finish(struct connection *c)
{
    const struct connection_ops *ops = c->ops;
    void *owner = c->owner;
    vitro_error room;

    ops->closed(c, vitro_connection_why(c, &room));
    connection_free(c);
    ops->gone(owner);
}

static void stop_timers(struct connection *c)
{
    struct timer *const all[] = { &c->beginning, &c->announced, &c->keepalive.timer,
                                  &c->age.timer };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        vitro_timer_stop(c->driver.loop, all[i]);
}

static void driver_close(struct driver *d, const vitro_error *why)
{
    struct connection *c = of_driver(d);
    vitro_error room;

    c->why = why;
    own_lent(c);
    end_streams(c, vitro_connection_why(c, &room));
    stop_timers(c);
    c->dead = true;
    if (list_empty(&c->lingering)) {
        finish(c);
        return;
    }
    c->draining = true;
    c->ops->goaway(c, H2_NO_ERROR, (vitro_bytes){ NULL, 0 });
}

void vitro_connection_stream_gone(struct connection *c)
{
    if (c->dead) {
        if (list_empty(&c->lingering))
            finish(c);
        return;
    }
    vitro_connection_close_when_idle(c);
    if (!c->config.server && !c->draining)
        c->ops->room(c);
}

static const struct driver_ops driver_ops = {
    .on_open = driver_open,
    .take = driver_take,
    .produce = driver_produce,
    .answer = driver_answer,
    .join = vitro_connection_join,
    .until_frame = vitro_connection_until_frame,
    .on_close = driver_close,
};

/*
 * TCP answers bytes that nobody reads with a reset, which takes back what the peer has not read
 * yet: the last status, the reason in a GOAWAY. So a server goes on reading until the client ends.
 */
static const int64_t server_linger_ns = 1000000000;

/* ---- life ----------------------------------------------------------------------------------- */

static void refuse(struct transport *t, struct layer *tls)
{
    vitro_transport_drop(t);
    if (tls)
        tls->ops->close(tls);
}

struct connection *vitro_connection_new(vitro_loop *loop, struct transport *t,
                                        const struct connection_config *config,
                                        const struct connection_ops *ops, void *owner)
{
    struct h2_config h2 = { config->server,           config->window, config->max_streams,
                            config->max_header_bytes, config->memory, NULL };
    struct connection *c = vitro_slabs_take(config->slabs);

    if (!c) {
        refuse(t, config->tls);
        return NULL;
    }
    memset(c, 0, offsetof(struct connection, place));
    h2.place = &c->place;
    c->ops = ops;
    c->owner = owner;
    c->config = *config;
    c->window = MAX(config->window, 65535u); /* SETTINGS do not change it (RFC 9113, 6.9.2) */
    c->number = RECORD_NO_CONN;
    vitro_account_init(&c->account, config->parent, config->memory_bytes);
    vitro_arena_init(&c->identified, &c->account, 0);
    vitro_md_init(&c->block_md, config->parent); /* a call takes it, and may outlive us */
    list_init(&c->streams);
    list_init(&c->lending);
    list_init(&c->lingering);
    list_init(&c->link);
    vitro_timer_init(&c->beginning, on_begin_timeout);
    vitro_leaving_init(c);
    vitro_keepalive_init(c);
    vitro_age_init(c);
    vitro_address_text(&t->peer, c->peer, sizeof c->peer);
    if (vitro_h2_init(&c->h2, &vitro_connection_events, &h2, NULL) != VITRO_OK) {
        refuse(t, config->tls);
        connection_free(c);
        return NULL;
    }
    c->at_rest = c->h2.used;
    vitro_driver_init(&c->driver, loop, &driver_ops);
    c->driver.flush_ns = flush_ns;
    c->driver.linger_ns = config->server ? server_linger_ns : 0;
    if (config->tls)
        vitro_driver_push(&c->driver, config->tls);
    if (config->keepalive.time != INT64_MAX)
        vitro_transport_user_timeout(t, config->keepalive.timeout);
    vitro_driver_open(&c->driver, t);
    return c;
}

bool vitro_connection_is_spent(const struct connection *c)
{
    return !c->draining && vitro_h2_is_spent(&c->h2);
}

bool vitro_connection_is_held(const struct connection *c)
{
    return !c->dead && driver_is_held(&c->driver);
}

uint32_t vitro_connection_room(const struct connection *c)
{
    uint32_t max = c->draining ? 0 : vitro_h2_can_open(&c->h2);

    return max > c->open ? max - (uint32_t)c->open : 0;
}

void vitro_connection_wake(struct connection *c)
{
    if (!c->dead)
        vitro_driver_wake(&c->driver);
}

/* Each is closed in a later turn, the last one with the connection. */
static void stop_lingering(struct connection *c)
{
    for (struct list *i = c->lingering.next; i != &c->lingering; i = i->next)
        vitro_stream_stop(CONTAINER_OF(i, struct stream, link));
}

void vitro_connection_abort(struct connection *c, const vitro_error *why)
{
    c->draining = true;
    if (!c->dead)
        vitro_driver_close(&c->driver, false, why);
    else
        stop_lingering(c);
}
