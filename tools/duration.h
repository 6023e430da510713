/*
 * duration - a time as a command line has it: "500ms", "1.5s", "2m", "1h", "10us", "10ns".
 */
#ifndef VITRO_TOOLS_DURATION_H
#define VITRO_TOOLS_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#define DURATION_WORDS "a time is a number and ns, us, ms, s, m or h"

/* False, and nothing is set, when it is none of these, or 0. */
bool duration_ns(const char *text, int64_t *ns);
bool duration_ms(const char *text, uint32_t *ms); /* rounded up; UINT32_MAX for more than that */

#endif
