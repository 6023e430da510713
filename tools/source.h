/*
 * source - where a tool's bytes come from: a file, or a pipe kept in a file.
 *
 * A file is read through a few windows, never mapped: one that shrinks while it is read has a hole
 * where it was cut, and raises no signal. A pipe cannot be asked for the same byte twice, so what
 * comes through it is kept in a spool, which a thread fills as fast as it comes: who writes a
 * capture that is followed never waits for its reader.
 */
#ifndef VITRO_TOOLS_SOURCE_H
#define VITRO_TOOLS_SOURCE_H

#include "spool.h"
#include "vitro/base.h"
#include "vitro/lab/capture.h"

struct source;

/* Open a file; "-" is stdin. *out is for source_close. VITRO_NOT_FOUND, VITRO_UNAVAILABLE. */
vitro_code source_open(struct source **out, const char *path, vitro_error *err);

/* The same over a descriptor, which is taken, also on failure. name is for messages: copied. */
vitro_code source_open_fd(struct source **out, int fd, const char *name, vitro_error *err);

/* The same over a spool, which is lent until source_close(). */
vitro_code source_open_spool(struct source **out, struct spool *spool, vitro_error *err);

void source_close(struct source *s);

/* A vitro_lend: user is the struct source. Waits until that much has come, or nothing more will. */
vitro_bytes source_lend(uint64_t offset, size_t len, void *user);

/* How many bytes there are by now; does not wait. False when nothing more will come. */
bool source_grow(struct source *s, uint64_t *size);

/* What becomes readable when there is more than source_grow() said; -1 for a file. */
int source_wait_fd(const struct source *s);

/*
 * What went wrong under source_lend, NULL when nothing did: a read that failed looks like the end
 * of the capture to who borrows, so ask here before calling it cut.
 */
const vitro_error *source_error(const struct source *s);

#endif
