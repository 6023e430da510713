/*
 * blocking - the skins for programs without a loop of their own: start on the loop, wait for
 * what is wanted, copy it out (io/loop.h, vitro_loop_await).
 *
 * Each blocking function is a step. On a started loop several may wait at once, one a thread: a
 * reader and a writer, and one that aborts them.
 */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "client/call.h"

/* A call of vitro_call_open() or vitro_unary(): what came and was not asked for yet. */
struct puller {
    vitro_channel *channel;
    vitro_call *call;    /* NULL before it began, of vitro_unary() also when it is over */
    struct list waiting; /* steps that wait for a message, room or the end */
    struct buf message;  /* the last one */
    bool has_message;    /* and nobody has read it */
    size_t wire_size;
    uint32_t flags;

    bool room; /* the last send left more true */
    bool closed;
    vitro_code code;
    vitro_error error;
    vitro_reply reply;   /* its metadata */
    vitro_reply *wanted; /* of the options: who asked for it; NULL: nobody */
};

/* ---- replies -------------------------------------------------------------------------------- */

void vitro_reply_done(vitro_reply *reply)
{
    vitro_md_free(reply->headers);
    vitro_md_free(reply->trailers);
    vitro_mem_free(NULL, reply->memory, reply->memory_size);
    *reply = (vitro_reply){ { NULL, 0 }, NULL, NULL, NULL, 0 };
}

/* The message moves into the reply: it outlives the call. */
static bool keep_message(vitro_reply *reply, const struct buf *from)
{
    size_t n = MAX(from->len, (size_t)1);

    reply->memory = vitro_mem_alloc(NULL, n);
    if (!reply->memory)
        return false;
    reply->memory_size = n;
    if (from->len)
        memcpy(reply->memory, from->ptr, from->len);
    reply->message = (vitro_bytes){ reply->memory, from->len };
    return true;
}

/* A copy of md, NULL when it is empty or memory is out. */
static vitro_md *keep_md(const vitro_md *md)
{
    vitro_md *copy = md && vitro_md_count(md) ? vitro_md_new() : NULL;

    if (copy && vitro_md_append(copy, md, NULL) != VITRO_OK) {
        vitro_md_free(copy);
        return NULL;
    }
    return copy;
}

/* ---- events --------------------------------------------------------------------------------- */

/* What a blocking function does on the loop, and what it waits for. */
struct step {
    struct await await;
    struct puller *puller;
    struct list waiting;               /* in puller->waiting */
    vitro_code (*act)(struct step *s); /* on the loop; anything but OK ends the step */
    bool (*enough)(struct step *s);    /* true, and what it waits for is taken */
    vitro_code rc;
    vitro_code refused; /* act began a call, but its message was refused */
    bool got;           /* a message was taken */
    vitro_error error;
    /* what act needs */
    const vitro_method *method;
    const vitro_call_options *options;
    vitro_bytes bytes;
    uint32_t flags;
};

/* Wake the steps that have enough: all at once, for the first one may drop the call. */
static void check(struct puller *p)
{
    struct list ready, *i;

    list_init(&ready);
    for (struct list *next = p->waiting.next; (i = next) != &p->waiting;) {
        struct step *s = CONTAINER_OF(i, struct step, waiting);

        next = i->next;
        if (s->enough(s)) {
            list_remove(i);
            list_append(&ready, i);
        }
    }
    while ((i = list_pop(&ready)) != NULL)
        vitro_await_done(&CONTAINER_OF(i, struct step, waiting)->await);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct puller *p = user;

    p->message.len = 0;
    if (!vitro_buf_append(&p->message, m->bytes.ptr, m->bytes.len)) {
        vitro_error why;

        vitro_fail(&why, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
        vitro_client_call_fail((struct client_call *)call, &why);
        return;
    }
    p->has_message = true;
    p->wire_size = m->wire_size;
    p->flags = m->flags;
    check(p);
}

static void on_writable(vitro_call *call, void *user)
{
    struct puller *p = user;

    (void)call;
    p->room = true;
    check(p);
}

static void keep_outcome(struct puller *p, const vitro_call *call, const vitro_status *status)
{
    p->closed = true;
    p->code = status->code;
    if (status->code != VITRO_OK)
        vitro_status_error(status, &p->error);
    p->reply.headers = keep_md(vitro_call_metadata(call));
    p->reply.trailers = keep_md(status->trailers);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct puller *p = user;

    keep_outcome(p, call, status);
    check(p);
}

static const vitro_call_events puller_events = {
    .size = sizeof puller_events,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* Nobody asks the call for more: dropped here, it need not be sent to its loop for that. */
static void on_unary_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct puller *p = user;

    keep_outcome(p, call, status);
    p->call = NULL;
    vitro_call_unref(call);
    check(p); /* the last: p is on another thread's stack */
}

static const vitro_call_events unary_events = {
    .size = sizeof unary_events,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_unary_closed,
};

/* ---- one step of a call --------------------------------------------------------------------- */

static void on_start(struct await *a)
{
    struct step *s = CONTAINER_OF(a, struct step, await);
    struct puller *p = s->puller;

    list_init(&s->waiting);
    s->rc = s->act(s);
    if (s->rc != VITRO_OK) {
        vitro_await_done(a);
        return;
    }
    list_append(&p->waiting, &s->waiting);
    check(p);
}

static void on_abandon(struct await *a)
{
    list_remove(&CONTAINER_OF(a, struct step, await)->waiting);
}

static vitro_code run_step(struct step *s, vitro_error *err)
{
    struct puller *p = s->puller;
    vitro_code rc = vitro_loop_await(p->channel->loop, &s->await, on_start, on_abandon, err);

    if (rc == VITRO_OK && s->rc != VITRO_OK && err)
        *err = s->error;
    return rc != VITRO_OK ? rc : s->rc;
}

static bool is_begun(struct step *s)
{
    return s->puller->call != NULL;
}

static bool is_closed(struct step *s)
{
    return s->puller->closed;
}

static bool has_room(struct step *s)
{
    return s->puller->room || s->puller->closed;
}

static bool has_message(struct step *s)
{
    struct puller *p = s->puller;

    s->got = p->has_message;
    p->has_message = false;
    return s->got || p->closed;
}

/* ---- unary ---------------------------------------------------------------------------------- */

static vitro_code act_unary(struct step *s)
{
    struct puller *p = s->puller;
    vitro_code rc =
        vitro_call_start(&p->call, p->channel, s->method, s->options, &unary_events, p, &s->error);

    if (rc != VITRO_OK)
        return rc;
    rc = vitro_call_send(p->call, s->bytes, VITRO_SEND_LAST, NULL, &s->error);
    if (rc != VITRO_OK)
        vitro_call_cancel(p->call); /* closed follows; the step's error says why */
    s->refused = rc;
    return VITRO_OK;
}

static void move_metadata(vitro_reply *to, vitro_reply *from)
{
    to->headers = from->headers;
    to->trailers = from->trailers;
    from->headers = from->trailers = NULL;
}

static vitro_code finish(struct puller *p, vitro_reply *reply, vitro_error *err)
{
    vitro_code code = p->code;

    if (code != VITRO_OK && err)
        *err = p->error;
    if (p->wanted)
        move_metadata(p->wanted, &p->reply);
    if (reply) {
        *reply = p->reply;
        if (code == VITRO_OK && p->has_message && !keep_message(reply, &p->message))
            code = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    } else {
        vitro_reply_done(&p->reply);
    }
    vitro_buf_done(&p->message);
    vitro_call_unref(p->call);
    return code;
}

static void puller_init(struct puller *p, vitro_channel *channel, const vitro_call_options *options)
{
    vitro_call_options o;

    *p = (struct puller){ .channel = channel, .room = true };
    if (vitro_options_import(&o, sizeof o, options)) /* else the call does not begin */
        p->wanted = o.reply;
    vitro_buf_init(&p->message, NULL, SIZE_MAX / 2);
    list_init(&p->waiting);
}

/* Nothing can happen any more (a world without events): give the call up. */
static vitro_code give_up(struct puller *p, vitro_code rc)
{
    vitro_call *call = p->call;

    if (call && !p->closed) {
        vitro_call_cancel(call);
        while (!p->closed && vitro_loop_run(p->channel->loop, 0, NULL) == VITRO_OK)
            continue;
    }
    return rc;
}

vitro_code vitro_unary(vitro_channel *channel, const vitro_method *method, vitro_bytes request,
                       const vitro_call_options *options, vitro_reply *reply, vitro_error *err)
{
    struct puller p;
    struct step s = { .puller = &p,
                      .act = act_unary,
                      .enough = is_closed,
                      .method = method,
                      .options = options,
                      .bytes = request };
    vitro_code rc;

    puller_init(&p, channel, options);
    rc = run_step(&s, err);
    if (rc == VITRO_OK) {
        rc = finish(&p, reply, err);
        if (s.refused != VITRO_OK && err)
            *err = s.error;
        return s.refused != VITRO_OK ? s.refused : rc;
    }
    if (rc == VITRO_ABORTED && p.call) {
        give_up(&p, rc);
        finish(&p, reply, NULL);
    }
    return rc;
}

/* ---- calls of any kind ---------------------------------------------------------------------- */

static struct puller *of_call(vitro_call *call)
{
    return vitro_call_user(call);
}

static vitro_code act_open(struct step *s)
{
    struct puller *p = s->puller;
    vitro_call_options o;

    if (!vitro_options_import(&o, sizeof o, s->options))
        return vitro_options_refuse("call", &s->error);
    o.size = sizeof o;
    o.manual_credit = true;
    return vitro_call_start(&p->call, p->channel, s->method, &o, &puller_events, p, &s->error);
}

vitro_code vitro_call_open(vitro_call **out, vitro_channel *channel, const vitro_method *method,
                           const vitro_call_options *options, vitro_error *err)
{
    struct puller *p = vitro_mem_alloc(NULL, sizeof *p);
    struct step s = {
        .puller = p, .act = act_open, .enough = is_begun, .method = method, .options = options
    };
    vitro_code rc;

    *out = NULL;
    if (!p)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    puller_init(p, channel, options);
    rc = run_step(&s, err);
    if (rc != VITRO_OK) {
        vitro_mem_free(NULL, p, sizeof *p);
        return rc;
    }
    *out = p->call;
    return VITRO_OK;
}

static vitro_code act_write(struct step *s)
{
    struct puller *p = s->puller;

    vitro_code rc = vitro_call_send(p->call, s->bytes, s->flags, &p->room, &s->error);

    if (rc == VITRO_OK && (s->flags & VITRO_SEND_LAST))
        p->room = true; /* nothing follows that needs any, and writable does not come any more */
    return rc;
}

vitro_code vitro_call_write(vitro_call *call, vitro_bytes msg, uint32_t flags, vitro_error *err)
{
    struct puller *p = of_call(call);
    struct step s = {
        .puller = p, .act = act_write, .enough = has_room, .bytes = msg, .flags = flags
    };

    return run_step(&s, err);
}

static vitro_code act_write_end(struct step *s)
{
    s->puller->room = true;
    return vitro_call_send_end(s->puller->call, &s->error);
}

vitro_code vitro_call_write_end(vitro_call *call, vitro_error *err)
{
    struct step s = { .puller = of_call(call), .act = act_write_end, .enough = is_begun };

    return run_step(&s, err);
}

static vitro_code act_read(struct step *s)
{
    struct puller *p = s->puller;

    if (!p->closed && !p->has_message)
        vitro_call_credit(p->call, 1);
    return VITRO_OK;
}

vitro_code vitro_call_read(vitro_call *call, vitro_message *msg, vitro_error *err)
{
    struct puller *p = of_call(call);
    struct step s = { .puller = p, .act = act_read, .enough = has_message };
    vitro_code rc = run_step(&s, err);

    *msg = (vitro_message){ { NULL, 0 }, 0, 0 };
    if (rc != VITRO_OK || !s.got)
        return rc;
    msg->bytes = vitro_buf_bytes(&p->message);
    if (!msg->bytes.ptr)
        msg->bytes.ptr = (const uint8_t *)""; /* no bytes, but a message */
    msg->wire_size = p->wire_size;
    msg->flags = p->flags;
    return VITRO_OK;
}

static vitro_code act_close(struct step *s)
{
    struct puller *p = s->puller;

    if (!p->closed) {
        vitro_call_send_end(p->call, NULL);
        vitro_call_credit(p->call, UINT32_MAX); /* read what is left and drop it */
    }
    return VITRO_OK;
}

vitro_code vitro_call_close(vitro_call *call, vitro_reply *reply, vitro_error *err)
{
    struct puller *p = of_call(call);
    struct step s = { .puller = p, .act = act_close, .enough = is_closed };
    vitro_code rc = run_step(&s, err);

    if (rc == VITRO_FAILED_PRECONDITION)
        return rc; /* in a callback: the call is as it was */
    if (rc == VITRO_ABORTED)
        give_up(p, rc);
    p->has_message = false; /* messages were read one by one */
    rc = rc == VITRO_OK ? finish(p, reply, err) : (finish(p, reply, NULL), rc);
    vitro_mem_free(NULL, p, sizeof *p);
    return rc;
}

static vitro_code act_abort(struct step *s)
{
    if (!s->puller->closed)
        vitro_call_cancel(s->puller->call);
    return VITRO_OK;
}

void vitro_call_abort(vitro_call *call)
{
    struct step s = { .puller = of_call(call), .act = act_abort, .enough = is_begun };

    run_step(&s, NULL);
}
