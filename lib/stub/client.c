/*
 * client - the stubs' blocking calls: the functions of vitro/channel.h with messages for bytes.
 */
#include "base/error.h"
#include "rpc/call.h"
#include "stub/message.h"
#include "vitro/stub.h"

static vitro_code unpack_response(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                                  vitro_bytes bytes, vitro_error *err)
{
    vitro_code rc = vitro_pb_unpack(out, type, bytes, NULL, err);

    return rc == VITRO_OK ? rc : vitro_wrap(err, rc, "stub", "the response");
}

vitro_code vitro_stub_unary(vitro_channel *channel, const vitro_method *method,
                            const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type,
                            ProtobufCMessage **response, const vitro_call_options *options,
                            vitro_error *err)
{
    vitro_reply reply = VITRO_REPLY_INIT;
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;
    struct packed p;

    *response = NULL;
    if (vitro_packed_init(&p, request, err))
        rc = vitro_unary(channel, method, p.bytes, options, &reply, err);
    vitro_packed_done(&p);
    if (rc == VITRO_OK)
        rc = unpack_response(response, type, reply.message, err);
    vitro_reply_done(&reply);
    return rc;
}

/* The request was refused: by us, which is the reason, or because the call is over: its status. */
static vitro_code give_up(vitro_call *call, vitro_code rc, vitro_error *err)
{
    bool over = rc == VITRO_FAILED_PRECONDITION || rc == VITRO_CANCELLED;
    vitro_error why = { .code = VITRO_OK };
    vitro_code status;

    vitro_call_abort(call);
    status = vitro_call_close(call, NULL, &why);
    if (!over || status == VITRO_OK)
        return rc;
    if (err)
        *err = why;
    return status;
}

vitro_code vitro_stub_open(vitro_call **call, vitro_channel *channel, const vitro_method *method,
                           const ProtobufCMessage *request, const vitro_call_options *options,
                           vitro_error *err)
{
    vitro_code rc = vitro_call_open(call, channel, method, options, err);

    if (rc == VITRO_OK && request) {
        rc = vitro_stub_write(*call, request, VITRO_SEND_LAST, err);
        if (rc != VITRO_OK)
            rc = give_up(*call, rc, err);
    }
    if (rc != VITRO_OK)
        *call = NULL;
    return rc;
}

vitro_code vitro_stub_write(vitro_call *call, const ProtobufCMessage *message, uint32_t flags,
                            vitro_error *err)
{
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;
    struct packed p;

    if (vitro_packed_init(&p, message, err))
        rc = vitro_call_write(call, p.bytes, flags, err);
    vitro_packed_done(&p);
    return rc;
}

vitro_code vitro_stub_read(vitro_call *call, const ProtobufCMessageDescriptor *type,
                           ProtobufCMessage **out, vitro_error *err)
{
    vitro_message m = { { NULL, 0 }, 0, 0 };
    vitro_code rc = vitro_call_read(call, &m, err);

    *out = NULL;
    if (rc == VITRO_OK && m.bytes.ptr) {
        rc = unpack_response(out, type, m.bytes, err);
        if (rc != VITRO_OK)
            vitro_call_abort(call);
    }
    return rc;
}

vitro_code vitro_stub_finish(vitro_call *call, const ProtobufCMessageDescriptor *type,
                             ProtobufCMessage **out, vitro_error *err)
{
    vitro_error why = { .code = VITRO_OK };
    vitro_code rc, status;

    vitro_call_write_end(call, NULL); /* what is wrong with the call, close says */
    rc = vitro_stub_read(call, type, out, err);
    status = vitro_call_close(call, NULL, &why);
    if (rc == VITRO_OK && status != VITRO_OK) {
        vitro_pb_free(*out);
        *out = NULL;
        rc = status;
        if (err)
            *err = why;
    }
    return rc;
}

vitro_code vitro_stub_start(vitro_call **call, vitro_channel *channel, const vitro_method *method,
                            const ProtobufCMessage *request, const vitro_call_options *options,
                            const vitro_call_events *events, void *user, vitro_error *err)
{
    vitro_code rc;

    *call = NULL;
    if (!events)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "stub", 0,
                          "the events of %s were not begun with their _INIT", method->path);
    rc = vitro_call_start(call, channel, method, options, events, user, err);
    if (rc == VITRO_OK && request) {
        rc = vitro_stub_send(*call, request, VITRO_SEND_LAST, NULL, err);
        if (rc != VITRO_OK) {
            (*call)->events = &vitro_call_no_events; /* to who asked, it never was */
            vitro_call_cancel(*call);
            vitro_call_unref(*call);
        }
    }
    if (rc != VITRO_OK)
        *call = NULL;
    return rc;
}
