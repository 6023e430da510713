/*
 * pair - one connection as the packets of a trace show it, shared by both its ends when both are
 * in this process. The trace's lock is held in every function.
 */
#ifndef VITRO_TRACE_PAIR_H
#define VITRO_TRACE_PAIR_H

#include "trace/tap.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pair_side { PAIR_CLIENT, PAIR_SERVER };

/*
 * A connection is shown twice when sinks have come since it began: to those who know it from its
 * SYN on, and to those who have joined it.
 */
enum pair_view { PAIR_WHOLE, PAIR_JOINED };

/*
 * The pair of these ends, for one of them: a new one, *writes true, or the one that the
 * other end has made. NULL when memory is out. client and server may be NULL.
 */
struct pair *vitro_pair_join(vitro_trace *t, enum pair_side side, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop, bool *writes);
void vitro_pair_leave(vitro_trace *t, struct pair *pair);

/* Write the SYN exchange, once. */
void vitro_pair_establish(vitro_trace *t, struct pair *pair);

uint32_t vitro_pair_number(const struct pair *pair); /* RECORD_NO_CONN before it is established */
const struct endpoint *vitro_pair_end(const struct pair *pair, enum pair_side side);

void vitro_pair_bytes(vitro_trace *t, struct pair *pair, enum pair_view view, enum pair_side from,
                      const vitro_bytes *piece, size_t n);

/* FIN or RST from a side, once a view; nothing when it was never established. */
void vitro_pair_end_side(vitro_trace *t, struct pair *pair, enum pair_view view,
                         enum pair_side from, enum record_end how);

/* Sinks below `to` have joined, when so many bytes of the client, of the server had crossed. */
void vitro_pair_join_view(struct pair *pair, uint64_t to, uint64_t client, uint64_t server);

/* Sinks that see it in a view. */
struct audience vitro_pair_audience(const struct pair *pair, enum pair_view view);

#ifdef __cplusplus
}
#endif
#endif
