/* events - what the HTTP/2 session of a connection tells, handed to the stream that it is about. */
#include "rpc/inside.h"
#include "rpc/stream_events.h"

static struct connection *of_h2(struct h2_session *h)
{
    return CONTAINER_OF(h, struct connection, h2);
}

static struct h2_stream *on_begin(struct h2_session *h, int32_t id)
{
    struct connection *c = of_h2(h);
    struct stream *s = c->draining ? NULL : c->ops->accept(c);

    (void)id;
    if (!s)
        return NULL;
    vitro_stream_attach(s, c);
    return &s->h2;
}

void vitro_connection_end_block(struct connection *c)
{
    c->block_of = NULL;
    if (!c->block)
        return;
    vitro_header_list_done(c->block);
    vitro_h2_memory_free(c->config.memory, c->block);
    c->block = NULL;
}

/* A connection at rest holds no room for header blocks: it comes from what its owner keeps. */
static bool begin_block(struct connection *c, struct h2_stream *hs)
{
    vitro_connection_end_block(c);
    c->block_of = hs;
    vitro_md_done(&c->block_md);
    c->block = vitro_h2_memory_alloc(c->config.memory, sizeof *c->block);
    if (!c->block)
        return false;
    vitro_header_list_init(c->block, &c->account, c->config.max_header_bytes);
    vitro_header_list_begin(c->block, &c->block_md);
    return true;
}

static void on_field(struct h2_session *h, struct h2_stream *hs, vitro_str name, vitro_str value)
{
    struct connection *c = of_h2(h);

    if (c->block_of != hs && !begin_block(c, hs))
        vitro_stream_block_over(hs);
    else if (c->block && vitro_header_list_add(c->block, name, value) != VITRO_OK)
        vitro_stream_block_over(hs);
}

static void on_fields_end(struct h2_session *h, struct h2_stream *hs, bool end_stream)
{
    struct connection *c = of_h2(h);

    if (c->block_of != hs && !begin_block(c, hs)) /* a block of no fields at all */
        vitro_stream_block_over(hs);
    if (c->block) /* else memory was out, and the stream was told so */
        vitro_stream_block(hs, end_stream);
    vitro_connection_end_block(c);
}

static void on_fields_over(struct h2_session *h, struct h2_stream *hs)
{
    vitro_connection_end_block(of_h2(h));
    vitro_stream_block_over(hs);
}

static void on_data(struct h2_session *h, struct h2_stream *hs, vitro_bytes bytes)
{
    vitro_h2_consume_connection(h, bytes.len); /* one slow stream never stops the others */
    vitro_stream_data(hs, bytes);
}

static void on_end(struct h2_session *h, struct h2_stream *hs)
{
    (void)h;
    vitro_stream_end(hs);
}

static void on_trailers(struct h2_session *h, struct h2_stream *hs)
{
    (void)h;
    vitro_stream_trailers(hs);
}

static void on_sending(struct h2_session *h, struct h2_stream *hs, size_t n)
{
    if (of_h2(h)->config.trace)
        vitro_stream_sending(hs, n);
}

static void on_sent(struct h2_session *h, struct h2_stream *hs, size_t n)
{
    (void)h;
    (void)n;
    vitro_stream_sent(hs);
}

static void on_closed(struct h2_session *h, struct h2_stream *hs, uint32_t error, bool unsent)
{
    struct connection *c = of_h2(h);

    if (c->block_of == hs)
        vitro_connection_end_block(c);
    vitro_stream_closed(hs, error, unsent, NULL);
    vitro_connection_close_when_idle(c);
    if (!c->config.server && !c->draining)
        c->ops->room(c);
}

static void on_settings(struct h2_session *h)
{
    struct connection *c = of_h2(h);

    if (h->has_settings && h->acknowledged) {
        vitro_timer_stop(c->driver.loop, &c->beginning);
        c->round_trip = driver_round_trip(&c->driver);
    } else if (h->has_settings) {
        vitro_connection_begin_wait(c);
    }
    if (!c->config.server)
        c->ops->room(c);
}

static void on_ping(struct h2_session *h)
{
    vitro_keepalive_asked(of_h2(h));
}

const struct h2_ops vitro_connection_events = {
    .begin = on_begin,
    .field = on_field,
    .fields_end = on_fields_end,
    .fields_over = on_fields_over,
    .data = on_data,
    .end = on_end,
    .trailers = on_trailers,
    .sent = on_sent,
    .closed = on_closed,
    .settings = on_settings,
    .goaway = vitro_leaving_goaway,
    .announced = vitro_leaving_announced,
    .ping = on_ping,
    .unseen = vitro_connection_unseen,
    .sending = on_sending,
};
