/* call_events - what happens to a call: past its interceptors, and to the application. */
#include <assert.h>

#include "rpc/chain.h"
#include "rpc/stream.h"

void vitro_call_show_headers(vitro_call *c)
{
    c->has_headers = true;
    if (!c->closed && c->events->on_headers)
        c->events->on_headers(c, &c->headers, c->user);
}

void vitro_call_tell_headers(vitro_call *c)
{
    if (c->chain)
        vitro_chain_open(chain_receives(c->chain));
    else
        vitro_call_show_headers(c);
}

void vitro_call_show_message(vitro_call *c, const vitro_message *m)
{
    if (!c->closed && c->events->on_message)
        c->events->on_message(c, m, c->user);
}

void vitro_call_tell_message(vitro_call *c, const vitro_message *m)
{
    if (c->chain)
        vitro_chain_message(c->chain, m);
    else
        vitro_call_show_message(c, m);
}

void vitro_call_show_end(vitro_call *c)
{
    if (!c->closed && c->events->on_end)
        c->events->on_end(c, c->user);
}

void vitro_call_tell_end(vitro_call *c)
{
    if (c->chain)
        vitro_chain_peer_end(c->chain);
    else
        vitro_call_show_end(c);
}

void vitro_call_show_writable(vitro_call *c)
{
    if (!c->closed && !c->send_done && c->events->on_writable)
        c->events->on_writable(c, c->user);
}

void vitro_call_tell_writable(vitro_call *c)
{
    if (c->chain)
        vitro_chain_writable(c->chain);
    else
        vitro_call_show_writable(c);
}

/* An interceptor may have kept the call from the handler. */
static bool is_known(const vitro_call *c)
{
    return !c->chain || c->chain->told;
}

void vitro_call_tell_cancelled(vitro_call *c)
{
    if (c->cancelled)
        return;
    vitro_call_set_cancelled(c);
    if (!c->closed && is_known(c) && c->events->on_cancelled)
        c->events->on_cancelled(c, c->user);
}

void vitro_call_tell_closed(vitro_call *c, const vitro_status *status)
{
    bool server = c->ops->finish != NULL;

    assert(!c->closed);
    c->closed = true;
    c->send_done = true;
    vitro_timer_stop(c->loop, &c->timer);
    if (c->chain && !server)
        vitro_chain_closed(c->chain, status);
    if (is_known(c) && c->events->on_closed)
        c->events->on_closed(c, status, c->user);
    if (c->chain && server)
        vitro_chain_closed(c->chain, status);
}

bool vitro_call_expects_one(const vitro_call *c, bool server)
{
    vitro_kind many = server ? VITRO_CLIENT_STREAMING : VITRO_SERVER_STREAMING;

    return c->kind != many && c->kind != VITRO_BIDI_STREAMING;
}

void vitro_call_hold_single(vitro_call *c, struct stream *s, const vitro_message *m)
{
    c->single_seen = true;
    c->single = m->bytes;
    c->single_wire = m->wire_size;
    c->single_flags = m->flags;
    vitro_stream_lend(s, &c->single);
}

bool vitro_call_tell_single(vitro_call *c, struct stream *s)
{
    vitro_message m = { c->single, c->single_wire, c->single_flags };

    vitro_stream_lend(s, NULL);
    if (!m.bytes.ptr)
        return false;
    vitro_call_tell_message(c, &m);
    c->single = (vitro_bytes){ NULL, 0 };
    return true;
}
