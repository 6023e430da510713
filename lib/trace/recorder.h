/*
 * recorder - one connection's bytes on their way into a trace.
 *
 * A connection appears as TCP: SYN, SYN-ACK, ACK, its bytes with ISN 0 both ways, FIN or RST.
 *
 *      new ............ says who talks to whom; nothing is written
 *      established .... the SYN exchange; the connection has its number now
 *      bytes .......... exactly what crossed, in the order of the calls
 *      end, free ...... FIN or RST
 *
 * Two ends in one process would write everything twice, so ends of the same pair of addresses
 * are one pair: the first to be made writes, the other gets the same number and writes
 * nothing. A client's recorder is made right after connect(), before its server can have
 * accepted on the same loop. A link in memory has one recorder, whose local end is the client.
 *
 * Every function accepts NULL for the recorder and does nothing then: without a trace there is
 * no recorder, and that is the one branch.
 * Thread: any; the order of one connection's bytes is its loop's.
 */
#ifndef VITRO_TRACE_RECORDER_H
#define VITRO_TRACE_RECORDER_H

#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct recorder;
struct sockaddr;

/* Where one end stands. family 0 has no address: a link, a UNIX socket. */
struct endpoint {
    uint8_t family; /* 0, 4 or 6 */
    uint8_t address[16];
    uint16_t port; /* host order */
};

enum record_role { RECORD_CLIENT, RECORD_SERVER };
enum record_direction { RECORD_SENT, RECORD_RECEIVED }; /* as the recorder's local end sees it */
enum record_end { RECORD_FIN, RECORD_RST };

/* Sinks of a trace by their number: those from `from` on, below `to`. */
struct audience {
    uint64_t from, to;
};

/* Number of a connection that has none: not yet established, or no trace. */
#define RECORD_NO_CONN UINT32_MAX

/* From an address of the system; IPv4 in IPv6 becomes IPv4; anything else family 0. */
struct endpoint vitro_endpoint_of(const struct sockaddr *address);

/* "127.0.0.1:50051", "[::1]:50051", "link"; at least 64 bytes at out. */
void vitro_endpoint_text(const struct endpoint *e, char *out, size_t size);

/*
 * Begin to record a connection of loop number `loop` (each loop is an interface of the trace).
 * Keeps a reference to trace; copies the rest. remote may be NULL, local too: family 0. NULL
 * without a trace, and when memory is out: the connection then goes unrecorded.
 */
struct recorder *vitro_recorder_new(vitro_trace *trace, enum record_role role,
                                    const struct endpoint *local, const struct endpoint *remote,
                                    uint32_t loop);

/* The connection stands. Called by the first bytes, too, when it was not called before. */
void vitro_recorder_established(struct recorder *r);

/*
 * The connection's number in this trace, from 0 in the order of the SYNs: what notes call conn,
 * and the number that the decoder gives it. RECORD_NO_CONN before it is established.
 */
uint32_t vitro_recorder_conn(struct recorder *r);

/* Both ends as the packets show them; false before it is established. */
bool vitro_recorder_endpoints(struct recorder *r, struct endpoint *local, struct endpoint *remote);

/* These bytes have crossed. Lends pieces; copies them once for each sink. */
void vitro_recorder_bytes(struct recorder *r, enum record_direction direction,
                          const vitro_bytes *pieces, size_t n);

/* One side has ended: RECORD_SENT is the local one. A RST ends both. Counts once a side. */
void vitro_recorder_end(struct recorder *r, enum record_direction direction, enum record_end how);

/*
 * ---- Sinks that come while a connection is open
 *
 * They get none of its packets until they join it, which is the business of whoever knows where
 * its frames begin: he waits for a good moment, tells them in notes what they have missed, and
 * says join. From then on its bytes and ends are told to them by the _late_ functions, and to the
 * others as before. Their packets go on with the sequence numbers of the connection.
 */

/* True when sinks that hear wait to join it. Costs a load as a rule. */
bool vitro_recorder_awaited(struct recorder *r);

/* Who waits; who has joined so far. */
struct audience vitro_recorder_waiting(const struct recorder *r);
struct audience vitro_recorder_late(const struct recorder *r);

/* Those who wait follow from here on; so many bytes have crossed, as the local end sees it. */
void vitro_recorder_join(struct recorder *r, struct audience waiting, uint64_t sent,
                         uint64_t received);
void vitro_recorder_late_bytes(struct recorder *r, enum record_direction direction,
                               const vitro_bytes *pieces, size_t n);
void vitro_recorder_late_end(struct recorder *r, enum record_direction direction,
                             enum record_end how);

/* Forget it; sides that have not ended yet end with FIN, the local one first. */
void vitro_recorder_free(struct recorder *r);

#ifdef __cplusplus
}
#endif
#endif
