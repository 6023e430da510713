#include "sim/talk.h"

#include <stdlib.h>
#include <string.h>

#include "sim/talk_inside.h"

/* The clients, and what both sides share. The handlers stand in serve.c. */

const vitro_method talk_methods[4] = {
    { "/sim.Talk/Unary", VITRO_UNARY, NULL },
    { "/sim.Talk/ClientStream", VITRO_CLIENT_STREAMING, NULL },
    { "/sim.Talk/ServerStream", VITRO_SERVER_STREAMING, NULL },
    { "/sim.Talk/Bidi", VITRO_BIDI_STREAMING, NULL },
};

/* ---- sending, by any of the three ways ------------------------------------------------------ */

static void release(const void *ptr, size_t len, void *user)
{
    (void)len, (void)user;
    free((void *)(uintptr_t)ptr);
}

static vitro_code attach(struct world *w, vitro_call *call, unsigned number, enum said_way way,
                         uint32_t k, uint32_t flags, bool *more)
{
    size_t len = said_len(&w->said, number, way, k);
    uint8_t *room = malloc(len + 1);

    said_fill(&w->said, number, way, k, room);
    return vitro_call_attach(call, (vitro_bytes){ room, len }, release, NULL, flags, more, NULL);
}

static vitro_code reserve(struct world *w, vitro_call *call, unsigned number, enum said_way way,
                          uint32_t k, uint32_t flags, bool *more)
{
    uint8_t *room;
    vitro_code rc = vitro_call_reserve(call, said_len(&w->said, number, way, k), &room, NULL);

    if (rc != VITRO_OK)
        return rc;
    said_fill(&w->said, number, way, k, room);
    vitro_call_commit(call, flags, more);
    return VITRO_OK;
}

vitro_code talk_send(struct world *w, vitro_call *call, unsigned number, enum said_way way,
                     uint32_t k, uint32_t flags, bool *more)
{
    size_t len = said_len(&w->said, number, way, k);
    vitro_code rc;
    uint8_t *bytes;

    flags |= one_in(w, 4) ? VITRO_SEND_ALONE : 0;
    flags |= one_in(w, 4) ? VITRO_SEND_PLAIN : 0;
    *more = true;
    switch (some(w, 0, 2)) {
    case 0:
        return attach(w, call, number, way, k, flags, more);
    case 1:
        return reserve(w, call, number, way, k, flags, more);
    default:
        bytes = malloc(len + 1);
        said_fill(&w->said, number, way, k, bytes);
        rc = vitro_call_send(call, (vitro_bytes){ bytes, len }, flags, more, NULL);
        free(bytes);
        return rc;
    }
}

/* ---- a client's events ---------------------------------------------------------------------- */

static void cancel(struct asked *a)
{
    if (!a->call || a->closed)
        return;
    world_say(a->world, "call %u: cancelled by its client", a->number);
    a->cancelled = true;
    vitro_call_cancel(a->call);
}

static void send(struct asked *a)
{
    struct world *w = a->world;
    uint32_t flags = (asks_once(a->kind) || one_in(w, 8)) ? VITRO_SEND_LAST : 0;
    bool more;
    vitro_code rc;

    if (!a->call || a->blocked || a->half_closed || a->closed)
        return;
    rc = talk_send(w, a->call, a->number, SAID_REQUEST, a->sent, flags, &more);
    world_expect(w,
                 rc == VITRO_OK || vitro_call_is_cancelled(a->call) ||
                     (w->may[FAULT_MEMORY] && rc == VITRO_RESOURCE_EXHAUSTED),
                 "call %u: cannot send: %s", a->number, vitro_code_name((int)rc));
    if (rc != VITRO_OK)
        return;
    a->sent++;
    a->blocked = !more;
    a->half_closed = flags & VITRO_SEND_LAST;
}

/* In any event but the last one. */
static void act_at_times(struct asked *a)
{
    struct world *w = a->world;

    if (w->ending)
        return;
    if (one_in(w, 4))
        send(a);
    if (w->cancels && one_in(w, 50))
        cancel(a);
}

static bool is_given(struct world *w, bool given, unsigned number, enum said_part part,
                     const vitro_md *md)
{
    return given ? said_is_list(&w->said, number, part, md) : vitro_md_count(md) == 0;
}

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct asked *a = user;
    struct world *w = a->world;

    (void)call;
    world_expect(w, !a->closed && !a->has_headers && !a->received, "call %u: late headers",
                 a->number);
    world_expect(w, a->served && is_given(w, a->served->headers, a->number, SAID_OF_RESPONSE, md),
                 "call %u: other headers than its handler sent", a->number);
    a->has_headers = true;
    act_at_times(a);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct asked *a = user;
    struct world *w = a->world;

    (void)call;
    world_expect(w, !a->closed && !a->has_end, "call %u: a message after its end", a->number);
    world_expect(w, said_is(&w->said, a->number, SAID_RESPONSE, a->received, m->bytes),
                 "call %u: response %u of %zu bytes is not what was sent", a->number, a->received,
                 m->bytes.len);
    a->received++;
    act_at_times(a);
}

static void on_end(vitro_call *call, void *user)
{
    struct asked *a = user;

    (void)call;
    world_expect(a->world, !a->closed && !a->has_end, "call %u: a second end", a->number);
    a->has_end = true;
    act_at_times(a);
}

static void on_writable(vitro_call *call, void *user)
{
    struct asked *a = user;

    (void)call;
    world_expect(a->world, !a->closed, "call %u: writable when closed", a->number);
    a->blocked = false;
    act_at_times(a);
}

/* A text is left out when memory for it is out, but never another one. */
static bool is_text(const struct world *w, const struct asked *a, vitro_str text)
{
    const char *given = said_text(&w->said, a->number);

    if (text.len == 0 && w->happened[FAULT_MEMORY])
        return true;
    return text.len == strlen(given) && strncmp(text.ptr ? text.ptr : "", given, text.len) == 0;
}

/* A status that the handler gave has its text and its metadata. */
static void check_status(struct asked *a, const vitro_status *status)
{
    struct world *w = a->world;
    const struct served *s = a->served;

    if (!a->by_peer || !s || !s->finished)
        return;
    if (w->happened[FAULT_MEMORY] && status->code == VITRO_RESOURCE_EXHAUSTED)
        return; /* the library's own, where memory for the handler's was out */
    world_expect(w, is_text(w, a, status->message), "call %u: the status text is another: %.*s",
                 a->number, (int)status->message.len, status->message.ptr);
    world_expect(w, is_given(w, s->trailers, a->number, SAID_OF_TRAILERS, status->trailers),
                 "call %u: other trailers than its handler sent", a->number);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct asked *a = user;
    struct world *w = a->world;

    world_expect(w, !a->closed, "call %u: closed twice", a->number);
    a->closed = true;
    a->code = status->code;
    a->by_peer = status->error == NULL;
    a->ended = vitro_sim_now(w->sim);
    check_status(a, status);
    world_expect(w, vitro_call_send_end(call, NULL) == VITRO_FAILED_PRECONDITION,
                 "call %u: half-closed after closed", a->number);
    world_say(w, "call %u: closed %s %s", a->number, vitro_code_name((int)a->code),
              status->error ? status->error->frame[0].text : "by the peer");
}

static const vitro_call_events events = { .size = sizeof events,
                                          .on_headers = on_headers,
                                          .on_message = on_message,
                                          .on_end = on_end,
                                          .on_writable = on_writable,
                                          .on_closed = on_closed };

/* ---- a client's deeds ----------------------------------------------------------------------- */

static void draw_options(struct asked *a, vitro_call_options *o)
{
    static const char *const encodings[] = { NULL, NULL, "gzip", "deflate" };
    struct world *w = a->world;

    o->compression = encodings[some(w, 0, 3)];
    o->manual_credit = w->slow_readers && one_in(w, 2);
    o->wait_for_ready = one_in(w, 3);
    if (w->deadlines && one_in(w, 4))
        a->timeout = o->timeout_ns = (int64_t)some(w, 1, (size_t)(2 * SECOND));
}

static struct asked *begin(struct world *w, size_t channel, vitro_kind kind, bool plain)
{
    struct asked *a = &w->asked[w->n_asked];
    vitro_call_options o = VITRO_CALL_OPTIONS_INIT;
    vitro_md *md = said_list(&w->said, (unsigned)w->n_asked, SAID_OF_REQUEST);
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    *a = (struct asked){ .world = w, .number = (unsigned)w->n_asked++, .channel = channel };
    a->kind = kind;
    a->began = vitro_sim_now(w->sim);
    if (!plain)
        draw_options(a, &o);
    o.metadata = md;
    if (md)
        rc = vitro_call_start(&a->call, w->channel[channel], &talk_methods[kind], &o, &events, a,
                              NULL);
    vitro_md_free(md);
    world_expect(w, rc == VITRO_OK || (w->may[FAULT_MEMORY] && rc == VITRO_RESOURCE_EXHAUSTED),
                 "call %u: cannot begin: %s", a->number, vitro_code_name((int)rc));
    world_say(w, "call %u: %s on channel %zu, deadline %lld", a->number, talk_methods[kind].path,
              channel, (long long)a->timeout);
    if (rc != VITRO_OK)
        return NULL;
    a->dropped = !plain && one_in(w, 8);
    if (a->dropped)
        vitro_call_unref(a->call); /* it lives until it is closed */
    return a;
}

static void half_close(struct asked *a)
{
    if (!a->call || a->closed || a->half_closed || (asks_once(a->kind) && !a->sent))
        return;
    a->half_closed = vitro_call_send_end(a->call, NULL) == VITRO_OK;
}

/* Any channel that is there; CHANNELS_MAX: none. */
static size_t some_channel(struct world *w)
{
    size_t found = CHANNELS_MAX, seen = 0;

    for (size_t i = 0; i < w->channels; i++) {
        if (w->channel[i] && one_in(w, ++seen))
            found = i;
    }
    return found;
}

static struct asked *some_asked(struct world *w)
{
    struct asked *found = NULL;
    size_t seen = 0;

    for (size_t i = 0; i < w->n_asked; i++) {
        struct asked *a = &w->asked[i];
        if (a->call && !a->closed && one_in(w, ++seen))
            found = a;
    }
    return found;
}

static void client_act(struct world *w)
{
    struct asked *a = some_asked(w);
    size_t deed = some(w, 0, 99), channel;

    if (deed < 20 || !a) {
        channel = w->n_asked < w->calls_max ? some_channel(w) : CHANNELS_MAX;
        if (channel < CHANNELS_MAX)
            begin(w, channel, (vitro_kind)some(w, 0, 3), false);
    } else if (deed < 75) {
        send(a);
    } else if (deed < 88) {
        vitro_call_credit(a->call, (uint32_t)some(w, 1, 4));
    } else if (deed < 97) {
        half_close(a);
    } else if (w->cancels) {
        cancel(a);
    }
}

void talk_act(struct world *w)
{
    if (one_in(w, 3))
        serve_act(w);
    else
        client_act(w);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void finish_asked(struct asked *a)
{
    bool more;

    if (!a->call || a->closed)
        return;
    if (asks_once(a->kind) && !a->sent &&
        talk_send(a->world, a->call, a->number, SAID_REQUEST, 0, VITRO_SEND_LAST, &more) ==
            VITRO_OK) {
        a->sent++;
        a->half_closed = true;
    }
    half_close(a);
    vitro_call_credit(a->call, 1000000);
}

void talk_end(struct world *w)
{
    w->ending = true;
    for (size_t i = 0; i < w->n_asked; i++)
        finish_asked(&w->asked[i]);
    serve_end(w);
}

struct asked *talk_last_call(struct world *w, size_t channel)
{
    struct asked *a = begin(w, channel, VITRO_UNARY, true);

    if (a)
        finish_asked(a);
    return a;
}

void talk_leave(struct world *w, size_t channel)
{
    for (size_t i = 0; i < w->n_asked; i++) {
        if (w->asked[i].channel == channel && !w->asked[i].closed)
            w->asked[i].left = true;
    }
}

void talk_done(struct world *w)
{
    for (size_t i = 0; i < w->n_asked; i++) {
        world_expect(w, !w->asked[i].call || w->asked[i].closed, "call %zu never closes", i);
        if (!w->asked[i].dropped)
            vitro_call_unref(w->asked[i].call);
    }
    for (size_t i = 0; i < w->n_served; i++) {
        world_expect(w, w->served[i].closed, "call %u never closes at its server",
                     w->served[i].number);
        vitro_call_unref(w->served[i].call);
    }
}
