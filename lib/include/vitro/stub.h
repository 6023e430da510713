/*
 * stub - what generated stubs stand on: calls whose messages are structs, not bytes.
 *
 * Programs use what protoc-gen-vitro writes (FILE.vitro.h), which gives each of these functions
 * its types. A stub adds nothing to a call: the vitro_call of a stub is that of vitro/call.h, and
 * every function there works on it.
 *
 *      request struct -> pack -> vitro_call_send ... on_message -> unpack -> response struct
 *
 * Where a generated function takes no flags (VITRO_SEND_...), to write or to respond, the one here
 * does: vitro_stub_write(chat.call, &message.base, flags, err), vitro_stub_send() on a server.
 */
#ifndef VITRO_STUB_H
#define VITRO_STUB_H

#include "vitro/channel.h"
#include "vitro/pb.h"
#include "vitro/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One request, one response, waiting for it.
 *
 * @param request   lent until return.
 * @param type      of the response; static.
 * @param response  gives: vitro_pb_free(), or its generated free_unpacked(). NULL on failure.
 * @param options   lent until return; NULL: all defaults.
 * @param err       filled on failure; may be NULL.
 * @return the call's status; VITRO_INTERNAL when the response is no such message.
 * Thread: as vitro_unary().  Wire: a whole unary call.
 */
VITRO_API VITRO_CHECKED vitro_code
vitro_stub_unary(vitro_channel *channel, const vitro_method *method,
                 const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type,
                 ProtobufCMessage **response, const vitro_call_options *options, vitro_error *err);

/**
 * Start a call for the blocking functions, with its only request when there is one.
 *
 * @param call     gives one reference: vitro_call_close(). NULL on failure.
 * @param method   copied, but for its path, which is static.
 * @param request  lent until return; NULL when requests follow with vitro_stub_write().
 * @param options  as vitro_call_open(): copied.
 * @return as vitro_call_open() and vitro_call_write().
 * Thread: as vitro_unary().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_open(vitro_call **call, vitro_channel *channel,
                                                   const vitro_method *method,
                                                   const ProtobufCMessage *request,
                                                   const vitro_call_options *options,
                                                   vitro_error *err);

/**
 * Send one message of a call of vitro_stub_open(), waiting while the peer is behind.
 *
 * @param message  lent until return.
 * @param flags    0 or VITRO_SEND_...
 * @return as vitro_call_write().
 * Thread: as vitro_unary().  Wire: as vitro_call_send().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_write(vitro_call *call,
                                                    const ProtobufCMessage *message, uint32_t flags,
                                                    vitro_error *err);

/**
 * Wait for the next message of a call of vitro_stub_open().
 *
 * @param type  of the message; static.
 * @param out   gives: vitro_pb_free(); NULL at the end of the stream and on failure.
 * @return VITRO_OK, at the end of the stream too; VITRO_INTERNAL when it is no such message, and
 *         the call is given up; else as vitro_call_read().
 * Thread: as vitro_unary().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_read(vitro_call *call,
                                                   const ProtobufCMessageDescriptor *type,
                                                   ProtobufCMessage **out, vitro_error *err);

/**
 * End the requests of a call of vitro_stub_open(), wait for its only response and close it.
 *
 * @param call  takes.
 * @param type  of the response; static.
 * @param out   gives: vitro_pb_free(); NULL on failure.
 * @return the call's status; VITRO_INTERNAL when the response is no such message.
 * Thread: as vitro_unary().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_finish(vitro_call *call,
                                                     const ProtobufCMessageDescriptor *type,
                                                     ProtobufCMessage **out, vitro_error *err);

/**
 * Start a call with events, and send its only request when there is one.
 *
 * @param call     gives one reference: vitro_call_unref(). NULL on failure.
 * @param method   copied, but for its path, which is static.
 * @param request  copied; NULL when requests follow with vitro_stub_send().
 * @param options  copied; NULL: all defaults.
 * @param events   keeps: must outlive the call. NULL, which stands for events that were not
 *                 begun with their _INIT, is refused.
 * @param user     kept; handed to every event.
 * @return as vitro_call_start(); VITRO_INVALID_ARGUMENT without events.
 * Thread: loop.  Wire: HEADERS, then the request.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_start(vitro_call **call, vitro_channel *channel,
                                                    const vitro_method *method,
                                                    const ProtobufCMessage *request,
                                                    const vitro_call_options *options,
                                                    const vitro_call_events *events, void *user,
                                                    vitro_error *err);

/**
 * Queue one message: packed straight into the call's send queue.
 *
 * @param message  lent until return.
 * @param flags    0 or VITRO_SEND_...
 * @param more     set to false when the peer is behind; may be NULL.
 * @return as vitro_call_send().
 * Thread: loop.  Wire: as vitro_call_send().
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_send(vitro_call *call,
                                                   const ProtobufCMessage *message, uint32_t flags,
                                                   bool *more, vitro_error *err);

/**
 * Server: send the only response and end the call with OK.
 *
 * @param message  lent until return.
 * @return as vitro_call_send() and vitro_call_finish().
 * Thread: loop.  Wire: headers, the message, trailers with grpc-status 0.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_reply(vitro_call *call,
                                                    const ProtobufCMessage *message,
                                                    vitro_error *err);

/**
 * Make a message of what an event brought. Bytes that are no such message end the call: a
 * server's by a status on the wire, a client's by one of its own.
 *
 * @param type  of the message; static.
 * @param m     lent until return.
 * @return gives: vitro_pb_free(); NULL when the call was ended.
 * Thread: loop.  Source: grpc/doc/statuscodes.md, "error parsing request proto".
 */
VITRO_API ProtobufCMessage *vitro_stub_receive(vitro_call *call,
                                               const ProtobufCMessageDescriptor *type,
                                               const vitro_message *m);

/** The events of a call, as it was started or served with. Lends. Thread: loop. */
VITRO_API const vitro_call_events *vitro_stub_events(const vitro_call *call);

/**
 * Server: let other events, with a `user` of this call alone, take over from here.
 *
 * @param events  keeps: must outlive the call. NULL ends the call with INTERNAL.
 * @param state   kept; handed to every event.
 * Thread: loop, in a handler or later.
 */
VITRO_API void vitro_stub_serve(vitro_call *call, const vitro_call_events *events, void *state);

/** What the events of a registered service find as their `user`. */
typedef struct vitro_stub_service {
    const void *handlers; /* the generated table */
    void *user;           /* of its registration */
} vitro_stub_service;

/** One method of a generated service. */
typedef struct vitro_stub_route {
    const vitro_method *method;
    const vitro_call_events *events;
    size_t handler; /* offset in the table of handlers */
} vitro_stub_route;

/**
 * Serve the methods of a service that have a handler; the others are UNIMPLEMENTED.
 *
 * @param routes    lent; what they point to is static.
 * @param n         how many.
 * @param handlers  keeps: must outlive the server. Begins with its size (size_t).
 * @param user      kept; handed to every handler.
 * @return as vitro_server_add(); VITRO_INVALID_ARGUMENT when the table's size is 0, or there is
 *         none; VITRO_RESOURCE_EXHAUSTED out of memory.
 * Thread: the first loop's.
 */
VITRO_API VITRO_CHECKED vitro_code vitro_stub_register(vitro_server *server,
                                                       const vitro_stub_route *routes, size_t n,
                                                       const void *handlers, void *user,
                                                       vitro_error *err);

#ifdef __cplusplus
}
#endif
#endif
