/*
 * room - RoomService: what a member says reaches the other members, each once and in order.
 *
 *      member's loop                    home                     the others' loops
 *      on_message  --- say(member) ---> room: its members  ----> deliver(other)
 *      on_closed   --- leave(member) -> room without it
 *
 * Calls belong to the loops of their connections, rooms to one loop: what goes between them is
 * posted, and posts of one sender arrive in order. Each post holds a reference to its member, who
 * may be gone by then; a member's call is touched on its own loop only.
 */
#include "room.vitro.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "serve/serve.h"

enum { BEHIND_MAX = 1024, ROOM_ID = 64 };

struct member {
    struct serve *serve;
    vitro_loop *loop; /* a reference */
    atomic_uint refs;
    /* On its own loop */
    vitro_call *call; /* NULL: closed */
    bool joined, behind;
    unsigned waiting; /* messages queued since it is behind */
    /* At home */
    struct room *room;
    struct member *next;
};

struct room {
    struct room *next;
    struct member *members;
    char id[ROOM_ID];
};

/* What is posted: a message, or a room's name, or nothing. */
struct word {
    struct member *member; /* a reference */
    size_t len;
    uint8_t bytes[];
};

static void member_unref(struct member *m)
{
    if (atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    vitro_loop_unref(m->loop);
    free(m);
}

static void word_free(struct word *w)
{
    member_unref(w->member);
    free(w);
}

/* Post fn(word) to a loop; false when memory is out. */
static bool post(vitro_loop *loop, struct member *m, vitro_bytes bytes, void (*fn)(void *user))
{
    struct word *w = malloc(sizeof *w + bytes.len);

    if (!w)
        return false;
    atomic_fetch_add(&m->refs, 1);
    w->member = m;
    w->len = bytes.len;
    if (bytes.len)
        memcpy(w->bytes, bytes.ptr, bytes.len);
    if (!vitro_loop_post(loop, fn, w))
        return true;
    word_free(w);
    return false;
}

/* ---- on a member's loop: what the others said ----------------------------------------------- */

/* Somebody who does not read must not make the server keep everything that is said. */
static bool keeps_up(struct member *m)
{
    if (!m->behind || m->waiting++ < BEHIND_MAX)
        return true;
    vitro_call_finish(m->call, VITRO_RESOURCE_EXHAUSTED, "too far behind the others", NULL, NULL);
    return false;
}

static void deliver(void *user)
{
    struct word *w = user;
    struct member *m = w->member;
    bool more = true;
    vitro_error err;

    if (m->call && keeps_up(m)) {
        if (vitro_call_send(m->call, (vitro_bytes){ w->bytes, w->len }, 0, &more, &err))
            serve_fail(m->call, &err);
        m->behind |= !more;
    }
    word_free(w);
}

/* ---- at home: rooms ------------------------------------------------------------------------- */

static struct room *room_of(struct serve *s, const struct word *w)
{
    struct room *r = s->rooms;

    while (r && (strlen(r->id) != w->len || memcmp(r->id, w->bytes, w->len) != 0))
        r = r->next;
    if (r)
        return r;
    r = calloc(1, sizeof *r);
    if (r) {
        memcpy(r->id, w->bytes, w->len);
        r->next = s->rooms;
        s->rooms = r;
    }
    return r;
}

static void join(void *user)
{
    struct word *w = user;
    struct member *m = w->member;

    m->room = room_of(m->serve, w);
    if (m->room) {
        m->next = m->room->members;
        m->room->members = m;
        atomic_fetch_add(&m->refs, 1);
    }
    word_free(w);
}

static void say(void *user)
{
    struct word *w = user;
    const struct room *r = w->member->room;

    for (struct member *m = r ? r->members : NULL; m; m = m->next) {
        if (m != w->member)
            post(m->loop, m, (vitro_bytes){ w->bytes, w->len }, deliver);
    }
    word_free(w);
}

static void room_free(struct serve *s, struct room *r)
{
    struct room **at = &s->rooms;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r);
}

static void leave(void *user)
{
    struct word *w = user;
    struct member *m = w->member;
    struct room *r = m->room;

    if (r) {
        struct member **at = &r->members;
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
        m->room = NULL;
        atomic_fetch_sub(&m->refs, 1); /* the word has one more */
        if (!r->members)
            room_free(m->serve, r);
    }
    word_free(w);
}

/* ---- on a member's loop: what it says ------------------------------------------------------- */

static bool enter(struct member *m, const Room__RoomMessage *message)
{
    size_t len = strlen(message->roomid);
    const char *why = NULL;

    if (m->joined)
        return true;
    if (len == 0)
        why = "the first message carries roomId";
    else if (len >= ROOM_ID)
        why = "a roomId has at most 63 bytes";
    if (why)
        vitro_call_finish(m->call, VITRO_INVALID_ARGUMENT, why, NULL, NULL);
    else if (!post(m->serve->home, m, (vitro_bytes){ (const uint8_t *)message->roomid, len }, join))
        serve_out_of_memory(m->call);
    else
        m->joined = true;
    return m->joined;
}

/* The message as the others get it: with the time when it came, unless it has its own. */
static bool pass_on(struct member *m, const Room__RoomMessage *message)
{
    Room__RoomMessage copy = *message;
    size_t n;
    uint8_t *bytes;
    bool ok;

    if (!copy.timestamp)
        copy.timestamp = vitro_loop_wall(m->loop) / 1000000;
    n = room__room_message__get_packed_size(&copy);
    bytes = malloc(n + 1);
    if (!bytes)
        return false;
    room__room_message__pack(&copy, bytes);
    ok = post(m->serve->home, m, (vitro_bytes){ bytes, n }, say);
    free(bytes);
    return ok;
}

static void on_message(vitro_call *call, const Room__RoomMessage *message, void *state)
{
    struct member *m = state;

    if (!enter(m, message) || !message->text[0])
        return;
    serve_log(m->serve, message->userid, message->text);
    if (!pass_on(m, message))
        serve_out_of_memory(call);
}

static void on_writable(vitro_call *call, void *state)
{
    struct member *m = state;

    (void)call;
    m->behind = false;
    m->waiting = 0;
}

static void on_end(vitro_call *call, void *state)
{
    const struct member *m = state;

    if (m->joined)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
    else
        vitro_call_finish(call, VITRO_INVALID_ARGUMENT, "the first message carries roomId", NULL,
                          NULL);
}

static void on_closed(vitro_call *call, const vitro_status *status, void *state)
{
    struct member *m = state;

    (void)call;
    (void)status;
    m->call = NULL;
    if (m->joined)
        post(m->serve->home, m, (vitro_bytes){ NULL, 0 }, leave);
    member_unref(m);
}

/* ---- the service ---------------------------------------------------------------------------- */

static void join_room(vitro_call *call, void *user)
{
    static const room_room_service_join_room_handler handler = {
        .call = { .size = sizeof(vitro_call_events),
                  .on_message = room_room_service_join_room_receive,
                  .on_end = on_end,
                  .on_writable = on_writable,
                  .on_closed = on_closed },
        .on_message = on_message,
    };
    struct member *m = calloc(1, sizeof *m);

    if (!m) {
        serve_out_of_memory(call);
        return;
    }
    m->serve = user;
    m->loop = vitro_loop_ref(vitro_call_loop(call));
    m->call = call;
    atomic_init(&m->refs, 1);
    room_room_service_join_room_serve(call, &handler, m);
}

vitro_code serve_room(struct serve *s, vitro_server *server, vitro_error *err)
{
    static const room_room_service_handlers handlers = {
        .size = sizeof handlers,
        .join_room = join_room,
    };

    return room_room_service_register(server, &handlers, s, err);
}

/* Those whose leaving found no memory, or no turn any more. */
void serve_done(struct serve *s)
{
    while (s->rooms) {
        struct room *r = s->rooms;
        s->rooms = r->next;
        while (r->members) {
            struct member *m = r->members;
            r->members = m->next;
            m->room = NULL;
            member_unref(m);
        }
        free(r);
    }
}
