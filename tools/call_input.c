/*
 * call_input - requests as JSON, one after another: what -d holds, a file, standard input. Each is
 * given out as soon as its last byte is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "call.h"
#include "command.h"

enum { READ_BYTES = 64 * 1024, BUDGET = 1024 * 1024 * 1024 };

static bool one_request(const struct call_schema *s)
{
    return s->call.kind == VITRO_UNARY || s->call.kind == VITRO_SERVER_STREAMING;
}

static void say(const char *where, const char *why, const char *what_to_do)
{
    char safe[256];
    struct text t;

    vitro_text_init(&t, safe, sizeof safe);
    vitro_text_escape(&t, vitro_str_of(where));
    command_fail("call", safe, why, what_to_do);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_file(struct call_input *in, const char *path)
{
    bool standard = strcmp(path, "-") == 0;

    in->name = standard ? "standard input" : path;
    in->fd = standard ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd >= 0)
        return EXIT_DONE;
    say(in->name, strerror(errno), NULL);
    return EXIT_SYSTEM;
}

int call_input_open(struct call_input *in, const struct call_schema *s, const char *data)
{
    *in = (struct call_input){ .schema = s, .name = "-d", .fd = -1 };
    vitro_account_init(&in->account, NULL, BUDGET);
    vitro_buf_init(&in->text, &in->account, CALL_TEXT_MAX);
    vitro_buf_init(&in->message, &in->account, CALL_TEXT_MAX);
    vitro_json_cut_init(&in->cut);
    if (data && strcmp(data, "-") == 0)
        return open_file(in, data);
    if (data && data[0] == '@')
        return open_file(in, data + 1);
    in->end = true;
    if (!data || vitro_buf_append(&in->text, data, strlen(data)))
        return EXIT_DONE;
    say(in->name, "the text is too large", "@FILE reads requests one by one");
    return EXIT_USAGE;
}

void call_input_close(struct call_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    vitro_buf_done(&in->text);
    vitro_buf_done(&in->message);
}

/* ---- messages ------------------------------------------------------------------------------- */

static enum call_input_result bad_json(const struct call_input *in, const vitro_error *err)
{
    char why[3 * VITRO_ERROR_TEXT];
    struct text t;

    vitro_text_init(&t, why, sizeof why);
    if (err->depth > 1) {
        vitro_text_escape(&t, vitro_str_of(err->frame[1].text));
        vitro_text_add(&t, ": ");
    }
    vitro_text_escape(&t, vitro_str_of(err->frame[0].text));
    say(in->name, why, NULL);
    return CALL_INPUT_BAD;
}

static enum call_input_result convert(struct call_input *in, vitro_str json)
{
    vitro_error err = { 0 };

    if (in->number && one_request(in->schema)) {
        say(in->name, "the method takes one request, and here is a second", NULL);
        return CALL_INPUT_BAD;
    }
    in->message.len = 0;
    if (vitro_pb_from_json(&in->message, in->schema->types, in->schema->method->input, json,
                           &in->cut.start, &err))
        return bad_json(in, &err);
    in->number++;
    return CALL_INPUT_MESSAGE;
}

/* An empty request is what a method that needs one gets when there is none. */
static enum call_input_result at_end(struct call_input *in)
{
    if (in->number || !one_request(in->schema))
        return CALL_INPUT_END;
    in->message.len = 0;
    in->number++;
    return CALL_INPUT_MESSAGE;
}

enum call_input_result call_input_next(struct call_input *in)
{
    vitro_str text = { (const char *)in->text.ptr, in->text.len }, json;

    switch (vitro_json_cut(&in->cut, text, in->end, &json)) {
    case JSON_CUT_WHOLE:
        return convert(in, json);
    case JSON_CUT_PART: /* at the end converting says what is missing */
        return in->end ? convert(in, json) : CALL_INPUT_WAIT;
    default:
        return in->end ? at_end(in) : CALL_INPUT_WAIT;
    }
}

int call_input_read(struct call_input *in)
{
    uint8_t *room;
    ssize_t n;

    vitro_buf_consume(&in->text, vitro_json_cut_consume(&in->cut));
    room = vitro_buf_reserve(&in->text, READ_BYTES);
    if (!room) {
        say(in->name, "a request is too large", NULL);
        return EXIT_USAGE;
    }
    n = read(in->fd, room, READ_BYTES);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return EXIT_DONE;
    if (n < 0) {
        say(in->name, strerror(errno), NULL);
        return EXIT_SYSTEM;
    }
    in->text.len += (size_t)n;
    in->end = n == 0;
    return EXIT_DONE;
}

int call_input_check(const struct call_schema *s, const char *data)
{
    enum call_input_result result;
    struct call_input in;
    int status;

    if (!data || data[0] == '@' || strcmp(data, "-") == 0)
        return EXIT_DONE;
    status = call_input_open(&in, s, data);
    if (status)
        return status;
    do
        result = call_input_next(&in);
    while (result == CALL_INPUT_MESSAGE);
    call_input_close(&in);
    return result == CALL_INPUT_BAD ? EXIT_USAGE : EXIT_DONE;
}
