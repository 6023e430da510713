/*
 * hpack_olds - entries of a dynamic table from before a late start, as far as they were told. For
 * the files of the table.
 */
#ifndef VITRO_FRAME_HPACK_OLDS_H
#define VITRO_FRAME_HPACK_OLDS_H

#include "frame/hpack.h"

#ifdef __cplusplus
extern "C" {
#endif

void vitro_hpack_olds_done(struct hpack_table *t);

/* Those for which the table has no room any more go. */
void vitro_hpack_olds_prune(struct hpack_table *t);

/* Copies of src's, in place of the members that dst has copied; false without memory. */
bool vitro_hpack_olds_copy(struct hpack_table *dst, const struct hpack_table *src);

#ifdef __cplusplus
}
#endif
#endif
