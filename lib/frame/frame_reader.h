/*
 * frame_reader - cuts a byte stream into preface, frame heads and payload pieces.
 *
 * Pieces lend the caller's bytes; only a head that a read cut in two is copied (9 bytes). The
 * pieces of a stream, laid one behind another, are the stream, however it was split. The reader
 * holds no payload and judges nothing; it fails only on a preface that is none.
 */
#ifndef VITRO_FRAME_FRAME_READER_H
#define VITRO_FRAME_FRAME_READER_H

#include "frame/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

enum frame_piece_kind {
    FRAME_PIECE_NONE,       /* all input is used: give more */
    FRAME_PIECE_PREFACE,    /* bytes of the preface; end with the last of them */
    FRAME_PIECE_HEAD,       /* a whole frame head; end when its payload is empty */
    FRAME_PIECE_PAYLOAD,    /* bytes of a payload; end with the last of them */
    FRAME_PIECE_NOT_PREFACE /* what stands at `at` is no preface; input is not used, see below */
};

struct frame_piece {
    enum frame_piece_kind kind;
    bool end;               /* with this piece the preface or the frame is complete */
    uint64_t at;            /* offset of its first byte in the stream; of a head, its first of 9 */
    struct frame_head head; /* of the frame that it belongs to */
    uint32_t off;           /* of its first byte in the payload or in the preface */
    vitro_bytes bytes;      /* lends the input; of a head: the reader's copy, until the next read */
};

struct frame_reader {
    uint64_t at;   /* offset of the next byte in the stream */
    uint32_t left; /* of the payload or of the preface */
    uint8_t state;
    uint8_t have; /* bytes of a head so far */
    uint8_t raw[FRAME_HEAD_BYTES];
    struct frame_head head; /* of the current frame */
};

/* Begin at stream offset at; a client's direction begins with the preface. */
void vitro_frame_reader_init(struct frame_reader *r, uint64_t at, bool preface);

/*
 * Take the next piece from the front of *in and move *in behind it. After NOT_PREFACE the reader
 * stands at frame heads: bytes of the preface given out before belong to whatever this is.
 */
struct frame_piece vitro_frame_read(struct frame_reader *r, vitro_bytes *in);

/* True between frames (and before the first one, the preface being complete). */
bool vitro_frame_reader_idle(const struct frame_reader *r);

#ifdef __cplusplus
}
#endif
#endif
