/*
 * frame - HTTP/2 frames: what they are called, the nine bytes before each, and what every byte
 * of a payload means (RFC 9113, 4 and 6).
 *
 *      length (24) | type (8) | flags (8) | reserved (1), stream (31) | payload
 *
 * A payload is cut by a table (frame_layout.def) into parts that cover it exactly, each with its
 * name, offset, length and value. Nothing here fails on bytes of a peer: what breaks a rule is
 * told as a set of numbered reasons (frame_wrongs.def), and all that can be read is read.
 * Pure: no state of a connection is known, so only what one frame shows by itself is judged.
 */
#ifndef VITRO_FRAME_FRAME_H
#define VITRO_FRAME_FRAME_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FRAME_HEAD_BYTES = 9,
    FRAME_PREFACE_BYTES = 24,
    FRAME_LENGTH_MAX = 0xffffff,
    FRAME_FRONT_BYTES = 16, /* so many bytes of a payload hold all its fixed fields */
    FRAME_DEFAULT_MAX = 16384,
    FRAME_DEFAULT_WINDOW = 65535
};

/* The 24 bytes with which a client begins (RFC 9113, 3.4). */
extern const uint8_t vitro_frame_preface[FRAME_PREFACE_BYTES];

/* FRAME_DATA, FRAME_HEADERS ... */
enum frame_type {
#define X(id, number, name, rule, least, most, section) FRAME_##id = number,
#include "frame/frame_types.def"
#undef X
    FRAME_TYPE_MAX = 255
};

/* The bits of all types' flags; which type defines which is frame_flags.def. */
enum frame_flag {
    FRAME_END_STREAM = 0x01,
    FRAME_ACK = 0x01,
    FRAME_END_HEADERS = 0x04,
    FRAME_PADDED = 0x08,
    FRAME_PRIORITY_FLAG = 0x20
};

/* SETTING_HEADER_TABLE_SIZE ... */
enum frame_setting_id {
#define X(id, number, name, initial, least, most, reason, section) SETTING_##id = number,
#include "frame/frame_settings.def"
#undef X
    SETTING_ID_MAX = 0xffff
};

/* H2_NO_ERROR, H2_PROTOCOL_ERROR ... */
enum frame_error_code {
#define X(id, number) H2_##id = number,
#include "frame/frame_errors.def"
#undef X
    H2_ERROR_COUNT
};

/* FRAME_FIELD_PAD_LENGTH ... */
enum frame_field {
#define X(id, name) FRAME_FIELD_##id,
#include "frame/frame_fields.def"
#undef X
    FRAME_FIELD_COUNT
};

/* FRAME_WRONG_TOO_LONG ...: bits of frame_view.wrongs. */
enum frame_wrong {
#define X(id, code, scope, text, section) FRAME_WRONG_##id,
#include "frame/frame_wrongs.def"
#undef X
    FRAME_WRONG_COUNT
};

enum frame_scope { FRAME_SCOPE_NOTHING, FRAME_SCOPE_STREAM, FRAME_SCOPE_CONNECTION };

/* ---- Names; static text, NULL for what has none ------------------------------------------- */

const char *vitro_frame_type_name(uint8_t type);    /* "HEADERS" */
const char *vitro_frame_type_section(uint8_t type); /* "RFC 9113, 6.2" */
uint8_t vitro_frame_type_flags(uint8_t type);       /* the bits that it defines */

/* The name of one bit of a type's flags: "END_STREAM". */
const char *vitro_frame_flag_name(uint8_t type, uint8_t bit);
const char *vitro_frame_flag_section(uint8_t type, uint8_t bit);

const char *vitro_frame_setting_name(uint16_t id);    /* "SETTINGS_MAX_FRAME_SIZE" */
const char *vitro_frame_setting_section(uint16_t id); /* "RFC 9113, 6.5.2" */
uint32_t vitro_frame_setting_default(uint16_t id);    /* UINT32_MAX: no limit; 0 for unknown ids */
const char *vitro_frame_error_name(uint32_t code);    /* "CANCEL" */
const char *vitro_frame_field_name(enum frame_field f); /* "Pad Length"; never NULL */

/* One reason, in words and numbers. */
struct frame_wrong_info {
    const char *id;      /* "PADDING_LONG" */
    const char *text;    /* "more padding than bytes are left" */
    const char *section; /* "RFC 9113, 6.1" */
    uint8_t error_code;  /* what a receiver answers: enum frame_error_code */
    uint8_t scope;       /* enum frame_scope */
};
const struct frame_wrong_info *vitro_frame_wrong_info(enum frame_wrong w);

/* ---- The nine bytes ------------------------------------------------------------------------ */

struct frame_head {
    uint32_t length; /* of the payload */
    uint32_t stream; /* without the reserved bit */
    uint8_t type;
    uint8_t flags;
    bool reserved; /* the bit before the stream identifier */
};

/* Read the 9 bytes at p. */
struct frame_head vitro_frame_head_read(const uint8_t *p);

/* Write 9 bytes at p. Any value is written as it is, the length modulo 2^24. */
void vitro_frame_head_write(uint8_t *p, struct frame_head head);

/*
 * True when the 9 bytes could begin a frame: known type, only its flags, a stream that fits the
 * type, a length that fits the type and max_length. For finding frames again behind a hole.
 */
bool vitro_frame_head_plausible(struct frame_head head, uint32_t max_length);

/* ---- Payloads ------------------------------------------------------------------------------ */

enum { FRAME_PARTS_MAX = 8 };

/* A run of bytes of a payload. */
struct frame_part {
    uint8_t field; /* enum frame_field */
    bool known;    /* value was read: 1, 2 or 4 bytes that were there */
    uint32_t off;  /* in the payload */
    uint32_t len;  /* may be 0 for data, fragments, padding */
    uint32_t
        value; /* the number, its reserved or exclusive bit taken off; weight: as on the wire */
    bool high; /* that bit */
};

/*
 * A payload in parts, in wire order; they cover it exactly. Bit (1 << FRAME_WRONG_x) of wrongs
 * is set for each reason; 0: nothing wrong. needed is how many bytes from the front would have
 * had to be there when cut is set.
 */
struct frame_view {
    uint64_t wrongs;
    uint32_t needed;
    bool cut; /* a fixed field lies beyond the bytes that were given: the rest is EXCESS */
    uint8_t count;
    struct frame_part part[FRAME_PARTS_MAX];
};

/*
 * Cut the payload of a frame into parts. payload may be only its front (FRAME_FRONT_BYTES do, or
 * all of it for values inside SETTINGS, ORIGIN and padding to be judged); bytes past head.length
 * are not looked at. max_length is the receiver's SETTINGS_MAX_FRAME_SIZE, 0: not known.
 */
void vitro_frame_view(struct frame_view *v, struct frame_head head, vitro_bytes payload,
                      uint32_t max_length);

/* The part of a field, NULL when the frame has none. */
const struct frame_part *vitro_frame_part(const struct frame_view *v, enum frame_field field);

/* The value of a field, 0 when the frame has none or its bytes were not there. */
uint32_t vitro_frame_value(const struct frame_view *v, enum frame_field field);

/* The bytes of a field in the same payload; empty when absent, cut to what is there. */
vitro_bytes vitro_frame_bytes(const struct frame_view *v, enum frame_field field,
                              vitro_bytes payload);

/* One setting: identifier at off, value at off + 2. */
struct frame_setting {
    uint32_t off; /* in the payload */
    uint16_t id;
    uint32_t value;
};

/* The i-th entry of a SETTINGS payload, false when there are fewer. */
bool vitro_frame_setting_at(vitro_bytes payload, size_t i, struct frame_setting *out);

/* The reason why a setting's value is refused, FRAME_WRONG_COUNT when it is not. */
enum frame_wrong vitro_frame_setting_wrong(uint16_t id, uint32_t value);

/*
 * The entry of an ORIGIN payload that begins at *off (its 2-byte length; the text is behind it);
 * moves *off behind it. False at the end, and when the entry does not fit.
 */
bool vitro_frame_origin_next(vitro_bytes payload, uint32_t *off, vitro_str *origin);

#ifdef __cplusplus
}
#endif
#endif
