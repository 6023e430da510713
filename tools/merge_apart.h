/*
 * merge_apart - the addresses that traces invent for links and UNIX sockets.
 *
 * 192.0.2.1 and .2 are what every trace calls their ends. The first program keeps them, others get
 * a pair of 198.18.0.0/15, which no network uses either (RFC 2544): in their packets, checksums
 * included, and in the notes that name the ends of a connection.
 */
#ifndef VITRO_TOOLS_MERGE_APART_H
#define VITRO_TOOLS_MERGE_APART_H

#include "merge.h"

/* The packet, the note, as this program's alone. Lends the record's bytes or the merge's room. */
vitro_bytes merge_apart_packet(struct merge_stream *s, const struct capture_record *r);
vitro_bytes merge_apart_note(struct merge_stream *s, vitro_bytes entry);

#endif
