/*
 * trace - what the folders above need of a trace besides recorders and notes: the process's own,
 * and the clock.
 */
#ifndef VITRO_TRACE_TRACE_H
#define VITRO_TRACE_TRACE_H

#include "base/clock.h"
#include "base/list.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The process's trace, from VITRO_TRACE, with a reference for the caller: vitro_trace_unref().
 * NULL when there is none. The first call opens it; a failure is one line on stderr, once.
 */
vitro_trace *vitro_trace_process(void);

/*
 * Time of packets and notes, the system's from birth. Whoever sets a virtual clock gives the
 * system's back before that clock dies.
 */
void vitro_trace_clock(vitro_trace *trace, struct clock clock);

/*
 * Told whenever sinks have come: on any thread, with the trace locked, so that it may only pass
 * the word on.
 */
struct trace_watcher {
    struct list link;
    void (*came)(struct trace_watcher *w);
};
void vitro_trace_watch(vitro_trace *trace, struct trace_watcher *w);
void vitro_trace_unwatch(vitro_trace *trace, struct trace_watcher *w);

/*
 * The descriptors at which others attach to a trace (`listen:`), i from 0; -1 behind the last. A
 * loop that uses the trace watches them, and calls welcome when one is readable. They stay open
 * as long as the trace lives; added() changes when there may be more.
 */
int vitro_trace_listener(vitro_trace *trace, size_t i);
unsigned vitro_trace_added(const vitro_trace *trace);

/*
 * Take everybody who has connected. Never waits. False when somebody had to be left waiting, for
 * want of descriptors or memory: try later.
 */
bool vitro_trace_welcome(vitro_trace *trace);

/*
 * See to the sinks that connect by themselves (`unix:`): to their readers that have left, and to
 * new ones. Whoever uses the trace calls it at `now`, a time of a clock that goes forward, and
 * again after the time that is returned, in nanoseconds; negative: there is no such sink. Never
 * waits.
 */
int64_t vitro_trace_dial(vitro_trace *trace, int64_t now);

/* One of them has no reader. */
bool vitro_trace_is_awaiting(vitro_trace *trace);

/*
 * TLS secrets as lines of a key log, before the first ciphertext that they open: a pcapng
 * Decryption Secrets Block. Sinks that were asked to keep them out do without.
 */
void vitro_trace_secrets(vitro_trace *trace, vitro_bytes keylog);

/* One line, given without its end. */
void vitro_trace_secret(vitro_trace *trace, vitro_str line);

#ifdef __cplusplus
}
#endif
#endif
