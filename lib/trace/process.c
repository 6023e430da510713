#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "trace/tap.h"
#include "trace/trace.h"

/*
 * A trace belongs to the process that opened it. Around a fork all are locked, so that the child
 * finds them whole; there their descriptors are closed and nothing more is written.
 */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static struct list all = { &all, &all };
static vitro_trace *process_trace;
static bool process_asked;

static vitro_trace *trace_of(struct list *item)
{
    return CONTAINER_OF(item, vitro_trace, all);
}

static void before_fork(void)
{
    pthread_mutex_lock(&process_lock);
    pthread_mutex_lock(&all_lock);
    for (struct list *i = all.next; i != &all; i = i->next)
        vitro_trace_enter(trace_of(i));
}

static void after_fork(void)
{
    for (struct list *i = all.next; i != &all; i = i->next)
        vitro_trace_leave(trace_of(i));
    pthread_mutex_unlock(&all_lock);
    pthread_mutex_unlock(&process_lock);
}

static void child_of_fork(void)
{
    vitro_trace *mine;

    for (struct list *i = all.next; i != &all; i = i->next) {
        vitro_trace *t = trace_of(i);
        for (size_t s = 0; s < t->sinks; s++) {
            vitro_sink_abandon(&t->sink[s]);
            t->sink[s].dials = false;
        }
    }
    mine = process_trace;
    process_trace = NULL;
    after_fork();
    vitro_trace_unref(mine);
}

static void register_fork(void)
{
    pthread_atfork(before_fork, after_fork, child_of_fork);
}

void vitro_fork_watch(vitro_trace *t)
{
    pthread_once(&fork_once, register_fork);
    pthread_mutex_lock(&all_lock);
    list_append(&all, &t->all);
    pthread_mutex_unlock(&all_lock);
}

void vitro_fork_forget(vitro_trace *t)
{
    pthread_mutex_lock(&all_lock);
    list_remove(&t->all);
    pthread_mutex_unlock(&all_lock);
}

static void finish_process(void)
{
    vitro_trace_finish(process_trace);
    vitro_trace_close_listeners(process_trace);
}

/* One line on stderr: what is told of which text of the environment. */
static void complain(const char *what, const char *text)
{
    char escaped[2 * VITRO_ERROR_TEXT];
    struct text line;

    vitro_text_init(&line, escaped, sizeof escaped);
    vitro_text_escape(&line, vitro_str_of(text));
    fprintf(stderr, "vitro: trace: VITRO_TRACE: %s; the program goes on %s\n", escaped, what);
}

static void open_process(const char *sinks)
{
    const char *secrets = secure_getenv("VITRO_TRACE_SECRETS");
    vitro_trace_options options = VITRO_TRACE_OPTIONS_INIT;
    vitro_error err = { VITRO_OK, 0, { { NULL, 0, "" } } };

    options.no_secrets = secrets && strcmp(secrets, "no") == 0;
    if (vitro_trace_open(&process_trace, sinks, &options, &err)) {
        complain("without a trace", err.frame[0].text);
        return;
    }
    atexit(finish_process); /* what was written after the last turn of a loop */
    if (vitro_trace_is_awaiting(process_trace))
        complain("and looks for who listens there: nobody does yet", sinks);
}

vitro_trace *vitro_trace_process(void)
{
    const char *sinks;
    vitro_trace *t;

    pthread_mutex_lock(&process_lock);
    if (!process_asked) {
        process_asked = true;
        sinks = secure_getenv("VITRO_TRACE");
        if (sinks && *sinks)
            open_process(sinks);
    }
    t = vitro_trace_ref(process_trace);
    pthread_mutex_unlock(&process_lock);
    return t;
}
