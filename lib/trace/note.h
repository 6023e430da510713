/*
 * note - what no byte shows, one typed row each in notes.def.
 *
 *      vitro_note(trace, attempt, .at = at, .call = c->id, .attempt = c->attempts);
 *
 * A row yields the struct of its fields, the text for people and the table that writes it. With
 * no trace the arguments are not evaluated; a wrong field name or type does not compile. Nothing
 * that the connection's bytes say stands in a note.
 *
 * A note is a pcapng block in the systemd Journal Export Format: __REALTIME_TIMESTAMP,
 * MESSAGE, VITRO_KIND, VITRO_NS (wall clock), then one VITRO_<NAME> for each field. Its place
 * in the file is its order among the packets.
 */
#ifndef VITRO_TRACE_NOTE_H
#define VITRO_TRACE_NOTE_H

#include "trace/recorder.h"
#include "vitro/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where a note stands in a connection: VITRO_SIDE, VITRO_CONN, VITRO_IN, VITRO_OUT. The last two
 * are the bytes of HTTP/2 that the session of that side had taken in and produced by then. With
 * conn RECORD_NO_CONN only the side is written, with side NULL nothing.
 */
struct note_at {
    const char *side; /* NOTE_CLIENT, NOTE_SERVER */
    uint32_t conn;    /* vitro_recorder_conn() */
    uint64_t in, out;
};

#define NOTE_CLIENT "client"
#define NOTE_SERVER "server"

/* What a call or stream waits for: `why` of waiting and waited. */
#define NOTE_WAIT_INTERCEPTOR       "interceptor"
#define NOTE_WAIT_CREDENTIALS       "call credentials"
#define NOTE_WAIT_CONNECTION        "connection"
#define NOTE_WAIT_STREAM_LIMIT      "stream limit"
#define NOTE_WAIT_STREAM_WINDOW     "stream window"
#define NOTE_WAIT_CONNECTION_WINDOW "connection window"

/* What a gate does from here on: `state` of gate. */
#define NOTE_GATE_HOLDS   "holds what is sent"
#define NOTE_GATE_LETS_GO "lets everything go"
#define NOTE_GATE_RESTS   "is at rest"

/*
 * Types of fields: uint32_t is an id and left out when 0; uint64_t is an amount; int64_t is a time
 * in ns, which people are told in ms; const char * is text and left out when NULL; vitro_str is
 * text, from a peer too; vitro_bytes is written as it is; struct note_at as above. All are read
 * before vitro_note returns.
 */
#define VITRO_FIELD(type, name) type name;
#define VITRO_NOTE(id, text, fields)                                                               \
    struct note_##id {                                                                             \
        fields                                                                                     \
    };
#include "trace/notes.def"
#undef VITRO_NOTE
#undef VITRO_FIELD

enum note_id {
#define VITRO_NOTE(id, text, fields) NOTE_ID_##id,
#include "trace/notes.def"
#undef VITRO_NOTE
    NOTE_IDS
};

struct vitro_pb_file;

/* Somebody takes what is written; a trace with nothing but `listen:` has nobody at first. */
bool vitro_trace_heard(const vitro_trace *trace);

/* True when notes are wanted. */
static inline bool vitro_trace_on(const vitro_trace *trace)
{
    return __builtin_expect(trace != NULL, 0) && vitro_trace_heard(trace);
}

/* Write a note. trace is not NULL; note points to the struct of its id. */
void vitro_trace_note(vitro_trace *trace, enum note_id id, const void *note);

/* The same to some sinks only. */
void vitro_trace_note_some(vitro_trace *trace, struct audience some, enum note_id id,
                           const void *note);

#ifndef __cplusplus
#define vitro_note(trace, id, ...)                                                                 \
    do {                                                                                           \
        if (vitro_trace_on(trace))                                                                 \
            vitro_trace_note(trace, NOTE_ID_##id, &(struct note_##id){ __VA_ARGS__ });             \
    } while (0)
#define vitro_note_some(trace, some, id, ...)                                                      \
    vitro_trace_note_some(trace, some, NOTE_ID_##id, &(struct note_##id){ __VA_ARGS__ })
#endif

/*
 * Write a schema, once a trace for each file name: file as protoc named it, descriptor its
 * serialized FileDescriptorProto. Imports are written before what needs them.
 */
void vitro_trace_schema(vitro_trace *trace, vitro_str file, vitro_bytes descriptor);

/* The same of a file that generated code embeds, and of all that it imports. */
void vitro_trace_file(vitro_trace *trace, const struct vitro_pb_file *file);

#ifdef __cplusplus
}
#endif
#endif
