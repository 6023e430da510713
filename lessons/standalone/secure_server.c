/*
 * secure_server TARGET CERTIFICATE KEY AUTHORITIES TOKEN - TLS, and a token in every call.
 *
 * The token is checked in one place for all methods, by an interceptor: a call without it ends
 * with UNAUTHENTICATED and no handler hears of it. Clients may show a certificate; the handler
 * asks who they are by it. The last four arguments are files, but for the token.
 */
#include <stdio.h>
#include <string.h>
#include <vitro.h>
#include "chat.vitro.h"

/* Takes as long for a wrong token as for the right one: nobody finds it letter by letter. */
static bool is_same(vitro_bytes got, const char *want)
{
    size_t n = strlen(want);
    unsigned differs = got.len != n;

    for (size_t i = 0; i < n; i++)
        differs |= (unsigned)want[i] ^ (i < got.len ? got.ptr[i] : 0u);
    return differs == 0;
}

static vitro_verdict check_token(vitro_intercept *i, vitro_md *md, void *state)
{
    vitro_bytes value = { NULL, 0 };
    const char *want = (const char *)vitro_intercept_user(i);

    (void)state;
    if (!vitro_md_get(md, vitro_str_of("authorization"), &value))
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 정보가 없습니다", NULL);
    else if (!is_same(value, want))
        vitro_intercept_end(i, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    return VITRO_GO_ON;
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;
    const vitro_identity *who = vitro_call_peer_identity(call);
    char text[128];

    (void)request;
    (void)user;
    snprintf(text, sizeof text, "hello, %.100s",
             who && who->verified ? who->common_name.ptr : "stranger");
    response.messageid = text;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

static vitro_code make_credentials(vitro_credentials **out, char **argv, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;

    options.certificate_file = argv[2];
    options.key_file = argv[3];
    options.ca_file = argv[4];
    options.client_check = VITRO_CLIENT_CHECK_REQUEST;
    return vitro_credentials_server(out, &options, err);
}

static vitro_code serve(vitro_server *server, vitro_credentials *credentials, const char *target,
                        vitro_error *err)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    char at[128];
    vitro_code rc;

    handlers.send_message = send_message;
    rc = chat_chat_service_register(server, &handlers, NULL, err);
    if (!rc)
        rc = vitro_server_listen_secure(server, target, credentials, at, sizeof at, err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, err);
    return rc;
}

int main(int argc, char **argv)
{
    vitro_interceptor token = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const all[] = { &token, NULL };
    vitro_server_options options = VITRO_SERVER_OPTIONS_INIT;
    vitro_credentials *credentials = NULL;
    vitro_server *server = NULL;
    vitro_error err;
    vitro_code rc;
    char want[256], why[VITRO_ERROR_LINE];

    if (argc != 6) {
        fprintf(stderr, "secure_server TARGET CERTIFICATE KEY AUTHORITIES TOKEN\n");
        return 2;
    }
    snprintf(want, sizeof want, "Bearer %s", argv[5]);
    token.on_start = check_token;
    token.user = want;
    options.interceptors = all;
    rc = make_credentials(&credentials, argv, &err);
    if (!rc)
        rc = vitro_server_new(&server, NULL, 0, &options, &err);
    if (!rc)
        rc = serve(server, credentials, argv[1], &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "secure_server: %s\n", why);
    }
    vitro_server_free(server);
    vitro_credentials_unref(credentials);
    return rc ? 1 : 0;
}
