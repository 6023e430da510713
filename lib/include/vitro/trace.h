/*
 * trace - the tap: what connections do, as a pcapng stream that Wireshark and vitro open.
 *
 * A trace holds the bytes that crossed, as TCP/IP packets, and notes for what no byte shows: a
 * name resolved, an attempt begun, a deadline fired. It is written to one or more sinks:
 *
 *      file:PATH    a file, mode 0600, written anew; %p in PATH is the process's number
 *      fd:N         a descriptor that is open already: a file, a pipe, a socket
 *      unix:PATH    a UNIX socket at which somebody listens: `vitro watch listen:PATH`. Who is not
 *                   there yet, or leaves and comes back, is connected to within about two seconds,
 *                   and gets a stream of its own, which begins there
 *      listen:PATH  a UNIX socket of the program's own, mode 0600, at which others may attach at
 *                   any time, and leave again: `vitro watch unix:PATH`. %p as above. Each gets a
 *                   stream of its own, which begins where it has attached.
 *
 * The other end of a socket must belong to the same user or to root. A sink that comes while
 * connections are open sees each from the next border between two frames on; notes tell what the
 * bytes before have said: open streams, windows, settings, and what header blocks refer to until
 * the HPACK tables are known. A reader that is behind loses whole packets, is told how many, and
 * joins anew when it has caught up; it never stops the program, nor does one that goes.
 *
 * With no trace given to a channel or server, the process's trace is used: the sinks that the
 * environment names in VITRO_TRACE, opened by the first connection; VITRO_TRACE_SECRETS=no keeps
 * the secrets of TLS out of them.
 */
#ifndef VITRO_TRACE_H
#define VITRO_TRACE_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vitro_trace vitro_trace;

/** How a trace treats its sinks. */
typedef struct vitro_trace_options {
    size_t size;           /* set by VITRO_TRACE_OPTIONS_INIT, never by hand */
    uint32_t buffer_bytes; /* of each sink; 0: 256 KiB; at least 128 KiB */
    bool block;            /* pipes and sockets: wait for the reader instead of dropping */
    bool no_secrets;       /* leave out the secrets of TLS: nobody can read what it protects */
} vitro_trace_options;     /* append only */
#define VITRO_TRACE_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(vitro_trace_options), 0, false, false                                               \
    }

/**
 * Open a trace.
 *
 * @param out      gives a trace with one reference: vitro_trace_unref(). NULL on failure.
 * @param sinks    copied: "file:PATH,fd:N", no comma in a path; at most eight.
 * @param options  copied; NULL: all defaults.
 * @param err      filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_INVALID_ARGUMENT for a sink that this version does not know, and no
 *         sink at all; VITRO_UNAVAILABLE when one cannot be opened; VITRO_RESOURCE_EXHAUSTED.
 * Thread: any.
 * Wire: nothing. Descriptors are duplicated (N stays the caller's), close on exec, and are
 * closed in the child of a fork: only the process that opened a trace writes it. Those who attach
 * are let in, and those who listen are looked for, by the loops whose channels and servers use the
 * trace, while one of them runs. The socket of a program that has gone is replaced, and removed at
 * the end.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_trace_open(vitro_trace **out, const char *sinks,
                                                    const vitro_trace_options *options,
                                                    vitro_error *err);

/**
 * Add sinks to a trace, with options of their own. They get what is written from now on, behind
 * what they have to know of connections that are open.
 *
 * @param sinks    copied; as vitro_trace_open().
 * @param options  copied; NULL: all defaults.
 * @return as vitro_trace_open(); on failure the trace is as before.
 * Thread: as vitro_trace_open().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_trace_add(vitro_trace *trace, const char *sinks,
                                                   const vitro_trace_options *options,
                                                   vitro_error *err);

/** Take one more reference; trace may be NULL. @return gives trace. Thread: any. */
VITRO_API vitro_trace *vitro_trace_ref(vitro_trace *trace);

/**
 * Drop one reference; the last one flushes and closes the sinks. Connections hold their own.
 * A pipe or socket that is behind is given half a second in which its reader takes nothing.
 *
 * @param trace  takes one reference; may be NULL.
 * Thread: any.
 */
VITRO_API void vitro_trace_unref(vitro_trace *trace);

/**
 * Hand what is buffered to the system. A loop does this once a turn by itself.
 *
 * @param trace  lent; may be NULL.
 * @return true when a reader is behind and something still waits: flush again later.
 * Thread: any. Never waits for a pipe or socket without the option block.
 */
VITRO_API bool vitro_trace_flush(vitro_trace *trace);

/**
 * Put a sentence into the trace: a note of the kind `say`.
 *
 * @param trace   lent; NULL does nothing.
 * @param format  lent until return; as printf; cut at 1,023 bytes.
 * Thread: any.
 */
VITRO_API void vitro_trace_say(vitro_trace *trace, const char *format, ...) VITRO_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
