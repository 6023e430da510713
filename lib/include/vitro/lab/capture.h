/*
 * lab/capture - how the decoder gets the bytes of a capture: it asks for them at an offset.
 *
 * The decoder opens nothing. Whoever holds the capture (a file, a spooled pipe, memory) answers
 * this one question, also for bytes that were looked at before. No promise of stability.
 */
#ifndef VITRO_LAB_CAPTURE_H
#define VITRO_LAB_CAPTURE_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Lend the bytes of a capture that stand at an offset.
 *
 * @param offset  from the first byte of the capture; may lie behind its end.
 * @param len     how many are wanted, at most VITRO_LEND_MAX.
 * @param user    what was given together with the function.
 * @return lends up to len bytes until the next call with the same user; fewer only where the
 *         capture ends, or has come to while it is being written.
 * Thread: the decoder's.
 */
typedef vitro_bytes vitro_lend(uint64_t offset, size_t len, void *user);

enum { VITRO_LEND_MAX = 16 * 1024 * 1024 };

#ifdef __cplusplus
}
#endif
#endif
