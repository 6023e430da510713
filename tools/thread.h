/*
 * thread - a thread that takes no signals: those are for the one that has the terminal.
 */
#ifndef VITRO_TOOLS_THREAD_H
#define VITRO_TOOLS_THREAD_H

#include <pthread.h>
#include <signal.h>

/* 0 or an errno. */
static inline int thread_start(pthread_t *out, void *(*run)(void *user), void *user)
{
    sigset_t all, before;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(out, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

#endif
