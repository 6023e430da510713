/*
 * reflection - a server that tells what it can do: grpc.reflection.v1, and v1alpha for those who
 * ask that.
 *
 * Who has no .proto asks the server for its services and for the descriptors of their messages;
 * `vitro call`, grpcurl and the like do. Told is what generated code was registered with, imports
 * included: the files that vitro_method.file leads to, and those of vitro_reflection_add().
 *
 * Source: grpc/doc/server-reflection.md; grpc/reflection/v1/reflection.proto.
 */
#ifndef VITRO_REFLECTION_H
#define VITRO_REFLECTION_H

#include "vitro/pb.h"
#include "vitro/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Serve grpc.reflection.v1.ServerReflection and its v1alpha, for all methods that the server has
 * when it begins to listen, whether they were added before this or after.
 *
 * @param server  keeps.
 * @param err     filled on failure; may be NULL.
 * @return as vitro_server_add(); VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the server's first loop's.
 * Wire: one response for each request, in order; what is not known is an error_response with
 *       NOT_FOUND in a call that goes on. A file is told with all that it imports. A request
 *       that asks nothing ends the call with INVALID_ARGUMENT.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_reflection_register(vitro_server *server,
                                                             vitro_error *err);

/**
 * Tell of one more file, with what it imports: of messages that no method names, such as details of
 * errors and what a google.protobuf.Any holds.
 *
 * @param server  of vitro_reflection_register().
 * @param file    keeps: static, as generated code embeds it
 * ("google_rpc_error__details_proto_file").
 * @param err     filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_FAILED_PRECONDITION before reflection is registered or once the server
 *         listens; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the server's first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_reflection_add(vitro_server *server,
                                                        const vitro_pb_file *file,
                                                        vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
