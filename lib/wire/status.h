/*
 * status - how a call's end is written (grpc-status, grpc-message) and what an end that is none
 * of gRPC's own means (an HTTP status, an RST_STREAM).
 */
#ifndef VITRO_WIRE_STATUS_H
#define VITRO_WIRE_STATUS_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Read grpc-status. False, and *code is UNKNOWN, for what is no code of gRPC (statuscodes.md). */
bool vitro_status_parse(vitro_str text, vitro_code *code);

/* The decimal of a code: lends a static text. */
vitro_str vitro_status_text(vitro_code code);

/* Length of a message once percent-encoded. */
size_t vitro_status_message_len(vitro_str message);

/*
 * Percent-encode: all but 0x20-0x24 and 0x26-0x7E, and a space at either end, which gRPC allows
 * and HTTP/2 does not (RFC 9113, 8.2.1). Writes vitro_status_message_len(message) characters.
 */
size_t vitro_status_message_encode(vitro_str message, char *out);

/*
 * Undo it; never fails, a broken % stays as it is. Writes at most text.len bytes at out, which may
 * be where text is. Returns how many.
 */
size_t vitro_status_message_decode(vitro_str text, char *out);

/* What an HTTP status means when there is no grpc-status (http-grpc-status-mapping.md). */
vitro_code vitro_status_of_http(unsigned http_status);

/*
 * A status that this side's own machinery (names, balancers, credentials) ends a call with:
 * INTERNAL in the place of those that only a server's application may give (gRFC A54).
 */
vitro_code vitro_status_of_control(vitro_code code);

/* What an RST_STREAM's error code means to the call (gRPC PROTOCOL-HTTP2, Errors). */
vitro_code vitro_status_of_rst(uint32_t h2_error);

#ifdef __cplusplus
}
#endif
#endif
