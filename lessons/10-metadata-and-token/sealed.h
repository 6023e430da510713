/*
 * sealed - call credentials: a token that the library carries, and does not let go into the open.
 */
#ifndef SEALED_H
#define SEALED_H

#include "knock.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A call with the token as call credentials, over whatever the channel is. */
VITRO_CHECKED vitro_code call_with_credentials(vitro_channel *channel, void *door,
                                               vitro_error *err);

/** The same call, to the same service, under TLS. */
VITRO_CHECKED vitro_code call_under_tls(struct door *d, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
