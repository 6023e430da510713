/*
 * spool - what comes only once, kept in a file that has no name so that any of it can be read
 * again. One thread fills a spool while another reads it, so whoever sends is never slowed down
 * by what is done with its bytes.
 *
 * The file is bounded. A spool that keeps all ends when it is full, and says so. One that does
 * not forgets what its reader has long passed, and is full only when the reader is behind: then
 * the filling waits.
 */
#ifndef VITRO_TOOLS_SPOOL_H
#define VITRO_TOOLS_SPOOL_H

#include <sys/types.h>

#include "vitro/base.h"

struct spool;

struct spool_options {
    const char *name; /* for messages: copied */
    uint64_t limit;   /* bytes of the file; 0: none */
    bool keep_all;
};

/* *out is for spool_free(). VITRO_UNAVAILABLE when there is no room for a temporary file. */
vitro_code spool_new(struct spool **out, const struct spool_options *options, vitro_error *err);

/* When nobody fills it any more. Accepts NULL. */
void spool_free(struct spool *s);

/* ---- filling: one thread, which never reads ---- */

/* False when it takes no more: it has failed, is full, or nobody reads it any more. */
bool spool_add(struct spool *s, const void *p, size_t n);

/* Nothing more will come. why: NULL, or what went wrong, copied; the first one counts. */
void spool_end(struct spool *s, const vitro_error *why);

/* ---- reading: one thread ---- */

/* How many bytes have come by now. False when nothing more will come. */
bool spool_size(struct spool *s, uint64_t *size);

/* Wait until this many have come, or nothing more will. How many there are. */
uint64_t spool_wait(struct spool *s, uint64_t size);

/* Becomes readable when something has changed since spool_size() was last asked. */
int spool_wait_fd(const struct spool *s);

/*
 * Up to n bytes from offset on, which the reader has come to by that: fewer where it ends, none
 * where they were forgotten; -1 and errno when the file cannot be read.
 */
ssize_t spool_read(struct spool *s, uint64_t offset, void *p, size_t n);

/* The reader goes: who fills is told by spool_add(). Any thread. */
void spool_close(struct spool *s);

/* What went wrong; NULL when nothing did. Lends. */
const vitro_error *spool_error(struct spool *s);

#endif
