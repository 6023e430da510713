/*
 * hello - what the body of a hello says beside what keys are made of.
 */
#ifndef VITRO_CRYPTO_HELLO_H
#define VITRO_CRYPTO_HELLO_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The whole body of a ClientHello: early data follows it (RFC 8446, 4.1.2 and 4.2.10). */
bool vitro_hello_offers_early(vitro_bytes body);

#ifdef __cplusplus
}
#endif
#endif
