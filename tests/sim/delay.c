#include "sim/delay.h"

#include "base/util.h"

/* A step that waits, in one direction of a call. */
struct step {
    struct list link;
    vitro_intercept *intercept;
};

/* One interceptor in one call. Requests and responses may wait at the same time. */
struct state {
    struct step requests, responses;
    bool started, closed;
};

static vitro_verdict hold_up(vitro_intercept *i, struct state *s, struct step *step)
{
    struct world *w = vitro_intercept_user(i);

    world_expect(w, s->started && !s->closed,
                 "a step of an interceptor before start or after closed");
    world_expect(w, list_empty(&step->link), "a step of an interceptor overtakes another");
    if (w->ending || !one_in(w, 8))
        return VITRO_GO_ON;
    step->intercept = i;
    list_append(&w->held_up, &step->link);
    return VITRO_SUSPEND;
}

static vitro_verdict on_start(vitro_intercept *i, vitro_md *md, void *state)
{
    struct state *s = state;

    (void)md;
    world_expect(vitro_intercept_user(i), !s->started, "a second start of an interceptor");
    s->started = true;
    list_init(&s->requests.link);
    list_init(&s->responses.link);
    return hold_up(i, s, &s->requests);
}

/* What is put in its place is the same. */
static void replace(vitro_intercept *i, const vitro_message *m)
{
    struct world *w = vitro_intercept_user(i);
    vitro_code rc = one_in(w, 10) ? vitro_intercept_replace(i, m->bytes, NULL) : VITRO_OK;

    world_expect(w, rc == VITRO_OK || (w->may[FAULT_MEMORY] && rc == VITRO_RESOURCE_EXHAUSTED),
                 "a message cannot be replaced: %s", vitro_code_name((int)rc));
}

static vitro_verdict on_request(vitro_intercept *i, const vitro_message *m, void *state)
{
    replace(i, m);
    return hold_up(i, state, &((struct state *)state)->requests);
}

static vitro_verdict on_headers(vitro_intercept *i, vitro_md *md, void *state)
{
    (void)md;
    return hold_up(i, state, &((struct state *)state)->responses);
}

static vitro_verdict on_response(vitro_intercept *i, const vitro_message *m, void *state)
{
    replace(i, m);
    return hold_up(i, state, &((struct state *)state)->responses);
}

static vitro_verdict on_end(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                            void *state)
{
    struct step *step = &((struct state *)state)->responses;
    const struct world *w = vitro_intercept_user(i);
    const vitro_call *call = vitro_intercept_call(i);

    (void)status, (void)trailers;
    if (vitro_call_is_cancelled(call) || vitro_call_time_left(call) == 0 ||
        w->happened[FAULT_MEMORY])
        list_remove(&step->link); /* the end of such a call does not wait */
    return hold_up(i, state, step);
}

static void on_closed(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct state *s = state;

    (void)status;
    world_expect(vitro_intercept_user(i), s->started && !s->closed,
                 "an interceptor is closed twice, or before its start");
    s->closed = true;
    list_remove(&s->requests.link);
    list_remove(&s->responses.link);
}

void delay_init(struct world *w)
{
    list_init(&w->held_up);
    w->delay = (vitro_interceptor)VITRO_INTERCEPTOR_INIT;
    w->delay.state_size = sizeof(struct state);
    w->delay.on_start = on_start;
    w->delay.on_request = on_request;
    w->delay.on_headers = on_headers;
    w->delay.on_response = on_response;
    w->delay.on_end = on_end;
    w->delay.on_closed = on_closed;
    w->delay.user = w;
    for (size_t i = some(w, 0, 2); i-- > 0;) /* none, one, or the same one twice */
        w->interceptors[i] = &w->delay;
}

void delay_act(struct world *w)
{
    for (size_t n = some(w, 0, 5); n > 0 && !list_empty(&w->held_up); n--) {
        struct step *s = CONTAINER_OF(list_pop(&w->held_up), struct step, link);
        vitro_intercept_resume(s->intercept);
    }
}

void delay_end(struct world *w)
{
    struct list *item;

    while ((item = list_pop(&w->held_up)) != NULL)
        vitro_intercept_resume(CONTAINER_OF(item, struct step, link)->intercept);
}
