/*
 * worker_server TARGET - a check that takes its time, on another thread.
 *
 * What blocks (a database, somebody far away) has no place on a loop: all calls would wait for one.
 * The interceptor suspends its call and has a thread look, with references to the call and to its
 * loop, so that a client that goes away takes nothing from it. The thread posts what it found, and
 * drops the loop; on the loop again the call is resumed or ended, and dropped. A program with many
 * calls keeps a few such threads, and a queue before them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vitro.h>
#include "chat.vitro.h"

struct check {
    vitro_intercept *waits; /* as long as there is a reference to the call */
    vitro_call *call;
    vitro_loop *loop;
    char token[64];
    bool good;
};

/* On the loop. Where the call is over by now, neither does anything. */
static void tell(void *user)
{
    struct check *c = (struct check *)user;

    if (c->good)
        vitro_intercept_resume(c->waits);
    else
        vitro_intercept_end(c->waits, VITRO_UNAUTHENTICATED, "인증 실패", NULL);
    vitro_call_unref(c->call);
    free(c);
}

/* On a thread of its own, which touches nothing but what is in the check. */
static void *look(void *user)
{
    struct check *c = (struct check *)user;
    vitro_loop *loop = c->loop;
    const struct timespec a_while = { 0, 200000000 };

    nanosleep(&a_while, NULL);
    c->good = !strcmp(c->token, "valid-token");
    if (vitro_loop_post(loop, tell, c))
        abort(); /* no memory for one post: nobody would ever answer */
    vitro_loop_unref(loop);
    return NULL;
}

static bool begin(struct check *c)
{
    pthread_t thread;

    return !pthread_create(&thread, NULL, look, c) && !pthread_detach(thread);
}

static vitro_verdict on_start(vitro_intercept *i, vitro_md *md, void *state)
{
    struct check *c = (struct check *)calloc(1, sizeof *c);
    vitro_bytes value = { NULL, 0 };

    (void)state;
    if (c) {
        if (vitro_md_get(md, vitro_str_of("authorization"), &value) && value.len < sizeof c->token)
            memcpy(c->token, value.ptr, value.len);
        c->waits = i;
        c->call = vitro_call_ref(vitro_intercept_call(i));
        c->loop = vitro_loop_ref(vitro_call_loop(c->call));
        if (begin(c))
            return VITRO_SUSPEND;
        vitro_loop_unref(c->loop);
        vitro_call_unref(c->call);
        free(c);
    }
    vitro_intercept_end(i, VITRO_RESOURCE_EXHAUSTED, "nobody can check this call", NULL);
    return VITRO_GO_ON;
}

static void send_message(vitro_call *call, const Chat__MessageRequest *request, void *user)
{
    Chat__MessageResponse response = CHAT__MESSAGE_RESPONSE__INIT;

    (void)user;
    response.messageid = request->message;
    if (chat_chat_service_send_message_reply(call, &response, NULL))
        vitro_call_finish(call, VITRO_INTERNAL, "no reply could be sent", NULL, NULL);
}

int main(int argc, char **argv)
{
    vitro_interceptor check = VITRO_INTERCEPTOR_INIT;
    const vitro_interceptor *const all[] = { &check, NULL };
    vitro_server_options options = VITRO_SERVER_OPTIONS_INIT;
    chat_chat_service_handlers handlers = CHAT_CHAT_SERVICE_HANDLERS_INIT;
    vitro_server *server = NULL;
    vitro_error err;
    char at[128], why[VITRO_ERROR_LINE];
    vitro_code rc;

    check.on_start = on_start;
    options.interceptors = all;
    handlers.send_message = send_message;
    rc = vitro_server_new(&server, NULL, 0, &options, &err);
    if (!rc)
        rc = chat_chat_service_register(server, &handlers, NULL, &err);
    if (!rc)
        rc = vitro_server_listen(server, argc > 1 ? argv[1] : "", at, sizeof at, &err);
    if (!rc && printf("listening on %s\n", at) > 0 && !fflush(stdout))
        rc = vitro_server_run(server, 0, &err);
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "worker_server: %s\n", why);
    }
    vitro_server_free(server);
    return rc ? 1 : 0;
}
