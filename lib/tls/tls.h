/*
 * tls - credentials in use: by one channel, or by one listener.
 *
 *      vitro_credentials --> struct tls_end, one a channel or listener --> a layer a connection
 *
 * An end of a client keeps the newest session, so that its next connection is resumed. Under sim
 * an end has a context of its own, seeded from its loop's chance.
 */
#ifndef VITRO_TLS_TLS_H
#define VITRO_TLS_TLS_H

#include "io/layer.h"
#include "io/loop.h"
#include "vitro/credentials.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tls_end;

/*
 * Begin to use credentials on a loop. Keeps a reference. authority is a client's, "HOST[:PORT]";
 * its host is what the peer's certificate must be for, when the credentials name no other; copied.
 * INVALID_ARGUMENT for credentials of the other kind.
 */
vitro_code vitro_tls_end_new(struct tls_end **out, vitro_credentials *credentials, bool server,
                             vitro_loop *loop, const char *authority, vitro_error *err);
void vitro_tls_end_free(struct tls_end *e); /* after all its layers; NULL is accepted */

/* The certificate of a peer is for the host of that authority, too: "HOST[:PORT]". */
bool vitro_tls_covers(const vitro_identity *peer, const char *authority);

/* It is for others: fail with their names, as many as there is room for. who ("channel") wanted it
 * to be for another one. */
vitro_code vitro_tls_not_for(const vitro_identity *peer, const char *layer, int32_t native,
                             const char *who, const char *wanted, vitro_error *err);

/*
 * A layer for one connection, the lowest of its driver, on loop (of a server: any of its loops).
 * NULL, and why in err. Who does not push it closes it: layer->ops->close.
 */
struct layer *vitro_tls_layer_new(struct tls_end *e, vitro_loop *loop, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
