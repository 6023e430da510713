/*
 * secure_client TARGET AUTHORITIES TOKEN [CERTIFICATE KEY] - a call over TLS, with a token.
 *
 * The server is believed when its certificate comes from AUTHORITIES. The token is read anew for
 * each call: somebody may put another one into its file while the program runs, as those do who
 * hand out tokens that end soon. A token that stays the same needs no callback, see
 * vitro_call_credentials_token(). All arguments behind TARGET are files.
 */
#include <stdio.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

/* "Bearer " and the first line of a file. */
static bool read_token(const char *path, char *value, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t scheme = (size_t)snprintf(value, size, "Bearer ");
    bool ok = f && fgets(value + scheme, (int)(size - scheme), f);

    if (f)
        fclose(f);
    value[strcspn(value, "\r\n")] = '\0';
    return ok;
}

/* The call waits until this is answered: now, or in a later turn of the loop. */
static void ask(vitro_auth *auth, void *user)
{
    char value[4096];
    vitro_md *md = vitro_md_new();

    if (!read_token((const char *)user, value, sizeof value))
        vitro_auth_answer(auth, VITRO_UNAUTHENTICATED, "the token's file cannot be read", NULL);
    else if (!md || vitro_md_add_text(md, "authorization", value, NULL))
        vitro_auth_answer(auth, VITRO_INTERNAL, "the token cannot be sent", NULL);
    else
        vitro_auth_answer(auth, VITRO_OK, NULL, md);
    vitro_md_free(md);
}

static vitro_code make_channel(vitro_channel **out, int argc, char **argv, vitro_error *err)
{
    vitro_credentials_options tls = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_code rc;

    tls.ca_file = argv[2];
    if (argc == 6) {
        tls.certificate_file = argv[4];
        tls.key_file = argv[5];
    }
    rc = vitro_credentials_client(&options.credentials, &tls, err);
    if (!rc)
        rc = vitro_call_credentials_callback(&options.call_credentials, ask, NULL, argv[3], NULL,
                                             err);
    if (!rc)
        rc = vitro_channel_new(out, NULL, argv[1], &options, err);
    vitro_call_credentials_unref(options.call_credentials); /* the channel has its own reference */
    vitro_credentials_unref(options.credentials);
    return rc;
}

int main(int argc, char **argv)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    vitro_code rc;
    char text[VITRO_ERROR_LINE];

    if (argc != 4 && argc != 6) {
        fprintf(stderr, "secure_client TARGET AUTHORITIES TOKEN [CERTIFICATE KEY]\n");
        return 2;
    }
    rc = make_channel(&channel, argc, argv, &err);
    if (!rc)
        rc = chat_chat_service_send_message(channel, &request, &response, NULL, &err);
    if (rc) {
        vitro_error_format(&err, text, sizeof text);
        fprintf(stderr, "secure_client: %s\n", text);
    } else {
        vitro_escape(vitro_str_of(response->messageid), text, sizeof text);
        printf("%s\n", text);
    }
    chat__message_response__free_unpacked(response, NULL);
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
