/*
 * gate - a debugger for the wire: what the connections of a loop send is held, and let go one
 * unit at a time. For lessons and tests, without the promise of the other headers.
 *
 *      session --> [unit][unit][unit] | gate | --> wire        a unit: the preface, or one frame
 *
 * Units of all connections form one queue, in the order they were made; each is held once, at its
 * sender. What is held is not on the wire: no packet of a trace carries it. A note `held` shows it
 * with its bytes, a note `released` says that its packet follows, and `dropped` that none will,
 * because the connection is gone.
 *
 * Under sim the clock stands while a unit is held: deadlines wait. On real sockets time runs on.
 * A connection that has much to send and may not is asked for no more, as by a slow network. A
 * channel that is freed waits for its last frames, for a minute at most of real time.
 */
#ifndef VITRO_LAB_GATE_H
#define VITRO_LAB_GATE_H

#include "vitro/loop.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_gate vitro_gate;

/** Zero always means the default. Append only. */
typedef struct vitro_gate_options {
    size_t size;        /* set by VITRO_GATE_OPTIONS_INIT, never by hand */
    vitro_trace *trace; /* keeps a reference: where it says that holding began or ended */
    bool hold;          /* hold from the first byte on */
} vitro_gate_options;
#define VITRO_GATE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(vitro_gate_options), NULL, false                                                    \
    }

/**
 * Make a gate without loops.
 *
 * @param out      gives; vitro_gate_free().
 * @param options  may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: that of its loops.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_gate_new(vitro_gate **out,
                                                  const vitro_gate_options *options,
                                                  vitro_error *err);

/** Let everything go and free the gate; its connections go on. NULL is accepted. Thread: loop. */
VITRO_API void vitro_gate_free(vitro_gate *gate);

/**
 * Put the gate into each connection that begins on a loop from now on, of clients and of servers.
 * What a peer outside of the gate's loops sends is not held. A loop that ends lets go of what is
 * held on it. As long as a loop has a gate, none of its connections is given up for a peer whose
 * SETTINGS, or their acknowledgement, are late; nor, on real sockets, for one that does not answer
 * a PING.
 *
 * @param loop  lent, until it or the gate ends. A gate has one real loop, or loops of one sim.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION when the loop has a gate already, or is not of the
 *         sim of the others; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_gate_attach(vitro_gate *gate, vitro_loop *loop,
                                                     vitro_error *err);

/** Hold from now on. A frame of which a byte has passed passes whole. Thread: loop. */
VITRO_API void vitro_gate_hold(vitro_gate *gate);

/** Let go of all that is held, in its order, and hold nothing any more. Thread: loop. */
VITRO_API void vitro_gate_go(vitro_gate *gate);

/**
 * Let the first held unit go; it is written in the next turn of its loop. When none is held, the
 * next one that is made passes instead: a step that was asked for is taken.
 *
 * @return true when one was held.
 * Thread: loop.  Re-entry: allowed in every callback.
 */
VITRO_API bool vitro_gate_next(vitro_gate *gate);

/**
 * Say in the trace that the gate is at rest: who follows the trace then knows that it has all that
 * came of what was let go before. For a moment at which nothing else happens. Thread: loop.
 */
VITRO_API void vitro_gate_tell(vitro_gate *gate);

/** True between vitro_gate_hold() and vitro_gate_go(). Thread: loop. */
VITRO_API bool vitro_gate_is_holding(const vitro_gate *gate);

/** How many units are held. Thread: loop. */
VITRO_API size_t vitro_gate_count(const vitro_gate *gate);

typedef enum vitro_gate_kind {
    VITRO_GATE_PREFACE, /* the 24 bytes that a client begins with */
    VITRO_GATE_FRAME,   /* one frame, its 9 byte header included */
    VITRO_GATE_PART     /* bytes of a frame whose rest was not made in that turn */
} vitro_gate_kind;

/** One held unit. */
typedef struct vitro_gate_unit {
    uint32_t number; /* from 1, in the order of holding */
    uint32_t conn;   /* as in notes; UINT32_MAX without a trace */
    uint32_t stream;
    vitro_gate_kind kind;
    bool from_server;
    uint8_t type, flags; /* of a FRAME */
    uint64_t offset;     /* of its first byte in what this end sends */
    size_t length;       /* bytes */
} vitro_gate_unit;

/**
 * Look at what is held.
 *
 * @param i    from 0, the one that vitro_gate_next() lets go.
 * @param out  filled.
 * @return false when there are not so many.
 * Thread: loop.
 */
VITRO_API bool vitro_gate_look(const vitro_gate *gate, size_t i, vitro_gate_unit *out);

#ifdef __cplusplus
}
#endif
#endif
