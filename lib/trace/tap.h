/*
 * tap - the inside of a trace, for the files of this folder.
 *
 *      recorder, note --> block --> emit --> sink, sink, ...
 *
 * One lock a trace: a block goes to all sinks before the next begins, so the order of blocks is
 * one order for all loops. A sink that lacks an interface block, or has a loss to tell, gets
 * that first.
 */
#ifndef VITRO_TRACE_TAP_H
#define VITRO_TRACE_TAP_H

#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "trace/note.h"
#include "trace/pcapng.h"
#include "trace/sink.h"
#include "trace/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TRACE_SINKS = 8,     /* that were asked for */
    TRACE_ATTACHED = 16, /* that came to a listener of these */
    TRACE_PAIRS = 256,
    TRACE_ENTRY = 16 * 1024 * 1024
};

struct pair;
struct schema;

struct vitro_trace {
    pthread_mutex_t lock;
    unsigned refs;        /* atomic */
    bool dirty;           /* atomic: something may wait in a buffer */
    unsigned hears;       /* atomic: sinks that take blocks */
    unsigned added;       /* atomic: how often sinks were asked for */
    uint64_t serials;     /* atomic to read: sinks so far, those that went too */
    struct list all;      /* of the process, for fork */
    struct list watchers; /* struct trace_watcher */
    struct account account;
    struct clock clock;
    struct sink sink[TRACE_SINKS + TRACE_ATTACHED];
    size_t sinks;
    size_t asked;    /* of them, those that did not attach by themselves */
    uint32_t *loops; /* [id of an interface] = number of its loop */
    uint32_t interfaces, interfaces_cap;
    struct pair *pair[TRACE_PAIRS]; /* by the hash of their addresses */
    uint32_t conns;                 /* established so far */
    uint32_t links;                 /* without addresses, so far */
    struct schema *schemas;         /* written so far */
    const void *last_file;          /* atomic: the vitro_pb_file that was asked for last */
    struct buf entry;               /* the note being written */
    struct buf loss;                /* the note about a loss, while another is being written */
};

void vitro_trace_enter(vitro_trace *t);
void vitro_trace_leave(vitro_trace *t);

/* The last flush of a trace; see vitro_sink_linger. Not with the lock held. */
void vitro_trace_finish(vitro_trace *t);

/* At the end of the process: nobody else may attach, and the socket's file goes. */
void vitro_trace_close_listeners(vitro_trace *t);

/* All that follows: with the lock held. */

uint64_t vitro_trace_now(const vitro_trace *t); /* wall clock, ns */

/* The id of a loop's interface; its block is written before the first that needs it. */
bool vitro_trace_interface(vitro_trace *t, uint32_t loop, uint32_t *id);

/* Write a whole block to every sink, to some of them, or to one. */
void vitro_trace_emit(vitro_trace *t, const struct block *b);
void vitro_trace_emit_some(vitro_trace *t, struct audience some, const struct block *b);
void vitro_trace_emit_to(vitro_trace *t, struct sink *s, const struct block *b);

/* How many sinks take blocks has changed, perhaps. */
void vitro_trace_count_hearers(vitro_trace *t);

/* True when some of them take blocks. */
bool vitro_trace_some_hear(const vitro_trace *t, struct audience some);

/* A new sink has its number from here, and is told what comes before anything else. */
void vitro_trace_greet(vitro_trace *t, struct sink *s);

/* Sinks have come: pass the word on. */
void vitro_trace_tell_watchers(vitro_trace *t);

/* A block that could not be made is lost to every sink. */
void vitro_trace_lose(vitro_trace *t);

/* Write a note to every sink, or to one. */
void vitro_note_write(vitro_trace *t, enum note_id id, const void *note);
void vitro_note_write_to(vitro_trace *t, struct sink *s, enum note_id id, const void *note);

/* Write the journal entry of a note into `entry`, which is empty; false when memory is out. */
bool vitro_note_entry(struct buf *entry, uint64_t ns, enum note_id id, const void *note);

/* Write every schema so far to a new sink. */
void vitro_schemas_tell(vitro_trace *t, struct sink *s);
void vitro_schemas_free(vitro_trace *t);

/* Register for fork, and forget. Not with the lock held. */
void vitro_fork_watch(vitro_trace *t);
void vitro_fork_forget(vitro_trace *t);

#ifdef __cplusplus
}
#endif
#endif
