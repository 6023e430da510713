/*
 * threads TARGET - blocking calls from several threads over one channel.
 *
 * A loop that was started has a thread of its own, and any thread may make blocking calls on its
 * objects: they share one connection and go at the same time.
 */
#include <pthread.h>
#include <stdio.h>
#include <vitro.h>
#include "chat.vitro.h"

enum { THREADS = 4, CALLS = 100 };

struct worker {
    pthread_t thread;
    vitro_channel *channel;
    char name[16];
    int answered;
};

static void *work(void *user)
{
    struct worker *w = (struct worker *)user;

    for (int i = 0; i < CALLS; i++) {
        Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
        Chat__MessageResponse *response;

        request.message = w->name;
        if (!chat_chat_service_send_message(w->channel, &request, &response, NULL, NULL))
            w->answered++;
        chat__message_response__free_unpacked(response, NULL);
    }
    return NULL;
}

static int run_workers(vitro_channel *channel)
{
    static struct worker workers[THREADS];
    int answered = 0, begun = 0;

    while (begun < THREADS) {
        struct worker *w = &workers[begun];

        w->channel = channel;
        snprintf(w->name, sizeof w->name, "thread %d", begun);
        if (pthread_create(&w->thread, NULL, work, w))
            break;
        begun++;
    }
    for (int i = 0; i < begun; i++) {
        pthread_join(workers[i].thread, NULL);
        answered += workers[i].answered;
    }
    return answered;
}

int main(int argc, char **argv)
{
    vitro_loop *loop = NULL;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    int answered = 0;
    vitro_code rc = vitro_loop_new(&loop, NULL, &err);

    if (!rc)
        rc = vitro_channel_new(&channel, loop, argc > 1 ? argv[1] : "", NULL, &err);
    if (!rc)
        rc = vitro_loop_start(loop, &err);
    if (!rc) {
        answered = run_workers(channel);
        printf("%d of %d calls answered\n", answered, THREADS * CALLS);
    } else {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "threads: %s\n", why);
    }
    vitro_channel_free(channel); /* before its loop, which it keeps */
    vitro_loop_unref(loop);
    return answered == THREADS * CALLS ? 0 : 1;
}
