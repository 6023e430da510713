/*
 * one_call - a call by events, whose end is looked at closely: the status text as it crossed the
 * wire, and which messages came compressed.
 */
#ifndef VITRO_TESTS_INTEROP_ONE_CALL_H
#define VITRO_TESTS_INTEROP_ONE_CALL_H

#include "interop/client/session.h"

enum { ONE_CALL_KEPT = 2 };

struct one_call {
    vitro_call *call;
    int messages;
    const ProtobufCMessageDescriptor *type; /* of messages that are kept; NULL: none is */
    ProtobufCMessage *kept[ONE_CALL_KEPT];  /* the first ones; vitro_pb_free() */
    bool compressed[ONE_CALL_KEPT];
    bool closed;
    vitro_code code;
    char text[256];
    size_t text_len;
    vitro_error error;
};

/* Begin it, with its only request or NULL; options may be NULL. Ends with one_call_ends(). */
bool one_call_begin(struct session *s, struct one_call *c, const vitro_method *method,
                    const ProtobufCMessage *request, const vitro_call_options *options);
bool one_call_send(struct session *s, struct one_call *c, const ProtobufCMessage *request,
                   uint32_t flags);

/* Wait for something, 10 s at most: for a message or the end. */
bool one_call_wait(struct session *s, struct one_call *c, bool (*done)(void *one_call));
bool one_call_answered(void *one_call);

/* Wait for the end, which is with this code and, unless NULL, this text. */
bool one_call_ends(struct session *s, struct one_call *c, vitro_code code, const char *text);

#endif
