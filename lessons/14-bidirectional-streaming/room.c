#include "room.h"

#include <stdio.h>

#include "../lesson_feed.h"
#include "room.vitro.h"

/* ---- the server ----------------------------------------------------------------------------- */

/* The first message of a member says which room; what follows reaches all the others. */
static void on_post(vitro_call *call, const Room__RoomMessage *message, void *room)
{
    struct room *r = room;

    if (*message->roomid && r->joined < ROOM_MEMBERS) {
        r->members[r->joined++] = call;
        return;
    }
    for (int i = 0; i < r->joined; i++) {
        if (r->members[i] != call)
            (void)!room_room_service_join_room_respond(r->members[i], message, NULL, NULL);
    }
}

/* Who has nothing more to say may go on listening. When nobody has, the room closes. */
static void on_post_end(vitro_call *call, void *room)
{
    struct room *r = room;

    (void)call;
    if (++r->silent < ROOM_MEMBERS)
        return;
    for (int i = 0; i < r->joined; i++)
        vitro_call_finish(r->members[i], VITRO_OK, NULL, NULL, NULL);
}

static void join_room(vitro_call *call, void *room)
{
    static const room_room_service_join_room_handler handler = {
        .call = { .size = sizeof handler.call,
                  .on_message = room_room_service_join_room_receive,
                  .on_end = on_post_end },
        .on_message = on_post,
    };

    room_room_service_join_room_serve(call, &handler, room);
}

vitro_code room_serve(vitro_server *server, struct room *room, vitro_error *err)
{
    static const room_room_service_handlers handlers = { .size = sizeof handlers,
                                                         .join_room = join_room };

    return room_room_service_register(server, &handlers, room, err);
}

/* ---- the client: all three members ---------------------------------------------------------- */

typedef room_room_service_join_room_stream member;

static vitro_code join(vitro_channel *channel, member *m, int number, vitro_error *err)
{
    Room__RoomMessage message = ROOM__ROOM_MESSAGE__INIT;
    char room_id[] = "room1", user_id[32];
    vitro_code rc = room_room_service_join_room(channel, m, NULL, err);

    if (rc)
        return rc;
    snprintf(user_id, sizeof user_id, "사용자%d", number);
    message.roomid = room_id;
    message.userid = user_id;
    return room_room_service_join_room_write(m, &message, err);
}

/* The first one says hello. */
static vitro_code greet(lesson *l, member *m, vitro_error *err)
{
    Room__RoomMessage message = ROOM__ROOM_MESSAGE__INIT;
    char user_id[] = "사용자1", text[] = "안녕하세요!";

    message.userid = user_id;
    message.text = text;
    message.timestamp = vitro_loop_wall(l->loop) / 1000000;
    return room_room_service_join_room_write(m, &message, err);
}

static vitro_code hear(lesson *l, member *m, int number, vitro_error *err)
{
    Room__RoomMessage *message;
    vitro_code rc = room_room_service_join_room_read(m, &message, err);

    if (rc || !message)
        return rc;
    lesson_say(l, "room: 사용자%d hears %s: %s", number, message->userid, message->text);
    room__room_message__free_unpacked(message, NULL);
    return VITRO_OK;
}

/* The third member only listens: its side ends before anybody speaks. */
static vitro_code act(lesson *l, member m[ROOM_MEMBERS], vitro_error *err)
{
    vitro_code rc = room_room_service_join_room_write_end(&m[2], err);

    lesson_wait(l, 100); /* who speaks before the others are there is not heard */
    if (!rc)
        rc = greet(l, &m[0], err);
    for (int i = 1; i < ROOM_MEMBERS && !rc; i++)
        rc = hear(l, &m[i], i + 1, err);
    for (int i = 0; i < 2 && !rc; i++)
        rc = room_room_service_join_room_write_end(&m[i], err);
    return rc;
}

vitro_code room_call(vitro_channel *channel, struct room *room, vitro_error *err)
{
    member m[ROOM_MEMBERS] = { { NULL } };
    vitro_code rc = VITRO_OK;

    for (int i = 0; i < ROOM_MEMBERS && !rc; i++)
        rc = join(channel, &m[i], i + 1, err);
    if (!rc)
        rc = act(room->l, m, err);
    for (int i = 0; i < ROOM_MEMBERS && m[i].call; i++) {
        if (rc)
            vitro_call_cancel(m[i].call);
        if (room_room_service_join_room_close(&m[i], NULL, rc ? NULL : err) && !rc)
            rc = err->code;
    }
    return rc;
}
