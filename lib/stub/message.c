#include "stub/message.h"

#include "base/error.h"
#include "base/mem.h"
#include "client/call.h"
#include "rpc/call.h"
#include "vitro/stub.h"

bool vitro_packed_init(struct packed *p, const ProtobufCMessage *message, vitro_error *err)
{
    uint8_t *room = p->small;
    size_t n = vitro_pb_pack(message, p->small, sizeof p->small);

    p->large = NULL;
    if (n > sizeof p->small) {
        room = p->large = vitro_mem_alloc(NULL, n);
        if (!p->large) {
            p->bytes = (vitro_bytes){ NULL, 0 };
            vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "stub", 0, "out of memory");
            return false;
        }
        vitro_pb_pack(message, p->large, n);
    }
    p->bytes = (vitro_bytes){ room, n };
    return true;
}

void vitro_packed_done(struct packed *p)
{
    vitro_mem_free(NULL, p->large, p->bytes.len);
}

vitro_code vitro_stub_send(vitro_call *call, const ProtobufCMessage *message, uint32_t flags,
                           bool *more, vitro_error *err)
{
    uint8_t *room = NULL;
    size_t n = vitro_pb_size(message);
    vitro_code rc = vitro_call_reserve(call, n, &room, err);

    if (rc == VITRO_OK) {
        vitro_pb_pack(message, room, n);
        vitro_call_commit(call, flags, more);
    }
    return rc;
}

vitro_code vitro_stub_reply(vitro_call *call, const ProtobufCMessage *message, vitro_error *err)
{
    vitro_code rc = vitro_stub_send(call, message, 0, NULL, err);

    return rc == VITRO_OK ? vitro_call_finish(call, VITRO_OK, NULL, NULL, err) : rc;
}

/* The side that cannot read a message ends the call (grpc/doc/statuscodes.md). */
static void refuse(vitro_call *call, const vitro_error *why)
{
    if (call->ops->finish)
        vitro_call_finish(call, why->code, why->frame[0].text, NULL, NULL);
    else
        vitro_client_call_fail((struct client_call *)call, why);
}

ProtobufCMessage *vitro_stub_receive(vitro_call *call, const ProtobufCMessageDescriptor *type,
                                     const vitro_message *m)
{
    ProtobufCMessage *message = NULL;
    vitro_error why;

    if (vitro_pb_unpack(&message, type, m->bytes, NULL, &why) != VITRO_OK)
        refuse(call, &why);
    return message;
}

const vitro_call_events *vitro_stub_events(const vitro_call *call)
{
    return call->events;
}
