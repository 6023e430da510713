/*
 * call - vitro call TARGET METHOD: one call of any kind from a terminal.
 *
 * One thread, one poll: the loop's descriptor beside the one that requests come from. A request
 * is sent when its last byte has come, a response is printed when it arrives.
 */
#include "call.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "command.h"
#include "print.h"
#include "vitro/channel.h"
#include "vitro/details.h"

enum { OUT_MAX = 1024 * 1024 * 1024 };

struct run {
    struct call_options options;
    struct call_schema schema;
    struct call_input input;
    struct call_wire *wire;
    vitro_loop *loop;
    struct call_trust trust;
    vitro_channel *channel;
    vitro_call *call;
    bool more;   /* the peer is not behind */
    bool ended;  /* all requests were sent */
    bool failed; /* something of our own went wrong: status is set, and it was said */
    bool closed; /* code and so on are set */
    int status;  /* what the program ends with */
    vitro_code code;
    char text[1024]; /* of the call's status */
    vitro_error error;
    bool has_error;
    struct account account;
    struct buf line;
    uint64_t responses;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- what is told --------------------------------------------------------------------------- */

/* Our own end of it: the call is given up, its status is of no more interest. */
static void give_up(struct run *r, int status)
{
    r->failed = true;
    r->status = status;
    vitro_call_cancel(r->call);
}

const char *call_advice(const vitro_error *err)
{
    for (unsigned i = 0; i < err->depth; i++) {
        if (err->frame[i].native == ECONNREFUSED)
            return "nothing listens there; vitro serve does";
        if (strcmp(err->frame[i].layer, "resolve") == 0)
            return "check the name";
    }
    return NULL;
}

/* The channel says so when it found no connection; what fails later is a call's end. */
static bool not_reached(const struct run *r)
{
    return r->code == VITRO_UNAVAILABLE && r->has_error && r->error.depth &&
           strcmp(r->error.frame[r->error.depth - 1].layer, "channel") == 0;
}

static void put_status(const struct run *r)
{
    const char *name = vitro_code_name((int)r->code), *text = r->text;
    char why[512];

    if (!*text && r->has_error) {
        vitro_error_format(&r->error, why, sizeof why);
        text = strncmp(why, name, strlen(name)) == 0 ? why + strlen(name) : why;
        text += strspn(text, ": ");
    }
    fprintf(stderr, "status: %s (%d)%s%s\n", name, (int)r->code, *text ? ": " : "", text);
}

static int tell(struct run *r)
{
    if (r->failed)
        return r->status;
    if (interrupted)
        return EXIT_INTERRUPTED;
    if (not_reached(r)) {
        command_fail_error("call", r->options.target, &r->error, call_advice(&r->error));
        return EXIT_SYSTEM;
    }
    put_status(r);
    return r->code ? EXIT_NEGATIVE : EXIT_DONE;
}

/* ---- responses ------------------------------------------------------------------------------ */

static void refuse_response(struct run *r, const vitro_error *err)
{
    char where[600];

    snprintf(where, sizeof where, "response %llu, %.*s", (unsigned long long)r->responses,
             (int)r->schema.method->output_name.len, r->schema.method->output_name.ptr);
    command_fail_error("call", where, err, "is the .proto file the server's?");
    give_up(r, EXIT_NEGATIVE);
}

static void on_message(vitro_call *call, const vitro_message *m, void *user)
{
    struct run *r = user;
    vitro_error err = { 0 };

    (void)call;
    if (r->failed)
        return;
    call_wire_show(r->wire);
    r->responses++;
    r->line.len = 0;
    if (vitro_pb_to_json(&r->line, r->schema.types, r->schema.method->output, m->bytes, &err)) {
        refuse_response(r, &err);
        return;
    }
    fwrite(r->line.ptr, 1, r->line.len, stdout);
    putchar('\n');
    if (fflush(stdout) || ferror(stdout)) {
        command_fail("call", "stdout", "cannot be written", NULL);
        give_up(r, EXIT_SYSTEM);
    }
}

static void on_headers(vitro_call *call, const vitro_md *md, void *user)
{
    struct run *r = user;

    (void)md;
    if (!r->wire)
        return;
    call_wire_show(r->wire);
    call_trust_tell(call);
}

static void on_writable(vitro_call *call, void *user)
{
    struct run *r = user;

    (void)call;
    r->more = true;
}

/* The messages beside a status, a line each: in JSON when the schema knows their type. */
static void put_details(struct run *r, const vitro_md *trailers)
{
    struct printer p = { .out = stderr };
    vitro_str type;
    vitro_bytes bytes;

    for (size_t i = 0; vitro_details_at(trailers, i, &type, &bytes); i++) {
        const struct pb_message_type *known = vitro_pb_schema_message(r->schema.types, type);

        fputs("detail: ", stderr);
        print_escaped(&p, type);
        r->line.len = 0;
        if (known && !vitro_pb_to_json(&r->line, r->schema.types, known, bytes, NULL))
            fprintf(stderr, " %.*s\n", (int)r->line.len, (const char *)r->line.ptr);
        else
            fprintf(stderr, " of %zu bytes; --proto FILE reads them\n", bytes.len);
    }
}

static void on_closed(vitro_call *call, const vitro_status *status, void *user)
{
    struct run *r = user;
    struct text t;

    (void)call;
    r->closed = true;
    r->code = status->code;
    r->has_error = status->error != NULL;
    if (status->error)
        r->error = *status->error;
    vitro_text_init(&t, r->text, sizeof r->text);
    vitro_text_escape(&t, status->message);
    if (!r->failed)
        put_details(r, status->trailers);
}

static const vitro_call_events events = {
    .size = sizeof(vitro_call_events),
    .on_headers = on_headers,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* ---- requests ------------------------------------------------------------------------------- */

static void send_failed(struct run *r, vitro_code rc, const vitro_error *err)
{
    if (rc == VITRO_CANCELLED || rc == VITRO_FAILED_PRECONDITION) {
        r->ended = true; /* the call is over: closed tells why */
        return;
    }
    command_fail_error("call", "request", err, NULL);
    give_up(r, EXIT_NEGATIVE);
}

/* Send what is there, as long as the peer keeps up. */
static void pump(struct run *r)
{
    while (!r->ended && r->more && !r->failed && !r->closed) {
        enum call_input_result result = call_input_next(&r->input);
        vitro_error err = { 0 };
        vitro_code rc = VITRO_OK;

        if (result == CALL_INPUT_WAIT)
            return;
        if (result == CALL_INPUT_BAD) {
            give_up(r, EXIT_USAGE);
        } else if (result == CALL_INPUT_END) {
            r->ended = true;
            rc = vitro_call_send_end(r->call, &err);
        } else {
            bool only =
                r->schema.call.kind == VITRO_UNARY || r->schema.call.kind == VITRO_SERVER_STREAMING;
            rc = vitro_call_send(r->call, vitro_buf_bytes(&r->input.message),
                                 only ? VITRO_SEND_LAST : 0, &r->more, &err);
            r->ended = only;
        }
        if (rc)
            send_failed(r, rc, &err);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

/* Wait for the network, for requests, or for Ctrl-C. */
static void wait_for(struct run *r, const sigset_t *unblocked)
{
    bool reads = !r->ended && r->more && r->input.fd >= 0 && !r->input.end && !r->failed;
    struct pollfd fds[2] = { { vitro_loop_fd(r->loop), POLLIN, 0 },
                             { reads ? r->input.fd : -1, POLLIN, 0 } };
    int status = EXIT_DONE;

    if (ppoll(fds, 2, NULL, unblocked) > 0 && fds[1].revents)
        status = call_input_read(&r->input);
    if (status)
        give_up(r, status);
}

static int drive(struct run *r, const sigset_t *unblocked)
{
    bool cancelled = false;

    while (!r->closed) {
        vitro_error err = { 0 };

        if (interrupted && !cancelled) {
            cancelled = true;
            vitro_call_cancel(r->call);
        }
        if (!cancelled)
            pump(r);
        if (vitro_loop_run(r->loop, 0, &err)) {
            command_fail_error("call", "loop", &err, NULL);
            return EXIT_SYSTEM;
        }
        call_wire_show(r->wire);
        if (!r->closed)
            wait_for(r, unblocked);
    }
    return EXIT_DONE;
}

static void on_state(vitro_channel_state state, void *user)
{
    const struct run *r = user;

    call_wire_show(r->wire);
    fprintf(stderr, "channel: %s\n", vitro_channel_state_name(state));
}

static int start(struct run *r)
{
    vitro_channel_options channel = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_call_options options = VITRO_CALL_OPTIONS_INIT;
    vitro_error err = { 0 };
    vitro_code rc = VITRO_OK;

    if (r->options.verbose)
        rc = call_wire_open(&r->wire, &r->options, &err);
    if (!rc)
        rc = vitro_loop_new(&r->loop, NULL, &err);
    if (rc) {
        command_fail_error("call", "start", &err, NULL);
        return EXIT_SYSTEM;
    }
    channel.trace = r->wire ? call_wire_trace(r->wire) : NULL;
    call_trust_use(&r->trust, &r->options, &channel);
    channel.keepalive_time_ms = r->options.keepalive_ms;
    rc = vitro_channel_new(&r->channel, r->loop, r->options.target, &channel, &err);
    if (!rc && r->wire)
        vitro_channel_watch(r->channel, on_state, r);
    options.metadata = r->options.metadata;
    options.timeout_ns = r->options.deadline_ns;
    options.compression = r->options.compression;
    options.wait_for_ready = r->options.wait_for_ready;
    r->more = true;
    if (!rc)
        rc = vitro_call_start(&r->call, r->channel, &r->schema.call, &options, &events, r, &err);
    if (!rc)
        return EXIT_DONE;
    command_fail_error("call", r->options.target, &err, NULL);
    return rc == VITRO_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_SYSTEM;
}

/* Ctrl-C arrives in ppoll and nowhere else, so that none is missed before it. */
static void catch_interrupt(sigset_t *unblocked)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, unblocked);
    sigdelset(unblocked, SIGINT);
    sigdelset(unblocked, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* From here on Ctrl-C simply ends the program: a look-up of a name may take its time to end. */
static void leave_interrupt(const sigset_t *unblocked)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, unblocked, NULL);
}

static int run_call(struct run *r)
{
    sigset_t unblocked;
    int status = start(r);

    catch_interrupt(&unblocked);
    if (!status)
        status = drive(r, &unblocked);
    leave_interrupt(&unblocked);
    vitro_call_unref(r->call);
    vitro_channel_free(r->channel);
    vitro_loop_unref(r->loop);
    call_wire_close(r->wire);
    return status ? status : tell(r);
}

static int make_call(struct run *r)
{
    int status = call_schema_read(&r->schema, &r->options, &r->trust);

    if (!status)
        status = call_input_check(&r->schema, r->options.data);
    if (!status)
        status = call_input_open(&r->input, &r->schema, r->options.data);
    return status ? status : run_call(r);
}

int call_main(int argc, char **argv)
{
    struct run r;
    int status;

    memset(&r, 0, sizeof r);
    vitro_account_init(&r.account, NULL, OUT_MAX);
    vitro_buf_init(&r.line, &r.account, OUT_MAX);
    vitro_buf_init(&r.input.text, NULL, 0);
    r.input.fd = -1;
    status = call_options_read(&r.options, argc, argv);
    if (!status)
        status = call_trust_open(&r.trust, &r.options);
    if (!status && call_is_question(&r.options))
        status = call_describe(&r.schema, &r.options, &r.trust);
    else if (!status)
        status = make_call(&r);
    call_trust_close(&r.trust);
    call_input_close(&r.input);
    vitro_buf_done(&r.line);
    call_schema_done(&r.schema);
    call_options_done(&r.options);
    return status;
}
