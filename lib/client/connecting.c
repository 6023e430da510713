/*
 * connecting - from a target to a connection on which streams may be opened: look the name up,
 * try each address in turn, wait for the peer's SETTINGS (connection-backoff.md: not READY
 * before).
 */
#include "client/channel.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "client/call.h"

static void try_next(vitro_channel *ch);

/* Nothing is left to try: what waits fails, the next call begins anew. */
static void give_up(vitro_channel *ch, const vitro_error *why)
{
    vitro_error error = *why;

    vitro_wrap(&error, VITRO_UNAVAILABLE, "channel", "no connection to %s", ch->target_text);
    ch->state = CHANNEL_IDLE;
    ch->failures = 0; /* these calls fail at once; the next one may try again at once */
    while (!list_empty(&ch->waiting)) {
        struct list *first = list_pop(&ch->waiting);
        vitro_client_call_fail(CONTAINER_OF(first, struct client_call, waiting), &error);
    }
}

/* ---- the connection's events ---------------------------------------------------------------- */

static void on_room(struct connection *c)
{
    vitro_channel *ch = c->owner;

    if (ch->state == CHANNEL_CONNECTING && c->h2.has_settings && !ch->ready && !ch->freed) {
        ch->state = CHANNEL_READY;
        ch->ready = c;
        vitro_timer_stop(ch->loop, &ch->connecting);
    }
    if (!list_empty(&ch->waiting))
        vitro_channel_wake(ch);
}

/* The connection takes no new streams: calls that come or wait get another one. */
static void leave(vitro_channel *ch, struct connection *c)
{
    if (ch->ready != c)
        return;
    ch->ready = NULL;
    ch->state = CHANNEL_IDLE;
    if (!list_empty(&ch->waiting))
        vitro_channel_wake(ch);
}

void vitro_channel_retire(vitro_channel *ch)
{
    struct connection *c = ch->ready;

    leave(ch, c);
    vitro_connection_drain(c, "its stream ids are used up");
}

static void on_goaway(struct connection *c, vitro_bytes debug)
{
    (void)debug; /* bytes on the wire: the decoder shows them */
    leave(c->owner, c);
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
    bool was_connecting = ch->state == CHANNEL_CONNECTING && !ch->ready && !c->h2.has_settings;

    note_closed(c, why);
    list_remove(&c->link);
    leave(ch, c);
    if (was_connecting && !ch->freed) {
        vitro_timer_stop(ch->loop, &ch->connecting);
        if (why)
            ch->last_error = *why;
        else
            vitro_fail(&ch->last_error, VITRO_UNAVAILABLE, "connection", 0,
                       "%s closed before its SETTINGS", c->peer);
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

static void on_timeout(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, connecting);
    struct connection *c = CONTAINER_OF(ch->connections.prev, struct connection, link);
    vitro_error why;

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
        .memory = &ch->memory,
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
    vitro_timer_init(&ch->connecting, on_timeout);
    vitro_timer_start(ch->loop, &ch->connecting,
                      vitro_loop_now(ch->loop) + (int64_t)o->connect_ms * 1000000);
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
        give_up(ch, &ch->last_error);
        return;
    }
    a = &ch->found[ch->next++];
    vitro_note(ch->trace, connecting,
               .address = vitro_str_of(vitro_address_text(a, address, sizeof address)));
    vitro_connect_start(&ch->connect, ch->loop, a, ch->trace,
                        vitro_loop_now(ch->loop) + (int64_t)ch->options.connect_ms * 1000000,
                        on_transport);
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
        give_up(ch, err);
        return;
    }
    memcpy(ch->found, list, count * sizeof *list);
    ch->n_found = count;
    note_resolved(ch);
    ch->state = CHANNEL_CONNECTING;
    try_next(ch);
}

void vitro_channel_connect(vitro_channel *ch)
{
    vitro_mem_free(&ch->account, ch->found, ch->n_found * sizeof *ch->found);
    ch->found = NULL;
    ch->n_found = 0;
    ch->next = 0;
    ch->began = vitro_loop_now(ch->loop);
    ch->failures++; /* until a stream is opened */
    ch->state = CHANNEL_RESOLVING;
    vitro_resolve_start(&ch->resolve, ch->loop, &ch->target, on_resolved);
}

/* ---- back-off (connection-backoff.md) ------------------------------------------------------- */

/* From the beginning of one attempt to that of the next: 1 s, times 1.6 each, 120 s; +-20 %. */
static int64_t delay(vitro_channel *ch)
{
    enum { FIRST_MS = 1000, MOST_MS = 120000 };
    uint64_t ms = FIRST_MS;

    for (unsigned i = 1; i < ch->failures && ms < MOST_MS; i++)
        ms = MIN(ms * 16 / 10, (uint64_t)MOST_MS);
    ms = ms * 8 / 10 + vitro_chance_below(vitro_loop_chance(ch->loop), ms * 4 / 10 + 1);
    return (int64_t)ms * 1000000;
}

void vitro_channel_connect_later(vitro_channel *ch)
{
    if (timer_running(&ch->backoff))
        return;
    if (ch->failures == 0)
        vitro_channel_connect(ch);
    else
        vitro_timer_start(ch->loop, &ch->backoff, ch->began + delay(ch));
}

void vitro_channel_backed_off(struct timer *t)
{
    vitro_channel *ch = CONTAINER_OF(t, vitro_channel, backoff);

    if (!list_empty(&ch->waiting) && ch->state == CHANNEL_IDLE)
        vitro_channel_connect(ch);
}

void vitro_channel_cancel_connect(vitro_channel *ch)
{
    vitro_timer_stop(ch->loop, &ch->backoff);
    vitro_timer_stop(ch->loop, &ch->connecting);
    vitro_resolve_cancel(&ch->resolve);
    vitro_connect_cancel(&ch->connect);
    ch->state = CHANNEL_IDLE;
}
