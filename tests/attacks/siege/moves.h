/*
 * moves - the attacks, each of which plays its own connections against a victim.
 */
#ifndef ATTACKS_MOVES_H
#define ATTACKS_MOVES_H

#include "attacks/siege/victim.h"

/* What one attack is told, and tells. */
struct move {
    const struct victim *victim;
    int lasts_ms;                /* an attack that nobody ends ends itself */
    unsigned wanted, foes, left; /* connections; those that were made; closed by the server */
    unsigned calmed;             /* of those, with ENHANCE_YOUR_CALM */
    unsigned sent;               /* frames, bytes or what else it counts by */
};

#define ATTACK(name, words, server, end, seconds, mib, cpu_ms, each_ns)                            \
    void attack_##name(struct move *m);
#include "attacks/siege/moves.def"
#undef ATTACK

#endif
