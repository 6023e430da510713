#include "services/answer.h"

ProtobufCMessage *vitro_answer_read(vitro_call *call, const ProtobufCMessageDescriptor *type,
                                    const vitro_message *m)
{
    ProtobufCMessage *message = NULL;
    vitro_error why;

    if (vitro_pb_unpack(&message, type, m->bytes, NULL, &why) != VITRO_OK)
        vitro_call_finish(call, why.code, why.frame[0].text, NULL, NULL);
    return message;
}

bool vitro_answer_send(vitro_call *call, const ProtobufCMessage *message, bool *more)
{
    size_t n = vitro_pb_size(message);
    uint8_t *room = NULL;
    vitro_error why;
    vitro_code rc = vitro_call_reserve(call, n, &room, &why);

    if (rc == VITRO_OK) {
        vitro_pb_pack(message, room, n);
        vitro_call_commit(call, 0, more);
    } else {
        vitro_call_finish(call, rc, why.frame[0].text, NULL, NULL); /* not where it is over */
    }
    return rc == VITRO_OK;
}

void vitro_answer_whole(vitro_call *call, const ProtobufCMessage *message)
{
    if (vitro_answer_send(call, message, NULL))
        vitro_call_finish(call, VITRO_OK, NULL, NULL, NULL);
}
