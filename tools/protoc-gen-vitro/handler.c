/*
 * handler - a service in C, the server's side: a table of handlers, one function a method.
 *
 * A method with one request has its handler called with it; one with many is called when the
 * call begins, and takes over its events with `_serve`. Both answer then or later: with `_reply`
 * where there is one response, with `_respond` and vitro_call_finish() where there are many.
 */
#include "stub.h"

static const char one_events[] =
    "static void $name$_on_message(vitro_call *call, const vitro_message *m, void *user)\n{\n"
    "    const vitro_stub_service *service = (const vitro_stub_service *)user;\n"
    "    const $service$_handlers *handlers = (const $service$_handlers *)service->handlers;\n"
    "    ProtobufCMessage *message = vitro_stub_receive(call, &$request$__descriptor, m);\n"
    "    if (message) {\n"
    "        handlers->$member$(call, (const $Request$ *)message, service->user);\n"
    "    }\n"
    "    vitro_pb_free(message);\n"
    "}\n\n"
    "static const vitro_call_events $name$_route = {\n"
    "    sizeof(vitro_call_events), NULL, $name$_on_message, NULL, NULL, NULL, NULL,\n"
    "};\n\n";

static const char many_events[] =
    "static void $name$_on_headers(vitro_call *call, const vitro_md *md, void *user)\n{\n"
    "    const vitro_stub_service *service = (const vitro_stub_service *)user;\n"
    "    const $service$_handlers *handlers = (const $service$_handlers *)service->handlers;\n"
    "    (void)md;\n"
    "    handlers->$member$(call, service->user);\n"
    "}\n\n"
    "static const vitro_call_events $name$_route = {\n"
    "    sizeof(vitro_call_events), $name$_on_headers, NULL, NULL, NULL, NULL, NULL,\n"
    "};\n\n"
    "void $name$_receive(vitro_call *call, const vitro_message *m, void *state)\n{\n"
    "    const $name$_handler *handler = (const $name$_handler *)vitro_stub_events(call);\n"
    "    ProtobufCMessage *message = vitro_stub_receive(call, &$request$__descriptor, m);\n"
    "    if (message && handler->on_message) {\n"
    "        handler->on_message(call, (const $Request$ *)message, state);\n"
    "    }\n"
    "    vitro_pb_free(message);\n"
    "}\n\n"
    "void $name$_serve(vitro_call *call, const $name$_handler *handler, void *state)\n{\n"
    "    bool begun = handler->call.on_message == $name$_receive;\n"
    "    vitro_stub_serve(call, begun ? &handler->call : NULL, state);\n"
    "}\n\n";

static const char many_header[] =
    "typedef struct $name$_handler {\n"
    "    vitro_call_events call; /* all but its on_message; on_headers is over */\n"
    "    void (*on_message)(vitro_call *call, const $Request$ *request, void *state);\n"
    "} $name$_handler;\n"
    "#define $NAME$_HANDLER_INIT \\\n"
    "    { { sizeof(vitro_call_events), NULL, $name$_receive, NULL, NULL, NULL, NULL }, NULL }\n\n"
    "/** What $NAME$_HANDLER_INIT puts into the handler. */\n"
    "void $name$_receive(vitro_call *call, const vitro_message *m, void *state);\n\n"
    "/** In the table's $member$: requests of this call go to handler, which must outlive it. */\n"
    "void $name$_serve(vitro_call *call, const $name$_handler *handler, void *state);\n\n";

static const char reply_prototype[] =
    "vitro_code $name$_reply(vitro_call *call, const $Response$ *response, vitro_error *err)";
static const char respond_prototype[] =
    "vitro_code $name$_respond(\n"
    "    vitro_call *call, const $Response$ *response, bool *more, vitro_error *err)";

static const char *answer_about(const struct method *m)
{
    if (!m->many_responses) {
        return "/** Send the response and end the call with OK. For any other status: "
               "vitro_call_finish(). */\n";
    }
    if (m->many_requests) {
        return "/** Queue one response; vitro_call_finish() ends the call. */\n";
    }
    return "/** Queue one response; vitro_call_finish() ends the call. With vitro_stub_serve() it has\n"
           " *  events of its own, such as writable. */\n";
}

static void write_method_header(struct text *out, const struct service *s, const struct method *m)
{
    text_put(out, "/* ---- %s, the server's side */\n\n", m->path);
    if (m->many_requests) {
        stub_fill(out, many_header, s, m);
    }
    text_put(out, "%s", answer_about(m));
    stub_fill(out, m->many_responses ? respond_prototype : reply_prototype, s, m);
    text_put(out, ";\n\n");
}

static void write_method_source(struct text *out, const struct service *s, const struct method *m)
{
    stub_fill(out, m->many_requests ? many_events : one_events, s, m);
    stub_fill(out, m->many_responses ? respond_prototype : reply_prototype, s, m);
    text_put(out,
             m->many_responses
                 ? "\n{\n    return vitro_stub_send(call, &response->base, 0, more, err);\n}\n\n"
                 : "\n{\n    return vitro_stub_reply(call, &response->base, err);\n}\n\n");
}

static const char register_prototype[] =
    "vitro_code $service$_register(\n"
    "    vitro_server *server, const $service$_handlers *handlers, void *user,\n"
    "    vitro_error *err)";

static void write_table_type(struct text *out, const struct service *s, const struct var *vars)
{
    text_fill(out,
              "/** Handlers of $full$. A method without one is UNIMPLEMENTED. */\n"
              "typedef struct $service$_handlers {\n"
              "    size_t size; /* set by the initializer, never by hand */\n",
              vars);
    for (size_t i = 0; i < s->n_methods; i++) {
        const struct method *m = &s->methods[i];
        write_comment(out, m->place, "    ");
        stub_fill(out,
                  m->many_requests
                      ? "    void (*$member$)(vitro_call *call, void *user);\n"
                      : "    void (*$member$)(vitro_call *call, const $Request$ *request,\n"
                        "        void *user);\n",
                  s, m);
    }
    text_fill(out,
              "} $service$_handlers;\n"
              "#define $SERVICE$_HANDLERS_INIT { sizeof($service$_handlers)",
              vars);
    for (size_t i = 0; i < s->n_methods; i++) {
        text_put(out, ", NULL");
    }
    text_put(out, " }\n\n");
}

static struct var *service_vars(const struct service *s)
{
    struct var *vars = room(4 * sizeof *vars);
    vars[0] = (struct var){ "service", s->name };
    vars[1] = (struct var){ "SERVICE", name_upper(s->name) };
    vars[2] = (struct var){ "full", s->full };
    return vars;
}

void write_service_header(struct text *out, const struct service *s)
{
    struct var *vars = service_vars(s);
    write_comment(out, s->place, "");
    for (size_t i = 0; i < s->n_methods; i++) {
        write_client_header(out, s, &s->methods[i]);
    }
    write_table_type(out, s, vars);
    text_put(
        out,
        "/** Serve it: handlers must outlive the server; user is handed to each. Before the server "
        "listens. */\n");
    text_fill(out, register_prototype, vars);
    text_put(out, ";\n\n");
    for (size_t i = 0; i < s->n_methods; i++) {
        write_method_header(out, s, &s->methods[i]);
    }
}

void write_service_source(struct text *out, const struct service *s)
{
    struct var *vars = service_vars(s);
    for (size_t i = 0; i < s->n_methods; i++) {
        write_client_source(out, s, &s->methods[i]);
        write_method_source(out, s, &s->methods[i]);
    }
    text_fill(out, register_prototype, vars);
    if (s->n_methods == 0) {
        text_put(out, "\n{\n    return vitro_stub_register(server, NULL, 0, handlers, user, err);"
                      "\n}\n\n");
        return;
    }
    text_put(out, "\n{\n    static const vitro_stub_route routes[] = {\n");
    for (size_t i = 0; i < s->n_methods; i++) {
        stub_fill(out,
                  "        { &$name$_method, &$name$_route,\n"
                  "          offsetof($service$_handlers, $member$) },\n",
                  s, &s->methods[i]);
    }
    text_put(out,
             "    };\n    return vitro_stub_register(server, routes, %zu, handlers, user, "
             "err);\n}\n\n",
             s->n_methods);
}
