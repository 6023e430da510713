/*
 * stub - a service in C, the client's side: blocking functions, and `_start` with events. What
 * they do is the library's (vitro/stub.h); here they get their types.
 */
#include "stub.h"

/* $NAME$ is the prefix of macros. */
static char *upper_of(const char *name)
{
    struct text t = { 0 };
    for (const char *p = name; *p; p++) {
        text_put(&t, "%c", *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    }
    return t.ptr;
}

static const char *kind_of(const struct method *m)
{
    if (m->many_requests) {
        return m->many_responses ? "VITRO_BIDI_STREAMING" : "VITRO_CLIENT_STREAMING";
    }
    return m->many_responses ? "VITRO_SERVER_STREAMING" : "VITRO_UNARY";
}

static const char *handle_of(const struct method *m)
{
    return !m->many_responses ? "writer" : m->many_requests ? "stream" : "reader";
}

/* protoc-c's own free_unpacked knows nothing of messages in one block. */
static const char *release_of(const struct service *s, const struct method *m)
{
    return s->external ? "vitro_pb_free(&response->base)"
                       : text_of("%s__free_unpacked()", m->response->type.lower);
}

void stub_fill(struct text *out, const char *template, const struct service *s,
               const struct method *m)
{
    const struct var vars[] = {
        { "service", s->name },
        { "full", s->full },
        { "file", s->file },
        { "name", m->name },
        { "NAME", upper_of(m->name) },
        { "member", m->member },
        { "path", m->path },
        { "kind", kind_of(m) },
        { "handle", handle_of(m) },
        { "Request", m->request->type.name },
        { "Response", m->response->type.name },
        { "request", m->request->type.lower },
        { "response", m->response->type.lower },
        { "release", release_of(s, m) },
        { NULL, NULL },
    };
    text_fill(out, template, vars);
}

/* A part of the client's side: which methods have it, what it says in the header, what it does. */
enum { ONE = 1, MANY = 2, ANY = 3 };

struct part {
    unsigned requests, responses;
    const char *about;
    const char *prototype;
    const char *body;
};

static const struct part parts[] = {
    { ONE, ONE, "$path$, waiting for the response: release it with $release$.",
      "vitro_code $name$(\n"
      "    vitro_channel *channel, const $Request$ *request, $Response$ **response,\n"
      "    const vitro_call_options *options, vitro_error *err)",
      "    ProtobufCMessage *message = NULL;\n"
      "    vitro_code rc = vitro_stub_unary(channel, &$name$_method, &request->base,\n"
      "                                     &$response$__descriptor, &message, options, err);\n"
      "    *response = ($Response$ *)message;\n"
      "    return rc;\n" },
    { ONE, MANY, "$path$: one request, then read until the end, then close.",
      "vitro_code $name$(\n"
      "    vitro_channel *channel, const $Request$ *request, $name$_reader *reader,\n"
      "    const vitro_call_options *options, vitro_error *err)",
      "    return vitro_stub_open(&reader->call, channel, &$name$_method, &request->base,\n"
      "                           options, err);\n" },
    { MANY, ANY, "$path$: open it, then write.",
      "vitro_code $name$(\n"
      "    vitro_channel *channel, $name$_$handle$ *$handle$,\n"
      "    const vitro_call_options *options, vitro_error *err)",
      "    return vitro_stub_open(&$handle$->call, channel, &$name$_method, NULL, options, err);\n" },
    { MANY, ANY, "Send one request, waiting while the peer is behind.",
      "vitro_code $name$_write(\n"
      "    $name$_$handle$ *$handle$, const $Request$ *request, vitro_error *err)",
      "    return vitro_stub_write($handle$->call, &request->base, 0, err);\n" },
    { MANY, MANY, "No request follows.",
      "vitro_code $name$_write_end($name$_stream *stream, vitro_error *err)",
      "    return vitro_call_write_end(stream->call, err);\n" },
    { ANY, MANY, "Wait for the next response: $release$. NULL at the end.",
      "vitro_code $name$_read(\n"
      "    $name$_$handle$ *$handle$, $Response$ **response, vitro_error *err)",
      "    ProtobufCMessage *message = NULL;\n"
      "    vitro_code rc =\n"
      "        vitro_stub_read($handle$->call, &$response$__descriptor, &message, err);\n"
      "    *response = ($Response$ *)message;\n"
      "    return rc;\n" },
    { ANY, MANY, "Wait for the end and give its status. Metadata to reply, which may be NULL.",
      "vitro_code $name$_close(\n"
      "    $name$_$handle$ *$handle$, vitro_reply *reply, vitro_error *err)",
      "    vitro_call *call = $handle$->call;\n"
      "    $handle$->call = NULL;\n"
      "    return vitro_call_close(call, reply, err);\n" },
    { MANY, ONE, "No request follows: wait for the response ($release$) and the status, and close.",
      "vitro_code $name$_finish(\n"
      "    $name$_writer *writer, $Response$ **response, vitro_error *err)",
      "    ProtobufCMessage *message = NULL;\n"
      "    vitro_call *call = writer->call;\n"
      "    writer->call = NULL;\n"
      "    vitro_code rc = vitro_stub_finish(call, &$response$__descriptor, &message, err);\n"
      "    *response = ($Response$ *)message;\n"
      "    return rc;\n" },
    { ONE, ANY, "$path$ with events, which must outlive the call. Gives one reference.",
      "vitro_code $name$_start(\n"
      "    vitro_call **call, vitro_channel *channel, const $Request$ *request,\n"
      "    const vitro_call_options *options, const $name$_events *events, void *user,\n"
      "    vitro_error *err)",
      "    return vitro_stub_start(call, channel, &$name$_method, &request->base, options,\n"
      "                            $name$_checked(events), user, err);\n" },
    { MANY, ANY, "$path$ with events, which must outlive the call. Gives one reference.",
      "vitro_code $name$_start(\n"
      "    vitro_call **call, vitro_channel *channel, const vitro_call_options *options,\n"
      "    const $name$_events *events, void *user, vitro_error *err)",
      "    return vitro_stub_start(call, channel, &$name$_method, NULL, options,\n"
      "                            $name$_checked(events), user, err);\n" },
    { MANY, ANY, "Queue one request of a call of $name$_start().",
      "vitro_code $name$_send(\n"
      "    vitro_call *call, const $Request$ *request, uint32_t flags, bool *more,\n"
      "    vitro_error *err)",
      "    return vitro_stub_send(call, &request->base, flags, more, err);\n" },
    { ANY, ANY, "What $NAME$_EVENTS_INIT puts into the events.",
      "void $name$_deliver(vitro_call *call, const vitro_message *m, void *user)",
      "    const $name$_events *events = (const $name$_events *)vitro_stub_events(call);\n"
      "    ProtobufCMessage *message = vitro_stub_receive(call, &$response$__descriptor, m);\n"
      "    if (message && events->on_message) {\n"
      "        events->on_message(call, (const $Response$ *)message, user);\n"
      "    }\n"
      "    vitro_pb_free(message);\n" },
};

/* Events that were not begun with their _INIT would lose every message: vitro_stub_start says so
 * for NULL. */
static const char checked_body[] =
    "static const vitro_call_events *$name$_checked(const $name$_events *events)\n{\n"
    "    return events->call.on_message == $name$_deliver ? &events->call : NULL;\n}\n\n";

static bool has_part(const struct method *m, const struct part *p)
{
    return (p->requests & (m->many_requests ? MANY : ONE)) &&
           (p->responses & (m->many_responses ? MANY : ONE));
}

/* A member of its own makes a reader of one method no reader of another. */
static const char handle_type[] =
    "typedef struct $name$_$handle$ {\n    vitro_call *call;\n} $name$_$handle$;\n\n";

static const char events_type[] =
    "typedef struct $name$_events {\n"
    "    vitro_call_events call; /* all but its on_message */\n"
    "    void (*on_message)(vitro_call *call, const $Response$ *response, void *user);\n"
    "} $name$_events;\n"
    "#define $NAME$_EVENTS_INIT \\\n"
    "    { { sizeof(vitro_call_events), NULL, $name$_deliver, NULL, NULL, NULL, NULL }, NULL }\n\n";

void write_client_header(struct text *out, const struct service *s, const struct method *m)
{
    text_put(out, "/* ---- %s, the client's side */\n\n", m->path);
    stub_fill(out, "extern const vitro_method $name$_method;\n\n", s, m);
    if (m->many_requests || m->many_responses) {
        stub_fill(out, handle_type, s, m);
    }
    stub_fill(out, events_type, s, m);
    struct place place = m->place; /* the method's own words stand at its first function */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (has_part(m, &parts[i])) {
            struct text about = { 0 };
            stub_fill(&about, parts[i].about, s, m);
            write_comment_and(out, place, "", about.ptr);
            place.location = NULL;
            stub_fill(out, parts[i].prototype, s, m);
            text_put(out, ";\n\n");
        }
    }
}

void write_client_source(struct text *out, const struct service *s, const struct method *m)
{
    stub_fill(out, "const vitro_method $name$_method = { \"$path$\", $kind$, &$file$_file };\n\n",
              s, m);
    stub_fill(out, checked_body, s, m);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (has_part(m, &parts[i])) {
            stub_fill(out, parts[i].prototype, s, m);
            text_put(out, "\n{\n");
            stub_fill(out, parts[i].body, s, m);
            text_put(out, "}\n\n");
        }
    }
}
