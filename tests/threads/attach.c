/*
 * Viewers attach to a traced client and a server on two loops, and leave again, while calls go on:
 * each gets a stream of its own, and no call is disturbed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vitro/channel.h"
#include "vitro/server.h"
#include "vitro/trace.h"

enum { VIEWERS = 3, VISITS = 12, CLIENTS = 2, CALLS = 400, VISIT_BYTES = 100000 };

static const vitro_method unary = { .path = "/test.Threads/Unary", .kind = VITRO_UNARY };

static char path[100];
static unsigned wrongs, over;

static void expect(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "attach: %s\n", what);
    __atomic_fetch_add(&wrongs, 1, __ATOMIC_RELAXED);
}

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) == VITRO_OK)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events events = { .size = sizeof events, .on_message = answer };

/* ---- viewers --------------------------------------------------------------------------------- */

/* Some of the stream, cut wherever the reader goes; false when nobody listens. */
static int visit(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    uint8_t *p = malloc(VISIT_BYTES);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t n = 0;
    ssize_t got = 1;

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&at, sizeof at)) {
        close(fd);
        free(p);
        return 0;
    }
    while (n < VISIT_BYTES && (got = recv(fd, p + n, VISIT_BYTES - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    expect(n >= 28 && p[0] == 0x0a && p[8] == 0x4d, "a stream begins with something else");
    free(p);
    return 1;
}

static void *viewer_main(void *arg)
{
    (void)arg;
    for (int i = 0; i < VISITS && !__atomic_load_n(&over, __ATOMIC_RELAXED); i++)
        if (!visit())
            break;
    return NULL;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void *client_main(void *arg)
{
    for (int i = 0; i < CALLS; i++) {
        vitro_bytes bytes = { (const uint8_t *)"hello", 5 };
        vitro_reply reply = VITRO_REPLY_INIT;
        expect(vitro_unary(arg, &unary, bytes, NULL, &reply, NULL) == VITRO_OK, "a call failed");
        vitro_reply_done(&reply);
    }
    return NULL;
}

static void start(vitro_loop *loop)
{
    if (vitro_loop_start(loop, NULL) != VITRO_OK)
        abort();
}

struct world {
    vitro_trace *trace;
    vitro_loop *server_loop, *client_loop;
    vitro_server *server;
    vitro_channel *channel;
    char target[64];
};

static void begin(struct world *w)
{
    vitro_server_options o = VITRO_SERVER_OPTIONS_INIT;
    vitro_channel_options c = VITRO_CHANNEL_OPTIONS_INIT;

    o.trace = w->trace;
    if (vitro_server_new(&w->server, &w->server_loop, 1, &o, NULL) != VITRO_OK ||
        vitro_server_add(w->server, &unary, NULL, &events, NULL, NULL) != VITRO_OK ||
        vitro_server_listen(w->server, "ipv4:127.0.0.1:0", w->target, sizeof w->target, NULL) !=
            VITRO_OK)
        abort();
    c.trace = w->trace;
    if (vitro_channel_new(&w->channel, w->client_loop, w->target, &c, NULL) != VITRO_OK)
        abort();
    start(w->server_loop);
    start(w->client_loop);
}

static void run(struct world *w)
{
    pthread_t viewer[VIEWERS], client[CLIENTS];

    for (int i = 0; i < VIEWERS; i++)
        pthread_create(&viewer[i], NULL, viewer_main, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&client[i], NULL, client_main, w->channel);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(client[i], NULL);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    vitro_loop_stop(w->client_loop);
    vitro_channel_free(w->channel);
    vitro_loop_stop(w->server_loop);
    vitro_server_free(w->server);
    vitro_loop_unref(w->client_loop);
    vitro_loop_unref(w->server_loop);
    vitro_trace_unref(w->trace); /* every stream ends */
    for (int i = 0; i < VIEWERS; i++)
        pthread_join(viewer[i], NULL);
}

int main(void)
{
    char folder[] = "/tmp/vitro-attach-XXXXXX", sink[120];
    struct world w = { 0 };

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/trace", folder);
    snprintf(sink, sizeof sink, "listen:%s", path);
    if (vitro_trace_open(&w.trace, sink, NULL, NULL))
        return 1;
    if (vitro_loop_new(&w.server_loop, NULL, NULL) != VITRO_OK ||
        vitro_loop_new(&w.client_loop, NULL, NULL) != VITRO_OK)
        return 1;
    begin(&w);
    run(&w);
    expect(access(path, F_OK) != 0, "the socket's file is still there");
    unlink(path);
    rmdir(folder);
    return wrongs != 0;
}
