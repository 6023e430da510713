/*
 * token_client TARGET [TOKEN] - the four kinds of call, each with the token.
 *
 * An interceptor of the channel puts the token into the metadata of every call, so that no call
 * has to think of it. `user` is what the interceptor has been given: here the token. Of a real
 * token, call credentials take care (vitro_credentials(3)), which do not send it over plain text.
 */
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

static vitro_verdict add_token(vitro_intercept *i, vitro_md *md, void *state)
{
    const char *token = (const char *)vitro_intercept_user(i);
    vitro_error err;

    (void)state;
    if (token && vitro_md_add_text(md, "authorization", token, &err))
        vitro_intercept_end(i, err.code, err.frame[0].text, NULL);
    return VITRO_GO_ON;
}

static vitro_code send_message(vitro_channel *channel, vitro_error *err)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response;
    vitro_code rc = chat_chat_service_send_message(channel, &request, &response, NULL, err);

    chat__message_response__free_unpacked(response, NULL);
    return rc;
}

static vitro_code get_notifications(vitro_channel *channel, vitro_error *err)
{
    Chat__UserRequest request = CHAT__USER_REQUEST__INIT;
    Chat__Notification *n;
    chat_chat_service_get_notifications_reader reader;
    vitro_code rc = chat_chat_service_get_notifications(channel, &request, &reader, NULL, err);

    if (rc)
        return rc;
    while (!chat_chat_service_get_notifications_read(&reader, &n, NULL) && n)
        chat__notification__free_unpacked(n, NULL);
    return chat_chat_service_get_notifications_close(&reader, NULL, err);
}

static vitro_code upload_files(vitro_channel *channel, vitro_error *err)
{
    Chat__FileData data = CHAT__FILE_DATA__INIT;
    Chat__UploadResponse *response;
    chat_chat_service_upload_files_writer writer;
    vitro_code rc = chat_chat_service_upload_files(channel, &writer, NULL, err);

    if (rc)
        return rc;
    for (int i = 0; i < 3 && !rc; i++)
        rc = chat_chat_service_upload_files_write(&writer, &data, NULL); /* finish tells why */
    rc = chat_chat_service_upload_files_finish(&writer, &response, err);
    chat__upload_response__free_unpacked(response, NULL);
    return rc;
}

static vitro_code chat(vitro_channel *channel, vitro_error *err)
{
    Chat__ChatMessage message = CHAT__CHAT_MESSAGE__INIT, *said;
    chat_chat_service_chat_stream stream;
    vitro_code rc = chat_chat_service_chat(channel, &stream, NULL, err);

    if (rc)
        return rc;
    if (!chat_chat_service_chat_write(&stream, &message, NULL) &&
        !chat_chat_service_chat_read(&stream, &said, NULL))
        chat__chat_message__free_unpacked(said, NULL);
    return chat_chat_service_chat_close(&stream, NULL, err);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        vitro_code (*call)(vitro_channel *channel, vitro_error *err);
    } kinds[] = {
        { "SendMessage", send_message },
        { "GetNotifications", get_notifications },
        { "UploadFiles", upload_files },
        { "Chat", chat },
    };
    vitro_interceptor token = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const list[] = { &token, NULL };
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE] = "OK";
    vitro_code rc;
    int failed = 0;

    token.on_start = add_token;
    token.user = argc > 2 ? argv[2] : NULL;
    options.interceptors = list;
    rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", &options, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "token_client: %s\n", why);
        return 1;
    }
    for (int i = 0; i < 4; i++) {
        rc = kinds[i].call(channel, &err);
        if (rc)
            vitro_error_format(&err, why, sizeof why);
        printf("%s: %s\n", kinds[i].name, rc ? why : "OK");
        failed += rc != VITRO_OK;
    }
    vitro_channel_free(channel);
    return failed ? 1 : 0;
}
