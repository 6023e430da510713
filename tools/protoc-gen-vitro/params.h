/*
 * params - what stands between --vitro_out= and the colon: NAME=VALUE,NAME=VALUE.
 */
#ifndef PROTOC_GEN_VITRO_PARAMS_H
#define PROTOC_GEN_VITRO_PARAMS_H

#include "write.h"

/** Read parameters; text may be NULL. Returns what is wrong with them, or NULL. */
char *params_read(struct params *p, const char *text);

#endif
