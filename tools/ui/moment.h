/*
 * moment - what a connection remembers behind a chosen event: HPACK tables and windows.
 *
 * Both are made by walking the connection's frames up to that event, forward from where the last
 * walk ended when that lies before it, else from the start; a long walk is done in slices. Of a
 * capture that begins late it knows what was inserted since, and counts the rest as unknown.
 */
#ifndef VITRO_UI_MOMENT_H
#define VITRO_UI_MOMENT_H

#include "vitro/lab/decode.h"

struct entry {
    char *name, *value; /* NULL: inserted before the capture began */
    uint32_t size;      /* name, value and 32 (RFC 7541, 4.1) */
    uint32_t by;        /* the event that inserted it */
    int64_t number;     /* of those that a note has told: 0, -1 ... from the newest back */
};

struct table {
    struct entry *entries; /* oldest first */
    size_t count, cap;
    uint32_t size;         /* as the decoder counts it */
    uint32_t limit;        /* the last size update, else 4096 */
    uint32_t added;        /* by the event of the moment */
    struct entry *evicted; /* likewise */
    size_t evicted_count, evicted_cap;
    struct entry *olds; /* from before the capture, as far as notes have told them; newest first */
    size_t old_count, old_cap;
    int64_t inserted; /* entries since: the newest has this number */
    uint32_t block;   /* where the last field stood */
    uint64_t block_at;
    bool begun;
};

struct stream_window {
    uint32_t stream;
    int64_t left[2]; /* what each side may still send */
    bool closed[2];
};

/* What was known behind an event: so that a step back walks a little, not from the start. */
struct checkpoint {
    uint32_t at;
    struct table tables[2];
    int64_t left[2], initial[2];
    struct stream_window *streams;
    size_t count;
    bool from_start;
};

enum { CHECKPOINTS = 64 };

struct moment {
    vitro_decode *d;
    uint32_t conn;
    uint32_t at;     /* walked up to this event */
    uint32_t target; /* and wanted up to this one */
    struct table tables[2];
    int64_t left[2], initial[2];
    struct stream_window *streams;
    size_t count, cap;
    bool from_start; /* its SYN or preface was seen, or a note has told what was before: they are
                        whole */
    struct checkpoint checkpoints[CHECKPOINTS];
    size_t saved;
    uint32_t stride;
};

void moment_init(struct moment *m, vitro_decode *d);
void moment_done(struct moment *m);

/* Ask for the moment behind an event; the walk is moment_walk()'s. */
void moment_ask(struct moment *m, const vitro_event *ev);

/* Walk on, at most `most` events. True when it is there. */
bool moment_walk(struct moment *m, uint32_t most);

/* ---- moment_table.c ---- */

void table_done(struct table *t);
bool table_copy(struct table *out, const struct table *t);
/* What an earlier event added and evicted is of no interest any more. */
void table_forget(struct table *t);
void table_apply(struct table *t, const vitro_item_header *h, uint32_t by);
/* Blocks are missing: what older entries were told to be is of no use. */
void table_lose(struct table *t);

#endif
