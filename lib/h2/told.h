/*
 * told - header blocks for those who came late: which of them cannot be read without the table
 * from before, and what they say.
 *
 *      bytes of a direction -> frames -> block -> a late HPACK reader ---- all known: silence
 *      nghttp2's fields of the same block ------------> fills in the rest: ops->unseen
 *
 * The reader knows exactly what one knows who has seen the bytes since it began and was told what
 * ops->unseen told. So nothing is told that bytes have said; and when its table is whole, nothing
 * will have to be told any more, and the session forgets all this.
 */
#ifndef VITRO_H2_TOLD_H
#define VITRO_H2_TOLD_H

#include "h2/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct h2_told;

/* Fields of the block under way, as nghttp2 says them. */
void vitro_told_block(struct h2_told *t);
void vitro_told_field(struct h2_told *t, vitro_str name, vitro_str value);

/* Bytes of the direction, in order, without DATA frames. A block that they complete waits. */
void vitro_told_bytes(struct h2_session *h, struct h2_told *t, vitro_bytes bytes);

/* Not told as bytes: a whole DATA frame of n bytes. */
void vitro_told_skip(struct h2_told *t, size_t n);

/* The fields of a stream's block are complete, or nothing will say more of those that wait. */
void vitro_told_end(struct h2_session *h, struct h2_told *t, int32_t stream);

#define TOLD_ALL (-1)

/* The fields of the block that waits, if one does, are complete. */
void vitro_told_end_first(struct h2_session *h, struct h2_told *t);

/* What is known of the table is all there is to know: it goes. */
void vitro_told_check(struct h2_session *h);

#ifdef __cplusplus
}
#endif
#endif
