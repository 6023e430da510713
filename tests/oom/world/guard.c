#include "oom/world/guard.h"

/* ---- the interceptor: it waits, and puts other bytes and headers in the place of what comes ---
 */

struct guard {
    vitro_alarm *alarm;
};

static void give_up(vitro_intercept *i)
{
    vitro_intercept_end(i, VITRO_RESOURCE_EXHAUSTED, "the guard has no memory", NULL);
}

static void resume(void *user)
{
    vitro_intercept_resume(user);
}

static vitro_verdict on_start(vitro_intercept *i, vitro_md *md, void *state)
{
    vitro_loop *loop = vitro_call_loop(vitro_intercept_call(i));
    struct guard *g = state;

    if (vitro_md_add_text(md, "guarded", "yes", NULL) != VITRO_OK ||
        vitro_alarm_new(&g->alarm, loop, resume, i, NULL) != VITRO_OK) {
        give_up(i);
        return VITRO_GO_ON;
    }
    vitro_alarm_set(g->alarm, vitro_loop_now(loop) + 1000000);
    return VITRO_SUSPEND;
}

static vitro_verdict on_bytes(vitro_intercept *i, const vitro_message *m, void *state)
{
    if (vitro_intercept_replace(i, m->bytes, NULL) != VITRO_OK)
        give_up(i);
    return VITRO_GO_ON;
}

static vitro_verdict on_headers(vitro_intercept *i, vitro_md *md, void *state)
{
    if (vitro_md_add_text(md, "guarded", "yes", NULL) != VITRO_OK)
        give_up(i);
    return VITRO_GO_ON;
}

static vitro_verdict on_end(vitro_intercept *i, const vitro_status *status, vitro_md *trailers,
                            void *state)
{
    if (vitro_md_add_text(trailers, "guarded", "yes", NULL) != VITRO_OK)
        give_up(i);
    return VITRO_GO_ON;
}

static void on_closed(vitro_intercept *i, const vitro_status *status, void *state)
{
    struct guard *g = state;

    vitro_alarm_free(g->alarm);
}

static const vitro_interceptor guard = { .size = sizeof guard,
                                         .state_size = sizeof(struct guard),
                                         .on_start = on_start,
                                         .on_request = on_bytes,
                                         .on_headers = on_headers,
                                         .on_response = on_bytes,
                                         .on_end = on_end,
                                         .on_closed = on_closed };

const vitro_interceptor *const guards[] = { &guard, NULL };

/* ---- credentials of calls: a token, and an answer ---------------------------------------------
 */

static void answer(vitro_auth *auth, void *user)
{
    vitro_md *md = vitro_md_new();

    if (md && vitro_md_add_text(md, "answered", "yes", NULL) == VITRO_OK)
        vitro_auth_answer(auth, VITRO_OK, NULL, md);
    else
        vitro_auth_answer(auth, VITRO_UNAVAILABLE, "no memory for an answer", NULL);
    vitro_md_free(md);
}

vitro_code guard_credentials(vitro_call_credentials **out, vitro_error *err)
{
    vitro_call_credentials_options o = VITRO_CALL_CREDENTIALS_OPTIONS_INIT;
    vitro_call_credentials *both[2] = { NULL, NULL };
    vitro_code rc;

    o.allow_plain_text = true;
    rc = vitro_call_credentials_token(&both[0], "token", &o, err);
    if (!rc)
        rc = vitro_call_credentials_callback(&both[1], answer, NULL, NULL, &o, err);
    if (!rc)
        rc = vitro_call_credentials_composite(out, both, 2, err);
    vitro_call_credentials_unref(both[0]);
    vitro_call_credentials_unref(both[1]);
    return rc;
}
