/*
 * hand - the client's end of a connection whose bytes are written by hand: what no library would
 * send. For lessons and tests, without the promise of the other headers.
 *
 *      vitro_hand_open --> vitro_hand_send ... --> vitro_hand_received --> vitro_hand_free
 *
 * It speaks nothing by itself, HTTP/2 neither: whoever writes the bytes says all of it. Like any
 * other connection it is in the trace, and its loop's gate holds what it sends.
 */
#ifndef VITRO_LAB_HAND_H
#define VITRO_LAB_HAND_H

#include "vitro/loop.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_hand vitro_hand;

/**
 * Begin to connect, in plain text.
 *
 * @param out     gives; vitro_hand_free().
 * @param loop    keeps; it must outlive the hand.
 * @param target  lent until return: an address that needs no looking up ("ipv4:127.0.0.1:50051",
 *                "sim:NAME").
 * @param trace   keeps a reference; NULL: none.
 * @return VITRO_OK, also when nobody will answer; VITRO_INVALID_ARGUMENT for another target;
 *         VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: loop.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_hand_open(vitro_hand **out, vitro_loop *loop,
                                                   const char *target, vitro_trace *trace,
                                                   vitro_error *err);

/**
 * Send these bytes once the connection is there, behind those from before.
 *
 * @param bytes  copied.
 * @return false out of memory, or when the connection is closed.
 * Thread: loop.
 */
VITRO_API VITRO_CHECKED bool vitro_hand_send(vitro_hand *hand, vitro_bytes bytes);

/** All that has come so far, of 1 MiB at most. Lends until the loop runs. Thread: loop. */
VITRO_API vitro_bytes vitro_hand_received(const vitro_hand *hand);

/** The connection has ended, or there never was one: nothing more comes. Thread: loop. */
VITRO_API bool vitro_hand_is_closed(const vitro_hand *hand);

/** Send what is to be sent, then end the connection; true of vitro_hand_is_closed() some time
 *  later. Does nothing to a closed one. Thread: loop. */
VITRO_API void vitro_hand_close(vitro_hand *hand);

/** Free it; a connection that is still open ends with a reset, in the loop's next turns. NULL is
 *  accepted. Thread: loop. */
VITRO_API void vitro_hand_free(vitro_hand *hand);

#ifdef __cplusplus
}
#endif
#endif
