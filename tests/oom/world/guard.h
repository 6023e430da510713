/*
 * guard - what a call passes on both sides: an interceptor that does all that one may do, and
 * credentials of several kinds.
 */
#ifndef OOM_GUARD_H
#define OOM_GUARD_H

#include "vitro/credentials.h"
#include "vitro/interceptor.h"

extern const vitro_interceptor *const guards[];

vitro_code guard_credentials(vitro_call_credentials **out, vitro_error *err);

#endif
