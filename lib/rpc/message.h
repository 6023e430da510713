/*
 * message - one message with its prefix onto the queue of a call, which may have no stream yet.
 */
#ifndef VITRO_RPC_MESSAGE_H
#define VITRO_RPC_MESSAGE_H

#include "base/queue.h"
#include "wire/compress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copied. flag: the first byte of its prefix. False when memory is out: nothing was queued. */
bool vitro_message_append(struct queue *q, uint8_t flag, vitro_bytes msg, bool alone);

/* As above without a copy; release is called in any case. */
bool vitro_message_attach(struct queue *q, uint8_t flag, vitro_bytes msg, vitro_release_fn *release,
                          void *user, bool alone);

/* The n bytes at the front of another queue, moved. False when memory is out: nothing has moved. */
bool vitro_message_move(struct queue *q, struct queue *from, size_t n, bool alone);

/*
 * Compressed. False, and nothing was queued, when that is not shorter or memory is out. account
 * pays for the work.
 */
bool vitro_message_compress(struct queue *q, struct account *account, enum encoding e,
                            vitro_bytes msg, bool alone);

#ifdef __cplusplus
}
#endif
#endif
