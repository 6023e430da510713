/*
 * text - what a peer said, made safe for people to read.
 *
 * A text from the network may hold anything: control characters that move the cursor, marks that
 * turn the direction of a line, bytes that are no UTF-8. A program that prints such a text on a
 * terminal, or into a log, escapes it first:
 *
 *      char line[256];
 *
 *      vitro_escape(vitro_str_of("\033[2J"), line, sizeof line);
 *      puts(line);
 */
#ifndef VITRO_TEXT_H
#define VITRO_TEXT_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Write a text with everything escaped that is not a printable character of UTF-8: \u{1b} for a
 * character, \x{ff} for a byte that belongs to none. Line ends are escaped, too.
 *
 * @param text  lent until return.
 * @param out   filled and always terminated when size is not 0; cut at size - 1 bytes, or before a
 *              character that would not fit.
 * @param size  of out, in bytes.
 * @return the length of the whole, which may be more than size - 1.
 * Thread: any.
 */
VITRO_API size_t vitro_escape(vitro_str text, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
