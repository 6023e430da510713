#include "support/bad_server.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "grpc/testing/messages.vitro.h"
#include "io/driver.h"
#include "io/target.h"
#include "tls/tls.h"

enum { LARGE = 314159, PREFIX = 5 };

struct connection {
    struct bad_server *server;
    struct bad_script script;
    struct driver driver;
    struct list link;
};

/* ---- a connection --------------------------------------------------------------------------- */

static struct connection *of_driver(struct driver *d)
{
    return CONTAINER_OF(d, struct connection, driver);
}

static void on_open(struct driver *d)
{
    vitro_driver_wake(d);
}

static enum vitro_step take(struct driver *d, struct queue *in, vitro_error *err)
{
    while (in->len) {
        vitro_bytes run = vitro_queue_peek(in);

        if (!bad_script_take(&of_driver(d)->script, run)) {
            vitro_fail(err, VITRO_INTERNAL, "script", 0, "what came is not what a client sends");
            return VITRO_FAILED;
        }
        vitro_queue_consume(in, run.len);
    }
    vitro_driver_wake(d);
    return VITRO_IDLE;
}

static enum vitro_step produce(struct driver *d, struct queue *out, size_t budget, vitro_error *err)
{
    struct buf *made = &of_driver(d)->script.out;

    if (!vitro_queue_append(out, made->ptr, made->len))
        return VITRO_FAILED;
    made->len = 0;
    return VITRO_IDLE;
}

static void on_close(struct driver *d, const vitro_error *why)
{
    struct connection *c = of_driver(d);

    list_remove(&c->link);
    bad_script_done(&c->script);
    free(c);
}

static const struct driver_ops driver_ops = {
    .on_open = on_open,
    .take = take,
    .produce = produce,
    .on_close = on_close,
};

static void on_accepted(struct listener *l, struct transport *t)
{
    struct bad_server *server = CONTAINER_OF(l, struct bad_server, listener);
    struct connection *c = calloc(1, sizeof *c);
    struct layer *tls = NULL;

    server->accepted++;
    if (server->tls)
        tls = vitro_tls_layer_new(server->tls, server->loop, NULL);
    if (!c || (server->tls && !tls)) {
        free(c);
        vitro_transport_drop(t);
        return;
    }
    c->server = server;
    bad_script_init(&c->script, server->of, server->message, &server->seen);
    list_append(&server->connections, &c->link);
    vitro_driver_init(&c->driver, server->loop, &driver_ops);
    if (tls)
        vitro_driver_push(&c->driver, tls);
    vitro_driver_open(&c->driver, t);
}

/* ---- the server ----------------------------------------------------------------------------- */

/* The response to everything, with its prefix. */
static vitro_bytes make_message(void)
{
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    uint8_t *zeros = calloc(1, LARGE), *bytes = NULL;
    size_t n;

    payload.body = (ProtobufCBinaryData){ LARGE, zeros };
    response.payload = &payload;
    n = vitro_pb_size(&response.base);
    if (zeros)
        bytes = calloc(1, PREFIX + n);
    if (bytes) {
        for (int i = 0; i < 4; i++)
            bytes[1 + i] = (uint8_t)(n >> (24 - 8 * i));
        vitro_pb_pack(&response.base, bytes + PREFIX, n);
    }
    free(zeros);
    return (vitro_bytes){ bytes, bytes ? PREFIX + n : 0 };
}

vitro_code bad_server_open(struct bad_server *server, vitro_loop *loop, const char *target,
                           vitro_credentials *credentials, const struct bad_case *of,
                           vitro_error *err)
{
    struct target where;
    vitro_code rc;

    *server = (struct bad_server){ .of = of, .loop = loop, .message = make_message() };
    list_init(&server->connections);
    if (!server->message.len)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "script", 0, "no memory for the message");
    rc = vitro_target_parse(&where, vitro_str_of(target), err);
    if (!rc && credentials)
        rc = vitro_tls_end_new(&server->tls, credentials, true, loop, NULL, err);
    if (!rc)
        rc = vitro_listener_open(&server->listener, loop, &where.addresses[0], NULL, on_accepted,
                                 err);
    return rc;
}

void bad_server_close(struct bad_server *server)
{
    vitro_error why;

    vitro_listener_close(&server->listener);
    vitro_fail(&why, VITRO_UNAVAILABLE, "script", 0, "enough");
    for (struct list *i = server->connections.next; i != &server->connections; i = i->next)
        vitro_driver_close(&CONTAINER_OF(i, struct connection, link)->driver, false, &why);
    while (!list_empty(&server->connections))
        (void)vitro_loop_run(server->loop, 0, NULL);
    vitro_tls_end_free(server->tls);
    free((void *)server->message.ptr);
}
