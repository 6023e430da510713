/*
 * credentials - what of vitro/credentials.h a connection takes when it begins.
 */
#ifndef VITRO_TLS_CREDENTIALS_H
#define VITRO_TLS_CREDENTIALS_H

#include "tls/context.h"

#ifdef __cplusplus
extern "C" {
#endif

bool vitro_credentials_are_server(const vitro_credentials *c);

/* The context of now, a reference, and how often it was replaced before. Any thread. */
struct tls_context *vitro_credentials_context(vitro_credentials *c, uint64_t *version);

#ifdef __cplusplus
}
#endif
#endif
