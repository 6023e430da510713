/* peer - who is at the other end of a call: its address, and what a layer knows of it. */
#include "rpc/call.h"
#include "rpc/connection.h"

/* The lowest layer that knows it; none does over plain text. */
const vitro_identity *vitro_connection_identify(struct connection *c, struct arena *into)
{
    static const vitro_identity nobody = { .secure = false };
    const struct driver *d = &c->driver;

    if (d->state != DRIVER_OPEN && d->state != DRIVER_CLOSING)
        return NULL;
    for (size_t i = 0; i < d->layers; i++) {
        struct layer *l = d->stage[i].layer;

        if (l->ops->identity)
            return l->ready ? l->ops->identity(l, into) : NULL;
    }
    return &nobody;
}

const vitro_identity *vitro_connection_identity(struct connection *c)
{
    if (!c->identity)
        c->identity = vitro_connection_identify(c, &c->identified);
    return c->identity;
}

const vitro_identity *vitro_call_peer_identity(const vitro_call *c)
{
    struct connection *conn = c->ops->connection(c);

    LOOP_ASSERT(c->loop);
    return conn ? vitro_connection_identity(conn) : NULL;
}

vitro_str vitro_call_peer(const vitro_call *c)
{
    const struct connection *conn = c->ops->connection(c);

    return vitro_str_of(conn ? conn->peer : NULL);
}
