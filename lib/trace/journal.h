/*
 * journal - one entry of systemd's Journal Export Format, field by field.
 *
 *      NAME=text\n                          a line of text
 *      NAME\n<length, 64 bits>bytes\n       anything else
 *
 * Source: systemd, "Journal Export Formats".
 */
#ifndef VITRO_TRACE_JOURNAL_H
#define VITRO_TRACE_JOURNAL_H

#include "base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JOURNAL_DIGITS = 20 }; /* of the largest number */

/* number in decimal; lends from out, which holds JOURNAL_DIGITS bytes. */
vitro_str vitro_journal_digits(uint64_t number, char *out);

/* Add a field; line says that value is known to be a line of text. False when memory is out. */
bool vitro_journal_field(struct buf *out, vitro_str name, vitro_str value, bool line);
bool vitro_journal_number(struct buf *out, const char *name, uint64_t number);

#ifdef __cplusplus
}
#endif
#endif
