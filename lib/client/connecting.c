/*
 * connecting - from a target to a connection on which streams may be opened: look the name up,
 * try each address in turn, wait for the peer's SETTINGS (connection-backoff.md: not READY
 * before).
 */
#include "client/channel.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "frame/frame.h"
#include "rpc/defaults.h"
#include "rpc/stream.h"

static void try_next(vitro_channel *ch);

static int64_t connect_ns(const vitro_channel *ch)
{
    return (int64_t)ch->options.connect_ms * 1000000;
}

/* ---- the connection's events ---------------------------------------------------------------- */

static void on_room(struct connection *c)
{
    vitro_channel *ch = c->owner;

    if (ch->opening == c && c->h2.has_settings) {
        vitro_timer_stop(ch->loop, &ch->connecting);
        ch->opening = NULL;
        ch->trying = false;
        ch->ready = c;
        ch->failures = ch->in_vain + 1; /* a server is there: those without one are forgiven */
        vitro_channel_set_state(ch, VITRO_CHANNEL_READY);
    }
    if (!list_empty(&ch->waiting))
        vitro_channel_wake(ch);
}

/* A call has got as far as the server, which goes on with it. */
static bool is_of_use(const struct connection *c)
{
    for (const struct list *i = c->streams.next; i != &c->streams; i = i->next)
        if (CONTAINER_OF(i, struct stream, link)->h2.sent_headers)
            return true;
    return false;
}

/*
 * A connection was READY and no call has got to its server. That the server leaves in order, by a
 * GOAWAY without an error, is no failure: it had nothing to do for long, or is at its end. Of calls
 * that wait, see backoff.c.
 */
static void was_of_no_use(vitro_channel *ch, bool in_order)
{
    int64_t now = vitro_loop_now(ch->loop);

    if (in_order)
        ch->failures = ch->in_vain;
    if (list_empty(&ch->waiting))
        return;
    if (!in_order)
        ch->patient_until = now;
    else if (!ch->in_vain)
        ch->patient_until = now + connect_ns(ch);
    ch->in_vain++;
}

/* The connection takes no new streams: calls that come or wait get another one. */
static void leave(vitro_channel *ch, struct connection *c, bool in_order)
{
    if (ch->ready != c)
        return;
    if (is_of_use(c))
        channel_was_of_use(ch);
    else
        was_of_no_use(ch, in_order);
    ch->ready = NULL;
    vitro_channel_set_state(ch, VITRO_CHANNEL_IDLE);
    if (!list_empty(&ch->waiting))
        vitro_channel_wake(ch);
}

void vitro_channel_retire(vitro_channel *ch)
{
    struct connection *c = ch->ready;

    leave(ch, c, true);
    vitro_connection_drain(c, "its stream ids are used up", NULL);
}

/* More PINGs than the server likes: half as many on the connections to come (gRFC A8). */
static void slow_down(vitro_channel *ch, const struct connection *c)
{
    char text[96];

    ch->keepalive_ns = ch->keepalive_ns > INT64_MAX / 2 ? INT64_MAX : ch->keepalive_ns * 2;
    snprintf(text, sizeof text, "too many PINGs for the server: the next ones after %lld ms",
             (long long)(ch->keepalive_ns / 1000000));
    vitro_note(ch->trace, keepalive, .at = vitro_connection_at(c), .reason = vitro_str_of(text));
}

/* Why there is no connection, should there be no other one. */
static void keep_reason(vitro_channel *ch, const struct connection *c, const vitro_error *why)
{
    if (why)
        ch->last_error = *why;
    else
        vitro_fail(&ch->last_error, VITRO_UNAVAILABLE, "connection", (int32_t)c->left_with,
                   "%s left before %s%s%s", c->peer,
                   ch->opening == c ? "its SETTINGS" : "a call got to it",
                   c->left_saying[0] ? ": " : "", c->left_saying);
}

static void on_goaway(struct connection *c, uint32_t error, vitro_bytes debug)
{
    static const char pings[] = "too_many_pings";
    vitro_channel *ch = c->owner;

    if (error == H2_ENHANCE_YOUR_CALM && debug.len == sizeof pings - 1 &&
        memcmp(debug.ptr, pings, debug.len) == 0)
        slow_down(ch, c);
    if (ch->ready == c)
        keep_reason(ch, c, NULL);
    leave(ch, c, error == H2_NO_ERROR);
}

static void note_closed(const struct connection *c, const vitro_error *why)
{
    char text[256] = "closed";

    if (!vitro_trace_on(c->config.trace))
        return;
    if (why)
        vitro_error_format(why, text, sizeof text);
    vitro_note(c->config.trace, disconnected, .at = vitro_connection_at(c),
               .reason = vitro_str_of(text));
}

static void on_closed(struct connection *c, const vitro_error *why)
{
    vitro_channel *ch = c->owner;

    note_closed(c, why);
    list_remove(&c->link);
    if (ch->opening == c || ch->ready == c)
        keep_reason(ch, c, why);
    leave(ch, c, false);
    if (ch->opening == c) {
        ch->opening = NULL;
        vitro_timer_stop(ch->loop, &ch->connecting);
        if (ch->tls)
            vitro_wrap(&ch->last_error, VITRO_UNAVAILABLE, "connect", "%s", c->peer);
        try_next(ch);
    }
}

static void on_gone(void *owner)
{
    vitro_channel_shrunk(owner);
}

static const struct connection_ops connection_ops = {
    .room = on_room,
    .goaway = on_goaway,
    .closed = on_closed,
    .gone = on_gone,
};

/* ---- the steps ------------------------------------------------------------------------------ */

static void start_timer(vitro_channel *ch)
{
    vitro_timer_start(ch->loop, &ch->connecting, vitro_loop_now(ch->loop) + connect_ns(ch));
}

static void on_timeout(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, connecting);
    struct connection *c = ch->opening;
    vitro_error why;

    if (vitro_loop_is_held_up(ch->loop)) { /* somebody may step, and read meanwhile */
        start_timer(ch);
        return;
    }
    vitro_fail(&why, VITRO_UNAVAILABLE, "connection", 0, "%s sent no SETTINGS in %u ms", c->peer,
               (unsigned)ch->options.connect_ms);
    vitro_connection_abort(c, &why);
}

static void on_transport(struct connect *connect, struct transport *t, const vitro_error *err)
{
    vitro_channel *ch = CONTAINER_OF(connect, vitro_channel, connect);
    const vitro_channel_options *o = &ch->options;
    struct connection_config config = {
        .window = o->window_bytes,
        .max_window = o->max_window_bytes,
        .max_header_bytes = o->max_header_bytes,
        .keepalive = { .time = ch->keepalive_ns,
                       .timeout = (int64_t)o->keepalive_timeout_ms * 1000000,
                       .without_calls = o->keepalive_permit_without_calls },
        .memory = &ch->memory,
        .slabs = &ch->slabs,
        .parent = &ch->account,
        .trace = ch->trace,
    };
    struct connection *c;

    if (!t) {
        ch->last_error = *err;
        try_next(ch);
        return;
    }
    if (ch->tls) {
        config.tls = vitro_tls_layer_new(ch->tls, ch->loop, &ch->last_error);
        if (!config.tls) {
            vitro_transport_drop(t);
            try_next(ch);
            return;
        }
    }
    c = vitro_connection_new(ch->loop, t, &config, &connection_ops, ch);
    if (!c) {
        vitro_fail(&ch->last_error, VITRO_RESOURCE_EXHAUSTED, "channel", 0, "out of memory");
        try_next(ch);
        return;
    }
    list_append(&ch->connections, &c->link);
    ch->opening = c;
    vitro_timer_init(&ch->connecting, on_timeout);
    start_timer(ch);
}

static void note_unconnected(vitro_channel *ch, const struct address *a)
{
    char text[256], address[ADDRESS_TEXT];

    if (!vitro_trace_on(ch->trace))
        return;
    vitro_error_format(&ch->last_error, text, sizeof text);
    vitro_note(ch->trace, unconnected,
               .address = vitro_str_of(vitro_address_text(a, address, sizeof address)),
               .reason = vitro_str_of(text));
}

static void try_next(vitro_channel *ch)
{
    char address[ADDRESS_TEXT];
    const struct address *a;

    if (ch->next > 0)
        note_unconnected(ch, &ch->found[ch->next - 1]);
    if (ch->next == ch->n_found) {
        vitro_channel_give_up(ch, &ch->last_error);
        return;
    }
    a = &ch->found[ch->next++];
    vitro_note(ch->trace, connecting,
               .address = vitro_str_of(vitro_address_text(a, address, sizeof address)));
    vitro_connect_start(&ch->connect, ch->loop, a, ch->trace,
                        vitro_loop_now(ch->loop) + connect_ns(ch), on_transport);
}

static void note_resolved(vitro_channel *ch)
{
    char all[512], address[ADDRESS_TEXT];
    struct text t;

    if (!vitro_trace_on(ch->trace))
        return;
    vitro_text_init(&t, all, sizeof all);
    for (size_t i = 0; i < ch->n_found; i++)
        vitro_text_add(&t, "%s%s", i ? ", " : "",
                       vitro_address_text(&ch->found[i], address, sizeof address));
    vitro_note(ch->trace, resolved, .target = vitro_str_of(ch->target_text),
               .addresses = vitro_str_of(all));
}

static void on_resolved(struct resolve *r, const struct address *list, size_t count,
                        const vitro_error *err)
{
    vitro_channel *ch = CONTAINER_OF(r, vitro_channel, resolve);
    vitro_error memory;

    if (count) {
        ch->found = vitro_mem_alloc(&ch->account, count * sizeof *list);
        if (!ch->found) {
            vitro_fail(&memory, VITRO_RESOURCE_EXHAUSTED, "channel", 0, "out of memory");
            err = &memory;
        }
    }
    if (!ch->found) {
        vitro_note(ch->trace, unresolved, .target = vitro_str_of(ch->target_text),
                   .reason = vitro_str_of(err->frame[0].text));
        vitro_channel_give_up(ch, err);
        return;
    }
    memcpy(ch->found, list, count * sizeof *list);
    ch->n_found = count;
    note_resolved(ch);
    try_next(ch);
}

void vitro_channel_try(vitro_channel *ch)
{
    vitro_mem_free(&ch->account, ch->found, ch->n_found * sizeof *ch->found);
    ch->found = NULL;
    ch->n_found = 0;
    ch->next = 0;
    ch->began = vitro_loop_now(ch->loop);
    ch->failures++; /* until a call has got to the server */
    ch->trying = true;
    vitro_resolve_start(&ch->resolve, ch->loop, &ch->target, on_resolved);
}

void vitro_channel_cancel_connect(vitro_channel *ch)
{
    struct connection *c = ch->opening;

    ch->opening = NULL;
    vitro_timer_stop(ch->loop, &ch->backoff);
    vitro_timer_stop(ch->loop, &ch->connecting);
    vitro_resolve_cancel(&ch->resolve);
    vitro_connect_cancel(&ch->connect);
    ch->trying = false;
    if (c)
        vitro_connection_drain(c, "it is not needed any more", NULL);
}
