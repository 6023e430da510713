/*
 * why - the reasons that one byte of an event can name: ours (why.def), then those of one frame
 * (frame_wrongs.def), then those of HPACK (hpack_wrongs.def).
 */
#ifndef VITRO_DECODE_WHY_H
#define VITRO_DECODE_WHY_H

#include "frame/frame.h"
#include "frame/hpack.h"
#include "vitro/lab/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

enum why {
    WHY_NOTHING,
#define X(id, text) WHY_##id,
#include "decode/why.def"
#undef X
    WHY_FRAME,                                /* + enum frame_wrong */
    WHY_HPACK = WHY_FRAME + FRAME_WRONG_COUNT /* + enum hpack_wrong */
};

/* The first reason of a set of enum frame_wrong, WHY_NOTHING for the empty set. */
uint8_t vitro_why_frame(uint64_t wrongs);

#ifdef __cplusplus
}
#endif
#endif
