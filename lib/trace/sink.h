/*
 * sink - one place that a trace is written to: a bounded buffer in front of a descriptor.
 *
 * `listen:` takes nothing itself: it is where others attach, each of whom becomes a sink. `unix:`
 * has one reader after the other: with none it takes all, and connects to the next that listens.
 *
 * A file is waited for. A pipe or socket is not, unless its opener asked for that: what does not
 * fit is refused, for the trace to count. After a write error the sink is gone and takes all.
 * No SIGPIPE is ever raised. Not thread-safe: the trace's lock is held.
 */
#ifndef VITRO_TRACE_SINK_H
#define VITRO_TRACE_SINK_H

#include "base/mem.h"
#include "trace/local.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

enum sink_type { SINK_FILE, SINK_PIPE, SINK_SOCKET, SINK_LISTENER };

struct sink {
    int fd; /* -1: gone */
    enum sink_type type;
    bool wait;
    bool no_secrets;
    char *name; /* as it was asked for */
    struct account *account;
    uint8_t *data;
    size_t start, len, cap; /* what waits is data[start .. start + len) */
    size_t size;            /* of the buffer, as it was asked for */
    uint64_t lost;          /* blocks refused since the last note about it */
    uint32_t interfaces;    /* interface blocks that it has */
    uint64_t serial;        /* sinks of a trace are numbered as they come, from 0 */
    bool attached;          /* it came to a listener */
    bool torn;              /* packets are missing: it gets nothing until it joins anew */
    bool dials;             /* it connects, again and again */
    int64_t due, pause;     /* when it is to be tried, and how long after that again: ns */
    struct local_file file; /* of a listener */
};

/* True when it takes blocks: it is open, and no listener. */
static inline bool sink_hears(const struct sink *s)
{
    return s->fd >= 0 && s->type != SINK_LISTENER;
}

/* The kinds that there are, for people. */
extern const char *const vitro_sink_kinds;

/* Open what spec names, e.g. "file:/tmp/%p.pcapng". */
vitro_code vitro_sink_open(struct sink *s, struct account *account, vitro_str spec,
                           const vitro_trace_options *options, vitro_error *err);

/*
 * Take one who has connected to a listener: SINK_NOBODY when nobody waits, SINK_NO_ROOM when one
 * does and memory or descriptors are out.
 */
enum sink_admission { SINK_ADMITTED, SINK_NOBODY, SINK_NO_ROOM };
enum sink_admission vitro_sink_admit(struct sink *s, const struct sink *listener);

/* True when its reader has gone away, which is known before anything is written. */
bool vitro_sink_is_left(const struct sink *s);

/*
 * See to one that dials: let go of a reader that has left, and connect when that is due, at `now`
 * of any clock that goes forward. True when it has a new reader, who knows nothing yet. Never
 * waits.
 */
bool vitro_sink_dial(struct sink *s, int64_t now);

/* How long it is until it is to be seen to again. */
int64_t vitro_sink_rest(const struct sink *s, int64_t now);

/* Write what waits, without waiting unless the sink may, and close. Accepts a zeroed sink. */
void vitro_sink_done(struct sink *s);

/* Close without writing: the descriptor belongs to the parent of a fork. */
void vitro_sink_abandon(struct sink *s);

/* Bytes that a block may have to be taken now; SIZE_MAX when it waits or is gone. */
size_t vitro_sink_room(struct sink *s, size_t wanted);

/* Take len bytes in n pieces, all of them or none: false when there is no room. */
bool vitro_sink_put(struct sink *s, const vitro_bytes *piece, size_t n, size_t len);

/* Hand the buffer to the system. */
void vitro_sink_drain(struct sink *s);

/* The same at the end of a trace: a reader that goes on reading gets all, others half a second. */
void vitro_sink_linger(struct sink *s);

/* What an errno means, in static text. */
const char *vitro_sink_reason(int number);

#ifdef __cplusplus
}
#endif
#endif
