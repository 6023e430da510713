/*
 * text - printing into a fixed buffer that can be too small, and UTF-8.
 *
 * `struct text` counts what it would have written, as snprintf does, and never writes past its
 * end. Bytes of a peer go through vitro_text_escape: control characters, bad UTF-8 and what
 * could move a cursor come out as \u{..} or \x{..}.
 */
#ifndef VITRO_BASE_TEXT_H
#define VITRO_BASE_TEXT_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct text {
    char *out;   /* always terminated when size is not 0 */
    size_t size; /* bytes at out, the terminator included */
    size_t len;  /* length of all that was added, cut or not */
};

void vitro_text_init(struct text *t, char *out, size_t size);
void vitro_text_add(struct text *t, const char *format, ...) VITRO_PRINTF(2, 3);
void vitro_text_bytes(struct text *t, vitro_str s);

/* Adds s with everything escaped that is not a printable character of valid UTF-8. */
void vitro_text_escape(struct text *t, vitro_str s);

/*
 * Decode one character. Returns its length in bytes, 0 when what stands at s is not UTF-8
 * (overlong forms and surrogates are not; RFC 3629, section 3). s is not empty.
 */
size_t vitro_utf8_decode(vitro_str s, uint32_t *code_point);

/* The character as UTF-8, not terminated; returns its length, 1 to 4. c is below 0x110000. */
size_t vitro_utf8_encode(uint32_t code_point, char out[4]);

/* True when all of s is UTF-8. */
bool vitro_utf8_valid(vitro_str s);

/* True for a code point that a terminal shows and that does not change its state or direction. */
bool vitro_utf8_printable(uint32_t code_point);

/*
 * Read an unsigned decimal number that fills all of s, without sign, blanks or leading zeros
 * (a lone 0 is a number). False, and *out untouched, when it is none or more than max.
 */
bool vitro_text_number(vitro_str s, uint64_t max, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
