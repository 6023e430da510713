/*
 * merge_flows - which program shows a connection, when both of its ends are watched.
 *
 * Both ends write the packets of a connection down; of the two accounts the first is kept, as the
 * two ends within one program share one. When its program leaves, the other goes on with it: both
 * count bytes from 0.
 */
#ifndef VITRO_TOOLS_MERGE_FLOWS_H
#define VITRO_TOOLS_MERGE_FLOWS_H

#include "decode/packet.h"

struct merge_flow;

struct merge_flows {
    struct merge_flow *slots; /* open addressing */
    size_t count, cap;
    int64_t newest; /* of the times seen */
};

/* True when this program is the one to show the packet. */
bool merge_flows_shows(struct merge_flows *f, const struct segment *s, uint32_t program);

/* The program has left: its connections are for whoever else has them. */
void merge_flows_leave(struct merge_flows *f, uint32_t program);

void merge_flows_done(struct merge_flows *f);

#endif
