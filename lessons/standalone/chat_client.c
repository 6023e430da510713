/*
 * chat_client TARGET USER TEXT... - many of both: say each TEXT, print what is said in the room.
 *
 * The two directions of a stream are independent: here one thread reads while main writes, which a
 * started loop allows (vitro_loop_start). poll_client.c does it with one thread and no waiting.
 */
#include <pthread.h>
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static void *print_all(void *user)
{
    chat_chat_service_chat_stream *stream = (chat_chat_service_chat_stream *)user;
    Chat__ChatMessage *said;
    char who[64], text[1024];

    while (!chat_chat_service_chat_read(stream, &said, NULL) && said) {
        vitro_escape(vitro_str_of(said->userid), who, sizeof who);
        vitro_escape(vitro_str_of(said->text), text, sizeof text);
        printf("%s: %s\n", who, text);
        chat__chat_message__free_unpacked(said, NULL);
    }
    return NULL;
}

static void say_all(chat_chat_service_chat_stream *stream, char *user, char **texts, int count)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT;
    vitro_code rc = VITRO_OK;

    message.userid = user;
    for (int i = 0; i < count && !rc; i++) {
        message.text = texts[i];
        rc = chat_chat_service_chat_write(stream, &message, NULL);
    }
    chat_chat_service_chat_write_end(stream, NULL);
}

static vitro_code talk(vitro_channel *channel, char **words, int count, vitro_error *err)
{
    chat_chat_service_chat_stream stream;
    pthread_t reader;
    vitro_code rc = chat_chat_service_chat(channel, &stream, NULL, err);
    int failed;

    if (rc)
        return rc;
    failed = pthread_create(&reader, NULL, print_all, &stream);
    if (failed)
        vitro_call_abort(stream.call);
    say_all(&stream, words[0], words + 1, count - 1);
    if (!failed)
        pthread_join(reader, NULL);
    return chat_chat_service_chat_close(&stream, NULL, err); /* by the last thread that uses it */
}

int main(int argc, char **argv)
{
    vitro_loop *loop = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_loop_new(&loop, NULL, &err);

    if (argc < 3) {
        fprintf(stderr, "usage: chat_client TARGET USER TEXT...\n");
        vitro_loop_unref(loop);
        return 2;
    }
    if (!rc)
        rc = vitro_channel_new(&channel, loop, argv[1], NULL, &err);
    if (!rc)
        rc = vitro_loop_start(loop, &err);
    if (!rc)
        rc = talk(channel, argv + 2, argc - 2, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "chat_client: %s\n", why);
    }
    vitro_channel_free(channel);
    vitro_loop_unref(loop);
    return rc ? 1 : 0;
}
