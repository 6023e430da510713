#include "io/transport.h"

#include <assert.h>

static void arrived(struct post *p)
{
    struct transport *t = CONTAINER_OF(p, struct transport, post);

    t->arrive(t);
}

void vitro_transport_send(struct transport *t, vitro_loop *loop,
                          void (*arrive)(struct transport *t))
{
    assert(!t->loop);
    t->arrive = arrive;
    vitro_loop_send(loop, &t->post, arrived);
}

void vitro_transport_drop(struct transport *t)
{
    if (t)
        t->ops->close(t, false);
}
