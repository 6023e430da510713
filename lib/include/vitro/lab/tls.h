/*
 * tls - a peer that speaks TLS and does not know HTTP/2. For lessons and tests, without the promise
 * of the other headers.
 */
#ifndef VITRO_LAB_TLS_H
#define VITRO_LAB_TLS_H

#include "vitro/credentials.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Leave ALPN out: a client offers no protocol, a server looks at no offer and chooses none; each
 * then speaks HTTP/2 as if they had agreed. A reload brings ALPN back.
 *
 * @param credentials  that no channel and no listener uses yet.
 * @return VITRO_OK; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: any.  Wire: no extension 16 in ClientHello or EncryptedExtensions (RFC 7301, 3.1).
 */
VITRO_API VITRO_CHECKED vitro_code vitro_credentials_without_alpn(vitro_credentials *credentials,
                                                                  vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
