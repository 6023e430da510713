/* service - the handlers of grpc.testing.TestService, and what they share. */
#ifndef VITRO_TESTS_INTEROP_SERVICE_H
#define VITRO_TESTS_INTEROP_SERVICE_H

#include "grpc/testing/test.vitro.h"

/* Serve it; UnimplementedCall and UnimplementedService are nobody's. */
vitro_code service_register(vitro_server *server, vitro_error *err);

/* Echo the metadata that the client wants to see again: headers now, trailers at the end. */
vitro_code echo_headers(vitro_call *call, vitro_error *err);
void finish(vitro_call *call, vitro_code code, const char *text);
void finish_failed(vitro_call *call, const vitro_error *err);

/* The status that a request asks for, when it is not OK: the call has ended with it. */
bool ended_as_asked(vitro_call *call, const Grpc__Testing__EchoStatus *asked);
/* A payload of so many zeros into *out, whose body is to be freed. False: the call has ended. */
bool make_payload(vitro_call *call, int32_t size, Grpc__Testing__Payload *out);

/* Compression: whether a value is there and true; what a response is sent with; ready to compress,
 * before headers leave, when any response is to be. */
bool said_so(const Grpc__Testing__BoolValue *value);
uint32_t send_flags(const Grpc__Testing__BoolValue *compressed);
vitro_code may_compress(vitro_call *call, bool any, vitro_error *err);

/* Streams of responses (outputs.c), by the rules of three methods. */
void serve_streaming_output(vitro_call *call,
                            const Grpc__Testing__StreamingOutputCallRequest *request, void *user);
void serve_full_duplex(vitro_call *call, void *user);
void serve_half_duplex(vitro_call *call, void *user);

/* A server of its own that misbehaves (bad.c), until a signal. FAILED_PRECONDITION when the client
 * did not do what it had to. */
vitro_code serve_badly(const char *name, const char *target, vitro_credentials *credentials,
                       vitro_error *err);
/* Of the program: the line that tells where a server listens. */
void say_where(const char *bound);

#endif
