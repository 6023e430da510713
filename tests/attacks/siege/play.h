/*
 * play - how an attack is played: on one connection, or by a crowd of them.
 */
#ifndef ATTACKS_PLAY_H
#define ATTACKS_PLAY_H

#include "attacks/siege/foe.h"
#include "attacks/siege/moves.h"

/* The path of a call in which both sides may go on for ever. */
extern const char play_chat[];

typedef bool play_begin(struct foe *f, const struct victim *v);

/* One connection, on which a step is taken until somebody ends it. */
void play_alone(struct move *m, play_begin *begin, void (*step)(struct foe *f, struct move *m));

/*
 * So many of them, each begun like this; then each says a byte of what it has left to say every so
 * many milliseconds, until all were left.
 */
void play_crowd(struct move *m, unsigned n, play_begin *begin, int every_ms);

#endif
