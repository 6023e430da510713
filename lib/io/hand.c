#include "vitro/lab/hand.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/util.h"
#include "io/connect.h"
#include "io/driver.h"
#include "io/target.h"

enum { HAND_MAX = 1 << 20 }; /* bytes that wait to be sent, and that have come */

struct vitro_hand {
    vitro_loop *loop;
    vitro_trace *trace;
    struct connect connect;
    struct driver driver;
    struct buf out, in;
    bool open;   /* the driver has begun, and not ended */
    bool closed; /* nothing more comes */
    bool ending; /* all that is to be sent stands in out */
    bool freed;  /* its user has gone: the driver's end frees it */
};

static vitro_hand *of_driver(struct driver *d)
{
    return CONTAINER_OF(d, vitro_hand, driver);
}

static void release(vitro_hand *h)
{
    vitro_buf_done(&h->out);
    vitro_buf_done(&h->in);
    vitro_trace_unref(h->trace);
    vitro_mem_free(vitro_loop_account(h->loop), h, sizeof *h);
}

/* ---- the connection ------------------------------------------------------------------------- */

static void on_open(struct driver *d)
{
    (void)d;
}

static enum vitro_step take(struct driver *d, struct queue *in, vitro_error *err)
{
    vitro_hand *h = of_driver(d);
    size_t n = in->len;
    uint8_t *to = vitro_buf_reserve(&h->in, n);

    if (!to) {
        vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "hand", 0, "more came than is kept");
        return VITRO_FAILED;
    }
    vitro_queue_copy(in, 0, to, n);
    h->in.len += n;
    vitro_queue_consume(in, n);
    return VITRO_IDLE;
}

static enum vitro_step produce(struct driver *d, struct queue *out, size_t budget, vitro_error *err)
{
    vitro_hand *h = of_driver(d);
    size_t n = MIN(budget, h->out.len);

    if (!vitro_queue_append(out, h->out.ptr, n)) {
        vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "hand", 0, "out of memory");
        return VITRO_FAILED;
    }
    vitro_buf_consume(&h->out, n);
    if (h->out.len)
        return VITRO_MORE;
    return h->ending ? VITRO_CLOSED : VITRO_IDLE;
}

static void on_close(struct driver *d, const vitro_error *why)
{
    vitro_hand *h = of_driver(d);

    (void)why;
    h->open = false;
    h->closed = true;
    if (h->freed)
        release(h);
}

static void on_connected(struct connect *c, struct transport *t, const vitro_error *err)
{
    static const struct driver_ops ops = {
        .on_open = on_open,
        .take = take,
        .produce = produce,
        .on_close = on_close,
    };
    vitro_hand *h = CONTAINER_OF(c, vitro_hand, connect);

    (void)err;
    if (!t) {
        h->closed = true;
        return;
    }
    vitro_driver_init(&h->driver, h->loop, &ops);
    h->open = true;
    vitro_driver_open(&h->driver, t);
}

/* ---- what its user calls -------------------------------------------------------------------- */

vitro_code vitro_hand_open(vitro_hand **out, vitro_loop *loop, const char *target,
                           vitro_trace *trace, vitro_error *err)
{
    struct account *account = vitro_loop_account(loop);
    struct target to;
    vitro_code rc = vitro_target_parse(&to, vitro_str_of(target), err);
    vitro_hand *h;

    LOOP_ASSERT(loop);
    *out = NULL;
    if (rc)
        return rc;
    if (!to.count)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "hand", 0,
                          "%s: a name, where an address is needed", target);
    h = vitro_mem_zalloc(account, sizeof *h);
    if (!h)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "hand", 0, "out of memory");
    h->loop = loop;
    h->trace = vitro_trace_ref(trace);
    vitro_buf_init(&h->out, account, HAND_MAX);
    vitro_buf_init(&h->in, account, HAND_MAX);
    vitro_connect_start(&h->connect, loop, &to.addresses[0], trace, INT64_MAX, on_connected);
    *out = h;
    return VITRO_OK;
}

bool vitro_hand_send(vitro_hand *h, vitro_bytes bytes)
{
    LOOP_ASSERT(h->loop);
    if (h->closed || h->ending || !vitro_buf_append(&h->out, bytes.ptr, bytes.len))
        return false;
    if (h->open)
        vitro_driver_wake(&h->driver);
    return true;
}

vitro_bytes vitro_hand_received(const vitro_hand *h)
{
    return vitro_buf_bytes(&h->in);
}

bool vitro_hand_is_closed(const vitro_hand *h)
{
    return h->closed;
}

void vitro_hand_close(vitro_hand *h)
{
    LOOP_ASSERT(h->loop);
    h->ending = true;
    if (h->open)
        vitro_driver_wake(&h->driver);
}

void vitro_hand_free(vitro_hand *h)
{
    vitro_error why;

    if (!h)
        return;
    LOOP_ASSERT(h->loop);
    vitro_connect_cancel(&h->connect);
    h->freed = true;
    if (!h->open) {
        release(h);
        return;
    }
    vitro_fail(&why, VITRO_CANCELLED, "hand", 0, "its user has gone");
    vitro_driver_close(&h->driver, false, &why);
}
