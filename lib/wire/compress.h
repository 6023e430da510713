/*
 * compress - one message into an encoding and back (gRPC compression.md, RFC 1950 to 1952).
 *
 * Each message is a stream of its own: no state of one reaches the next, so that a message may go
 * plain beside its neighbours, and nothing of one tells about another (CRIME). zlib's state is
 * made anew each time too: of a message of 400 bytes that costs a tenth, and a call that is quiet
 * holds no memory. All of it is charged to the buffer's account while it lasts.
 */
#ifndef VITRO_WIRE_COMPRESS_H
#define VITRO_WIRE_COMPRESS_H

#include "base/buf.h"
#include "wire/encoding.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Compress in, of at most 4 GiB, into out, which is empty and may hold as much. True when that is
 * shorter than in; false when it is not, when memory is out, or for identity: send it as it is.
 */
bool vitro_compress(enum encoding e, vitro_bytes in, struct buf *out);

/*
 * Undo it into out, which is empty; its max is the limit of the message. Memory grows with what
 * comes out, and ends at the limit.
 *
 * RESOURCE_EXHAUSTED: more comes out than the limit, or memory is out. INTERNAL: in is not of
 * this encoding, ends early, or goes on behind its end.
 */
vitro_code vitro_decompress(enum encoding e, vitro_bytes in, struct buf *out, vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
