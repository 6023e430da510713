#include "answers.h"

#include "../lesson_feed.h"
#include "chat.vitro.h"
#include "vitro/stub.h"

/* ---- the server ----------------------------------------------------------------------------- */

static void on_answer(vitro_call *call, const Chat__ChatMessage *answer, void *l)
{
    (void)call;
    lesson_say(l, "server: the client says: %s", answer->text);
}

static void on_last(vitro_call *call, void *l)
{
    (void)l;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

void answers_hear(vitro_call *call, void *l)
{
    static const chat_chat_service_chat_handler handler = {
        .call = { .size = sizeof handler.call,
                  .on_message = chat_chat_service_chat_receive,
                  .on_end = on_last },
        .on_message = on_answer,
    };

    chat_chat_service_chat_serve(call, &handler, l);
}

/* ---- the client ----------------------------------------------------------------------------- */

enum { PAUSE_MS = 100, ANSWERS = 5 };

static char answers[ANSWERS][16] = { "perhaps", "no", "ask me tomorrow", "yes", "never" };

/* When a pause is over, what was written before has left: each has a record of its own. */
vitro_code answers_give(lesson *l, vitro_channel *channel, vitro_error *err)
{
    Chat__ChatMessage answer = CHAT__CHAT_MESSAGE__INIT;
    chat_chat_service_chat_stream stream;
    vitro_code rc = chat_chat_service_chat(channel, &stream, NULL, err);

    if (rc)
        return rc;
    for (int i = 0; !rc && i < ANSWERS; i++) {
        uint32_t flags = i + 1 == ANSWERS ? VITRO_SEND_LAST : 0;
        lesson_wait(l, PAUSE_MS);
        answer.text = answers[i];
        rc = vitro_stub_write(stream.call, &answer.base, flags, NULL);
    }
    return chat_chat_service_chat_close(&stream, NULL, err); /* says why one was not given, too */
}
