/*
 * answer - messages of the services that ship: bytes of a call to structs and back. What is wrong
 * with either ends the call.
 */
#ifndef VITRO_SERVICES_ANSWER_H
#define VITRO_SERVICES_ANSWER_H

#include "vitro/call.h"
#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the message: vitro_pb_free. NULL when m is no such message: the call was finished. */
ProtobufCMessage *vitro_answer_read(vitro_call *call, const ProtobufCMessageDescriptor *type,
                                    const vitro_message *m);

/* Send one of many; *more as vitro_call_send sets it. False: the call is over, or was finished. */
bool vitro_answer_send(vitro_call *call, const ProtobufCMessage *message, bool *more);

/* Send the only one and finish with OK. */
void vitro_answer_whole(vitro_call *call, const ProtobufCMessage *message);

#ifdef __cplusplus
}
#endif
#endif
