/*
 * moves - the attacks, each of which plays its own connections against a victim.
 */
#ifndef ATTACKS_MOVES_H
#define ATTACKS_MOVES_H

#include "attacks/siege/victim.h"

/* What one attack is told, and tells. */
struct move {
    const struct victim *victim;
    int lasts_ms;        /* an attack that nobody ends ends itself */
    int64_t until_ms;    /* then; set when it begins */
    unsigned foes, left; /* connections that it made; of those, closed by the server */
    unsigned sent;       /* frames, bytes or what else it counts by */
};

#define ATTACK(name, words, wire, end, seconds, mib, cpu_ms) void attack_##name(struct move *m);
#include "attacks/siege/moves.def"
#undef ATTACK

#endif
