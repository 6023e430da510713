/*
 * timeout - the header grpc-timeout: 1 to 8 digits and one of H M S m u n.
 */
#ifndef VITRO_WIRE_TIMEOUT_H
#define VITRO_WIRE_TIMEOUT_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum timeout_form {
    TIMEOUT_OK,
    TIMEOUT_EMPTY,     /* no text at all */
    TIMEOUT_NO_DIGITS, /* nothing before the unit */
    TIMEOUT_BAD_DIGIT, /* something other than 0-9 before the unit */
    TIMEOUT_TOO_LONG,  /* more than 8 digits */
    TIMEOUT_BAD_UNIT,  /* not one of H M S m u n; the case matters */
    TIMEOUT_ZERO       /* well formed, but the protocol asks for a positive number */
};

enum { TIMEOUT_ROOM = 10 }; /* 8 digits, unit, terminator */

/* *ns is set when the result is OK or ZERO; a time past the range of int64_t is INT64_MAX. */
enum timeout_form vitro_timeout_parse(vitro_str text, int64_t *ns);

/* What is wrong with a text, in words; "" for OK. */
const char *vitro_timeout_problem(enum timeout_form form);

/*
 * The finest unit in which ns fits 8 digits, rounded up so that the peer never gives up first;
 * terminated. ns is positive: who has no time left does not start a call. Returns the length.
 */
size_t vitro_timeout_format(int64_t ns, char out[TIMEOUT_ROOM]);

#ifdef __cplusplus
}
#endif
#endif
