/* session - a connection to the server under test, and what a failure says. */
#include "interop/client/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

vitro_code session_connect(struct session *s, vitro_error *err)
{
    vitro_channel_options options = VITRO_CHANNEL_OPTIONS_INIT;

    vitro_channel_free(s->channel);
    s->channel = NULL;
    options.credentials = s->credentials;
    options.authority = s->flags->server_host_override;
    return vitro_channel_new(&s->channel, s->loop, s->target, &options, err);
}

vitro_code session_open(struct session *s, const struct flags *flags, vitro_error *err)
{
    vitro_credentials_options options = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_code rc = VITRO_OK;

    memset(s, 0, sizeof *s);
    s->flags = flags;
    snprintf(s->target, sizeof s->target, "%s:%s", flags->server_host, flags->server_port);
    options.ca_file = flags->use_test_ca ? flags->ca_file : NULL;
    if (flags->use_tls)
        rc = vitro_credentials_client(&s->credentials, &options, err);
    if (!rc)
        rc = vitro_loop_new(&s->loop, NULL, err);
    return rc ? rc : session_connect(s, err);
}

void session_close(struct session *s)
{
    vitro_channel_free(s->channel);
    vitro_loop_unref(s->loop);
    vitro_credentials_unref(s->credentials);
}

bool failed(struct session *s, const char *format, ...)
{
    va_list list;

    if (s->why[0])
        return false;
    va_start(list, format);
    vsnprintf(s->why, sizeof s->why, format, list);
    va_end(list);
    return false;
}

bool failed_by(struct session *s, const char *what, const vitro_error *err)
{
    char line[VITRO_ERROR_LINE];

    vitro_error_format(err, line, sizeof line);
    return failed(s, "%s: %s", what, line);
}

bool ended_with(struct session *s, const char *what, vitro_code got, vitro_code want,
                const vitro_error *err)
{
    if (got == want)
        return true;
    if (got)
        return failed_by(s, what, err);
    return failed(s, "%s: OK, not %s", what, vitro_code_name(want));
}

Grpc__Testing__Payload zeros(size_t n)
{
    static uint8_t room[4 << 20];
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

    payload.body.len = n < sizeof room ? n : sizeof room;
    payload.body.data = room;
    return payload;
}

bool is_zeros(struct session *s, const char *what, const Grpc__Testing__Payload *got, size_t n)
{
    if (!got || got->type != GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
        return failed(s, "%s: no payload of the type that was asked for", what);
    if (got->body.len != n)
        return failed(s, "%s: %zu bytes, not %zu", what, got->body.len, n);
    for (size_t i = 0; i < n; i++)
        if (got->body.data[i])
            return failed(s, "%s: byte %zu is not zero", what, i);
    return true;
}
