/*
 * fault - what libcrypto and libssl say went wrong, as one readable cause.
 */
#ifndef VITRO_CRYPTO_FAULT_H
#define VITRO_CRYPTO_FAULT_H

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Forget what calls before this one have left behind: the queue of errors is the thread's. */
void vitro_fault_clear(void);

/* What the thread's queue of errors says; it is empty then. */
struct fault {
    unsigned long first; /* as OpenSSL packs it; 0: nothing was said */
    bool no_memory;
};
struct fault vitro_fault_take(void);

/*
 * vitro_fail with "WHAT: REASON", the reason being the first of the thread's errors, which are
 * forgotten. WHAT may be a path: it is escaped where it is shown. When memory ran out that is what
 * is told, and RESOURCE_EXHAUSTED the code.
 */
vitro_code vitro_fault(vitro_error *err, vitro_code code, const char *layer, const char *what);

#ifdef __cplusplus
}
#endif
#endif
