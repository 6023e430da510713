/*
 * Blocking calls from several threads on one channel whose loop has a thread of its own, to a
 * server that spreads its connections over two loops; then a drain, and everything is freed.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitro/channel.h"
#include "vitro/server.h"

enum { THREADS = 4, ROUNDS = 60, MESSAGES = 5 };

static const vitro_method unary = { .path = "/test.Threads/Unary", .kind = VITRO_UNARY };
static const vitro_method bidi = { .path = "/test.Threads/Bidi", .kind = VITRO_BIDI_STREAMING };

static unsigned bad;

static void expect(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "calls: %s\n", what);
    __atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
}

/* ---- the server ----------------------------------------------------------------------------- */

static void answer(vitro_call *call, const vitro_message *m, void *user)
{
    (void)user;
    if (vitro_call_send(call, m->bytes, 0, NULL, NULL) == VITRO_OK)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void echo(vitro_call *call, const vitro_message *m, void *user)
{
    vitro_code rc = vitro_call_send(call, m->bytes, 0, NULL, NULL);

    (void)rc; /* the client may have gone */
    (void)user;
}

static void finish(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static const vitro_call_events unary_events = { .size = sizeof unary_events, .on_message = answer };
static const vitro_call_events bidi_events = { .size = sizeof bidi_events,
                                               .on_message = echo,
                                               .on_end = finish };

/* ---- the clients ---------------------------------------------------------------------------- */

static void call_once(vitro_channel *channel, vitro_bytes bytes)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_code rc = vitro_unary(channel, &unary, bytes, NULL, &reply, NULL);

    expect(rc == VITRO_OK, "a unary call failed");
    expect(reply.message.len == bytes.len && !memcmp(reply.message.ptr, bytes.ptr, bytes.len),
           "a unary call brought back something else");
    vitro_reply_done(&reply);
}

static void talk(vitro_channel *channel, vitro_bytes bytes, int abort)
{
    vitro_call *call;
    vitro_message m;

    if (vitro_call_open(&call, channel, &bidi, NULL, NULL) != VITRO_OK) {
        expect(0, "a call did not open");
        return;
    }
    for (int i = 0; i < MESSAGES; i++) {
        expect(vitro_call_write(call, bytes, 0, NULL) == VITRO_OK, "a write failed");
        expect(vitro_call_read(call, &m, NULL) == VITRO_OK && m.bytes.len == bytes.len,
               "a read failed");
    }
    if (abort)
        vitro_call_abort(call);
    expect(vitro_call_close(call, NULL, NULL) == (abort ? VITRO_CANCELLED : VITRO_OK),
           "a call ended otherwise");
}

static void *client_main(void *arg)
{
    vitro_channel *channel = arg;
    char text[64];

    for (int i = 0; i < ROUNDS; i++) {
        vitro_bytes bytes = { (const uint8_t *)text, 0 };

        snprintf(text, sizeof text, "round %d", i);
        bytes.len = strlen(text);
        call_once(channel, bytes);
        if (i % 4 == 0)
            talk(channel, bytes, i % 8 == 0);
    }
    return NULL;
}

/* Until it is READY, from a thread that makes no call. */
static void *watcher_main(void *arg)
{
    vitro_channel *channel = arg;
    vitro_channel_state state = vitro_channel_get_state(channel);

    vitro_channel_connect(channel);
    while (state != VITRO_CHANNEL_READY) {
        if (vitro_channel_wait(channel, state, INT64_C(20000000000), &state, NULL) != VITRO_OK) {
            expect(0, "a channel is not READY");
            break;
        }
    }
    vitro_channel_reset_backoff(channel);
    return NULL;
}

/* ---- the world ------------------------------------------------------------------------------ */

struct ending {
    vitro_server *server;
    sem_t drained;
};

static void on_drained(vitro_server *server, void *user)
{
    (void)server;
    sem_post(&((struct ending *)user)->drained);
}

static void drain(void *user)
{
    vitro_server_drain(((struct ending *)user)->server, 0, on_drained, user);
}

static vitro_loop *new_loop(void)
{
    vitro_loop *loop;

    if (vitro_loop_new(&loop, NULL, NULL) != VITRO_OK)
        abort();
    return loop;
}

static void start(vitro_loop *loop)
{
    if (vitro_loop_start(loop, NULL) != VITRO_OK)
        abort();
}

static vitro_server *new_server(vitro_loop *const *loops, char *target, size_t size)
{
    vitro_server *server;

    if (vitro_server_new(&server, loops, 2, NULL, NULL) != VITRO_OK ||
        vitro_server_add(server, &unary, NULL, &unary_events, NULL, NULL) != VITRO_OK ||
        vitro_server_add(server, &bidi, NULL, &bidi_events, NULL, NULL) != VITRO_OK ||
        vitro_server_listen(server, "ipv4:127.0.0.1:0", target, size, NULL) != VITRO_OK)
        abort();
    return server;
}

/* Two channels on one loop; each is used by half of the threads. */
static void run_clients(const char *target)
{
    vitro_loop *loop = new_loop();
    vitro_channel *channel[2];
    pthread_t thread[THREADS], watcher[2];

    for (int i = 0; i < 2; i++) {
        if (vitro_channel_new(&channel[i], loop, target, NULL, NULL) != VITRO_OK)
            abort();
    }
    start(loop);
    for (int i = 0; i < 2; i++)
        pthread_create(&watcher[i], NULL, watcher_main, channel[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, client_main, channel[i % 2]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(watcher[i], NULL);
    vitro_channel_free(channel[0]); /* while the loop runs */
    vitro_loop_stop(loop);
    vitro_channel_free(channel[1]); /* driven here */
    vitro_loop_unref(loop);
}

int main(void)
{
    vitro_loop *loops[2] = { new_loop(), new_loop() };
    struct ending ending;
    char target[64];

    ending.server = new_server(loops, target, sizeof target);
    sem_init(&ending.drained, 0, 0);
    start(loops[0]);
    start(loops[1]);
    run_clients(target);
    if (vitro_loop_post(loops[0], drain, &ending) != VITRO_OK)
        abort();
    sem_wait(&ending.drained);
    vitro_loop_stop(loops[1]);
    vitro_loop_stop(loops[0]);
    vitro_server_free(ending.server);
    vitro_loop_unref(loops[0]);
    vitro_loop_unref(loops[1]);
    sem_destroy(&ending.drained);
    return bad != 0;
}
