#include "interop/client/one_call.h"

#include <string.h>

static const int64_t patience_ns = INT64_C(10000000000);

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct one_call *c = user;
    int at = c->messages++;

    if (!c->type || at >= ONE_CALL_KEPT)
        return;
    c->kept[at] = vitro_stub_receive(call, c->type, m);
    c->compressed[at] = m->flags & VITRO_MESSAGE_COMPRESSED;
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct one_call *c = user;

    c->closed = true;
    c->code = vitro_status_error(status, &c->error);
    c->text_len = status->message.len;
    if (c->text_len && c->text_len <= sizeof c->text)
        memcpy(c->text, status->message.ptr, c->text_len);
}

bool one_call_begin(struct session *s, struct one_call *c, const vitro_method *method,
                    const ProtobufCMessage *request, const vitro_call_options *options)
{
    static const vitro_call_events events = {
        .size = sizeof events,
        .on_message = on_message,
        .on_closed = on_closed,
    };
    vitro_error err;

    memset(c, 0, sizeof *c);
    if (vitro_stub_start(&c->call, s->channel, method, request, options, &events, c, &err))
        return failed_by(s, method->path, &err);
    return true;
}

bool one_call_send(struct session *s, struct one_call *c, const ProtobufCMessage *request,
                   uint32_t flags)
{
    vitro_error err;

    if (vitro_stub_send(c->call, request, flags, NULL, &err))
        return failed_by(s, "a request", &err);
    return true;
}

static bool is_closed(void *one_call)
{
    return ((const struct one_call *)one_call)->closed;
}

bool one_call_answered(void *one_call)
{
    return is_closed(one_call) || ((const struct one_call *)one_call)->messages;
}

bool one_call_wait(struct session *s, struct one_call *c, bool (*done)(void *one_call))
{
    vitro_error err;

    if (vitro_loop_run_until(s->loop, done, c, vitro_loop_now(s->loop) + patience_ns, &err))
        return failed_by(s, "loop", &err);
    return done(c) || failed(s, "nothing happened in 10 s");
}

bool one_call_ends(struct session *s, struct one_call *c, vitro_code code, const char *text)
{
    const char *what = "the call";
    bool good = one_call_wait(s, c, is_closed);

    if (!good)
        vitro_call_cancel(c->call);
    while (!c->closed && !vitro_loop_run(s->loop, 0, NULL))
        ;
    good = good && ended_with(s, what, c->code, code, &c->error);
    if (good && text && (c->text_len != strlen(text) || memcmp(c->text, text, c->text_len)))
        good = failed(s, "%s: another text than was asked for", what);
    vitro_call_unref(c->call);
    return good;
}
