/*
 * frame_writer - writes frames of every type, the sound and the broken.
 *
 * Each function adds one whole frame to a buffer, or nothing and returns false when the buffer
 * is full. Flags and numbers are written as given: what is wrong on purpose stays wrong; only
 * PADDED and PRIORITY follow from `struct frame_dress`. For any other mistake (a length that
 * lies, a cut field) there is vitro_frame_write_head.
 */
#ifndef VITRO_FRAME_FRAME_WRITER_H
#define VITRO_FRAME_FRAME_WRITER_H

#include "base/buf.h"
#include "frame/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What may stand around data and header blocks. NULL or all zero: nothing. */
struct frame_dress {
    bool padded;      /* a Pad Length and pad bytes of pad_byte */
    uint8_t pad;      /* 0 to 255 */
    uint8_t pad_byte; /* 0, unless it is to be wrong */
    bool priority;    /* HEADERS only: the five bytes of a priority */
    bool exclusive;
    uint8_t weight; /* as on the wire: one less than meant */
    uint32_t dependency;
};

struct frame_setting_pair {
    uint16_t id;
    uint32_t value;
};

/* The connection preface (RFC 9113, 3.4). */
bool vitro_frame_write_preface(struct buf *b);

/* Nine bytes and nothing else: the length is the caller's word. */
bool vitro_frame_write_head(struct buf *b, struct frame_head head);

/* Any type, any payload; head.length is taken from the payload. */
bool vitro_frame_write_raw(struct buf *b, struct frame_head head, vitro_bytes payload);

bool vitro_frame_write_data(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes data,
                            const struct frame_dress *dress);

/* One HEADERS frame with the block's first or only fragment. */
bool vitro_frame_write_headers(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes fragment,
                               const struct frame_dress *dress);

/*
 * A whole header block: HEADERS with at most max bytes of it, then CONTINUATION with at most max
 * each; END_HEADERS on the last. flags without END_HEADERS. max is not 0.
 */
bool vitro_frame_write_block(struct buf *b, uint32_t stream, uint8_t flags, vitro_bytes block,
                             size_t max, const struct frame_dress *dress);

bool vitro_frame_write_priority(struct buf *b, uint32_t stream, const struct frame_dress *dress);
bool vitro_frame_write_rst_stream(struct buf *b, uint32_t stream, uint32_t error_code);
bool vitro_frame_write_settings(struct buf *b, uint8_t flags,
                                const struct frame_setting_pair *pairs, size_t count);
bool vitro_frame_write_push_promise(struct buf *b, uint32_t stream, uint8_t flags,
                                    uint32_t promised, vitro_bytes fragment,
                                    const struct frame_dress *dress);
bool vitro_frame_write_ping(struct buf *b, uint8_t flags, const uint8_t opaque[8]);
bool vitro_frame_write_goaway(struct buf *b, uint32_t last_stream, uint32_t error_code,
                              vitro_bytes debug);
bool vitro_frame_write_window_update(struct buf *b, uint32_t stream, uint32_t increment);
bool vitro_frame_write_continuation(struct buf *b, uint32_t stream, uint8_t flags,
                                    vitro_bytes fragment);
bool vitro_frame_write_altsvc(struct buf *b, uint32_t stream, vitro_str origin, vitro_str value);
bool vitro_frame_write_origin(struct buf *b, const vitro_str *origins, size_t count);
bool vitro_frame_write_priority_update(struct buf *b, uint32_t prioritized, vitro_str value);

#ifdef __cplusplus
}
#endif
#endif
