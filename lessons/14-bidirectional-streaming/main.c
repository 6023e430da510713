/*
 * 14-bidirectional-streaming - both sides speak, each at its own pace: the chat's echo, the same
 * with a server that never ends its side, then a room of three (room.c).
 */
#include <stdio.h>

#include "../lesson_feed.h"
#include "../lesson_stage.h"
#include "chat.vitro.h"
#include "room.h"

/* What both sides share. */
struct talk {
    lesson *l;
    bool forgets; /* the server, to end its side */
    struct room room;
};

/* ---- the server ----------------------------------------------------------------------------- */

static void on_talk(vitro_call *call, const Chat__ChatMessage *message, void *talk)
{
    const struct talk *t = talk;
    Chat__ChatMessage echo = CHAT__CHAT_MESSAGE__INIT;
    char server[] = "서버", text[256];

    lesson_say(t->l, "server: %s: %s", message->userid, message->text);
    snprintf(text, sizeof text, "에코: %s", message->text);
    echo.userid = server;
    echo.text = text;
    (void)!chat_chat_service_chat_respond(call, &echo, NULL, NULL);
}

/* The client has nothing more to say. */
static void on_talk_end(vitro_call *call, void *talk)
{
    const struct talk *t = talk;

    if (!t->forgets)
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void chat(vitro_call *call, void *talk)
{
    static const chat_chat_service_chat_handler handler = {
        .call = { .size = sizeof handler.call,
                  .on_message = chat_chat_service_chat_receive,
                  .on_end = on_talk_end },
        .on_message = on_talk,
    };

    chat_chat_service_chat_serve(call, &handler, talk);
}

static vitro_code serve(vitro_server *server, void *talk, vitro_error *err)
{
    static const chat_chat_service_handlers handlers = { .size = sizeof handlers, .chat = chat };
    struct talk *t = talk;
    vitro_code rc = chat_chat_service_register(server, &handlers, t, err);

    return rc ? rc : room_serve(server, &t->room, err);
}

/* ---- the client ----------------------------------------------------------------------------- */

static vitro_code write_text(chat_chat_service_chat_stream *stream, char *text)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    char user_id[] = "사용자1";

    message.userid = user_id;
    message.text = text;
    return chat_chat_service_chat_write(stream, &message, NULL);
}

static void read_texts(lesson *l, chat_chat_service_chat_stream *stream, int n)
{
    Chat__ChatMessage *message;

    while (n-- && !chat_chat_service_chat_read(stream, &message, NULL) && message) {
        lesson_say(l, "%s: %s", message->userid, message->text);
        chat__chat_message__free_unpacked(message, NULL);
    }
}

/* Two messages, two echoes; three seconds later the client ends its side, and the server follows.
 */
static vitro_code talk_and_end(lesson *l, vitro_channel *channel, vitro_error *err)
{
    chat_chat_service_chat_stream stream;
    char hello[] = "안녕하세요!", nice[] = "반갑습니다!";
    vitro_code rc = chat_chat_service_chat(channel, &stream, NULL, err);

    if (rc)
        return rc;
    if (!write_text(&stream, hello) && !write_text(&stream, nice))
        read_texts(l, &stream, 2);
    lesson_wait(l, 3000);
    (void)!chat_chat_service_chat_write_end(&stream, NULL);
    rc = chat_chat_service_chat_close(&stream, NULL, err);
    lesson_say(l, "chat: end");
    return rc;
}

/* The same with a server that does not follow: the client waits, and gives up. */
static vitro_code talk_in_vain(lesson *l, vitro_channel *channel, vitro_error *err)
{
    chat_chat_service_chat_stream stream;
    char hello[] = "안녕하세요!";
    vitro_code rc = chat_chat_service_chat(channel, &stream, NULL, err);

    if (rc)
        return rc;
    if (!write_text(&stream, hello) && !chat_chat_service_chat_write_end(&stream, NULL))
        read_texts(l, &stream, 1);
    lesson_wait(l, 5000);
    lesson_say(l, "client: five seconds, and no status");
    vitro_call_cancel(stream.call);
    rc = chat_chat_service_chat_close(&stream, NULL, err);
    return rc == VITRO_CANCELLED ? VITRO_OK : VITRO_INTERNAL;
}

static vitro_code call(vitro_channel *channel, void *talk, vitro_error *err)
{
    struct talk *t = talk;
    vitro_code rc = talk_and_end(t->l, channel, err);

    t->forgets = true;
    if (!rc)
        rc = talk_in_vain(t->l, channel, err);
    return rc ? rc : room_call(channel, &t->room, err);
}

static vitro_code play(lesson *l, vitro_error *err)
{
    static const lesson_sides sides = { serve, call };
    struct talk t = { .l = l, .room = { .l = l } };

    return lesson_stage(l, &sides, &t, err);
}

int main(int argc, char **argv)
{
    return lesson_main(argc, argv, play);
}
