/*
 * call_wire - what crosses the wire, decoded while it does: the trace of the call goes to a file
 * that has no name, and the decoder follows behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "call.h"
#include "command.h"
#include "print.h"
#include "schemas.h"

enum { STDERR_BYTES = 64 * 1024 };

struct call_wire {
    FILE *file;
    int fd;
    vitro_trace *trace;
    vitro_decode *decode;
    struct printer printer;
    uint8_t *window;
    size_t room;
    bool showing;
};

static void on_event(vitro_decode *d, const vitro_event *ev, void *user)
{
    struct call_wire *w = user;

    print_event(&w->printer, d, ev);
}

static vitro_bytes lend(uint64_t offset, size_t len, void *user)
{
    struct call_wire *w = user;
    size_t got = 0;

    if (len > w->room) {
        uint8_t *larger = realloc(w->window, len);
        if (!larger)
            return (vitro_bytes){ NULL, 0 };
        w->window = larger;
        w->room = len;
    }
    while (got < len) {
        ssize_t n = pread(w->fd, w->window + got, len - got, (off_t)(offset + got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return (vitro_bytes){ w->window, got };
}

static vitro_code open_decode(struct call_wire *w, const struct call_options *o, vitro_error *err)
{
    vitro_decode_options options = VITRO_DECODE_OPTIONS_INIT;
    vitro_code rc;

    options.on_event = on_event;
    options.lend = lend;
    options.user = w;
    rc = vitro_decode_new(&w->decode, &options, err);
    if (!rc && o->proto_count)
        rc = schemas_add_proto(w->decode, o->protos, o->proto_count, o->dirs, o->dir_count, err);
    for (size_t i = 0; !rc && i < o->set_count; i++)
        rc = schemas_add_set(w->decode, o->sets[i], err);
    return rc ? rc : schemas_add_shipped(w->decode, err);
}

/* A trace that is given takes the place of the process's: its sinks are added. */
static vitro_code open_trace(struct call_wire *w, vitro_error *err)
{
    const char *others = secure_getenv("VITRO_TRACE");
    char sink[32];
    vitro_code rc;

    snprintf(sink, sizeof sink, "fd:%d", w->fd);
    rc = vitro_trace_open(&w->trace, sink, NULL, err);
    if (!rc && others && *others)
        rc = vitro_trace_add(w->trace, others, NULL, err);
    return rc;
}

vitro_code call_wire_open(struct call_wire **out, const struct call_options *o, vitro_error *err)
{
    struct call_wire *w = calloc(1, sizeof *w);
    vitro_code rc;

    *out = w;
    if (!w)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "wire", 0, "out of memory");
    w->file = tmpfile();
    if (!w->file)
        return vitro_fail(err, VITRO_UNAVAILABLE, "wire", 0, "no room for a temporary file");
    w->fd = fileno(w->file);
    setvbuf(stderr, NULL, _IOFBF, STDERR_BYTES); /* an event is many pieces; each turn flushes */
    w->printer.out = stderr;
    w->printer.language = command_korean() ? VITRO_KOREAN : VITRO_ENGLISH;
    rc = open_decode(w, o, err);
    return rc ? rc : open_trace(w, err);
}

vitro_trace *call_wire_trace(const struct call_wire *w)
{
    return w->trace;
}

void call_wire_show(struct call_wire *w)
{
    if (!w || !w->trace || w->showing)
        return;
    w->showing = true;
    vitro_trace_flush(w->trace);
    (void)!vitro_decode_advance(w->decode, NULL);
    fflush(stderr);
    w->showing = false;
}

void call_wire_close(struct call_wire *w)
{
    if (!w)
        return;
    vitro_trace_unref(w->trace);
    w->trace = NULL;
    if (w->decode)
        (void)!vitro_decode_finish(w->decode, NULL);
    fflush(stderr);
    vitro_decode_free(w->decode);
    if (w->file)
        fclose(w->file);
    free(w->window);
    free(w);
}
