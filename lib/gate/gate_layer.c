#include "gate/gate.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "io/driver.h"

/* The layer: it cuts what comes from the session and passes on what may go. */

static struct gate_layer *of_layer(struct layer *l)
{
    return CONTAINER_OF(l, struct gate_layer, layer);
}

struct note_at vitro_gate_at(const struct gate_layer *l)
{
    const struct driver *d = l->layer.driver;

    return (struct note_at){ l->from_server ? NOTE_SERVER : NOTE_CLIENT, l->conn, d->taken_in,
                             d->produced };
}

/* What the trace calls the connection and its ends, once it knows. */
static void learn_names(struct gate_layer *l)
{
    const struct transport *t = l->layer.driver->transport;
    struct endpoint local, remote;
    bool mine = t->client == (t->sent_as == RECORD_SENT); /* a link's recorder is its client's */

    if (l->client[0] || !vitro_recorder_endpoints(t->recorder, &local, &remote))
        return;
    l->conn = vitro_recorder_conn(t->recorder);
    vitro_endpoint_text(mine ? &local : &remote, l->client, sizeof l->client);
    vitro_endpoint_text(mine ? &remote : &local, l->server, sizeof l->server);
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* The bytes of a unit in one run, for its note: lent from the queue, or copied to *copy. */
static bool run_of(const struct gate_layer *l, const struct queue *in, const vitro_gate_unit *u,
                   vitro_bytes *run, uint8_t **copy)
{
    size_t skip = (size_t)(u->offset - l->passed), done = 0;
    const struct piece *p = in->head;

    assert(p); /* the unit lies in the queue */
    for (; skip >= p->len; p = p->next) {
        skip -= p->len;
        assert(p->next);
    }
    *run = (vitro_bytes){ p->ptr + skip, u->length };
    if (p->len - skip >= u->length)
        return true;
    *copy = vitro_mem_alloc(vitro_loop_account(l->layer.driver->loop), u->length);
    if (!*copy)
        return false;
    run->ptr = *copy;
    for (; done < u->length; p = p->next, skip = 0) {
        assert(p);
        size_t n = MIN(p->len - skip, u->length - done);
        if (n)
            memcpy(*copy + done, p->ptr + skip, n);
        done += n;
    }
    return true;
}

static bool hold(struct gate_layer *l, const struct queue *in, const vitro_gate_unit *u)
{
    vitro_bytes run = { NULL, 0 };
    uint8_t *copy = NULL;
    bool ok = !vitro_trace_on(l->trace) || run_of(l, in, u, &run, &copy);

    ok = ok && vitro_gate_take(l->gate, l, u, run);
    vitro_mem_free(vitro_loop_account(l->layer.driver->loop), copy, u->length);
    return ok;
}

/* A unit ends where the reader stands. One of which a byte has passed passes whole. */
static bool end_unit(struct gate_layer *l, const struct queue *in, vitro_gate_kind kind)
{
    vitro_gate_unit u = { .conn = l->conn, .from_server = l->from_server, .offset = l->begin };
    bool pass = l->begin < l->open_to || !vitro_gate_wants(l->gate);

    u.length = (size_t)(l->reader.at - l->begin);
    u.kind = l->in_part ? VITRO_GATE_PART : kind;
    if (u.kind == VITRO_GATE_FRAME) {
        u.stream = l->reader.head.stream;
        u.type = l->reader.head.type;
        u.flags = l->reader.head.flags;
    }
    l->begin = l->reader.at;
    l->in_part = kind == VITRO_GATE_PART;
    if (!pass)
        return hold(l, in, &u);
    l->open_to = l->begin;
    return true;
}

static bool cut_run(struct gate_layer *l, const struct queue *in, vitro_bytes run)
{
    while (run.len) {
        struct frame_piece piece = vitro_frame_read(&l->reader, &run);
        bool preface = piece.kind == FRAME_PIECE_PREFACE;

        if (piece.kind == FRAME_PIECE_NOT_PREFACE)
            l->in_part = true;
        if (piece.end && !end_unit(l, in, preface ? VITRO_GATE_PREFACE : VITRO_GATE_FRAME))
            return false;
    }
    return true;
}

/* Cut what is new in the queue. False when memory is out. */
static bool cut(struct gate_layer *l, const struct queue *in)
{
    size_t skip = (size_t)(l->reader.at - l->passed);

    for (const struct piece *p = in->head; p; p = p->next) {
        size_t seen = MIN(skip, p->len);
        skip -= seen;
        if (!cut_run(l, in, (vitro_bytes){ p->ptr + seen, p->len - seen }))
            return false;
    }
    if (l->begin < l->open_to || !l->gate->holding)
        l->open_to = l->reader.at;
    else if (l->begin < l->reader.at) /* its rest may never be made: it waits for nothing */
        return end_unit(l, in, VITRO_GATE_PART);
    return true;
}

/* ---- the layer ------------------------------------------------------------------------------ */

/* The transport is there: whose bytes these are, and where they are told. */
static enum vitro_step gate_open(struct layer *layer, struct queue *out, vitro_error *err)
{
    struct gate_layer *l = of_layer(layer);
    const struct driver *d = layer->driver;

    (void)out;
    (void)err;
    if (driver_trace(d))
        l->trace = vitro_trace_ref(driver_trace(d));
    l->from_server = !d->transport->client;
    vitro_frame_reader_init(&l->reader, 0, !l->from_server);
    return VITRO_IDLE;
}

static enum vitro_step gate_up(struct layer *layer, struct queue *in, struct queue *out,
                               vitro_error *err)
{
    (void)layer;
    (void)err;
    vitro_queue_move(out, in);
    return VITRO_IDLE;
}

/* Move what may go; the notes of it stand before its packet. */
static bool pass(struct gate_layer *l, struct queue *in, struct queue *out)
{
    size_t n = MIN((size_t)(l->open_to - l->passed), in->len);
    struct list *i;

    if (n == in->len)
        vitro_queue_move(out, in);
    else if (!vitro_queue_move_some(out, in, n))
        return false;
    l->passed += n;
    while ((i = list_pop(&l->going)) != NULL) {
        struct gate_unit *u = CONTAINER_OF(i, struct gate_unit, link);
        vitro_gate_note_released(u);
        vitro_gate_unit_free(u);
    }
    return true;
}

static enum vitro_step gate_down(struct layer *layer, struct queue *in, struct queue *out,
                                 vitro_error *err)
{
    struct gate_layer *l = of_layer(layer);

    if (l->trace)
        learn_names(l);
    if (!l->gate)
        l->open_to = l->passed + in->len;
    else if (!cut(l, in))
        goto no_memory;
    if (pass(l, in, out))
        return VITRO_IDLE;
no_memory:
    vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "gate", 0, "out of memory");
    return VITRO_FAILED;
}

static void gate_close(struct layer *layer)
{
    struct gate_layer *l = of_layer(layer);

    vitro_gate_forget(l->gate, l);
    vitro_trace_unref(l->trace);
    vitro_mem_free(vitro_loop_account(layer->driver->loop), l, sizeof *l);
}

static const struct layer_ops ops = {
    .name = "gate",
    .open = gate_open,
    .up = gate_up,
    .down = gate_down,
    .close = gate_close,
};

struct gate_layer *vitro_gate_layer_push(vitro_gate *g, struct driver *d)
{
    struct gate_layer *l = vitro_mem_zalloc(vitro_loop_account(d->loop), sizeof *l);

    if (!l)
        return NULL;
    layer_init(&l->layer, &ops);
    l->layer.ready = true;
    l->gate = g;
    l->conn = RECORD_NO_CONN;
    list_init(&l->link);
    list_init(&l->going);
    vitro_driver_push(d, &l->layer);
    return l;
}
