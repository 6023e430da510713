/*
 * drain_server TARGET - a server on a loop of the program's own, and its gentle end.
 *
 * SIGTERM drains: nobody else gets in, the clients that are there are told to go elsewhere, and
 * calls that are open go on to their end, for ten seconds at most. A second SIGTERM cuts them.
 * vitro_server_run() does the same for programs that leave the loop to it; this one keeps it. A
 * call here takes its time: twenty notifications, one each time its alarm rings.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vitro.h>
#include "chat.vitro.h"

static const int64_t period_ns = INT64_C(50000000), grace_ns = INT64_C(10000000000);

/* ---- a call that lasts ---------------------------------------------------------------------- */

struct feed {
    vitro_call *call;
    vitro_alarm *alarm;
    int64_t next;
    int left;
};

static void on_alarm(void *user)
{
    struct feed *f = (struct feed *)user;
    Chat__Notification n = CHAT__NOTIFICATION__INIT;
    char text[32];

    snprintf(text, sizeof text, "%d to come", --f->left);
    n.content = text;
    if (chat_chat_service_get_notifications_respond(f->call, &n, NULL, NULL))
        vitro_call_cancel(f->call);
    else if (f->left == 0)
        vitro_call_finish(f->call, VITRO_OK, NULL, NULL, NULL);
    else
        vitro_alarm_set(f->alarm, f->next += period_ns);
}

static void on_feed_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct feed *f = (struct feed *)user;

    (void)call;
    (void)status;
    vitro_alarm_free(f->alarm);
    free(f);
}

static void get_notifications(vitro_call *call, const Chat__UserRequest *request, void *user)
{
    vitro_loop *loop = vitro_call_loop(call);
    struct feed *f = (struct feed *)calloc(1, sizeof *f);

    (void)request;
    if (!f || vitro_alarm_new(&f->alarm, loop, on_alarm, f, NULL)) {
        free(f);
        vitro_call_finish(call, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL, NULL);
        return;
    }
    f->call = call;
    f->left = 20;
    f->next = vitro_loop_now(loop);
    vitro_alarm_set(f->alarm, f->next);
    vitro_stub_serve(call, (const vitro_call_events *)user, f);
}

/* ---- the end -------------------------------------------------------------------------------- */

struct app {
    int signals; /* a descriptor, see reload_server.c */
    vitro_server *server;
    bool drains;
    bool over;
};

static void on_drained(vitro_server *server, void *user)
{
    (void)server;
    ((struct app *)user)->over = true;
}

static void on_signal(void *user)
{
    struct app *app = (struct app *)user;
    struct signalfd_siginfo signal;
    size_t calls;

    if (read(app->signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
        return;
    if (app->drains) {
        app->over = true;
        return;
    }
    app->drains = true;
    vitro_server_load(app->server, NULL, &calls);
    printf("waiting for %zu open calls\n", calls);
    fflush(stdout);
    vitro_server_drain(app->server, grace_ns, on_drained, app);
}

static bool is_over(void *user)
{
    return ((struct app *)user)->over;
}

static vitro_code serve(struct app *app, vitro_loop *loop, const char *target, vitro_error *err)
{
    vitro_watch *watch;
    char at[128];
    vitro_code rc = vitro_watch_new(&watch, loop, app->signals, on_signal, app, err);

    if (rc)
        return rc;
    rc = vitro_server_listen(app->server, target, at, sizeof at, err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_loop_run_until(loop, is_over, app, INT64_MAX, err);
    vitro_watch_free(watch);
    return rc;
}

int main(int argc, char **argv)
{
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_call_events feed = VITRO_CALL_EVENTS_INIT;
    struct app app = { -1, NULL, false, false };
    vitro_loop *loop = NULL;
    vitro_error err;
    sigset_t set;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_loop_new(&loop, NULL, &err);

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    app.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    feed.on_closed = on_feed_closed;
    handlers.get_notifications = get_notifications;
    if (!rc)
        rc = vitro_server_new(&app.server, &loop, 1, NULL, &err);
    if (!rc)
        rc = chat_chat_service_register(app.server, &handlers, &feed, &err);
    if (!rc)
        rc = serve(&app, loop, argc > 1 ? argv[1] : "", &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "drain_server: %s\n", why);
    }
    vitro_server_free(app.server);
    vitro_loop_unref(loop);
    close(app.signals);
    return rc ? 1 : 0;
}
