/*
 * compress_server TARGET - a chat that answers compressed, but for what is secret.
 *
 * A call compresses all that it sends from the moment its handler says so; where the client does
 * not take the encoding all goes plain. A secret beside what a stranger may choose goes plain by a
 * flag of its own: the length of both together would tell of it. (The options of a server, too,
 * have a compression, for every call.)
 */
#include <stdio.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

/* What a stub adds to vitro_stub_send() is its type; this one leaves room for the flags. */
static void on_said(vitro_call *call, const Chat__ChatMessage *said, void *user)
{
    uint32_t flags = strncmp(said->text, "secret", 6) ? 0 : VITRO_SEND_PLAIN;
    vitro_error err;

    (void)user;
    if (vitro_stub_send(call, &said->base, flags, NULL, &err))
        vitro_call_finish(call, err.code, err.frame[0].text, NULL, NULL);
}

static void on_all_said(vitro_call *call, void *user)
{
    (void)user;
    vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}

static void chat(vitro_call *call, void *user)
{
    vitro_error err;

    if (vitro_call_compress(call, "gzip", &err))
        vitro_call_finish(call, err.code, err.frame[0].text, NULL, NULL);
    else
        chat_chat_service_chat_serve(call, (chat_chat_service_chat_handler *)user, NULL);
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    chat_chat_service_chat_handler echo = CHAT_CHAT_SERVICE_CHAT_HANDLER_INIT;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_server_new(&server, NULL, 0, NULL, &err);

    echo.on_message = on_said;
    echo.call.on_end = on_all_said;
    handlers.chat = chat;
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, &echo, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "compress_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
