/*
 * reload_server TARGET CERTIFICATE KEY AUTHORITIES - new certificates without a new start.
 *
 * Certificates end, and somebody puts others into the same files. SIGHUP has them read anew: open
 * connections keep what they began with, those that follow get the new ones. Files that do not fit
 * together change nothing. A signal handler may call nothing of the library, so the signal comes
 * as a descriptor (signalfd(2), of Linux; elsewhere a pipe that the handler writes to) and the
 * loop watches that. Who calls must show a certificate of AUTHORITIES.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vitro.h>
#include "chat.vitro.h"

struct app {
    int signals;
    vitro_credentials *credentials;
    vitro_server *server;
    vitro_watch *watch;
};

static int complain(const char *what, const vitro_error *err)
{
    char why[VITRO_ERROR_LINE];

    vitro_error_format(err, why, sizeof why);
    fprintf(stderr, "reload_server: %s%s\n", what, why);
    return 1;
}

static void on_signal(void *user)
{
    struct app *app = (struct app *)user;
    struct signalfd_siginfo signal;
    vitro_error err;

    if (read(app->signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
        return;
    if (vitro_credentials_reload(app->credentials, NULL, &err)) {
        complain("still with the old certificate: ", &err);
    } else {
        printf("with a new certificate\n");
        fflush(stdout);
    }
}

/* Before any thread begins: a signal goes to whichever thread does not block it. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    (void)user;
    response.messageid = request->message;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

static vitro_code make(struct app *app, const chat_chat_service_handlers *handlers, char **argv,
                       vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;
    char at[128];
    vitro_code rc;

    options.certificate_file = argv[2];
    options.key_file = argv[3];
    options.ca_file = argv[4]; /* with authorities a server requires certificates of its clients */
    rc = vitro_credentials_server(&app->credentials, &options, err);
    if (!rc)
        rc = vitro_server_new(&app->server, NULL, 0, NULL, err);
    if (!rc)
        rc = vitro_watch_new(&app->watch, vitro_server_loop(app->server), app->signals, on_signal,
                             app, err);
    if (!rc)
        rc = chat_chat_service_register(app->server, handlers, NULL, err);
    if (!rc)
        rc = vitro_server_listen_secure(app->server, argv[1], app->credentials, at, sizeof at, err);
    if (!rc && printf("listening on %s\n", at) > 0)
        fflush(stdout);
    return rc;
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    struct app app = { open_signals(), NULL, NULL, NULL };
    vitro_error err;
    vitro_code rc;

    if (argc != 5 || app.signals < 0) {
        fprintf(stderr, "reload_server TARGET CERTIFICATE KEY AUTHORITIES\n");
        return 2;
    }
    handlers.send_message = send_message;
    rc = make(&app, &handlers, argv, &err);
    if (!rc)
        rc = vitro_server_run(app.server, 0, &err);
    if (rc)
        complain("", &err);
    vitro_watch_free(app.watch); /* its loop is the server's */
    vitro_server_free(app.server);
    vitro_credentials_unref(app.credentials);
    close(app.signals);
    return rc ? 1 : 0;
}
