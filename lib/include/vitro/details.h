/*
 * details - errors that say more than a code and a text: messages in grpc-status-details-bin.
 *
 * A server ends a call with messages beside the status, such as google.rpc.BadRequest with the
 * fields that are wrong; a client finds them in the trailing metadata of the status. On the wire
 * they are one google.rpc.Status whose details are of google.protobuf.Any. The usual messages stand
 * in google/rpc/error_details.proto, below `pkg-config --variable=proto vitro`; it is generated
 * with google/protobuf/duration.proto, which it imports. Any other message will do.
 *
 * Source: google/rpc/status.proto; gRPC PROTOCOL-HTTP2, Status-Details.
 */
#ifndef VITRO_DETAILS_H
#define VITRO_DETAILS_H

#include "vitro/call.h"
#include "vitro/pb.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Server: end the call as vitro_call_finish() does, with messages that say more. They share the
 * peer's limit on header bytes (8 KiB, as a rule): keep them short.
 *
 * @param code      the status; not VITRO_OK.
 * @param message   copied; text for people; may be NULL.
 * @param details   lent until return; none is NULL.
 * @param count     of details; 0: none.
 * @param trailers  copied; other trailing metadata; may be NULL.
 * @param err       filled on failure; may be NULL.
 * @return as vitro_call_finish(); VITRO_INVALID_ARGUMENT with VITRO_OK for code, or a NULL among
 *         details; VITRO_RESOURCE_EXHAUSTED out of memory, or over 1 MiB. In these two cases the
 *         call was not ended.
 * Thread: loop.
 * Wire: grpc-status-details-bin in the trailers, a google.rpc.Status with the same code and text.
 */
VITRO_API vitro_code vitro_call_finish_details(vitro_call *call, vitro_code code,
                                               const char *message,
                                               const ProtobufCMessage *const *details, size_t count,
                                               const vitro_md *trailers, vitro_error *err);

/**
 * The status that grpc-status-details-bin repeats. A peer may send others than those of the call,
 * which are the ones that count.
 *
 * @param trailers  lent until return: of the closed event, or of vitro_reply.
 * @param code      set; may be NULL. Untouched when there is none.
 * @param message   lent until trailers change; may be NULL.
 * @return false when there is none, or it cannot be read.
 * Thread: any.
 */
VITRO_API bool vitro_details_status(const vitro_md *trailers, int32_t *code, vitro_str *message);

/**
 * Read the detail number `at`, whatever its type.
 *
 * @param trailers  lent until return; NULL has none.
 * @param at        from 0.
 * @param type      lent until trailers change: its full name, "google.rpc.ErrorInfo"; may be NULL.
 * @param bytes     lent until trailers change: the serialized message; may be NULL.
 * @return false when there are no more, or what follows cannot be read.
 * Thread: any.
 */
VITRO_API bool vitro_details_at(const vitro_md *trailers, size_t at, vitro_str *type,
                                vitro_bytes *bytes);

/**
 * The first detail of a type.
 *
 * @param out       gives: vitro_pb_free(), or its generated free_unpacked(). NULL on failure.
 * @param trailers  lent until return; NULL has none.
 * @param type      keeps: generated descriptors live forever.
 * @param err       filled on failure; may be NULL.
 * @return VITRO_OK; VITRO_NOT_FOUND when there is none; else as vitro_pb_unpack().
 * Thread: any.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_details_get(ProtobufCMessage **out,
                                                     const vitro_md *trailers,
                                                     const ProtobufCMessageDescriptor *type,
                                                     vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
