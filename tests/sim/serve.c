/* serve - the handlers of a world. */
#include <stdlib.h>
#include <string.h>

#include "sim/talk.h"
#include "sim/talk_inside.h"

static bool can_act(const struct served *s)
{
    return !s->closed && !s->finished && !s->cancelled && !s->told_cancelled;
}

/* ---- a handler's deeds ---------------------------------------------------------------------- */

/* Only what memory or the call's own end may refuse. */
static void check(struct served *s, vitro_code rc, const char *what)
{
    struct world *w = s->world;

    world_expect(w,
                 rc == VITRO_OK || vitro_call_is_cancelled(s->call) || s->closed ||
                     (w->may[FAULT_MEMORY] &&
                      (rc == VITRO_RESOURCE_EXHAUSTED || rc == VITRO_FAILED_PRECONDITION)),
                 "call %u: its handler cannot %s: %s", s->number, what, vitro_code_name((int)rc));
}

static void send(struct served *s)
{
    struct world *w = s->world;
    bool more;
    vitro_code rc;

    if (!can_act(s) || s->blocked || (answers_once(s->kind) && s->sent))
        return;
    rc = talk_send(w, s->call, s->number, SAID_RESPONSE, s->sent, 0, &more);
    check(s, rc, "send");
    if (rc != VITRO_OK)
        return;
    s->sent++;
    s->blocked = !more;
}

static void send_headers(struct served *s)
{
    vitro_md *md;

    if (!can_act(s) || s->sent || s->headers)
        return;
    md = said_list(&s->world->said, s->number, SAID_OF_RESPONSE);
    if (md) {
        vitro_code rc = vitro_call_send_headers(s->call, md, NULL);
        check(s, rc, "send headers");
        s->headers = rc == VITRO_OK;
    }
    vitro_md_free(md);
}

static void finish(struct served *s)
{
    struct world *w = s->world;
    vitro_code code = said_code(&w->said, s->number), rc;
    vitro_md *md;

    if (!can_act(s))
        return;
    s->blocked = false;
    if (answers_once(s->kind) && code == VITRO_OK) {
        send(s);
        if (!s->sent) /* memory is out: once more at the end */
            return;
    }
    md = said_list(&w->said, s->number, SAID_OF_TRAILERS);
    rc = vitro_call_finish(s->call, code, said_text(&w->said, s->number), md, NULL);
    if (rc == VITRO_FAILED_PRECONDITION && w->may[FAULT_MEMORY]) {
        rc = VITRO_OK; /* the time before there was no memory to send what was decided */
        code = VITRO_RESOURCE_EXHAUSTED;
    }
    check(s, rc, "finish");
    s->finished = rc == VITRO_OK;
    s->given = code;
    s->trailers = md != NULL;
    vitro_md_free(md);
    world_say(w, "call %u: finished %s after %u messages", s->number, vitro_code_name((int)code),
              s->sent);
}

static void cancel(struct served *s)
{
    if (!can_act(s))
        return;
    world_say(s->world, "call %u: cancelled by its handler", s->number);
    s->cancelled = true;
    vitro_call_cancel(s->call);
}

/* In any event but the last ones. */
static void act_at_times(struct served *s)
{
    struct world *w = s->world;

    if (w->ending)
        return;
    if (one_in(w, 10))
        send(s);
    if (one_in(w, 40))
        finish(s);
    if (w->cancels && one_in(w, 60))
        cancel(s);
}

/* ---- a handler's events --------------------------------------------------------------------- */

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct world *w = user;
    struct served *s;
    vitro_bytes number = { NULL, 0 };
    char text[16] = "";

    vitro_md_get(md, vitro_str_of(SAID_CALL), &number);
    memcpy(text, number.ptr ? number.ptr : (const uint8_t *)"", number.len < 15 ? number.len : 15);
    s = &w->served[w->n_served];
    *s = (struct served){ .world = w, .number = (unsigned)strtoul(text, NULL, 10) };
    if (s->number >= w->n_asked || w->asked[s->number].served) {
        world_fail(w, "call %u is served twice, or nobody's", s->number);
        vitro_call_set_user(call, NULL);
        vitro_call_cancel(call);
        return;
    }
    w->n_served++;
    s->call = vitro_call_ref(call);
    s->kind = w->asked[s->number].kind;
    w->asked[s->number].served = s;
    vitro_call_set_user(call, s);
    world_expect(w, said_is_list(&w->said, s->number, SAID_OF_REQUEST, md),
                 "call %u: other metadata than its client sent", s->number);
    if (w->slow_readers && !w->ending && one_in(w, 3))
        vitro_call_hold(call);
    if (one_in(w, 4))
        send_headers(s);
    act_at_times(s);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct served *s = user;
    struct world *w;

    (void)call;
    if (!s)
        return;
    w = s->world;
    world_expect(w, !s->closed && !s->has_end, "call %u: a request after its end", s->number);
    world_expect(w, said_is(&w->said, s->number, SAID_REQUEST, s->received, m->bytes),
                 "call %u: request %u of %zu bytes is not what was sent", s->number, s->received,
                 m->bytes.len);
    s->received++;
    if (one_in(w, 3))
        send(s);
    act_at_times(s);
}

static void on_end(vitro_call *call, void *user)
{
    struct served *s = user;

    (void)call;
    if (!s)
        return;
    world_expect(s->world, !s->closed && !s->has_end, "call %u: a second end at its handler",
                 s->number);
    s->has_end = true;
    if (s->world->ending || one_in(s->world, 2))
        finish(s);
}

static void on_writable(vitro_call *call, void *user)
{
    struct served *s = user;

    (void)call;
    if (!s)
        return;
    s->blocked = false;
    act_at_times(s);
}

static void on_cancelled(vitro_call *call, void *user)
{
    struct served *s = user;

    (void)call;
    if (!s)
        return;
    world_expect(s->world, !s->closed && !s->told_cancelled, "call %u: cancelled twice", s->number);
    s->told_cancelled = true;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct served *s = user;

    (void)call, (void)status;
    if (!s)
        return;
    world_expect(s->world, !s->closed, "call %u: closed twice at its handler", s->number);
    s->closed = true;
}

static const vitro_call_events events = { .size = sizeof events,
                                          .on_headers = on_headers,
                                          .on_message = on_message,
                                          .on_end = on_end,
                                          .on_writable = on_writable,
                                          .on_cancelled = on_cancelled,
                                          .on_closed = on_closed };

bool talk_serve(struct world *w, vitro_server *server)
{
    for (size_t i = 0; i < 4; i++) {
        if (vitro_server_add(server, &talk_methods[i], NULL, &events, w, NULL) != VITRO_OK)
            return false;
    }
    return true;
}

/* ---- by chance ------------------------------------------------------------------------------ */

static struct served *some_served(struct world *w)
{
    struct served *found = NULL;
    size_t seen = 0;

    for (size_t i = 0; i < w->n_served; i++) {
        if (can_act(&w->served[i]) && one_in(w, ++seen))
            found = &w->served[i];
    }
    return found;
}

void serve_act(struct world *w)
{
    struct served *s = some_served(w);
    size_t deed = some(w, 0, 99);

    if (!s)
        return;
    if (deed < 60)
        send(s);
    else if (deed < 70)
        send_headers(s);
    else if (deed < 85)
        vitro_call_credit(s->call, (uint32_t)some(w, 1, 4));
    else if (deed < 97)
        finish(s);
    else if (w->cancels)
        cancel(s);
}

void serve_end(struct world *w)
{
    for (size_t i = 0; i < w->n_served; i++) {
        struct served *s = &w->served[i];

        if (s->closed)
            continue;
        vitro_call_credit(s->call, 1000000);
        if (s->has_end)
            finish(s);
    }
}
