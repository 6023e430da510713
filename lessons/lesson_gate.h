/*
 * lesson_gate - the learner's hand on the wire: VITRO_GATE=hold.
 *
 *      vitro learn  --next, go, hold, ask-->  VITRO_LEARN=fd:N  -->  the gate of the lesson's loop
 *
 * Commands come one a line through the descriptor that the trace goes out of, a socket:
 *
 *      next   let the first held unit go (the preface, or a frame), and run on until all is idle
 *      go     let all go, and hold nothing any more
 *      hold   hold from now on
 *      ask    answer with a note, once all that came before is done: "the gate is at rest"
 *
 * Their end is `go`. A `next` while nothing is held lets the next unit pass; an answer at such a
 * moment is of a world that goes on.
 */
#ifndef LESSON_GATE_H
#define LESSON_GATE_H

#include "vitro/loop.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lesson_gate lesson_gate;

/**
 * Put a gate into the lesson's loop when the environment asks for one.
 *
 * @param out    gives: lesson_gate_free(), before the loop; NULL when nobody asks.
 * @param loop   lent.
 * @param trace  lent; where the gate's notes go.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT when the environment asks for what cannot be.
 */
VITRO_CHECKED vitro_code lesson_gate_new(lesson_gate **out, vitro_loop *loop, vitro_trace *trace,
                                         vitro_error *err);

/** Let everything go. NULL is accepted. */
void lesson_gate_free(lesson_gate *g);

/** How many units are held; 0 for NULL. */
size_t lesson_gate_count(const lesson_gate *g);

#ifdef __cplusplus
}
#endif
#endif
