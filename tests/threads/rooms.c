/*
 * Rooms of `vitro serve` over three loops with threads of their own: members on threads of their
 * own talk at once, some leave without a word; then a drain, and everything is freed.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room.vitro.h"
#include "serve/serve.h"

enum { THREADS = 5, ROUNDS = 4, POSTS = 40, LOOPS = 3 };

static unsigned bad;

static void expect(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "rooms: %s\n", what);
    __atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
}

/* ---- the members ---------------------------------------------------------------------------- */

struct member {
    const char *target;
    int number, round;
    room_room_service_join_room_stream stream;
    bool here[THREADS]; /* who is known to be in the room */
    int heard[THREADS]; /* how many posts of each */
};

static void say(struct member *m, const char *text)
{
    Room__RoomMessage message = ROOM__ROOM_MESSAGE__INIT;
    char room[16], who[16];

    snprintf(room, sizeof room, "round %d", m->round);
    snprintf(who, sizeof who, "%d", m->number);
    message.roomid = room;
    message.userid = who;
    message.text = (char *)text;
    expect(room_room_service_join_room_write(&m->stream, &message, NULL) == VITRO_OK,
           "a write failed");
}

static int sum(const struct member *m, bool posts)
{
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        n += posts ? m->heard[i] : m->here[i];
    return n;
}

/* Whose "here" is new does not know of us: it came later. */
static bool hear(struct member *m)
{
    Room__RoomMessage *message;

    if (room_room_service_join_room_read(&m->stream, &message, NULL) || !message) {
        expect(0, "a read failed");
        return false;
    }
    int who = atoi(message->userid);
    expect(who >= 0 && who < THREADS && who != m->number, "heard from nobody");
    if (strcmp(message->text, "here") != 0) {
        expect(atoi(message->text) == m->heard[who]++, "posts are not in order");
    } else if (!m->here[who]) {
        m->here[who] = true;
        say(m, "here");
    }
    room__room_message__free_unpacked(message, NULL);
    return true;
}

static void attend(struct member *m, vitro_channel *channel)
{
    char text[16];
    bool ok = true;

    if (room_room_service_join_room(channel, &m->stream, NULL, NULL)) {
        expect(0, "a call did not open");
        return;
    }
    say(m, "here");
    while (ok && sum(m, false) < THREADS - 1)
        ok = hear(m);
    for (int i = 0; ok && i < POSTS; i++) {
        snprintf(text, sizeof text, "%d", i);
        say(m, text);
    }
    while (ok && sum(m, true) < (THREADS - 1) * POSTS)
        ok = hear(m);
    if (m->number % 2) {
        vitro_call_abort(m->stream.call);
        expect(room_room_service_join_room_close(&m->stream, NULL, NULL) == VITRO_CANCELLED,
               "a cancelled call ended otherwise");
    } else {
        room_room_service_join_room_write_end(&m->stream, NULL);
        expect(room_room_service_join_room_close(&m->stream, NULL, NULL) == VITRO_OK,
               "a call ended otherwise");
    }
}

static void *member_main(void *arg)
{
    struct member *m = arg;

    for (int i = 0; i < ROUNDS; i++) {
        vitro_channel *channel;
        if (vitro_channel_new(&channel, NULL, m->target, NULL, NULL) != VITRO_OK)
            abort();
        memset(m->here, 0, sizeof m->here);
        memset(m->heard, 0, sizeof m->heard);
        m->round = i;
        attend(m, channel);
        vitro_channel_free(channel);
    }
    return NULL;
}

/* ---- the world ------------------------------------------------------------------------------ */

static vitro_server *server;
static sem_t drained;

static void on_drained(vitro_server *s, void *user)
{
    (void)s;
    (void)user;
    sem_post(&drained);
}

static void drain(void *user)
{
    vitro_server_drain(server, 0, on_drained, user);
}

static void run_members(const char *target)
{
    pthread_t threads[THREADS];
    struct member members[THREADS];

    memset(members, 0, sizeof members);
    for (int i = 0; i < THREADS; i++) {
        members[i].target = target;
        members[i].number = i;
        pthread_create(&threads[i], NULL, member_main, &members[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    vitro_loop *loops[LOOPS];
    struct serve serve;
    char target[64];

    for (int i = 0; i < LOOPS; i++) {
        if (vitro_loop_new(&loops[i], NULL, NULL))
            abort();
    }
    serve_init(&serve, loops[0], NULL);
    if (vitro_server_new(&server, loops, LOOPS, NULL, NULL) ||
        serve_register(&serve, server, NULL) ||
        vitro_server_listen(server, "ipv4:127.0.0.1:0", target, sizeof target, NULL))
        abort();
    sem_init(&drained, 0, 0);
    for (int i = 0; i < LOOPS; i++) {
        if (vitro_loop_start(loops[i], NULL))
            abort();
    }
    run_members(target);
    if (vitro_loop_post(loops[0], drain, NULL))
        abort();
    sem_wait(&drained);
    for (int i = LOOPS; i-- > 0;)
        vitro_loop_stop(loops[i]);
    vitro_server_free(server);
    for (int i = LOOPS; i-- > 0;)
        vitro_loop_unref(loops[i]);
    expect(serve.rooms == NULL, "a room is left");
    serve_done(&serve);
    sem_destroy(&drained);
    return bad != 0;
}
