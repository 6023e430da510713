#include "support/pair.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const vitro_method echo_unary = { "/test.Echo/Unary", VITRO_UNARY, NULL };
const vitro_method echo_client_stream = { "/test.Echo/ClientStream", VITRO_CLIENT_STREAMING, NULL };
const vitro_method echo_server_stream = { "/test.Echo/ServerStream", VITRO_SERVER_STREAMING, NULL };
const vitro_method echo_bidi = { "/test.Echo/Bidi", VITRO_BIDI_STREAMING, NULL };

/* ---- the server's methods ------------------------------------------------------------------- */

static void answer_unary(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_code rc = vitro_call_send(call, m->bytes, 0, NULL, NULL);

    vitro_call_finish(call, rc, NULL, NULL, NULL);
}

static void answer_server_stream(vitro_call *call, const vitro_message *m, void *user)
{
    for (size_t i = 0; i < m->bytes.len; i++) {
        if (vitro_call_send(call, m->bytes, 0, NULL, NULL) != VITRO_OK)
            return;
    }
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void begin_count(vitro_call *call, const vitro_md *md, void *user)
{
    vitro_call_set_user(call, calloc(1, sizeof(size_t)));
}

static void add_count(vitro_call *call, const vitro_message *m, void *user)
{
    *(size_t *)user += m->bytes.len;
}

static void answer_count(vitro_call *call, void *user)
{
    char text[32];

    snprintf(text, sizeof text, "%zu", *(size_t *)user);
    if (vitro_call_send(call, bytes_of(text), 0, NULL, NULL) == VITRO_OK)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void free_count(vitro_call *call, const vitro_status *status, void *user)
{
    free(user);
}

static void answer_bidi(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_code rc = vitro_call_send(call, m->bytes, 0, NULL, NULL);

    if (rc != VITRO_OK)
        vitro_call_finish(call, rc, NULL, NULL, NULL);
}

static void end_bidi(vitro_call *call, void *user)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events unary_events = { .size = sizeof unary_events,
                                                .on_message = answer_unary };
static const vitro_call_events server_stream_events = { .size = sizeof unary_events,
                                                        .on_message = answer_server_stream };
static const vitro_call_events client_stream_events = { .size = sizeof unary_events,
                                                        .on_headers = begin_count,
                                                        .on_message = add_count,
                                                        .on_end = answer_count,
                                                        .on_closed = free_count };
static const vitro_call_events bidi_events = { .size = sizeof unary_events,
                                               .on_message = answer_bidi,
                                               .on_end = end_bidi };

/* ---- the world ------------------------------------------------------------------------------ */

void pair_init(struct pair *p)
{
    memset(p, 0, sizeof *p);
    p->server_options = (vitro_server_options)VITRO_SERVER_OPTIONS_INIT;
    p->channel_options = (vitro_channel_options)VITRO_CHANNEL_OPTIONS_INIT;
    p->sim_options = (vitro_sim_options)VITRO_SIM_OPTIONS_INIT;
    snprintf(p->target, sizeof p->target, "sim:server");
}

static void add(vitro_server *s, const vitro_method *m, const vitro_call_events *e)
{
    cr_assert_eq(vitro_server_add(s, m, NULL, e, NULL, NULL), VITRO_OK);
}

static void make_real_world(struct pair *p)
{
    cr_assert_eq(vitro_loop_new(&p->server_loop, NULL, NULL), VITRO_OK);
    p->client_loop = vitro_loop_ref(p->server_loop);
    snprintf(p->target, sizeof p->target, "ipv4:127.0.0.1:0");
}

void pair_make_world(struct pair *p)
{
    if (p->sockets) {
        make_real_world(p);
        return;
    }
    cr_assert_eq(vitro_sim_new(&p->sim, &p->sim_options, NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(p->sim, &p->server_loop, "server", NULL), VITRO_OK);
    cr_assert_eq(vitro_sim_loop(p->sim, &p->client_loop, "client", NULL), VITRO_OK);
}

vitro_server *pair_another_server(struct pair *p)
{
    vitro_server *s;

    cr_assert_eq(vitro_server_new(&s, &p->server_loop, 1, &p->server_options, NULL), VITRO_OK);
    add(s, &echo_unary, &unary_events);
    add(s, &echo_server_stream, &server_stream_events);
    add(s, &echo_client_stream, &client_stream_events);
    add(s, &echo_bidi, &bidi_events);
    return s;
}

void pair_make_server(struct pair *p)
{
    pair_make_world(p);
    p->server = pair_another_server(p);
}

void pair_make_channel(struct pair *p)
{
    cr_assert_eq(
        vitro_channel_new(&p->channel, p->client_loop, p->target, &p->channel_options, NULL),
        VITRO_OK);
}

void pair_listen(struct pair *p)
{
    char bound[sizeof p->target], text[512];
    vitro_error err;

    if (!p->server)
        pair_make_server(p);
    if (vitro_server_listen_secure(p->server, p->target, p->server_credentials, bound, sizeof bound,
                                   &err) != VITRO_OK) {
        vitro_error_format(&err, text, sizeof text);
        cr_assert_fail("%s", text);
    }
    memcpy(p->target, bound, sizeof bound);
}

void pair_start(struct pair *p)
{
    pair_listen(p);
    pair_make_channel(p);
}

void pair_run(struct pair *p)
{
    vitro_sim_run(p->sim);
}

void pair_stop(struct pair *p)
{
    vitro_channel_free(p->channel);
    vitro_server_free(p->server);
    vitro_loop_unref(p->client_loop);
    vitro_loop_unref(p->server_loop);
    vitro_sim_free(p->sim);
}

/* ---- records -------------------------------------------------------------------------------- */

static void note(struct record *r, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(r->text + r->len, sizeof r->text - r->len, format, args);
    va_end(args);
    if (n > 0 && r->len + (size_t)n < sizeof r->text)
        r->len += (size_t)n;
}

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct record *r = user;

    note(r, "headers ");
    r->headers = vitro_md_new();
    cr_assert_eq(vitro_md_append(r->headers, md, NULL), VITRO_OK);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct record *r = user;

    r->messages++;
    r->bytes += m->bytes.len;
    if (m->bytes.len <= 16)
        note(r, "message(%.*s) ", (int)m->bytes.len, (const char *)m->bytes.ptr);
    else
        note(r, "message[%zu] ", m->bytes.len);
}

static void on_end(vitro_call *call, void *user)
{
    note(user, "end ");
}

static void on_writable(vitro_call *call, void *user)
{
    note(user, "writable ");
}

static void on_cancelled(vitro_call *call, void *user)
{
    note(user, "cancelled ");
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct record *r = user;

    cr_assert(!r->closed, "closed twice");
    r->closed = true;
    r->code = status->code;
    snprintf(r->message, sizeof r->message, "%.*s", (int)status->message.len,
             status->message.len ? status->message.ptr : "");
    r->has_error = status->error != NULL;
    if (status->error)
        r->error = *status->error;
    r->trailers = vitro_md_new();
    cr_assert_eq(vitro_md_append(r->trailers, status->trailers, NULL), VITRO_OK);
    note(r, "closed %s", vitro_code_name((int)status->code));
}

const vitro_call_events record_events = { .size = sizeof record_events,
                                          .on_headers = on_headers,
                                          .on_message = on_message,
                                          .on_end = on_end,
                                          .on_writable = on_writable,
                                          .on_cancelled = on_cancelled,
                                          .on_closed = on_closed };

void record_done(struct record *r)
{
    vitro_md_free(r->headers);
    vitro_md_free(r->trailers);
    memset(r, 0, sizeof *r);
}

vitro_call *pair_call(struct pair *p, const vitro_method *method, const vitro_call_options *o,
                      struct record *r)
{
    vitro_call *call;
    vitro_error err;

    cr_assert_eq(vitro_call_start(&call, p->channel, method, o, &record_events, r, &err), VITRO_OK);
    return call;
}
