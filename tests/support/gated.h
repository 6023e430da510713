/*
 * gated - a pair whose connections have a gate, and what its trace says of it: for tests.
 */
#ifndef VITRO_TESTS_GATED_H
#define VITRO_TESTS_GATED_H

#include "support/pair.h"
#include "support/seed.h"
#include "support/walk.h"
#include "vitro/lab/gate.h"
#include "vitro/trace.h"

#define SECOND 1000000000

enum { GATED_CALLS = 6 };

struct gated {
    struct pair p;
    vitro_gate *gate; /* NULL: none */
    vitro_trace *trace;
    int fd;
    struct record record[GATED_CALLS];
    vitro_call *call[GATED_CALLS];
    bool one_request[GATED_CALLS];
    size_t calls;
};

/* Links take a millisecond, unless options of p are changed before begin. */
struct gated *gated_new(void);
void gated_trace(struct gated *s);
void gated_gate(struct gated *s);
void gated_begin(struct gated *s, bool gated); /* both, servers and channel as well */

/* Free it; what the trace wrote is read back to w, which may be NULL. */
void gated_end(struct gated *s, struct walk *w);
void gated_free(struct gated *s); /* the rest, when loops, gate and trace are gone */

void gated_call(struct gated *s, const vitro_method *method, int64_t timeout_ns);
void gated_say(struct gated *s, size_t i, const char *text); /* the last message of a call */
void gated_drop_calls(struct gated *s);

/* A program of calls that follows from the chance alone. */
void gated_play(struct gated *s, struct chance *c, bool large);

/* Let everything go, one unit after the other, and come to rest between them. */
void gated_step_all(struct gated *s);

/* The same, for so much of the world's time. */
void gated_run_for(struct gated *s, int64_t ns);

/* ---- what the trace says -------------------------------------------------------------------- */

/* Bytes of a direction, as notes hold them; to be freed. */
uint8_t *gated_held_bytes(const struct walk *w, const char *dir, size_t *len);

/* Each unit is held once, in order, and then released or dropped, once. */
void gated_check_units(const struct walk *w, size_t number);

size_t gated_notes(const struct walk *w, const char *kind);

#endif
