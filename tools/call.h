/*
 * call - the parts of `vitro call`: what was asked for, the schema, the requests, the wire.
 *
 *      -d ---> call_input ---> JSON to bytes ---> vitro_call ---> bytes to JSON ---> stdout
 *                                                     |
 *                                      -v: its trace  +---> call_wire ---> stderr
 */
#ifndef VITRO_TOOLS_CALL_H
#define VITRO_TOOLS_CALL_H

#include "pb/json.h"
#include "vitro/channel.h"
#include "vitro/lab/decode.h"
#include "vitro/trace.h"

enum { CALL_LIST_MAX = 64, CALL_TEXT_MAX = 64 * 1024 * 1024 };

/* ---- the command line (call_options.c) ------------------------------------------------------ */

struct call_options {
    const char *target, *method; /* or "list" and "describe" for the method */
    const char *name;            /* what is listed or described; NULL: everything */
    const char *data;            /* NULL: no -d */
    int64_t deadline_ns;         /* 0: none */
    uint32_t keepalive_ms;       /* 0: none */
    const char *compression;     /* NULL: none */
    bool wait_for_ready;
    bool verbose;
    vitro_md *metadata;                                    /* NULL: none */
    const char *authority;                                 /* NULL: the target's */
    const char *ca_file, *crl_file, *cert_file, *key_file; /* NULL: none */
    bool tls, insecure;
    const char *token, *token_file, *service_account; /* NULL: not that one */
    bool allow_plain_token;
    char *protos[CALL_LIST_MAX], *dirs[CALL_LIST_MAX], *sets[CALL_LIST_MAX];
    size_t proto_count, dir_count, set_count;
};

/* What the program ends with, EXIT_DONE to go on; what is wrong was said then. */
int call_options_read(struct call_options *o, int argc, char **argv);
void call_options_done(struct call_options *o);

/* It asks what there is, and makes no call. */
bool call_is_question(const struct call_options *o);

/* ---- TLS and tokens (call_trust.c) ---------------------------------------------------------- */

struct call_trust {
    vitro_credentials *tls;        /* NULL: plain text */
    vitro_call_credentials *token; /* NULL: none */
};

/* What was asked for; t is zeroed before, and closed in any case. What is wrong was said. */
int call_trust_open(struct call_trust *t, const struct call_options *o);
void call_trust_close(struct call_trust *t);

/* What all channels of the program have in common. */
void call_trust_use(const struct call_trust *t, const struct call_options *o,
                    vitro_channel_options *channel);

/* A line about the peer of an open call, on stderr. */
void call_trust_tell(const vitro_call *call);

/* ---- the schema and the method (call_method.c) ---------------------------------------------- */

struct call_schema {
    struct account account;
    struct pb_schema *types;
    bool reflected; /* they are the server's own */
    const struct pb_method_type *method;
    char path[512]; /* "/chat.ChatService/SendMessage" */
    vitro_method call;
};

/* Without the files that were asked for there are no types. What is wrong was said. */
int call_schema_open(struct call_schema *s, const struct call_options *o);

/* The method that was meant: of those files; else of the server's own, or of those that ship. */
int call_schema_read(struct call_schema *s, const struct call_options *o,
                     const struct call_trust *trust);
void call_schema_done(struct call_schema *s);

/* ---- the server's own schema (call_reflect.c) ----------------------------------------------- */

struct call_reflect;

/*
 * Gives *out, on failure too: call_reflect_close, which accepts NULL. o outlives it. waits: for a
 * server that cannot be reached yet. trace is kept; NULL: the process's.
 */
vitro_code call_reflect_open(struct call_reflect **out, const struct call_options *o,
                             const struct call_trust *trust, bool waits, vitro_trace *trace,
                             vitro_error *err);
void call_reflect_close(struct call_reflect *r);

/*
 * Add the file that declares symbol, "package.Service", and its imports to types. UNIMPLEMENTED: it
 * has no reflection; NOT_FOUND: no such symbol; else the server could not be asked.
 */
vitro_code call_reflect_types(struct call_reflect *r, struct pb_schema *types, const char *symbol,
                              vitro_error *err);

/* fn is lent each name. */
vitro_code call_reflect_services(struct call_reflect *r, void (*fn)(vitro_str name),
                                 vitro_error *err);

/* Say what is wrong, and what the program ends with. */
int call_reflect_fail(const struct call_options *o, const vitro_error *err);

/* ---- vitro call TARGET list, describe (call_describe.c) ------------------------------------- */

int call_describe(struct call_schema *s, const struct call_options *o,
                  const struct call_trust *trust);

/* What to do about a server that was not reached (call.c); NULL: nothing comes to mind. */
const char *call_advice(const vitro_error *err);

/* ---- requests (call_input.c) ---------------------------------------------------------------- */

struct call_input {
    const struct call_schema *schema;
    const char *name; /* "-d", a file's, "standard input" */
    struct account account;
    struct buf text;    /* not consumed yet */
    struct buf message; /* the newest one */
    struct json_cut cut;
    int fd;          /* more text comes from here; -1: none */
    bool end;        /* no more text comes */
    uint64_t number; /* messages that came */
};

enum call_input_result {
    CALL_INPUT_MESSAGE, /* in->message is the next one */
    CALL_INPUT_WAIT,    /* more text is needed: poll in->fd, then call_input_read */
    CALL_INPUT_END,
    CALL_INPUT_BAD /* said on stderr */
};

/* Open what -d says. Without it a method with one request gets an empty one, others none. */
int call_input_open(struct call_input *in, const struct call_schema *s, const char *data);
void call_input_close(struct call_input *in);

enum call_input_result call_input_next(struct call_input *in);

/* Read once from in->fd, which is readable. Returns EXIT_DONE, or what to end with. */
int call_input_read(struct call_input *in);

/* Read all that -d holds itself, so that a mistake in it is told before anything is sent. */
int call_input_check(const struct call_schema *s, const char *data);

/* ---- the wire (call_wire.c) ----------------------------------------------------------------- */

struct call_wire;

/* Begin to show: gives *out and the trace to be used. */
vitro_code call_wire_open(struct call_wire **out, const struct call_options *o, vitro_error *err);
vitro_trace *call_wire_trace(const struct call_wire *w);

/* Show what crossed by now. NULL is accepted by both. */
void call_wire_show(struct call_wire *w);

/* Show the rest and release. The connection is gone. */
void call_wire_close(struct call_wire *w);

#endif
