/*
 * request - Request-Headers, in the order that gRPC PROTOCOL-HTTP2 gives: pseudo-headers, te,
 * timeout, content-type, encodings, user-agent, then the application's metadata.
 */
#include "client/call.h"

#include <string.h>

#include "base/error.h"
#include "wire/timeout.h"

#define NAME(literal) (vitro_str) VITRO_STR_INIT(literal)

void vitro_client_request(const struct client_call *c, struct fields *f, char *room)
{
    const vitro_channel *ch = c->channel;
    vitro_str authority = vitro_str_of(c->authority ? c->authority : ch->authority);

    vitro_fields_add(f, NAME(":method"), NAME("POST"), H2_STATIC);
    vitro_fields_add(f, NAME(":scheme"), ch->tls ? NAME("https") : NAME("http"), H2_STATIC);
    vitro_fields_add(f, NAME(":path"), c->base.path, H2_STATIC);
    vitro_fields_add(f, NAME(":authority"), authority, H2_STATIC_NAME);
    vitro_fields_add(f, NAME("te"), NAME("trailers"), H2_STATIC);
    if (c->base.deadline != INT64_MAX) {
        /* it differs each time: in the dynamic table it would only push others out */
        size_t n = vitro_timeout_format(vitro_call_time_left(&c->base), room);
        vitro_fields_add(f, NAME("grpc-timeout"), (vitro_str){ room, n },
                         H2_STATIC_NAME | H2_NO_INDEX);
    }
    vitro_fields_add(f, NAME("content-type"), NAME("application/grpc"), H2_STATIC);
    if (c->base.encoding != ENCODING_IDENTITY)
        vitro_fields_add(f, NAME("grpc-encoding"), vitro_encoding_name(c->base.encoding),
                         H2_STATIC);
    vitro_fields_add(f, NAME("grpc-accept-encoding"), vitro_encoding_all(), H2_STATIC);
    vitro_fields_add(f, NAME("user-agent"), vitro_str_of(ch->user_agent), H2_STATIC_NAME);
    vitro_fields_add_md(f, &c->request);
}

/* Above the space; HTTP has visible ASCII in it, and servers know longer alphabets (RFC
 * 9113, 8.3.1).
 */
vitro_code vitro_client_check_path(const char *path, vitro_error *err)
{
    bool sound = path && *path == '/';

    for (const char *at = path; sound && *at; at++)
        sound = (unsigned char)*at > ' ' && *at != '\x7f';
    return sound
               ? VITRO_OK
               : vitro_fail(err, VITRO_INVALID_ARGUMENT, "call", 0,
                            "\"%s\": a method is /package.Service/Method", path ? path : "(null)");
}

vitro_code vitro_client_check_authority(const char *authority, vitro_error *err)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-._~!$&'()*+,;=:@%[]"; /* RFC 3986, 3.2 */

    if (*authority && !authority[strspn(authority, alphabet)])
        return VITRO_OK;
    return vitro_fail(err, VITRO_INVALID_ARGUMENT, "call", 0,
                      "\"%s\": an authority is HOST[:PORT] in ASCII", authority);
}

/* Where nobody was verified, over plain text or on purpose, there is nothing that it contradicts.
 */
vitro_code vitro_client_request_check(const struct client_call *c, struct connection *conn,
                                      vitro_error *err)
{
    const vitro_identity *peer;

    if (!c->authority || strcmp(c->authority, c->channel->authority) == 0)
        return VITRO_OK;
    peer = vitro_connection_identity(conn);
    if (!peer)
        return vitro_fail(err, VITRO_UNAVAILABLE, "call", 0, "who the server is, is not known");
    if (!peer->verified || vitro_tls_covers(peer, c->authority))
        return VITRO_OK;
    return vitro_tls_not_for(peer, "call", 0, "call", c->authority, err);
}
