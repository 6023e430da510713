/*
 * hpack_told - what somebody has said of the fields of a block, for the reader.
 */
#ifndef VITRO_FRAME_HPACK_TOLD_H
#define VITRO_FRAME_HPACK_TOLD_H

#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HPACK_TOLD_MAX = 1024 * 1024 };

/* Nothing was said of what follows. */
void vitro_hpack_told_drop(struct hpack_reader *r);

/* Take from what was told what an index has left unknown; for each field of a block, in order. */
void vitro_hpack_told_fill(struct hpack_reader *r, struct hpack_field *f);

#ifdef __cplusplus
}
#endif
#endif
