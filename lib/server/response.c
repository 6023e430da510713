/*
 * response - what a server sends beside messages: Response-Headers and Trailers, or both in one
 * (gRPC PROTOCOL-HTTP2, Responses).
 */
#include "base/error.h"
#include "frame/frame.h"
#include "rpc/fields.h"
#include "server/call.h"
#include "wire/status.h"

#define FIELD(name, value, flags)                                                                  \
    (vitro_str) VITRO_STR_INIT(name), (vitro_str)VITRO_STR_INIT(value), flags

static void add_status(struct fields *f, const struct server_call *c)
{
    const struct outcome *o = &c->base.outcome;
    vitro_str text = { o->message, o->message_len };

    vitro_fields_add(f, (vitro_str)VITRO_STR_INIT("grpc-status"), vitro_status_text(o->code),
                     H2_STATIC);
    if (text.len) {
        size_t n = vitro_status_message_len(text);
        char *room = vitro_fields_room(f, n);

        if (room) {
            vitro_status_message_encode(text, room);
            vitro_fields_add(f, (vitro_str)VITRO_STR_INIT("grpc-message"), (vitro_str){ room, n },
                             H2_STATIC_NAME);
        }
    }
    vitro_fields_add_md(f, &o->trailers);
}

void vitro_server_reset(struct server_call *c, vitro_code why)
{
    vitro_stream_reset(&c->stream, why == VITRO_CANCELLED            ? H2_CANCEL
                                   : why == VITRO_RESOURCE_EXHAUSTED ? H2_ENHANCE_YOUR_CALM
                                                                     : H2_INTERNAL_ERROR);
}

vitro_code vitro_server_respond(struct server_call *c, bool only, vitro_error *err)
{
    struct fields f;
    vitro_code rc;

    vitro_fields_init(&f, c->base.account);
    vitro_fields_add(&f, FIELD(":status", "200", H2_STATIC));
    vitro_fields_add(&f, FIELD("content-type", "application/grpc", H2_STATIC));
    if (c->base.encoding != ENCODING_IDENTITY && !only)
        vitro_fields_add(&f, (vitro_str)VITRO_STR_INIT("grpc-encoding"),
                         vitro_encoding_name(c->base.encoding), H2_STATIC);
    if (c->bad_encoding || !only) /* what it may use instead, or the next time (compression.md) */
        vitro_fields_add(&f, (vitro_str)VITRO_STR_INIT("grpc-accept-encoding"),
                         vitro_encoding_all(), H2_STATIC);
    if (only) /* metadata that stands here is trailing */
        add_status(&f, c);
    else
        vitro_fields_add_md(&f, &c->initial);
    rc = f.failed ? vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory")
                  : vitro_h2_response(&c->stream.conn->h2, &c->stream.h2, f.at, f.n, only, err);
    vitro_fields_done(&f);
    c->headers_sent = true;
    if (rc != VITRO_OK)
        vitro_server_reset(c, rc); /* the client must not wait for it */
    vitro_connection_wake(c->stream.conn);
    return rc;
}

void vitro_server_respond_trailers(struct stream *s)
{
    struct server_call *c = CONTAINER_OF(s, struct server_call, stream);
    struct fields f;
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    vitro_fields_init(&f, c->base.account);
    add_status(&f, c);
    if (!f.failed)
        rc = vitro_h2_trailers(&s->conn->h2, &s->h2, f.at, f.n, NULL);
    vitro_fields_done(&f);
    if (rc != VITRO_OK)
        vitro_server_reset(c, rc); /* better no status than a wrong one */
}

void vitro_server_respond_http(struct server_call *c, unsigned status_code)
{
    char digits[4] = { (char)('0' + status_code / 100 % 10), (char)('0' + status_code / 10 % 10),
                       (char)('0' + status_code % 10), '\0' };
    struct h2_field status = { VITRO_STR_INIT(":status"), { digits, 3 }, H2_STATIC_NAME };
    vitro_code rc = vitro_h2_response(&c->stream.conn->h2, &c->stream.h2, &status, 1, true, NULL);

    if (rc != VITRO_OK)
        vitro_server_reset(c, rc);
    vitro_connection_wake(c->stream.conn);
}
