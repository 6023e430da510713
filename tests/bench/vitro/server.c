/*
 * server - bench.proto served by vitro, for a column beside the other implementations.
 *
 *      server PORT [stubs] [CERTIFICATE KEY]        with both, under TLS
 *
 * ServerStream and the answer of ClientStream go through generated stubs. Unary and Bidi echo the
 * bytes as they came, as the bare server does, and ClientStream counts them; "stubs" makes Unary
 * unpack and pack its message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.vitro.h"
#include "vitro/credentials.h"
#include "vitro/server.h"

static void die(const char *what, const vitro_error *err)
{
    char text[512];

    vitro_error_format(err, text, sizeof text);
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static void finish(vitro_call *call)
{
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void echo_once(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) == VITRO_OK)
        finish(call);
}

static void echo(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) != VITRO_OK)
        vitro_call_cancel(call);
}

static void echo_end(vitro_call *call, void *user)
{
    (void)user;
    finish(call);
}

static void unary(vitro_call *call, const Bench__Payload *request, void *user)
{
    (void)user;
    if (bench_bench_unary_reply(call, request, NULL) != VITRO_OK)
        vitro_call_cancel(call);
}

/* ---- many out: on as long as the peer keeps up ---------------------------------------------- */

struct outgoing {
    Bench__Payload payload;
    int32_t left;
};

static void go_on(vitro_call *call, void *user)
{
    struct outgoing *o = user;
    bool more = true;

    while (more && o->left > 0) {
        if (bench_bench_server_stream_respond(call, &o->payload, &more, NULL) != VITRO_OK)
            return;
        o->left--;
    }
    if (o->left == 0)
        finish(call);
}

static void outgoing_free(vitro_call *call, const vitro_status *status, void *user)
{
    struct outgoing *o = user;

    (void)call;
    (void)status;
    free(o->payload.body.data);
    free(o);
}

static const vitro_call_events outgoing_events = { .size = sizeof outgoing_events,
                                                   .on_writable = go_on,
                                                   .on_closed = outgoing_free };

static void server_stream(vitro_call *call, const Bench__StreamReq *request, void *user)
{
    struct outgoing *o = malloc(sizeof *o);
    size_t size = request->size > 0 ? (size_t)request->size : 0;

    (void)user;
    bench__payload__init(&o->payload);
    o->payload.body.data = memset(malloc(size + 1), 'x', size);
    o->payload.body.len = size;
    o->left = request->count;
    vitro_stub_serve(call, &outgoing_events, o);
    go_on(call, o);
}

/* ---- many in -------------------------------------------------------------------------------- */

static void count_begin(vitro_call *call, const vitro_md *md, void *user)
{
    (void)md;
    (void)user;
    vitro_call_set_user(call, calloc(1, sizeof(Bench__Summary)));
}

static void count(vitro_call *call, const vitro_message *m, void *user)
{
    Bench__Summary *s = user;

    (void)call;
    s->count++;
    s->bytes += (int64_t)m->bytes.len;
}

static void count_end(vitro_call *call, void *user)
{
    Bench__Summary reply = BENCH__SUMMARY__INIT;
    const Bench__Summary *s = user;

    reply.count = s->count;
    reply.bytes = s->bytes;
    if (bench_bench_client_stream_reply(call, &reply, NULL) != VITRO_OK)
        vitro_call_cancel(call);
}

static void count_free(vitro_call *call, const vitro_status *status, void *user)
{
    (void)call;
    (void)status;
    free(user);
}

static const vitro_call_events unary_events = { .size = sizeof unary_events,
                                                .on_message = echo_once };
static const vitro_call_events bidi_events = { .size = sizeof bidi_events,
                                               .on_message = echo,
                                               .on_end = echo_end };
static const vitro_call_events count_events = { .size = sizeof count_events,
                                                .on_headers = count_begin,
                                                .on_message = count,
                                                .on_end = count_end,
                                                .on_closed = count_free };

static void add(vitro_server *server, const vitro_method *method, const vitro_call_events *events)
{
    vitro_error err;

    if (vitro_server_add(server, method, NULL, events, NULL, &err) != VITRO_OK)
        die(method->path, &err);
}

static void add_all(vitro_server *server, bool stubs)
{
    static bench_bench_handlers handlers = BENCH_BENCH_HANDLERS_INIT;

    handlers.server_stream = server_stream;
    handlers.unary = stubs ? unary : NULL;
    if (bench_bench_register(server, &handlers, NULL, NULL) != VITRO_OK)
        exit(1);
    if (!stubs)
        add(server, &bench_bench_unary_method, &unary_events);
    add(server, &bench_bench_bidi_method, &bidi_events);
    add(server, &bench_bench_client_stream_method, &count_events);
}

static void listen_on(vitro_server *server, const char *port, char **files)
{
    vitro_credentials_options tls = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *credentials = NULL;
    vitro_error err;
    char target[64];

    snprintf(target, sizeof target, "ipv4:127.0.0.1:%s", port);
    if (files) {
        tls.certificate_file = files[0];
        tls.key_file = files[1];
        if (vitro_credentials_server(&credentials, &tls, &err) != VITRO_OK)
            die(files[0], &err);
    }
    if ((files ? vitro_server_listen_secure(server, target, credentials, NULL, 0, &err)
               : vitro_server_listen(server, target, NULL, 0, &err)) != VITRO_OK)
        die(target, &err);
    vitro_credentials_unref(credentials);
}

int main(int argc, char **argv)
{
    vitro_server_options options = VITRO_SERVER_OPTIONS_INIT;
    bool stubs = argc > 2 && strcmp(argv[2], "stubs") == 0;
    vitro_server *server;
    vitro_loop *loop;
    vitro_error err;

    if (argc < 2)
        return 2;
    options.max_streams = 100000;
    if (vitro_loop_new(&loop, NULL, &err) != VITRO_OK ||
        vitro_server_new(&server, &loop, 1, &options, &err) != VITRO_OK)
        die("server", &err);
    add_all(server, stubs);
    listen_on(server, argv[1], argc > 3 + stubs ? argv + 2 + stubs : NULL);
    printf("ready\n");
    fflush(stdout);
    return vitro_loop_run_until(loop, NULL, NULL, INT64_MAX, NULL) == VITRO_OK ? 0 : 1;
}
