#include "io/resolve.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "io/inside.h"
#include "io/sim.h"
#include "io/system.h"

/*
 * A look-up is a job of its own, so that whoever asked may go while getaddrinfo still waits:
 *
 *      loop: job ---> thread: getaddrinfo ---> post ---> loop: answer, or nobody any more
 *
 * The thread begins with the first job of a loop and ends when there is none left. The desk
 * between the two outlives either: a loop that is freed leaves it to the thread.
 */
struct lookup {
    struct list link;
    struct post post;
    struct resolve *asked; /* NULL: cancelled. The loop's thread only */
    char host[TARGET_HOST];
    uint16_t port;
    int failure; /* of getaddrinfo; 0: none */
    size_t count;
    struct address found[TARGET_ADDRESSES];
};

struct lookup_desk {
    pthread_mutex_t lock; /* of all that follows */
    vitro_loop *loop;     /* NULL: gone */
    struct list jobs;     /* waiting for the thread */
    bool thread;          /* there is one */
};

enum { LIST_BYTES = TARGET_ADDRESSES * sizeof(struct address) };

/* ---- the answer ----------------------------------------------------------------------------- */

static void run_answer(struct task *t)
{
    struct resolve *r = CONTAINER_OF(t, struct resolve, answer);
    vitro_loop *loop = r->loop;
    struct address *list = r->list;
    vitro_error error = r->error;

    r->loop = NULL;
    r->list = NULL;
    r->done(r, list, r->count, r->count ? NULL : &error);
    vitro_mem_free(vitro_loop_account(loop), list, LIST_BYTES);
    vitro_loop_release(loop);
}

static void answer(struct resolve *r, const struct address *found, size_t count)
{
    vitro_loop *loop = r->loop;

    r->count = 0;
    if (count) {
        r->list = vitro_mem_alloc(vitro_loop_account(loop), LIST_BYTES);
        if (r->list) {
            memcpy(r->list, found, count * sizeof *found);
            r->count = count;
        } else {
            vitro_fail(&r->error, VITRO_RESOURCE_EXHAUSTED, "resolve", 0, "out of memory");
        }
    }
    vitro_loop_defer(loop, &r->answer);
}

static void answer_failure(struct resolve *r, const char *host, uint16_t port, int failure)
{
    vitro_fail(&r->error, VITRO_UNAVAILABLE, "dns", failure, "%s", vitro_lookup_text(failure));
    vitro_wrap(&r->error, VITRO_UNAVAILABLE, "resolve", "%s:%u", host, (unsigned)port);
    answer(r, NULL, 0);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void free_job(struct lookup *job)
{
    vitro_mem_free(NULL, job, sizeof *job);
}

static void arrived(struct post *p)
{
    struct lookup *job = CONTAINER_OF(p, struct lookup, post);
    struct resolve *r = job->asked;

    if (r) {
        r->lookup = NULL;
        if (job->count)
            answer(r, job->found, job->count);
        else
            answer_failure(r, job->host, job->port, job->failure ? job->failure : EAI_NONAME);
    }
    free_job(job);
}

static void collect(struct lookup *job, const struct addrinfo *list)
{
    for (; list && job->count < TARGET_ADDRESSES; list = list->ai_next) {
        if (vitro_address_from(&job->found[job->count], list->ai_addr, list->ai_addrlen))
            job->count++;
    }
}

static void look_up(struct lookup *job)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    char port[8];

    snprintf(port, sizeof port, "%u", (unsigned)job->port);
    job->failure = getaddrinfo(job->host, port, &hints, &list);
    if (job->failure == 0) {
        collect(job, list);
        freeaddrinfo(list);
    }
}

static void free_desk(struct lookup_desk *desk)
{
    pthread_mutex_destroy(&desk->lock);
    vitro_mem_free(NULL, desk, sizeof *desk);
}

/* The next job; NULL ends the thread, which then frees a desk that has no loop any more. */
static struct lookup *next_job(struct lookup_desk *desk)
{
    struct list *item;
    bool left;

    pthread_mutex_lock(&desk->lock);
    item = list_pop(&desk->jobs);
    desk->thread = item != NULL;
    left = !item && !desk->loop;
    pthread_mutex_unlock(&desk->lock);
    if (left)
        free_desk(desk);
    return item ? CONTAINER_OF(item, struct lookup, link) : NULL;
}

static void deliver(struct lookup_desk *desk, struct lookup *job)
{
    pthread_mutex_lock(&desk->lock);
    if (desk->loop)
        vitro_loop_send(desk->loop, &job->post, arrived);
    else
        free_job(job);
    pthread_mutex_unlock(&desk->lock);
}

static void *thread_main(void *user)
{
    struct lookup_desk *desk = user;
    struct lookup *job;

    while ((job = next_job(desk)) != NULL) {
        look_up(job);
        deliver(desk, job);
    }
    return NULL;
}

/* Signals are for the program's own threads. 0 or an errno. */
static int begin_thread(struct lookup_desk *desk)
{
    sigset_t all, before;
    pthread_t thread;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&thread, NULL, thread_main, desk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        pthread_detach(thread);
    return number;
}

/* Hand the job to the thread; 0 or an errno: the job is not taken then. */
static int submit(struct lookup_desk *desk, struct lookup *job)
{
    int number = 0;

    pthread_mutex_lock(&desk->lock);
    list_append(&desk->jobs, &job->link);
    if (!desk->thread) {
        desk->thread = true;
        number = begin_thread(desk);
        if (number) {
            desk->thread = false;
            list_remove(&job->link);
        }
    }
    pthread_mutex_unlock(&desk->lock);
    return number;
}

static struct lookup_desk *desk_of(vitro_loop *loop)
{
    struct lookup_desk *desk = loop->desk;

    if (desk)
        return desk;
    desk = vitro_mem_zalloc(NULL, sizeof *desk);
    if (!desk)
        return NULL;
    pthread_mutex_init(&desk->lock, NULL);
    list_init(&desk->jobs);
    desk->loop = loop;
    loop->desk = desk;
    return desk;
}

void vitro_lookups_leave(vitro_loop *loop)
{
    struct lookup_desk *desk = loop->desk;
    struct list *item;
    bool thread;

    if (!desk)
        return;
    pthread_mutex_lock(&desk->lock);
    desk->loop = NULL;
    loop->desk = NULL;
    while ((item = list_pop(&desk->jobs)) != NULL)
        free_job(CONTAINER_OF(item, struct lookup, link));
    thread = desk->thread;
    pthread_mutex_unlock(&desk->lock);
    if (!thread)
        free_desk(desk);
}

static void ask_thread(struct resolve *r, const struct target *target)
{
    struct lookup_desk *desk = desk_of(r->loop);
    struct lookup *job = desk ? vitro_mem_zalloc(NULL, sizeof *job) : NULL;
    int number = ENOMEM;

    if (job) {
        list_init(&job->link);
        job->asked = r;
        job->port = target->port;
        memcpy(job->host, target->host, sizeof job->host);
        number = submit(desk, job);
    }
    if (number == 0) {
        r->lookup = job;
        return;
    }
    vitro_mem_free(NULL, job, sizeof *job);
    vitro_fail_system(&r->error, VITRO_RESOURCE_EXHAUSTED, "resolve", number);
    answer(r, NULL, 0);
}

/* ---- begin and cancel ----------------------------------------------------------------------- */

static void ask_world(struct resolve *r, const struct target *target)
{
    struct address found[TARGET_ADDRESSES];
    size_t n = vitro_sim_lookup(r->loop->sim, target->host, target->port, found, ARRAY_LEN(found));

    if (n)
        answer(r, found, n);
    else
        answer_failure(r, target->host, target->port, EAI_NONAME);
}

void vitro_resolve_start(struct resolve *r, vitro_loop *loop, const struct target *target,
                         void (*done)(struct resolve *r, const struct address *list, size_t count,
                                      const vitro_error *err))
{
    LOOP_ASSERT(loop);
    *r = (struct resolve){ .done = done, .loop = loop };
    vitro_task_init(&r->answer, run_answer);
    vitro_loop_hold(loop);
    if (target->count)
        answer(r, target->addresses, target->count);
    else if (loop->sim)
        ask_world(r, target);
    else
        ask_thread(r, target);
}

void vitro_resolve_cancel(struct resolve *r)
{
    if (!r->loop)
        return;
    if (r->lookup)
        r->lookup->asked = NULL;
    r->lookup = NULL;
    vitro_task_cancel(&r->answer);
    vitro_mem_free(vitro_loop_account(r->loop), r->list, LIST_BYTES);
    vitro_loop_release(r->loop);
    r->list = NULL;
    r->loop = NULL;
}
