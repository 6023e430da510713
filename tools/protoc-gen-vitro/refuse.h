/*
 * refuse - what a .proto may hold that no code is made for.
 */
#ifndef PROTOC_GEN_VITRO_REFUSE_H
#define PROTOC_GEN_VITRO_REFUSE_H

#include "model.h"

/** "FILE:LINE: why; what to do" for the first thing that cannot be generated, or NULL. */
char *refuse(const struct file *f);

#endif
