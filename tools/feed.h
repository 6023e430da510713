/*
 * feed - a thread that takes a capture from where it is made and fills a spool with it, whatever
 * the reader of the spool does. What it writes is pcapng, block by block.
 *
 *      a network interface ..... watch_capture.c    -> feed -> spool -> source -> decoder
 *      programs' traces ........ watch_programs.c
 */
#ifndef VITRO_TOOLS_FEED_H
#define VITRO_TOOLS_FEED_H

#include <pthread.h>

#include "base/buf.h"
#include "live.h"
#include "spool.h"
#include "trace/note.h"
#include "trace/pcapng.h"

enum { FEED_BYTES = 256 * 1024 };

struct feed {
    void (*run)(struct feed *f); /* on its thread: until there is no more, or f->stop is readable */
    void (*free)(struct feed *f); /* itself, after feed_done() */
    struct spool *spool;          /* lent from feed_start() on */
    int stop;                     /* readable when it shall end */
    struct live live;
    pthread_t thread;
    bool running, full; /* full: the spool takes no more */
    uint8_t *out;       /* blocks on their way to the spool */
    size_t len;
    struct buf entry; /* a note being made */
};

/* For who makes one: false without memory. feed_done() is right in both cases. */
bool feed_init(struct feed *f, void (*run)(struct feed *f), void (*free)(struct feed *f));
void feed_done(struct feed *f);

/* Begin. spool is lent until feed_free(). */
vitro_code feed_start(struct feed *f, struct spool *spool, vitro_error *err);

/* Ask it to end: any thread, a signal's handler as well. */
void feed_stop(struct feed *f);

/* End it, wait for that, and free it. Accepts NULL. */
void feed_free(struct feed *f);

/* ---- on its thread ---- */

void feed_block(struct feed *f, const struct block *b);

/* A note of notes.def, which points to the struct of its id. */
void feed_note(struct feed *f, enum note_id id, const void *note);

/* Hand all blocks over; false when the spool takes no more. */
bool feed_flush(struct feed *f);

#endif
