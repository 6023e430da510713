/*
 * flow - one connection as the packets of a trace show it, shared by both its ends when both are
 * in this process. The trace's lock is held in every function.
 */
#ifndef VITRO_TRACE_FLOW_H
#define VITRO_TRACE_FLOW_H

#include "trace/tap.h"

#ifdef __cplusplus
extern "C" {
#endif

enum flow_side { FLOW_CLIENT, FLOW_SERVER };

/*
 * The flow between these ends, for one of them: a new one, *writes true, or the one that the
 * other end has made. NULL when memory is out. client and server may be NULL.
 */
struct flow *vitro_flow_join(vitro_trace *t, enum flow_side side, const struct endpoint *client,
                             const struct endpoint *server, uint32_t loop, bool *writes);
void vitro_flow_leave(vitro_trace *t, struct flow *f);

/* Write the SYN exchange, once. */
void vitro_flow_establish(vitro_trace *t, struct flow *f);

uint32_t vitro_flow_number(const struct flow *f); /* RECORD_NO_CONN before it is established */
const struct endpoint *vitro_flow_end(const struct flow *f, enum flow_side side);

void vitro_flow_bytes(vitro_trace *t, struct flow *f, enum flow_side from, const vitro_bytes *piece,
                      size_t n);

/* FIN or RST from a side, once; nothing when the flow was never established. */
void vitro_flow_end_side(vitro_trace *t, struct flow *f, enum flow_side from, enum record_end how);

#ifdef __cplusplus
}
#endif
#endif
